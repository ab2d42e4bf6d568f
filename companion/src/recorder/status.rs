//! What the recorder's threads publish of themselves: read at any time, by anybody, without a lock.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering};

use fdr_format::Stream;
use fdr_format::records::{LossCause, RecorderTelemetry};

use super::shelf::index;
use super::volume::Space;
use super::watermark::Watermark;

/// Buckets of a power of two: a quantile is told to 1/16.
const STEPS: usize = 16;
/// Buckets for all values of 64 bits.
const BUCKETS: usize = 61 * STEPS;

/// Figures of a recorder at work.
#[derive(Debug, Default)]
pub struct Status {
    bulk: Watermark,
    dropped: AtomicU64,
    refused: AtomicU64,
    framed_bytes: AtomicU64,
    device_bytes: AtomicU64,
    ring_free: AtomicU64,
    failures: AtomicU64,
    essential_durable: AtomicU64,
    holds: [AtomicU8; 2],
    frozen: AtomicBool,
    segments_dropped: AtomicU64,
    dropped_for_room: AtomicU64,
    allocated: AtomicU64,
    disk_free_bytes: AtomicU64,
    disk_free_inodes: AtomicU64,
    /// One more than the percentage; 0 where it is not known.
    wear: AtomicU16,
    sync_recent_ns: Histogram,
    /// How long syncs took, nanoseconds.
    pub sync_ns: Histogram,
    /// Age of the oldest record that became durable with each sync, nanoseconds.
    pub durable_lag_ns: Histogram,
}

impl Status {
    /// Number of the next record to be numbered.
    #[must_use]
    pub fn collected_sequence(&self) -> u64 {
        self.bulk.collected()
    }

    /// Number behind the last record that is on the device: a power cut takes none before it.
    #[must_use]
    pub fn durable_sequence(&self) -> u64 {
        self.bulk.durable()
    }

    /// How much older than `now_ns` the last durable record is; 0 when everything numbered is durable.
    #[must_use]
    pub fn durable_lag_now_ns(&self, now_ns: u64) -> u64 {
        self.bulk.lag_ns(now_ns)
    }

