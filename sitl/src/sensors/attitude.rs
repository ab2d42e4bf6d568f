//! The autopilot's own attitude estimate: right to a degree or two in tilt and a few in heading, and
//! wrong in the same way for a minute or more.

use nalgebra::{UnitQuaternion, Vector3};

use super::Grade;
use crate::randomness::{GaussMarkov, Purpose, Randomness};

/// One attitude report: Euler angles, yaw-pitch-roll order, body FRD against NED.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttitudeReading {
    /// Right wing down positive.
    pub roll_rad: f64,
    /// Nose up positive.
    pub pitch_rad: f64,
    /// Clockwise from true north, (-pi, pi].
    pub yaw_rad: f64,
}

/// The estimate's slowly varying errors.
#[derive(Debug, Clone)]
pub struct AttitudeEstimate {
    tilt: [GaussMarkov; 2],
    yaw: GaussMarkov,
    randomness: Randomness,
}

impl AttitudeEstimate {
    /// The estimate of the flight of `seed`.
    #[must_use]
    pub fn new(seed: u64, grade: Grade) -> Self {
        let mut randomness = Randomness::new(seed, Purpose::Attitude);
        let tilt_rad = 1.2_f64.to_radians() * grade.error_factor();
        let yaw_rad = 3.0_f64.to_radians() * grade.error_factor();
        Self {
            tilt: core::array::from_fn(|_| GaussMarkov::new(tilt_rad, 60.0, &mut randomness)),
            yaw: GaussMarkov::new(yaw_rad, 120.0, &mut randomness),
            randomness,
        }
    }

    /// The report `dt_s` after the last one.
    pub fn read(&mut self, attitude: &UnitQuaternion<f64>, dt_s: f64) -> AttitudeReading {
        let noise_rad = 0.1_f64.to_radians();
        let mut error = Vector3::new(
            self.tilt[0].advance(dt_s, &mut self.randomness),
            self.tilt[1].advance(dt_s, &mut self.randomness),
            self.yaw.advance(dt_s, &mut self.randomness),
        );
        error += Vector3::from_fn(|_, _| self.randomness.normal(noise_rad));
        // Tilt errors stay where they are in the world while the aircraft turns: a navigation-frame
        // rotation, as left by a wrong gravity direction.
        let (roll_rad, pitch_rad, yaw_rad) =
            (UnitQuaternion::from_scaled_axis(error) * attitude).euler_angles();
        AttitudeReading {
            roll_rad,
            pitch_rad,
            yaw_rad,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_stated_size_and_last() {
        let truth = UnitQuaternion::from_euler_angles(0.3, 0.1, 2.0);
        let (mut yaw_square, mut change_square) = (0.0, 0.0);
        let seeds = 400;
        for seed in 0..seeds {
            let mut estimate = AttitudeEstimate::new(seed, Grade::Standard);
            let first = estimate.read(&truth, 0.02).yaw_rad - 2.0;
            let soon = estimate.read(&truth, 0.02).yaw_rad - 2.0;
            yaw_square += first * first / seeds as f64;
            change_square += (soon - first) * (soon - first) / seeds as f64;
        }
        assert!((yaw_square.sqrt().to_degrees() - 3.0).abs() < 0.4);
        assert!(change_square.sqrt().to_degrees() < 0.5);
    }
}
