//! What may go wrong, dealt like cards: every kind comes once in a round, so that a short drill has them all.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

use crate::proxy::LinkMode;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of the intake; its wall clock jumps.
    KillIngest,
    /// `kill -9` of the drain; its wall clock jumps.
    KillDrain,
    /// `kill -9` of the sink.
    KillSink,
    /// The link fails for a while.
    Link(LinkMode),
    /// The disk is full for a while.
    FullDisk,
}

/// A round: three kills of each process, each failing link and a full disk once.
const ROUND: [Fault; 14] = [
    Fault::KillIngest,
    Fault::KillIngest,
    Fault::KillIngest,
    Fault::KillDrain,
    Fault::KillDrain,
    Fault::KillDrain,
    Fault::KillSink,
    Fault::KillSink,
    Fault::KillSink,
    Fault::Link(LinkMode::Cut),
    Fault::Link(LinkMode::HalfOpen),
    Fault::Link(LinkMode::Slow),
    Fault::Link(LinkMode::Corrupting),
    Fault::FullDisk,
];

impl Fault {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::KillIngest => "kill_ingest",
            Self::KillDrain => "kill_drain",
            Self::KillSink => "kill_sink",
            Self::Link(LinkMode::Sound) => "link_sound",
            Self::Link(LinkMode::Cut) => "link_cut",
            Self::Link(LinkMode::HalfOpen) => "link_half_open",
            Self::Link(LinkMode::Slow) => "link_slow",
            Self::Link(LinkMode::Corrupting) => "link_corrupting",
            Self::FullDisk => "full_disk",
        }
    }

    /// Whether a process ends.
    pub fn is_kill(self) -> bool {
        matches!(self, Self::KillIngest | Self::KillDrain | Self::KillSink)
    }
}

/// The cards of a round that are still to come.
#[derive(Debug, Default)]
pub struct Deck(Vec<Fault>);

impl Deck {
    /// The next fault; a new round when the last one is over.
    pub fn draw(&mut self, random: &mut Pcg64Mcg) -> Fault {
        if self.0.is_empty() {
            self.0.extend(ROUND);
        }
        let index = random.next_u32() as usize % self.0.len();
        self.0.swap_remove(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_pcg::rand_core::SeedableRng;

    #[test]
    fn every_fault_comes_in_every_round_and_the_order_is_the_seed_s() {
        let rounds = |seed| {
            let (mut deck, mut random) = (Deck::default(), Pcg64Mcg::seed_from_u64(seed));
            (0..2 * ROUND.len())
                .map(|_| deck.draw(&mut random))
                .collect::<Vec<_>>()
        };
        let drawn = rounds(1);
        for round in drawn.chunks(ROUND.len()) {
            assert!(ROUND.iter().all(|fault| round.contains(fault)));
        }
        assert_eq!(rounds(1), drawn);
        assert_ne!(rounds(2), drawn);
    }
}
