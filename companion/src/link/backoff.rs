//! How long to wait before a link is tried again.
//!
//! | event | next wait |
//! |---|---|
//! | the first failure | the shortest |
//! | another failure | twice the last, at most the longest |
//! | bytes came | the shortest again |

use std::time::Duration;

/// Wait after the first failure.
pub const BACKOFF_SHORTEST: Duration = Duration::from_millis(50);
/// Longest wait.
pub const BACKOFF_LONGEST: Duration = Duration::from_secs(1);

/// The waits of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            next: BACKOFF_SHORTEST,
        }
    }
}

impl Backoff {
    /// How long to wait after one more failure.
    pub fn failed(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(BACKOFF_LONGEST);
        wait
    }

    /// The link works.
    pub fn worked(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_once_it_worked() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..7).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1000, 1000]);
        backoff.worked();
        assert_eq!(backoff.failed(), BACKOFF_SHORTEST);
    }
}
