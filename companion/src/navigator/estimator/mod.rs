//! Error-state Kalman filter: position, velocity, attitude, sensor biases, wind and air data.
//!
//! The autopilot's attitude is a measurement whose error is mostly a slow one, so it has states of
//! its own (`FC_ATTITUDE`); without them thousands of samples would average to a certainty nobody
//! has. Wind is a slow mean plus a fast gust: the accelerometer sees through gusts, the airspeed
//! sensor does not.

mod airflow;
mod attitude;
mod barometer;
mod gps;
mod propagation;
mod state;
mod update;

use nalgebra::{Vector2, Vector3};

use super::{
    config::{InitialSigma, NavigatorConfig},
    input::{AirData, Airframe, Attitude, Barometer, FcGps, ImuSample},
    units::MonotonicNs,
};
pub use gps::GpsOutcome;
use propagation::Carrier;
pub use state::{Covariance, Nominal};
use state::{ErrorVector, at};

/// Longest propagation step, s.
const STEP_MAX_S: f64 = 0.1;
/// Longest time without any input over which an estimate is carried, s. Ticks come ten times a
/// second, so a longer one means that the clock or the feeder is broken.
pub const GAP_MAX_S: f64 = 10.0;
/// Time constant of the acceleration and load that delayed measurements refer to, s.
const SMOOTHING_S: f64 = 0.15;

/// The filter. Exists from the first position on.
#[derive(Debug, Clone)]
pub struct Estimator {
    config: NavigatorConfig,
    nominal: Nominal,
    covariance: Covariance,
    imu: Option<ImuSample>,
    attitude: Attitude,
    airframe: Airframe,
    acceleration: Vector3<f64>,
    load: f64,
    attitude_disagrees_since: Option<MonotonicNs>,
    airflow_fused: Option<MonotonicNs>,
    /// The airspeed sensor read too little for flight along the nose: standing, stalled or falling.
    slow: bool,
}

impl Estimator {
    /// Starts at a GPS fix with the autopilot's attitude.
    #[must_use]
    pub fn start(config: &NavigatorConfig, gps: &FcGps, attitude: &Attitude) -> Self {
        let [north, east] = gps.velocity_ne_mps.unwrap_or_default();
        let initial = &config.initial;
        let nominal = Nominal {
            time: gps.time,
            position: gps::location(gps),
            velocity: Vector3::new(north, east, 0.0),
            attitude: attitude::quaternion(attitude),
            gyro_bias: Vector3::zeros(),
            accel_bias: Vector3::zeros(),
            wind: Vector2::zeros(),
            gust: Vector2::zeros(),
            airspeed_scale: 0.0,
            fc_attitude: Vector3::zeros(),
            baro_bias: 0.0,
            zero_lift_alpha: 0.0,
            lift_slope: initial.lift_slope_mean_m,
            gps_delay: initial.gps_delay_mean_s,
        };
        Self {
            config: config.clone(),
            nominal,
            covariance: initial_covariance(config, gps),
            imu: None,
            attitude: *attitude,
            airframe: Airframe::Unknown,
            acceleration: Vector3::zeros(),
            load: 1.0,
            attitude_disagrees_since: None,
            airflow_fused: None,
            slow: false,
        }
    }

    /// The estimate.
    #[must_use]
    pub fn nominal(&self) -> &Nominal {
        &self.nominal
    }

    /// Its error covariance.
    #[must_use]
    pub fn covariance(&self) -> &Covariance {
        &self.covariance
    }

    /// Tells what kind of aircraft this is.
    pub fn set_airframe(&mut self, airframe: Airframe) {
        self.airframe = airframe;
    }

    /// Brings the estimate to `time`, at most [`GAP_MAX_S`] ahead; does nothing when it is there
    /// already.
    pub fn advance(&mut self, time: MonotonicNs) {
        let mut left = time.seconds_since(self.nominal.time);
        if left <= 0.0 {
            return;
        }
        let carrier = self.carrier(time);
        debug_assert!(
            left <= GAP_MAX_S,
            "the navigator ends an estimate that is {left} s old"
        );
        let whole_steps = libm::floor(left.min(GAP_MAX_S) / STEP_MAX_S) as usize;
        for _ in 0..whole_steps {
            self.step(carrier, STEP_MAX_S);
            left -= STEP_MAX_S;
        }
        if left > 0.0 {
            self.step(carrier, left);
        }
        self.nominal.time = time;
    }

    /// Takes one inertial sample: it carries the estimate up to its own time.
    pub fn imu(&mut self, sample: &ImuSample) {
        self.advance_with(sample);
        self.imu = Some(*sample);
    }

    /// Fuses the autopilot's attitude.
    pub fn attitude(&mut self, sample: &Attitude) {
        self.attitude = *sample;
        self.advance(sample.time);
        self.fuse_attitude(sample);
    }

    /// Fuses airspeed, with what it implies for a fixed wing.
    pub fn air_data(&mut self, sample: &AirData) {
        self.advance(sample.time);
        self.fuse_airflow(sample);
    }

    /// Fuses static pressure.
    pub fn barometer(&mut self, sample: &Barometer) {
        self.advance(sample.time);
        self.fuse_barometer(sample);
    }

