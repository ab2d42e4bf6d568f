//! Asks the operator where the aircraft is, and lets the answer move the search of the map.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | `Sure` | three frames and 2 s without a usable one | `Asked` | `OPERATOR_RELOC_REQUEST` told |
//! | `Asked` | a usable frame | `Sure` | - |
//!
//! | window | event | next | effect |
//! |---|---|---|---|
//! | around the estimate | hint | around the hint | window told at once |
//! | around the hint | hint | around the new hint | window told at once |
//! | around the hint | a second passed | the same, moved with the estimate and grown | window told |
//! | around the hint | anchor accepted, or the hint is 2 min old, or the estimate is lost | around the estimate | window told |
//!
//! The window follows the hint however far it lies from the estimate; the estimate takes only a hint that
//! its own uncertainty allows (`estimator/hint.rs`), so a wrong one costs a search, no more. Where no hint holds, vision searches around the emitted position, as wide as its covariance.

use serde::{Deserialize, Serialize};

use super::{
    behaviour::SightRules,
    geodesy::Geodetic,
    input::OperatorHint,
    output::{SearchWindow, WindowSource},
    units::MonotonicNs,
};

/// Frames that must have been unusable.
const FRAMES: u32 = 3;
/// A hint holds for this long, s.
const HINT_MAX_S: f64 = 120.0;
/// Time between two windows around a hint, s.
const REPEAT_S: f64 = 1.0;
/// Smallest accuracy a hint is believed, m.
const HINT_FLOOR_M: f64 = 10.0;
/// Speed at which an aircraft without an estimate may have gone from the hint, m/s.
const UNKNOWN_SPEED_MPS: f64 = 25.0;

/// Where the estimate is, and how well its motion is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimated {
    /// The place.
    pub place: Geodetic,
    /// 1-sigma speed accuracy, m/s.
    pub speed_accuracy_mps: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Hint {
    taken: MonotonicNs,
    told: MonotonicNs,
    centre: Geodetic,
    sigma_m: f64,
    /// The estimate when the hint was taken: the hint moves as the estimate does.
    estimate: Option<Geodetic>,
}

/// Request and window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Relocalisation {
    asked: bool,
    hint: Option<Hint>,
}

impl Relocalisation {
    /// Whether the operator is to be asked now: for how long, s, and for how many frames nothing was
    /// usable.
    pub fn ask(&mut self, dark_s: f64, dark_frames: u32, rules: &SightRules) -> bool {
        let lost = rules.enabled && dark_s >= rules.request_s && dark_frames >= FRAMES;
        let seeing = dark_s < rules.request_s;
        let told = lost && !self.asked;
        self.asked = (self.asked || lost) && !seeing;
        told
    }

    /// A hint arrived.
    pub fn hint(&mut self, hint: &OperatorHint, estimated: Option<&Estimated>) -> SearchWindow {
        let age_s = hint.age_s.unwrap_or(0.0).min(HINT_MAX_S);
        let accuracy_m = hint.horiz_accuracy_m.max(HINT_FLOOR_M);
        let taken = Hint {
            taken: hint.time,
            told: hint.time,
            centre: Geodetic {
                lat_rad: hint.lat_rad,
                lon_rad: hint.lon_rad,
                alt_msl_m: estimated.map_or(0.0, |estimated| estimated.place.alt_msl_m),
            },
            sigma_m: accuracy_m + UNKNOWN_SPEED_MPS * age_s,
            estimate: estimated.map(|estimated| estimated.place),
        };
        self.hint = Some(taken);
        taken.window(hint.time, estimated)
    }

    /// Time passed.
    pub fn elapsed(
        &mut self,
        now: MonotonicNs,
        estimated: Option<&Estimated>,
    ) -> Option<SearchWindow> {
        let hint = self.hint.as_mut()?;
        let lost = hint.estimate.is_some() && estimated.is_none();
        if lost || now.seconds_since(hint.taken) > HINT_MAX_S {
            return self.end(now, estimated);
        }
        (now.seconds_since(hint.told) >= REPEAT_S).then(|| {
            hint.told = now;
            hint.window(now, estimated)
        })
    }

