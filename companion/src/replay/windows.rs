//! When GPS is denied: seconds since the first message of the log.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Most denial windows of one replay.
const WINDOWS_MAX: usize = 1000;
/// No log is longer than this, seconds.
const SECONDS_MAX: f64 = 1e7;

/// One stretch without GPS, start included, end not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenialWindow {
    start_us: u64,
    end_us: u64,
}

/// What is wrong with a denial window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WindowError {
    /// The text is not `START_S:END_S`.
    #[error("not a window; write START_S:END_S in seconds since the first message, as 120:180")]
    NotAWindow,
    /// The end does not lie behind the start.
    #[error("the end of window {0} must be later than its start")]
    Reversed(DenialWindow),
    /// Two windows share some time.
    #[error("the windows {0} and {1} overlap; give one window for both")]
    Overlap(DenialWindow, DenialWindow),
    /// The window does not lie within the log.
    #[error("the window {window} does not lie within the {:.3} s", *.duration_us as f64 * 1e-6)]
    OutsideLog {
        /// The window.
        window: DenialWindow,
        /// Length of the log.
        duration_us: u64,
    },
    /// More windows than are allowed.
    #[error("{0} windows, at most {WINDOWS_MAX} are allowed")]
    TooMany(usize),
}

impl DenialWindow {
    /// A window from `start_us` to `end_us`, microseconds since the first message.
    ///
    /// # Errors
    /// When the end does not lie behind the start.
    pub fn new(start_us: u64, end_us: u64) -> Result<Self, WindowError> {
        let window = Self { start_us, end_us };
        if end_us > start_us {
            Ok(window)
        } else {
            Err(WindowError::Reversed(window))
        }
    }

    /// Its start, seconds since the first message.
    #[must_use]
    pub fn start_s(&self) -> f64 {
        self.start_us as f64 / 1e6
    }

    /// Its end, seconds since the first message.
    #[must_use]
    pub fn end_s(&self) -> f64 {
        self.end_us as f64 / 1e6
    }

    /// Whether `since_start_us` lies in it.
    #[must_use]
    pub fn contains(&self, since_start_us: u64) -> bool {
        (self.start_us..self.end_us).contains(&since_start_us)
    }
}

impl fmt::Display for DenialWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.start_s(), self.end_s())
    }
}

impl FromStr for DenialWindow {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let (start, end) = text.split_once(':').ok_or(WindowError::NotAWindow)?;
        Self::new(microseconds(start)?, microseconds(end)?)
    }
}

fn microseconds(text: &str) -> Result<u64, WindowError> {
    match text.trim().parse::<f64>() {
        Ok(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => {
            Ok(libm::round(seconds * 1e6) as u64)
        }
        _ => Err(WindowError::NotAWindow),
    }
}

/// The denial windows of a replay, in order of time, none overlapping another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DenialWindows {
    windows: Vec<DenialWindow>,
}

impl DenialWindows {
    /// Orders and checks `windows`.
    ///
    /// # Errors
    /// When two overlap or there are too many.
    pub fn new(mut windows: Vec<DenialWindow>) -> Result<Self, WindowError> {
        if windows.len() > WINDOWS_MAX {
            return Err(WindowError::TooMany(windows.len()));
        }
        windows.sort_by_key(|window| window.start_us);
        for pair in windows.windows(2) {
            if pair[1].start_us < pair[0].end_us {
                return Err(WindowError::Overlap(pair[0], pair[1]));
            }
        }
        Ok(Self { windows })
    }

    /// Checks that every window lies within a log of this length.
    ///
    /// # Errors
    /// The first window that does not.
    pub fn check_within(&self, duration_us: u64) -> Result<(), WindowError> {
        let outside = self.iter().find(|window| window.end_us > duration_us);
        outside.map_or(Ok(()), |window| {
            Err(WindowError::OutsideLog {
                window: *window,
                duration_us,
            })
        })
    }

    /// The windows in order of time.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &DenialWindow> {
        self.windows.iter()
    }

    /// The index of the window that `since_start_us` lies in.
    #[must_use]
    pub fn find(&self, since_start_us: u64) -> Option<usize> {
        let begun = self
            .windows
            .partition_point(|window| window.start_us <= since_start_us);
        let index = begun.checked_sub(1)?;
        self.windows[index]
            .contains(since_start_us)
            .then_some(index)
    }
}
