//! What verification has seen so far, and what follows from it.

use std::io;

use super::findings::Findings;
use super::gaps::{Gaps, SequenceRange};
use super::manifest::{SeenSegment, content_disagreement, identity_disagreement};
use super::tally::{Tally, flight_footer_disagreement, header_disagreement};
use super::{Completeness, FindingKind, TimeRange, Verification};
use crate::flight::folder::segment_file;
use crate::flight::reader::{FlightItem, FlightReader, ReadError};
use crate::flight::{FlightDescription, Manifest};
use crate::frame::RawRecord;
use crate::identity::Stream;
use crate::record::{FlightFooter, Record, SegmentFooter, TypeCounts};
use crate::segment::Damage;

/// What has been seen so far.
#[derive(Debug)]
pub(super) struct Judge {
    flight: Option<FlightDescription>,
    manifest: io::Result<Option<Manifest>>,
    last_segment: u32,
    /// The segment being read.
    tally: Option<Tally>,
    /// Segments read to their end.
    seen: Vec<SeenSegment>,
    /// What the footer of the last segment says, if it was seen: that it is the last one.
    last_footer: Option<bool>,
    clean_shutdown: bool,
    counts: TypeCounts,
    time: Option<TimeRange>,
    next_sequence: u64,
    damaged_bytes: u64,
    gaps: Gaps,
    unreadable_bodies: u64,
    findings: Findings,
}

impl Judge {
    pub fn new(reader: &FlightReader) -> Self {
        Self {
            flight: reader.description().cloned(),
            manifest: reader.manifest(),
            last_segment: reader.last_segment(),
            tally: None,
            seen: Vec::new(),
            last_footer: None,
            clean_shutdown: false,
            counts: TypeCounts::default(),
            time: None,
            next_sequence: 0,
            damaged_bytes: 0,
            gaps: Gaps::default(),
            unreadable_bodies: 0,
            findings: Findings::default(),
        }
    }

    pub fn take(&mut self, item: &FlightItem<'_>) {
        match item {
            FlightItem::Record { segment, record } => self.record(*segment, record),
            FlightItem::Damage { segment, damage } => self.damage(*segment, damage),
            FlightItem::Refused { segment, error } => {
                self.leave();
                let (kind, segment) = (FindingKind::RefusedSegment, Some(*segment));
                self.findings.add(3, kind, segment, None, error.to_string());
            }
        }
    }

    pub fn unreadable_segment(&mut self, error: &ReadError) {
        self.leave();
        let (kind, segment) = (FindingKind::UnreadableSegment, Some(error.segment));
        self.findings.add(3, kind, segment, None, error.to_string());
    }

    fn tally(&mut self, segment: u32) -> &mut Tally {
        if self
            .tally
            .as_ref()
            .is_some_and(|tally| tally.segment != segment)
        {
            self.leave();
        }
        self.tally.get_or_insert_with(|| Tally {
            segment,
            ..Tally::default()
        })
    }

    fn leave(&mut self) {
        let Some(tally) = self.tally.take() else {
            return;
        };
        self.counts.merge(&tally.holds.counts);
        if let Some((first_sequence, last_sequence)) = tally.holds.sequence {
            self.seen.push(SeenSegment {
                number: tally.segment,
                bytes: tally.holds.end,
                first_sequence,
                last_sequence,
            });
        }
        let segment = Some(tally.segment);
        if tally.segment == self.last_segment {
            self.last_footer = tally.footer;
        } else if tally.footer.is_none() {
            let text = "the segment has no footer though another one follows".to_owned();
            self.findings
                .add(0, FindingKind::Unclosed, segment, None, text);
        } else if tally.footer == Some(true) {
            let kind = FindingKind::FooterDisagrees;
            let text = "the footer says that the segment is the last one, another one follows";
            self.findings.add(4, kind, segment, None, text.to_owned());
        }
    }