    /// An anchor was accepted: the hint has done its work.
    pub fn anchored(
        &mut self,
        now: MonotonicNs,
        estimated: Option<&Estimated>,
    ) -> Option<SearchWindow> {
        self.hint.and_then(|_| self.end(now, estimated))
    }

    fn end(&mut self, now: MonotonicNs, estimated: Option<&Estimated>) -> Option<SearchWindow> {
        let hint = self.hint.take()?;
        Some(SearchWindow {
            source: WindowSource::Estimate,
            ..hint.window(now, estimated)
        })
    }
}

impl Hint {
    fn window(&self, now: MonotonicNs, estimated: Option<&Estimated>) -> SearchWindow {
        let held_s = now.seconds_since(self.taken).max(0.0);
        let (centre, wander_mps) = match (self.estimate, estimated) {
            (Some(then), Some(estimated)) => {
                let mut moved = then.displacement_to(estimated.place);
                moved.z = 0.0;
                (self.centre.displaced(moved), estimated.speed_accuracy_mps)
            }
            (None, _) | (_, None) => (self.centre, UNKNOWN_SPEED_MPS),
        };
        SearchWindow {
            time: now,
            lat_rad: centre.lat_rad,
            lon_rad: centre.lon_rad,
            radius_m: 3.0 * (self.sigma_m + wander_mps * held_s),
            source: WindowSource::OperatorHint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;
    use proptest::prelude::*;

    fn rules() -> SightRules {
        SightRules {
            enabled: true,
            ..SightRules::default()
        }
    }

    const PLACE: Geodetic = Geodetic {
        lat_rad: 0.8,
        lon_rad: 0.1,
        alt_msl_m: 300.0,
    };

    #[test]
    fn a_hint_moves_with_the_estimate_and_ends_with_an_anchor() {
        let mut machine = Relocalisation::default();
        let estimated = Estimated {
            place: PLACE,
            speed_accuracy_mps: 0.5,
        };
        let hinted = PLACE.displaced(Vector3::new(800.0, 0.0, 0.0));
        let hint = OperatorHint {
            time: MonotonicNs(0),
            link: 1,
            sender_system: 255,
            sender_component: 190,
            lat_rad: hinted.lat_rad,
            lon_rad: hinted.lon_rad,
            horiz_accuracy_m: 50.0,
            age_s: None,
        };
        let window = machine.hint(&hint, Some(&estimated));
        assert_eq!((window.lat_rad, window.radius_m), (hinted.lat_rad, 150.0));
        let later = Estimated {
            place: PLACE.displaced(Vector3::new(0.0, 40.0, -5.0)),
            ..estimated
        };
        assert!(
            machine
                .elapsed(MonotonicNs(500_000_000), Some(&later))
                .is_none()
        );
        let window = machine
            .elapsed(MonotonicNs(2_000_000_000), Some(&later))
            .unwrap();
        let centre = Geodetic {
            lat_rad: window.lat_rad,
            lon_rad: window.lon_rad,
            alt_msl_m: 300.0,
        };
        let offset = hinted.displacement_to(centre);
        assert!(
            (offset.y - 40.0).abs() < 0.1 && offset.x.abs() < 0.1,
            "{offset}"
        );
        assert!((window.radius_m - 153.0).abs() < 1e-9);
        let end = machine
            .anchored(MonotonicNs(3_000_000_000), Some(&later))
            .unwrap();
        assert_eq!(end.source, WindowSource::Estimate);
        assert!(
            machine
                .elapsed(MonotonicNs(9_000_000_000), Some(&later))
                .is_none()
        );
    }

    proptest! {
        #[test]
        fn the_operator_is_asked_once_for_each_time_in_the_dark(
            steps in prop::collection::vec((0.0..1.0f64, prop::bool::weighted(0.1)), 1..200)
        ) {
            let rules = rules();
            let mut machine = Relocalisation::default();
            let (mut dark_s, mut asked) = (0.0, false);
            for (step, usable) in steps {
                dark_s = if usable { 0.0 } else { dark_s + step };
                asked &= !usable;
                let frames = (dark_s * 3.0) as u32;
                let told = machine.ask(dark_s, frames, &rules);
                prop_assert_eq!(told, dark_s >= 2.0 && frames >= 3 && !asked);
                asked |= told;
            }
        }
    }
}
