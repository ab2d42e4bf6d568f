//! Static pressure.

use super::Grade;
use crate::randomness::{GaussMarkov, Purpose, Randomness};
use crate::world::Air;

/// One pressure sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PressureReading {
    /// Static pressure.
    pub static_pressure_pa: f64,
    /// Temperature inside the autopilot's case, warmer than the air.
    pub temperature_k: f64,
}

/// A barometer: the day's pressure differs from the standard, drifts, and the static port feels part
/// of the dynamic pressure.
#[derive(Debug, Clone)]
pub struct Barometer {
    day_offset_pa: f64,
    drift_pa: GaussMarkov,
    dynamic_share: f64,
    noise_pa: f64,
    randomness: Randomness,
}

impl Barometer {
    /// The barometer of the flight of `seed`.
    #[must_use]
    pub fn new(seed: u64, grade: Grade) -> Self {
        let times = grade.error_factor();
        let mut randomness = Randomness::new(seed, Purpose::Barometer);
        Self {
            day_offset_pa: randomness.normal(500.0),
            drift_pa: GaussMarkov::new(30.0 * times, 900.0, &mut randomness),
            dynamic_share: randomness.normal(0.03 * times),
            noise_pa: 4.0 * times,
            randomness,
        }
    }

    /// The sample `dt_s` after the last one, flying at `airspeed_mps`.
    pub fn read(&mut self, dt_s: f64, alt_msl_m: f64, airspeed_mps: f64) -> PressureReading {
        let air = Air::at(alt_msl_m);
        let dynamic_pa = 0.5 * air.density_kgpm3 * airspeed_mps * airspeed_mps;
        PressureReading {
            static_pressure_pa: air.pressure_pa
                + self.day_offset_pa
                + self.drift_pa.advance(dt_s, &mut self.randomness)
                + self.dynamic_share * dynamic_pa
                + self.randomness.normal(self.noise_pa),
            temperature_k: air.temperature_k + 12.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_climb_of_a_hundred_metres_takes_off_about_1170_pascal() {
        let mut barometer = Barometer::new(2, Grade::Standard);
        let mut mean = |alt: f64| {
            (0..500)
                .map(|_| barometer.read(1e-6, alt, 0.0).static_pressure_pa)
                .sum::<f64>()
                / 500.0
        };
        let fall = mean(200.0) - mean(300.0);
        assert!((fall - 1_170.0).abs() < 10.0, "{fall}");
    }
}
