//! Turns records into the bytes of one segment, in front of its footer.

use super::summary::{CHECKPOINTS_MAX, CHUNK_BYTES, CHUNKS_MAX, FOOTER_FIXED, TYPES_MAX};
use crate::frame::encode_frame;
use crate::identity::SegmentIdentity;
use crate::layout::PutError;
use crate::record::{EncodeError, Record, RecordType, SegmentHeader, TypeCounts};

/// Nanoseconds in the millisecond of a frame's time.
const NS_PER_MS: u64 = 1_000_000;

/// Frames the records of one segment, one by one, into buffers that the caller owns.
///
/// The caller gives the sequence numbers and stores the bytes in the order in which they come; whoever
/// stores them knows what the file really holds and makes the footer with a
/// [`crate::SegmentSummary`]. Nothing is allocated per record.
#[derive(Debug)]
pub struct SegmentEncoder {
    identity: SegmentIdentity,
    seed: u32,
    bytes: u64,
    records: u64,
    next_sequence: u64,
    types: usize,
    counts: TypeCounts,
}

impl SegmentEncoder {
    /// Begins a segment: writes its header to the start of `buffer` and says how many bytes it took.
    ///
    /// `sequence` is the number of the header's record.
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
            records: 0,
            next_sequence: sequence,
            types: 0,
            counts: TypeCounts::default(),
        };
        let record = Record::SegmentHeader(*header);
        let written = encoder.append(&record, sequence, header.time_ns, buffer)?;
        encoder.seed = identity.crc_seed();
        Ok((encoder, written))
    }

    /// Writes the record of number `sequence` to the start of `buffer` and says how many bytes it took.
    ///
    /// Numbers may be left out: a reader then asks for a loss record that explains it.
    ///
    /// # Errors
    /// When the number cannot follow the one before, the segment has records of too many types, or the
    /// record does not fit into the buffer or the record limit; nothing is counted then.
    pub fn append(
        &mut self,
        record: &Record<'_>,
        sequence: u64,
        monotonic_ns: u64,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let record_type = record.record_type();
        let refused = |problem| EncodeError {
            record_type,
            problem,
        };
        let due = self.next_sequence;
        let next = sequence.checked_add(1).filter(|_| sequence >= due);
        let next = next.ok_or(refused(PutError::Sequence {
            due,
            offered: sequence,
        }))?;
        let is_new = self.counts.get(record_type) == 0;
        if is_new && self.types == TYPES_MAX {
            return Err(refused(PutError::TooLong {
                length: TYPES_MAX + 1,
                limit: TYPES_MAX,
            }));
        }
        let ms = monotonic_ns / NS_PER_MS;
        let written = encode_frame(record, sequence, ms, self.seed, buffer)?;
        self.next_sequence = next;
        self.bytes += written as u64;
        self.records += 1;
        self.types += usize::from(is_new);
        self.counts.add(record_type, 1);
        Ok(written)
    }

    /// Passes over a sequence number that is reserved for the segment's footer, and gives it.
    ///
    /// # Errors
    /// When there is no number left.
    pub fn reserve_footer(&mut self) -> Result<u64, EncodeError> {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.checked_add(1).ok_or(EncodeError {
            record_type: RecordType::SEGMENT_FOOTER,
            problem: PutError::Sequence {
                due: sequence,
                offered: sequence,
            },
        })?;
        Ok(sequence)
    }

    /// Bytes that the frame of a footer takes at most, if only one more record stands in front of it;
    /// never more than [`crate::FOOTER_ROOM`].
    #[must_use]
    pub fn footer_room(&self) -> usize {
        let chunks = (self.bytes / CHUNK_BYTES) as usize + 2;
        let checkpoints = self.counts.get(RecordType::CHECKPOINT) as usize + 1;
        FOOTER_FIXED
            + 10 * (self.types + 1).min(TYPES_MAX)
            + 40 * chunks.min(CHUNKS_MAX)
            + 24 * checkpoints.min(CHECKPOINTS_MAX)
    }

    /// Which segment it is.
    #[must_use]
    pub fn identity(&self) -> SegmentIdentity {
        self.identity
    }

    /// Bytes framed, the header included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Records framed, the header included.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The least sequence number that the next record may have.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Whether no record of a type that is new to the segment may follow.
    #[must_use]
    pub fn is_full_of_types(&self) -> bool {
        self.types == TYPES_MAX
    }

    /// Records framed, by type.
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
