//! What one segment holds, and whether its header and footers agree with it.

use super::TimeRange;
use super::findings::{claim, disagreement};
use crate::flight::FlightDescription;
use crate::frame::{FRAME_OVERHEAD, RawRecord};
use crate::layout::List;
use crate::record::{
    FlightFooter, Record, RecordType, SegmentFooter, SegmentHeader, TypeCount, TypeCounts,
};

/// Room for the body of a footer that counts every type there can be in a flight.
const FOOTER_MAX: usize = 4 << 10;

/// What has been read of one segment.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub segment: u32,
    pub counts: TypeCounts,
    pub damaged: bool,
    pub first_sequence: Option<u64>,
    pub last_sequence: u64,
    pub time: Option<TimeRange>,
    /// Byte behind the last record.
    pub end: u64,
    /// Whether the record read last is a flight footer.
    pub flight_footer: bool,
    /// Whether a misplaced record was told: the first one is enough.
    pub misplaced: bool,
    /// What the segment footer says: whether the segment is the last one.
    pub footer: Option<bool>,
}

impl Tally {
    pub fn add(&mut self, record: &RawRecord<'_>) {
        self.counts.add(record.record_type, 1);
        self.first_sequence.get_or_insert(record.sequence);
        self.last_sequence = record.sequence;
        self.end = record.offset + record.frame_length() as u64;
        self.flight_footer = record.record_type == RecordType::FLIGHT_FOOTER;
        self.time = Some(TimeRange::including(self.time, record.monotonic_ms));
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
        let time = self.time.unwrap_or(TimeRange::at(0));
        let counts = footer.counts.iter().map(|c| (c.record_type, c.count));
        disagreement(
            "the segment footer",
            &[
                claim("segment", footer.segment, self.segment),
                claim("last", footer.last, self.flight_footer),
                claim("records", footer.records, self.counts.total()),
                claim("bytes", footer.bytes, at),
                claim(
                    "first_sequence",
                    footer.first_sequence,
                    self.first_sequence.unwrap_or(0),
                ),
                claim("last_sequence", footer.last_sequence, self.last_sequence),
                claim(
                    "first_monotonic_ms",
                    footer.first_monotonic_ms,
                    time.first_ms,
                ),
                claim("last_monotonic_ms", footer.last_monotonic_ms, time.last_ms),
                (!counts.eq(self.counts.iter())).then(|| "other counts by type".to_owned()),
            ],
        )
    }

    /// Bytes of the footer that closes the segment as it stands.
    pub fn footer_length(&self) -> u64 {
        let counts: Vec<TypeCount> = self
            .counts
            .iter()
            .map(|(record_type, count)| TypeCount { record_type, count })
            .collect();
        let footer = Record::SegmentFooter(SegmentFooter {
            time_ns: 0,
            segment: self.segment,
            last: true,
            records: 0,
            bytes: 0,
            first_sequence: 0,
            last_sequence: 0,
            first_monotonic_ms: 0,
            last_monotonic_ms: 0,
            counts: List::new(&counts),
        });
        let body = footer.encode_body(&mut [0; FOOTER_MAX]);
        body.map_or(u64::MAX, |length| (length + FRAME_OVERHEAD) as u64)
    }
}

/// How the flight footer disagrees with what was read. `bytes_before` are those of the segments in
/// front, where all of them are there and whole.
pub(super) fn flight_footer_disagreement(
    footer: &FlightFooter<'_>,
    segment: u32,
    record: &RawRecord<'_>,
    bytes_before: Option<u64>,
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
            bytes_before.and_then(|bytes| claim("bytes", footer.bytes, bytes + record.offset)),
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
