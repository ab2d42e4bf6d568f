//! Gathers the records of all producers, gives them their numbers and frames them into blocks.
//!
//! Driven by its caller, who also tells the time; the thread around it is in `service`.

use std::collections::VecDeque;
use std::sync::Arc;

use fdr_format::records::{FlightFooter, FlightHeader, LossCount};
use fdr_format::{
    EncodeError, FlightParameters, List, LongBytes, PutError, Record, SegmentEncoder, SegmentStart,
    records::LossCause,
};

use super::block::{BLOCK_BYTES, Block, BlockEnd, BlockSegment, DueFooter, filler};
use super::refusals::Refusals;
use super::ring::{Received, RecordReceiver, Refused};
use super::staging::{Explained, Staging};
use super::status::Status;
use super::tally::{Loss, refusal_cause, with_refusal_record};

/// Bytes that the frame of a flight footer takes at most.
const FLIGHT_FOOTER_MAX: usize = 256;
/// Entries taken from one ring before the next one has its turn.
const TURN: usize = 256;
/// Bytes taken from one ring before the next one has its turn: about half a block.
const TURN_BYTES: usize = BLOCK_BYTES / 2;

/// The collector.
#[derive(Debug)]
pub struct Collector {
    parameters: FlightParameters,
    receivers: Vec<RecordReceiver>,
    staging: Arc<Staging>,
    status: Arc<Status>,
    encoder: SegmentEncoder,
    block: Block,
    sync_interval_ns: u64,
    sync_due_ns: u64,
    losses: VecDeque<Loss>,
    lost: [u64; LossCause::ALL.len()],
    last_ns: u64,
}

impl Collector {
    /// Begins the flight: its first block holds the headers.
    ///
    /// # Errors
    /// When the headers do not fit into a block.
    pub fn new(
        parameters: FlightParameters,
        sync_interval_ns: u64,
        receivers: Vec<RecordReceiver>,
        staging: Arc<Staging>,
        status: Arc<Status>,
    ) -> Result<Self, EncodeError> {
        let now = parameters.clock.monotonic_ns;
        let mut block = staging.queue().free_block();
        let encoder = begin_segment(&parameters, 0, 0, now, &mut block)?;
        let mut collector = Self {
            receivers,
            staging,
            status,
            encoder,
            block,
            sync_interval_ns,
            sync_due_ns: now,
            losses: VecDeque::new(),
            lost: [0; LossCause::ALL.len()],
            last_ns: now,
            parameters,
        };
        let source_name = collector.parameters.source_name.clone();
        let header = FlightHeader {
            time_ns: now,
            flight_id: collector.parameters.flight_id,
            source: collector.parameters.source,
            source_name: &source_name,
        };
        let free = collector.block.free();
        let sequence = collector.encoder.next_sequence();
        let used = collector
            .encoder
            .append(&header.into(), sequence, now, free)?;
        collector.block.take(used);
        Ok(collector)
    }

    /// Takes what the rings hold at `now_ns` and says how many entries that were. Seals the block
    /// when its time has come.
    pub fn drain(&mut self, now_ns: u64) -> usize {
        self.hear_losses(now_ns);
        let mut entries = 0;
        for index in 0..self.receivers.len() {
            entries += self.drain_one(index, now_ns);
        }
        self.status.collected(self.encoder.next_sequence());
        if now_ns >= self.sync_due_ns {
            self.flush(now_ns);
        }
        entries
    }

    /// Seals the block: its records are on the device as soon as the disk allows.
    pub fn flush(&mut self, now_ns: u64) {
        self.sync_due_ns = now_ns.saturating_add(self.sync_interval_ns);
        if !self.block.is_empty() {
            self.block.sync = true;
            self.seal(now_ns);
        }
    }

