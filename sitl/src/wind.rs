//! The wind an aircraft meets: a mean that grows with height and drifts slowly, and gusts.
//!
//! Mean: power law of neutral air over open country, with a slow Gauss-Markov drift. Gusts: Dryden
//! spectra with the low-altitude scales of MIL-F-8785C, longitudinal axis along the mean wind.

use nalgebra::Vector3;

use crate::randomness::{GaussMarkov, Randomness};

const METRES_PER_FOOT: f64 = 0.3048;
const REFERENCE_HEIGHT_M: f64 = 10.0;
const POWER_LAW_EXPONENT: f64 = 0.143;
/// Below this height the profile and the gust scales are taken as those at this height.
const LOWEST_HEIGHT_M: f64 = 3.0;
/// The low-altitude scales hold up to 1,000 feet.
const HIGHEST_GUST_HEIGHT_M: f64 = 1_000.0 * METRES_PER_FOOT;
/// Gusts pass a standing aircraft with the wind; this bounds their rate in a calm.
const SLOWEST_PASSAGE_MPS: f64 = 3.0;

/// Mean wind of one flight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanWind {
    /// Speed at 10 m above ground.
    pub speed_at_10_m_mps: f64,
    /// Where it blows to, radians clockwise from north.
    pub blows_to_rad: f64,
}

impl MeanWind {
    /// Speed `height_m` above ground.
    #[must_use]
    pub fn speed_mps(&self, height_m: f64) -> f64 {
        let height = height_m.max(LOWEST_HEIGHT_M);
        self.speed_at_10_m_mps * libm::pow(height / REFERENCE_HEIGHT_M, POWER_LAW_EXPONENT)
    }

    /// Unit vector north, east, down of the direction it blows to.
    #[must_use]
    pub fn direction_ned(&self) -> Vector3<f64> {
        Vector3::new(
            libm::cos(self.blows_to_rad),
            libm::sin(self.blows_to_rad),
            0.0,
        )
    }
}

/// How the mean wind wanders in time and along the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindDrift {
    /// Standard deviation per axis as a share of the speed at 10 m.
    pub share: f64,
    /// Correlation time.
    pub time_s: f64,
}

impl Default for WindDrift {
    fn default() -> Self {
        Self {
            share: 0.1,
            time_s: 400.0,
        }
    }
}

/// Standard deviations and length scales of gusts at one height.
#[derive(Debug, Clone, Copy)]
struct GustScales {
    horizontal_sigma_mps: f64,
    vertical_sigma_mps: f64,
    horizontal_length_m: f64,
    vertical_length_m: f64,
}

impl GustScales {
    /// MIL-F-8785C, 3.7.2.1 (low altitude): `mean` is the wind at 20 feet times 0.1 for the vertical
    /// standard deviation, the rest follows from the height.
    fn at(height_m: f64, mean: &MeanWind) -> Self {
        let height = height_m.clamp(LOWEST_HEIGHT_M, HIGHEST_GUST_HEIGHT_M);
        let stretch = 0.177 + 0.000_823 * height / METRES_PER_FOOT;
        let vertical_sigma_mps = 0.1 * mean.speed_mps(20.0 * METRES_PER_FOOT);
        Self {
            horizontal_sigma_mps: vertical_sigma_mps / libm::pow(stretch, 0.4),
            vertical_sigma_mps,
            horizontal_length_m: height / libm::pow(stretch, 1.2),
            vertical_length_m: height,
        }
    }
}

/// The wind of one flight as its aircraft meets it.
#[derive(Debug, Clone)]
pub struct Wind {
    mean: MeanWind,
    drift_north: GaussMarkov,
    drift_east: GaussMarkov,
    /// Unit-variance gusts: along the mean wind, across it, vertical.
    along: f64,
    across: SecondOrderGust,
    vertical: SecondOrderGust,
    randomness: Randomness,
}

impl Wind {
    /// The wind of a flight with this mean.
    #[must_use]
    pub fn new(mean: MeanWind, drift: WindDrift, mut randomness: Randomness) -> Self {
        let drift_sigma_mps = drift.share * mean.speed_at_10_m_mps;
        Self {
            mean,
            drift_north: GaussMarkov::new(drift_sigma_mps, drift.time_s, &mut randomness),
            drift_east: GaussMarkov::new(drift_sigma_mps, drift.time_s, &mut randomness),
            along: randomness.normal(1.0),
            across: SecondOrderGust::default(),
            vertical: SecondOrderGust::default(),
            randomness,
        }
    }

