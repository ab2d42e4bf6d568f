//! What time it is, from stamps of which some are wrong.
//!
//! A stamp is *near* when it lies at most a second before or behind the newest time.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | no time yet | any stamp | that time | begins there |
//! | some time | near stamp | the later of both | taken; a far stamp that waited is forgotten |
//! | some time | tick that is not far ahead | the later of both | taken |
//! | some time, no estimate | far tick, or any far stamp as long as no tick ever came | that time | begins anew there |
//! | some time | far behind, no tick | the same | refused |
//! | some time | far ahead, nothing near it waits | the same, this one waits | refused |
//! | some time | far ahead near the one that waits, and one of both is a tick, or no tick ever came | that time | taken |
//! | some time | far ahead, anything else | the same | refused |
//!
//! So one damaged stamp in the far future costs one input, not every one behind it; ticks come from our
//! own clock and decide when they do come. Without an estimate there is nothing to lose by believing
//! our own clock, and a wrong stamp at the very start would otherwise shut out all that follow.

use serde::{Deserialize, Serialize};

use super::units::MonotonicNs;

/// Stamps this close belong together, s.
const NEAR_S: f64 = 1.0;

/// The clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    newest: Option<MonotonicNs>,
    waiting: Option<Waiting>,
    ticked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Waiting {
    time: MonotonicNs,
    tick: bool,
}

/// What a stamp is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// It is now this time, and the input is of it.
    Taken(MonotonicNs),
    /// Time begins anew here; what was known of earlier times is of no use.
    Begins(MonotonicNs),
    /// Not believed; it is still this time.
    Refused(MonotonicNs),
}

impl Clock {
    /// The newest time, once there is one.
    #[must_use]
    pub fn newest(&self) -> Option<MonotonicNs> {
        self.newest
    }

    /// Takes the stamp of one input. `estimate`: whether there is one that could be lost.
    pub fn stamp(&mut self, time: MonotonicNs, tick: bool, estimate: bool) -> Stamp {
        let Some(newest) = self.newest else {
            return self.begin(time, tick);
        };
        let ahead_s = time.seconds_since(newest);
        if ahead_s <= NEAR_S && (tick || ahead_s >= -NEAR_S) {
            self.waiting = None;
            self.ticked |= tick;
            return self.take(time.max(newest));
        }
        if !estimate && (tick || !self.ticked) {
            return self.begin(time, tick);
        }
        if ahead_s < 0.0 {
            return Stamp::Refused(newest);
        }
        let confirmed = self.waiting.is_some_and(|waiting| {
            let near = time.seconds_since(waiting.time).abs() <= NEAR_S;
            near && (tick || waiting.tick || !self.ticked)
        });
        if confirmed {
            self.waiting = None;
            self.ticked |= tick;
            return self.take(time);
        }
        self.waiting = Some(Waiting { time, tick });
        Stamp::Refused(newest)
    }

    fn take(&mut self, time: MonotonicNs) -> Stamp {
        self.newest = Some(time);
        Stamp::Taken(time)
    }

    fn begin(&mut self, time: MonotonicNs, tick: bool) -> Stamp {
        *self = Self {
            newest: Some(time),
            waiting: None,
            ticked: tick,
        };
        Stamp::Begins(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> MonotonicNs {
        MonotonicNs(ms * MS)
    }

    #[test]
    fn one_stamp_in_the_far_future_costs_one_input() {
        let mut clock = Clock::default();
        clock.stamp(at(0), true, false);
        assert_eq!(
            clock.stamp(MonotonicNs(u64::MAX), false, true),
            Stamp::Refused(at(0))
        );
        assert_eq!(clock.stamp(at(20), false, true), Stamp::Taken(at(20)));
    }

    #[test]
    fn after_a_pause_two_ticks_or_a_tick_and_an_input_set_the_time() {
        for (first_tick, second_tick) in [(true, true), (true, false), (false, true)] {
            let mut clock = Clock::default();
            clock.stamp(at(0), true, false);
            assert_eq!(
                clock.stamp(at(20_000), first_tick, true),
                Stamp::Refused(at(0))
            );
            assert_eq!(
                clock.stamp(at(20_010), second_tick, true),
                Stamp::Taken(at(20_010))
            );
        }
    }

    #[test]
    fn a_sensor_whose_clock_runs_ahead_never_takes_the_time_with_it() {
        let mut clock = Clock::default();
        clock.stamp(at(0), true, false);
        for step in 1..1000 {
            let now = step * 10;
            assert!(matches!(
                clock.stamp(at(now + 5_000), false, true),
                Stamp::Refused(_)
            ));
            if step % 10 == 0 {
                assert_eq!(clock.stamp(at(now), true, true), Stamp::Taken(at(now)));
            }
        }
    }

    #[test]
    fn a_wrong_first_stamp_is_left_behind() {
        let mut clock = Clock::default();
        clock.stamp(MonotonicNs(u64::MAX), false, false);
        assert_eq!(clock.stamp(at(5), false, false), Stamp::Begins(at(5)));
        assert_eq!(clock.stamp(at(10), false, false), Stamp::Taken(at(10)));
    }

    proptest! {
        #[test]
        fn time_never_runs_back_and_leaps_only_on_two_witnesses(
            stamps in prop::collection::vec(
                (prop_oneof![8 => 0u64..2_000, 1 => any::<u64>().prop_map(|t| t / MS)], any::<bool>()),
                1..200
            )
        ) {
            let mut clock = Clock::default();
            clock.stamp(at(0), true, true);
            let mut refused = None::<MonotonicNs>;
            let mut now = 0u64;
            for (ms, tick) in stamps {
                let time = if ms < 2_000 { at(now + ms) } else { at(ms) };
                let before = clock.newest().unwrap();
                match clock.stamp(time, tick, true) {
                    Stamp::Taken(after) => {
                        prop_assert!(after >= before);
                        if after.seconds_since(before) > NEAR_S {
                            let witness = refused.unwrap();
                            prop_assert!(after.seconds_since(witness).abs() <= NEAR_S);
                        }
                        now = after.0 / MS;
                        refused = None;
                    }
                    Stamp::Begins(_) => prop_assert!(false, "there is an estimate"),
                    Stamp::Refused(still) => {
                        prop_assert_eq!(still, before);
                        if time > before {
                            refused = Some(time);
                        }
                    }
                }
            }
        }
    }
}
