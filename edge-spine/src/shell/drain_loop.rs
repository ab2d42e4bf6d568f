//! Rounds of the drain, with waits between them.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Clock, LogKeeper, Watchdog, WatchdogJudge};
use crate::config::{Config, millis};
use crate::drain::{Drainer, Round};
use crate::geofence::Fence;
use crate::health;
use crate::sink::Sink;
use crate::store::{Role, RoleLock, Store, StoreError};

/// How often new rows are looked for: "at once when rows arrive".
const LOOK: Duration = Duration::from_millis(20);

/// How a drain runs.
#[derive(Debug, Clone, Default)]
pub struct DrainOptions {
    /// Goes on when everything is sent.
    pub follow: bool,
    /// Gives up when nothing could be sent for so long; never, unless set.
    pub give_up_after: Option<Duration>,
    /// Where metrics go, every interval.
    pub metrics_file: Option<PathBuf>,
    /// Ends the drain between two rounds.
    pub stop: Arc<AtomicBool>,
}

/// What a drain did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Drained {
    /// Rows delivered.
    pub rows: i64,
    /// Rows that still wait.
    pub waiting: i64,
    /// What the sink said last, when it said no.
    pub error: Option<String>,
}

/// Sends what waits in the store of `config`.
///
/// # Errors
/// When the store cannot be used; nothing is lost.
pub fn drain(
    config: Config,
    fence: Option<Fence>,
    sink: Box<dyn Sink + Send>,
    options: &DrainOptions,
    clock: Clock,
) -> Result<Drained, StoreError> {
    let _role = RoleLock::take(&config.directory, Role::Drain)?;
    let store = Store::open(&config)?;
    let _keeper = LogKeeper::start(&config)?;
    let interval = Duration::from_millis(millis(config.drain.interval_s));
    let config = Arc::new(config);
    let seed = u64::from(std::process::id());
    let mut drainer = Drainer::new(store, Arc::clone(&config), fence, sink, seed)?;
    let mut watchdog = Watchdog::from_environment();
    let mut judge = WatchdogJudge::default();
    let mut now = || clock.now();
    let mut done = Drained::default();
    let mut last_sent = Instant::now();
    let mut reported = Instant::now();
    let mut said = String::new();
    while !options.stop.load(Ordering::Relaxed) {
        let round = drainer.round(&mut now)?;
        let wait = match &round {
            Round::Sent { rows } => {
                done.rows += rows;
                done.error = None;
                last_sent = Instant::now();
                // Rows that trickle in leave together: a commit for each few would keep the intake waiting.
                if options.follow && *rows < config.drain.batch_rows {
                    LOOK.min(interval)
                } else {
                    Duration::ZERO
                }
            }
            Round::Idle if !options.follow => break,
            Round::Idle => {
                last_sent = Instant::now();
                LOOK.min(interval)
            }
            Round::Waiting { wait, error, .. } => {
                if said != *error {
                    let _ = writeln!(
                        std::io::stderr(),
                        "spine: the sink does not take rows: {error}"
                    );
                    said.clone_from(error);
                }
                done.error = Some(error.clone());
                if options
                    .give_up_after
                    .is_some_and(|limit| last_sent.elapsed() > limit)
                {
                    break;
                }
                *wait
            }
        };
        if judge.is_alive(&round, clock.now().monotonic_ms) {
            watchdog.feed();
        }
        if reported.elapsed() >= interval {
            reported = Instant::now();
            if let Some(path) = &options.metrics_file {
                health::write_metrics(path, drainer.store(), &config, clock.now());
            }
        }
        std::thread::sleep(wait.min(Duration::from_millis(250)));
    }
    let tally = drainer.store().counts()?;
    done.waiting = tally.pending + tally.draining;
    Ok(done)
}
