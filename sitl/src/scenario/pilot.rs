//! The autopilot's own idea of where it is: it follows a receiver as its filter does, and drifts with
//! its inertial sensors when it has none. Guidance flies on this, so that a wrong position makes the
//! aircraft leave its route.
//!
//! | what it hears | what it follows |
//! |---|---|
//! | our position, 3D, younger than 4 s | ours (GPS_AUTO_SWITCH 4, ours is the primary receiver) |
//! | ours is not to be used, its own receiver has a fix | its own |
//! | neither | its inertial sensors: the error grows with a velocity error that it does not know |
//!
//! The gain is that of a filter whose own position grows uncertain by 0.5 m per root second against
//! the accuracy that the receiver states: a coarse fix is followed gently. iNav's estimator leaves a
//! fix alone whose accuracy is worse than 10 m.
//!
//! Source: ArduPilot EKF3 position fusion and iNav `navigation_pos_estimator.c`, as far as guidance
//! notices them. Wire behaviour is the fakes' business, not this one's.

use companion::autopilot::AutopilotKind;
use companion::navigator::{EmittedExternalPosition, FixType};
use nalgebra::Vector3;

use crate::flight_control::Whereabouts;
use crate::randomness::{Purpose, Randomness};
use crate::truth::Moment;
use crate::world::Place;

/// A position older than this is no position.
const PATIENCE_NS: u64 = 4_000_000_000;
/// Growth of its own uncertainty, m per root second.
const GROWTH_M: f64 = 0.5;
/// Velocity error of its inertial sensors without a receiver, 1 sigma per axis, m/s.
const DRIFT_MPS: f64 = 0.8;
/// Accuracy beyond which iNav leaves a fix alone, m.
const INAV_EPH_MAX_M: f64 = 10.0;
/// Accuracy of its own receiver, m.
const OWN_ACCURACY_M: f64 = 2.0;
/// Share of a velocity error that one fix at 10 Hz takes away.
const VELOCITY_GAIN: f64 = 0.2;

/// A fix of either receiver, as the autopilot gets it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fix {
    time_ns: u64,
    place: Place,
    velocity_ned_mps: Vector3<f64>,
    accuracy_m: f64,
}

/// The autopilot's filter as guidance sees it.
#[derive(Debug, Clone)]
pub struct Pilot {
    eph_max_m: f64,
    /// Fixes not yet followed.
    ours: Option<Fix>,
    own: Option<Fix>,
    /// When each receiver last gave a usable fix; ours going unusable ends it at once.
    ours_ns: Option<u64>,
    own_ns: Option<u64>,
    position_error_ned_m: Vector3<f64>,
    velocity_error_ned_mps: Vector3<f64>,
    sigma_m: f64,
    drift_ned_mps: Vector3<f64>,
}

impl Pilot {
    /// The filter of an autopilot in the flight of `seed`, which knows its runway.
    #[must_use]
    pub fn new(kind: AutopilotKind, seed: u64) -> Self {
        let mut randomness = Randomness::new(seed, Purpose::Pilot);
        Self {
            eph_max_m: match kind {
                AutopilotKind::ArduPilot => f64::INFINITY,
                AutopilotKind::INav => INAV_EPH_MAX_M,
            },
            ours: None,
            own: None,
            ours_ns: None,
            own_ns: None,
            position_error_ned_m: Vector3::zeros(),
            velocity_error_ned_mps: Vector3::zeros(),
            sigma_m: 1.0,
            drift_ned_mps: Vector3::new(
                randomness.normal(DRIFT_MPS),
                randomness.normal(DRIFT_MPS),
                0.0,
            ),
        }
    }

    /// Our position arrives.
    pub fn hear_ours(&mut self, time_ns: u64, position: &EmittedExternalPosition) {
        let usable =
            position.fix_type == FixType::ThreeD && position.horiz_accuracy_m <= self.eph_max_m;
        self.ours_ns = usable.then_some(time_ns);
        self.ours = usable.then(|| Fix {
            time_ns,
            place: Place {
                lat_rad: position.lat_rad,
                lon_rad: position.lon_rad,
                alt_msl_m: position.alt_msl_m,
            },
            velocity_ned_mps: position.vel_ned_mps.into(),
            accuracy_m: position.horiz_accuracy_m,
        });
    }

    /// Its own receiver reports; `None` without a fix.
    pub fn hear_own(&mut self, time_ns: u64, fix: Option<(Place, Vector3<f64>)>) {
        self.own_ns = fix.map(|_| time_ns);
        self.own = fix.map(|(place, velocity_ned_mps)| Fix {
            time_ns,
            place,
            velocity_ned_mps,
            accuracy_m: OWN_ACCURACY_M,
        });
    }

    /// Where it believes to be, `dt_s` after the last call; heights are the barometer's and true.
    pub fn advance(&mut self, dt_s: f64, moment: &Moment) -> Whereabouts {
        self.sigma_m = libm::hypot(self.sigma_m, GROWTH_M * libm::sqrt(dt_s));
        let fresh = |heard_ns: &u64| moment.time_ns.saturating_sub(*heard_ns) <= PATIENCE_NS;
        let (ours, own) = (self.ours.take(), self.own.take());
        let following = if self.ours_ns.as_ref().is_some_and(fresh) {
            ours
        } else if self.own_ns.as_ref().is_some_and(fresh) {
            own
        } else {
            self.velocity_error_ned_mps = self.drift_ned_mps;
            None
        };
        self.position_error_ned_m += self.velocity_error_ned_mps * dt_s;
        if let Some(fix) = following {
            let variance = self.sigma_m * self.sigma_m;
            let gain = variance / (variance + fix.accuracy_m * fix.accuracy_m);
            let shown = moment.place.ned_to(&fix.place);
            self.position_error_ned_m += (shown - self.position_error_ned_m) * gain;
            self.sigma_m *= libm::sqrt(1.0 - gain);
            let velocity_shown = fix.velocity_ned_mps - moment.velocity_ned_mps;
            self.velocity_error_ned_mps +=
                (velocity_shown - self.velocity_error_ned_mps) * VELOCITY_GAIN;
        }
        self.position_error_ned_m.z = 0.0;
        self.velocity_error_ned_mps.z = 0.0;
        Whereabouts {
            place: moment.place.moved(&self.position_error_ned_m),
            velocity_ned_mps: moment.velocity_ned_mps + self.velocity_error_ned_mps,
        }
    }
}
