//! What a link delivered and what it did not.

use super::frame::Frame;
use super::refusal::{Refusal, RefusalCounts};
use super::sequence::SequenceCounts;

/// What a link delivered and what it did not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkStatistics {
    /// Frames with a correct checksum.
    pub frames: u64,
    /// Frames that were not used, by reason.
    pub refusals: RefusalCounts,
    /// Bytes that belong to no frame.
    pub skipped_bytes: u64,
    /// Gaps in the sequence numbers.
    pub sequences: SequenceCounts,
}

impl LinkStatistics {
    pub(crate) fn frame(&mut self, frame: &Frame<'_>, skipped: usize) {
        self.frames += 1;
        self.skipped_bytes += skipped as u64;
        self.sequences.arrived(frame.sender(), frame.sequence());
    }

    pub(crate) fn refused(&mut self, refusal: Refusal, frame: Option<&Frame<'_>>) {
        self.refusals.count(refusal);
        if let Some(frame) = frame {
            self.sequences
                .arrived_refused(frame.sender(), frame.sequence());
        }
    }

    pub(crate) fn skipped(&mut self, bytes: usize) {
        self.skipped_bytes += bytes as u64;
    }
}