    fn record(&mut self, segment: u32, record: &RawRecord<'_>) {
        self.time = Some(TimeRange::including(self.time, record.monotonic_ms));
        self.next_sequence = record.sequence.saturating_add(1);
        let misplaced = self.tally(segment).misplaced(record);
        self.disagrees(FindingKind::MisplacedRecord, segment, record, misplaced);
        match record.decode() {
            Ok(Record::SegmentHeader(header)) => {
                let flight = self.flight.as_ref();
                let text = flight.and_then(|flight| header_disagreement(&header, flight));
                self.disagrees(FindingKind::HeaderDisagrees, segment, record, text);
            }
            Ok(Record::SegmentFooter(footer)) => self.segment_footer(segment, record, &footer),
            Ok(Record::FlightFooter(footer)) => self.flight_footer(segment, record, &footer),
            Ok(Record::ComponentLifecycleEvent(event)) => self.gaps.explain(&event),
            Ok(_) => {}
            Err(_) => self.unreadable_bodies += 1,
        }
        self.tally(segment).add(record);
    }

    fn segment_footer(&mut self, segment: u32, at: &RawRecord<'_>, footer: &SegmentFooter<'_>) {
        let tally = self.tally(segment);
        tally.footer = Some(footer.last);
        if !tally.damaged {
            let disagreement = tally.footer_disagreement(footer, at.offset);
            self.disagrees(FindingKind::FooterDisagrees, segment, at, disagreement);
        }
    }

    fn flight_footer(&mut self, segment: u32, at: &RawRecord<'_>, footer: &FlightFooter<'_>) {
        self.clean_shutdown = footer.clean_shutdown;
        let disagreement = flight_footer_disagreement(footer, segment, at);
        self.disagrees(FindingKind::FooterDisagrees, segment, at, disagreement);
    }

    fn disagrees(
        &mut self,
        kind: FindingKind,
        segment: u32,
        at: &RawRecord<'_>,
        text: Option<String>,
    ) {
        if let Some(text) = text {
            let range = Some((at.offset, at.offset + at.frame_length() as u64));
            self.findings.add(4, kind, Some(segment), range, text);
        }
    }

    fn damage(&mut self, segment: u32, damage: &Damage) {
        self.tally(segment).damaged = true;
        let (code, kind, damage) = match *damage {
            Damage::Gap {
                first_missing,
                last_missing,
                ..
            } => {
                let range = (first_missing, last_missing);
                if !self.gaps.note(segment, range) {
                    self.gap(segment, range, false);
                }
                return;
            }
            Damage::TornTail { start, end, .. } if self.is_open_tail(segment, start, end) => {
                (2, FindingKind::TornTail, *damage)
            }
            Damage::TornTail {
                start,
                end,
                problem,
            }
            | Damage::Bytes {
                start,
                end,
                problem,
            } => {
                let bytes = Damage::Bytes {
                    start,
                    end,
                    problem,
                };
                (3, FindingKind::DamagedBytes, bytes)
            }
        };
        let range = damage.bytes();
        self.damaged_bytes += range.map_or(0, |(start, end)| end - start);
        let text = damage.to_string();
        self.findings.add(code, kind, Some(segment), range, text);
    }

    /// Whether the recorder may have been writing bytes `start` to `end` when it ended: they are the
    /// last of the last segment, and nothing says that the segment was closed with them.
    fn is_open_tail(&mut self, segment: u32, start: u64, end: u64) -> bool {
        let file = segment_file(segment);
        let closed_at = self.clean_manifest().and_then(|manifest| {
            let stream = manifest.stream(Stream::Bulk)?;
            let entry = stream.segments.iter().find(|entry| entry.file == file);
            entry.map(|entry| entry.bytes)
        });
        let clean_shutdown = self.clean_shutdown;
        let is_last = segment == self.last_segment;
        let tally = self.tally(segment);
        let footer_is_whole = clean_shutdown && end - start >= tally.footer_length();
        is_last && tally.footer.is_none() && !footer_is_whole && closed_at != Some(end)
    }

    fn clean_manifest(&self) -> Option<&Manifest> {
        let manifest = self.manifest.as_ref().ok()?.as_ref()?;
        manifest.clean_shutdown.then_some(manifest)
    }

