//! The recorder's two threads around its two machines.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fdr_format::records::LossCause;
use fdr_format::{EncodeError, FlightParameters, FlightSummary};

use super::block::BLOCK_BYTES;
use super::collector::Collector;
use super::ring::{RecordSender, record_ring};
use super::segment_files::{FileProblem, SegmentFiles};
use super::staging::{BLOCKS_MIN, Staging, Work};
use super::status::Status;
use super::tally::Loss;
use super::volume::{DiskVolume, Volume};

/// How long the collector sleeps when the rings were empty.
const NAP: Duration = Duration::from_millis(1);
/// How long the I/O thread waits for a block before it looks around.
const IDLE: Duration = Duration::from_millis(100);
/// Time between two attempts after a disk refused something.
const RETRY: Duration = Duration::from_millis(500);
/// How long the end of a flight waits for a slow disk before it gives blocks up.
const FINISH_PATIENCE: Duration = Duration::from_secs(30);
/// Blocks that one turn of the collector, or the end of a flight, may need beside one for each
/// producer: the rest of a block, a segment's footer, the next one's header.
const FINISH_BLOCKS: usize = 4;

/// Sizes and times of a recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecorderSizes {
    /// Bytes of each producer's ring.
    pub ring_bytes: usize,
    /// Bytes of each ring that only critical records may use.
    pub ring_reserve_bytes: usize,
    /// Bytes of staging.
    pub staging_bytes: usize,
    /// How often everything is made durable.
    pub sync_interval: Duration,
    /// Whether the collector waits for a slow disk instead of losing records: for a feeder whose
    /// time is not real, which waits in turn for room in its ring.
    pub wait_for_disk: bool,
}

impl Default for RecorderSizes {
    fn default() -> Self {
        Self {
            ring_bytes: 4 << 20,
            ring_reserve_bytes: 256 << 10,
            staging_bytes: 16 << 20,
            sync_interval: Duration::from_millis(100),
            wait_for_disk: false,
        }
    }
}

impl RecorderSizes {
    fn blocks(&self, producers: usize) -> usize {
        (self.staging_bytes / BLOCK_BYTES).max(BLOCKS_MIN + producers)
    }

    /// Memory that the recorder takes at most with so many producers, but for a few kilobytes.
    #[must_use]
    pub fn memory_bytes(&self, producers: usize) -> usize {
        let entries = 2 * super::ring::BODY_MAX;
        producers * (self.ring_bytes + entries) + self.blocks(producers) * BLOCK_BYTES
    }
}

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
    stop: Arc<AtomicBool>,
    folder: PathBuf,
    clock: Clock,
    collector: JoinHandle<()>,
    io: JoinHandle<Result<FlightSummary, RecorderError>>,
}

/// The clock of a recorder: monotonic nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    start_ns: u64,
}

impl Clock {
    /// A clock that says `start_ns` now.
    #[must_use]
    pub fn starting_at(start_ns: u64) -> Self {
        Self {
            start: Instant::now(),
            start_ns,
        }
    }

