//! Records that are missing, and the loss records that explain them.

use crate::record::{ComponentLifecycleEvent, LifecycleEvent};

/// Most gaps, and most loss records, that are compared with each other. A gap beyond the limit
/// counts as unexplained.
const RANGES_MAX: usize = 10_000;

/// A range of sequence numbers, ends included.
pub(super) type SequenceRange = (u64, u64);

/// Gaps and losses seen so far.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    gaps: Vec<(u32, SequenceRange)>,
    losses: Vec<SequenceRange>,
    /// Sequence numbers that are missing.
    pub missing: u64,
}

impl Gaps {
    /// Notes a gap; false when there are too many to keep it.
    pub fn note(&mut self, segment: u32, range: SequenceRange) -> bool {
        self.missing = self
            .missing
            .saturating_add((range.1 - range.0).saturating_add(1));
        let kept = self.gaps.len() < RANGES_MAX;
        if kept {
            self.gaps.push((segment, range));
        }
        kept
    }

    /// Notes what a lifecycle event explains.
    pub fn explain(&mut self, event: &ComponentLifecycleEvent<'_>) {
        let range = event.first_sequence.zip(event.last_sequence);
        if let (LifecycleEvent::FdrSegmentDropped, Some(range)) = (event.event, range)
            && self.losses.len() < RANGES_MAX
        {
            self.losses.push(range);
        }
    }

    /// The gaps, each with whether loss records cover it; they may stand behind it in the recording.
    pub fn judged(&mut self) -> Vec<(u32, SequenceRange, bool)> {
        std::mem::take(&mut self.gaps)
            .into_iter()
            .map(|(segment, range)| (segment, range, covered(range, &self.losses)))
            .collect()
    }
}

/// Whether the ranges together contain every number of `gap`.
fn covered(gap: SequenceRange, losses: &[SequenceRange]) -> bool {
    let (mut due, last) = gap;
    loop {
        let reach = losses
            .iter()
            .filter(|(from, to)| *from <= due && due <= *to)
            .map(|(_, to)| *to)
            .max();
        match reach {
            Some(to) if to >= last => return true,
            Some(to) => due = to + 1,
            None => return false,
        }
    }
}