    pub fn verdict(mut self, reader: &FlightReader) -> Verification {
        self.leave();
        for (segment, range, explained) in self.gaps.judged() {
            self.gap(segment, range, explained);
        }
        let end_is_missing = self.judge_end();
        self.judge_manifest(reader, end_is_missing);
        if self.unreadable_bodies > 0 {
            let text = format!(
                "{} bodies cannot be read by this version",
                self.unreadable_bodies
            );
            let kind = FindingKind::UnreadableBodies;
            self.findings.add(0, kind, None, None, text);
        }
        Verification {
            flight_id: reader.flight_id(),
            completeness: self.completeness(),
            exit_code: self.findings.code,
            clean_shutdown: self.clean_shutdown,
            segments: reader.segment_count() as u64,
            records: self.counts.total(),
            bytes: reader.bytes_read(),
            damaged_bytes: self.damaged_bytes,
            missing_records: self.gaps.missing,
            time: self.time,
            counts: self.counts,
            findings: self.findings.list,
            findings_omitted: self.findings.omitted,
        }
    }

    fn gap(&mut self, segment: u32, (first, last): SequenceRange, explained: bool) {
        let (code, kind, why) = match explained {
            true => (
                0,
                FindingKind::DroppedRecords,
                ", as a loss record explains",
            ),
            false => (3, FindingKind::MissingRecords, ""),
        };
        let text = format!("records {first} to {last} are missing{why}");
        let range = Some((first, last));
        self.findings.add(code, kind, Some(segment), range, text);
    }

    /// Says so when the recorder was not closed, and whether the manifest proves that records are
    /// missing at the end.
    fn judge_end(&mut self) -> bool {
        if self.last_footer == Some(true) {
            return false;
        }
        let (segment, due) = (Some(self.last_segment), self.next_sequence);
        let manifest = self.clean_manifest();
        let counted = manifest.and_then(|manifest| Some(manifest.stream(Stream::Bulk)?.records));
        if let Some(counted) = counted.filter(|&counted| counted > due) {
            self.gaps.missing = self.gaps.missing.saturating_add(counted - due);
            let text = format!(
                "records {due} to {} are missing at the end: manifest.json says that the flight was closed with {counted}",
                counted - 1
            );
            let range = Some((due, counted - 1));
            let kind = FindingKind::TornTail;
            self.findings.add(2, kind, segment, range, text);
            return true;
        }
        let text = match self.last_footer {
            Some(_) => "the footer of the last segment says that another one follows",
            None => "the last segment has no footer",
        };
        let text =
            format!("{text}: the recorder was not closed, records may be missing at the end");
        let kind = FindingKind::Unclosed;
        self.findings.add(0, kind, segment, None, text);
        false
    }

    fn judge_manifest(&mut self, reader: &FlightReader, end_is_missing: bool) {
        let kind = FindingKind::ManifestDisagrees;
        let manifest = match &self.manifest {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return,
            Err(error) => {
                let altered = error.kind() == io::ErrorKind::InvalidData;
                let code = if altered { 4 } else { 0 };
                let text = format!("manifest.json cannot be read and was not compared: {error}");
                self.findings.add(code, kind, None, None, text);
                return;
            }
        };
        let comparable = manifest.clean_shutdown && !self.findings.damage && !end_is_missing;
        let content = comparable.then(|| {
            let dropped = self.gaps.missing > 0;
            content_disagreement(manifest, self.next_sequence, &self.seen, dropped)
        });
        let identity = identity_disagreement(manifest, reader.flight_id(), self.flight.as_ref());
        for text in [identity, content.flatten()].into_iter().flatten() {
            self.findings.add(4, kind, None, None, text);
        }
    }

    fn completeness(&self) -> Completeness {
        match self.findings.code {
            0 if self.gaps.missing > 0 => Completeness::Dropped,
            0 if self.last_footer == Some(true) => Completeness::Complete,
            0 => Completeness::Unclosed,
            2 => Completeness::TornTail,
            4 => Completeness::Altered,
            _ => Completeness::Damaged,
        }
    }
}
