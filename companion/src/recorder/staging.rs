//! Blocks between the collector and the disk: bounded, and what is lost when the disk is too slow.
//!
//! | blocks | a block is sealed |
//! |---|---|
//! | one is free | it becomes the next one to fill |
//! | none is free | the oldest unwritten block gives up all but its critical records; the loss is told |
//! | none is free, and critical records fill their share | the oldest of them are lost too, but for the headers of their segment; the loss is told |
//!
//! What is left of such a block is joined to what is left of the one before, so that critical records
//! of a long stall fit into the share that is theirs.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fdr_format::records::LossCause;
use fdr_format::{RecordType, Stream};

use super::block::Block;
use super::refusals::Refusals;
use super::ring::is_critical;
use super::shelf::index;
use super::tally::{Loss, LostWhat};

/// Fewest blocks: one being filled, one being written, and some between them.
pub const BLOCKS_MIN: usize = 8;

/// What a loss record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explained {
    /// Numbered records are lost.
    Loss(Loss),
    /// A ring refused records.
    Refusals(Box<Refusals>),
}

/// How far the record of a drop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropState {
    /// The collector has not recorded it.
    Asked,
    /// It is recorded, and not known to be on the device.
    Recorded,
    /// It is on the device: the segment may go.
    Durable,
}

/// The blocks that wait, and those that are free. Knows no threads and no time.
#[derive(Debug)]
pub struct StagingQueue {
    waiting: VecDeque<Block>,
    free: Vec<Block>,
    rescued_max: usize,
    /// Why blocks are lost while the disk is behind.
    cause: LossCause,
    losses: Vec<Loss>,
    /// Refusals whose record was lost.
    refusals: Refusals,
    /// What was recorded of losses under numbers that are not known to be durable.
    explained: Vec<(Explained, Stream, u64)>,
    drops: Vec<(u32, DropState)>,
    failed_segment: [Option<u32>; 2],
    free_min: usize,
    closed: bool,
}

impl StagingQueue {
    /// `blocks` free blocks, a quarter of which critical records may keep during a stall.
    #[must_use]
    pub fn new(blocks: usize) -> Self {
        let blocks = blocks.max(BLOCKS_MIN);
        Self {
            waiting: VecDeque::with_capacity(blocks),
            free: (0..blocks).map(|_| Block::new()).collect(),
            rescued_max: blocks / 4,
            cause: LossCause::IoStall,
            losses: Vec::new(),
            refusals: Refusals::default(),
            explained: Vec::new(),
            drops: Vec::new(),
            failed_segment: [None; 2],
            free_min: blocks,
            closed: false,
        }
    }

    /// Queues a sealed block.
    pub fn push(&mut self, mut block: Block) {
        let (stream, _) = Stream::of(block.segment.number);
        if self.failed_segment[index(stream)] == Some(block.segment.number) {
            self.lose(&block, LossCause::IoError);
            self.free.push(block);
        } else {
            // What is in the essential stream is what a stall leaves of the other.
            block.rescued |= stream == Stream::Essential;
            self.waiting.push_back(block);
        }
    }

