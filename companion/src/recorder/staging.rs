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

mod ledger;

use std::collections::VecDeque;
use std::sync::MutexGuard;
use std::time::Duration;

use fdr_format::records::LossCause;
use fdr_format::{RecordType, Stream};

use super::block::Block;
use super::handover::Handover;
use super::ring::is_critical;
use super::shelf::index;
use super::tally::{Loss, LostWhat};

pub use ledger::{DropState, Explained, Ledger};

/// Fewest blocks: one being filled, one being written, and some between them.
pub const BLOCKS_MIN: usize = 8;

/// The blocks that wait, and those that are free. Knows no threads and no time.
#[derive(Debug)]
pub struct StagingQueue {
    waiting: VecDeque<Block>,
    free: Vec<Block>,
    rescued_max: usize,
    /// Why blocks are lost while the disk is behind.
    cause: LossCause,
    ledger: Ledger,
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
            ledger: Ledger::default(),
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
        self.ledger.lost(written);
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

    /// What is lost, and how far that is recorded.
    pub fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
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
            self.ledger.lost(Loss {
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
            self.ledger.lost(Loss {
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
        self.ledger.lost(Loss {
            cause,
            segment: block.segment.number,
            lost: block.tally(),
            what: LostWhat::Records,
        });
    }
}

/// The queue between two threads. The lock is held for moments only, never during I/O, and never by
/// a producer.
#[derive(Debug)]
pub struct Staging {
    queue: Handover<StagingQueue>,
}

impl Staging {
    /// As [`StagingQueue::new`].
    #[must_use]
    pub fn new(blocks: usize) -> Self {
        Self {
            queue: Handover::new(StagingQueue::new(blocks)),
        }
    }

    /// The queue itself. It is in order between any two of its methods.
    pub fn queue(&self) -> MutexGuard<'_, StagingQueue> {
        self.queue.lock()
    }

    /// Queues a sealed block.
    pub fn push(&self, block: Block) {
        self.queue.change(|queue| queue.push(block));
    }

    /// Nothing more will come.
    pub fn close(&self) {
        self.queue.change(|queue| queue.closed = true);
    }

    /// Waits until a block waits, or nothing more will come.
    pub fn wait(&self, at_most: Duration) {
        let is_due = |queue: &StagingQueue| !queue.waiting.is_empty() || queue.closed;
        self.queue.wait(at_most, is_due);
    }
}
