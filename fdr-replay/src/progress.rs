//! Progress of long work, on stderr and only when somebody watches.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Time between two updates, and before the first one.
const INTERVAL: Duration = Duration::from_millis(200);

/// One line on the terminal that says how far the work is.
#[derive(Debug)]
pub struct Progress {
    verb: &'static str,
    watched: bool,
    shown: bool,
    next: Instant,
}

impl Progress {
    /// Progress of `verb` ("verifying").
    pub fn new(verb: &'static str) -> Self {
        Self {
            verb,
            watched: stderr().is_terminal(),
            shown: false,
            next: Instant::now() + INTERVAL,
        }
    }

    /// Says that `done` of `total` bytes are done.
    pub fn update(&mut self, done: u64, total: u64) {
        if !self.watched || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + INTERVAL;
        self.shown = true;
        let percent = 100 * done / total.max(1);
        // A terminal that went away is no reason to stop the work.
        let _ = write!(stderr(), "\r{} {percent} % of {total} bytes", self.verb);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
