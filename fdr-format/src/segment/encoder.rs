//! Turns records into the bytes of one segment and keeps the figures for its footer.

use crate::frame::encode_frame;
use crate::identity::SegmentIdentity;
use crate::layout::List;
use crate::record::{
    EncodeError, Record, RecordType, SegmentFooter, SegmentHeader, TypeCount, TypeCounts,
};

/// Nanoseconds in the millisecond of a frame's time.
const NS_PER_MS: u64 = 1_000_000;

/// Writes one segment, record by record, into buffers that the caller owns.
///
/// The caller stores the bytes in the order in which they come. Nothing is allocated per record.
#[derive(Debug)]
pub struct SegmentEncoder {
    identity: SegmentIdentity,
    seed: u32,
    bytes: u64,
    first_sequence: u64,
    next_sequence: u64,
    monotonic_ms: Option<(u64, u64)>,
    counts: TypeCounts,
}

impl SegmentEncoder {
    /// Begins a segment: writes its header to the start of `buffer` and says how many bytes it took.
    ///
    /// `sequence` is the number of the header's record: one more than the last of the segment
    /// before, 0 in the first.
    ///
    /// # Errors
    /// When the header does not fit into the buffer or the record limit.
    pub fn begin(
        header: &SegmentHeader<'_>,
        sequence: u64,
        buffer: &mut [u8],
    ) -> Result<(Self, usize), EncodeError> {
        let identity = SegmentIdentity {
            flight_id: header.flight_id,
            segment: header.segment,
        };
        let mut encoder = Self {
            identity,
            seed: 0,
            bytes: 0,
            first_sequence: sequence,
            next_sequence: sequence,
            monotonic_ms: None,
            counts: TypeCounts::default(),
        };
        let written = encoder.append(&Record::SegmentHeader(*header), header.time_ns, buffer)?;
        encoder.seed = identity.crc_seed();
        Ok((encoder, written))
    }

    /// Writes one record to the start of `buffer` and says how many bytes it took.
    ///
    /// # Errors
    /// When the record does not fit into the buffer or the record limit; nothing is counted then
    /// and the sequence number stays free.
    pub fn append(
        &mut self,
        record: &Record<'_>,
        monotonic_ns: u64,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let ms = monotonic_ns / NS_PER_MS;
        let written = encode_frame(record, self.next_sequence, ms, self.seed, buffer)?;
        self.next_sequence += 1;
        self.bytes += written as u64;
        self.counts.add(record.record_type(), 1);
        self.monotonic_ms = match self.monotonic_ms {
            Some((first, last)) => Some((first.min(ms), last.max(ms))),
            None => Some((ms, ms)),
        };
        Ok(written)
    }

    /// Ends the segment: writes its footer to the start of `buffer` and says how many bytes it took.
    ///
    /// # Errors
    /// When the footer does not fit into the buffer.
    pub fn finish(
        &mut self,
        last: bool,
        monotonic_ns: u64,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let counts: Vec<TypeCount> = self
            .counts
            .iter()
            .map(|(record_type, count)| TypeCount { record_type, count })
            .collect();
        let (first_ms, last_ms) = self.monotonic_ms.unwrap_or_default();
        let footer = SegmentFooter {
            time_ns: monotonic_ns,
            segment: self.identity.segment,
            last,
            records: self.records(),
            bytes: self.bytes,
            first_sequence: self.first_sequence,
            last_sequence: self.next_sequence - 1,
            first_monotonic_ms: first_ms,
            last_monotonic_ms: last_ms,
            counts: List::new(&counts),
        };
        self.append(&Record::SegmentFooter(footer), monotonic_ns, buffer)
    }

    /// Which segment it is.
    #[must_use]
    pub fn identity(&self) -> SegmentIdentity {
        self.identity
    }

    /// Bytes written, the header included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Records written, the header included.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.next_sequence - self.first_sequence
    }

    /// Sequence number of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Sequence number of the header.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// Records written, by type.
    #[must_use]
    pub fn counts(&self) -> &TypeCounts {
        &self.counts
    }
}

/// The table of types that a segment header carries.
#[must_use]
pub(crate) fn known_types() -> Vec<crate::record::TypeName<'static>> {
    RecordType::KNOWN
        .iter()
        .filter_map(|&record_type| {
            let name = record_type.name()?;
            Some(crate::record::TypeName { record_type, name })
        })
        .collect()
}
