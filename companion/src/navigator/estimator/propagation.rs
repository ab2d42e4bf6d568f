//! Carries the estimate forward in time.
//!
//! | carrier | when | velocity follows | attitude follows |
//! |---|---|---|---|
//! | `Inertial` | accelerometer samples are dense | specific force and gravity | gyroscope |
//! | `AlongNose` | none, fixed wing | the nose: airflow keeps its direction in the body | reported rates |
//! | `Free` | none, any other | nothing: random walk | reported rates |
//!
//! The error covariance follows to first order; process noise is added once per step.

use nalgebra::{Matrix3, UnitQuaternion, Vector3};

use super::state::{Covariance, N, Nominal, at};
use crate::navigator::config::ProcessNoise;

/// What carries the estimate over one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Carrier {
    /// Accelerometer and gyroscope, as measured.
    Inertial {
        /// Specific force, FRD, m/s2.
        specific_force: Vector3<f64>,
        /// Angular rate, FRD, rad/s.
        angular_rate: Vector3<f64>,
    },
    /// The aircraft flies along its nose and turns at this rate.
    AlongNose {
        /// Angular rate, FRD, rad/s.
        angular_rate: Vector3<f64>,
    },
    /// Nothing is known but the rate of turn.
    Free {
        /// Angular rate, FRD, rad/s.
        angular_rate: Vector3<f64>,
    },
}

/// Advances estimate and covariance by `dt` seconds; returns the acceleration used, NED, m/s2.
pub fn step(
    nominal: &mut Nominal,
    covariance: &mut Covariance,
    carrier: Carrier,
    noise: &ProcessNoise,
    dt: f64,
) -> Vector3<f64> {
    let rotation = nominal.attitude.to_rotation_matrix();
    let (force_ned, acceleration, rate) = match carrier {
        Carrier::Inertial {
            specific_force,
            angular_rate,
        } => {
            let force_ned = rotation * (specific_force - nominal.accel_bias);
            let gravity = Vector3::new(0.0, 0.0, nominal.position.gravity_mps2());
            (
                force_ned,
                force_ned + gravity,
                angular_rate - nominal.gyro_bias,
            )
        }
        Carrier::AlongNose { angular_rate } => {
            let turn_ned = rotation * angular_rate;
            (
                Vector3::zeros(),
                turn_ned.cross(&nominal.air_velocity()),
                angular_rate,
            )
        }
        Carrier::Free { angular_rate } => (Vector3::zeros(), Vector3::zeros(), angular_rate),
    };
    let gust_decay = libm::exp(-dt / noise.gust_time_s);
    let fc_decay = libm::exp(-dt / noise.fc_attitude_time_s);

    nominal.position = nominal
        .position
        .displaced(nominal.velocity * dt + acceleration * (0.5 * dt * dt));
    nominal.velocity += acceleration * dt;
    nominal.attitude *= UnitQuaternion::from_scaled_axis(rate * dt);
    nominal.attitude.renormalize_fast();
    nominal.gust *= gust_decay;
    nominal.fc_attitude *= fc_decay;

    let inertial = matches!(carrier, Carrier::Inertial { .. });
    let transition = Transition {
        dt,
        force: force_ned.cross_matrix(),
        rotation: *rotation.matrix(),
        inertial,
        gust_decay,
        fc_decay,
    };
    transition.apply(covariance);
    let intensity = Intensity::of(carrier, noise, acceleration.norm(), rate.norm());
    add_noise(covariance, &intensity, noise, dt, [gust_decay, fc_decay]);
    acceleration
}

/// The error's transition over one step: identity except for the blocks named here.
struct Transition {
    dt: f64,
    force: Matrix3<f64>,
    rotation: Matrix3<f64>,
    inertial: bool,
    gust_decay: f64,
    fc_decay: f64,
}

impl Transition {
    /// `P <- F P F^T`, in place: each block row reads only rows that are still old.
    fn apply(&self, covariance: &mut Covariance) {
        self.rows(covariance);
        covariance.transpose_mut();
        self.rows(covariance);
    }

    fn rows(&self, p: &mut Covariance) {
        for column in 0..N {
            let mut column = p.column_mut(column);
            let three = |c: &nalgebra::SVectorViewMut<'_, f64, N>, at: usize| {
                Vector3::new(c[at], c[at + 1], c[at + 2])
            };
            let velocity = three(&column, at::VELOCITY);
            let mut position_change = velocity * self.dt;
            if self.inertial {
                let attitude = three(&column, at::ATTITUDE);
                let accel_bias = three(&column, at::ACCEL_BIAS);
                let gyro_bias = three(&column, at::GYRO_BIAS);
                let velocity_change =
                    (self.force * attitude + self.rotation * accel_bias) * -self.dt;
                position_change += velocity_change * (0.5 * self.dt);
                let attitude_change = self.rotation * gyro_bias * -self.dt;
                for axis in 0..3 {
                    column[at::VELOCITY + axis] += velocity_change[axis];
                    column[at::ATTITUDE + axis] += attitude_change[axis];
                }
            }
            for axis in 0..3 {
                column[at::POSITION + axis] += position_change[axis];
                column[at::FC_ATTITUDE + axis] *= self.fc_decay;
            }
            for axis in 0..2 {
                column[at::GUST + axis] *= self.gust_decay;
            }
        }
    }
}

/// Random-walk densities of what a carrier carries.
struct Intensity {
    velocity: f64,
    attitude: f64,
}

impl Intensity {
    fn of(carrier: Carrier, noise: &ProcessNoise, acceleration: f64, rate: f64) -> Self {
        match carrier {
            Carrier::Inertial { .. } => Self {
                velocity: noise.inertial_velocity + noise.accelerometer_scale * acceleration,
                attitude: noise.inertial_attitude + noise.gyro_scale * rate,
            },
            Carrier::AlongNose { .. } => Self {
                velocity: noise.kinematic_velocity,
                attitude: noise.kinematic_attitude,
            },
            Carrier::Free { .. } => Self {
                velocity: noise.free_velocity,
                attitude: noise.kinematic_attitude,
            },
        }
    }
}

fn add_noise(
    covariance: &mut Covariance,
    intensity: &Intensity,
    noise: &ProcessNoise,
    dt: f64,
    [gust_decay, fc_decay]: [f64; 2],
) {
    let mut walk = |at: usize, count: usize, density: f64| {
        for index in at..at + count {
            covariance[(index, index)] += density * density * dt;
        }
    };
    walk(at::VELOCITY, 3, intensity.velocity);
    walk(at::ATTITUDE, 3, intensity.attitude);
    walk(at::GYRO_BIAS, 3, noise.gyro_bias);
    walk(at::ACCEL_BIAS, 3, noise.accelerometer_bias);
    walk(at::WIND, 2, noise.wind);
    walk(at::AIRSPEED_SCALE, 1, noise.airspeed_scale);
    walk(at::BARO_BIAS, 1, noise.baro_bias);

    let mut stationary = |index: usize, sigma: f64, decay: f64| {
        covariance[(index, index)] += sigma * sigma * (1.0 - decay * decay);
    };
    for index in at::GUST..at::GUST + 2 {
        stationary(index, noise.gust_sigma_mps, gust_decay);
    }
    stationary(at::FC_ATTITUDE, noise.fc_tilt_sigma_rad, fc_decay);
    stationary(at::FC_ATTITUDE + 1, noise.fc_tilt_sigma_rad, fc_decay);
    stationary(at::FC_ATTITUDE + 2, noise.fc_yaw_sigma_rad, fc_decay);
}
