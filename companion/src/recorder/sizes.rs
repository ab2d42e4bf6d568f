//! Sizes and times of a recorder.

use std::time::Duration;

use fdr_format::Stream;

use super::block::BLOCK_BYTES;
use super::budget::Budget;
use super::essential::ESSENTIAL_SYNC_NS;
use super::ring::BODY_MAX;
use super::staging::BLOCKS_MIN;

/// Sizes and times of a recorder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecorderSizes {
    /// Bytes of each producer's ring.
    pub ring_bytes: usize,
    /// Bytes of each ring that only critical records may use.
    pub ring_reserve_bytes: usize,
    /// Bytes of staging.
    pub staging_bytes: usize,
    /// How often everything is made durable.
    pub sync_interval: Duration,
    /// What the flight may take of the device, everything counted, bytes of allocated blocks.
    pub cap_bytes: u64,
    /// Whether there is an essential stream.
    pub essential: bool,
    /// What the essential stream may take of `cap_bytes`.
    pub essential_bytes: u64,
    /// What thumbnails and mid-flight tiles may take of `cap_bytes`.
    pub side_bytes: u64,
    /// Specific force that counts as an impact, m/s^2.
    pub freeze_impact_mps2: f64,
    /// Whether the recorder's own figures are recorded once a second.
    pub telemetry: bool,
    /// Whether the collector waits for a slow disk instead of losing records: for a feeder that waits
    /// in turn for room in its ring.
    pub wait_for_disk: bool,
    /// Whether records come in the time of the recorder's clock. When they do not, nothing in the
    /// recording depends on a clock: blocks are written when they are full, segments synced at their
    /// end, and neither the recorder's own figures nor a freeze get into it. Nothing is dropped to
    /// make room either: the feeder is to stop at the first loss.
    pub real_time: bool,
}

impl Default for RecorderSizes {
    fn default() -> Self {
        Self {
            ring_bytes: 4 << 20,
            ring_reserve_bytes: 256 << 10,
            staging_bytes: 16 << 20,
            sync_interval: Duration::from_millis(100),
            cap_bytes: 64_000_000_000,
            essential: true,
            essential_bytes: 2_000_000_000,
            side_bytes: 2_000_000_000,
            freeze_impact_mps2: 60.0,
            telemetry: true,
            wait_for_disk: false,
            real_time: true,
        }
    }
}

impl RecorderSizes {
    /// The streams that are recorded.
    #[must_use]
    pub fn streams(&self) -> Vec<Stream> {
        if self.essential {
            vec![Stream::Bulk, Stream::Essential]
        } else {
            vec![Stream::Bulk]
        }
    }

    /// What the flight may take of the device.
    #[must_use]
    pub fn budget(&self, segment_bytes: u64) -> Budget {
        Budget {
            cap_bytes: self.cap_bytes,
            essential_bytes: if self.essential {
                self.essential_bytes
            } else {
                0
            },
            side_bytes: self.side_bytes,
            segment_bytes,
            drops_oldest: self.real_time,
        }
    }

    /// How often a stream is made durable; `None` when only whole blocks are written.
    #[must_use]
    pub fn sync_interval_ns(&self, stream: Stream) -> Option<u64> {
        let interval = self.sync_interval.as_nanos() as u64;
        self.real_time.then_some(match stream {
            Stream::Bulk => interval,
            Stream::Essential => interval.max(ESSENTIAL_SYNC_NS),
        })
    }

    pub(super) fn blocks(&self, producers: usize) -> usize {
        (self.staging_bytes / BLOCK_BYTES).max(BLOCKS_MIN + producers)
    }

    /// Memory that the recorder takes at most with so many producers, but for a few kilobytes.
    #[must_use]
    pub fn memory_bytes(&self, producers: usize) -> usize {
        let entries = 2 * BODY_MAX;
        producers * (self.ring_bytes + entries) + self.blocks(producers) * BLOCK_BYTES
    }
}
