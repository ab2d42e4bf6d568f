//! The thread that writes the log, and the program's hold on it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing_subscriber::layer::SubscriberExt;

use super::capture::{Capture, Counters};
use super::config::LogLevel;
use super::line::Line;
use super::sink::{Sink, record};
use crate::hardening::watchdog::Progress;
use crate::recorder::{Clock, RecordSender};

/// Lines that wait for the thread at most.
pub const QUEUE_LINES: usize = 1024;
/// How long the end of a flight waits for the log.
const PATIENCE: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(5);

pub(super) enum Message {
    Line(Line),
    Flight {
        id: String,
        sender: Option<Box<RecordSender>>,
    },
    /// Record what came before, and nothing from now on; then say so.
    EndRecording(SyncSender<()>),
    /// Write what came before, and end; then say so.
    Stop(SyncSender<()>),
}

/// Where the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPlace {
    /// The system's journal.
    Journal,
    /// JSON on stdout, an object a line.
    Stdout,
    /// The same on stderr, when stdout belongs to a report.
    Stderr,
}

/// How the log is written.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// How much.
    pub level: LogLevel,
    /// Where to.
    pub place: LogPlace,
    /// The clock of the flight.
    pub clock: Clock,
    /// How far the navigator is.
    pub progress: Progress,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// There is no journal.
    #[error("the system's journal cannot be reached: {0}; start systemd-journald")]
    Journal(io::Error),
    /// The thread cannot be started.
    #[error("the log's thread cannot be started: {0}")]
    Thread(io::Error),
    /// Somebody in the program logs already.
    #[error("the program has a log already")]
    Twice,
}

/// Lines that reached no log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogLosses {
    /// The queue was full, or the log could not be written.
    pub lost: u64,
    /// They held coordinates.
    pub withheld: u64,
}

/// The log of the process.
#[derive(Debug)]
pub struct Logs {
    queue: SyncSender<Message>,
    counters: Arc<Counters>,
    thread: JoinHandle<()>,
}

impl Logs {
    /// Begins the log of this process: from now on every event of `tracing` goes into it.
    ///
    /// # Errors
    /// When it cannot be written, or has begun before.
    pub fn start(options: LogOptions) -> Result<Self, LogError> {
        let sink = Sink::open(options.place).map_err(LogError::Journal)?;
        let (queue, lines) = sync_channel(QUEUE_LINES);
        let counters = Arc::new(Counters::default());
        let capture = Capture {
            level: options.level.filter(),
            queue: queue.clone(),
            counters: Arc::clone(&counters),
            clock: options.clock,
            progress: options.progress,
        };
        let thread = thread::Builder::new()
            .name("log".to_owned())
            .spawn({
                let counters = Arc::clone(&counters);
                move || write(sink, &lines, &counters)
            })
            .map_err(LogError::Thread)?;
        let subscriber = tracing_subscriber::registry().with(capture);
        tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
        Ok(Self {
            queue,
            counters,
            thread,
        })
    }

    /// From now on lines belong to a flight, and those of WARN and above are recorded through `sender`.
    pub fn record_into(&self, flight_id: String, sender: Option<RecordSender>) {
        let flight = Message::Flight {
            id: flight_id,
            sender: sender.map(Box::new),
        };
        // A log that hangs has lost nothing but lines, which are counted.
        let _ = self.hand(flight);
    }

    /// The flight ends: what was logged so far is recorded, and nothing from now on. To be called before
    /// the recorder is finished; waits for a log that hangs for a second at most.
    pub fn end_recording(&self) {
        self.ask(Message::EndRecording);
    }

    /// Hands a message over and waits until it is worked off, both no longer than [`PATIENCE`].
    fn ask(&self, message: impl FnOnce(SyncSender<()>) -> Message) -> bool {
        let (done, worked_off) = sync_channel(1);
        self.hand(message(done)) && worked_off.recv_timeout(PATIENCE).is_ok()
    }

    /// Whether the thread took it; one that hangs in its log takes nothing.
    fn hand(&self, message: Message) -> bool {
        let begin = Instant::now();
        let mut message = message;
        loop {
            match self.queue.try_send(message) {
                Ok(()) => return true,
                Err(TrySendError::Full(back)) if begin.elapsed() < PATIENCE => message = back,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return false,
            }
            thread::sleep(RETRY);
        }
    }

    /// Lines that reached no log so far.
    #[must_use]
    pub fn losses(&self) -> LogLosses {
        LogLosses {
            lost: self.counters.lost.load(Ordering::Relaxed),
            withheld: self.counters.withheld.load(Ordering::Relaxed),
        }
    }

    /// Writes what was logged so far. What is logged from now on is counted as lost.
    pub fn finish(self) -> LogLosses {
        if self.ask(Message::Stop) {
            // A log that failed is told by its counts.
            let _ = self.thread.join();
        }
        LogLosses {
            lost: self.counters.lost.load(Ordering::Relaxed),
            withheld: self.counters.withheld.load(Ordering::Relaxed),
        }
    }
}

fn write(mut sink: Sink, messages: &Receiver<Message>, counters: &Counters) {
    let mut flight = None;
    let mut recorder = None;
    while let Ok(message) = messages.recv() {
        match message {
            Message::Line(line) => {
                let written = sink.write(&line, flight.as_deref()).is_ok();
                let recorded = recorder
                    .as_mut()
                    .is_none_or(|sender| !record(&line, sender));
                if !(written && recorded) {
                    counters.lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            Message::Flight { id, sender } => {
                flight = Some(id);
                recorder = sender.map(|sender| *sender);
            }
            Message::EndRecording(done) => {
                recorder = None;
                // Whoever asked may have lost patience.
                let _ = done.send(());
            }
            Message::Stop(done) => {
                let _ = done.send(());
                return;
            }
        }
    }
}