    /// Records with a number that were lost.
    #[must_use]
    pub fn records_dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether anything went wrong that a feeder which can wait must not go on after: a record lost, a
    /// segment given up.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        self.records_dropped() > 0 || self.failures() > 0
    }

    /// Records that a full ring refused.
    #[must_use]
    pub fn records_refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Bytes of the records that were handed to the disk, fillers left out.
    #[must_use]
    pub fn framed_bytes(&self) -> u64 {
        self.framed_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that were handed to the disk.
    #[must_use]
    pub fn device_bytes(&self) -> u64 {
        self.device_bytes.load(Ordering::Relaxed)
    }

    /// Segments that could not be written to their end.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Least free room that the collector found in a ring since the last call, bytes.
    pub fn take_ring_free_min(&self) -> u64 {
        !self.ring_free.swap(0, Ordering::Relaxed)
    }

    /// Number behind the last record of the essential stream that is on the device.
    #[must_use]
    pub fn essential_durable_sequence(&self) -> u64 {
        self.essential_durable.load(Ordering::Acquire)
    }

    /// Why a stream has no file for its next segment; its newest records are lost at the end of the
    /// segment that it has.
    #[must_use]
    pub fn hold(&self, stream: Stream) -> Option<LossCause> {
        let code = self.holds[index(stream)].load(Ordering::Acquire);
        LossCause::ALL
            .get(usize::from(code.checked_sub(1)?))
            .copied()
    }

    /// Whether nothing is dropped any more to make room.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Acquire)
    }

    /// Closed segments that were dropped to make room.
    #[must_use]
    pub fn segments_dropped(&self) -> u64 {
        self.segments_dropped.load(Ordering::Relaxed)
    }

    /// Records of [`Status::records_dropped`] that went with closed segments, to make room.
    #[must_use]
    pub fn records_dropped_for_room(&self) -> u64 {
        self.dropped_for_room.load(Ordering::Relaxed)
    }

    /// What the flight takes of the device, bytes.
    #[must_use]
    pub fn allocated_bytes(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed)
    }

    /// Free room of the file system, as of the last second.
    #[must_use]
    pub fn disk_space(&self) -> Space {
        Space {
            free_bytes: self.disk_free_bytes.load(Ordering::Relaxed),
            free_inodes: self.disk_free_inodes.load(Ordering::Relaxed),
        }
    }

    /// Wear of the device, percent of its rated life, where something tells it.
    #[must_use]
    pub fn wear_percent(&self) -> Option<u8> {
        let wear = self.wear.load(Ordering::Relaxed);
        u8::try_from(wear.checked_sub(1)?).ok()
    }

    /// The figures of one second, as recorded; those that are about a second begin anew.
    #[must_use]
    pub fn take_telemetry(&self, now_ns: u64, staging_free_min_bytes: u64) -> RecorderTelemetry {
        let space = self.disk_space();
        let telemetry = RecorderTelemetry {
            time_ns: now_ns,
            durable_sequence: self.durable_sequence(),
            durable_lag_ns: self.durable_lag_now_ns(now_ns),
            ring_free_min_bytes: self.take_ring_free_min(),
            staging_free_min_bytes,
            dropped: self.records_dropped(),
            refused: self.records_refused(),
            sync_p99_ns: self.sync_recent_ns.quantile(0.99),
            sync_worst_ns: self.sync_recent_ns.worst(),
            disk_free_bytes: space.free_bytes,
            disk_free_inodes: space.free_inodes,
            nvme_wear_percent: self.wear_percent(),
        };
        self.sync_recent_ns.clear();
        telemetry
    }

    pub(super) fn synced(&self, took_ns: u64) {
        self.sync_ns.add(took_ns);
        self.sync_recent_ns.add(took_ns);
    }

    pub(super) fn essential_durable(&self, next_sequence: u64) {
        self.essential_durable
            .store(next_sequence, Ordering::Release);
    }

    pub(super) fn set_hold(&self, stream: Stream, cause: Option<LossCause>) {
        let code = cause.map_or(0, |cause| cause as u8 + 1);
        self.holds[index(stream)].store(code, Ordering::Release);
    }

    pub(super) fn set_frozen(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::Release);
    }

    pub(super) fn dropped_for_room(&self, records: u64) {
        self.dropped_for_room.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn segment_dropped(&self) {
        self.segments_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_allocated(&self, bytes: u64) {
        self.allocated.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_space(&self, space: Space) {
        self.disk_free_bytes
            .store(space.free_bytes, Ordering::Relaxed);
        self.disk_free_inodes
            .store(space.free_inodes, Ordering::Relaxed);
    }

    pub(super) fn set_wear(&self, percent: Option<u8>) {
        let wear = percent.map_or(0, |percent| u16::from(percent) + 1);
        self.wear.store(wear, Ordering::Relaxed);
    }

    pub(super) fn collected(&self, next_sequence: u64) {
        self.bulk.collect(next_sequence);
    }

    pub(super) fn durable(&self, next_sequence: u64, last_ms: u64) {
        self.bulk.publish(next_sequence, last_ms);
    }

    pub(super) fn dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, records: u64) {
        self.refused.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn written(&self, framed: u64, device: u64) {
        self.framed_bytes.fetch_add(framed, Ordering::Relaxed);
        self.device_bytes.fetch_add(device, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Kept inverted, so that the least is a greatest and nothing seen is 0.
    pub(super) fn ring_free(&self, bytes: usize) {
        self.ring_free.fetch_max(!(bytes as u64), Ordering::Relaxed);
    }
}

/// Counts of values in buckets that grow with the value.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    worst: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            worst: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// Counts a value.
    pub fn add(&self, value: u64) {
        self.buckets[bucket(value)].fetch_add(1, Ordering::Relaxed);
        self.worst.fetch_max(value, Ordering::Relaxed);
    }

    /// Forgets everything; what is added at the same moment may be counted or not.
    pub fn clear(&self) {
        let buckets = self.buckets.iter();
        buckets.for_each(|bucket| bucket.store(0, Ordering::Relaxed));
        self.worst.store(0, Ordering::Relaxed);
    }

    /// Greatest value so far.
    #[must_use]
    pub fn worst(&self) -> u64 {
        self.worst.load(Ordering::Relaxed)
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        let counts = self.buckets.iter();
        counts.map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// A value that `share` of all values do not exceed, at most 1/16 too high; 0 when there is none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket.load(Ordering::Relaxed);
            if seen >= wanted && seen > 0 {
                return upper_bound(index).min(self.worst());
            }
        }
        self.worst()
    }
}

fn bucket(value: u64) -> usize {
    let steps = STEPS as u64;
    if value < steps {
        return value as usize;
    }
    let power = value.ilog2() - STEPS.ilog2();
    let step = (value >> power) - steps;
    (power as usize + 1) * STEPS + step as usize
}

fn upper_bound(index: usize) -> u64 {
    let (row, step) = ((index / STEPS) as u32, (index % STEPS) as u64);
    match row.checked_sub(1) {
        None => step,
        Some(power) => (((STEPS as u64 + step + 1) << power) as u128 - 1) as u64,
    }
}
