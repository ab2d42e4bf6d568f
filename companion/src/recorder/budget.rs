//! What a flight may take of the device, and how it is divided.

use fdr_format::Stream;

use super::block::ALIGNMENT;
use super::ring::BODY_MAX;

/// Room kept for what is neither segment nor side file: manifest, journal, seal, keys, markers.
pub const LEDGER_BYTES: u64 = 1 << 20;

/// What a flight may take of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Everything together, bytes of allocated blocks.
    pub cap_bytes: u64,
    /// The essential stream, of these.
    pub essential_bytes: u64,
    /// Thumbnails and mid-flight tiles, of these.
    pub side_bytes: u64,
    /// Size at which a segment is closed.
    pub segment_bytes: u64,
    /// Whether the oldest are dropped to make room; otherwise the newest are lost.
    pub drops_oldest: bool,
}

impl Budget {
    /// Room that is reserved for one segment: the record that reaches the limit still belongs to it.
    #[must_use]
    pub fn segment_room(&self) -> u64 {
        (self.segment_bytes + BODY_MAX as u64).next_multiple_of(ALIGNMENT as u64)
    }

    /// What the segments of a stream may take. `ledger` is what everything else takes now.
    #[must_use]
    pub fn of(&self, stream: Stream, ledger: u64) -> u64 {
        match stream {
            Stream::Essential => self.essential_bytes,
            Stream::Bulk => {
                let others = self.essential_bytes + self.side_bytes + ledger.max(LEDGER_BYTES);
                self.cap_bytes.saturating_sub(others)
            }
        }
    }
}
