//! Keeping the disk in bounds: the write-ahead log, delivered rows, and the reserve that a full disk
//! leaves for removing them.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use super::{Moment, Store, StoreError};

/// Most batches whose rows one commit removes.
const PRUNE_STEP: i64 = 20;
/// Pages given back to the file system after one commit.
const VACUUM_PAGES: i64 = 2_000;

impl Store {
    /// Copies the write-ahead log into the database without making anyone wait, unless it has outgrown
    /// its bound: then writers wait until it is empty.
    ///
    /// # Errors
    /// When SQLite cannot copy.
    pub fn checkpoint_log(&self) -> Result<(), StoreError> {
        let log = PathBuf::from(format!("{}-wal", self.path.display()));
        let length = std::fs::metadata(log).map_or(0, |own| own.len());
        let mode = if length > self.wal_limit_bytes {
            "TRUNCATE"
        } else {
            "PASSIVE"
        };
        self.read(|connection| {
            connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
        })
    }

    /// Removes delivered rows beyond the newest `retain`, and history beyond `history` batches. Returns
    /// whether there is more to remove.
    ///
    /// # Errors
    /// When the database cannot be changed.
    pub fn prune(&mut self, retain: i64, history: i64) -> Result<bool, StoreError> {
        let (more, removed) =
            self.transaction(|connection, tally| {
                let mut excess = tally.delivered - tally.pruned - retain;
                let mut removed = 0;
                let oldest: Vec<(i64, i64, i64, i64, i64)> = connection
                .prepare_cached(
                    "SELECT n, first, last, rows, bytes FROM batches WHERE state = 3 AND kept = 1
                     ORDER BY n LIMIT ?1",
                )?
                .query_map([PRUNE_STEP], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })?
                .collect::<rusqlite::Result<_>>()?;
                let full_step = oldest.len() as i64 == PRUNE_STEP;
                for (number, first, last, rows, bytes) in oldest {
                    if excess < rows {
                        excess = 0;
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
                    .prepare_cached(
                        "DELETE FROM batches WHERE n <= ?1 AND kept = 0 AND state NOT IN (1, 2)",
                    )?
                    .execute([tally.last_batch - history])?;
                Ok((full_step && excess > 0, removed))
            })?;
        if removed > 0 {
            self.read(|connection| {
                let mut statement = connection
                    .prepare_cached(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
                let mut rows = statement.query([])?;
                while rows.next()?.is_some() {}
                Ok(())
            })?;
        }
        Ok(more)
    }

    /// Does `work`; where the disk is full, once more with the reserve given back, so that what was
    /// delivered can always be written down and removed.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn with_reserve<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match work(self) {
            Err(error) if error.is_full() => {
                self.release_reserve();
                work(self)
            }
            done => done,
        }
    }

    fn reserve_path(&self) -> PathBuf {
        reserve_path(&self.directory)
    }

    /// Gives the reserve back to the file system.
    pub fn release_reserve(&self) {
        // When it is gone already there is nothing to give.
        let _ = std::fs::remove_file(self.reserve_path());
    }

    /// Sets the reserve aside again, when there is room for twice as much.
    pub fn keep_reserve(&self) {
        let path = self.reserve_path();
        let is_there = std::fs::metadata(&path).is_ok_and(|own| own.len() == self.reserve_bytes);
        if is_there || self.reserve_bytes == 0 || self.free_bytes() < 2 * self.reserve_bytes {
            return;
        }
        let made = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path);
        let Ok(file) = made else { return };
        let kept = rustix::fs::fallocate(
            &file,
            rustix::fs::FallocateFlags::empty(),
            0,
            self.reserve_bytes,
        );
        if kept.is_err() {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Free bytes of the store's file system; none when nobody knows.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        rustix::fs::statvfs(&self.directory).map_or(0, |own| own.f_bavail * own.f_frsize)
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

/// The file that keeps disk space for removal.
pub(super) fn reserve_path(directory: &Path) -> PathBuf {
    directory.join("reserve.bin")
}
