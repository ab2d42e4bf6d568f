//! Carries the estimate forward in time.
//!
//! | carrier | when | velocity follows | attitude follows |
//! |---|---|---|---|
//! | `Inertial` | accelerometer samples are dense | specific force and gravity | gyroscope |
//! | `AlongNose` | none, attitude is fresh, fixed wing that is fast enough to fly | the nose: airflow keeps its direction in the body | reported rates |
//! | `Free` | none, attitude is fresh, any other | nothing: random walk | reported rates |
//! | `Blind` | neither | nothing: random walk | nothing: random walk |
//!
//! The error covariance follows to first order; process noise is added once per step.

use nalgebra::{Matrix3, UnitQuaternion, Vector3};

use super::hindsight::Step;
use super::state::{BASE, Covariance, ErrorVector, Nominal, at};
use crate::navigator::config::ProcessNoise;

/// What carries the estimate over one step. Rates and forces are in FRD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Carrier {
    /// Accelerometer and gyroscope, as measured.
    Inertial {
        /// Specific force, m/s2.
        specific_force: Vector3<f64>,
        /// Angular rate, rad/s.
        angular_rate: Vector3<f64>,
    },
    /// The aircraft flies along its nose and turns at this rate.
    AlongNose {
        /// Angular rate, rad/s.
        angular_rate: Vector3<f64>,
    },
    /// Nothing is known but the rate of turn.
    Free {
        /// Angular rate, rad/s.
        angular_rate: Vector3<f64>,
    },
    /// Nothing is known.
    Blind,
}

/// Advances estimate and covariance by `dt` seconds; returns the acceleration used, NED, m/s2.
pub fn step(
    nominal: &mut Nominal,
    covariance: &mut Covariance,
    carrier: Carrier,
    noise: &ProcessNoise,
    dt: f64,
) -> Vector3<f64> {
    let motion = Motion::of(nominal, carrier, dt);
    let decay = Decay {
        gust: libm::exp(-dt / noise.gust_time_s),
        fc_attitude: libm::exp(-dt / noise.fc_attitude_time_s),
    };
    let Motion {
        acceleration, rate, ..
    } = motion;
    nominal.position = nominal
        .position
        .displaced(nominal.velocity * dt + acceleration * (0.5 * dt * dt));
    nominal.velocity += acceleration * dt;
    nominal.attitude *= UnitQuaternion::from_scaled_axis(rate * dt);
    nominal.attitude.renormalize_fast();
    nominal.gust *= decay.gust;
    nominal.fc_attitude *= decay.fc_attitude;

    Transition {
        dt,
        influence: motion.influence,
        decay,
    }
    .apply(covariance);
    let intensity = Intensity::of(carrier, noise, acceleration.norm(), rate.norm());
    add_noise(covariance, &intensity, noise, dt, decay);
    acceleration
}

/// What a carrier makes of one step.
struct Motion {
    /// NED, m/s2.
    acceleration: Vector3<f64>,
    /// FRD, rad/s.
    rate: Vector3<f64>,
    influence: Influence,
}

/// Which errors a carrier turns into errors of velocity and attitude, per second.
#[derive(Debug, Clone, PartialEq)]
enum Influence {
    Inertial {
        force: Matrix3<f64>,
        rotation: Matrix3<f64>,
    },
    AlongNose {
        by_air: Matrix3<f64>,
        by_attitude: Matrix3<f64>,
    },
    None,
}

