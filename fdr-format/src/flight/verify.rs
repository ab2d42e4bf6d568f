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

use std::path::Path;

use serde::Serialize;

use super::reader::{FlightItem, FlightReader, ReadError};
use crate::frame::RawRecord;
use crate::identity::FlightId;
use crate::record::{ComponentLifecycleEvent, LifecycleEvent, Record, SegmentFooter, TypeCounts};
use crate::segment::Damage;

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
    verify_with(FlightReader::open(path)?, |_, _| {}).map_err(VerifyError::from)
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
}

/// Records between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 16;

/// Reads a whole flight and judges it. `progress` is told bytes read and bytes in all, now and then.
///
/// # Errors
/// When a segment file cannot be read.
pub fn verify_with(
    mut reader: FlightReader,
    mut progress: impl FnMut(u64, u64),
) -> Result<Verification, ReadError> {
    let mut judge = Judge::new(&reader);
    let total = reader.bytes_total();
    while let Some(item) = reader.next_item()? {
        judge.take(&item);
        if judge.items.is_multiple_of(PROGRESS_EVERY) {
            progress(reader.bytes_read(), total);
        }
    }
    progress(total, total);
    Ok(judge.verdict(&reader))
}

/// A range of sequence numbers, ends included.
type SequenceRange = (u64, u64);

/// What has been seen so far.
struct Judge {
    items: u64,
    last_segment: u32,
    /// The segment being read, what it holds so far, and its footer once it was seen.
    segment: Option<u32>,
    tally: Tally,
    footer_seen: bool,
    closed: bool,
    clean_shutdown: bool,
    counts: TypeCounts,
    time: Option<TimeRange>,
    damaged_bytes: u64,
    gaps: Vec<(u32, SequenceRange)>,
    missing: u64,
    losses: Vec<SequenceRange>,
    unreadable: u64,
    findings: Vec<Finding>,
    findings_omitted: u64,
    code: u8,
}

/// What a segment's footer is compared with.
#[derive(Default)]
struct Tally {
    records: u64,
    damaged: bool,
    counts: TypeCounts,
}

impl Judge {
    fn new(reader: &FlightReader) -> Self {
        Self {
            items: 0,
            last_segment: reader.last_segment(),
            segment: None,
            tally: Tally::default(),
            footer_seen: false,
            closed: false,
            clean_shutdown: false,
            counts: TypeCounts::default(),
            time: None,
            damaged_bytes: 0,
            gaps: Vec::new(),
            missing: 0,
            losses: Vec::new(),
            unreadable: 0,
            findings: Vec::new(),
            findings_omitted: 0,
            code: 0,
        }
    }

    fn take(&mut self, item: &FlightItem<'_>) {
        self.items += 1;
        match item {
            FlightItem::Record { segment, record } => {
                self.enter(*segment);
                self.record(*segment, record);
            }
            FlightItem::Damage { segment, damage } => {
                self.enter(*segment);
                self.tally.damaged = true;
                self.damage(*segment, damage);
            }
            FlightItem::Refused { segment, error } => {
                self.enter(*segment);
                self.find(
                    3,
                    FindingKind::RefusedSegment,
                    Some(*segment),
                    None,
                    error.to_string(),
                );
            }
        }
    }

    fn enter(&mut self, segment: u32) {
        if self.segment != Some(segment) {
            self.leave();
            self.segment = Some(segment);
        }
    }

    fn leave(&mut self) {
        let tally = std::mem::take(&mut self.tally);
        self.counts.merge(&tally.counts);
        if self
            .segment
            .is_some_and(|segment| segment != self.last_segment)
            && !self.footer_seen
        {
            let text = "the segment has no footer though another one follows".to_owned();
            self.find(0, FindingKind::Unclosed, self.segment, None, text);
        }
        self.footer_seen = false;
    }

    fn record(&mut self, segment: u32, record: &RawRecord<'_>) {
        let ms = record.monotonic_ms;
        self.time = Some(match self.time {
            Some(time) => TimeRange {
                first_ms: time.first_ms.min(ms),
                last_ms: time.last_ms.max(ms),
            },
            None => TimeRange {
                first_ms: ms,
                last_ms: ms,
            },
        });
        match record.decode() {
            Ok(Record::SegmentFooter(footer)) => self.footer(segment, record, &footer),
            Ok(Record::FlightFooter(footer)) => {
                self.clean_shutdown = footer.clean_shutdown;
            }
            Ok(Record::ComponentLifecycleEvent(event)) => self.losses.extend(loss(&event)),
            Ok(_) => {}
            Err(_) => self.unreadable += 1,
        }
        self.tally.records += 1;
        self.tally.counts.add(record.record_type, 1);
    }

    fn footer(&mut self, segment: u32, record: &RawRecord<'_>, footer: &SegmentFooter<'_>) {
        self.footer_seen = true;
        self.closed |= footer.last;
        let agrees = footer.segment == segment
            && footer.records == self.tally.records
            && footer.bytes == record.offset
            && footer.last_sequence + 1 == record.sequence
            && footer
                .counts
                .iter()
                .map(|c| (c.record_type, c.count))
                .eq(self.tally.counts.iter());
        if !agrees && !self.tally.damaged {
            let text = format!(
                "the segment footer counts {} records in {} bytes, there are {} in {}",
                footer.records, footer.bytes, self.tally.records, record.offset
            );
            let range = Some((record.offset, record.offset + record.frame_length() as u64));
            self.find(4, FindingKind::FooterDisagrees, Some(segment), range, text);
        }
    }