    /// Whether a block of a stream waits.
    #[must_use]
    pub fn waits(&self, stream: Stream) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|block| Stream::of(block.segment.number).0 == stream)
    }

    /// A block to fill. When none is free, the oldest waiting one pays for it.
    pub fn free_block(&mut self) -> Block {
        loop {
            self.free_min = self.free_min.min(self.free.len());
            match self.free.pop() {
                Some(block) => return block,
                None => self.make_room(),
            }
        }
    }

    /// The oldest waiting block, to be written.
    pub fn oldest(&mut self) -> Option<Block> {
        self.waiting.pop_front()
    }

    /// The oldest waiting block of a stream that is not `blocked`.
    pub fn oldest_unless(&mut self, blocked: [bool; 2]) -> Option<Block> {
        let at = self.waiting.iter().position(|block| {
            let (stream, _) = Stream::of(block.segment.number);
            !blocked[index(stream)]
        })?;
        self.waiting.remove(at)
    }

    /// Puts a block back in front that cannot be written yet.
    pub fn put_back(&mut self, block: Block) {
        self.waiting.push_front(block);
    }

    /// Takes back a block that was written.
    pub fn give_back(&mut self, block: Block) {
        self.free.push(block);
    }

    /// A segment can no longer be written: what waits for it is lost, `written` is in doubt, and
    /// the collector must begin a new one.
    pub fn fail_segment(&mut self, written: Loss) {
        let segment = written.segment;
        self.failed_segment[index(written.stream())] = Some(segment);
        self.lost(written);
        for _ in 0..self.waiting.len() {
            if let Some(block) = self.waiting.pop_front() {
                self.push(block);
            }
        }
    }

    /// The segment of a stream that failed last.
    #[must_use]
    pub fn failed_segment(&self, stream: Stream) -> Option<u32> {
        self.failed_segment[index(stream)]
    }

    /// A closed segment is to be dropped: its loss is to be recorded first.
    pub fn ask_drop(&mut self, loss: Loss) {
        self.drops.push((loss.segment, DropState::Asked));
        self.note(loss);
    }

    /// How far the record of a drop is.
    #[must_use]
    pub fn drop_state(&self, segment: u32) -> Option<DropState> {
        let mut drops = self.drops.iter();
        drops.find(|drop| drop.0 == segment).map(|drop| drop.1)
    }

    /// A segment was dropped, or is not to be dropped any more.
    pub fn drop_done(&mut self, segment: u32) {
        self.drops.retain(|drop| drop.0 != segment);
    }

    /// Losses that were not recorded yet, and refusals whose record was lost.
    pub fn take_losses(&mut self) -> (Vec<Loss>, Refusals) {
        let refusals = std::mem::take(&mut self.refusals);
        (std::mem::take(&mut self.losses), refusals)
    }

    /// Refusals that could not be recorded wait for the next call of [`StagingQueue::take_losses`].
    pub fn put_back_refusals(&mut self, refusals: &Refusals) {
        self.refusals.merge(refusals);
    }

    /// The record of this number of `stream` says what was lost, once it is durable.
    pub fn explained(&mut self, loss: Explained, stream: Stream, record: u64) {
        if let Explained::Loss(loss) = &loss
            && loss.is_drop()
        {
            self.set_drop(loss.segment, DropState::Recorded);
        }
        self.explained.push((loss, stream, record));
    }

    /// How far `stream` can be promised to survive when all that was written before its record `next`
    /// is durable: not beyond a loss whose record is not. A segment that is dropped to make room is
    /// still there until the record of its drop is durable.
    pub fn durable_before(&mut self, stream: Stream, next: u64) -> u64 {
        let mut durable = Vec::new();
        self.explained.retain(|(explained, recorded_in, record)| {
            let done = *recorded_in == stream && *record < next;
            if done
                && let Explained::Loss(loss) = explained
                && loss.is_drop()
            {
                durable.push(loss.segment);
            }
            !done
        });
        for segment in durable {
            if self.drop_state(segment) == Some(DropState::Recorded) {
                self.set_drop(segment, DropState::Durable);
            }
        }
        let explained = self.explained.iter().filter_map(|(loss, ..)| match loss {
            Explained::Loss(loss) => Some(loss),
            Explained::Refusals(_) => None,
        });
        let open = self.losses.iter().chain(explained);
        let firsts = open
            .filter(|loss| loss.stream() == stream && loss.what == LostWhat::Records)
            .filter_map(|loss| loss.lost.sequence.map(|(first, _)| first));
        firsts.fold(next, u64::min)
    }

    fn set_drop(&mut self, segment: u32, state: DropState) {
        if let Some(drop) = self.drops.iter_mut().find(|drop| drop.0 == segment) {
            drop.1 = state;
        }
    }

    /// What is to be said of blocks that are lost from now on.
    pub fn set_cause(&mut self, cause: LossCause) {
        self.cause = cause;
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Free blocks.
    #[must_use]
    pub fn free_count(&self) -> usize {
        self.free.len()
    }

    /// Least number of free blocks since the last call.
    pub fn take_free_min(&mut self) -> usize {
        std::mem::replace(&mut self.free_min, self.free.len())
    }

    fn make_room(&mut self) {
        match self.waiting.iter().position(|block| !block.rescued) {
            Some(at) => self.rescue(at),
            None => self.drop_oldest(),
        }
        while self.rescued_beyond_share() {
            self.drop_oldest();
        }
    }

    /// Reduces the block at `at` to its critical records and joins them to those before it.
    fn rescue(&mut self, at: usize) {
        let Some(mut block) = self.waiting.remove(at) else {
            return;
        };
        let segment = block.segment.number;
        if let Some(lost) = block.keep_only(is_critical) {
            self.lost(Loss {
                cause: self.cause,
                segment,
                lost,
                what: LostWhat::Records,
            });
        }
        block.rescued = true;
        let joined = at > 0 && self.waiting[at - 1].absorb(&block);
        if joined || block.is_empty() {
            self.free.push(block);
        } else {
            self.waiting.insert(at, block);
        }
    }

    fn rescued_beyond_share(&self) -> bool {
        let rescued = self
            .waiting
            .iter()
            .filter(|block| block.rescued && !block.bare);
        rescued.count() > self.rescued_max
    }

    /// Gives up the oldest block; one that begins a segment keeps its headers as long as any other
    /// block can pay instead.
    fn drop_oldest(&mut self) {
        let at = self.waiting.iter().position(|block| !block.bare);
        let Some(mut block) = self.waiting.remove(at.unwrap_or(0)) else {
            return;
        };
        if block.bare || !block.begins_segment() {
            self.lose(&block, self.cause);
            self.free.push(block);
            return;
        }
        let headers = [RecordType::SEGMENT_HEADER, RecordType::FLIGHT_HEADER];
        if let Some(lost) = block.keep_only(|record_type| headers.contains(&record_type)) {
            let (cause, segment) = (self.cause, block.segment.number);
            self.lost(Loss {
                cause,
                segment,
                lost,
                what: LostWhat::Records,
            });
        }
        (block.rescued, block.bare) = (true, true);
        self.waiting.insert(at.unwrap_or(0), block);
    }

    fn lose(&mut self, block: &Block, cause: LossCause) {
        self.lost(Loss {
            cause,
            segment: block.segment.number,
            lost: block.tally(),
            what: LostWhat::Records,
        });
    }

    /// Notes a loss; those whose record is lost with it are to be recorded anew.
    fn lost(&mut self, loss: Loss) {
        let Some((first, last)) = loss.lost.sequence else {
            return;
        };
        let mut again = Vec::new();
        let stream = loss.stream();
        self.explained.retain(|(earlier, recorded_in, record)| {
            let gone = *recorded_in == stream
                && (first..=last).contains(record)
                && loss.lost.counts.get(RecordType::COMPONENT_LIFECYCLE_EVENT) > 0;
            if gone {
                again.push(earlier.clone());
            }
            !gone
        });
        for earlier in again {
            match earlier {
                Explained::Loss(loss) => {
                    if loss.is_drop() {
                        self.set_drop(loss.segment, DropState::Asked);
                    }
                    self.note(loss);
                }
                Explained::Refusals(refusals) => self.refusals.merge(&refusals),
            }
        }
        self.note(loss);
    }

    fn note(&mut self, loss: Loss) {
        let alike = |other: &&mut Loss| {
            (other.cause, other.segment, other.what) == (loss.cause, loss.segment, loss.what)
        };
        match self.losses.iter_mut().find(alike) {
            Some(other) => other.lost.merge(&loss.lost),
            None => self.losses.push(loss),
        }
    }
}

