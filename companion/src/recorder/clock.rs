//! The times that a recorder goes by.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fdr_format::ClockAnchor;

use super::collector::Collector;

/// The clock of a recorder: monotonic nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    start_ns: u64,
}

impl Clock {
    /// A clock that says `start_ns` now.
    #[must_use]
    pub fn starting_at(start_ns: u64) -> Self {
        Self {
            start: Instant::now(),
            start_ns,
        }
    }

    /// What it says now.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        // Five hundred years of nanoseconds fit.
        self.start_ns + self.start.elapsed().as_nanos() as u64
    }
}

/// Whose time a collector goes by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// A clock's.
    Clock {
        clock: Clock,
        /// Whether the machine's wall clock is known to be right.
        has_wall_clock: bool,
    },
    /// That of the newest record: the same records make the same recording.
    Records,
}

impl Pace {
    /// What it is now.
    pub fn now_ns(self, collector: &Collector) -> u64 {
        match self {
            Self::Clock { clock, .. } => clock.now_ns(),
            Self::Records => collector.last_ns(),
        }
    }

    /// This moment in both clocks, where there are two.
    pub fn anchor(self) -> Option<ClockAnchor> {
        let Self::Clock {
            clock,
            has_wall_clock: true,
        } = self
        else {
            return None;
        };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(ClockAnchor {
            monotonic_ns: clock.now_ns(),
            unix_ns: u64::try_from(unix.as_nanos()).ok(),
        })
    }
}
