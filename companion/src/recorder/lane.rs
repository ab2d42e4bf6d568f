//! Frames the records of one stream into blocks, and decides where a segment ends.
//!
//! | state | record, room in the segment | record, segment full | told to hold | told to go on |
//! |---|---|---|---|---|
//! | framing | framed | segment ended, next begun | holding, at the end of the segment | - |
//! | holding | numbered and counted as lost | the same | - | the loss is recorded, segment ended, next begun: framing |
//!
//! A lane holds when there will be no file for its next segment: the ring is frozen at its cap, the file
//! system is full or fails. What is left of the segment then takes what must still be said: the records
//! of losses, the end of the flight.

mod losses;
mod segments;

use std::collections::VecDeque;

use fdr_format::records::{FlightFooter, FlightHeader, LossCause, LossCount};
use fdr_format::{
    ClockAnchor, Digest, EncodeError, FlightParameters, List, PutError, Record, SegmentEncoder,
    SegmentStart, Stream,
};

use super::block::{Block, BlockEnd, filler};
use super::staging::{Explained, Staging};
use super::status::Status;
use super::tally::{Loss, Tally};
use segments::begin_segment;

/// Room at the end of each segment that only the records of losses and the end of the flight may use.
const TAIL_ROOM: u64 = 64 << 10;
/// What a record of a loss takes at most, with the filler behind it.
const LOSS_ROOM: u64 = 16 << 10;
const NS_PER_MS: u64 = 1_000_000;

/// Where and how a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneStart {
    /// Which.
    pub stream: Stream,
    /// Number of its first segment in the stream.
    pub number: u32,
    /// Number of its first record.
    pub sequence: u64,
    /// How often it is made durable; `None` when only whole blocks are written.
    pub sync_interval_ns: Option<u64>,
    /// What the first segment is chained to, where that is known.
    pub previous_chain: Option<Digest>,
}

/// What all lanes share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub parameters: &'a FlightParameters,
    pub staging: &'a Staging,
    pub status: &'a Status,
    /// For the headers of the segments to come.
    pub clock: ClockAnchor,
}

#[derive(Debug)]
struct Held {
    cause: LossCause,
    lost: Tally,
    told_ns: u64,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Lane {
    stream: Stream,
    encoder: SegmentEncoder,
    block: Block,
    next_sequence: u64,
    sync_interval_ns: Option<u64>,
    sync_due_ns: u64,
    last_ns: u64,
    held: Option<Held>,
    ending: bool,
    unrecorded: VecDeque<Loss>,
    lost: [u64; LossCause::ALL.len()],
}

impl Lane {
    /// Begins the stream: its first block holds the headers.
    pub fn begin(start: &LaneStart, around: Surroundings<'_>) -> Result<Self, EncodeError> {
        let now = around.parameters.clock.monotonic_ns;
        let mut block = around.staging.queue().free_block();
        let segment = SegmentStart {
            segment: start.stream.segment(start.number),
            sequence: start.sequence,
            now_ns: now,
            clock: around.parameters.clock,
            previous_chain: start.previous_chain,
        };
        let encoder = begin_segment(around.parameters, &segment, &mut block)?;
        Ok(Self {
            stream: start.stream,
            next_sequence: encoder.next_sequence(),
            encoder,
            block,
            sync_interval_ns: start.sync_interval_ns,
            sync_due_ns: now,
            last_ns: now,
            held: None,
            ending: false,
            unrecorded: VecDeque::new(),
            lost: [0; LossCause::ALL.len()],
        })
    }

    /// Writes the header of the flight.
    pub fn flight_header(&mut self, around: Surroundings<'_>) {
        let parameters = around.parameters;
        let now = parameters.clock.monotonic_ns;
        let header = FlightHeader {
            time_ns: now,
            flight_id: parameters.flight_id,
            source: parameters.source,
            source_name: &parameters.source_name,
        };
        self.frame(&header.into(), now, around);
    }

