//! A progress bar on stderr, when somebody is there to see it.

use std::io::{IsTerminal, Write};

use companion::replay::{Pass, Progress};

const WIDTH: usize = 40;

/// Draws itself over and over in one line; clears the line when dropped.
pub struct ProgressBar {
    visible: bool,
    drawn: Option<(Pass, usize)>,
}

impl ProgressBar {
    pub fn new() -> Self {
        Self {
            visible: std::io::stderr().is_terminal(),
            drawn: None,
        }
    }

    pub fn show(&mut self, Progress { pass, done, total }: Progress) {
        let percent = (done.saturating_mul(100) / total.max(1)).min(100) as usize;
        if !self.visible || self.drawn == Some((pass, percent)) {
            return;
        }
        self.drawn = Some((pass, percent));
        let filled = percent * WIDTH / 100;
        let verb = match pass {
            Pass::Survey => "reading",
            Pass::Replay => "replaying",
        };
        let bar = "#".repeat(filled) + &".".repeat(WIDTH - filled);
        // A terminal that is gone is no reason to stop.
        let _ = write!(std::io::stderr(), "\r[{bar}] {percent:3} % {verb:9}");
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