    /// What it says now.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        // Five hundred years of nanoseconds fit.
        self.start_ns + self.start.elapsed().as_nanos() as u64
    }
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
        V::File: 'static,
    {
        parameters.check()?;
        let clock = Clock::starting_at(parameters.clock.monotonic_ns);
        let status = Arc::new(Status::default());
        let staging = Arc::new(Staging::new(sizes.blocks(producers)));
        let stop = Arc::new(AtomicBool::new(false));
        let rings = (0..producers).map(|_| record_ring(sizes.ring_bytes, sizes.ring_reserve_bytes));
        let (senders, receivers) = rings.unzip();
        let files = SegmentFiles::create(volume, folder, parameters.clone(), Arc::clone(&status));
        let mut files = files.map_err(|source| RecorderError::Write {
            path: folder.to_owned(),
            source,
        })?;
        let mut collector = Collector::new(
            parameters,
            sizes.sync_interval.as_nanos() as u64,
            receivers,
            Arc::clone(&staging),
            Arc::clone(&status),
        )?;
        collector.flush(clock.now_ns());
        write_first_block(&mut files, &staging, &clock)?;
        let folder = files.folder().to_owned();
        let io = spawn("recorder-io", {
            let staging = Arc::clone(&staging);
            let stop = Arc::clone(&stop);
            move || write_blocks(files, &staging, &stop, &clock)
        })?;
        let collector = spawn("collector", {
            let staging = Arc::clone(&staging);
            let stop = Arc::clone(&stop);
            let room_wanted = if sizes.wait_for_disk {
                FINISH_BLOCKS + producers
            } else {
                0
            };
            move || collect(collector, &staging, &stop, &clock, room_wanted)
        })?;
        let recorder = Self {
            status,
            staging,
            stop,
            folder,
            clock,
            collector,
            io,
        };
        Ok((recorder, senders))
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
            .io
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

fn write_first_block<V: Volume>(
    files: &mut SegmentFiles<V>,
    staging: &Staging,
    clock: &Clock,
) -> Result<(), RecorderError> {
    if let Work::Write(mut block) = staging.wait(Duration::ZERO) {
        let written = files.write(&mut block, &mut || clock.now_ns());
        staging.queue().give_back(block);
        written.map_err(RecorderError::from)?;
        publish(files, staging);
    }
    let path = files.manifest_path();
    files
        .write_manifest(false)
        .map_err(|source| RecorderError::Write { path, source })
}

impl From<FileProblem> for RecorderError {
    fn from(problem: FileProblem) -> Self {
        match problem {
            FileProblem::NotCreated { path, source }
            | FileProblem::GivenUp { path, source, .. } => Self::Write { path, source },
        }
    }
}

fn collect(
    mut collector: Collector,
    staging: &Staging,
    stop: &AtomicBool,
    clock: &Clock,
    room_wanted: usize,
) {
    loop {
        let waiting = Instant::now();
        while staging.queue().free_count() < room_wanted
            && !(stop.load(Ordering::Acquire) && waiting.elapsed() > FINISH_PATIENCE)
        {
            thread::park_timeout(NAP);
        }
        let stopping = stop.load(Ordering::Acquire);
        if collector.drain(clock.now_ns()) > 0 {
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
    collector.finish(clock.now_ns());
}

fn write_blocks<V: Volume>(
    mut files: SegmentFiles<V>,
    staging: &Staging,
    stop: &AtomicBool,
    clock: &Clock,
) -> Result<FlightSummary, RecorderError> {
    let mut last_problem = None;
    loop {
        match staging.wait(IDLE) {
            Work::Idle => {}
            Work::Finished => break,
            Work::Write(mut block) => {
                last_problem = write_block(&mut files, &mut block, staging, stop, clock);
                staging.queue().give_back(block);
            }
        }
    }
    let summary = files.summary();
    if !summary.clean_shutdown {
        return match last_problem {
            Some(problem) => Err(problem.into()),
            None => Ok(summary),
        };
    }
    let path = files.manifest_path();
    files
        .write_manifest(true)
        .map_err(|source| RecorderError::Write { path, source })?;
    Ok(summary)
}

/// Writes one block, waiting for a disk that has no room for its segment.
fn write_block<V: Volume>(
    files: &mut SegmentFiles<V>,
    block: &mut super::block::Block,
    staging: &Staging,
    stop: &AtomicBool,
    clock: &Clock,
) -> Option<FileProblem> {
    loop {
        match files.write(block, &mut || clock.now_ns()) {
            Ok(()) => {
                staging.queue().set_cause(LossCause::IoStall);
                publish(files, staging);
                return None;
            }
            Err(FileProblem::NotCreated { path, source }) => {
                staging.queue().set_cause(cause_of(&source));
                if stop.load(Ordering::Acquire) {
                    return Some(FileProblem::NotCreated { path, source });
                }
                thread::sleep(RETRY);
            }
            Err(FileProblem::GivenUp {
                path,
                source,
                in_doubt,
            }) => {
                staging.queue().fail_segment(Loss::clone(&in_doubt));
                return Some(FileProblem::GivenUp {
                    path,
                    source,
                    in_doubt,
                });
            }
        }
    }
}

/// Says how far the flight would survive a power cut now.
fn publish<V: Volume>(files: &SegmentFiles<V>, staging: &Staging) {
    let durable = files.durable();
    let before = staging.queue().durable_before(durable.before);
    files.status().durable(before, durable.last_ms);
}

fn cause_of(error: &io::Error) -> LossCause {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LossCause::NoSpace,
        _ => LossCause::IoError,
    }
}
