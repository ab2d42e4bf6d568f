//! Whether the map says, again and again and always the same, that the position is wrong, and which of the two
//! is believed then.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | none | match outside the gate | doubt, 1 vote for its offset | - |
//! | doubt, wrong | match outside the gate, same offset | 1 vote more; wrong from the third on | told once |
//! | doubt, wrong | match outside the gate, another offset | 1 vote less; without votes, doubt of that offset | - |
//! | wrong, 8 votes, position outweighed | match outside the gate, same offset | none | the position yields: its covariance grows until the matches lie inside the gate |
//! | any | match accepted, GPS promoted, new estimate | none | - |
//!
//! Votes are counted as in a majority vote (Boyer, Moore 1981), so that peaks here and there among the right
//! ones neither win nor keep them from winning. A shifted map, ground that repeats itself and a lost position look
//! the same, match by match. They differ in what was conceivable when the offset was first seen
//! ([`super::standing`]): a position that was supported a moment ago is not suddenly 350 m off. Until one of the
//! two has won the position is withdrawn, and the covariance holds both.

use serde::{Deserialize, Serialize};

use super::{
    standing::{Conceivable, Standing},
    units::MonotonicNs,
};

/// Votes that find the position wrong.
const WRONG_VOTES: u8 = 3;
/// Votes without which it never yields.
const YIELD_VOTES: u8 = 8;
/// Most votes that are counted: what was right for long must not take as long to be found out.
const VOTES_MAX: u8 = 12;
/// Ground that repeats itself is flown over in less than this, s.
const LASTED_S: f64 = 20.0;
/// Two matches say the same when their offsets differ by at most this, m ...
const SAME_M: f64 = 30.0;
/// ... and this for each second between them, m/s.
const SAME_MPS: f64 = 2.0;

/// The doubt, if there is one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contradiction(Option<Doubt>);

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Doubt {
    votes: u8,
    wrong: bool,
    first: MonotonicNs,
    /// How far off it was first seen, m.
    first_m: f64,
    /// How far off the position could have been then.
    then: Conceivable,
    last: MonotonicNs,
    offset_ne_m: [f64; 2],
}

/// A match outside the gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    /// When the picture was taken.
    pub exposure: MonotonicNs,
    /// Match less estimate, north and east, m.
    pub offset_ne_m: [f64; 2],
    /// 1 sigma of that offset, m.
    pub sigma_m: f64,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Finding {
    /// Nothing new.
    Nothing,
    /// The position is found wrong.
    Wrong,
    /// The position yields to matches with this offset, m.
    Yields([f64; 2]),
}

impl Contradiction {
    /// Whether the position is to be taken for wrong.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.wrong_by_ne_m().is_some()
    }

    /// How far off the position is, if the map is right, north and east, m.
    #[must_use]
    pub fn wrong_by_ne_m(&self) -> Option<[f64; 2]> {
        self.0
            .filter(|doubt| doubt.wrong)
            .map(|doubt| doubt.offset_ne_m)
    }

    /// Takes a match outside the gate.
    pub fn outside(&mut self, sighting: &Sighting, standing: &Standing) -> Finding {
        let Some(doubt) = self.0.as_mut().filter(|doubt| doubt.votes > 0) else {
            self.0 = Some(Doubt::new(sighting, standing));
            return Finding::Nothing;
        };
        if doubt.last == sighting.exposure {
            return Finding::Nothing;
        }
        if !doubt.says_the_same(sighting) {
            doubt.votes -= 1;
            if doubt.votes == 0 {
                self.0 = Some(Doubt::new(sighting, standing));
            }
            return Finding::Nothing;
        }
        doubt.votes = (doubt.votes + 1).min(VOTES_MAX);
        doubt.last = doubt.last.max(sighting.exposure);
        doubt.offset_ne_m = sighting.offset_ne_m;
        let lasted_s = doubt.last.seconds_since(doubt.first);
        let outweighed = standing.outweighed(doubt.first_m, lasted_s, &doubt.then, LASTED_S);
        if doubt.votes >= YIELD_VOTES && outweighed {
            self.0 = None;
            return Finding::Yields(sighting.offset_ne_m);
        }
        let found = doubt.votes >= WRONG_VOTES && !core::mem::replace(&mut doubt.wrong, true);
        if found {
            Finding::Wrong
        } else {
            Finding::Nothing
        }
    }
}

