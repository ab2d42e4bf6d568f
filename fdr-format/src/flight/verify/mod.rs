//! Judges a recording: is every byte accounted for, is every record there?
//!
//! | found | exit code |
//! |---|---|
//! | nothing, or notices only | 0 |
//! | the last segment has no footer and its tail is torn | 2 |
//! | anything else damaged, or records missing that no loss record explains | 3 |
//! | every checksum holds, but a footer or the manifest does not agree with the records | 4 |
//!
//! The greatest code wins; all findings are listed.

mod judge;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::reader::{FlightReader, ReadError};
use crate::identity::FlightId;
use crate::record::TypeCounts;
use judge::Judge;

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
    /// The recorder was not closed and the last record is torn.
    TornTail,
    /// Records were dropped by the recorder, which recorded what and why.
    Dropped,
    /// Damaged, or records are missing without an explanation.
    Damaged,
    /// Whole, but footer or manifest do not agree with it.
    Altered,
}

/// Kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Bytes that are no valid record.
    DamagedBytes,
    /// The recording ends inside a record.
    TornTail,
    /// Records are missing.
    MissingRecords,
    /// Records are missing and a loss record says why.
    DroppedRecords,
    /// A segment does not belong to the flight or needs a newer reader.
    RefusedSegment,
    /// The recorder was not closed.
    Unclosed,
    /// Bodies that this version cannot read.
    UnreadableBodies,
    /// A footer counts other records than there are.
    FooterDisagrees,
    /// The manifest counts other records than there are.
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
    /// A segment file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
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
/// When a segment file cannot be read, or none holds a valid record.
pub fn verify_with(
    mut reader: FlightReader,
    mut progress: impl FnMut(u64, u64),
) -> Result<Verification, VerifyError> {
    let mut judge = Judge::new(&reader);
    let total = reader.bytes_total();
    while let Some(item) = reader.next_item()? {
        judge.take(&item);
        if judge.items().is_multiple_of(PROGRESS_EVERY) {
            progress(reader.bytes_read(), total);
        }
    }
    progress(total, total);
    let verdict = judge.verdict(&reader);
    if verdict.records == 0 {
        return Err(VerifyError::NoRecords {
            path: reader.folder().to_owned(),
            why: verdict
                .findings
                .first()
                .map_or(String::new(), |finding| finding.text.clone()),
        });
    }
    Ok(verdict)
}
