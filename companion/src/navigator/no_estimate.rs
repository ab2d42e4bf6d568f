//! Tells the operator, once, that the autopilot is on its own, and once that it is not any more.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | `Idle` | estimate | `Present` | - |
//! | `Idle` | none, armed | `Missing` | - |
//! | `Idle` | none, not armed | `Idle` | - |
//! | `Present` | none | `Missing` | - |
//! | `Missing` | estimate | `Present` | - |
//! | `Missing` | none for longer than 3 s | `Engaged` | engaged told |
//! | `Engaged` | estimate | `Present` | recovered told |
//! | `Engaged` | none | `Engaged` | - |
//!
//! `Idle` is the time on the ground before there ever was an estimate: nobody relies on one then.

use serde::{Deserialize, Serialize};

use super::units::MonotonicNs;

/// Without an estimate for longer than this, the fallback is engaged, s.
pub const FALLBACK_AFTER_S: f64 = 3.0;

/// The machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoEstimate {
    /// There never was an estimate, and the aircraft is not armed.
    Idle,
    /// There is one.
    Present,
    /// There is none since then.
    Missing(MonotonicNs),
    /// It was told that there is none, and since when there was none.
    Engaged(MonotonicNs),
}

/// What to tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fallback {
    /// The autopilot has only its own inertial sensors.
    Engaged,
    /// Positions flow again after this many seconds without.
    Recovered(f64),
}

impl NoEstimate {
    /// Takes whether there is an estimate at `now`.
    pub fn update(&mut self, now: MonotonicNs, estimate: bool, armed: bool) -> Option<Fallback> {
        let (next, told) = match (*self, estimate) {
            (Self::Idle, false) if !armed => (Self::Idle, None),
            (Self::Idle | Self::Present, false) => (Self::Missing(now), None),
            (Self::Idle | Self::Present | Self::Missing(_), true) => (Self::Present, None),
            (Self::Missing(since), false) if now.seconds_since(since) > FALLBACK_AFTER_S => {
                (Self::Engaged(since), Some(Fallback::Engaged))
            }
            (Self::Missing(since), false) => (Self::Missing(since), None),
            (Self::Engaged(since), false) => (Self::Engaged(since), None),
            (Self::Engaged(since), true) => (
                Self::Present,
                Some(Fallback::Recovered(now.seconds_since(since))),
            ),
        };
        *self = next;
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_fallback_engages_just_behind_three_seconds() {
        let mut machine = NoEstimate::Present;
        assert_eq!(machine.update(MonotonicNs(0), false, true), None);
        assert_eq!(
            machine.update(MonotonicNs(3_000_000_000), false, true),
            None
        );
        assert_eq!(
            machine.update(MonotonicNs(3_000_000_001), false, true),
            Some(Fallback::Engaged)
        );
    }

    #[test]
    fn waiting_on_the_ground_engages_nothing() {
        let mut machine = NoEstimate::Idle;
        for second in 0..600 {
            let now = MonotonicNs(second * 1_000_000_000);
            assert_eq!(machine.update(now, false, false), None);
        }
    }

    proptest! {
        #[test]
        fn engaged_and_recovered_alternate_whatever_happens(
            steps in prop::collection::vec((0u64..2_000_000_000, any::<bool>(), any::<bool>()), 1..300)
        ) {
            let mut machine = NoEstimate::Idle;
            let (mut now, mut engaged) = (0, false);
            for (step, estimate, armed) in steps {
                now += step;
                match machine.update(MonotonicNs(now), estimate, armed) {
                    Some(Fallback::Engaged) => {
                        prop_assert!(!engaged && !estimate);
                        engaged = true;
                    }
                    Some(Fallback::Recovered(gap_s)) => {
                        prop_assert!(engaged && estimate && gap_s > FALLBACK_AFTER_S);
                        engaged = false;
                    }
                    None => {}
                }
            }
        }
    }
}
