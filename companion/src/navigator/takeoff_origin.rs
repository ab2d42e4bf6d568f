//! Where the first position of an estimate comes from.
//!
//! The best of what is known is used, in this order, and only once:
//!
//! | rung | what | accuracy |
//! |---|---|---|
//! | 1 | the last position recorded before this process was started again in flight, at most 10 min old | its own, grown with its age |
//! | 2 | the take-off origin of the signed flight plan | its own, at least 5 m horizontal and 10 m vertical |
//! | 3 | the autopilot's last trusted state, at most 10 min old | its own, grown with its age |
//! | 4 | a fix of the autopilot's GPS while the spoof gate is open | the receiver's |
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | any | a candidate of rungs 1 to 3 is given | that rung filled anew | - |
//! | any | an estimate is to begin | all rungs empty | the best candidate is used |
//!
//! Rungs are emptied together: what was true at take-off says nothing after an estimate lost in flight.
//! The navigator tells which rung it stood on.

use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use super::{
    geodesy::Geodetic,
    input::{FcGps, PastState, TakeoffOrigin},
    output::PositionSource,
    units::MonotonicNs,
};

/// Oldest state that an estimate begins with, s.
const AGE_MAX_S: f64 = 600.0;
/// A state is carried forward with its velocity for this long, s; then nobody knows where it went.
const CARRIED_S: f64 = 5.0;
/// While it is carried, its velocity may change by this much for each second, m/s2.
const UNKNOWN_ACCELERATION_MPS2: f64 = 1.5;
/// After that the aircraft may go anywhere at this speed or its own, whichever is more, m/s.
const UNKNOWN_SPEED_MPS: f64 = 15.0;
/// The origin's accuracy is at least this, m.
const ORIGIN_HORIZ_M: f64 = 5.0;
/// The same for height, m.
const ORIGIN_VERT_M: f64 = 10.0;

/// A position to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FirstPosition {
    /// The rung.
    pub source: PositionSource,
    /// When it holds.
    pub time: MonotonicNs,
    /// Where.
    pub place: Geodetic,
    /// Horizontal velocity, m/s, where known.
    pub velocity_ne_mps: Option<[f64; 2]>,
    /// 1-sigma horizontal accuracy, m.
    pub horiz_accuracy_m: f64,
    /// 1-sigma vertical accuracy, m.
    pub vert_accuracy_m: f64,
    /// 1-sigma accuracy of the velocity, m/s.
    pub speed_accuracy_mps: f64,
}

/// The ladder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OriginLadder {
    restart: Option<PastState>,
    origin: Option<FirstPosition>,
    trusted: Option<PastState>,
}

impl OriginLadder {
    /// Rung 1.
    pub fn restart(&mut self, state: &PastState) {
        self.restart = Some(*state);
    }

    /// Rung 2.
    pub fn origin(&mut self, origin: &TakeoffOrigin) {
        self.origin = Some(FirstPosition {
            source: PositionSource::SignedOrigin,
            time: origin.time,
            place: Geodetic {
                lat_rad: origin.lat_rad,
                lon_rad: origin.lon_rad,
                alt_msl_m: origin.alt_msl_m,
            },
            velocity_ne_mps: Some([0.0; 2]),
            horiz_accuracy_m: origin.horiz_accuracy_m.max(ORIGIN_HORIZ_M),
            vert_accuracy_m: origin.vert_accuracy_m.max(ORIGIN_VERT_M),
            speed_accuracy_mps: 0.0,
        });
    }

    /// Rung 3.
    pub fn trusted(&mut self, state: &PastState) {
        self.trusted = Some(*state);
    }

    /// Whether a rung above the autopilot's GPS is filled.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.restart.is_some() || self.origin.is_some() || self.trusted.is_some()
    }

    /// The best position to begin with at `now`, without emptying the ladder; `gps` is a fix of the
    /// autopilot's that may be believed.
    #[must_use]
    pub fn best(&self, now: MonotonicNs, gps: Option<&FcGps>) -> Option<FirstPosition> {
        let carried = |state: &Option<PastState>, source| {
            state.as_ref().and_then(|state| carried(state, now, source))
        };
        carried(&self.restart, PositionSource::Restart)
            .or_else(|| {
                self.origin.map(|origin| FirstPosition {
                    time: now,
                    ..origin
                })
            })
            .or_else(|| carried(&self.trusted, PositionSource::TrustedState))
            .or_else(|| gps.map(from_gps))
    }

    /// Empties every rung.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// `state`, carried on to `now`; `None` when it is too old.
