//! Differential pressure behind a pitot tube.

use super::Grade;
use crate::randomness::{Purpose, Randomness};
use crate::world::Air;

/// A differential pressure sensor; it sees the speed of the air from ahead.
#[derive(Debug, Clone)]
pub struct AirspeedSensor {
    pressure_scale: f64,
    offset_pa: f64,
    noise_pa: f64,
    randomness: Randomness,
}

impl AirspeedSensor {
    /// The sensor of the flight of `seed`.
    #[must_use]
    pub fn new(seed: u64, grade: Grade) -> Self {
        let times = grade.error_factor();
        let mut randomness = Randomness::new(seed, Purpose::Airspeed);
        Self {
            pressure_scale: 1.0 + randomness.normal(0.05 * times),
            offset_pa: randomness.normal(times),
            noise_pa: 5.0 * times,
            randomness,
        }
    }

    /// Measured differential pressure, pascal, at `alt_msl_m` with the air coming from ahead at
    /// `forward_mps` (true, body axis).
    pub fn read(&mut self, alt_msl_m: f64, forward_mps: f64) -> f64 {
        let density = Air::at(alt_msl_m).density_kgpm3;
        let pressure = 0.5 * density * forward_mps * forward_mps.abs();
        self.pressure_scale * pressure + self.offset_pa + self.randomness.normal(self.noise_pa)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinner_air_reads_slower() {
        let mean = |alt: f64| {
            let mut sensor = AirspeedSensor::new(4, Grade::Standard);
            (0..1000).map(|_| sensor.read(alt, 17.0)).sum::<f64>() / 1000.0
        };
        let ratio = mean(1_500.0) / mean(0.0);
        assert!((ratio - 1.058 / 1.225).abs() < 0.01, "{ratio}");
    }
}
