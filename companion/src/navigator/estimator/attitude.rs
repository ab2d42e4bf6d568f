//! The autopilot's attitude as a measurement with a slowly varying error of its own.
//!
//! | disagreement | lasts | effect |
//! |---|---|---|
//! | any, our heading is a mere guess | - | the autopilot's attitude replaces ours |
//! | within the reset limit | - | fused |
//! | beyond it | shorter than the reset time | ignored |
//! | beyond it | longer | the autopilot has re-aligned: its attitude replaces ours |

use nalgebra::UnitQuaternion;

use super::{
    Estimator,
    state::at,
    update::{Scalar, Update},
};
use crate::navigator::input::Attitude;

/// The rotation an autopilot reports.
pub fn quaternion(sample: &Attitude) -> UnitQuaternion<f64> {
    UnitQuaternion::from_euler_angles(sample.roll_rad, sample.pitch_rad, sample.yaw_rad)
}

impl Estimator {
    pub(super) fn fuse_attitude(&mut self, sample: &Attitude) {
        let reported = quaternion(sample);
        let difference = (reported * self.nominal.attitude.inverse()).scaled_axis();
        if !self.heading_known {
            self.take_attitude(reported);
            return;
        }
        if difference.norm() > self.config.gates.attitude_reset_rad {
            let since = *self.attitude_disagrees_since.get_or_insert(sample.time);
            if sample.time.seconds_since(since) >= self.config.gates.attitude_reset_s {
                self.take_attitude(reported);
            }
            return;
        }
        self.attitude_disagrees_since = None;
        let expected = difference - self.nominal.fc_attitude;
        let sigma = self.config.sensors.fc_attitude_rad;
        let mut update = Update::new(&mut self.covariance);
        for axis in 0..3 {
            let scalar = Scalar::new(expected[axis], sigma)
                .by(at::ATTITUDE + axis, 1.0)
                .by(at::FC_ATTITUDE + axis, 1.0);
            update.fuse_widened(&scalar, self.config.gates.scalar_nis);
        }
        let error = update.finish();
        self.correct(&error);
    }

    fn take_attitude(&mut self, reported: UnitQuaternion<f64>) {
        let (initial, process) = (&self.config.initial, &self.config.process);
        let attitude = initial.attitude_rad * initial.attitude_rad;
        let tilt = process.fc_tilt_sigma_rad * process.fc_tilt_sigma_rad;
        let yaw = process.fc_yaw_sigma_rad * process.fc_yaw_sigma_rad;
        self.nominal.attitude = reported;
        self.nominal.fc_attitude.fill(0.0);
        self.covariance.forget(at::ATTITUDE, [attitude; 3]);
        self.covariance.forget(at::FC_ATTITUDE, [tilt, tilt, yaw]);
        self.attitude_disagrees_since = None;
        self.heading_known = true;
    }
}
