//! What time it is.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::store::Moment;

/// The machine's clocks; the wall clock may be set off for drills.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    wall_offset_ms: i64,
}

impl Clock {
    /// The machine's clocks, the wall clock off by so many milliseconds.
    #[must_use]
    pub fn new(wall_offset_ms: i64) -> Self {
        Self {
            start: Instant::now(),
            wall_offset_ms,
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Moment {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let wall_ms = i64::try_from(wall.as_millis()).unwrap_or(i64::MAX);
        Moment {
            monotonic_ms: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            wall_ms: wall_ms.saturating_add(self.wall_offset_ms),
        }
    }
}
