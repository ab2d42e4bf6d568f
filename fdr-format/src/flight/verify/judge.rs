//! What verification has seen so far, and what follows from it.

use super::{Completeness, FINDINGS_MAX, Finding, FindingKind, TimeRange, Verification};
use crate::flight::reader::{FlightItem, FlightReader};
use crate::frame::RawRecord;
use crate::record::{ComponentLifecycleEvent, LifecycleEvent, Record, SegmentFooter, TypeCounts};
use crate::segment::Damage;

/// Most gaps, and most loss records, that are compared with each other. A gap beyond the limit
/// counts as unexplained.
const RANGES_MAX: usize = 10_000;

/// A range of sequence numbers, ends included.
type SequenceRange = (u64, u64);

/// What has been seen so far.
pub(super) struct Judge {
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
    pub(super) fn new(reader: &FlightReader) -> Self {
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

    pub(super) fn take(&mut self, item: &FlightItem<'_>) {
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

    /// Records, damages and refusals seen so far.
    pub(super) fn items(&self) -> u64 {
        self.items
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
            Ok(Record::ComponentLifecycleEvent(event)) => self.loss(&event),
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
            && footer.last_sequence.checked_add(1) == Some(record.sequence)
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
                let missing = (last_missing - first_missing).saturating_add(1);
                self.missing = self.missing.saturating_add(missing);
                let range = (first_missing, last_missing);
                if self.gaps.len() < RANGES_MAX {
                    self.gaps.push((segment, range));
                } else {
                    self.gap(3, FindingKind::MissingRecords, segment, range);
                }
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

    pub(super) fn verdict(mut self, reader: &FlightReader) -> Verification {
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

    fn loss(&mut self, event: &ComponentLifecycleEvent<'_>) {
        let range = event.first_sequence.zip(event.last_sequence);
        if let (LifecycleEvent::FdrSegmentDropped, Some(range)) = (event.event, range)
            && self.losses.len() < RANGES_MAX
        {
            self.losses.push(range);
        }
    }

    /// A gap is explained when loss records cover it; they may stand behind it in the recording.
    fn judge_gaps(&mut self) {
        let losses = std::mem::take(&mut self.losses);
        for (segment, range) in std::mem::take(&mut self.gaps) {
            if covered(range, &losses) {
                self.gap(0, FindingKind::DroppedRecords, segment, range);
            } else {
                self.gap(3, FindingKind::MissingRecords, segment, range);
            }
        }
    }

    fn gap(&mut self, code: u8, kind: FindingKind, segment: u32, (first, last): SequenceRange) {
        let why = match kind {
            FindingKind::DroppedRecords => ", as a loss record explains",
            _ => "",
        };
        let text = format!("records {first} to {last} are missing{why}");
        self.find(code, kind, Some(segment), Some((first, last)), text);
    }

    /// A manifest of a closed flight that counts more than is there proves that the end was cut off.
    fn judge_manifest(&mut self, reader: &FlightReader, records: u64) {
        let Some(manifest) = reader.manifest().filter(|manifest| manifest.clean_shutdown) else {
            return;
        };
        let found = records.saturating_add(self.missing);
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
