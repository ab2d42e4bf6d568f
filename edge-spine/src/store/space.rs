//! Space on the disk: what the intake leaves free, and the reserve by which a full disk is drained.
//!
//! SQLite's log and its database both need space, and each waits for the other: rows that are only in the log
//! leave it by being copied into the database, which grows by them, and to claim, settle or remove anything the
//! log has to grow. A disk that a long log has filled is stuck for ever. Therefore
//!
//! - the log is copied when it is half as long as the reserve, and where a reader keeps it longer the reserve
//!   grows with it: given back it always holds what the log has for the database, and the next commits;
//! - the intake takes nothing while the reserve is not whole;
//! - removal goes in steps, each of which lets the next one write over its log, and keeps some free pages in the
//!   database: what was given back to the disk somebody else may have taken.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use super::{Store, StoreError};

/// Size of a page of the database.
pub(super) const PAGE_BYTES: u64 = 4_096;
/// Batches that one step removes, and pages that it gives back: at most some 2 MB of log.
const STEP_BATCHES: i64 = 1;
const STEP_PAGES: i64 = 128;
/// Free pages that stay in the database, for what a claim adds to it: 2 MB.
const KEPT_PAGES: i64 = 512;
/// Most steps at once, so that batches leave in between.
const MOST_STEPS: usize = 64;

impl Store {
    /// Whether `bytes` more may be taken, leaving `min_free_bytes` and the reserve. No group asks for more than
    /// what [`Store::make_room`] makes, or it would be refused for ever.
    #[must_use]
    pub fn has_room(&self, bytes: u64) -> bool {
        let most = self.min_free_bytes;
        self.keep_reserve() && self.free_bytes() >= most.saturating_add(bytes.min(most))
    }

    /// Whether nothing has to be removed before its time: there is room for any group.
    #[must_use]
    pub fn is_roomy(&self) -> bool {
        self.has_room(self.min_free_bytes)
    }

    /// Removes delivered rows and gives their space back, until there is room for any group or nothing is left
    /// to remove; a full disk does not keep it from that.
    ///
    /// # Errors
    /// When the database cannot be changed.
    pub fn make_room(&mut self, history: i64) -> Result<(), StoreError> {
        for _ in 0..MOST_STEPS {
            let tally = self.tally()?;
            if tally.delivered == tally.pruned && self.spare_pages()? == 0 {
                break;
            }
            self.with_reserve(|store| {
                store.remove(0, history, STEP_BATCHES)?;
                store.give_back(STEP_PAGES)
            })?;
            self.with_reserve(|store| store.restart_log())?;
            if self.is_roomy() {
                break;
            }
        }
        Ok(())
    }

    /// Gives at most `most` free pages of the database back to the file system.
    pub(super) fn give_back(&self, most: i64) -> Result<(), StoreError> {
        let pages = self.spare_pages()?.min(most);
        if pages == 0 {
            return Ok(());
        }
        self.read(|connection| {
            let mut statement =
                connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        })
    }

    /// Free pages of the database beyond those that stay.
    fn spare_pages(&self) -> Result<i64, StoreError> {
        let free: i64 = self.read(|connection| {
            connection
                .prepare_cached("PRAGMA freelist_count")?
                .query_row([], |row| row.get(0))
        })?;
        Ok((free - KEPT_PAGES).max(0))
    }

    /// Does `work`; where the disk is full, once more with the reserve given back and the log copied, so that
    /// what was delivered can always be written down and removed.
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
                // Where this fails the work says so.
                let _ = self.restart_log();
                let done = work(self)?;
                // While there is space: the database must not have to grow when there is none again.
                let _ = self.restart_log();
                Ok(done)
            }
            done => done,
        }
    }

    /// Gives the reserve back to the file system.
    fn release_reserve(&self) {
        // When it is gone already there is nothing to give.
        let _ = std::fs::remove_file(reserve_path(&self.directory));
    }

    /// Sets the reserve aside again, as long as the log asks for, when what the intake leaves free stays free.
    /// Returns whether it is whole.
    pub(super) fn keep_reserve(&self) -> bool {
        let path = reserve_path(&self.directory);
        let own = std::fs::metadata(&path).map_or(0, |own| own.len());
        let wanted = self.reserve_wanted();
        if own == wanted {
            return true;
        }
        let missing = wanted.saturating_sub(own);
        if missing > 0 && self.free_bytes() < missing.saturating_add(self.min_free_bytes) {
            return false;
        }
        let made = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let Ok(file) = made else { return false };
        if missing == 0 {
            // One that is too long harms nobody.
            let _ = file.set_len(wanted);
            return true;
        }
        let flags = rustix::fs::FallocateFlags::empty();
        let kept = rustix::fs::fallocate(&file, flags, 0, wanted).is_ok();
        if !kept {
            self.release_reserve();
        }
        kept
    }

    /// The reserve of the settings, and as many times more as it takes for the log beyond its half.
    fn reserve_wanted(&self) -> u64 {
        let vouched = log_pages(self.reserve_bytes).saturating_mul(PAGE_BYTES);
        let beyond = self.log_bytes().saturating_sub(vouched);
        let times = beyond.checked_div(self.reserve_bytes).unwrap_or(0);
        let more = u64::from(beyond > 0);
        self.reserve_bytes
            .saturating_mul(times.saturating_add(1).saturating_add(more))
    }

    /// Free bytes of the store's file system; none when nobody knows.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        rustix::fs::statvfs(&self.directory).map_or(0, |own| own.f_bavail * own.f_frsize)
    }

    pub(super) fn log_bytes(&self) -> u64 {
        let log = PathBuf::from(format!("{}-wal", self.path.display()));
        std::fs::metadata(log).map_or(0, |own| own.len())
    }
}

/// Pages of log after which it is copied: half the reserve, unless that is more than a log is worth.
pub(super) fn log_pages(reserve_bytes: u64) -> u64 {
    (reserve_bytes / 2 / PAGE_BYTES).clamp(64, 8_000)
}

/// The file that keeps disk space for removal.
pub(super) fn reserve_path(directory: &Path) -> PathBuf {
    directory.join("reserve.bin")
}
