//! How well the present position is founded: on what, since when, and how long ago.
//!
//! | state | event | next |
//! |---|---|---|
//! | any | match fused by its company alone, at a large uncertainty | founded anew, on that uncertainty |
//! | unfounded | match fused, GPS fused | founded now |
//! | founded | match fused, GPS fused | founded since the same time |
//! | any | position restarts at a promoted GPS, or yields to the map | unfounded |
//! | any | the spoof gate closes | GPS is doubted: what was founded on it may have been led away |
//! | GPS doubted | match fused, GPS promoted | GPS is not doubted |
//!
//! *Well founded* is what was supported for half a minute: longer than ground that repeats itself fools a
//! matcher.

use serde::{Deserialize, Serialize};

use super::units::MonotonicNs;

/// Support for this long founds a position well, s.
const WELL_S: f64 = 30.0;
/// Sensors may lead a position away from the ground by this much more than its covariance says, m/s: the
/// error of a wind or a heading that changed.
const WANDER_MPS: f64 = 2.0;
/// A forged GPS that no gate notices leads it away by at most this, m/s.
const FORGED_MPS: f64 = 5.0;
/// An offset of that many sigmas is conceivable without any such cause: it lies just outside the gate.
const SIGMAS: f64 = 4.5;

/// What the position is founded on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    begun: Option<MonotonicNs>,
    founded: Option<Founded>,
    supported: Option<MonotonicNs>,
    anchored: Option<MonotonicNs>,
    gps_doubted: bool,
}

/// Support without a break.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Founded {
    since: MonotonicNs,
    /// 1 sigma just before, where the first support had to be believed over a large uncertainty, m.
    over_sigma_m: Option<f64>,
}

/// How far off the position could conceivably be at one time, m.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conceivable {
    /// When only the sensors could have led it away.
    pub wandered_m: f64,
    /// When a forged GPS could have as well.
    pub forged_m: f64,
}

impl Standing {
    /// An estimate begins.
    #[must_use]
    pub fn begin(now: MonotonicNs) -> Self {
        Self {
            begun: Some(now),
            ..Self::default()
        }
    }

    /// A match was fused; `over_sigma_m` when other matches had to confirm it.
    pub fn anchored(&mut self, now: MonotonicNs, over_sigma_m: Option<f64>) {
        if over_sigma_m.is_some() {
            self.founded = None;
        }
        self.support(now, over_sigma_m);
        self.anchored = self.anchored.max(Some(now));
        self.gps_doubted = false;
    }

    /// GPS was fused.
    pub fn fixed(&mut self, now: MonotonicNs) {
        self.support(now, None);
    }

    /// The position restarts at a GPS that was promoted.
    pub fn restarted(&mut self, now: MonotonicNs) {
        *self = Self::begin(now);
        self.fixed(now);
    }

    /// The spoof gate closed.
    pub fn doubt_gps(&mut self) {
        self.gps_doubted = true;
    }

    /// The position yields to the map.
    pub fn yielded(&mut self) {
        self.founded = None;
    }

    /// How far off the position could be at `now`, against something that is uncertain together with it by
    /// `sigma_m`.
    #[must_use]
    pub fn conceivable(&self, now: MonotonicNs, sigma_m: f64) -> Conceivable {
        let since_s = |last: Option<MonotonicNs>| {
            last.or(self.begun)
                .map_or(0.0, |last| now.seconds_since(last).max(0.0))
        };
        let own_m = SIGMAS * sigma_m;
        Conceivable {
            wandered_m: own_m + WANDER_MPS * since_s(self.supported),
            forged_m: own_m + FORGED_MPS * since_s(self.anchored),
        }
    }

