//! Two circuit breakers: one per source channel for the quality of its data, one per sink for its link.
//!
//! Data quality. Bad rows never stretch the cool-down and good ones count while it runs, so that a
//! channel is back at most one cool-down after its fault is gone (trap: "healed within 30 s").
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | closed | good row | closed | pass; the run of bad rows ends |
//! | closed | bad row, the n-th in a row | open until now + cool-down | dead-letter |
//! | closed | bad row, fewer | closed | dead-letter |
//! | open | good row | open | hold; counts as a probe |
//! | open | bad row | open | dead-letter; the probes start again |
//! | open | cool-down over, enough probes were good | closed | release what was held |
//! | open | cool-down over, too few | probing | - |
//! | probing | good row, enough in a row | closed | hold, then release everything |
//! | probing | bad row | open until now + cool-down | dead-letter |
//! | probing | silent for a cool-down | closed | release: silence is no fault, and held rows are good |
//! | open, probing | restart | probing | - |
//!
//! Transport.
//!
//! | state | event | next |
//! |---|---|---|
//! | closed | success | closed, failures forgotten |
//! | closed | the n-th failure in a row | open until now + cool-down |
//! | open | cool-down over | probing: one attempt |
//! | probing | success / failure | closed / open until now + cool-down |
//!
//! Time is monotonic, in milliseconds, and comes from the caller.

/// What a breaker does; the same three for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything passes.
    Closed,
    /// Nothing passes before the time.
    Open {
        /// Monotonic time at which the cool-down ends, milliseconds.
        until_ms: u64,
    },
    /// A few may pass, to see.
    Probing {
        /// Monotonic time since when, milliseconds.
        since_ms: u64,
    },
}

impl BreakerState {
    /// The state's name in reports and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::Probing { .. } => "probing",
        }
    }
}

/// What to do with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Into the buffer.
    Pass,
    /// Beside the buffer until the channel is sound again.
    Hold,
    /// To the dead letters.
    DeadLetter,
}

/// Limits of a data-quality breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QualityLimits {
    /// Bad rows in a row that open it.
    pub bad_in_a_row: u32,
    /// How long it stays open, milliseconds.
    pub cool_down_ms: u64,
    /// Good rows in a row that close it.
    pub probes: u32,
}

/// The data-quality breaker of one source channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityBreaker {
    /// What it does.
    pub state: BreakerState,
    bad_in_a_row: u32,
    good_in_a_row: u32,
    /// How often it opened.
    pub openings: u64,
}

/// What a row, or the time, did to a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// What to do with the row.
    pub flow: Flow,
    /// Whether everything held is to be re-injected, this row included when it was held.
    pub release: bool,
}

impl Default for QualityBreaker {
    fn default() -> Self {
        Self {
            state: BreakerState::Closed,
            bad_in_a_row: 0,
            good_in_a_row: 0,
            openings: 0,
        }
    }
}

impl QualityBreaker {
    /// A breaker as a restart finds it: one that was open probes at once. Were its cool-down to begin
    /// again, a process that is killed more often than that would hold its rows for ever.
    #[must_use]
    pub fn restored(was_closed: bool, openings: u64, now_ms: u64) -> Self {
        let state = if was_closed {
            BreakerState::Closed
        } else {
            BreakerState::Probing { since_ms: now_ms }
        };
        Self {
            state,
            openings,
            ..Self::default()
        }
    }

    /// Time passes; true when what is held is to be re-injected.
    pub fn tick(&mut self, limits: QualityLimits, now_ms: u64) -> bool {
        match self.state {
            BreakerState::Open { until_ms } if now_ms >= until_ms => {
                if self.good_in_a_row >= limits.probes {
                    self.close();
                    return true;
                }
                self.state = BreakerState::Probing { since_ms: until_ms };
                self.tick(limits, now_ms)
            }
            BreakerState::Probing { since_ms } if now_ms >= since_ms + limits.cool_down_ms => {
                self.close();
                true
            }
            BreakerState::Closed | BreakerState::Open { .. } | BreakerState::Probing { .. } => {
                false
            }
        }
    }

    /// A row was judged; the caller has called [`QualityBreaker::tick`] for the same time before.
    pub fn row(&mut self, good: bool, limits: QualityLimits, now_ms: u64) -> Ruling {
        let ruling = |flow, release| Ruling { flow, release };
        if good {
            self.bad_in_a_row = 0;
            self.good_in_a_row = self.good_in_a_row.saturating_add(1);
        } else {
            self.good_in_a_row = 0;
            self.bad_in_a_row = self.bad_in_a_row.saturating_add(1);
        }
        match (self.state, good) {
            (BreakerState::Closed, true) => ruling(Flow::Pass, false),
            (BreakerState::Closed, false) => {
                if self.bad_in_a_row >= limits.bad_in_a_row {
                    self.open(limits, now_ms);
                }
                ruling(Flow::DeadLetter, false)
            }
            (BreakerState::Open { .. }, true) => ruling(Flow::Hold, false),
            (BreakerState::Open { .. }, false) => ruling(Flow::DeadLetter, false),
            (BreakerState::Probing { .. }, true) => {
                let closes = self.good_in_a_row >= limits.probes;
                if closes {
                    self.close();
                }
                ruling(Flow::Hold, closes)
            }
            (BreakerState::Probing { .. }, false) => {
                self.open(limits, now_ms);
                ruling(Flow::DeadLetter, false)
            }
        }
    }

