//! The autopilot's own satellite receiver, while it is trusted: a late position and velocity.

use nalgebra::Vector3;

use super::{
    Estimator,
    start::velocity_sigmas,
    state::at,
    update::{Scalar, Update, nis, pair_nis},
};
use crate::navigator::{geodesy::Geodetic, input::FcGps};

/// What became of a fix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GpsOutcome {
    /// It moved the estimate.
    Fused,
    /// It lies outside a gate; the normalised innovation squared there.
    Rejected {
        /// One or two degrees of freedom.
        nis: f64,
    },
}

/// How a fix compares with the estimate, without being fused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GpsJudgement {
    /// Horizontal distance from where the estimate expects it, m.
    pub distance_m: f64,
    /// 1 sigma of that distance, m.
    pub distance_sigma_m: f64,
    /// Horizontal velocity less that of the estimate, m/s; 0 when the fix has none.
    pub velocity_difference_mps: f64,
    /// 1 sigma of that difference, m/s.
    pub velocity_sigma_mps: f64,
    /// The normalised innovation squared of the first part outside its gate.
    pub outside: Option<f64>,
    /// Whether the velocity is the only part outside.
    pub velocity_alone: bool,
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
        let velocity = sample
            .velocity_ne_mps
            .map(|v| self.velocity_scalars(v, accuracy.speed));
        if let Some(nis) = self.outside_a_gate(&position, velocity.as_ref()) {
            return GpsOutcome::Rejected { nis };
        }
        let mut update = Update::new(&mut self.covariance);
        for scalar in position.iter().chain(velocity.iter().flatten()) {
            update.fuse(scalar);
        }
        let error = update.finish();
        self.correct(&error);
        self.nominal.gps_delay = self.nominal.gps_delay.clamp(0.0, DELAY_MAX_S);
        self.align_to_course(sample);
        GpsOutcome::Fused
    }

    pub(super) fn compare_gps(&self, sample: &FcGps, since_last_s: f64) -> GpsJudgement {
        let accuracy = self.accuracy(sample, since_last_s);
        let position = self.position_scalars(sample, &accuracy);
        let velocity = sample
            .velocity_ne_mps
            .map(|v| self.velocity_scalars(v, accuracy.speed));
        let length = |first: &Scalar, second: &Scalar| {
            libm::sqrt(first.innovation * first.innovation + second.innovation * second.innovation)
        };
        let sigma = |index: usize| {
            let variance = |index: usize| self.covariance[(index, index)];
            libm::sqrt(variance(index) + variance(index + 1))
        };
        GpsJudgement {
            distance_m: length(&position[0], &position[1]),
            distance_sigma_m: sigma(at::POSITION),
            velocity_difference_mps: velocity.as_ref().map_or(0.0, |v| length(&v[0], &v[1])),
            velocity_sigma_mps: sigma(at::VELOCITY),
            outside: self.outside_a_gate(&position, velocity.as_ref()),
            velocity_alone: self.outside_a_gate(&position, None).is_none(),
        }
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
        self.covariance.forget(
            at::POSITION,
            [horizontal, horizontal, vertical].map(|sigma| sigma * sigma),
        );
        let speeds = velocity_sigmas(&self.config.initial, sample);
        self.covariance
            .forget(at::VELOCITY, speeds.map(|sigma| sigma * sigma));
        self.forget_clones();
        self.confirmation.forget();
        self.settle();
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

    /// The normalised innovation squared of the first part that lies outside its gate. A receiver
    /// that is wrong in one part is not believed in the others.
    fn outside_a_gate(
        &self,
        position: &[Scalar; 3],
        velocity: Option<&[Scalar; 2]>,
    ) -> Option<f64> {
        let gates = &self.config.gates;
        let [north, east, down] = position;
        let horizontal = pair_nis(&self.covariance, north, east);
        let vertical = nis(&self.covariance, down);
        let speed = velocity.map(|[north, east]| pair_nis(&self.covariance, north, east));
        [
            (horizontal, gates.gps_horizontal_nis),
            (vertical, gates.gps_height_nis),
            (speed.unwrap_or(0.0), gates.gps_horizontal_nis),
        ]
        .into_iter()
        .find_map(|(nis, gate)| (nis.is_nan() || nis > gate).then_some(nis))
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
