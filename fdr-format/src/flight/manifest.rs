//! `manifest.json`: what a flight folder holds, for people and scripts.
//!
//! Written when the flight begins and again when it ends. No reader depends on it: everything in it
//! stands in the segments too.

use serde::{Deserialize, Serialize};

use crate::identity::{BootId, FlightId};

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `GFDR`.
    pub format: String,
    /// Version of the format.
    pub format_version: u8,
    /// The flight.
    pub flight_id: FlightId,
    /// The boot in which the flight's monotonic times count.
    pub boot_id: BootId,
    /// Version of the program.
    pub software_version: String,
    /// Version of the navigator's core.
    pub core_version: u32,
    /// Unix time of the start, where it was known.
    pub started_unix_ns: Option<u64>,
    /// Whether the recorder was closed in order; false while the flight lasts.
    pub clean_shutdown: bool,
    /// Records in all segments.
    pub records: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// The closed segments.
    pub segments: Vec<ManifestSegment>,
}

/// One closed segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestSegment {
    /// Path inside the flight folder.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// Sequence number of its header.
    pub first_sequence: u64,
    /// Sequence number of its last record.
    pub last_sequence: u64,
}
