//! The autopilot's own satellite receiver, while it is trusted: a late position and velocity.

use nalgebra::{Matrix2, Vector2, Vector3};

use super::{
    Estimator,
    state::at,
    update::{Scalar, Update},
};
use crate::navigator::{geodesy::Geodetic, input::FcGps};

/// What became of a fix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GpsOutcome {
    /// It moved the estimate.
    Fused,
    /// It lies outside the gate; normalised innovation squared of the horizontal position.
    Rejected {
        /// Two degrees of freedom.
        nis: f64,
    },
}

/// 1-sigma figures of one fix, floored and widened for errors that last from fix to fix.
struct Accuracy {
    horizontal: f64,
    vertical: f64,
    speed: f64,
}

impl Estimator {
    pub(super) fn fuse_gps(&mut self, sample: &FcGps, since_last_s: f64) -> GpsOutcome {
        let accuracy = self.accuracy(sample, since_last_s);
        let fix = Geodetic {
            lat_rad: sample.lat_rad,
            lon_rad: sample.lon_rad,
            alt_msl_m: sample.alt_msl_m,
        };
        let delay = self.nominal.gps_delay;
        let then = self.nominal.velocity - self.acceleration * (0.5 * delay);
        let innovation = self.nominal.position.displacement_to(fix) + then * delay;
        let nis = self.horizontal_nis(innovation.xy(), accuracy.horizontal);
        if nis > self.config.gates.gps_position_nis {
            return GpsOutcome::Rejected { nis };
        }
        let sigmas = [accuracy.horizontal, accuracy.horizontal, accuracy.vertical];
        let mut scalars = [const { None }; 5];
        for axis in 0..3 {
            scalars[axis] = Some(
                Scalar::new(innovation[axis], sigmas[axis])
                    .by(at::POSITION + axis, 1.0)
                    .by(at::VELOCITY + axis, -delay)
                    .by(at::GPS_DELAY, -then[axis]),
            );
        }
        if let Some(velocity) = sample.velocity_ne_mps {
            let predicted = self.nominal.velocity - self.acceleration * delay;
            for axis in 0..2 {
                scalars[3 + axis] = Some(
                    Scalar::new(velocity[axis] - predicted[axis], accuracy.speed)
                        .by(at::VELOCITY + axis, 1.0)
                        .by(at::GPS_DELAY, -self.acceleration[axis]),
                );
            }
        }
        let mut update = Update::new(&mut self.covariance);
        for scalar in scalars.iter().flatten() {
            update.fuse_widened(scalar, self.config.gates.scalar_nis);
        }
        let error = update.finish();
        self.correct(&error);
        self.nominal.gps_delay = self.nominal.gps_delay.clamp(0.0, 0.5);
        GpsOutcome::Fused
    }

    pub(super) fn reset_to_gps(&mut self, sample: &FcGps) {
        let accuracy = self.accuracy(sample, f64::INFINITY);
        let [north, east] = sample.velocity_ne_mps.unwrap_or_default();
        let delay = self.nominal.gps_delay;
        let moved = Vector3::new(north * delay, east * delay, 0.0);
        self.nominal.position = Geodetic {
            lat_rad: sample.lat_rad,
            lon_rad: sample.lon_rad,
            alt_msl_m: sample.alt_msl_m,
        }
        .displaced(moved);
        self.nominal.velocity = Vector3::new(north, east, 0.0);
        let (horizontal, vertical) = (accuracy.horizontal, accuracy.vertical);
        self.forget(
            at::POSITION,
            [horizontal, horizontal, vertical].map(|sigma| sigma * sigma),
        );
        let speed = self.config.initial.velocity_mps;
        self.forget(at::VELOCITY, [speed * speed; 3]);
    }

    fn accuracy(&self, sample: &FcGps, since_last_s: f64) -> Accuracy {
        let floor = &self.config.sensors;
        // N fixes within one correlation time carry about as much as one.
        let repeats = (floor.gps_correlation_s / since_last_s.max(0.05)).max(1.0);
        let widen = libm::sqrt(repeats);
        Accuracy {
            horizontal: sample
                .horiz_accuracy_m
                .unwrap_or(0.0)
                .max(floor.gps_horizontal_m)
                * widen,
            vertical: sample
                .vert_accuracy_m
                .unwrap_or(0.0)
                .max(floor.gps_vertical_m)
                * widen,
            speed: sample
                .speed_accuracy_mps
                .unwrap_or(0.0)
                .max(floor.gps_speed_mps)
                * widen,
        }
    }

    fn horizontal_nis(&self, innovation: Vector2<f64>, sigma: f64) -> f64 {
        let block = self
            .covariance
            .fixed_view::<2, 2>(at::POSITION, at::POSITION);
        let s = block + Matrix2::from_diagonal_element(sigma * sigma);
        match s.try_inverse() {
            Some(inverse) => (innovation.transpose() * inverse * innovation)[(0, 0)],
            None => f64::INFINITY,
        }
    }
}
