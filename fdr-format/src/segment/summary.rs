//! What a segment holds, gathered while its bytes go by, and the footer that says so.
//!
//! The writer feeds it with the bytes of the file as they are written, the reader with the records as
//! they are checked, so that both sides compute the same thing once.

use crate::frame::{FRAME_HEADER, FRAME_OVERHEAD, FrameHead, encode_frame, frames, seal_frame};
use crate::identity::{Digest, SegmentIdentity};
use crate::layout::{Field, List};
use crate::record::{
    CheckpointEntry, ComponentLifecycleEvent, EncodeError, IndexEntry, LifecycleEvent, LossCause,
    LossCount, Record, RecordType, SegmentFooter, TypeCount, TypeCounts,
};

/// Bytes of a segment that one entry of the index covers, unless there would be too many.
pub(crate) const CHUNK_BYTES: u64 = 1 << CHUNK_SHIFT;
const CHUNK_SHIFT: u32 = 18;
/// Most entries of the index: beyond it each covers twice as many bytes.
pub(crate) const CHUNKS_MAX: usize = 512;
/// Most checkpoints: beyond it every second is left out.
pub(crate) const CHECKPOINTS_MAX: usize = 128;
/// Most types of records in one segment.
pub(crate) const TYPES_MAX: usize = 512;
const CAUSES: usize = LossCause::ALL.len();
/// Bytes of a footer's frame whose lists are empty but for one of every cause.
pub(crate) const FOOTER_FIXED: usize =
    FRAME_OVERHEAD + 8 + 3 * 32 + 4 + 1 + 6 * 8 + 4 * 2 + 9 * CAUSES;
/// Room that is enough for the frame of any segment footer.
pub const FOOTER_ROOM: usize = 32 << 10;

const _: () = assert!(
    FOOTER_FIXED + 10 * TYPES_MAX + 40 * CHUNKS_MAX + 24 * CHECKPOINTS_MAX <= FOOTER_ROOM,
    "every footer must fit into the room that is kept for it"
);

/// What the hash of the chain begins with, so that it is no hash of anything else.
const CHAIN_CONTEXT: &[u8] = b"GFDR segment chain 1";
/// Where `chain` stands in the body of a footer.
const CHAIN_AT: usize = 8;
const NS_PER_MS: u64 = 1_000_000;

/// Figures of the records of one segment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SegmentTally {
    pub records: u64,
    /// Byte behind the last record.
    pub end: u64,
    /// First and last sequence number.
    pub sequence: Option<(u64, u64)>,
    /// Least and greatest time.
    pub monotonic_ms: Option<(u64, u64)>,
    pub counts: TypeCounts,
    losses: [u64; CAUSES],
    pub index: Vec<IndexEntry>,
    chunk_shift: u32,
    pub checkpoints: Vec<CheckpointEntry>,
    checkpoints_seen: u64,
    checkpoint_stride: u64,
}

impl Default for SegmentTally {
    fn default() -> Self {
        Self {
            records: 0,
            end: 0,
            sequence: None,
            monotonic_ms: None,
            counts: TypeCounts::default(),
            losses: [0; CAUSES],
            index: Vec::with_capacity(CHUNKS_MAX),
            chunk_shift: CHUNK_SHIFT,
            checkpoints: Vec::with_capacity(CHECKPOINTS_MAX),
            checkpoints_seen: 0,
            checkpoint_stride: 1,
        }
    }
}

impl SegmentTally {
    /// Counts the record that starts at byte `offset`.
    #[inline]
    pub fn add(&mut self, head: &FrameHead, offset: u64, body: &[u8]) {
        let ms = head.monotonic_ms;
        self.records += 1;
        self.end = offset + head.length as u64;
        self.sequence = Some(match self.sequence {
            Some((first, _)) => (first, head.sequence),
            None => (head.sequence, head.sequence),
        });
        self.monotonic_ms = Some(match self.monotonic_ms {
            Some((least, greatest)) => (least.min(ms), greatest.max(ms)),
            None => (ms, ms),
        });
        self.counts.add(head.record_type, 1);
        let bit = type_bit(head.record_type);
        match self.index.last_mut() {
            Some(chunk) if chunk.offset >> self.chunk_shift == offset >> self.chunk_shift => {
                chunk.least_ms = chunk.least_ms.min(ms);
                chunk.greatest_ms = chunk.greatest_ms.max(ms);
                chunk.types |= bit;
            }
            _ => self.begin_chunk(IndexEntry {
                offset,
                sequence: head.sequence,
                least_ms: ms,
                greatest_ms: ms,
                types: bit,
            }),
        }
        match head.record_type {
            RecordType::CHECKPOINT => self.checkpoint(CheckpointEntry {
                offset,
                sequence: head.sequence,
                monotonic_ms: ms,
            }),
            RecordType::COMPONENT_LIFECYCLE_EVENT => self.losses(body),
            _ => {}
        }
    }

