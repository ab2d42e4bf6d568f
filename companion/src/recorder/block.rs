//! One staging block: framed records on their way to the disk, aligned for direct writes.

use fdr_format::records::Filler;
use fdr_format::{
    FRAME_OVERHEAD, FrameHead, LongBytes, Record, RecordType, encode_frame, frame_heads,
};

use super::ring::touched;
use super::tally::Tally;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 256 << 10;
/// What a block starts on, in memory and in its file, and is a multiple of.
pub const ALIGNMENT: usize = 4096;
/// Bytes of the shortest filler: its time and the length of its padding.
pub(super) const FILLER_MIN: usize = FRAME_OVERHEAD + 12;
const NS_PER_MS: u64 = 1_000_000;
static PADDING: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// What its segment's CRCs start from, and which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockSegment {
    /// Number of the segment.
    pub number: u32,
    /// What the CRC of its records starts from.
    pub seed: u32,
}

/// What a block is the end of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlockEnd {
    /// More blocks of its segment follow.
    #[default]
    Nothing,
    /// The footer of its segment is due behind its last record.
    Segment,
    /// The same, and the segment is the last of the flight.
    Flight,
}

/// A segment footer whose number and time are given, and which whoever writes the block puts behind its
/// last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueFooter {
    /// Its sequence number.
    pub sequence: u64,
    /// When the segment was ended.
    pub monotonic_ns: u64,
    /// Bytes that it takes at most.
    pub room: usize,
}

/// A block of one segment.
#[derive(Debug)]
pub struct Block {
    memory: Box<[u8]>,
    start: usize,
    used: usize,
    /// The segment it belongs to.
    pub segment: BlockSegment,
    /// What it ends.
    pub end: BlockEnd,
    /// The footer that is due behind its last record.
    pub footer: Option<DueFooter>,
    /// Whether its records are to be durable as soon as it is written.
    pub sync: bool,
    /// Whether only its critical records are left in it.
    pub rescued: bool,
    /// Whether only the headers of its segment are left in it.
    pub bare: bool,
}

impl Block {
    /// An empty block.
    #[must_use]
    pub fn new() -> Self {
        let memory = touched(BLOCK_BYTES + ALIGNMENT);
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self {
            memory,
            start,
            used: 0,
            segment: BlockSegment::default(),
            end: BlockEnd::Nothing,
            footer: None,
            sync: false,
            rescued: false,
            bare: false,
        }
    }

    /// Makes it an empty block of `segment`.
    pub fn reset(&mut self, segment: BlockSegment) {
        self.used = 0;
        self.segment = segment;
        self.end = BlockEnd::Nothing;
        self.footer = None;
        self.sync = false;
        self.rescued = false;
        self.bare = false;
    }