impl Doubt {
    fn new(sighting: &Sighting, standing: &Standing) -> Self {
        Self {
            votes: 1,
            wrong: false,
            first: sighting.exposure,
            first_m: length(sighting.offset_ne_m),
            then: standing.conceivable(sighting.exposure, sighting.sigma_m),
            last: sighting.exposure,
            offset_ne_m: sighting.offset_ne_m,
        }
    }

    fn says_the_same(&self, sighting: &Sighting) -> bool {
        let [north, east] = [0, 1].map(|axis| sighting.offset_ne_m[axis] - self.offset_ne_m[axis]);
        let apart_s = sighting.exposure.seconds_since(self.last).abs();
        length([north, east]) <= SAME_M + SAME_MPS * apart_s
    }
}

fn length([north, east]: [f64; 2]) -> f64 {
    libm::sqrt(north * north + east * east)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: u64) -> MonotonicNs {
        MonotonicNs(second * 1_000_000_000)
    }

    fn sighting(second: u64, north_m: f64) -> Sighting {
        Sighting {
            exposure: at(second),
            offset_ne_m: [north_m, 0.0],
            sigma_m: 5.0,
        }
    }

    /// Supported for a minute, last at its end.
    fn standing() -> Standing {
        let mut standing = Standing::begin(at(0));
        for second in 0..=60 {
            standing.fixed(at(second));
        }
        standing
    }

    #[test]
    fn three_matches_that_say_the_same_find_the_position_wrong_once() {
        let mut doubts = Contradiction::default();
        let standing = standing();
        let mut hear = |second, north| doubts.outside(&sighting(second, north), &standing);
        assert_eq!(hear(61, 350.0), Finding::Nothing);
        assert_eq!(hear(62, 355.0), Finding::Nothing);
        assert_eq!(hear(63, 345.0), Finding::Wrong);
        for second in 64..300 {
            assert_eq!(hear(second, 345.0), Finding::Nothing);
        }
        assert!(doubts.is_wrong());
    }

    #[test]
    fn peaks_here_and_there_and_one_exposure_twice_prove_nothing() {
        let mut doubts = Contradiction::default();
        for second in 61..200 {
            let north = if second % 2 == 0 { 350.0 } else { -200.0 };
            for _ in 0..2 {
                let found = doubts.outside(&sighting(second, north), &standing());
                assert_eq!(found, Finding::Nothing);
            }
        }
        assert!(!doubts.is_wrong());
    }

    #[test]
    fn a_position_that_drifted_in_the_dark_yields_after_twenty_seconds_of_matches() {
        let mut doubts = Contradiction::default();
        let standing = standing();
        let yielded = (200..300).find(|&second| {
            // One in four is a wrong peak.
            let north = if second % 4 == 1 { -140.0 } else { 250.0 };
            let found = doubts.outside(&sighting(second, north), &standing);
            matches!(found, Finding::Yields([250.0, 0.0]))
        });
        assert_eq!(yielded, Some(222));
        assert_eq!(doubts, Contradiction::default());
    }

    proptest! {
        #[test]
        fn nothing_yields_without_eight_votes_that_lasted_and_wrong_is_told_before(
            matches in prop::collection::vec((0.0..400.0f64, 0u64..9), 1..200)
        ) {
            let mut doubts = Contradiction::default();
            let standing = standing();
            let mut now = 61;
            let (mut told, mut heard) = (false, 0);
            for (north, step) in matches {
                now += step;
                heard += 1;
                match doubts.outside(&sighting(now, north), &standing) {
                    Finding::Nothing => {}
                    Finding::Wrong => {
                        prop_assert!(heard >= 3);
                        told = true;
                    }
                    Finding::Yields([north, _]) => {
                        prop_assert!(told && heard >= 8 && now >= 61 + 20);
                        prop_assert!(north <= 400.0);
                        (told, heard) = (false, 0);
                    }
                }
                prop_assert!(doubts.is_wrong() <= told);
            }
        }
    }
}
