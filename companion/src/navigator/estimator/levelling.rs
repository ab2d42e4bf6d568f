//! Roll and pitch from the accelerometer alone, for a start without the autopilot's attitude.
//!
//! Over a few seconds of steady flight or of rest the specific force points up on average. Heading
//! cannot be had this way; it comes from the direction of travel once there is one (`alignment.rs`).

use nalgebra::{UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};

use crate::navigator::{input::ImuSample, units::MonotonicNs};

/// Time constant of the mean, s.
const MEAN_S: f64 = 1.0;
/// The mean must have gathered this much time, s.
const GATHER_S: f64 = 2.0;
/// A hole longer than this starts the mean again, s.
const GAP_MAX_S: f64 = 0.5;
/// The mean force of steady motion differs from one g by at most this share.
const STEADY_SHARE: f64 = 0.1;
/// Steady motion turns slower than this, rad/s.
const STEADY_RATE_RADPS: f64 = 0.15;
const GRAVITY_MPS2: f64 = 9.81;

/// 1 sigma of a roll or pitch found this way: an accelerometer bias of 0.4 m/s2 and a coordinated turn
/// too slow to be seen, rad.
pub const LEVEL_SIGMA_RAD: f64 = 0.15;

/// The running mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Leveller {
    force: Vector3<f64>,
    rate: Vector3<f64>,
    gathered_s: f64,
    last: Option<MonotonicNs>,
}

impl Leveller {
    /// Takes one inertial sample.
    pub fn hear(&mut self, sample: &ImuSample) {
        let force = Vector3::from(sample.specific_force_frd_mps2);
        let rate = Vector3::from(sample.angular_rate_frd_radps);
        let gap_s = self
            .last
            .map_or(f64::INFINITY, |last| sample.time.seconds_since(last));
        if gap_s <= 0.0 {
            return;
        }
        self.last = Some(sample.time);
        if gap_s > GAP_MAX_S {
            (self.force, self.rate, self.gathered_s) = (force, rate, 0.0);
            return;
        }
        let share = gap_s / (gap_s + MEAN_S);
        self.force += (force - self.force) * share;
        self.rate += (rate - self.rate) * share;
        self.gathered_s = (self.gathered_s + gap_s).min(GATHER_S);
    }

    /// Attitude with a heading of `yaw_rad`; `None` unless motion has been steady for long enough.
    #[must_use]
    pub fn level(&self, now: MonotonicNs, yaw_rad: f64) -> Option<UnitQuaternion<f64>> {
        let fresh = self
            .last
            .is_some_and(|last| now.seconds_since(last).abs() <= GAP_MAX_S);
        let steady = (self.force.norm() / GRAVITY_MPS2 - 1.0).abs() <= STEADY_SHARE
            && self.rate.norm() <= STEADY_RATE_RADPS;
        if !fresh || !steady || self.gathered_s < GATHER_S {
            return None;
        }
        let roll = libm::atan2(-self.force.y, -self.force.z);
        let across = libm::sqrt(self.force.y * self.force.y + self.force.z * self.force.z);
        let pitch = libm::atan2(self.force.x, across);
        Some(UnitQuaternion::from_euler_angles(roll, pitch, yaw_rad))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(leveller: &mut Leveller, seconds: f64, force: [f64; 3], rate: [f64; 3]) -> MonotonicNs {
        let start = leveller.last.map_or(0, |last| last.0);
        let steps = (seconds * 50.0) as u64;
        for step in 1..=steps {
            leveller.hear(&ImuSample {
                time: MonotonicNs(start + step * 20_000_000),
                specific_force_frd_mps2: force,
                angular_rate_frd_radps: rate,
            });
        }
        MonotonicNs(start + steps * 20_000_000)
    }

    #[test]
    fn gravity_at_rest_gives_roll_and_pitch_back() {
        let truth = UnitQuaternion::from_euler_angles(0.2, -0.1, 1.0);
        let force = truth.inverse() * Vector3::new(0.0, 0.0, -9.81);
        let mut leveller = Leveller::default();
        let now = hear(&mut leveller, 5.0, force.into(), [0.0; 3]);
        let found = leveller.level(now, 1.0).unwrap();
        assert!(found.angle_to(&truth) < 1e-9);
    }

    #[test]
    fn there_is_no_level_in_a_turn_in_a_pull_up_or_without_samples() {
        let mut leveller = Leveller::default();
        assert!(leveller.level(MonotonicNs(0), 0.0).is_none());
        let now = hear(&mut leveller, 5.0, [0.0, 0.0, -9.81], [0.0, 0.2, 0.3]);
        assert!(leveller.level(now, 0.0).is_none());
        let now = hear(&mut leveller, 10.0, [0.0, 0.0, -14.0], [0.0; 3]);
        assert!(leveller.level(now, 0.0).is_none());
    }
}
