//! A progress bar on stderr, when somebody is there to see it.

use std::io::{IsTerminal, Write};

const WIDTH: usize = 40;

/// Draws itself over and over in one line; clears the line when dropped.
pub struct Progress {
    visible: bool,
    drawn: Option<usize>,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            visible: std::io::stderr().is_terminal(),
            drawn: None,
        }
    }

    pub fn show(&mut self, done: u64, total: u64) {
        let percent = (done.saturating_mul(100) / total.max(1)).min(100) as usize;
        if !self.visible || self.drawn == Some(percent) {
            return;
        }
        self.drawn = Some(percent);
        let filled = percent * WIDTH / 100;
        let bar = "#".repeat(filled) + &".".repeat(WIDTH - filled);
        // A terminal that is gone is no reason to stop.
        let _ = write!(std::io::stderr(), "\r[{bar}] {percent:3} %");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
