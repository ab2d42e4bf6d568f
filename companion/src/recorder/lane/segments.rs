//! Where one segment ends and the next begins.

use fdr_format::{EncodeError, FlightParameters, SegmentEncoder, SegmentStart};

use super::super::block::{Block, BlockEnd, BlockSegment, DueFooter};
use super::{Lane, Surroundings};

impl Lane {
    pub(super) fn next_segment(&mut self, now_ns: u64, around: Surroundings<'_>) {
        self.end_hold();
        self.record_losses(now_ns, around);
        self.end_segment(now_ns, around);
        self.begin_next(now_ns, around);
        self.record_losses(now_ns, around);
    }

    /// Ends the segment. Its footer stands behind a sync, in a block of its own: when it is there, so is
    /// everything before it, whatever the device writes first.
    pub(super) fn end_segment(&mut self, now_ns: u64, around: Surroundings<'_>) {
        self.flush(now_ns, around);
        self.put_footer(BlockEnd::Segment, now_ns, around);
    }

    /// Whoever writes the block knows what the file holds and makes the footer; its number and room are
    /// reserved here.
    pub(super) fn put_footer(&mut self, end: BlockEnd, now_ns: u64, around: Surroundings<'_>) {
        if let Ok(sequence) = self.encoder.reserve_footer() {
            self.next_sequence = sequence + 1;
            self.block.footer = Some(DueFooter {
                sequence,
                monotonic_ns: now_ns.max(self.last_ns),
                room: self.encoder.footer_room(),
            });
        }
        self.block.end = end;
        self.block.sync = true;
        self.hand_over(around);
    }

    pub(super) fn begin_next(&mut self, now_ns: u64, around: Surroundings<'_>) {
        let parameters = around.parameters;
        let start = SegmentStart {
            segment: self.encoder.identity().segment + 1,
            sequence: self.next_sequence,
            now_ns: now_ns.max(self.last_ns),
            clock: around.clock,
            // Known to whoever writes the footer, later than this.
            previous_chain: None,
        };
        // The first segment's header had room in a block, and all headers are of one length.
        if let Ok(encoder) = begin_segment(parameters, &start, &mut self.block) {
            self.next_sequence = encoder.next_sequence();
            self.encoder = encoder;
        }
    }
}

/// Makes `block` the first of a segment.
pub(super) fn begin_segment(
    parameters: &FlightParameters,
    start: &SegmentStart,
    block: &mut Block,
) -> Result<SegmentEncoder, EncodeError> {
    block.reset(BlockSegment::default());
    let (encoder, used) = parameters.begin_segment(start, block.free())?;
    block.reset(BlockSegment {
        number: start.segment,
        seed: encoder.identity().crc_seed(),
    });
    block.take(used);
    Ok(encoder)
}
