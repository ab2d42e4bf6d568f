//! Which records of a flight are wanted, and which parts of a segment can hold them.

use super::outline::Outline;
use crate::frame::RawRecord;
use crate::record::{IndexEntry, RecordType};
use crate::segment::type_bit;

/// Which records are wanted: those that meet every condition that is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Types; all when there is none.
    pub types: Vec<RecordType>,
    /// Least `monotonic_ms`.
    pub from_ms: Option<u64>,
    /// Greatest `monotonic_ms`.
    pub to_ms: Option<u64>,
    /// Least sequence number.
    pub first_sequence: Option<u64>,
    /// Greatest sequence number.
    pub last_sequence: Option<u64>,
}

impl Selection {
    /// Whether every record is wanted.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a record is wanted.
    #[must_use]
    pub fn admits(&self, record: &RawRecord<'_>) -> bool {
        (self.types.is_empty() || self.types.contains(&record.record_type))
            && self.meets_time(record.monotonic_ms, record.monotonic_ms)
            && self.meets_sequence(record.sequence, record.sequence)
    }

    fn meets_time(&self, least: u64, greatest: u64) -> bool {
        self.from_ms.is_none_or(|from| greatest >= from) && self.to_ms.is_none_or(|to| least <= to)
    }

    fn meets_sequence(&self, first: u64, last: u64) -> bool {
        self.first_sequence.is_none_or(|wanted| last >= wanted)
            && self.last_sequence.is_none_or(|wanted| first <= wanted)
    }

    fn bits(&self) -> u64 {
        match self.types.is_empty() {
            true => u64::MAX,
            false => self
                .types
                .iter()
                .fold(0, |bits, &kind| bits | type_bit(kind)),
        }
    }

    /// The parts of a segment of `length` bytes that can hold wanted records, in their order; neighbours are
    /// one part.
    pub(super) fn parts(&self, outline: &Outline, length: u64) -> Vec<Part> {
        let whole = outline
            .sequence
            .is_some_and(|(first, last)| self.meets_sequence(first, last))
            && outline
                .monotonic_ms
                .is_some_and(|(least, greatest)| self.meets_time(least, greatest));
        if !whole {
            return Vec::new();
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut add = |start: u64, end: u64, sequence: u64| match parts.last_mut() {
            Some(part) if part.end == start => part.end = end,
            _ => parts.push(Part {
                start,
                end,
                sequence,
            }),
        };
        let bits = self.bits();
        for (number, chunk) in outline.index.iter().enumerate() {
            let next = outline.index.get(number + 1);
            if self.wants(chunk, next, outline, bits) {
                let end = next.map_or(outline.end, |next| next.offset);
                add(chunk.offset, end, chunk.sequence);
            }
        }
        let footer = outline.sequence.map(|(_, last)| last);
        if let Some(sequence) = footer.filter(|_| outline.closed)
            && bits & type_bit(RecordType::SEGMENT_FOOTER) != 0
        {
            add(outline.end, length, sequence);
        }
        parts
    }

    fn wants(
        &self,
        chunk: &IndexEntry,
        next: Option<&IndexEntry>,
        outline: &Outline,
        bits: u64,
    ) -> bool {
        let behind = next.map(|next| next.sequence);
        let end = outline.sequence.map_or(u64::MAX, |(_, last)| last);
        let last = behind.map_or(end, |behind| behind.saturating_sub(1));
        chunk.types & bits != 0
            && self.meets_time(chunk.least_ms, chunk.greatest_ms)
            && self.meets_sequence(chunk.sequence, last)
    }
}

/// A part of a segment: whole records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Its first byte.
    pub start: u64,
    /// The byte behind its last.
    pub end: u64,
    /// Number of its first record.
    pub sequence: u64,
}
