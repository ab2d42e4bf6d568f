//! The recorder's three threads around its machines.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fdr_format::{EncodeError, FlightParameters, FlightSummary};

use super::block::BLOCK_BYTES;
use super::clock::{Clock, Pace};
use super::collector::Collector;
use super::desk::Desk;
use super::keeper::{Keeper, KeeperStep};
use super::keys::KeyError;
use super::machines::{Machines, Shared, close_flight};
use super::notices::Notices;
use super::ring::RecordSender;
use super::sizes::RecorderSizes;
use super::staging::Staging;
use super::status::Status;
use super::volume::{DiskVolume, Volume, VolumeFile};
use super::writer::{Writer, WriterStep};

/// How long the collector sleeps when the rings were empty.
const NAP: Duration = Duration::from_millis(1);
/// How long the I/O thread waits for a block before it looks around.
const IDLE: Duration = Duration::from_millis(100);
/// How long the I/O thread waits for a file before it tries again.
const RETRY: Duration = Duration::from_millis(20);
/// How long the keeper waits before it looks around: drops wait for a sync, which nobody tells it of.
const KEEPER_IDLE: Duration = Duration::from_millis(20);
/// How often the machine's two clocks are compared for the headers of segments.
const ANCHOR_EVERY: Duration = Duration::from_secs(1);
/// How long the end of a flight waits for a slow disk before it gives blocks up.
const FINISH_PATIENCE: Duration = Duration::from_secs(30);
/// Blocks that one turn of the collector, or the end of a flight, may need beside one for each
/// producer: the rest of a block, a segment's footer, the next one's header.
const FINISH_BLOCKS: usize = 6;

