//! Whether the map says, again and again and always the same, that the position is wrong.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | doubts 0 to 1 | match outside the gate that repeats the one before | one doubt more | - |
//! | doubts 2 | match outside the gate that repeats the one before | wrong | told |
//! | doubts any | match outside the gate that repeats nothing | doubts 1 | - |
//! | wrong | match outside the gate | wrong | - |
//! | any | match accepted, GPS promoted, new estimate | doubts 0 | - |
//!
//! Such matches never move the estimate: a shifted map looks exactly like a shifted position. But one of
//! the two is wrong then, and a position that cannot be told from a wrong one is not for an autopilot.

use serde::{Deserialize, Serialize};

use super::units::MonotonicNs;

/// Matches that must say the same.
const REPEATS: u8 = 3;
/// Two matches say the same when their offsets differ by at most this, m.
const SAME_M: f64 = 30.0;
/// And when they lie at most this far apart in time, s.
const SAME_S: f64 = 10.0;

/// The doubts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contradiction {
    doubts: u8,
    last: Option<(MonotonicNs, [f64; 2])>,
}

impl Contradiction {
    /// Whether the position is to be taken for wrong.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.doubts >= REPEATS
    }

    /// A match outside the gate, and its offset from the estimate, m. Whether the position is found
    /// wrong by it.
    pub fn outside(&mut self, exposure: MonotonicNs, offset_ne_m: [f64; 2]) -> bool {
        let repeats = self.last.is_some_and(|(then, offset)| {
            let [north, east] = [offset_ne_m[0] - offset[0], offset_ne_m[1] - offset[1]];
            let apart_s = exposure.seconds_since(then).abs();
            exposure != then
                && apart_s <= SAME_S
                && libm::sqrt(north * north + east * east) <= SAME_M
        });
        self.last = Some((exposure, offset_ne_m));
        if self.is_wrong() {
            return false;
        }
        self.doubts = if repeats {
            self.doubts.saturating_add(1)
        } else {
            1
        };
        self.is_wrong()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> MonotonicNs {
        MonotonicNs(second * 1_000_000_000)
    }

    #[test]
    fn three_matches_that_say_the_same_find_the_position_wrong_once() {
        let mut doubts = Contradiction::default();
        assert!(!doubts.outside(at(1), [350.0, 0.0]));
        assert!(!doubts.outside(at(2), [355.0, 5.0]));
        assert!(doubts.outside(at(3), [345.0, 0.0]));
        assert!(!doubts.outside(at(4), [345.0, 0.0]) && doubts.is_wrong());
    }

    #[test]
    fn peaks_here_and_there_and_one_exposure_twice_prove_nothing() {
        let mut doubts = Contradiction::default();
        for second in 0..100 {
            let north = if second % 2 == 0 { 350.0 } else { -200.0 };
            assert!(!doubts.outside(at(second), [north, 0.0]));
            assert!(!doubts.outside(at(second), [north, 0.0]));
        }
    }
}