    /// Whether all producers are gone and all they sent is collected.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.receivers.iter().all(RecordReceiver::is_finished)
    }

    /// Ends the flight with its footers.
    pub fn finish(mut self, now_ns: u64) {
        self.drain(now_ns);
        for index in 0..self.receivers.len() {
            if let Some(refusals) = self.receivers[index].take_unsent() {
                self.refusals(&refusals, now_ns);
            }
        }
        // Both footers stand in one block of this segment, with nothing between them.
        let room = FLIGHT_FOOTER_MAX + self.encoder.footer_room();
        if self.block.free().len() < room {
            self.seal(now_ns);
        }
        let lost = self.loss_counts();
        let footer = FlightFooter {
            time_ns: now_ns.max(self.last_ns),
            records: self.encoder.next_sequence() + 1,
            segments: self.encoder.identity().segment + 1,
            clean_shutdown: true,
            lost: List::new(&lost),
        };
        self.put(&Record::FlightFooter(footer), now_ns);
        self.end_segment(true, now_ns);
        self.staging.close();
    }

    /// Number of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.encoder.next_sequence()
    }

    fn drain_one(&mut self, index: usize, now_ns: u64) -> usize {
        // The receiver leaves its place for the turn, because its bodies are borrowed while the
        // collector frames them.
        let mut receiver = self.receivers.swap_remove(index);
        let (mut entries, mut bytes) = (0, 0);
        while entries < TURN && bytes < TURN_BYTES {
            match receiver.receive() {
                Some(Received::Record {
                    record_type,
                    monotonic_ns,
                    body,
                }) => {
                    bytes += body.len();
                    let body = LongBytes(body);
                    self.append(&Record::Unknown { record_type, body }, monotonic_ns);
                }
                Some(Received::Refusals(refusals)) => self.refusals(&refusals, now_ns),
                None => break,
            }
            entries += 1;
        }
        self.status.ring_free(receiver.free_bytes());
        self.receivers.push(receiver);
        let last = self.receivers.len() - 1;
        self.receivers.swap(index, last);
        entries
    }

    fn refusals(&mut self, refusals: &Refusals, now_ns: u64) {
        for reason in [Refused::RingFull, Refused::TooLong] {
            let records: u64 = refusals.by_type(reason).map(|(_, count)| count).sum();
            self.lost[refusal_cause(reason) as usize] += records;
            self.status.refused(records);
        }
        self.record_refusals(refusals, now_ns);
    }

    fn record_refusals(&mut self, refusals: &Refusals, now_ns: u64) {
        for reason in [Refused::RingFull, Refused::TooLong] {
            with_refusal_record(refusals, reason, now_ns, |record| {
                self.append(record, now_ns);
            });
        }
        let record = self.encoder.next_sequence() - 1;
        let explained = Explained::Refusals(Box::new(refusals.clone()));
        self.staging.queue().explained(explained, record);
    }

    /// Records what was lost since the last time, and leaves a segment that failed.
    fn hear_losses(&mut self, now_ns: u64) {
        let failed = self.staging.queue().failed_segment();
        if failed == Some(self.encoder.identity().segment) {
            self.hand_over();
            self.begin_segment(now_ns);
        }
        let (losses, refusals) = self.staging.queue().take_losses();
        self.losses.extend(losses);
        while let Some(loss) = self.losses.pop_front() {
            self.lost[loss.cause as usize] += loss.lost.records;
            self.status.dropped(loss.lost.records);
            loss.with_record(now_ns, |record| self.append(record, now_ns));
            let record = self.encoder.next_sequence() - 1;
            let mut queue = self.staging.queue();
            queue.explained(Explained::Loss(loss), record);
        }
        if !refusals.is_empty() {
            self.record_refusals(&refusals, now_ns);
        }
    }

    /// Frames one record into the block; a block without room for it is sealed first, a segment
    /// without room is ended.
    fn append(&mut self, record: &Record<'_>, monotonic_ns: u64) {
        self.last_ns = self.last_ns.max(monotonic_ns);
        let end = self.encoder.bytes() + self.encoder.footer_room() as u64;
        let full = end >= self.parameters.segment_bytes || self.encoder.is_full_of_types();
        if full && self.encoder.records() > 1 {
            self.end_segment(false, monotonic_ns);
            self.begin_segment(monotonic_ns);
        }
        self.put(record, monotonic_ns);
    }

    fn put(&mut self, record: &Record<'_>, monotonic_ns: u64) {
        for _ in 0..2 {
            let sequence = self.encoder.next_sequence();
            let free = self.block.free();
            match self.encoder.append(record, sequence, monotonic_ns, free) {
                Ok(used) => return self.block.take(used),
                Err(error) if error.problem == PutError::BufferFull => self.seal(monotonic_ns),
                Err(_) => return,
            }
        }
    }

    /// Aligns the block and hands it over.
    fn seal(&mut self, monotonic_ns: u64) {
        let length = self.block.filler_length();
        if length > 0 {
            let time_ns = monotonic_ns.max(self.last_ns);
            let space = self.block.filler_space(length);
            let sequence = self.encoder.next_sequence();
            let put = self
                .encoder
                .append(&filler(length, time_ns), sequence, time_ns, space);
            // A block keeps room for it, and a filler always encodes.
            self.block.take(put.unwrap_or_default());
        }
        self.hand_over();
    }

    fn hand_over(&mut self) {
        let segment = self.block.segment;
        let next = {
            let mut queue = self.staging.queue();
            queue.free_block()
        };
        let full = std::mem::replace(&mut self.block, next);
        self.block.reset(segment);
        self.staging.push(full);
    }

    /// Whoever writes the block knows what the file holds and makes the footer; its number and room
    /// are reserved here.
    fn end_segment(&mut self, last: bool, now_ns: u64) {
        let room = self.encoder.footer_room();
        if self.block.free().len() < room {
            self.seal(now_ns);
        }
        if let Ok(sequence) = self.encoder.reserve_footer() {
            self.block.footer = Some(DueFooter {
                sequence,
                monotonic_ns: now_ns.max(self.last_ns),
                room,
            });
        }
        self.block.end = if last {
            BlockEnd::Flight
        } else {
            BlockEnd::Segment
        };
        self.block.sync = true;
        self.hand_over();
    }

    fn begin_segment(&mut self, now_ns: u64) {
        let number = self.encoder.identity().segment + 1;
        let sequence = self.encoder.next_sequence();
        // The first segment's header had room in a block, and all headers are of one length.
        if let Ok(encoder) =
            begin_segment(&self.parameters, number, sequence, now_ns, &mut self.block)
        {
            self.encoder = encoder;
        }
    }

    fn loss_counts(&self) -> Vec<LossCount> {
        let counted = LossCause::ALL.iter().copied().zip(self.lost);
        counted
            .filter(|(_, count)| *count > 0)
            .map(|(cause, count)| LossCount { cause, count })
            .collect()
    }
}

/// Makes `block` the first of a segment.
fn begin_segment(
    parameters: &FlightParameters,
    number: u32,
    sequence: u64,
    now_ns: u64,
    block: &mut Block,
) -> Result<SegmentEncoder, EncodeError> {
    block.reset(BlockSegment::default());
    let start = SegmentStart {
        segment: number,
        sequence,
        now_ns,
        clock: parameters.clock,
        previous_chain: None,
    };
    let (encoder, used) = parameters.begin_segment(&start, block.free())?;
    block.reset(BlockSegment {
        number,
        seed: encoder.identity().crc_seed(),
    });
    block.take(used);
    Ok(encoder)
}
