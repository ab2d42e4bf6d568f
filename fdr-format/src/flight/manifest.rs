//! `manifest.json`: what a flight folder holds, for people and scripts.
//!
//! Written when the flight begins and again when it ends. No reader depends on it: everything in it
//! stands in the segments too.

use serde::{Deserialize, Serialize};

use crate::identity::{BootId, FlightId, Stream};

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
    /// What each stream holds.
    pub streams: Vec<ManifestStream>,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestStream {
    /// Which.
    pub stream: Stream,
    /// Records numbered in it, lost ones included.
    pub records: u64,
    /// Bytes of its closed segments.
    pub bytes: u64,
    /// Its closed segments.
    pub segments: Vec<ManifestSegment>,
}

impl Manifest {
    /// What it says of a stream.
    #[must_use]
    pub fn stream(&self, stream: Stream) -> Option<&ManifestStream> {
        self.streams.iter().find(|found| found.stream == stream)
    }
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