    fn damage(&mut self, segment: u32, damage: &Damage) {
        match *damage {
            Damage::Gap {
                first_missing,
                last_missing,
                ..
            } => {
                self.missing += last_missing - first_missing + 1;
                self.gaps.push((segment, (first_missing, last_missing)));
            }
            Damage::TornTail { start, end, .. }
                if segment == self.last_segment && !self.footer_seen =>
            {
                self.damaged_bytes += end - start;
                let range = Some((start, end));
                self.find(
                    2,
                    FindingKind::TornTail,
                    Some(segment),
                    range,
                    damage.to_string(),
                );
            }
            Damage::TornTail { start, end, .. } | Damage::Bytes { start, end, .. } => {
                self.damaged_bytes += end - start;
                let range = Some((start, end));
                self.find(
                    3,
                    FindingKind::DamagedBytes,
                    Some(segment),
                    range,
                    damage.to_string(),
                );
            }
        }
    }

    fn find(
        &mut self,
        code: u8,
        kind: FindingKind,
        segment: Option<u32>,
        range: Option<(u64, u64)>,
        text: String,
    ) {
        self.code = self.code.max(code);
        if self.findings.len() == FINDINGS_MAX {
            self.findings_omitted += 1;
            return;
        }
        self.findings.push(Finding {
            code,
            kind,
            segment,
            start: range.map(|(start, _)| start),
            end: range.map(|(_, end)| end),
            text,
        });
    }

    fn verdict(mut self, reader: &FlightReader) -> Verification {
        self.leave();
        self.judge_gaps();
        if !self.closed {
            let text = "the last segment has no footer: the recorder was not closed, records may be missing at the end".to_owned();
            self.find(
                0,
                FindingKind::Unclosed,
                Some(self.last_segment),
                None,
                text,
            );
        }
        if self.unreadable > 0 {
            let text = format!("{} bodies cannot be read by this version", self.unreadable);
            self.find(0, FindingKind::UnreadableBodies, None, None, text);
        }
        let records = self.counts.total();
        if self.code == 0 {
            self.judge_manifest(reader, records);
        }
        Verification {
            flight_id: reader.flight_id(),
            completeness: self.completeness(),
            exit_code: self.code,
            clean_shutdown: self.clean_shutdown,
            segments: reader.segment_count() as u64,
            records,
            bytes: reader.bytes_read(),
            damaged_bytes: self.damaged_bytes,
            missing_records: self.missing,
            time: self.time,
            counts: self.counts,
            findings: self.findings,
            findings_omitted: self.findings_omitted,
        }
    }

    /// A gap is explained when loss records cover it; they may stand behind it in the recording.
    fn judge_gaps(&mut self) {
        let losses = std::mem::take(&mut self.losses);
        for (segment, (first, last)) in std::mem::take(&mut self.gaps) {
            let range = Some((first, last));
            let text = format!("records {first} to {last} are missing");
            if covered((first, last), &losses) {
                let text = format!("{text}, as a loss record explains");
                self.find(0, FindingKind::DroppedRecords, Some(segment), range, text);
            } else {
                self.find(3, FindingKind::MissingRecords, Some(segment), range, text);
            }
        }
    }

    /// A manifest of a closed flight that counts more than is there proves that the end was cut off.
    fn judge_manifest(&mut self, reader: &FlightReader, records: u64) {
        let Some(manifest) = reader.manifest().filter(|manifest| manifest.clean_shutdown) else {
            return;
        };
        let found = records + self.missing;
        if manifest.flight_id == reader.flight_id() && manifest.records == found {
            return;
        }
        let text = format!(
            "manifest.json counts {} records of flight {}, there are {found} of flight {}",
            manifest.records,
            manifest.flight_id,
            reader.flight_id()
        );
        let (code, kind) = if !self.closed && manifest.records > found {
            (2, FindingKind::TornTail)
        } else {
            (4, FindingKind::ManifestDisagrees)
        };
        self.find(code, kind, None, None, text);
    }

    fn completeness(&self) -> Completeness {
        match self.code {
            0 if self.missing > 0 => Completeness::Dropped,
            0 if self.closed => Completeness::Complete,
            0 => Completeness::Unclosed,
            2 => Completeness::TornTail,
            4 => Completeness::Altered,
            _ => Completeness::Damaged,
        }
    }
}

fn loss(event: &ComponentLifecycleEvent<'_>) -> Option<SequenceRange> {
    match event.event {
        LifecycleEvent::FdrSegmentDropped => event.first_sequence.zip(event.last_sequence),
        _ => None,
    }
}

/// Whether the ranges together contain every number of `gap`.
fn covered(gap: SequenceRange, losses: &[SequenceRange]) -> bool {
    let (mut due, last) = gap;
    loop {
        let reach = losses
            .iter()
            .filter(|(from, to)| *from <= due && due <= *to)
            .map(|(_, to)| *to)
            .max();
        match reach {
            Some(to) if to >= last => return true,
            Some(to) => due = to + 1,
            None => return false,
        }
    }
}
