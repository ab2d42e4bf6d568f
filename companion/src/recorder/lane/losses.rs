//! What a lane loses: numbered and counted while it holds, recorded before anything is framed behind it.

use fdr_format::records::LossCause;
use fdr_format::{FRAME_OVERHEAD, FrameHead, Record};

use super::super::staging::Explained;
use super::super::tally::{Loss, LostWhat, Tally};
use super::{Held, Lane, NS_PER_MS, Surroundings};

impl Lane {
    /// Ends holding: what was lost meanwhile is one loss.
    pub(super) fn end_hold(&mut self) {
        self.settle_held();
        self.held = None;
    }

    /// What was lost so far while the lane holds is to be recorded: nothing may be framed behind numbers
    /// whose loss is not told.
    pub(super) fn settle_held(&mut self) {
        let segment = self.encoder.identity().segment;
        let Some(held) = &mut self.held else {
            return;
        };
        let lost = std::mem::take(&mut held.lost);
        if lost.sequence.is_some() {
            self.lost[held.cause as usize] += lost.records;
            self.unrecorded.push_back(Loss {
                cause: held.cause,
                segment,
                lost,
                what: LostWhat::Records,
            });
        }
    }

    pub(super) fn pass_over(
        &mut self,
        record: &Record<'_>,
        monotonic_ns: u64,
        cause: LossCause,
        around: Surroundings<'_>,
    ) {
        let length = record.encode_body(self.block.free()).unwrap_or_default();
        let head = FrameHead {
            record_type: record.record_type(),
            sequence: self.next_sequence,
            monotonic_ms: monotonic_ns / NS_PER_MS,
            length: FRAME_OVERHEAD + length,
        };
        let held = self.held.get_or_insert_with(|| Held {
            cause,
            lost: Tally::default(),
            told_ns: 0,
        });
        held.lost.add(&head);
        self.next_sequence += 1;
        around.status.dropped(1);
    }

    pub(super) fn record_losses(&mut self, now_ns: u64, around: Surroundings<'_>) {
        if !self.unrecorded.is_empty() && self.has_tail_room(around) {
            self.settle_held();
        }
        while let Some(loss) = self.unrecorded.pop_front() {
            // While the lane holds, the segment's last room is kept for the end of the flight.
            if self.held.is_some() && !self.has_tail_room(around) {
                self.unrecorded.push_front(loss);
                return;
            }
            if self.held.is_none()
                && self.is_full(around)
                && around.status.hold(self.stream).is_none()
            {
                self.end_segment(now_ns, around);
                self.begin_next(now_ns, around);
            }
            loss.with_record(now_ns, |record| self.frame(record, now_ns, around));
            let record = self.next_sequence - 1;
            let mut queue = around.staging.queue();
            queue
                .ledger()
                .explained(Explained::Loss(loss), self.stream, record);
        }
    }
}
