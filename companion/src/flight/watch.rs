//! What watches over a flight beside the threads that fly it: state of the machine, watchdog, metrics, log.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::hardening::notify::Notifier;
use crate::hardening::watchdog::{Progress, Watchdog};
use crate::hardening::{Protection, memory};
use crate::health::{BoardReadings, HealthConfig, HealthReader};
use crate::link::Inbox;
use crate::navigator::{Input, MonotonicNs};
use crate::observability::metrics::Metrics;
use crate::observability::{LogLosses, Logs};
use crate::recorder::{Clock, RecordSender, Recorder, Status};

/// How often the health thread looks around.
const NAP: Duration = Duration::from_millis(100);
/// How often the machine is sampled.
const SAMPLE_NS: u64 = 1_000_000_000;

/// What the endpoint of the bench may look at while a flight is recorded.
pub type RecorderView = Arc<OnceLock<(Arc<Status>, Clock)>>;

/// The watch over one flight. The default watches without a log, a service manager or an endpoint.
#[derive(Debug, Default)]
pub struct Watch {
    /// How far the navigator is.
    pub progress: Progress,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The board as it was last read.
    pub board: Arc<Mutex<BoardReadings>>,
    /// The recorder, once there is one.
    pub recorder: RecorderView,
    /// The log of the process.
    pub logs: Option<Logs>,
    /// The service manager.
    pub notifier: Option<Notifier>,
    /// How often it wants to hear that the navigator gets on.
    pub watchdog: Option<Duration>,
    /// Whether keys and the recorder's room are to be kept in memory.
    pub locks_memory: bool,
}

impl Watch {
    /// The recorder is up; `sender` records the log's warnings.
    pub(super) fn recording(&self, recorder: &Recorder, sender: RecordSender) {
        let view = (Arc::clone(recorder.status()), recorder.clock());
        // A watch is over one flight.
        let _ = self.recorder.set(view);
        if let Some(logs) = &self.logs {
            let flight = recorder.folder().file_name().unwrap_or_default();
            logs.record_into(flight.to_string_lossy().into_owned(), Some(sender));
        }
        if self.locks_memory {
            match memory::lock() {
                Protection::InForce => {}
                missing => tracing::warn!(component = "hardening", "memory lock: {missing}"),
            }
        }
    }

    /// Positions will flow.
    pub(super) fn ready(&self) {
        self.tell(Notifier::ready);
    }

    /// The end has begun.
    pub(super) fn stopping(&self) {
        self.tell(Notifier::stopping);
    }

    /// The recorder is about to end.
    pub(super) fn recorded(&self) {
        if let Some(logs) = &self.logs {
            logs.end_recording();
        }
    }

    fn tell(&self, word: impl Fn(&Notifier) -> std::io::Result<()>) {
        if let Some(Err(error)) = self.notifier.as_ref().map(word) {
            tracing::warn!(
                component = "hardening",
                "the service manager does not listen: {error}"
            );
        }
    }

    /// The health thread's work, until `ending`.
    pub(super) fn watch(
        &self,
        config: &HealthConfig,
        recording: &Path,
        inbox: &Inbox,
        clock: Clock,
        ending: &AtomicBool,
    ) {
        let mut reader = HealthReader::new(config, recording);
        let mut dog = Watchdog::new(self.progress.clone());
        let nap = self
            .watchdog
            .map_or(NAP, |interval| Watchdog::period(interval).min(NAP));
        let mut due_ns = clock.now_ns().saturating_add(SAMPLE_NS);
        let mut told = LogLosses::default();
        let mut deaf = false;
        while !ending.load(Ordering::Acquire) {
            thread::sleep(nap);
            if dog.look() && self.watchdog.is_some() {
                deaf = self.feed(deaf);
            }
            let now_ns = clock.now_ns();
            if now_ns < due_ns {
                continue;
            }
            due_ns = now_ns.max(due_ns.saturating_add(SAMPLE_NS));
            let readings = reader.sample(MonotonicNs(now_ns));
            inbox.input(Input::SystemHealth(readings.health));
            *self.board.lock().unwrap_or_else(PoisonError::into_inner) = readings.board;
            told = self.tell_losses(told);
        }
    }

    /// Tells that the navigator gets on; whether nobody heard, which is said once.
    fn feed(&self, was_deaf: bool) -> bool {
        let told = self.notifier.as_ref().map(Notifier::alive);
        let Some(Err(error)) = told else { return false };
        if !was_deaf {
            tracing::warn!(
                component = "hardening",
                "the service manager does not listen: {error}"
            );
        }
        true
    }

    /// Lines that reached no log are told in the next that does.
    fn tell_losses(&self, told: LogLosses) -> LogLosses {
        let Some(losses) = self.logs.as_ref().map(Logs::losses) else {
            return told;
        };
        if losses != told {
            tracing::warn!(
                component = "observability",
                lost = losses.lost,
                withheld = losses.withheld,
                "lines of the log were lost, or withheld because they hold coordinates"
            );
        }
        // The line just written may itself be lost; it is told with the next.
        losses
    }
}
