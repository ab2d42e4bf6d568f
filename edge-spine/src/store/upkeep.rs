//! Keeping the store in bounds: the write-ahead log, and delivered rows.

use rusqlite::Connection;

use super::batches::{Batch, Settlement};
use super::settle::settle_one;
use super::{Moment, Sql, Store, StoreError, Tally};

/// Most batches whose rows one commit removes.
const PRUNE_STEP: i64 = 20;
/// Pages given back to the file system after one commit.
const VACUUM_PAGES: i64 = 2_000;

impl Store {
    /// Copies the write-ahead log into the database without making anyone wait, unless it has outgrown
    /// its bound, or takes space that the disk has not got: then writers wait until it is empty.
    ///
    /// # Errors
    /// When SQLite cannot copy.
    pub fn checkpoint_log(&self) -> Result<(), StoreError> {
        let is_long = self.log_bytes() > self.wal_limit_bytes;
        if is_long || !self.keep_reserve() {
            self.copy_log("TRUNCATE")
        } else {
            self.copy_log("PASSIVE")
        }
    }

    /// Copies all of the log, so that the next commit writes over it from its beginning.
    pub(super) fn restart_log(&self) -> Result<(), StoreError> {
        self.copy_log("RESTART")
    }

    fn copy_log(&self, mode: &str) -> Result<(), StoreError> {
        self.read(|connection| {
            connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
        })
    }

    /// Settles attempts and removes delivered rows beyond the newest `retain`, and history beyond `history`
    /// batches: one durable commit, because each keeps the intake waiting.
    ///
    /// # Errors
    /// As [`Store::settle`].
    pub fn settle_and_prune(
        &mut self,
        settled: &[(Batch, Settlement)],
        max_dead: i64,
        now: Moment,
        retain: i64,
        history: i64,
    ) -> Result<(), StoreError> {
        let store = self.id;
        let removed = self.transaction(|connection, tally| {
            for (batch, settlement) in settled {
                settle_one(connection, tally, &store, batch, settlement, max_dead, now)?;
            }
            remove(connection, tally, retain, history, PRUNE_STEP)
        })?;
        if removed > 0 {
            match self.give_back(VACUUM_PAGES) {
                // The rows are gone, and their pages free: `make_room` gives them back in smaller steps.
                Err(error) if error.is_full() => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Removes the rows of at most `step` batches.
    pub(super) fn remove(
        &mut self,
        retain: i64,
        history: i64,
        step: i64,
    ) -> Result<(), StoreError> {
        self.transaction(|connection, tally| {
            remove(connection, tally, retain, history, step).map(|_| ())
        })
    }

    /// Gives up the oldest waiting rows; what the overflow policy `drop_oldest` does.
    ///
    /// # Errors
    /// When the database cannot be changed.
    pub fn drop_oldest(&mut self, wanted: i64, now: Moment) -> Result<i64, StoreError> {
        let id = self.id;
        self.transaction(|connection, tally| {
            super::settle::drop_oldest(connection, tally, &id, wanted, now.wall_ms)
        })
    }
}

/// Removes the rows of at most `step` batches, in a transaction of the caller's.
pub(super) fn remove(
    connection: &Connection,
    tally: &mut Tally,
    retain: i64,
    history: i64,
    step: i64,
) -> Sql<i64> {
    let mut excess = tally.delivered - tally.pruned - retain;
    let mut removed = 0;
    let oldest: Vec<(i64, i64, i64, i64, i64)> = connection
        .prepare_cached(
            "SELECT n, first, last, rows, bytes FROM batches WHERE state = 3 AND kept = 1
                     ORDER BY n LIMIT ?1",
        )?
        .query_map([step], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (number, first, last, rows, bytes) in oldest {
        if excess < rows {
            break;
        }
        connection
            .prepare_cached("DELETE FROM rows WHERE id BETWEEN ?1 AND ?2")?
            .execute([first, last])?;
        connection
            .prepare_cached("UPDATE batches SET kept = 0 WHERE n = ?1")?
            .execute([number])?;
        tally.pruned += rows;
        tally.bytes -= bytes;
        excess -= rows;
        removed += rows;
    }
    connection
        .prepare_cached("DELETE FROM batches WHERE n <= ?1 AND kept = 0 AND state NOT IN (1, 2)")?
        .execute([tally.last_batch - history])?;
    Ok(removed)
}
