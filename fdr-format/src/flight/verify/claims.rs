//! Whether headers and footers agree with the records around them.

use super::findings::{claim, disagreement};
use crate::flight::FlightDescription;
use crate::flight::parameters::FlightKeys;
use crate::frame::RawRecord;
use crate::identity::Digest;
use crate::layout::List;
use crate::record::{FlightFooter, RecordType, SegmentFooter, SegmentHeader};
use crate::segment::SegmentTally;

/// The order of the records: a header at byte 0 and nowhere else, nothing behind a footer.
pub(super) fn misplacement(
    record: &RawRecord<'_>,
    behind_footer: bool,
    behind_flight_footer: bool,
) -> Option<String> {
    let name = record.record_type;
    if (name == RecordType::SEGMENT_HEADER) != (record.offset == 0) {
        Some(format!("byte {} holds a {name}", record.offset))
    } else if behind_footer {
        Some(format!("a {name} stands behind the segment footer"))
    } else if behind_flight_footer && name != RecordType::SEGMENT_FOOTER {
        Some(format!("a {name} stands behind the flight footer"))
    } else {
        None
    }
}

/// How a segment's footer disagrees with the records in front of it.
pub(super) fn footer_disagreement(
    footer: &SegmentFooter<'_>,
    at: &RawRecord<'_>,
    segment: u32,
    holds: &SegmentTally,
    behind_flight_footer: bool,
    content: Option<Digest>,
) -> Option<String> {
    let (first_sequence, last_sequence) = holds.sequence.unwrap_or_default();
    let (first_ms, last_ms) = holds.monotonic_ms.unwrap_or_default();
    let other = |differ: bool, what: &str| differ.then(|| format!("other {what}"));
    disagreement(
        "the segment footer",
        &[
            claim("segment", footer.segment, segment),
            claim("last", footer.last, behind_flight_footer),
            claim("records", footer.records, holds.records),
            claim("bytes", footer.bytes, at.offset),
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
            content.and_then(|content| claim("content", footer.content, content)),
            claim("chain", footer.chain, at.chain()),
        ],
    )
}

/// How the flight footer in segment `number` of its stream disagrees with what was read.
pub(super) fn flight_footer_disagreement(
    footer: &FlightFooter<'_>,
    number: u32,
    record: &RawRecord<'_>,
) -> Option<String> {
    let segments = u64::from(number) + 1;
    disagreement(
        "the flight footer",
        &[
            claim("records", footer.records, record.sequence.saturating_add(1)),
            claim("segments", u64::from(footer.segments), segments),
        ],
    )
}

/// How a segment's header disagrees with the flight's first readable one.
pub(super) fn header_disagreement(
    header: &SegmentHeader<'_>,
    flight: &FlightDescription,
) -> Option<String> {
    let differs = |differ: bool, what: &str| {
        differ.then(|| format!("another {what} than the flight's first header"))
    };
    disagreement(
        "the segment header",
        &[
            claim("core_version", header.core_version, flight.core_version),
            claim(
                "software_version",
                header.software_version,
                &flight.software_version,
            ),
            differs(
                header.configuration.0 != flight.configuration,
                "configuration",
            ),
            differs(FlightKeys::of_header(header) != flight.keys, "key"),
        ],
    )
}
