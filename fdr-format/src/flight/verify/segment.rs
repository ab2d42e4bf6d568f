//! Judges one segment on its own, so that segments can be judged side by side.

use std::io;

use super::claims::{footer_disagreement, header_disagreement, misplacement};
use super::{FINDINGS_MAX, FindingKind};
use crate::flight::FlightDescription;
use crate::flight::scan::{ScanEnd, ScanSink};
use crate::frame::RawRecord;
use crate::identity::{BootId, Digest, Stream};
use crate::layout::BodyProblem;
use crate::record::{
    ComponentLifecycleEvent, DecodeError, FlightFooter, LifecycleEvent, LossCause, Record,
    RecordType, SegmentFooter, SegmentHeader,
};
use crate::segment::{Damage, SegmentTally};

/// Most gaps, and most loss records, that are kept of one segment.
pub(super) const RANGES_MAX: usize = 10_000;

/// How closely a recording is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Checksums and sequence.
    Fast,
    /// Everything.
    Full,
}

/// Something about a segment, in the order in which it was found.
#[derive(Debug, Clone)]
pub(super) enum SegmentEvent {
    /// Bytes that are no valid record; what that means depends on the rest of the flight.
    Damage(DamageSeen),
    /// Anything else.
    Finding {
        code: u8,
        kind: FindingKind,
        range: Option<(u64, u64)>,
        text: String,
    },
}

/// Bytes that are no valid record, and which record was due there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DamageSeen {
    pub damage: Damage,
    /// Number behind the record in front of them; `None` where no record is in front.
    pub due: Option<u64>,
}

/// Records that a loss record says are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ToldLoss {
    /// What stands for the segment that lost them.
    pub segment: u32,
    pub first: u64,
    pub last: u64,
    pub cause: Option<LossCause>,
    /// `chain` of the segment, when all of it was dropped.
    pub chain: Option<Digest>,
}

/// What a restarted recorder found of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ToldRecovery {
    pub segment: u32,
    pub bytes: u64,
    pub digest: Option<Digest>,
}

/// What the footer of a segment says, as far as other segments must agree with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FooterSeen {
    pub last: bool,
    pub previous_chain: Digest,
    pub chain: Digest,
}

/// What the header says, as far as other segments must agree with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeaderSeen {
    pub boot_id: BootId,
    pub started_unix_ns: Option<u64>,
    pub previous_chain: Option<Digest>,
}

/// All that was learned of one segment.
#[derive(Debug, Clone)]
pub(super) struct SegmentReport {
    /// What stands for it.
    pub segment: u32,
    pub end: Result<ScanEnd, String>,
    pub holds: SegmentTally,
    /// Whether the first thing found is a valid record at byte 0.
    pub begins_well: bool,
    pub damaged: bool,
    pub damaged_bytes: u64,
    pub events: Vec<SegmentEvent>,
    pub events_omitted: u64,
    pub omitted_code: u8,
    pub gaps: Vec<(u64, u64)>,
    pub gaps_omitted: u64,
    pub gap_records: u64,
    pub losses: Vec<ToldLoss>,
    pub recoveries: Vec<ToldRecovery>,
    pub header: Option<HeaderSeen>,
    pub footer: Option<FooterSeen>,
    /// How the footer disagrees with the records in front of it. Says nothing where records are missing
    /// that nothing explains.
    pub footer_disagrees: Option<String>,
    pub flight_footer: Option<bool>,
    pub unknown_values: u64,
    /// The source's exit code, when the recording was recovered from another.
    pub source_code: Option<u8>,
}

/// Takes what is read of a segment.
#[derive(Debug)]
pub(super) struct SegmentJudge<'f> {
    flight: Option<&'f FlightDescription>,
    depth: Depth,
    report: SegmentReport,
    anything: bool,
    misplaced: bool,
    flight_footer_last: bool,
}

impl<'f> SegmentJudge<'f> {
    /// Of the segment that `segment` stands for, in a flight that its first header describes.
    pub fn new(segment: u32, flight: Option<&'f FlightDescription>, depth: Depth) -> Self {
        Self {
            flight,
            depth,
            report: SegmentReport {
                segment,
                end: Ok(ScanEnd::Read(0)),
                holds: SegmentTally::default(),
                begins_well: false,
                damaged: false,
                damaged_bytes: 0,
                events: Vec::new(),
                events_omitted: 0,
                omitted_code: 0,
                gaps: Vec::new(),
                gaps_omitted: 0,
                gap_records: 0,
                losses: Vec::new(),
                recoveries: Vec::new(),
                header: None,
                footer: None,
                footer_disagrees: None,
                flight_footer: None,
                unknown_values: 0,
                source_code: None,
            },
            anything: false,
            misplaced: false,
            flight_footer_last: false,
        }
    }

    /// The segment was read to its end, or could not be.
    pub fn finish(mut self, end: io::Result<ScanEnd>) -> SegmentReport {
        self.report.end = end.map_err(|error| error.to_string());
        self.report
    }

    fn event(&mut self, code: u8, event: SegmentEvent) {
        if self.report.events.len() < FINDINGS_MAX {
            self.report.events.push(event);
        } else {
            self.report.events_omitted += 1;
            self.report.omitted_code = self.report.omitted_code.max(code);
        }
    }

    fn finding(&mut self, code: u8, kind: FindingKind, at: &RawRecord<'_>, text: Option<String>) {
        let Some(text) = text.filter(|_| self.depth == Depth::Full) else {
            return;
        };
        let range = Some((at.offset, at.offset + at.frame_length() as u64));
        let event = SegmentEvent::Finding {
            code,
            kind,
            range,
            text,
        };
        self.event(code, event);
    }