    fn open(&mut self, limits: QualityLimits, now_ms: u64) {
        self.state = BreakerState::Open {
            until_ms: now_ms + limits.cool_down_ms,
        };
        self.openings += 1;
        self.good_in_a_row = 0;
    }

    /// Closes it, whatever it saw: its own decision, or a person's.
    pub fn close(&mut self) {
        *self = Self {
            openings: self.openings,
            ..Self::default()
        };
    }
}

/// The transport breaker of one sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportBreaker {
    /// What it does.
    pub state: BreakerState,
    threshold: u32,
    cool_down_ms: u64,
    failures: u32,
    /// How often it opened.
    pub openings: u64,
}

impl TransportBreaker {
    /// A closed one that opens after `threshold` failures in a row, for `cool_down_ms`.
    #[must_use]
    pub fn new(threshold: u32, cool_down_ms: u64) -> Self {
        Self {
            state: BreakerState::Closed,
            threshold,
            cool_down_ms,
            failures: 0,
            openings: 0,
        }
    }

    /// Whether an attempt may be made now.
    pub fn allows(&mut self, now_ms: u64) -> bool {
        match self.state {
            BreakerState::Open { until_ms } if now_ms < until_ms => false,
            BreakerState::Open { until_ms } => {
                self.state = BreakerState::Probing { since_ms: until_ms };
                true
            }
            BreakerState::Closed | BreakerState::Probing { .. } => true,
        }
    }

    /// An attempt reached the sink.
    pub fn succeeded(&mut self) {
        self.state = BreakerState::Closed;
        self.failures = 0;
    }

    /// An attempt did not, or nobody knows.
    pub fn failed(&mut self, now_ms: u64) {
        self.failures = self.failures.saturating_add(1);
        let opens = match self.state {
            BreakerState::Closed => self.failures >= self.threshold,
            BreakerState::Probing { .. } => true,
            BreakerState::Open { .. } => false,
        };
        if opens {
            self.state = BreakerState::Open {
                until_ms: now_ms + self.cool_down_ms,
            };
            self.openings += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: QualityLimits = QualityLimits {
        bad_in_a_row: 5,
        cool_down_ms: 30_000,
        probes: 3,
    };

    fn opened_at(now_ms: u64) -> QualityBreaker {
        let mut breaker = QualityBreaker::default();
        for _ in 0..5 {
            assert_eq!(breaker.row(false, LIMITS, now_ms).flow, Flow::DeadLetter);
        }
        assert_eq!(breaker.state.name(), "open");
        breaker
    }

    #[test]
    fn four_bad_rows_and_a_good_one_leave_it_closed() {
        let mut breaker = QualityBreaker::default();
        for _ in 0..3 {
            for _ in 0..4 {
                breaker.row(false, LIMITS, 0);
            }
            assert_eq!(breaker.row(true, LIMITS, 0).flow, Flow::Pass);
        }
        assert_eq!(breaker.state, BreakerState::Closed);
    }

    #[test]
    fn good_rows_are_held_while_it_is_open_and_never_dead_lettered() {
        let mut breaker = opened_at(0);
        for now in 1..29_999 {
            assert!(!breaker.tick(LIMITS, now));
            assert_eq!(
                breaker.row(true, LIMITS, now),
                Ruling {
                    flow: Flow::Hold,
                    release: false
                }
            );
        }
        assert!(breaker.tick(LIMITS, 30_000), "what was held is released");
        assert_eq!(breaker.row(true, LIMITS, 30_001).flow, Flow::Pass);
    }

    /// For every moment at which the fault may end, rows every 100 ms close it within 30 s of that.
    #[test]
    fn it_is_healed_within_30_s_of_the_moment_the_fault_is_gone() {
        for fault_ends in (0..100_000).step_by(700) {
            let mut breaker = QualityBreaker::default();
            let mut healed = None;
            for now in (0..200_000).step_by(100) {
                let released = breaker.tick(LIMITS, now);
                let ruling = breaker.row(now >= fault_ends, LIMITS, now);
                if now >= fault_ends && (released || ruling.release || ruling.flow == Flow::Pass) {
                    healed = Some(now - fault_ends);
                    break;
                }
            }
            let took = healed.expect("heals");
            assert!(
                took <= 30_100,
                "fault until {fault_ends}: {took} ms, one row's time included"
            );
        }
    }

    #[test]
    fn a_silent_channel_gives_back_what_was_held() {
        let mut breaker = opened_at(0);
        breaker.row(true, LIMITS, 10);
        assert!(!breaker.tick(LIMITS, 30_000));
        assert!(breaker.tick(LIMITS, 60_000));
        assert_eq!(breaker.state, BreakerState::Closed);
    }

    #[test]
    fn an_open_transport_breaker_lets_one_attempt_through_after_its_cool_down() {
        let mut breaker = TransportBreaker::new(3, 5_000);
        for _ in 0..3 {
            assert!(breaker.allows(0));
            breaker.failed(0);
        }
        assert!(!breaker.allows(4_999));
        assert!(breaker.allows(5_000));
        breaker.failed(5_000);
        assert!(!breaker.allows(9_999));
        assert!(breaker.allows(10_000));
        breaker.succeeded();
        assert_eq!(breaker.state, BreakerState::Closed);
        assert_eq!(breaker.openings, 2);
    }
}