/// The queue between two threads. The lock is held for moments only, never during I/O, and never by
/// a producer.
#[derive(Debug)]
pub struct Staging {
    queue: Mutex<StagingQueue>,
    filled: Condvar,
}

impl Staging {
    /// As [`StagingQueue::new`].
    #[must_use]
    pub fn new(blocks: usize) -> Self {
        Self {
            queue: Mutex::new(StagingQueue::new(blocks)),
            filled: Condvar::new(),
        }
    }

    /// The queue itself.
    pub fn queue(&self) -> MutexGuard<'_, StagingQueue> {
        // The queue is in order between any two of its methods, so that a panic elsewhere while it
        // was held leaves nothing half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a sealed block.
    pub fn push(&self, block: Block) {
        self.queue().push(block);
        self.filled.notify_one();
    }

    /// Nothing more will come.
    pub fn close(&self) {
        self.queue().closed = true;
        self.filled.notify_one();
    }

    /// Waits until a block waits, or nothing more will come.
    pub fn wait(&self, at_most: Duration) {
        let queue = self.queue();
        let nothing = |queue: &mut StagingQueue| queue.waiting.is_empty() && !queue.closed;
        // What it waited for is looked at by the caller, whichever way the wait ended.
        drop(self.filled.wait_timeout_while(queue, at_most, nothing));
    }
}
