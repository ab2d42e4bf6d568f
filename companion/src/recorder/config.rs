//! Settings of the recorder.

use serde::{Deserialize, Serialize};

/// Smallest segment.
pub const SEGMENT_BYTES_MIN: u64 = 1 << 20;
/// Largest segment.
pub const SEGMENT_BYTES_MAX: u64 = fdr_format::MAX_SEGMENT_BYTES;

/// Settings of the recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecorderConfig {
    /// Size at which a segment is closed and the next begun, bytes.
    pub segment_bytes: u64,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self {
            segment_bytes: fdr_format::DEFAULT_SEGMENT_BYTES,
        }
    }
}
