//! The life of a batch: a range of row numbers that leaves together, under one id made once.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | (pending) | claimed | draining | the id is made; durable before the first attempt |
//! | draining | found at open | recovered | same id, same rows |
//! | draining, recovered | stored by the sink | synced | rows may be removed |
//! | draining, recovered | attempt failed | unchanged | attempts + 1; tried again for ever |
//! | draining, recovered | refused and withdrawn, several rows | split | two halves, with ids of their own |
//! | draining, recovered | refused and withdrawn, one row | dead | the row goes to the dead letters |
//! | synced, split, dead, dropped | anything | unchanged | final |
//!
//! A batch is split only after the sink said that it has not stored it and never will
//! (`withdraw`): otherwise its rows could arrive twice under two ids. Rows that an overflow drops form
//! a batch of state *dropped*, so that the history has no holes.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::row::{first_16, hex};

/// What a batch is known by, everywhere and for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub [u8; 16]);

impl BatchId {
    /// Made from the store's own random id and the batch's number, which is never used twice.
    #[must_use]
    pub fn new(store: &[u8; 16], number: i64) -> Self {
        let digest = Sha256::new()
            .chain_update(b"edge-spine batch")
            .chain_update(store)
            .chain_update(number.to_le_bytes())
            .finalize();
        Self(first_16(&digest))
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum BatchState {
    /// Claimed; on its way.
    Draining = 1,
    /// On its way when the process ended; on its way again.
    Recovered = 2,
    /// The sink has it durably.
    Synced = 3,
    /// Replaced by its two halves.
    Split = 4,
    /// One row that the sink refuses.
    Dead = 5,
    /// Removed before it could leave, by the overflow policy.
    Dropped = 6,
}

/// What happens to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEvent {
    /// The store was opened and found it.
    FoundAtOpen,
    /// The sink has it durably.
    Stored,
    /// Nobody knows, or the sink could not be reached.
    Failed,
    /// The sink refuses it, and will not take it under this id any more.
    Withdrawn {
        /// How many rows it holds.
        rows: u32,
    },
}

impl BatchState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Draining,
        Self::Recovered,
        Self::Synced,
        Self::Split,
        Self::Dead,
        Self::Dropped,
    ];

    /// The next state.
    #[must_use]
    pub fn after(self, event: BatchEvent) -> Self {
        match (self, event) {
            (Self::Draining, BatchEvent::FoundAtOpen) => Self::Recovered,
            (Self::Draining | Self::Recovered, BatchEvent::Stored) => Self::Synced,
            (Self::Draining | Self::Recovered, BatchEvent::Withdrawn { rows: 0 | 1 }) => Self::Dead,
            (Self::Draining | Self::Recovered, BatchEvent::Withdrawn { .. }) => Self::Split,
            (Self::Draining | Self::Recovered, BatchEvent::Failed)
            | (Self::Recovered, BatchEvent::FoundAtOpen)
            | (Self::Synced | Self::Split | Self::Dead | Self::Dropped, _) => self,
        }
    }

    /// Whether it still has to leave.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Draining | Self::Recovered)
    }

    /// The state behind a number of the database.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|state| i64::from(*state as u8) == number)
    }

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Recovered => "recovered",
            Self::Synced => "synced",
            Self::Split => "split",
            Self::Dead => "dead",
            Self::Dropped => "dropped",
        }
    }
}

/// A range of row numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRange {
    /// The first row's number.
    pub first: i64,
    /// The last row's number.
    pub last: i64,
}

impl RowRange {
    /// The two halves of a range of two numbers or more.
    #[must_use]
    pub fn halves(self) -> Option<(Self, Self)> {
        if self.last <= self.first {
            return None;
        }
        let middle = self.first + (self.last - self.first) / 2;
        Some((
            Self {
                last: middle,
                ..self
            },
            Self {
                first: middle + 1,
                ..self
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event() -> impl Strategy<Value = BatchEvent> {
        prop_oneof![
            Just(BatchEvent::FoundAtOpen),
            Just(BatchEvent::Stored),
            Just(BatchEvent::Failed),
            (0..5_u32).prop_map(|rows| BatchEvent::Withdrawn { rows }),
        ]
    }

    proptest! {
        #[test]
        fn a_settled_batch_never_leaves_its_state(events in prop::collection::vec(event(), 0..40)) {
            let mut state = BatchState::Draining;
            let mut settled = None;
            for event in events {
                state = state.after(event);
                if let Some(settled) = settled {
                    prop_assert_eq!(state, settled);
                }
                if !state.is_under_way() {
                    settled = Some(state);
                }
            }
        }

        #[test]
        fn halves_cover_the_range_and_do_not_overlap(first in 0..1000_i64, length in 1..1000_i64) {
            let range = RowRange { first, last: first + length };
            let (left, right) = range.halves().unwrap();
            prop_assert_eq!(left.first, range.first);
            prop_assert_eq!(right.last, range.last);
            prop_assert_eq!(left.last + 1, right.first);
            prop_assert!(left.first <= left.last && right.first <= right.last);
        }
    }

    #[test]
    fn ids_of_one_store_differ_and_are_made_the_same_again() {
        let ids: std::collections::BTreeSet<_> =
            (0..10_000).map(|n| BatchId::new(&[7; 16], n)).collect();
        assert_eq!(ids.len(), 10_000);
        assert_eq!(BatchId::new(&[7; 16], 3), BatchId::new(&[7; 16], 3));
        assert_ne!(BatchId::new(&[8; 16], 3), BatchId::new(&[7; 16], 3));
    }
}
