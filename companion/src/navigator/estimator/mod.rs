//! Error-state Kalman filter: position, velocity, attitude, sensor biases, wind and air data, and the
//! positions at the last camera exposures.
//!
//! The autopilot's attitude is a measurement whose error is mostly a slow one, so it has states of
//! its own (`FC_ATTITUDE`); without them thousands of samples would average to a certainty nobody
//! has. Wind is a slow mean plus a fast gust: the accelerometer sees through gusts, the airspeed
//! sensor does not.

mod airflow;
mod anchor;
mod attitude;
mod barometer;
mod clones;
mod confirmation;
mod convergence;
mod gps;
mod hindsight;
mod hint;
mod levelling;
mod odometry;
mod propagation;
mod start;
mod state;
mod update;

use nalgebra::{Vector2, Vector3};
use serde::{Deserialize, Serialize};

use super::{
    config::NavigatorConfig,
    input::{AirData, Airframe, Attitude, Barometer, FcGps, ImuSample},
    units::MonotonicNs,
};
pub use anchor::{AnchorOutcome, AnchorRefusal};
use clones::Clones;
use confirmation::Confirmation;
use convergence::Convergence;
pub use gps::{GpsJudgement, GpsOutcome};
pub use hindsight::Hindsight;
pub use hint::HintOutcome;
pub use levelling::Leveller;
pub use odometry::OdometryOutcome;
use propagation::Carrier;
pub use start::{Start, StartAttitude};
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Estimator {
    config: NavigatorConfig,
    nominal: Nominal,
    covariance: Covariance,
    clones: Clones,
    /// Exposure up to which the visual scale has wandered.
    scale_of: Option<MonotonicNs>,
    confirmation: Confirmation,
    convergence: Convergence,
    /// Sum of all corrections of the position since the start, north and east, m.
    corrected_ne_m: Vector2<f64>,
    imu: Option<ImuSample>,
    /// The autopilot's last attitude; `None` until the first.
    attitude: Option<Attitude>,
    /// False while the heading is a mere guess, after a start without the autopilot's attitude.
    heading_known: bool,
    airframe: Airframe,
    acceleration: Vector3<f64>,
    load: f64,
    attitude_disagrees_since: Option<MonotonicNs>,
    airflow_fused: Option<MonotonicNs>,
    /// The airspeed sensor read too little for flight along the nose: standing, stalled or falling.
    slow: bool,
}

impl Estimator {
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

    /// Its room, for the next estimate.
    #[must_use]
    pub fn into_covariance(self) -> Covariance {
        self.covariance
    }

    /// Shown position less estimate, north and east, m: what bounded-rate convergence still owes.
    #[must_use]
    pub fn shown_offset_ne_m(&self) -> Vector2<f64> {
        self.convergence.offset_ne_m
    }

    /// The shown position is the estimate from now on: for the moments at which nobody follows it.
    pub fn settle(&mut self) {
        self.convergence = Convergence::settled();
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
        self.attitude = Some(*sample);
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

    /// Compares a GPS fix with the estimate and fuses nothing.
    pub fn judge_gps(&mut self, sample: &FcGps, since_last_s: f64) -> GpsJudgement {
        self.advance(sample.time);
        self.compare_gps(sample, since_last_s)
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
            if !self.heading_known {
                let angular_rate = Vector3::from(imu.angular_rate_frd_radps);
                return Carrier::Free { angular_rate };
            }
            return Carrier::Inertial {
                specific_force: Vector3::from(imu.specific_force_frd_mps2),
                angular_rate: Vector3::from(imu.angular_rate_frd_radps),
            };
        }
        let max_age_s = self.config.gates.attitude_max_gap_s;
        let reported = self
            .attitude
            .filter(|attitude| time.seconds_since(attitude.time) <= max_age_s);
        let Some(attitude) = reported else {
            return Carrier::Blind;
        };
        let angular_rate = Vector3::from(attitude.angular_rate_frd_radps);
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
        self.convergence
            .shrink(self.config.vision.converge_mps * dt);
    }

    fn correct(&mut self, error: &ErrorVector) {
        let moved = Vector2::new(error[at::POSITION], error[at::POSITION + 1]);
        self.nominal.correct(error);
        self.clones.correct(error);
        self.convergence.absorb(moved);
        self.corrected_ne_m += moved;
    }
}

/// Whether every element is finite and every variance positive.
#[must_use]
pub fn is_sound(covariance: &Covariance) -> bool {
    // A sum is finite only if every term is; sixteen sums, so that they can be taken side by side.
    let mut sums = [0.0; 16];
    for row in covariance.as_slice().chunks(16) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let own = covariance.diagonal();
    let (own, clones) = own.as_slice().split_at(state::CLONES);
    sums.iter().all(|sum| sum.is_finite())
        && own.iter().all(|variance| *variance > 0.0)
        && clones.iter().all(|variance| *variance >= 0.0)
}

#[cfg(test)]
mod tests;
