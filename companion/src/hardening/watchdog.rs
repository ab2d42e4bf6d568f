//! Whether the service manager may be told that all is well: only when the navigator got on since.
//!
//! | the navigator's count | next | effect |
//! |---|---|---|
//! | grew | its new value | alive is told |
//! | stood still | as before | nothing: the manager's patience runs out, and it starts the process again |
//!
//! A thread that only slept and reported would keep a dead navigator alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How far the navigator is. Its thread counts every input that it has handled; nobody else does.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// One more input is handled.
    pub fn step(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Inputs handled so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The dog.
#[derive(Debug, Clone)]
pub struct Watchdog {
    progress: Progress,
    seen: u64,
}

impl Watchdog {
    /// A watchdog over `progress`.
    #[must_use]
    pub fn new(progress: Progress) -> Self {
        let seen = progress.count();
        Self { progress, seen }
    }

    /// Whether alive may be told now.
    pub fn look(&mut self) -> bool {
        let count = self.progress.count();
        let grew = count != self.seen;
        self.seen = count;
        grew
    }

    /// How often to look when the manager wants to hear every `interval`: three times as often, so that
    /// one late look does not end a flight.
    #[must_use]
    pub fn period(interval: Duration) -> Duration {
        interval / 3
    }
}
