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

/// Largest believable delay of a receiver, s.
const DELAY_MAX_S: f64 = 0.5;

/// 1-sigma figures of one fix, floored and widened for errors that last from fix to fix.
pub(super) struct Accuracy {
    horizontal: f64,
    vertical: f64,
    speed: f64,
}

impl Estimator {
    pub(super) fn fuse_gps(&mut self, sample: &FcGps, since_last_s: f64) -> GpsOutcome {
        let accuracy = self.accuracy(sample, since_last_s);
        let position = self.position_scalars(sample, &accuracy);
        let innovation = Vector2::new(position[0].innovation, position[1].innovation);
        let nis = self.horizontal_nis(innovation, accuracy.horizontal);
        if nis > self.config.gates.gps_position_nis {
            return GpsOutcome::Rejected { nis };
        }
        let velocity = sample
            .velocity_ne_mps
            .map(|v| self.velocity_scalars(v, accuracy.speed));
        let mut update = Update::new(&mut self.covariance);
        for scalar in position.iter().chain(velocity.iter().flatten()) {
            update.fuse(scalar);
        }
        let error = update.finish();
        self.correct(&error);
        self.nominal.gps_delay = self.nominal.gps_delay.clamp(0.0, DELAY_MAX_S);
        GpsOutcome::Fused
    }

    pub(super) fn position_scalars(&self, sample: &FcGps, accuracy: &Accuracy) -> [Scalar; 3] {
        let delay = self.nominal.gps_delay;
        let on_the_way = self.nominal.velocity - self.acceleration * (0.5 * delay);
        let at_the_fix = self.nominal.velocity - self.acceleration * delay;
        let innovation =
            self.nominal.position.displacement_to(location(sample)) + on_the_way * delay;
        let sigmas = [accuracy.horizontal, accuracy.horizontal, accuracy.vertical];
        core::array::from_fn(|axis| {
            Scalar::new(innovation[axis], sigmas[axis])
                .by(at::POSITION + axis, 1.0)
                .by(at::VELOCITY + axis, -delay)
                .by(at::GPS_DELAY, -at_the_fix[axis])
        })
    }

    pub(super) fn velocity_scalars(&self, measured: [f64; 2], sigma: f64) -> [Scalar; 2] {
        let predicted = self.nominal.velocity - self.acceleration * self.nominal.gps_delay;
        core::array::from_fn(|axis| {
            Scalar::new(measured[axis] - predicted[axis], sigma)
                .by(at::VELOCITY + axis, 1.0)
                .by(at::GPS_DELAY, -self.acceleration[axis])
        })
    }

    pub(super) fn reset_to_gps(&mut self, sample: &FcGps) {
        let accuracy = self.accuracy(sample, f64::INFINITY);
        let [north, east] = sample.velocity_ne_mps.unwrap_or_default();
        let delay = self.nominal.gps_delay;
        let moved = Vector3::new(north * delay, east * delay, 0.0);
        self.nominal.position = location(sample).displaced(moved);
        self.nominal.velocity = Vector3::new(north, east, 0.0);
        let (horizontal, vertical) = (accuracy.horizontal, accuracy.vertical);
        self.forget(
            at::POSITION,
            [horizontal, horizontal, vertical].map(|sigma| sigma * sigma),
        );
        let speed = self.config.initial.velocity_mps;
        self.forget(at::VELOCITY, [speed * speed; 3]);
    }

    pub(super) fn accuracy(&self, sample: &FcGps, since_last_s: f64) -> Accuracy {
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

/// Where the receiver says it was.
pub(super) fn location(sample: &FcGps) -> Geodetic {
    Geodetic {
        lat_rad: sample.lat_rad,
        lon_rad: sample.lon_rad,
        alt_msl_m: sample.alt_msl_m,
    }
}