    #[cold]
    fn begin_chunk(&mut self, chunk: IndexEntry) {
        while self.index.len() == CHUNKS_MAX {
            self.chunk_shift += 1;
            let shift = self.chunk_shift;
            self.index.dedup_by(|next, chunk| {
                let same = next.offset >> shift == chunk.offset >> shift;
                if same {
                    join(chunk, next);
                }
                same
            });
        }
        match self.index.last_mut() {
            Some(last) if last.offset >> self.chunk_shift == chunk.offset >> self.chunk_shift => {
                join(last, &chunk);
            }
            _ => self.index.push(chunk),
        }
    }

    #[cold]
    fn checkpoint(&mut self, entry: CheckpointEntry) {
        let number = self.checkpoints_seen;
        self.checkpoints_seen += 1;
        if !number.is_multiple_of(self.checkpoint_stride) {
            return;
        }
        if self.checkpoints.len() == CHECKPOINTS_MAX {
            // Their number is even, so that this one is kept at twice the stride too.
            self.checkpoint_stride *= 2;
            let mut keep = false;
            self.checkpoints.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.checkpoints.push(entry);
    }

    #[cold]
    fn losses(&mut self, body: &[u8]) {
        let Ok(Record::ComponentLifecycleEvent(event)) =
            Record::decode(RecordType::COMPONENT_LIFECYCLE_EVENT, body)
        else {
            return;
        };
        if let Some((cause, records)) = loss_of(&event) {
            let lost = &mut self.losses[usize::from(cause.code())];
            *lost = lost.saturating_add(records);
        }
    }

    /// Records lost by cause, as the loss records say.
    pub fn loss_counts(&self) -> Vec<LossCount> {
        let counted = LossCause::ALL.iter().zip(self.losses);
        counted
            .filter(|(_, count)| *count > 0)
            .map(|(&cause, count)| LossCount { cause, count })
            .collect()
    }

    /// Records by type.
    pub fn type_counts(&self) -> Vec<TypeCount> {
        let counts = self.counts.iter();
        counts
            .map(|(record_type, count)| TypeCount { record_type, count })
            .collect()
    }
}

/// Cause and number of the records that a loss record tells of.
fn loss_of(event: &ComponentLifecycleEvent<'_>) -> Option<(LossCause, u64)> {
    match event.event {
        LifecycleEvent::FdrSegmentDropped | LifecycleEvent::FdrRecordsRefused => {
            let cause = LossCause::from_name(event.cause)?;
            let counts = event.counts.iter().map(|count| count.count);
            Some((cause, counts.fold(0, u64::saturating_add)))
        }
        _ => None,
    }
}

fn join(chunk: &mut IndexEntry, next: &IndexEntry) {
    chunk.least_ms = chunk.least_ms.min(next.least_ms);
    chunk.greatest_ms = chunk.greatest_ms.max(next.greatest_ms);
    chunk.types |= next.types;
}

/// The bit of an index entry that stands for a type. Types may share one: the records tell them apart.
#[inline]
#[must_use]
pub(crate) fn type_bit(record_type: RecordType) -> u64 {
    1 << (16 * (record_type.0 >> 8 & 3) + (record_type.0 & 15))
}

/// What a segment holds, from the bytes of its file.
#[derive(Debug, Clone)]
pub struct SegmentSummary {
    identity: SegmentIdentity,
    hasher: blake3::Hasher,
    tally: SegmentTally,
}

/// What only the writer of a footer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FooterParameters {
    /// Its sequence number.
    pub sequence: u64,
    /// When it is written.
    pub monotonic_ns: u64,
    /// Whether its segment is the last of the stream.
    pub last: bool,
    /// `chain` of the last segment of the stream that has a footer; zeros when there is none.
    pub previous_chain: Digest,
}

