//! What a flight came to.

use std::path::PathBuf;

use serde::Serialize;

use super::cockpit::CockpitCounts;

/// What a flight came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlightReport {
    /// The recording.
    pub flight_dir: PathBuf,
    /// Whether an earlier flight went on.
    pub resumed: bool,
    /// Whether nothing was sent.
    pub dry_run: bool,
    /// How long it was flown, s.
    pub duration_s: f64,
    /// Positions that were emitted.
    pub positions: u64,
    /// From the first sensor sample to the first position, s.
    pub first_position_s: Option<f64>,
    /// Emission deadlines that passed without a tick in time (late by more than a period).
    pub deadlines_missed: u64,
    /// The links.
    pub links: Vec<LinkReport>,
    /// Records in the recording.
    pub records: u64,
    /// Records that were refused for want of room.
    pub records_refused: u64,
    /// Whether the recording ended in order.
    pub clean_shutdown: bool,
}

/// What a link came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkReport {
    /// Where it leads.
    pub address: String,
    /// Bytes that came.
    pub bytes: u64,
    /// Frames that came.
    pub frames: u64,
    /// Bytes that the navigator was too late for.
    pub bytes_lost: u64,
    /// Frames that were not sent.
    pub frames_unsent: u64,
    /// How often the connection was lost.
    pub interruptions: u64,
}

impl LinkReport {
    pub(super) fn new(address: String, index: usize, counts: &CockpitCounts) -> Self {
        let heard = counts.heard[index];
        Self {
            address,
            bytes: heard.bytes,
            frames: heard.frames,
            bytes_lost: counts.bytes_lost[index],
            frames_unsent: counts.frames_unsent[index],
            interruptions: counts.interruptions[index],
        }
    }
}
