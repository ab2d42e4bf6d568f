//! Seeded randomness: one independent stream per purpose, so that a change in one sensor leaves every
//! other number of the flight as it was.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

/// What a stream of random numbers is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Place, runway and route.
    Scenario = 1,
    /// Mean wind and gusts.
    Wind = 2,
    /// Accelerometer and gyroscope.
    Imu = 3,
    /// The autopilot's attitude estimate.
    Attitude = 4,
    /// Differential pressure.
    Airspeed = 5,
    /// Static pressure.
    Barometer = 6,
    /// Satellite receiver.
    Gps = 7,
    /// Transmission delays.
    Link = 8,
    /// Camera and map.
    Camera = 9,
    /// What a flight of a Monte Carlo run is.
    Plan = 10,
    /// Resampling of flights for confidence intervals.
    Bootstrap = 11,
    /// What the autopilot's own filter does without a receiver.
    Pilot = 12,
}

/// A stream of random numbers, the same for the same seed and purpose on every machine.
#[derive(Debug, Clone)]
pub struct Randomness {
    generator: Pcg64,
}

impl Randomness {
    /// The stream of `purpose` in the flight of `seed`.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let mut generator = Pcg64::new(u128::from(seed), purpose as u128);
        // Neighbouring seeds start from neighbouring states; the first outputs still show it.
        for _ in 0..16 {
            generator.next_u64();
        }
        Self { generator }
    }

    /// Uniform in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Normal with mean 0 and standard deviation `sigma` (Marsaglia's polar method).
    pub fn normal(&mut self, sigma: f64) -> f64 {
        loop {
            let x = self.between(-1.0, 1.0);
            let y = self.between(-1.0, 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return sigma * x * libm::sqrt(-2.0 * libm::log(square) / square);
            }
        }
    }
}

/// A value that wanders around zero: normal, exponentially correlated in time (first-order
/// Gauss-Markov process).
#[derive(Debug, Clone)]
pub struct GaussMarkov {
    value: f64,
    sigma: f64,
    time_s: f64,
}

impl GaussMarkov {
    /// Stationary from the first value on: standard deviation `sigma`, correlation time `time_s` > 0.
    #[must_use]
    pub fn new(sigma: f64, time_s: f64, randomness: &mut Randomness) -> Self {
        Self {
            value: randomness.normal(sigma),
            sigma,
            time_s,
        }
    }

    /// The value `dt_s` seconds later.
    pub fn advance(&mut self, dt_s: f64, randomness: &mut Randomness) -> f64 {
        let kept = libm::exp(-dt_s / self.time_s);
        self.value =
            kept * self.value + randomness.normal(self.sigma * libm::sqrt(1.0 - kept * kept));
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_seed_or_purpose_gives_others() {
        let first = |seed, purpose| Randomness::new(seed, purpose).generator.next_u64();
        assert_eq!(first(7, Purpose::Imu), first(7, Purpose::Imu));
        assert_ne!(first(7, Purpose::Imu), first(8, Purpose::Imu));
        assert_ne!(first(7, Purpose::Imu), first(7, Purpose::Gps));
    }

    #[test]
    fn normal_numbers_have_the_moments_of_a_normal_distribution() {
        let mut randomness = Randomness::new(1, Purpose::Scenario);
        let numbers: Vec<f64> = (0..100_000).map(|_| randomness.normal(2.0)).collect();
        let moment = |power: i32| {
            numbers.iter().map(|x| (x / 2.0).powi(power)).sum::<f64>() / numbers.len() as f64
        };
        assert!(moment(1).abs() < 0.02, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.03, "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.2, "kurtosis {}", moment(4));
    }

    #[test]
    fn a_gauss_markov_value_keeps_its_spread_and_forgets_at_its_correlation_time() {
        let mut randomness = Randomness::new(3, Purpose::Wind);
        let mut process = GaussMarkov::new(1.5, 2.0, &mut randomness);
        let values: Vec<f64> = (0..400_000)
            .map(|_| process.advance(0.1, &mut randomness))
            .collect();
        let product = |lag: usize| {
            values
                .iter()
                .zip(&values[lag..])
                .map(|(a, b)| a * b)
                .sum::<f64>()
                / values.len() as f64
        };
        assert!((product(0).sqrt() - 1.5).abs() < 0.1);
        let after_one_correlation_time = product(20) / product(0);
        assert!((after_one_correlation_time - (-1.0_f64).exp()).abs() < 0.05);
    }
}
