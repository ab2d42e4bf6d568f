//! Drives the recorder as a flight does, or as fast as it goes, and measures it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fdr_format::records::{FlightSource, SentFcBytes};
use fdr_format::{BootId, Bytes, ClockAnchor, FRAME_OVERHEAD, FlightParameters, Record};
use serde::Serialize;

use crate::navigator::CORE_VERSION;
use crate::recorder::{
    DiskVolume, FreezeReason, Histogram, KeyError, Order, Recorder, RecorderError, RecorderEvent,
    RecorderSizes, Status, flight_keys, read_device_key,
};
use crate::replay::random_flight_id;

/// Bytes of a `SentFcBytes` body beside the bytes that it carries: time, link, length.
const BODY_OVERHEAD: usize = 11;
/// Least and greatest size of a record in its frame.
pub const RECORD_BYTES: std::ops::RangeInclusive<usize> = FRAME_OVERHEAD + BODY_OVERHEAD..=32 << 10;
/// Most appends whose time is kept, 8 bytes each.
const SAMPLES_MAX: u64 = 64_000_000;
/// Longest time for which nothing is measured.
const NOTHING_MAX: Duration = Duration::from_secs(10);

/// What to drive the recorder with.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchOptions {
    /// Folder in which the recording's folder is made.
    pub fdr: PathBuf,
    /// Records in a second; without it as many as go through, waiting for room.
    pub rate_hz: Option<f64>,
    /// Bytes of each record in its frame, within [`RECORD_BYTES`].
    pub record_bytes: usize,
    /// For how long.
    pub duration: Duration,
    /// Size at which a segment is closed.
    pub segment_bytes: u64,
    /// File or pipe that is told how far the flight is durable: a line with
    /// [`Status::durable_sequence`] whenever it grows.
    pub durable_log: Option<PathBuf>,
    /// When the ring is frozen, as by a command; never without it.
    pub freeze_at: Option<Duration>,
    /// File with the device's secret key; the flight is sealed by a random key that this one certifies,
    /// and not at all without it.
    pub device_key: Option<PathBuf>,
    /// Sizes and times of the recorder.
    pub sizes: RecorderSizes,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The flight cannot be recorded.
    #[error("--fdr: {0}")]
    Recorder(#[from] RecorderError),
    /// There is no key of the device.
    #[error("--device-key: {0}")]
    DeviceKey(KeyError),
    /// The file that is told how far the flight is durable cannot be opened.
    #[error("--durable-log {path}: {source}; name a file or pipe that can be written")]
    DurableLog {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchSummary {
    /// The recording.
    pub flight_dir: PathBuf,
    /// Whether the recording was closed in order.
    pub clean_shutdown: bool,
    /// Records offered in a second; absent at full speed.
    pub rate_hz: Option<f64>,
    /// Bytes of each record in its frame.
    pub record_bytes: usize,
    /// From the first append to the last, seconds.
    pub duration_s: f64,
    /// Records taken by the ring.
    pub records: u64,
    /// Records that the full ring refused.
    pub records_refused: u64,
    /// Records lost behind the ring.
    pub records_dropped: u64,
    /// Closed segments dropped to make room.
    pub segments_dropped: u64,
    /// Records that went with them.
    pub records_dropped_for_room: u64,
    /// What the flight takes of the device at its end, as the recorder counts it.
    pub allocated_bytes: u64,
    /// What the recorder had to tell; the newest of many.
    pub events: Vec<RecorderEvent>,
    /// From the first append until everything was durable and closed.
    pub records_per_s: f64,
    /// The same in bytes of frames.
    pub bytes_per_s: f64,
    /// Time of one append; at full speed absent, because each may wait for room.
    pub append_ns: Option<Percentiles>,
    /// Time of the two readings of the clock alone, at the same rate: what the measuring itself, and the
    /// machine, put into `append_ns`.
    pub nothing_ns: Option<Percentiles>,
    /// Time of one sync.
    pub sync_ns: Percentiles,
    /// Age of the oldest record that became durable, at each sync.
    pub durable_lag_ns: Percentiles,
    /// Bytes handed to the device for each byte of records.
    pub bytes_to_device_ratio: f64,
    /// Memory that the recorder takes at most.
    pub memory_bytes: usize,
}

/// A distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half are not greater.
    pub p50: u64,
    /// 99 of 100 are not greater.
    pub p99: u64,
    /// 999 of 1000 are not greater.
    pub p999: u64,
    /// The greatest.
    pub worst: u64,
}

impl Percentiles {
    fn of(values: &Histogram) -> Self {
        Self {
            p50: values.quantile(0.5),
            p99: values.quantile(0.99),
            p999: values.quantile(0.999),
            worst: values.worst(),
        }
    }
}

/// Records into a new flight and measures.
///
/// # Errors
/// When the flight cannot be recorded to its end, or the log of what is durable not opened.
pub fn run(options: &BenchOptions) -> Result<BenchSummary, BenchError> {
    let sizes = RecorderSizes {
        wait_for_disk: options.rate_hz.is_none(),
        ..options.sizes
    };
    let (recorder, mut senders) = Recorder::start(&options.fdr, parameters(options)?, sizes, 1)?;
    let folder = recorder.folder().to_owned();
    let status = Arc::clone(recorder.status());
    let log = DurableLog::start(options.durable_log.as_deref(), &status)?;
    let Some(mut sender) = senders.pop() else {
        return Err(RecorderError::Lost("producer").into());
    };
    let padding = vec![0x5A; options.record_bytes.saturating_sub(*RECORD_BYTES.start())];
    let clock = recorder.clock();
    let started = Instant::now();
    let mut freeze_at = options.freeze_at;
    let mut append = |counted: bool| {
        let time_ns = clock.now_ns();
        if freeze_at.take_if(|at| started.elapsed() >= *at).is_some() {
            let _ = recorder
                .notices()
                .order(Order::Freeze(FreezeReason::Command));
        }
        let record = Record::SentFcBytes(SentFcBytes {
            time_ns,
            link: 0,
            bytes: Bytes(&padding),
        });
        if counted {
            sender.append(&record, time_ns).is_ok()
        } else {
            sender.offer(&record, time_ns).is_ok()
        }
    };
    let driven = match options.rate_hz {
        Some(rate_hz) => paced(rate_hz, options.duration, &mut || append(true)),
        None => full_speed(options.duration, &mut || append(false)),
    };
    let duration_s = started.elapsed().as_secs_f64();
    drop(sender);
    let notices = Arc::clone(recorder.notices());
    let finished = recorder.finish()?;
    log.stop();
    let all_s = started.elapsed().as_secs_f64();
    let nothing_ns = options.rate_hz.and_then(|rate_hz| {
        let duration = options.duration.min(NOTHING_MAX);
        paced(rate_hz, duration, &mut || true).append_ns
    });
    let refused = status.records_refused();
    let lost = status.records_dropped() - status.records_dropped_for_room();
    let stored = driven.taken - lost.min(driven.taken);
    Ok(BenchSummary {
        flight_dir: folder,
        clean_shutdown: finished.clean_shutdown,
        rate_hz: options.rate_hz,
        record_bytes: options.record_bytes,
        duration_s,
        records: driven.taken,
        records_refused: refused,
        records_dropped: lost,
        segments_dropped: status.segments_dropped(),
        records_dropped_for_room: status.records_dropped_for_room(),
        allocated_bytes: status.allocated_bytes(),
        events: notices.take().0,
        records_per_s: stored as f64 / all_s,
        bytes_per_s: stored as f64 * options.record_bytes as f64 / all_s,
        append_ns: driven.append_ns,
        nothing_ns,
        sync_ns: Percentiles::of(&status.sync_ns),
        durable_lag_ns: Percentiles::of(&status.durable_lag_ns),
        bytes_to_device_ratio: status.device_bytes() as f64 / status.framed_bytes().max(1) as f64,
        memory_bytes: options.sizes.memory_bytes(1),
    })
}

/// What came of driving a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driven {
    /// Records that it took.
    pub taken: u64,
    /// Time of one append; absent at full speed.
    pub append_ns: Option<Percentiles>,
}

