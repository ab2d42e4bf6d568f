//! The threads around the machines: clocks, the intake of a stream of lines, and the drain.
//!
//! An intake has a thread that reads lines and one that commits; between them is a bounded queue, so that
//! the next group gathers while the disk syncs. A full queue stops the reading: the source feels it. A
//! third thread copies the write-ahead log into the database, so that no row waits for that.

mod bad_rows;
mod clock;
mod drain_loop;
mod ingest_loop;
mod watchdog;

pub use clock::Clock;
pub use drain_loop::{DrainOptions, Drained, drain};
pub use ingest_loop::{Ingested, ingest};
pub use watchdog::{Watchdog, WatchdogJudge};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::config::Config;
use crate::store::{Store, StoreError};

/// How often the write-ahead log is copied.
const LOG_INTERVAL: Duration = Duration::from_millis(250);

/// Copies the write-ahead log until it is dropped.
#[derive(Debug)]
struct LogKeeper {
    ends: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl LogKeeper {
    fn start(config: &Config) -> Result<Self, StoreError> {
        let store = Store::open(config)?;
        let ends = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                // A log that cannot be copied now is copied later; writers notice a full disk themselves.
                let _ = store.checkpoint_log();
                std::thread::park_timeout(LOG_INTERVAL);
            }
        });
        Ok(Self {
            ends,
            thread: Some(thread),
        })
    }
}

impl Drop for LogKeeper {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It holds nothing that its end could lose.
            let _ = thread.join();
        }
    }
}
