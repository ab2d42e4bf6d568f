//! Displacement between two exposures, as a measurement on their two clones.
//!
//! A displacement is neither a velocity nor a position: fused as either it would make the filter more
//! certain with every frame. Its length carries the error of the height above ground
//! (`VISUAL_SCALE`); a camera tilt that lasts cancels between the two frames, and only its changes count.

use super::{
    Estimator,
    clones::{PoseClone, index_of},
    state::at,
    update::{Scalar, Update, decorrelated, pair_nis},
};
use crate::navigator::input::{Displacement, FrameOutcome, VisualOdometry};

/// What became of a result of the odometry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OdometryOutcome {
    /// It moved the estimate.
    Fused {
        /// Normalised innovation squared, two degrees of freedom.
        nis: f64,
    },
    /// It lies outside the gate.
    OutsideGate {
        /// Normalised innovation squared, two degrees of freedom.
        nis: f64,
    },
    /// One of its exposures is not remembered any more.
    Forgotten,
    /// The frame showed no displacement.
    NoDisplacement,
}

impl Estimator {
    /// Fuses what the odometry made of a frame.
    pub fn odometry(&mut self, result: &VisualOdometry) -> OdometryOutcome {
        let moved = match &result.outcome {
            FrameOutcome::Registered(moved) => moved,
            FrameOutcome::Refused(_) => {
                self.remember(result.frame, result.exposure, result.time);
                return OdometryOutcome::NoDisplacement;
            }
        };
        let current = self.remember(result.frame, result.exposure, result.time);
        let keyframe = self.clones.find(moved.keyframe, moved.keyframe_exposure);
        let (Some(from), Some(to)) = (keyframe, current) else {
            return OdometryOutcome::Forgotten;
        };
        self.hold_keyframe(moved.keyframe);
        let scalars = self.displacement_scalars(moved, from, to);
        let nis = pair_nis(&self.covariance, &scalars[0], &scalars[1]);
        if nis.is_nan() || nis > self.config.gates.odometry_nis {
            return OdometryOutcome::OutsideGate { nis };
        }
        let mut update = Update::new(&mut self.covariance);
        scalars.iter().for_each(|scalar| update.fuse(scalar));
        let error = update.finish();
        self.correct(&error);
        OdometryOutcome::Fused { nis }
    }

    pub(super) fn displacement_scalars(
        &self,
        moved: &Displacement,
        (from_slot, from): (usize, PoseClone),
        (to_slot, to): (usize, PoseClone),
    ) -> [Scalar; 2] {
        let way = from.displacement_to(to.place);
        let scale = 1.0 + self.nominal.visual_scale;
        let [nn, ne, ee] = moved.covariance_ne_m2;
        let extra = self.displacement_variance(moved, to.yaw_rad - from.yaw_rad);
        let scalars = core::array::from_fn(|axis| {
            Scalar::new(moved.displacement_ne_m[axis] - scale * way[axis], 0.0)
                .by(index_of(to_slot) + axis, scale)
                .by(index_of(from_slot) + axis, -scale)
                .by(at::VISUAL_SCALE, way[axis])
        });
        decorrelated(scalars, [nn + extra, ne, ee + extra])
    }

    /// What tilt adds to a displacement: its changes from frame to frame, and a camera that sits askew in
    /// an aircraft that turns.
    fn displacement_variance(&self, moved: &Displacement, turn_rad: f64) -> f64 {
        let vision = &self.config.vision;
        let changing = moved.agl_m * vision.camera_tilt_change_rad;
        let askew = moved.agl_m * vision.camera_tilt_rad;
        let floor = vision.displacement_floor_m;
        2.0 * changing * changing
            + 2.0 * (1.0 - libm::cos(turn_rad)) * askew * askew
            + floor * floor
    }
}
