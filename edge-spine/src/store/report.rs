//! Figures of a store, straight from disk.

use serde::Serialize;

use super::rows::under_way;
use super::{Store, StoreError, Tally};

/// Where every row is. The states add up to `inserts` less what was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Waiting for a batch.
    pub pending: i64,
    /// In batches under way.
    pub draining: i64,
    /// Delivered and kept for a while.
    pub synced: i64,
    /// Beside the buffer, until their channel is sound again.
    pub held: i64,
    /// Dead letters.
    pub dead: i64,
    /// The counters.
    pub tally: Tally,
    /// When the oldest undelivered row came in, wall clock, milliseconds.
    pub oldest_ms: Option<i64>,
    /// Whether counting every row gives the same.
    pub adds_up: bool,
}

impl Store {
    /// Where every row is, in one consistent look.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        self.read(|connection| {
            let look = connection.unchecked_transaction()?;
            let tally = Tally::load(&look)?;
            let draining = under_way(&look)?;
            let synced: i64 = look
                .prepare_cached("SELECT coalesce(sum(rows), 0) FROM batches WHERE state = 3 AND kept = 1")?
                .query_row([], |row| row.get(0))?;
            let oldest_ms = look
                .prepare_cached(
                    "SELECT min(at_ms) FROM (
                       SELECT at_ms FROM rows WHERE id = (SELECT min(first) FROM batches WHERE state IN (1, 2))
                       UNION ALL SELECT at_ms FROM rows WHERE id = ?1
                       UNION ALL SELECT at_ms FROM held WHERE id = (SELECT min(id) FROM held))",
                )?
                .query_row([tally.claimed_to + 1], |row| row.get(0))?;
            let pending = tally.pending();
            let removed = tally.pruned + tally.dropped + tally.dead_dropped;
            let sum = pending + draining + synced + tally.held + tally.dead;
            Ok(Counts {
                pending,
                draining,
                synced,
                held: tally.held,
                dead: tally.dead,
                adds_up: sum == tally.inserts - removed,
                oldest_ms,
                tally,
            })
        })
    }

    /// Counts the rows themselves: buffer, held, dead. For a database of millions this takes seconds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn recount(&self) -> Result<(i64, i64, i64), StoreError> {
        self.read(|connection| {
            connection.query_row(
                "SELECT (SELECT count(*) FROM rows), (SELECT count(*) FROM held), (SELECT count(*) FROM dead)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
        })
    }
}
