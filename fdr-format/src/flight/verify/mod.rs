//! Judges a recording: is every byte accounted for, is every record there?
//!
//! | found | exit code |
//! |---|---|
//! | nothing, or notices only | 0 |
//! | the tail of the last segment is torn or missing | 2 |
//! | anything else damaged or unreadable, or records missing that no loss record explains | 3 |
//! | every checksum holds, but headers, footers, records and manifest do not agree | 4 |
//!
//! The greatest code wins; all findings are listed.

mod findings;
mod gaps;
mod judge;
mod manifest;
mod tally;
mod verifier;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::reader::FlightReader;
use crate::identity::FlightId;
use crate::record::TypeCounts;
pub use verifier::Verifier;

/// Most findings that are listed; further ones are counted.
const FINDINGS_MAX: usize = 1000;

/// How much of the recording is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// From the flight header to the flight footer, without a gap.
    Complete,
    /// Whole as far as it goes, but the recorder was not closed.
    Unclosed,
    /// The recorder was not closed and the last record is torn, or the end is missing.
    TornTail,
    /// Records were dropped by the recorder, which recorded what and why.
    Dropped,
    /// Damaged, or records are missing without an explanation.
    Damaged,
    /// Whole, but headers, footers or manifest do not agree with it.
    Altered,
}

/// Kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Bytes that are no valid record.
    DamagedBytes,
    /// The recording ends inside a record, or before its end.
    TornTail,
    /// Records are missing.
    MissingRecords,
    /// Records are missing and a loss record says why.
    DroppedRecords,
    /// A segment does not belong to the flight or needs a newer reader.
    RefusedSegment,
    /// A segment's file cannot be read.
    UnreadableSegment,
    /// The recorder was not closed.
    Unclosed,
    /// Bodies that this version cannot read.
    UnreadableBodies,
    /// A segment header says something else than the flight's first one.
    HeaderDisagrees,
    /// A record stands where none of its type may stand.
    MisplacedRecord,
    /// A footer says something else than the records in front of it.
    FooterDisagrees,
    /// The manifest says something else than the segments.
    ManifestDisagrees,
}

/// One thing that verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Exit code that it asks for; 0 for a notice.
    pub code: u8,
    /// What kind it is.
    pub kind: FindingKind,
    /// Segment concerned.
    pub segment: Option<u32>,
    /// First byte of the segment, or first sequence number for missing records.
    pub start: Option<u64>,
    /// Byte behind the last, or last sequence number for missing records.
    pub end: Option<u64>,
    /// For people.
    pub text: String,
}

/// Span of the records' `monotonic_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TimeRange {
    /// Least.
    pub first_ms: u64,
    /// Greatest.
    pub last_ms: u64,
}

impl TimeRange {
    fn including(range: Option<Self>, ms: u64) -> Self {
        let range = range.unwrap_or(Self {
            first_ms: ms,
            last_ms: ms,
        });
        Self {
            first_ms: range.first_ms.min(ms),
            last_ms: range.last_ms.max(ms),
        }
    }

    /// From the first record to the last.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        (self.last_ms - self.first_ms) as f64 * 1e-3
    }
}

/// The verdict on a recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The flight.
    pub flight_id: FlightId,
    /// How much of it is there.
    pub completeness: Completeness,
    /// 0 clean, 2 torn tail, 3 damaged, 4 altered.
    pub exit_code: u8,
    /// Whether the flight footer says that the recorder was closed in order.
    pub clean_shutdown: bool,
    /// Segment files.
    pub segments: u64,
    /// Valid records.
    pub records: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Bytes that are no valid record.
    pub damaged_bytes: u64,
    /// Sequence numbers that are missing.
    pub missing_records: u64,
    /// Time range of the valid records.
    pub time: Option<TimeRange>,
    /// Valid records by type.
    pub counts: TypeCounts,
    /// What was found, in the order of the recording.
    pub findings: Vec<Finding>,
    /// Findings beyond the first 1000.
    pub findings_omitted: u64,
}

/// Verifies the flight at `path`, as [`verify_with`] without progress.
///
/// # Errors
/// As [`verify_with`].
pub fn verify(path: impl AsRef<Path>) -> Result<Verification, VerifyError> {
    verify_with(FlightReader::open(path)?, |_, _| {})
}

/// Why a recording cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is no flight to read.
    #[error(transparent)]
    Open(#[from] super::OpenError),
    /// There is a flight's folder, but no record in it.
    #[error("{path}: holds no readable record: {why}")]
    NoRecords {
        /// The flight's folder.
        path: PathBuf,
        /// The first finding, or that there is nothing.
        why: String,
    },
}

/// Records between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 16;

/// Reads a whole flight and judges it. `progress` is told bytes read and bytes in all, now and then.
///
/// # Errors
/// When there is no valid record.
pub fn verify_with(
    reader: FlightReader,
    mut progress: impl FnMut(u64, u64),
) -> Result<Verification, VerifyError> {
    let total = reader.bytes_total();
    let mut verifier = Verifier::new(reader);
    let mut seen: u64 = 0;
    // A file that cannot be read is a finding like others.
    while !matches!(verifier.next_item(), Ok(None)) {
        seen += 1;
        if seen.is_multiple_of(PROGRESS_EVERY) {
            progress(verifier.reader().bytes_read(), total);
        }
    }
    progress(total, total);
    verifier.verdict()
}