    /// Fuses a GPS fix if it passes the gate.
    pub fn gps(&mut self, sample: &FcGps, since_last_s: f64) -> GpsOutcome {
        self.advance(sample.time);
        self.fuse_gps(sample, since_last_s)
    }

    /// Position and velocity start again from a GPS fix; the rest is kept.
    pub fn restart_from_gps(&mut self, sample: &FcGps) {
        self.advance(sample.time);
        self.reset_to_gps(sample);
    }

    fn advance_with(&mut self, sample: &ImuSample) {
        let dense = self.imu.is_some_and(|last| {
            let gap = sample.time.seconds_since(last.time);
            gap > 0.0 && gap <= self.config.gates.imu_max_gap_s
        });
        if dense {
            // The step up to this sample was measured by this sample.
            self.imu = Some(*sample);
        }
        self.advance(sample.time);
    }

    fn carrier(&self, time: MonotonicNs) -> Carrier {
        let fresh = self
            .imu
            .filter(|imu| time.seconds_since(imu.time) <= self.config.gates.imu_max_gap_s);
        if let Some(imu) = fresh {
            return Carrier::Inertial {
                specific_force: Vector3::from(imu.specific_force_frd_mps2),
                angular_rate: Vector3::from(imu.angular_rate_frd_radps),
            };
        }
        let age_s = time.seconds_since(self.attitude.time);
        if age_s > self.config.gates.attitude_max_gap_s {
            return Carrier::Blind;
        }
        let angular_rate = Vector3::from(self.attitude.angular_rate_frd_radps);
        match self.airframe {
            Airframe::FixedWing if !self.slow => Carrier::AlongNose { angular_rate },
            Airframe::FixedWing | Airframe::Rotary | Airframe::Unknown => {
                Carrier::Free { angular_rate }
            }
        }
    }

    fn step(&mut self, carrier: Carrier, dt: f64) {
        let acceleration = propagation::step(
            &mut self.nominal,
            &mut self.covariance,
            carrier,
            &self.config.process,
            dt,
        );
        let gravity = self.nominal.position.gravity_mps2();
        let down_body =
            self.nominal.attitude.inverse() * (acceleration - Vector3::new(0.0, 0.0, gravity));
        let share = dt / (dt + SMOOTHING_S);
        self.acceleration += (acceleration - self.acceleration) * share;
        self.load += (-down_body.z / gravity - self.load) * share;
    }

    fn correct(&mut self, error: &ErrorVector) {
        self.nominal.correct(error);
    }
}

/// 1 sigma of a velocity taken from a fix, north, east, down.
fn velocity_sigmas(initial: &InitialSigma, gps: &FcGps) -> [f64; 3] {
    let horizontal = match gps.velocity_ne_mps {
        Some(_) => initial.velocity_mps,
        None => initial.unreported_velocity_mps,
    };
    [horizontal, horizontal, initial.vertical_velocity_mps]
}

fn initial_covariance(config: &NavigatorConfig, gps: &FcGps) -> Covariance {
    let (initial, process, sensors) = (&config.initial, &config.process, &config.sensors);
    let horizontal = gps
        .horiz_accuracy_m
        .unwrap_or(0.0)
        .max(sensors.gps_horizontal_m);
    let vertical = gps
        .vert_accuracy_m
        .unwrap_or(0.0)
        .max(sensors.gps_vertical_m);
    let mut covariance = Covariance::zeros();
    let mut set = |at: usize, sigmas: &[f64]| {
        for (offset, sigma) in sigmas.iter().enumerate() {
            covariance[(at + offset, at + offset)] = sigma * sigma;
        }
    };
    set(at::POSITION, &[horizontal, horizontal, vertical]);
    set(at::VELOCITY, &velocity_sigmas(initial, gps));
    set(at::ATTITUDE, &[initial.attitude_rad; 3]);
    set(at::GYRO_BIAS, &[initial.gyro_bias_radps; 3]);
    set(at::ACCEL_BIAS, &[initial.accelerometer_bias_mps2; 3]);
    set(at::WIND, &[initial.wind_mps; 2]);
    set(at::GUST, &[process.gust_sigma_mps; 2]);
    set(at::AIRSPEED_SCALE, &[initial.airspeed_scale]);
    let (tilt, yaw) = (process.fc_tilt_sigma_rad, process.fc_yaw_sigma_rad);
    set(at::FC_ATTITUDE, &[tilt, tilt, yaw]);
    set(at::BARO_BIAS, &[initial.baro_bias_m]);
    set(at::ZERO_LIFT_ALPHA, &[initial.zero_lift_alpha_rad]);
    set(at::LIFT_SLOPE, &[initial.lift_slope_m]);
    set(at::GPS_DELAY, &[initial.gps_delay_s]);
    covariance
}

/// Whether every element is finite and every variance positive.
#[must_use]
pub fn is_sound(covariance: &Covariance) -> bool {
    covariance.iter().all(|value| value.is_finite())
        && covariance.diagonal().iter().all(|variance| *variance > 0.0)
}

#[cfg(test)]
mod tests;
