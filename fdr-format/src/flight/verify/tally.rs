//! What one segment holds, and whether its header and footers agree with it.

use super::findings::{claim, disagreement};
use crate::flight::FlightDescription;
use crate::frame::{FRAME_OVERHEAD, RawRecord};
use crate::layout::List;
use crate::record::{FlightFooter, RecordType, SegmentFooter, SegmentHeader};
use crate::segment::SegmentTally;

/// Bytes of the frame of a segment footer whose lists are empty.
const FOOTER_MIN: u64 = (FRAME_OVERHEAD + 8 + 3 * 32 + 4 + 1 + 6 * 8 + 4 * 2) as u64;

/// What has been read of one segment.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub segment: u32,
    pub holds: SegmentTally,
    pub damaged: bool,
    /// Whether the record read last is a flight footer.
    pub flight_footer: bool,
    /// Whether a misplaced record was told: the first one is enough.
    pub misplaced: bool,
    /// What the segment footer says: whether the segment is the last one.
    pub footer: Option<bool>,
}

impl Tally {
    pub fn add(&mut self, record: &RawRecord<'_>) {
        self.holds.add(&record.head(), record.offset, record.body);
        self.flight_footer = record.record_type == RecordType::FLIGHT_FOOTER;
    }

    /// The order of the records: a header at byte 0 and nowhere else, nothing behind a footer.
    pub fn misplaced(&mut self, record: &RawRecord<'_>) -> Option<String> {
        let found = self.misplacement(record).filter(|_| !self.misplaced);
        self.misplaced |= found.is_some();
        found
    }

    fn misplacement(&self, record: &RawRecord<'_>) -> Option<String> {
        let is_header = record.record_type == RecordType::SEGMENT_HEADER;
        let is_footer = record.record_type == RecordType::SEGMENT_FOOTER;
        let name = record.record_type;
        if is_header != (record.offset == 0) {
            Some(format!("byte {} holds a {name}", record.offset))
        } else if self.footer.is_some() {
            Some(format!("a {name} stands behind the segment footer"))
        } else if self.flight_footer && !is_footer {
            Some(format!("a {name} stands behind the flight footer"))
        } else {
            None
        }
    }

    /// How the segment's footer disagrees with the records in front of it.
    pub fn footer_disagreement(&self, footer: &SegmentFooter<'_>, at: u64) -> Option<String> {
        let holds = &self.holds;
        let (first_sequence, last_sequence) = holds.sequence.unwrap_or_default();
        let (first_ms, last_ms) = holds.monotonic_ms.unwrap_or_default();
        let other = |differ: bool, what: &str| differ.then(|| format!("other {what}"));
        disagreement(
            "the segment footer",
            &[
                claim("segment", footer.segment, self.segment),
                claim("last", footer.last, self.flight_footer),
                claim("records", footer.records, holds.records),
                claim("bytes", footer.bytes, at),
                claim("first_sequence", footer.first_sequence, first_sequence),
                claim("last_sequence", footer.last_sequence, last_sequence),
                claim("first_monotonic_ms", footer.first_monotonic_ms, first_ms),
                claim("last_monotonic_ms", footer.last_monotonic_ms, last_ms),
                other(
                    footer.counts != List::new(&holds.type_counts()),
                    "counts by type",
                ),
                other(
                    footer.losses != List::new(&holds.loss_counts()),
                    "losses by cause",
                ),
                other(
                    footer.index != List::new(&holds.index),
                    "chunks in its index",
                ),
                other(
                    footer.checkpoints != List::new(&holds.checkpoints),
                    "checkpoints",
                ),
            ],
        )
    }

    /// Least bytes of the footer that closes the segment as it stands.
    pub fn footer_length(&self) -> u64 {
        FOOTER_MIN + 10 * self.holds.counts.iter().count() as u64 + 40
    }
}

/// How the flight footer disagrees with what was read.
pub(super) fn flight_footer_disagreement(
    footer: &FlightFooter<'_>,
    segment: u32,
    record: &RawRecord<'_>,
) -> Option<String> {
    disagreement(
        "the flight footer",
        &[
            claim("records", footer.records, record.sequence.saturating_add(1)),
            claim(
                "segments",
                u64::from(footer.segments),
                u64::from(segment) + 1,
            ),
        ],
    )
}

/// How a segment's header disagrees with the flight's first readable one.
pub(super) fn header_disagreement(
    header: &SegmentHeader<'_>,
    flight: &FlightDescription,
) -> Option<String> {
    disagreement(
        "the segment header",
        &[
            claim("boot_id", header.boot_id, flight.boot_id),
            claim("core_version", header.core_version, flight.core_version),
            claim(
                "software_version",
                header.software_version,
                &flight.software_version,
            ),
            (header.configuration.0 != flight.configuration)
                .then(|| "another configuration than the flight's first header".to_owned()),
        ],
    )
}
