//! Records that are missing, and the loss records that explain them.

use super::segment::{RANGES_MAX, ToldLoss};
use crate::record::LossCause;

/// A range of sequence numbers, ends included.
pub(super) type SequenceRange = (u64, u64);

/// Why a gap is there: `None` when nothing explains it, otherwise the cause of one of the losses, if its
/// name is known. Damage goes before other causes.
pub(super) type Explanation = Option<Option<LossCause>>;

/// Gaps and losses seen so far of one stream.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    gaps: Vec<(u32, SequenceRange)>,
    losses: Vec<(SequenceRange, Option<LossCause>)>,
    /// Sequence numbers that are missing.
    pub missing: u64,
}

impl Gaps {
    /// Notes a gap; false when there are too many to keep it.
    pub fn note(&mut self, segment: u32, range: SequenceRange) -> bool {
        let records = (range.1 - range.0).saturating_add(1);
        self.missing = self.missing.saturating_add(records);
        let kept = self.gaps.len() < RANGES_MAX;
        if kept {
            self.gaps.push((segment, range));
        }
        kept
    }

    /// Notes what is said to be lost. Ranges that touch are kept as one, so that a long flight's ledger of
    /// dropped segments takes no more room than its holes.
    pub fn explain(&mut self, loss: ToldLoss) {
        let (first, last) = (loss.first, loss.last);
        let room = self.losses.len() < RANGES_MAX;
        let touching = self
            .losses
            .iter_mut()
            .rev()
            .take(64)
            .find(|(range, cause)| {
                *cause == loss.cause
                    && first <= range.1.saturating_add(1)
                    && range.0 <= last.saturating_add(1)
            });
        match touching {
            Some((range, _)) => *range = (range.0.min(first), range.1.max(last)),
            None if room && first <= last => {
                self.losses.push(((first, last), loss.cause));
            }
            None => {}
        }
    }

    /// The gaps, each with what explains it; that may stand behind it in the recording.
    pub fn judged(&mut self) -> Vec<(u32, SequenceRange, Explanation)> {
        let gaps = std::mem::take(&mut self.gaps);
        gaps.into_iter()
            .map(|(segment, range)| (segment, range, self.explanation(range)))
            .collect()
    }

    /// Whether the ranges together contain every number of `gap`, and why they are missing.
    fn explanation(&self, gap: SequenceRange) -> Explanation {
        let (mut due, last) = gap;
        let mut why: Explanation = None;
        loop {
            let reach = self
                .losses
                .iter()
                .filter(|((from, to), _)| *from <= due && due <= *to)
                .max_by_key(|((_, to), _)| *to)?;
            if why != Some(Some(LossCause::Damage)) {
                why = Some(reach.1);
            }
            let to = reach.0.1;
            if to >= last {
                return why;
            }
            due = to + 1;
        }
    }
}
