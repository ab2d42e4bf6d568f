//! Settings of the recorder.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::budget::LEDGER_BYTES;
use super::essential::essential_bytes_min;
use super::sizes::RecorderSizes;

/// Smallest segment.
pub const SEGMENT_BYTES_MIN: u64 = 1 << 20;
/// Largest segment.
pub const SEGMENT_BYTES_MAX: u64 = fdr_format::MAX_SEGMENT_BYTES;

/// Settings of the recorder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecorderConfig {
    /// Folder in which flights are recorded, each in a folder of its own; needed to fly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Size at which a segment is closed and the next begun, bytes.
    pub segment_bytes: u64,
    /// What a flight may take of the device, everything counted, bytes of allocated blocks.
    pub cap_bytes: u64,
    /// How often what is recorded is made durable, milliseconds.
    pub sync_interval_ms: u64,
    /// Bytes of each producer's ring.
    pub ring_bytes: u64,
    /// Bytes of each ring that only critical records may use.
    pub ring_reserve_bytes: u64,
    /// Bytes of the blocks between the collector and the disk.
    pub staging_bytes: u64,
    /// Whether positions, labels, events and a thinned attitude are recorded a second time, to be kept
    /// for at least 25 hours.
    pub essential: bool,
    /// What the essential stream may take of the cap, bytes.
    pub essential_bytes: u64,
    /// What thumbnails may take of the cap, bytes.
    pub thumbnails_bytes: u64,
    /// What mid-flight tiles may take of the cap, bytes.
    pub tiles_bytes: u64,
    /// Specific force that counts as an impact, m/s^2.
    pub freeze_impact_mps2: f64,
    /// The device's secret key, which certifies the keys of its flights; none: flights are sealed by an
    /// unknown device, and replays are not sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_key: Option<PathBuf>,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        let sizes = RecorderSizes::default();
        Self {
            folder: None,
            segment_bytes: fdr_format::DEFAULT_SEGMENT_BYTES,
            cap_bytes: sizes.cap_bytes,
            sync_interval_ms: sizes.sync_interval.as_millis() as u64,
            ring_bytes: sizes.ring_bytes as u64,
            ring_reserve_bytes: sizes.ring_reserve_bytes as u64,
            staging_bytes: sizes.staging_bytes as u64,
            essential: sizes.essential,
            essential_bytes: sizes.essential_bytes,
            thumbnails_bytes: sizes.side_bytes / 2,
            tiles_bytes: sizes.side_bytes / 2,
            freeze_impact_mps2: sizes.freeze_impact_mps2,
            device_key: None,
        }
    }
}

impl RecorderConfig {
    /// The sizes and times of a recorder that is set so.
    #[must_use]
    pub fn sizes(&self) -> RecorderSizes {
        // What was checked fits.
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        RecorderSizes {
            ring_bytes: bytes(self.ring_bytes),
            ring_reserve_bytes: bytes(self.ring_reserve_bytes),
            staging_bytes: bytes(self.staging_bytes),
            sync_interval: Duration::from_millis(self.sync_interval_ms),
            cap_bytes: self.cap_bytes,
            essential: self.essential,
            essential_bytes: self.essential_bytes,
            side_bytes: self.thumbnails_bytes + self.tiles_bytes,
            freeze_impact_mps2: self.freeze_impact_mps2,
            ..RecorderSizes::default()
        }
    }

    /// The first setting that is not allowed: its name, its value and what is.
    #[must_use]
    pub fn refused(&self) -> Option<(&'static str, String, String)> {
        const KIB: u64 = 1 << 10;
        const GIB: u64 = 1 << 30;
        let whole = [
            (
                "segment_bytes",
                self.segment_bytes,
                SEGMENT_BYTES_MIN,
                SEGMENT_BYTES_MAX,
            ),
            ("sync_interval_ms", self.sync_interval_ms, 10, 10_000),
            ("ring_bytes", self.ring_bytes, 256 * KIB, GIB),
            (
                "ring_reserve_bytes",
                self.ring_reserve_bytes,
                0,
                self.ring_bytes / 2,
            ),
            ("staging_bytes", self.staging_bytes, 2048 * KIB, GIB),
            ("thumbnails_bytes", self.thumbnails_bytes, 0, 1 << 40),
            ("tiles_bytes", self.tiles_bytes, 0, 1 << 40),
            (
                "essential_bytes",
                self.essential_bytes,
                self.essential_min(),
                1 << 40,
            ),
            ("cap_bytes", self.cap_bytes, self.cap_min(), 1 << 44),
        ];
        for (name, value, low, high) in whole {
            if !(low..=high).contains(&value) {
                return Some((name, value.to_string(), format!("{low} to {high}")));
            }
        }
        let impact = self.freeze_impact_mps2;
        if !(20.0..=2000.0).contains(&impact) {
            let name = "freeze_impact_mps2";
            return Some((name, impact.to_string(), "20 to 2000".to_owned()));
        }
        None
    }

    /// What 25 hours of the essential stream take.
    fn essential_min(&self) -> u64 {
        if self.essential {
            essential_bytes_min(self.segment_bytes)
        } else {
            0
        }
    }

    /// Room for one closed segment, the one being written and the one made ahead, beside everything that
    /// has room of its own.
    fn cap_min(&self) -> u64 {
        let essential = if self.essential {
            self.essential_bytes
        } else {
            0
        };
        let others = essential
            .saturating_add(self.thumbnails_bytes)
            .saturating_add(self.tiles_bytes);
        others
            .saturating_add(3 * (self.segment_bytes + 256 * 1024))
            .saturating_add(LEDGER_BYTES)
    }
}
