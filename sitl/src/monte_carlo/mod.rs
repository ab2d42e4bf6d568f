//! Monte Carlo: many seeded flights through the navigator, judged against the truth.
//!
//! plan (from seed and number) -> flight (truth, sensors, navigator in one process, nothing encoded and
//! nothing recorded) -> samples -> report with limits. A flight knows nothing of the others, so threads
//! share nothing and their number changes no figure.

mod flight;
mod innovations;
mod limits;
pub mod plan;
mod render;
mod report;
pub mod sample;
pub mod signal;
mod statistics;
pub mod vehicle;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use companion::navigator::NavigatorConfig;

use plan::FlightPlan;

pub use flight::{Heard, Judged, configured, fly, fly_with, listen};
pub use innovations::{Consistency, Innovations};
pub use limits::{Limits, Verdict};
pub use render::render;
pub use report::{Flown, Report, Worst};
pub use sample::Sample;
pub use statistics::Group;

/// Most flights of one run: their samples are kept in memory, some 100 kB each.
pub const FLIGHTS_MAX: u64 = 10_000;
/// Shortest flight: GPS is lost after a tenth of it at the earliest, and must have been there.
pub const MINUTES_MIN: u32 = 4;
/// Longest flight.
pub const MINUTES_MAX: u32 = 60;
/// Most threads.
pub const THREADS_MAX: usize = 256;

/// What to fly.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seed of the run.
    pub seed: u64,
    /// Number of the first flight.
    pub first: u64,
    /// Flights to fly.
    pub flights: u64,
    /// Length of each.
    pub minutes: u32,
    /// Threads that fly.
    pub threads: NonZeroUsize,
    /// The navigator's settings.
    pub navigator: NavigatorConfig,
}

/// Why a run has no report.
#[derive(Debug, thiserror::Error)]
pub enum MonteCarloError {
    /// The limits cannot be read.
    #[error("sitl/limits.toml: {0}; correct it and build again")]
    Limits(#[from] toml::de::Error),
    /// No flight led to a position.
    #[error("not one position was emitted in {flights} flights: the navigator never started")]
    NoPosition {
        /// Flights flown.
        flights: u64,
    },
    /// A thread ended before its flights did.
    #[error(
        "flight {number} of seed {seed} did not end; `--first {number} --flights 1` flies it again"
    )]
    Unfinished {
        /// Seed of the run.
        seed: u64,
        /// Number of the flight.
        number: u64,
    },
}

/// Flies them all; `progress` hears how many are done after each.
///
/// # Errors
/// When the limits cannot be read, or no flight led to a position.
pub fn run(options: &Options, mut progress: impl FnMut(u64)) -> Result<Report, MonteCarloError> {
    let limits = Limits::of_the_file()?;
    let mut reporter = report::Reporter::default();
    let mut done = 0;
    in_order(options, |flown| {
        reporter.add(&flown);
        done += 1;
        progress(done);
    });
    if done < options.flights {
        return Err(MonteCarloError::Unfinished {
            seed: options.seed,
            number: options.first + done,
        });
    }
    reporter
        .finish(options.seed, options.first, options.minutes, &limits)
        .ok_or(MonteCarloError::NoPosition {
            flights: options.flights,
        })
}

/// Flies on several threads and hands the flights over in order of their numbers.
fn in_order(options: &Options, mut take: impl FnMut(Flown)) {
    let next = AtomicU64::new(0);
    let threads = options.threads.get().min(THREADS_MAX);
    let (sender, receiver) = mpsc::sync_channel::<Flown>(2 * threads);
    thread::scope(|scope| {
        let pilots: Vec<_> = (0..threads)
            .map(|_| {
                let (next, sender) = (&next, sender.clone());
                scope.spawn(move || fly_until_all_are_taken(options, next, &sender))
            })
            .collect();
        drop(sender);
        let mut waiting = std::collections::BTreeMap::new();
        let mut expected = options.first;
        for flown in receiver {
            waiting.insert(flown.number, flown);
            while let Some(flown) = waiting.remove(&expected) {
                take(flown);
                expected += 1;
            }
        }
        for pilot in pilots {
            // A pilot that panicked has said so on stderr, and its flight is missing.
            let _ = pilot.join();
        }
    });
}

fn fly_until_all_are_taken(options: &Options, next: &AtomicU64, sender: &mpsc::SyncSender<Flown>) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= options.flights {
            return;
        }
        let number = options.first + index;
        let plan = FlightPlan::draw(options.seed, number, options.minutes);
        let judged = fly(&plan, &options.navigator);
        let flown = Flown {
            number,
            plan,
            judged,
        };
        if sender.send(flown).is_err() {
            return;
        }
    }
}