impl Motion {
    fn of(nominal: &Nominal, carrier: Carrier, dt: f64) -> Self {
        match carrier {
            Carrier::Inertial {
                specific_force,
                angular_rate,
            } => {
                let rate = angular_rate - nominal.gyro_bias;
                // A sample is the mean over its step, so the attitude half-way through goes with it.
                let half_way = UnitQuaternion::from_scaled_axis(rate * (0.5 * dt));
                let rotation = (nominal.attitude * half_way).to_rotation_matrix();
                let force = rotation * (specific_force - nominal.accel_bias);
                let gravity = Vector3::new(0.0, 0.0, nominal.position.gravity_mps2());
                let influence = Influence::Inertial {
                    force: force.cross_matrix(),
                    rotation: *rotation.matrix(),
                };
                Self {
                    acceleration: force + gravity,
                    rate,
                    influence,
                }
            }
            Carrier::AlongNose { angular_rate } => {
                let air = nominal.air_velocity();
                let rate_ned = nominal.attitude * angular_rate;
                // A rotation, not a cross product: the airspeed must not grow in a turn.
                let turn = UnitQuaternion::from_scaled_axis(rate_ned * dt).to_rotation_matrix();
                let by_air = (turn.matrix() - Matrix3::identity()) / dt;
                let by_attitude = air.cross_matrix() * rate_ned.cross_matrix();
                let influence = Influence::AlongNose {
                    by_air,
                    by_attitude,
                };
                Self {
                    acceleration: by_air * air,
                    rate: angular_rate,
                    influence,
                }
            }
            Carrier::Free { angular_rate } => Self {
                acceleration: Vector3::zeros(),
                rate: angular_rate,
                influence: Influence::None,
            },
            Carrier::Blind => Self {
                acceleration: Vector3::zeros(),
                rate: Vector3::zeros(),
                influence: Influence::None,
            },
        }
    }
}

/// What is left after one step of the errors that fade.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Decay {
    gust: f64,
    fc_attitude: f64,
}

/// The error's transition over one step: identity except for the blocks named here.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    dt: f64,
    influence: Influence,
    decay: Decay,
}

impl Transition {
    /// `P <- F P F^T`, in place. Only the aircraft's own errors move, so what they share with the
    /// others follows from the columns alone.
    fn apply(&self, covariance: &mut Covariance) {
        self.columns(covariance);
        for column in 0..BASE {
            self.rows(covariance, column);
            for row in 0..column {
                covariance[(column, row)] = covariance[(row, column)];
            }
        }
        for column in BASE..covariance.used() {
            for row in 0..BASE {
                covariance[(row, column)] = covariance[(column, row)];
            }
        }
        covariance.note(|| Step::Carried(self.clone()));
    }

    /// `P <- P F^T`: whole columns at a time.
    fn columns(&self, p: &mut Covariance) {
        let (acceleration, rotation) = self.influence.columns(p);
        let half = 0.5 * self.dt * self.dt;
        for axis in 0..3 {
            let velocity: ErrorVector = p.column(at::VELOCITY + axis).into_owned();
            add(p, at::POSITION + axis, &velocity, self.dt);
            if let Some(acceleration) = &acceleration {
                add(p, at::POSITION + axis, &acceleration[axis], half);
                add(p, at::VELOCITY + axis, &acceleration[axis], self.dt);
            }
            scale(p, at::FC_ATTITUDE + axis, self.decay.fc_attitude);
        }
        for (axis, rotation) in rotation.iter().flatten().enumerate() {
            add(p, at::ATTITUDE + axis, rotation, self.dt);
        }
        for axis in 0..2 {
            scale(p, at::GUST + axis, self.decay.gust);
        }
    }

    /// `P <- F P` for one column of the aircraft's own errors.
    fn rows(&self, p: &mut Covariance, column: usize) {
        self.carry(p.rows_of(column));
    }