/// Why a flight is not recorded, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The flight's folder or files cannot be made or written.
    #[error(
        "{path}: the recording cannot be written: {source}; check that the disk is writable and has room"
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else records the flight.
    #[error("{path}: another process records this flight; end it first, or record another flight")]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// The flight cannot be sealed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The flight cannot be recorded as asked.
    #[error(transparent)]
    Parameters(#[from] fdr_format::WriteError),
    /// The headers of the flight do not fit.
    #[error("the flight's headers cannot be written: {0}; shorten the configuration")]
    Headers(#[from] EncodeError),
    /// A thread cannot be started.
    #[error("the recorder's thread cannot be started: {0}")]
    Thread(io::Error),
    /// A thread ended before its time.
    #[error("the recorder's `{0}` thread failed; the recording is valid as far as it goes")]
    Lost(&'static str),
}

/// A flight being recorded.
#[derive(Debug)]
pub struct Recorder {
    status: Arc<Status>,
    staging: Arc<Staging>,
    notices: Arc<Notices>,
    stop: Arc<AtomicBool>,
    folder: PathBuf,
    clock: Clock,
    collector: JoinHandle<()>,
    files: JoinHandle<Result<FlightSummary, RecorderError>>,
}

impl Recorder {
    /// Begins to record a flight into `folder/{flight_id}/`, with one sender for each of `producers`
    /// producers. When it returns, the headers of the flight are on the device.
    ///
    /// # Errors
    /// When the folder or its first segment cannot be made or written.
    pub fn start(
        folder: &Path,
        parameters: FlightParameters,
        sizes: RecorderSizes,
        producers: usize,
    ) -> Result<(Self, Vec<RecordSender>), RecorderError> {
        Self::start_in(DiskVolume, folder, parameters, sizes, producers)
    }

    /// As [`Recorder::start`], on any volume.
    ///
    /// # Errors
    /// As [`Recorder::start`].
    pub fn start_in<V>(
        volume: V,
        folder: &Path,
        parameters: FlightParameters,
        sizes: RecorderSizes,
        producers: usize,
    ) -> Result<(Self, Vec<RecordSender>), RecorderError>
    where
        V: Volume + 'static,
    {
        let volume = Arc::new(volume);
        let machines =
            Machines::begin(volume, folder, parameters.clone(), &sizes, producers, None)?;
        Self::run(machines, parameters, sizes, producers)
    }

    /// Goes on with the flight in folder `flight`, whose recorder ended: its id is that of `parameters`.
    ///
    /// # Errors
    /// As [`Recorder::start`]; also when nothing of the flight can be read.
    pub fn resume_in<V>(
        volume: V,
        flight: &Path,
        parameters: FlightParameters,
        sizes: RecorderSizes,
        producers: usize,
    ) -> Result<(Self, Vec<RecordSender>), RecorderError>
    where
        V: Volume + 'static,
    {
        let volume = Arc::new(volume);
        let folder = flight.parent().unwrap_or(flight).to_owned();
        let machines = Machines::resume(volume, &folder, parameters.clone(), &sizes, producers)?;
        Self::run(machines, parameters, sizes, producers)
    }

    fn run<V>(
        machines: Machines<V>,
        parameters: FlightParameters,
        sizes: RecorderSizes,
        producers: usize,
    ) -> Result<(Self, Vec<RecordSender>), RecorderError>
    where
        V: Volume + 'static,
    {
        let Machines {
            senders,
            collector,
            writer,
            keeper,
            shared,
        } = machines;
        let Shared {
            staging,
            desk,
            status,
            notices,
            folder,
            lock,
        } = shared;
        let clock = Clock::starting_at(parameters.clock.monotonic_ns);
        let has_wall_clock = parameters.clock.unix_ns.is_some();
        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicBool::new(false));
        let keeper = spawn("recorder-keep", {
            let (desk, written) = (Arc::clone(&desk), Arc::clone(&written));
            move || keep(keeper, &desk, &written, &clock)
        })?;
        let files = spawn("recorder-io", {
            let (staging, stop) = (Arc::clone(&staging), Arc::clone(&stop));
            move || {
                let mut writer = writer;
                let problem = write_blocks(&mut writer, &staging, &desk, &stop, &clock);
                written.store(true, Ordering::Release);
                desk.wake();
                let mut keeper = keeper
                    .join()
                    .map_err(|_| RecorderError::Lost("recorder-keep"))?;
                let summary = close_flight(&mut writer, &mut keeper, &parameters);
                drop(lock);
                match (summary, problem.then(|| keeper.take_problem()).flatten()) {
                    (Ok(summary), Some((path, source))) if !summary.clean_shutdown => {
                        Err(RecorderError::Write { path, source })
                    }
                    (summary, _) => summary,
                }
            }
        })?;
        let collector = spawn("collector", {
            let (staging, stop) = (Arc::clone(&staging), Arc::clone(&stop));
            let room_wanted = if sizes.wait_for_disk {
                FINISH_BLOCKS + producers
            } else {
                0
            };
            let pace = if sizes.real_time {
                Pace::Clock {
                    clock,
                    has_wall_clock,
                }
            } else {
                Pace::Records
            };
            move || collect(collector, &staging, &stop, pace, room_wanted)
        })?;
        let recorder = Self {
            status,
            staging,
            notices,
            stop,
            folder,
            clock,
            collector,
            files,
        };
        Ok((recorder, senders))
    }

    /// Events for the ground station that nobody has taken, and orders to the recorder.
    #[must_use]
    pub fn notices(&self) -> &Arc<Notices> {
        &self.notices
    }

    /// What the recorder says of itself.
    #[must_use]
    pub fn status(&self) -> &Arc<Status> {
        &self.status
    }

    /// The clock by which records wait.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The flight's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Least free staging since the last call, bytes.
    pub fn take_staging_free_min(&self) -> u64 {
        (self.staging.queue().take_free_min() * BLOCK_BYTES) as u64
    }

    /// Ends the recording: what the rings hold, footers, manifest, sync. The producers must have
    /// ended theirs; what one appends from now on is lost.
    ///
    /// # Errors
    /// When the end cannot be written; what was written before stays valid.
    pub fn finish(self) -> Result<FlightSummary, RecorderError> {
        self.stop.store(true, Ordering::Release);
        self.collector.thread().unpark();
        let collected = self.collector.join();
        // A collector that failed left no footer: the I/O thread must not wait for it.
        self.staging.close();
        let written = self
            .files
            .join()
            .map_err(|_| RecorderError::Lost("recorder-io"))?;
        collected.map_err(|_| RecorderError::Lost("collector"))?;
        written
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, RecorderError> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.spawn(work).map_err(RecorderError::Thread)
}

fn collect(
    mut collector: Collector,
    staging: &Staging,
    stop: &AtomicBool,
    pace: Pace,
    room_wanted: usize,
) {
    let mut anchored = Instant::now();
    loop {
        let waiting = Instant::now();
        if waiting.duration_since(anchored) >= ANCHOR_EVERY {
            anchored = waiting;
            if let Some(anchor) = pace.anchor() {
                collector.anchor(anchor);
            }
        }
        while staging.queue().free_count() < room_wanted
            && !(stop.load(Ordering::Acquire) && waiting.elapsed() > FINISH_PATIENCE)
        {
            thread::park_timeout(NAP);
        }
        let stopping = stop.load(Ordering::Acquire);
        if collector.drain(pace.now_ns(&collector)) > 0 {
            continue;
        }
        if stopping {
            break;
        }
        thread::park_timeout(NAP);
    }
    let patience = Instant::now();
    while staging.queue().free_count() < FINISH_BLOCKS && patience.elapsed() < FINISH_PATIENCE {
        thread::sleep(NAP);
    }
    let now_ns = pace.now_ns(&collector);
    collector.finish(now_ns);
}

/// Writes until nothing comes any more; says whether blocks were left that no file could be had for.
fn write_blocks<F: VolumeFile>(
    writer: &mut Writer<F>,
    staging: &Staging,
    desk: &Desk<F>,
    stop: &AtomicBool,
    clock: &Clock,
) -> bool {
    let mut blocked_since = None;
    loop {
        match writer.step(&mut || clock.now_ns()) {
            WriterStep::Done => blocked_since = None,
            WriterStep::Finished => return false,
            WriterStep::Idle => {
                blocked_since = None;
                staging.wait(IDLE);
            }
            WriterStep::Blocked => {
                let since = blocked_since.get_or_insert_with(Instant::now);
                if stop.load(Ordering::Acquire) && since.elapsed() > FINISH_PATIENCE {
                    return true;
                }
                desk.wait_for_file(RETRY);
            }
        }
    }
}

/// Keeps the files until everything is written.
fn keep<V: Volume>(
    mut keeper: Keeper<V>,
    desk: &Desk<V::File>,
    written: &AtomicBool,
    clock: &Clock,
) -> Keeper<V> {
    while !written.load(Ordering::Acquire) {
        if keeper.step(clock.now_ns()) == KeeperStep::Idle {
            desk.wait_for_work(KEEPER_IDLE);
        }
    }
    keeper
}