    /// Number of the next record.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Time of the newest record.
    pub fn last_ns(&self) -> u64 {
        self.last_ns
    }

    /// Takes one record: frames it, or numbers it and counts it as lost.
    pub fn append(&mut self, record: &Record<'_>, monotonic_ns: u64, around: Surroundings<'_>) {
        self.last_ns = self.last_ns.max(monotonic_ns);
        if self.held.is_some() || self.is_full(around) {
            match around.status.hold(self.stream) {
                Some(cause) => return self.pass_over(record, monotonic_ns, cause, around),
                None => self.next_segment(monotonic_ns, around),
            }
        }
        self.frame(record, monotonic_ns, around);
    }

    /// Takes a record of the recorder itself, for which a lane that holds has room kept.
    pub fn append_own(&mut self, record: &Record<'_>, monotonic_ns: u64, around: Surroundings<'_>) {
        if self.has_tail_room(around) && self.is_holding(around) {
            self.settle_held();
            self.record_losses(monotonic_ns, around);
            self.frame(record, monotonic_ns, around);
        } else {
            self.append(record, monotonic_ns, around);
        }
    }

    /// Whether a record of the recorder itself would be counted as lost.
    pub fn is_silent(&self, around: Surroundings<'_>) -> bool {
        self.is_holding(around) && !self.has_tail_room(around)
    }

    fn is_holding(&self, around: Surroundings<'_>) -> bool {
        self.held.is_some() || (self.is_full(around) && around.status.hold(self.stream).is_some())
    }

    fn has_tail_room(&self, around: Surroundings<'_>) -> bool {
        self.end() + LOSS_ROOM < around.parameters.segment_bytes
    }

    /// Records a loss of this stream. Where there is no room left it waits for the next segment.
    pub fn loss(&mut self, loss: Loss, now_ns: u64, around: Surroundings<'_>) {
        self.lost[loss.cause as usize] += loss.lost.records;
        self.unrecorded.push_back(loss);
        self.record_losses(now_ns, around);
    }

    /// The record that was just framed says what a ring refused.
    pub fn explain_refusals(&self, explained: Explained, around: Surroundings<'_>) {
        let record = self.next_sequence - 1;
        around
            .staging
            .queue()
            .ledger()
            .explained(explained, self.stream, record);
    }

    /// Counts records that a ring refused.
    pub fn count_refused(&mut self, cause: LossCause, records: u64) {
        self.lost[cause as usize] += records;
    }

    /// What was lost since the last call while the lane holds, at most once a second.
    pub fn take_held(&mut self, now_ns: u64) -> Option<(LossCause, u64)> {
        const TOLD_EVERY_NS: u64 = 1_000_000_000;
        let held = self.held.as_mut()?;
        if now_ns < held.told_ns.saturating_add(TOLD_EVERY_NS) {
            return None;
        }
        held.told_ns = now_ns;
        Some((held.cause, held.lost.records))
    }

    /// Leaves a segment whose file failed.
    pub fn leave_failed(&mut self, now_ns: u64, around: Surroundings<'_>) {
        if around.staging.queue().failed_segment(self.stream)
            != Some(self.encoder.identity().segment)
        {
            return;
        }
        self.hand_over(around);
        self.end_hold();
        self.begin_next(now_ns, around);
    }

    /// Goes on with the next segment as soon as there is one.
    pub fn resume(&mut self, now_ns: u64, around: Surroundings<'_>) {
        if self.held.is_some() && around.status.hold(self.stream).is_none() {
            self.next_segment(now_ns, around);
        }
        self.record_losses(now_ns, around);
    }

    /// Seals the block when its time has come.
    pub fn flush_when_due(&mut self, now_ns: u64, around: Surroundings<'_>) {
        if self.sync_interval_ns.is_some() && now_ns >= self.sync_due_ns {
            // Everything in the essential stream is on its way in the bulk stream too: a slow disk is
            // not given more small blocks of it.
            let behind =
                self.stream == Stream::Essential && around.staging.queue().waits(self.stream);
            if !behind {
                self.flush(now_ns, around);
            }
        }
    }