    /// `x <- F x` for the aircraft's own errors; those behind them stay.
    pub fn carry(&self, errors: &mut [f64]) {
        let column = &mut errors[..BASE];
        let three = |at: usize| Vector3::new(column[at], column[at + 1], column[at + 2]);
        let (velocity, attitude) = (three(at::VELOCITY), three(at::ATTITUDE));
        let (acceleration, rotation) = match &self.influence {
            Influence::Inertial { force, rotation } => (
                -(force * attitude + rotation * three(at::ACCEL_BIAS)),
                -(rotation * three(at::GYRO_BIAS)),
            ),
            Influence::AlongNose {
                by_air,
                by_attitude,
            } => {
                let wind = Vector3::new(
                    column[at::WIND] + column[at::GUST],
                    column[at::WIND + 1] + column[at::GUST + 1],
                    0.0,
                );
                (
                    by_air * (velocity - wind) + by_attitude * attitude,
                    Vector3::zeros(),
                )
            }
            Influence::None => (Vector3::zeros(), Vector3::zeros()),
        };
        let position_change = velocity * self.dt + acceleration * (0.5 * self.dt * self.dt);
        for axis in 0..3 {
            column[at::POSITION + axis] += position_change[axis];
            column[at::VELOCITY + axis] += acceleration[axis] * self.dt;
            column[at::ATTITUDE + axis] += rotation[axis] * self.dt;
            column[at::FC_ATTITUDE + axis] *= self.decay.fc_attitude;
        }
        for axis in 0..2 {
            column[at::GUST + axis] *= self.decay.gust;
        }
    }
}

/// Per axis, a combination of the covariance's columns.
type Columns = [ErrorVector; 3];

impl Influence {
    /// What the covariance's columns make of acceleration and of rotation, per second.
    fn columns(&self, p: &Covariance) -> (Option<Columns>, Option<Columns>) {
        match self {
            Self::Inertial { force, rotation } => (
                Some(core::array::from_fn(|axis| {
                    combine(p, at::ATTITUDE, force, axis, -1.0)
                        + combine(p, at::ACCEL_BIAS, rotation, axis, -1.0)
                })),
                Some(core::array::from_fn(|axis| {
                    combine(p, at::GYRO_BIAS, rotation, axis, -1.0)
                })),
            ),
            Self::AlongNose {
                by_air,
                by_attitude,
            } => (
                Some(core::array::from_fn(|axis| {
                    let mut sum = combine(p, at::VELOCITY, by_air, axis, 1.0)
                        + combine(p, at::ATTITUDE, by_attitude, axis, 1.0);
                    for wind in 0..2 {
                        let factor = by_air[(axis, wind)];
                        sum -= p.column(at::WIND + wind) * factor;
                        sum -= p.column(at::GUST + wind) * factor;
                    }
                    sum
                })),
                None,
            ),
            Self::None => (None, None),
        }
    }
}

/// Row `axis` of `matrix`, times `sign`, applied to three columns from `start`.
fn combine(
    p: &Covariance,
    start: usize,
    matrix: &Matrix3<f64>,
    axis: usize,
    sign: f64,
) -> ErrorVector {
    let factors: [f64; 3] = core::array::from_fn(|index| sign * matrix[(axis, index)]);
    let (a, b, c) = (p.column(start), p.column(start + 1), p.column(start + 2));
    let mut sum = ErrorVector::zeros();
    for (row, value) in sum.iter_mut().enumerate().take(p.used()) {
        *value = factors[0] * a[row] + factors[1] * b[row] + factors[2] * c[row];
    }
    sum
}

fn add(p: &mut Covariance, column: usize, from: &ErrorVector, factor: f64) {
    for (value, from) in p.rows_of(column).iter_mut().zip(from.iter()) {
        *value += from * factor;
    }
}

fn scale(p: &mut Covariance, column: usize, factor: f64) {
    for value in p.rows_of(column) {
        *value *= factor;
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
            Carrier::Blind => Self {
                velocity: noise.free_velocity,
                attitude: noise.blind_attitude,
            },
        }
    }
}

fn add_noise(
    covariance: &mut Covariance,
    intensity: &Intensity,
    noise: &ProcessNoise,
    dt: f64,
    decay: Decay,
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
        stationary(index, noise.gust_sigma_mps, decay.gust);
    }
    stationary(at::FC_ATTITUDE, noise.fc_tilt_sigma_rad, decay.fc_attitude);
    stationary(
        at::FC_ATTITUDE + 1,
        noise.fc_tilt_sigma_rad,
        decay.fc_attitude,
    );
    stationary(
        at::FC_ATTITUDE + 2,
        noise.fc_yaw_sigma_rad,
        decay.fc_attitude,
    );
}
