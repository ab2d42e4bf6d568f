//! How long to wait before the next attempt: exponential with jitter, and for ever.
//!
//! The delays come from `backon`; the seed makes a run repeatable and keeps a fleet from calling in step.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// The delays between attempts on one sink.
#[derive(Debug)]
pub struct Backoff {
    least: Duration,
    most: Duration,
    seed: u64,
    rounds: u64,
    delays: ExponentialBackoff,
}

impl Backoff {
    /// Delays that double from `least` to `most`, each with up to its own length of jitter on top.
    #[must_use]
    pub fn new(least: Duration, most: Duration, seed: u64) -> Self {
        Self {
            least,
            most,
            seed,
            rounds: 0,
            delays: delays(least, most, seed),
        }
    }

    /// How long to wait after one more failure; at most twice `most`.
    pub fn failed(&mut self) -> Duration {
        // Without a limit on the times the iterator never ends; if it did, waiting longest is right.
        self.delays.next().unwrap_or(self.most).min(2 * self.most)
    }

    /// An attempt succeeded: the next failure waits the least again.
    pub fn succeeded(&mut self) {
        self.rounds += 1;
        self.delays = delays(self.least, self.most, self.seed.wrapping_add(self.rounds));
    }
}

fn delays(least: Duration, most: Duration, seed: u64) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(least)
        .with_max_delay(most)
        .with_factor(2.0)
        .without_max_times()
        .with_jitter()
        .with_jitter_seed(seed)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_limit_and_never_end() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 1);
        let delays: Vec<_> = (0..10_000).map(|_| backoff.failed()).collect();
        assert!(delays[0] >= Duration::from_millis(100) && delays[0] <= Duration::from_millis(200));
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(10)));
        assert!(delays[9_999] >= Duration::from_secs(5));
        backoff.succeeded();
        assert!(backoff.failed() <= Duration::from_millis(200));
    }

    #[test]
    fn two_seeds_do_not_call_in_step() {
        let mut one = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 1);
        let mut two = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 2);
        assert!((0..8).any(|_| one.failed() != two.failed()));
    }
}