    /// Its records.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.used]
    }

    /// Its records, and zeros up to the next multiple of [`ALIGNMENT`].
    pub fn aligned_bytes(&mut self) -> &[u8] {
        let end = self.used.next_multiple_of(ALIGNMENT);
        let memory = &mut self.memory[self.start..self.start + end];
        memory[self.used..].fill(0);
        memory
    }

    /// Whether it holds no record and no footer is due in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0 && self.footer.is_none()
    }

    /// Where the next record goes. A filler finds room behind whatever is put there.
    pub fn free(&mut self) -> &mut [u8] {
        let end = self.start + BLOCK_BYTES - FILLER_MIN;
        &mut self.memory[(self.start + self.used).min(end)..end]
    }

    /// Takes the `length` bytes that were put at the start of [`Block::free`].
    pub fn take(&mut self, length: usize) {
        self.used += length;
    }

    /// Bytes that a filler must have to end on a multiple of [`ALIGNMENT`]; 0 when none is needed.
    #[must_use]
    pub fn filler_length(&self) -> usize {
        filler_length(self.used)
    }

    /// Room for a filler of `length` bytes behind the last record.
    pub fn filler_space(&mut self, length: usize) -> &mut [u8] {
        let at = self.start + self.used;
        &mut self.memory[at..at + length]
    }

    /// What it holds, the footer that is due included.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        frame_heads(self.bytes()).for_each(|head| tally.add(&head));
        if let Some(footer) = self.footer {
            tally.add(&FrameHead {
                record_type: RecordType::SEGMENT_FOOTER,
                sequence: footer.sequence,
                monotonic_ms: footer.monotonic_ns / NS_PER_MS,
                length: 0,
            });
        }
        tally
    }

    /// Keeps the records of the types that `keep` names and says what was lost; `None` when that would
    /// free nothing.
    ///
    /// A filler that takes over the number of the last record lost keeps the block aligned.
    pub fn keep_only(&mut self, keep: impl Fn(RecordType) -> bool) -> Option<Tally> {
        let mut lost = Tally::default();
        let mut last_lost = None;
        for head in frame_heads(self.bytes()).filter(|head| !keep(head.record_type)) {
            lost.add(&head);
            last_lost = Some(head);
        }
        let last_lost = last_lost.filter(|_| lost.bytes >= FILLER_MIN as u64)?;
        let kept = self.used - lost.bytes as usize;
        let filler = match self.end {
            BlockEnd::Nothing => filler_length(kept),
            BlockEnd::Segment | BlockEnd::Flight => 0,
        };
        let records = self.bytes().to_vec();
        let heads: Vec<_> = frame_heads(&records).collect();
        let (mut from, mut to) = (0, self.start);
        for head in heads {
            if keep(head.record_type) {
                let frame = &records[from..from + head.length];
                self.memory[to..to + head.length].copy_from_slice(frame);
                to += head.length;
            } else if head.sequence == last_lost.sequence && filler > 0 {
                let time_ns = head.monotonic_ms * NS_PER_MS;
                let buffer = &mut self.memory[to..to + filler];
                to += put_filler(buffer, head.sequence, time_ns, self.segment.seed);
            }
            from += head.length;
        }
        self.used = to - self.start;
        Some(lost)
    }
}

impl Block {
    /// Whether it begins its segment: without its header the rest of a segment would say less.
    #[must_use]
    pub fn begins_segment(&self) -> bool {
        let first = frame_heads(self.bytes()).next();
        first.is_some_and(|head| head.record_type == RecordType::SEGMENT_HEADER)
    }

    /// Takes over the records of the block behind it, when both are of one segment and fit.
    pub fn absorb(&mut self, next: &Self) -> bool {
        let room = next.footer.map_or(0, |footer| footer.room);
        let fits = self.used + next.used + room <= BLOCK_BYTES - FILLER_MIN;
        if !fits || self.bare || self.segment != next.segment || self.end != BlockEnd::Nothing {
            return false;
        }
        let at = self.start + self.used;
        self.memory[at..at + next.used].copy_from_slice(next.bytes());
        self.used += next.used;
        self.end = next.end;
        self.footer = next.footer;
        self.sync |= next.sync;
        true
    }
}

impl Default for Block {
    fn default() -> Self {
        Self::new()
    }
}

fn filler_length(used: usize) -> usize {
    match used.next_multiple_of(ALIGNMENT) - used {
        0 => 0,
        room if room >= FILLER_MIN => room,
        room => room + ALIGNMENT,
    }
}

/// The filler whose frame has `length` bytes.
pub(super) fn filler(length: usize, time_ns: u64) -> Record<'static> {
    let padding = LongBytes(&PADDING[..length.saturating_sub(FILLER_MIN)]);
    Record::Filler(Filler { time_ns, padding })
}

/// A filler is shorter than any limit of the format, so that encoding it cannot fail.
fn put_filler(buffer: &mut [u8], sequence: u64, monotonic_ns: u64, seed: u32) -> usize {
    let record = filler(buffer.len(), monotonic_ns);
    encode_frame(&record, sequence, monotonic_ns / NS_PER_MS, seed, buffer).unwrap_or_default()
}
