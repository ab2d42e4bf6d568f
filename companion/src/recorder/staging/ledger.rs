//! What is lost on the way to the disk, and how far the records of it are.
//!
//! | a loss | event | next |
//! |---|---|---|
//! | unrecorded | the collector frames its record | recorded under a number |
//! | recorded | everything before that number and it is durable | done |
//! | recorded | its record is lost | unrecorded again |
//!
//! What is promised to survive stays in front of the first loss that is not done.

use fdr_format::{RecordType, Stream};

use super::super::refusals::Refusals;
use super::super::tally::{Loss, LostWhat};

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

/// Losses, refusals and drops that are not done.
#[derive(Debug, Default)]
pub struct Ledger {
    losses: Vec<Loss>,
    /// Refusals whose record was lost.
    refusals: Refusals,
    /// What was recorded of losses under numbers that are not known to be durable.
    explained: Vec<(Explained, Stream, u64)>,
    drops: Vec<(u32, DropState)>,
}

impl Ledger {
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

    /// Refusals that could not be recorded wait for the next call of [`Ledger::take_losses`].
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

    /// Notes a loss; those whose record is lost with it are to be recorded anew.
    pub(super) fn lost(&mut self, loss: Loss) {
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
