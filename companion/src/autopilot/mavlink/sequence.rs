//! Gaps in the sequence numbers of each sender.

use super::frame::Sender;

/// Most senders that are told apart; frames of further ones are not checked for gaps.
pub const SENDERS_MAX: usize = 64;

/// What the numbers of one sender say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderSequence {
    /// The sender.
    pub sender: Sender,
    /// Frames that arrived.
    pub received: u64,
    /// Frames that did not arrive: the sum of all gaps, each modulo 256.
    pub lost: u64,
    /// Frames that carry the number of the frame before them. Some radios number this way; it says
    /// nothing of a loss.
    pub repeated: u64,
    last: u8,
}

/// The sequence numbers of every sender on a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SequenceCounts {
    senders: Vec<SenderSequence>,
}

impl SequenceCounts {
    /// Takes the number of a frame that arrived.
    pub fn arrived(&mut self, sender: Sender, sequence: u8) {
        let Some(known) = self.find(sender) else {
            if self.senders.len() < SENDERS_MAX {
                self.senders.push(SenderSequence {
                    sender,
                    received: 1,
                    lost: 0,
                    repeated: 0,
                    last: sequence,
                });
            }
            return;
        };
        known.received += 1;
        match sequence.wrapping_sub(known.last) {
            0 => known.repeated += 1,
            step => known.lost += u64::from(step) - 1,
        }
        known.last = sequence;
    }

    /// Takes the number of a frame that arrived but was refused. Its header is believed only when it
    /// is exactly the one that was due, so that a damaged number cannot invent a loss.
    pub fn arrived_refused(&mut self, sender: Sender, sequence: u8) {
        if let Some(known) = self.find(sender)
            && sequence == known.last.wrapping_add(1)
        {
            known.last = sequence;
        }
    }

    /// Every sender, in the order in which they were first heard.
    pub fn senders(&self) -> impl Iterator<Item = &SenderSequence> {
        self.senders.iter()
    }

    /// Frames lost on the link, all senders together.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.senders.iter().map(|sender| sender.lost).sum()
    }

    fn find(&mut self, sender: Sender) -> Option<&mut SenderSequence> {
        self.senders.iter_mut().find(|known| known.sender == sender)
    }
}
