//! Displacement between two exposures, as a measurement on their two clones.
//!
//! A displacement is neither a velocity nor a position: fused as either it would make the filter more
//! certain with every frame. Its length carries the error of the height above ground
//! (`VISUAL_SCALE`). Both images were turned north up and levelled with the autopilot's attitude, so its
//! errors at the two exposures are in it: the mean of the headings turns it, and the middle of a levelled image
//! lies `h theta` aside. Between frames that follow each other most of the tilt cancels; along a chain of them
//! it telescopes, as the error of every keyframe is the same in the displacement to it and in that from it.

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
        let [north, east] = from.displacement_to(to.place);
        let (h, tilt) = (moved.agl_m, to.fc_attitude - from.fc_attitude);
        let seen = [north - h * tilt.y, east + h * tilt.x];
        let scale = 1.0 + self.nominal.visual_scale;
        let (sine, cosine) = libm::sincos(0.5 * (to.fc_attitude.z + from.fc_attitude.z));
        let turn = [[cosine, -sine], [sine, cosine]];
        let shown = turn.map(|[by_north, by_east]| by_north * seen[0] + by_east * seen[1]);
        let aside = [-shown[1], shown[0]];
        let [nn, ne, ee] = moved.covariance_ne_m2;
        let extra = self.displacement_variance(moved, to.yaw_rad - from.yaw_rad)
            + self.heading_variance(north, east);
        let scalars = core::array::from_fn(|axis| {
            let [by_north, by_east] = turn[axis].map(|factor| scale * factor);
            let half_turned = 0.5 * scale * aside[axis];
            let row = |sign: f64| {
                let (n, e) = (sign * by_north, sign * by_east);
                [n, e, h * e, -h * n, half_turned]
            };
            Scalar::new(moved.displacement_ne_m[axis] - scale * shown[axis], 0.0)
                .by_each(index_of(to_slot), row(1.0))
                .by_each(index_of(from_slot), row(-1.0))
                .by(at::VISUAL_SCALE, shown[axis])
        });
        decorrelated(scalars, [nn + extra, ne, ee + extra])
    }

    /// What the camera's own heading against the autopilot adds to a displacement.
    fn heading_variance(&self, north: f64, east: f64) -> f64 {
        let sigma = 0.5 * self.config.vision.camera_tilt_rad;
        sigma * sigma * (north * north + east * east)
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