impl SegmentSummary {
    /// Nothing yet of a segment.
    #[must_use]
    pub fn new(identity: SegmentIdentity) -> Self {
        Self {
            identity,
            hasher: blake3::Hasher::new(),
            tally: SegmentTally::default(),
        }
    }

    /// Takes the next bytes of the file: whole records of the segment's own writer.
    pub fn add(&mut self, records: &[u8]) {
        self.hasher.update(records);
        let mut offset = self.tally.end;
        for (head, frame) in frames(records) {
            self.tally
                .add(&head, offset, &frame[FRAME_HEADER..frame.len() - 4]);
            offset += head.length as u64;
        }
    }

    /// Writes the frame of the footer to the start of `buffer`, and says how many bytes it took and
    /// what the next segment is chained to.
    ///
    /// # Errors
    /// When it does not fit, which [`FOOTER_ROOM`] rules out.
    pub fn footer(
        &self,
        parameters: &FooterParameters,
        buffer: &mut [u8],
    ) -> Result<(usize, Digest), EncodeError> {
        let tally = &self.tally;
        let (counts, losses) = (tally.type_counts(), tally.loss_counts());
        let (first_sequence, last_sequence) = tally.sequence.unwrap_or_default();
        let (first_monotonic_ms, last_monotonic_ms) = tally.monotonic_ms.unwrap_or_default();
        let record = Record::SegmentFooter(SegmentFooter {
            time_ns: parameters.monotonic_ns,
            chain: Digest::default(),
            previous_chain: parameters.previous_chain,
            content: self.content(),
            segment: self.identity.segment,
            last: parameters.last,
            records: tally.records,
            bytes: tally.end,
            first_sequence,
            last_sequence,
            first_monotonic_ms,
            last_monotonic_ms,
            counts: List::new(&counts),
            losses: List::new(&losses),
            index: List::new(&tally.index),
            checkpoints: List::new(&tally.checkpoints),
        });
        let (ms, seed) = (
            parameters.monotonic_ns / NS_PER_MS,
            self.identity.crc_seed(),
        );
        let length = encode_frame(&record, parameters.sequence, ms, seed, buffer)?;
        let frame = &mut buffer[..length];
        let (head, body) = frame.split_at_mut(FRAME_HEADER);
        let chain = chain_of(head, &body[..body.len() - 4]);
        body[CHAIN_AT..CHAIN_AT + 32].copy_from_slice(&chain.0);
        seal_frame(frame, seed);
        Ok((length, chain))
    }

    /// BLAKE3 of all bytes so far.
    #[must_use]
    pub fn content(&self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }

    /// Which segment it is.
    #[must_use]
    pub fn identity(&self) -> SegmentIdentity {
        self.identity
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tally.end
    }

    /// Records so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.tally.records
    }

    /// First and last sequence number so far.
    #[must_use]
    pub fn sequence(&self) -> Option<(u64, u64)> {
        self.tally.sequence
    }

    /// Least and greatest `monotonic_ms` so far.
    #[must_use]
    pub fn monotonic_ms(&self) -> Option<(u64, u64)> {
        self.tally.monotonic_ms
    }

    /// Records so far, by type.
    #[must_use]
    pub fn counts(&self) -> &TypeCounts {
        &self.tally.counts
    }
}

/// The hash that a footer's `chain` must be: of its whole frame but the checksum, with zeros in place of
/// `chain`. A body that is too short to be a footer's is hashed as it is.
pub(crate) fn chain_of(head: &[u8], body: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(CHAIN_CONTEXT).update(head);
    match body.split_at_checked(CHAIN_AT) {
        Some((before, rest)) if rest.len() >= 32 => {
            hasher.update(before).update(&[0; 32]).update(&rest[32..])
        }
        _ => hasher.update(body),
    };
    Digest(*hasher.finalize().as_bytes())
}

const _: () = assert!(
    matches!(<IndexEntry as Field<'_>>::SIZE, Some(40))
        && matches!(<CheckpointEntry as Field<'_>>::SIZE, Some(24))
        && matches!(<TypeCount as Field<'_>>::SIZE, Some(10))
        && matches!(<LossCount as Field<'_>>::SIZE, Some(9))
);
