//! Judges a recording: is every byte accounted for, is every record there?
//!
//! | found | exit code |
//! |---|---|
//! | nothing, or notices only | 0 |
//! | the tail of the last segment of a stream is torn or missing | 2 |
//! | anything else damaged or unreadable, or records missing that nothing explains | 3 |
//! | every checksum holds, but headers, footers, hash chain, manifest or seal do not agree | 4 |
//!
//! The greatest code wins; all findings are listed.

mod claims;
mod findings;
mod gaps;
mod judge;
mod manifest;
mod parallel;
mod seal;
mod segment;
mod stream;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use serde::Serialize;

use super::reader::FlightReader;
use super::scan::read_prefix;
use crate::identity::{Digest, FlightId, PublicKey, Stream};
use crate::record::TypeCounts;
use judge::Judge;
pub use seal::{SealState, SealVerdict};
use segment::Depth;

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
    /// Whole, but headers, footers, hash chain, manifest or seal do not agree with it.
    Altered,
    /// Recovered from another recording; the exit code is at least the one of that.
    Recovered,
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
    /// Records are missing, and a loss record or the drop journal says why.
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
    /// A segment does not continue the one in front of it.
    ChainBroken,
    /// There is no seal to compare with.
    Unsealed,
    /// The seal is not one of this flight as it is.
    SealWrong,
    /// Something about the drop journal.
    Journal,
    /// A segment was made ahead of need and never begun.
    MadeAhead,
    /// The recording was recovered from another one.
    Recovered,
}

/// One thing that verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Exit code that it asks for; 0 for a notice.
    pub code: u8,
    /// What kind it is.
    pub kind: FindingKind,
    /// Stream concerned.
    pub stream: Option<Stream>,
    /// Number of the segment concerned in its stream.
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
    pub(super) fn including(range: Option<Self>, ms: u64) -> Self {
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

/// How closely a recording was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Checked {
    /// Checksums, framing and sequence numbers.
    ChecksumsAndSequence,
    /// Also bodies, headers, footers, hash chain, manifest and seal.
    Everything,
}

/// Figures of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamVerdict {
    /// Which.
    pub stream: Stream,
    /// Segments that were read.
    pub segments: u64,
    /// Valid records.
    pub records: u64,
    /// Sequence numbers that are missing.
    pub missing_records: u64,
    /// Number behind the last record.
    pub next_sequence: u64,
    /// `chain` of the last footer.
    pub last_chain: Option<Digest>,
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
    /// What was looked at.
    pub checked: Checked,
    /// What the seal proves.
    pub seal: SealVerdict,
    /// Whether the flight footer says that the recorder was closed in order.
    pub clean_shutdown: bool,
    /// Segment files of both streams that were begun.
    pub segments: u64,
    /// Valid records of both streams.
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
    /// The streams that the flight has.
    pub streams: Vec<StreamVerdict>,
    /// What was found, in the order of the recording.
    pub findings: Vec<Finding>,
    /// Findings beyond the first 1000.
    pub findings_omitted: u64,
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

/// Which recordings are read out. The verdict is the same under each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Policy {
    /// Only one for which the verdict is clean.
    Strict,
    /// Also one of which the tail is torn or missing: everything in front of it.
    TornTail,
    /// Everything that is valid, whatever is wrong with the rest.
    #[default]
    Salvage,
}

impl Policy {
    /// Whether a recording with that exit code is read out.
    #[must_use]
    pub fn admits(self, exit_code: u8) -> bool {
        match self {
            Self::Strict => exit_code == 0,
            Self::TornTail => matches!(exit_code, 0 | 2),
            Self::Salvage => true,
        }
    }
}

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// Only checksums, framing and sequence numbers.
    pub fast: bool,
    /// Segments judged at once; as many as the machine has processors, but at most 8, when it is not said.
    /// Each takes some 3 MB of memory.
    pub threads: Option<NonZeroUsize>,
    /// The device that must have sealed the flight.
    pub device_key: Option<PublicKey>,
}

/// Most threads that are used unasked.
const THREADS_MAX: usize = 8;

/// Verifies the flight at `path`, as [`verify_with`] with everything looked at and without progress.
///
/// # Errors
/// As [`verify_with`].
pub fn verify(path: impl AsRef<Path>) -> Result<Verification, VerifyError> {
    let reader = FlightReader::open(path)?;
    verify_with(&reader, &VerifyOptions::default(), |_, _| {})
}

/// Reads both streams of the flight that `reader` has opened, wherever it stands in it, and judges them.
/// `progress` is told bytes read and bytes in all, now and then.
///
/// # Errors
/// When there is no valid record.
pub fn verify_with(
    reader: &FlightReader,
    options: &VerifyOptions,
    mut progress: impl FnMut(u64, u64),
) -> Result<Verification, VerifyError> {
    let depth = match options.fast {
        true => Depth::Fast,
        false => Depth::Full,
    };
    let processors =
        || thread::available_parallelism().map_or(1, |count| count.get().min(THREADS_MAX));
    let threads = options.threads.map_or_else(processors, NonZeroUsize::get);
    let mut judge = Judge::new(reader, depth);
    parallel::judge_segments(reader, &mut judge, depth, threads, &mut progress);
    let mut prefix = |segment: u32, bytes: u64| {
        let files = reader.files();
        let file = files.all().find(|file| file.segment == segment)?;
        read_prefix(&file.path, bytes).ok().flatten()
    };
    let verdict = judge.verdict(reader, options.device_key, &mut prefix);
    if verdict.records > 0 {
        return Ok(verdict);
    }
    let first = verdict.findings.into_iter().next();
    Err(VerifyError::NoRecords {
        path: reader.folder().to_owned(),
        why: first.map_or(String::new(), |finding| finding.text),
    })
}
