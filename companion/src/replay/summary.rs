//! What a replay found, as machines read it (`--json`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::feed::MaskCounts;
use super::sight::SightCounts;
use crate::autopilot::mavlink::SenderSequence;
use crate::autopilot::tlog::ClockCounts;

/// The figures of a replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The log.
    pub log: PathBuf,
    /// Time from its first message to the last that was reached, seconds.
    pub duration_s: f64,
    /// The denial windows in order of time.
    pub windows: Vec<WindowSummary>,
    /// Messages that were read and understood.
    pub messages_read: u64,
    /// Messages, and stretches of bytes, that were not.
    pub messages_refused: u64,
    /// The same by reason; every reason is named.
    pub messages_refused_by_reason: BTreeMap<&'static str, u64>,
    /// The same by message id, where the message stood whole between two others.
    pub messages_refused_by_id: BTreeMap<u32, u64>,
    /// Bytes that belong to no message.
    pub bytes_skipped: u64,
    /// Where the last message begins in the log, when the log ends inside it.
    pub truncated_at: Option<u64>,
    /// Every sender, in the order in which they were first heard.
    pub senders: Vec<SenderSummary>,
    /// Messages that the denial windows changed.
    pub messages_masked: MaskCounts,
    /// How the time stamps behaved.
    pub stamps: StampSummary,
    /// What the camera did; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vision: Option<SightCounts>,
    /// Positions emitted.
    pub positions: u64,
    /// Where the recording is.
    pub flight_dir: PathBuf,
    /// Records in it.
    pub records: u64,
    /// Length of the log over the time that the replay took.
    pub realtime_factor: f64,
}

/// One denial window. Figures are null when the log's GPS had no 3D fix to compare with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowSummary {
    /// Start, seconds since the first message.
    pub start_s: f64,
    /// End, not included, seconds since the first message.
    pub end_s: f64,
    /// Horizontal distance flown, by the log's GPS.
    pub distance_m: f64,
    /// Horizontal error at the last fix of the window.
    pub error_end_m: Option<f64>,
    /// Largest horizontal error.
    pub error_max_m: Option<f64>,
    /// Share of fixes inside the emitted 95 % ellipse, 0 to 1.
    pub coverage_95: Option<f64>,
    /// Labels of the positions emitted in the window.
    pub labels: Vec<&'static str>,
}

/// What the sequence numbers of one sender say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SenderSummary {
    /// System id.
    pub system: u8,
    /// Component id.
    pub component: u8,
    /// Messages that arrived.
    pub received: u64,
    /// Messages that did not: the gaps in the numbers.
    pub lost: u64,
    /// Messages that carry the number of the one before.
    pub repeated: u64,
}

impl From<&SenderSequence> for SenderSummary {
    fn from(sequence: &SenderSequence) -> Self {
        Self {
            system: sequence.sender.system,
            component: sequence.sender.component,
            received: sequence.received,
            lost: sequence.lost,
            repeated: sequence.repeated,
        }
    }
}

/// How the time stamps of the log behaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct StampSummary {
    /// Stamps that ran back by a second or less.
    pub reversals: u64,
    /// Stamps that were lost or contradicted by their neighbours.
    pub damaged: u64,
}

impl From<ClockCounts> for StampSummary {
    fn from(counts: ClockCounts) -> Self {
        Self {
            reversals: counts.reversals,
            damaged: counts.damaged,
        }
    }
}