fn carried(state: &PastState, now: MonotonicNs, source: PositionSource) -> Option<FirstPosition> {
    let age_s = state.age_s + now.seconds_since(state.time).max(0.0);
    if age_s > AGE_MAX_S {
        return None;
    }
    let carried_s = age_s.min(CARRIED_S);
    let adrift_s = age_s - carried_s;
    let velocity = Vector3::from(state.velocity_ned_mps);
    let speed = velocity.xy().norm();
    let wander = 0.5 * UNKNOWN_ACCELERATION_MPS2 * carried_s * carried_s
        + speed.max(UNKNOWN_SPEED_MPS) * adrift_s;
    let sigma = |own: f64, more: f64| libm::sqrt(own * own + more * more);
    let known = adrift_s <= 0.0;
    let place = Geodetic {
        lat_rad: state.lat_rad,
        lon_rad: state.lon_rad,
        alt_msl_m: state.alt_msl_m,
    };
    Some(FirstPosition {
        source,
        time: now,
        place: place.displaced(velocity * carried_s),
        velocity_ne_mps: known.then_some([velocity.x, velocity.y]),
        horiz_accuracy_m: sigma(state.horiz_accuracy_m, wander),
        vert_accuracy_m: sigma(state.vert_accuracy_m, 2.0 * carried_s + adrift_s),
        speed_accuracy_mps: 1.0 + UNKNOWN_ACCELERATION_MPS2 * carried_s,
    })
}

fn from_gps(fix: &FcGps) -> FirstPosition {
    FirstPosition {
        source: PositionSource::FcGps,
        time: fix.time,
        place: Geodetic {
            lat_rad: fix.lat_rad,
            lon_rad: fix.lon_rad,
            alt_msl_m: fix.alt_msl_m,
        },
        velocity_ne_mps: fix.velocity_ne_mps,
        horiz_accuracy_m: fix.horiz_accuracy_m.unwrap_or(0.0),
        vert_accuracy_m: fix.vert_accuracy_m.unwrap_or(0.0),
        speed_accuracy_mps: fix.speed_accuracy_mps.unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const PLACE: Geodetic = Geodetic {
        lat_rad: 0.8,
        lon_rad: 0.1,
        alt_msl_m: 300.0,
    };

    fn origin() -> TakeoffOrigin {
        TakeoffOrigin {
            time: MonotonicNs(0),
            lat_rad: PLACE.lat_rad,
            lon_rad: PLACE.lon_rad,
            alt_msl_m: PLACE.alt_msl_m,
            horiz_accuracy_m: 1.0,
            vert_accuracy_m: 1.0,
        }
    }

    fn restart(age_s: f64) -> PastState {
        PastState {
            time: MonotonicNs(0),
            lat_rad: PLACE.lat_rad,
            lon_rad: PLACE.lon_rad,
            alt_msl_m: PLACE.alt_msl_m,
            velocity_ned_mps: [20.0, 0.0, 0.0],
            horiz_accuracy_m: 10.0,
            vert_accuracy_m: 5.0,
            age_s,
        }
    }

    #[test]
    fn a_restart_in_flight_comes_before_the_origin_and_the_origin_before_the_rest() {
        let mut ladder = OriginLadder::default();
        assert_eq!(ladder.best(MonotonicNs(0), None), None);
        ladder.origin(&origin());
        let best = ladder.best(MonotonicNs(SECOND), None).unwrap();
        assert_eq!(best.source, PositionSource::SignedOrigin);
        assert_eq!(best.horiz_accuracy_m, 5.0);
        assert_eq!(best.vert_accuracy_m, 10.0);
        ladder.restart(&restart(3.0));
        let best = ladder.best(MonotonicNs(SECOND), None).unwrap();
        assert_eq!(best.source, PositionSource::Restart);
        let moved_m = PLACE.displacement_to(best.place).x;
        assert!(
            (moved_m - 80.0).abs() < 0.1,
            "{moved_m} m after 4 s at 20 m/s"
        );
        ladder.clear();
        assert!(!ladder.is_filled());
    }

    #[test]
    fn an_old_state_says_how_little_it_knows_and_a_very_old_one_nothing() {
        let mut ladder = OriginLadder::default();
        ladder.restart(&restart(60.0));
        let best = ladder.best(MonotonicNs(0), None).unwrap();
        assert_eq!(best.velocity_ne_mps, None);
        assert!(best.horiz_accuracy_m > 55.0 * 20.0);
        assert!(ladder.best(MonotonicNs(541 * SECOND), None).is_none());
    }
}