    #[cold]
    fn structural(&mut self, at: &RawRecord<'_>, content: Option<Digest>) {
        match at.decode() {
            Ok(Record::SegmentHeader(header)) => self.header(at, &header),
            Ok(Record::SegmentFooter(footer)) => self.footer(at, &footer, content),
            Ok(Record::FlightFooter(footer)) => self.flight_footer(at, &footer),
            Ok(Record::ComponentLifecycleEvent(event)) => self.lifecycle(&event),
            Ok(Record::Recovery(recovery)) => {
                self.report.source_code = Some(recovery.source_exit_code);
            }
            Ok(_) => {}
            Err(error) => self.unreadable(at, &error),
        }
    }

    /// No writer of this version makes such a body, but a later one may use new values.
    #[cold]
    fn unreadable(&mut self, at: &RawRecord<'_>, error: &DecodeError) {
        if matches!(error.problem, BodyProblem::UnknownValue { .. }) {
            self.report.unknown_values += 1;
        } else {
            let text = Some(format!("the checksum holds, and {error}"));
            self.finding(3, FindingKind::UnreadableBodies, at, text);
        }
    }

    fn header(&mut self, at: &RawRecord<'_>, header: &SegmentHeader<'_>) {
        if at.offset == 0 {
            self.report.header = Some(HeaderSeen {
                boot_id: header.boot_id,
                started_unix_ns: header.anchor_unix_ns,
                previous_chain: header.previous_chain,
            });
        }
        let text = self
            .flight
            .and_then(|flight| header_disagreement(header, flight));
        self.finding(4, FindingKind::HeaderDisagrees, at, text);
    }

    fn footer(&mut self, at: &RawRecord<'_>, footer: &SegmentFooter<'_>, content: Option<Digest>) {
        if !self.report.damaged && self.depth == Depth::Full {
            let holds = &self.report.holds;
            let segment = self.report.segment;
            let last = self.flight_footer_last;
            let text = footer_disagreement(footer, at, segment, holds, last, content);
            self.report.footer_disagrees = text;
        }
        self.report.footer.get_or_insert(FooterSeen {
            last: footer.last,
            previous_chain: footer.previous_chain,
            chain: footer.chain,
        });
    }

    fn flight_footer(&mut self, at: &RawRecord<'_>, footer: &FlightFooter<'_>) {
        self.report.flight_footer = Some(footer.clean_shutdown);
        let (_, number) = Stream::of(self.report.segment);
        let text = super::claims::flight_footer_disagreement(footer, number, at);
        self.finding(4, FindingKind::FooterDisagrees, at, text);
    }

    fn lifecycle(&mut self, event: &ComponentLifecycleEvent<'_>) {
        let (stream, _) = Stream::of(self.report.segment);
        let segment = event.segment.unwrap_or(stream.segment(0));
        match event.event {
            LifecycleEvent::FdrSegmentDropped => {
                let range = event.first_sequence.zip(event.last_sequence);
                if let Some((first, last)) = range
                    && self.report.losses.len() < RANGES_MAX
                {
                    self.report.losses.push(ToldLoss {
                        segment,
                        first,
                        last,
                        cause: LossCause::from_name(event.cause),
                        chain: event.digest,
                    });
                }
            }
            LifecycleEvent::FdrSegmentRecovered if self.report.recoveries.len() < RANGES_MAX => {
                self.report.recoveries.push(ToldRecovery {
                    segment,
                    bytes: event.bytes,
                    digest: event.digest,
                });
            }
            _ => {}
        }
    }
}

impl ScanSink for SegmentJudge<'_> {
    #[inline]
    fn record(&mut self, record: &RawRecord<'_>, content: Option<Digest>) {
        if !self.anything {
            self.anything = true;
            self.report.begins_well = record.offset == 0;
        }
        let record_type = record.record_type;
        let is_odd = (record_type == RecordType::SEGMENT_HEADER) != (record.offset == 0)
            || self.report.footer.is_some()
            || self.flight_footer_last;
        if is_odd && !self.misplaced {
            let behind_footer = self.report.footer.is_some();
            let text = misplacement(record, behind_footer, self.flight_footer_last);
            // The first one is enough.
            self.misplaced = text.is_some();
            self.finding(4, FindingKind::MisplacedRecord, record, text);
        }
        match record_type {
            RecordType::SEGMENT_HEADER
            | RecordType::SEGMENT_FOOTER
            | RecordType::FLIGHT_FOOTER
            | RecordType::COMPONENT_LIFECYCLE_EVENT
            | RecordType::RECOVERY => self.structural(record, content),
            _ if self.depth == Depth::Full => {
                if let Err(error) = record.decode() {
                    self.unreadable(record, &error);
                }
            }
            _ => {}
        }
        self.flight_footer_last = record_type == RecordType::FLIGHT_FOOTER;
        let head = record.head();
        self.report.holds.add(&head, record.offset, record.body);
    }

    fn damage(&mut self, damage: &Damage) {
        self.anything = true;
        match *damage {
            Damage::Gap {
                first_missing,
                last_missing,
                ..
            } => {
                let missing = (last_missing - first_missing).saturating_add(1);
                self.report.gap_records = self.report.gap_records.saturating_add(missing);
                if self.report.gaps.len() < RANGES_MAX {
                    self.report.gaps.push((first_missing, last_missing));
                } else {
                    self.report.gaps_omitted += 1;
                }
            }
            Damage::Bytes { start, end, .. } | Damage::TornTail { start, end, .. } => {
                self.report.damaged = true;
                self.report.damaged_bytes += end - start;
                let due = self.report.holds.sequence.map(|(_, last)| last + 1);
                let damage = *damage;
                self.event(3, SegmentEvent::Damage(DamageSeen { damage, due }));
            }
        }
    }
}
