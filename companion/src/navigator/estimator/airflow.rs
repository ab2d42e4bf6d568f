//! Airspeed, and the two things a fixed wing's flight along its nose adds to it: no air from the
//! side, and air from below as the load asks for (`alpha = alpha0 + slope n / V^2`).
//!
//! Angle of attack matters horizontally as soon as the aircraft banks: at 60 degrees of bank and
//! twice the load most of it points into the turn.

use nalgebra::Vector3;

use super::{
    Estimator,
    state::at,
    update::{Scalar, Update},
};
use crate::navigator::{
    atmosphere::true_over_indicated,
    input::{AirData, Airframe},
    units::MonotonicNs,
};

impl Estimator {
    pub(super) fn fuse_airflow(&mut self, sample: &AirData) {
        let altitude = self.nominal.position.alt_msl_m;
        let measured = sample.indicated_airspeed_mps * true_over_indicated(altitude);
        let air = self.nominal.air_velocity();
        let speed = air.norm();
        let minimum = self.config.gates.airflow_min_mps;
        self.slow = measured < minimum;
        let flies = self.airframe == Airframe::FixedWing && !self.slow && speed >= 0.5 * minimum;
        if !flies || !self.heading_known {
            return;
        }
        let repeats = self.airflow_repeats(sample.time);
        let scalars = [
            self.airspeed(measured, air, speed),
            self.sideslip(air),
            self.angle_of_attack(air),
        ]
        .map(|scalar| Scalar {
            variance: scalar.variance * repeats,
            ..scalar
        });
        let mut update = Update::new(&mut self.covariance);
        for scalar in &scalars {
            update.fuse_widened(scalar, self.config.gates.scalar_nis);
        }
        let error = update.finish();
        self.correct(&error);
    }

    /// How many samples at the present rate carry as much as one independent one.
    fn airflow_repeats(&mut self, now: MonotonicNs) -> f64 {
        let correlation = self.config.sensors.airflow_correlation_s;
        let gap = self
            .airflow_fused
            .map_or(correlation, |last| now.seconds_since(last));
        self.airflow_fused = Some(now);
        (correlation / gap.max(0.01)).max(1.0)
    }

    pub(super) fn airspeed(&self, measured: f64, air: Vector3<f64>, speed: f64) -> Scalar {
        let scale = 1.0 + self.nominal.airspeed_scale;
        let along = air * (scale / speed);
        Scalar::new(measured - scale * speed, self.config.sensors.airspeed_mps)
            .by_each(at::VELOCITY, [along.x, along.y, along.z])
            .by_each(at::WIND, [-along.x, -along.y])
            .by_each(at::GUST, [-along.x, -along.y])
            .by(at::AIRSPEED_SCALE, speed)
    }

    pub(super) fn sideslip(&self, air: Vector3<f64>) -> Scalar {
        let right = self.nominal.attitude * Vector3::y();
        let sigma = self.config.sensors.sideslip_rad * air.norm();
        across(Scalar::new(-right.dot(&air), sigma), right, air)
    }

    fn angle_of_attack(&self, air: Vector3<f64>) -> Scalar {
        self.angle_of_attack_at(air, air.norm())
    }

    /// The expected angle is taken at `speed` as a given number.
    pub(super) fn angle_of_attack_at(&self, air: Vector3<f64>, speed: f64) -> Scalar {
        let forward = self.nominal.attitude * Vector3::x();
        let down = self.nominal.attitude * Vector3::z();
        let ahead = forward.dot(&air);
        let per_slope = self.load / (speed * speed);
        let alpha = self.nominal.zero_lift_alpha + self.nominal.lift_slope * per_slope;
        let sigma = self.config.sensors.angle_of_attack_rad * speed;
        let axis = down - forward * alpha;
        across(Scalar::new(-axis.dot(&air), sigma), axis, air)
            .by(at::ZERO_LIFT_ALPHA, -ahead)
            .by(at::LIFT_SLOPE, -ahead * per_slope)
    }
}

/// Adds what the projection of the airflow on a body-fixed `axis` (given in NED) depends on.
fn across(scalar: Scalar, axis: Vector3<f64>, air: Vector3<f64>) -> Scalar {
    let turn = axis.cross(&air);
    scalar
        .by_each(at::VELOCITY, [axis.x, axis.y, axis.z])
        .by_each(at::WIND, [-axis.x, -axis.y])
        .by_each(at::GUST, [-axis.x, -axis.y])
        .by_each(at::ATTITUDE, [turn.x, turn.y, turn.z])
}