    /// Whether a series of matches `first_m` off the position when it was first seen, which has lasted for
    /// `lasted_s`, is to be believed more than the position.
    #[must_use]
    pub fn outweighed(&self, first_m: f64, lasted_s: f64, then: &Conceivable, rule_s: f64) -> bool {
        let allowed_m = if self.gps_doubted {
            then.forged_m.max(then.wandered_m)
        } else {
            then.wandered_m
        };
        if first_m <= allowed_m && lasted_s >= rule_s {
            return true;
        }
        // A position that was itself taken over a large uncertainty, and not supported for long.
        let Some(founded) = self.founded else {
            return first_m <= allowed_m && lasted_s >= 0.5 * rule_s;
        };
        let supported_s = self
            .supported
            .map_or(0.0, |last| last.seconds_since(founded.since).max(0.0));
        founded.over_sigma_m.is_some_and(|sigma_m| {
            supported_s < WELL_S
                && first_m <= SIGMAS * sigma_m + allowed_m
                && lasted_s >= supported_s.max(0.5 * rule_s)
        })
    }

    fn support(&mut self, now: MonotonicNs, over_sigma_m: Option<f64>) {
        self.founded.get_or_insert(Founded {
            since: now,
            over_sigma_m,
        });
        self.supported = self.supported.max(Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: u64) -> MonotonicNs {
        MonotonicNs(second * 1_000_000_000)
    }

    fn founded_for(seconds: u64) -> Standing {
        let mut standing = Standing::begin(at(0));
        for second in 1..=seconds {
            standing.anchored(at(second), None);
        }
        standing
    }

    #[test]
    fn a_map_that_jumps_is_not_believed_however_long_it_lasts() {
        let standing = founded_for(60);
        let then = standing.conceivable(at(61), 5.0);
        assert!(!standing.outweighed(350.0, 1e4, &then, 20.0));
        assert!(!standing.outweighed(60.0, 1e4, &then, 20.0));
    }

    #[test]
    fn after_minutes_in_the_dark_the_map_is_believed_once_it_has_lasted() {
        let standing = founded_for(60);
        let then = standing.conceivable(at(260), 60.0);
        assert!(!standing.outweighed(500.0, 19.0, &then, 20.0));
        assert!(standing.outweighed(500.0, 20.0, &then, 20.0));
        assert!(!standing.outweighed(700.0, 1e4, &then, 20.0));
    }

    #[test]
    fn a_position_founded_on_a_gps_that_is_doubted_may_have_been_led_far_away() {
        let mut standing = founded_for(60);
        for second in 61..200 {
            standing.fixed(at(second));
        }
        let then = standing.conceivable(at(200), 3.0);
        assert!(!standing.outweighed(400.0, 1e3, &then, 20.0));
        standing.doubt_gps();
        assert!(standing.outweighed(400.0, 20.0, &then, 20.0));
        standing.anchored(at(201), None);
        assert!(!standing.outweighed(400.0, 20.0, &then, 20.0));
    }

    #[test]
    fn what_repeating_ground_founded_falls_to_matches_that_last_longer() {
        let mut standing = founded_for(60);
        for second in 100..110 {
            standing.anchored(at(second), (second == 100).then_some(30.0));
        }
        let then = standing.conceivable(at(111), 4.0);
        assert!(!standing.outweighed(90.0, 9.0, &then, 20.0));
        assert!(standing.outweighed(90.0, 11.0, &then, 20.0));
        for second in 111..140 {
            standing.anchored(at(second), None);
        }
        assert!(!standing.outweighed(90.0, 1e3, &then, 20.0));
    }

    proptest! {
        #[test]
        fn what_is_well_founded_never_falls_to_what_was_inconceivable(
            events in prop::collection::vec((0..4u8, 1u64..40), 1..60),
            beyond_m in 1.0..1e4f64,
            lasted_s in 0.0..1e5f64,
        ) {
            let mut standing = Standing::begin(at(0));
            let mut now = 0;
            for (event, step) in events {
                now += step;
                match event {
                    0 => standing.anchored(at(now), None),
                    1 => standing.anchored(at(now), Some(30.0)),
                    2 => standing.fixed(at(now)),
                    _ => standing.doubt_gps(),
                }
            }
            for _ in 0..40 {
                now += 1;
                standing.anchored(at(now), None);
            }
            let then = standing.conceivable(at(now + 1), 5.0);
            let first_m = then.wandered_m + beyond_m;
            prop_assert!(!standing.outweighed(first_m, lasted_s, &then, 20.0));
        }
    }
}