    /// The velocity of the air (north, east, down, m/s) that an aircraft `height_m` above ground
    /// moving through it at `airspeed_mps` meets `dt_s` after the last call.
    pub fn advance(&mut self, dt_s: f64, height_m: f64, airspeed_mps: f64) -> Vector3<f64> {
        let scales = GustScales::at(height_m, &self.mean);
        let passage_mps = airspeed_mps.max(SLOWEST_PASSAGE_MPS);
        let horizontal_time_s = scales.horizontal_length_m / passage_mps;
        let vertical_time_s = scales.vertical_length_m / passage_mps;

        let kept = libm::exp(-dt_s / horizontal_time_s);
        self.along = kept * self.along + self.randomness.normal(libm::sqrt(1.0 - kept * kept));
        let across = self
            .across
            .advance(dt_s, horizontal_time_s, &mut self.randomness);
        let vertical = self
            .vertical
            .advance(dt_s, vertical_time_s, &mut self.randomness);

        // Gusts die out towards the ground, where the aircraft stands or rolls.
        let near_ground = (height_m / REFERENCE_HEIGHT_M).clamp(0.0, 1.0);
        let direction = self.mean.direction_ned();
        let right = Vector3::new(-direction.y, direction.x, 0.0);
        let drift = Vector3::new(
            self.drift_north.advance(dt_s, &mut self.randomness),
            self.drift_east.advance(dt_s, &mut self.randomness),
            0.0,
        );
        direction * (self.mean.speed_mps(height_m) + scales.horizontal_sigma_mps * self.along)
            + right * (scales.horizontal_sigma_mps * across)
            + Vector3::z() * (scales.vertical_sigma_mps * vertical * near_ground)
            + drift
    }
}

/// Unit-variance Dryden gust of the second order, `sqrt(T) (1 + sqrt(3) T s) / (1 + T s)^2` driven
/// by white noise.
#[derive(Debug, Clone, Copy, Default)]
struct SecondOrderGust {
    first: f64,
    second: f64,
}

impl SecondOrderGust {
    fn advance(&mut self, dt_s: f64, time_s: f64, randomness: &mut Randomness) -> f64 {
        // White noise of unit spectral density (two-sided) has variance 1/dt in a step of dt.
        let noise = randomness.normal(1.0 / libm::sqrt(dt_s)) * libm::sqrt(time_s);
        let share = dt_s / time_s;
        let first_rate = noise - self.first;
        let second_rate = self.first - self.second;
        self.first += share * first_rate;
        self.second += share * second_rate;
        // (1 + sqrt(3) T s) / (1 + T s)^2 = sqrt(3) / (1 + T s) + (1 - sqrt(3)) / (1 + T s)^2
        let root = libm::sqrt(3.0);
        root * self.first + (1.0 - root) * self.second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::Purpose;

    const BREEZE: MeanWind = MeanWind {
        speed_at_10_m_mps: 5.0,
        blows_to_rad: 0.7,
    };

    #[test]
    fn the_wind_grows_with_height() {
        let at = |height| BREEZE.speed_mps(height);
        assert!((at(10.0) - 5.0).abs() < 1e-12);
        assert!(at(2.0) < at(10.0) && at(10.0) < at(100.0));
        assert!((at(100.0) / at(10.0) - 10.0_f64.powf(0.143)).abs() < 1e-12);
    }

    #[test]
    fn gusts_have_the_standard_deviation_of_the_specification_and_no_mean() {
        let mut wind = Wind::new(
            BREEZE,
            WindDrift::default(),
            Randomness::new(5, Purpose::Wind),
        );
        let direction = BREEZE.direction_ned();
        let right = Vector3::new(-direction.y, direction.x, 0.0);
        let height_m = 50.0;
        let scales = GustScales::at(height_m, &BREEZE);
        let samples: Vec<[f64; 2]> = (0..2_000_000)
            .map(|_| wind.advance(0.02, height_m, 17.0))
            .map(|air| [air.dot(&right), air.z])
            .collect();
        let spread = |axis: usize| {
            let mean = samples.iter().map(|s| s[axis]).sum::<f64>() / samples.len() as f64;
            let square = samples
                .iter()
                .map(|s| (s[axis] - mean).powi(2))
                .sum::<f64>()
                / samples.len() as f64;
            (mean, square.sqrt())
        };
        let drift_sigma = 0.1 * BREEZE.speed_at_10_m_mps;
        let (vertical_mean, vertical_sigma) = spread(1);
        assert!(
            vertical_mean.abs() < 0.02,
            "mean vertical gust {vertical_mean}"
        );
        assert!((vertical_sigma / scales.vertical_sigma_mps - 1.0).abs() < 0.05);
        let expected = libm::hypot(scales.horizontal_sigma_mps, drift_sigma);
        assert!((spread(0).1 / expected - 1.0).abs() < 0.05);
    }
}