/// Tells a file how far the flight is durable.
struct DurableLog {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl DurableLog {
    fn start(path: Option<&Path>, status: &Arc<Status>) -> Result<Self, BenchError> {
        let stop = Arc::new(AtomicBool::new(false));
        let Some(path) = path else {
            return Ok(Self { stop, thread: None });
        };
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let mut file = opened.map_err(|source| BenchError::DurableLog {
            path: path.to_owned(),
            source,
        })?;
        let (stopping, status) = (Arc::clone(&stop), Arc::clone(status));
        let thread = std::thread::spawn(move || {
            let mut told = 0;
            loop {
                let last = stopping.load(Ordering::Acquire);
                let durable = status.durable_sequence();
                // One write for each line: whoever reads it never sees half of one.
                if durable > told && file.write_all(format!("{durable}\n").as_bytes()).is_err() {
                    return;
                }
                told = durable;
                if last {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread {
            // It only writes lines; what it could not write is its reader's loss alone.
            let _ = thread.join();
        }
    }
}

/// One append at each multiple of the period; late ones follow at once.
pub fn paced(rate_hz: f64, duration: Duration, append: &mut dyn FnMut() -> bool) -> Driven {
    let total = ((duration.as_secs_f64() * rate_hz) as u64).min(SAMPLES_MAX);
    let mut took = Vec::with_capacity(total as usize);
    let started = Instant::now();
    let mut taken = 0;
    for index in 0..total {
        let due = Duration::from_secs_f64(index as f64 / rate_hz);
        if let Some(rest) = due.checked_sub(started.elapsed()) {
            std::thread::sleep(rest);
        }
        let before = Instant::now();
        taken += u64::from(append());
        took.push(before.elapsed().as_nanos() as u64);
    }
    Driven {
        taken,
        append_ns: percentiles(took),
    }
}

/// As many as go through: a ring without room is waited for.
pub fn full_speed(duration: Duration, append: &mut dyn FnMut() -> bool) -> Driven {
    const BATCH: u64 = 256;
    let started = Instant::now();
    let mut taken = 0;
    while started.elapsed() < duration {
        for _ in 0..BATCH {
            while !append() {
                std::thread::yield_now();
            }
        }
        taken += BATCH;
    }
    Driven {
        taken,
        append_ns: None,
    }
}

fn percentiles(mut values: Vec<u64>) -> Option<Percentiles> {
    values.sort_unstable();
    let worst = *values.last()?;
    let at = |share: f64| {
        let index = ((values.len() as f64 * share).ceil() as usize).max(1) - 1;
        values.get(index).copied().unwrap_or(worst)
    };
    Some(Percentiles {
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        worst,
    })
}

fn parameters(options: &BenchOptions) -> Result<FlightParameters, BenchError> {
    let flight_id = random_flight_id();
    let keys = match &options.device_key {
        Some(path) => {
            let device = read_device_key(path).map_err(BenchError::DeviceKey)?;
            let keys = flight_keys(&DiskVolume, &options.fdr, flight_id, Some(&device));
            Some(keys.map_err(RecorderError::from)?)
        }
        None => None,
    };
    Ok(FlightParameters {
        flight_id,
        boot_id: BootId(flight_id.0),
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        core_version: CORE_VERSION,
        configuration: String::new(),
        source: FlightSource::Simulation,
        source_name: "record-bench".to_owned(),
        clock: ClockAnchor::default(),
        keys,
        recovered: false,
        segment_bytes: options.segment_bytes,
    })
}
