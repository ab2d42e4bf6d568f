//! Progress of long work, on stderr and only when somebody watches.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that ends within this time shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);
/// Times a second that the bar is drawn anew.
const DRAWS_PER_SECOND: u8 = 10;
const TEMPLATE: &str = "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// A bar on the terminal that says how far the work is; nothing when stderr is no terminal.
#[derive(Debug)]
pub struct Progress {
    verb: &'static str,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress of `verb` ("verifying").
    pub fn new(verb: &'static str) -> Self {
        Self {
            verb,
            begun: Instant::now(),
            bar: None,
        }
    }

    /// Says that `done` of `total` bytes are done.
    pub fn update(&mut self, done: u64, total: u64) {
        if self.bar.is_none() && self.begun.elapsed() < PATIENCE {
            return;
        }
        let verb = self.verb;
        let bar = self.bar.get_or_insert_with(|| {
            // indicatif draws nothing where there is no terminal.
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
            let bar = ProgressBar::with_draw_target(Some(total), target).with_message(verb);
            match ProgressStyle::with_template(TEMPLATE) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        bar.set_length(total);
        bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