    /// Seals the block: its records are on the device as soon as the disk allows.
    pub fn flush(&mut self, now_ns: u64, around: Surroundings<'_>) {
        let interval = self.sync_interval_ns.unwrap_or(u64::MAX);
        self.sync_due_ns = now_ns.saturating_add(interval);
        if self.block.is_empty() {
            return;
        }
        if self.has_unsettled() {
            // The filler that aligns the block has a number too.
            if !self.has_tail_room(around) {
                return;
            }
            self.settle_held();
            self.record_losses(now_ns, around);
        }
        self.block.sync = true;
        self.seal(now_ns, around);
    }

    fn has_unsettled(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.lost.sequence.is_some())
    }

    /// What comes from now on stands in the segment that there is: there will be no other.
    pub fn begin_end(&mut self, now_ns: u64, around: Surroundings<'_>) {
        self.ending = true;
        self.end_hold();
        self.record_losses(now_ns, around);
    }

    /// Ends the stream with its footers.
    pub fn finish(&mut self, now_ns: u64, around: Surroundings<'_>) {
        let now_ns = now_ns.max(self.last_ns);
        self.record_losses(now_ns, around);
        // Both footers stand in one block of this segment, with nothing between them, behind a sync.
        self.flush(now_ns, around);
        let lost = self.loss_counts();
        let (_, number) = Stream::of(self.encoder.identity().segment);
        let footer = FlightFooter {
            time_ns: now_ns,
            records: self.next_sequence + 1,
            segments: number + 1,
            clean_shutdown: true,
            lost: List::new(&lost),
        };
        self.frame(&Record::FlightFooter(footer), now_ns, around);
        self.put_footer(BlockEnd::Flight, now_ns, around);
    }

    fn is_full(&self, around: Surroundings<'_>) -> bool {
        let full = self.end() + TAIL_ROOM >= around.parameters.segment_bytes;
        !self.ending && (full || self.encoder.is_full_of_types()) && self.encoder.records() > 2
    }

    /// Bytes that the segment would have if it ended now.
    fn end(&self) -> u64 {
        self.encoder.bytes() + self.encoder.footer_room() as u64
    }

    /// Frames one record into the block; a block without room for it is sealed first.
    fn frame(&mut self, record: &Record<'_>, monotonic_ns: u64, around: Surroundings<'_>) {
        for _ in 0..2 {
            let free = self.block.free();
            let framed = self
                .encoder
                .append(record, self.next_sequence, monotonic_ns, free);
            match framed {
                Ok(used) => {
                    self.next_sequence += 1;
                    return self.block.take(used);
                }
                Err(error) if error.problem == PutError::BufferFull => {
                    self.seal(monotonic_ns, around);
                }
                Err(_) => return,
            }
        }
    }

    /// Aligns the block and hands it over.
    fn seal(&mut self, monotonic_ns: u64, around: Surroundings<'_>) {
        let length = self.block.filler_length();
        if length > 0 {
            let time_ns = monotonic_ns.max(self.last_ns);
            let space = self.block.filler_space(length);
            let record = filler(length, time_ns);
            let put = self
                .encoder
                .append(&record, self.next_sequence, time_ns, space);
            // A block keeps room for it, and a filler always encodes.
            if let Ok(used) = put {
                self.block.take(used);
                self.next_sequence += 1;
            }
        }
        self.hand_over(around);
    }

    fn hand_over(&mut self, around: Surroundings<'_>) {
        let segment = self.block.segment;
        let next = {
            let mut queue = around.staging.queue();
            queue.free_block()
        };
        let full = std::mem::replace(&mut self.block, next);
        self.block.reset(segment);
        around.staging.push(full);
    }

    fn loss_counts(&self) -> Vec<LossCount> {
        let counted = LossCause::ALL.iter().copied().zip(self.lost);
        counted
            .filter(|(_, count)| *count > 0)
            .map(|(cause, count)| LossCount { cause, count })
            .collect()
    }
}
