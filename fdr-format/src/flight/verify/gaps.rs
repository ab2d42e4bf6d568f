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

    /// The gaps, each in the parts that something explains and that nothing does; what explains them may
    /// stand behind them in the recording.
    pub fn judged(&mut self) -> Vec<(u32, SequenceRange, Explanation)> {
        let mut judged = Vec::new();
        for (segment, (first, last)) in std::mem::take(&mut self.gaps) {
            let mut due = first;
            loop {
                let (to, why) = self.part(due, last);
                judged.push((segment, (due, to), why));
                if to >= last {
                    break;
                }
                due = to + 1;
            }
        }
        judged
    }

    /// Whether losses together explain every number from `first` to `last`; nothing is left to explain when
    /// `last` stands in front of `first`.
    pub fn are_explained(&self, first: u64, last: u64) -> bool {
        first > last || {
            let (to, why) = self.part(first, last);
            to >= last && why.is_some()
        }
    }

    /// The longest part from `due` on, up to `last`, that losses together explain or that none does, and why
    /// it is missing.
    fn part(&self, due: u64, last: u64) -> (u64, Explanation) {
        let (mut next, mut why): (u64, Explanation) = (due, None);
        loop {
            let losses = self.losses.iter();
            let reach = losses
                .filter(|((from, to), _)| *from <= next && next <= *to)
                .max_by_key(|((_, to), _)| *to);
            let Some(((_, to), cause)) = reach else {
                break;
            };
            if why != Some(Some(LossCause::Damage)) {
                why = Some(*cause);
            }
            if *to >= last {
                return (last, why);
            }
            next = to + 1;
        }
        if why.is_some() {
            return (next - 1, why);
        }
        let mut firsts: Vec<u64> = self.losses.iter().map(|((from, _), _)| *from).collect();
        firsts.retain(|from| (due..=last).contains(from));
        (firsts.into_iter().min().map_or(last, |from| from - 1), None)
    }
}
