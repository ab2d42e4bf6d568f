//! What can go wrong with a store.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// What can go wrong with a store; the rows in it are untouched.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file of the store cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite refuses.
    #[error("database {path}: {source}")]
    Database {
        /// Which database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The database is somebody else's.
    #[error(
        "{path} is a database of another program (application id {found:#010x}); set another `directory`"
    )]
    Foreign {
        /// Which database.
        path: PathBuf,
        /// Whose.
        found: i64,
    },
    /// A newer program made the database.
    #[error(
        "{path} has version {found}, and this program knows versions up to {known}; use a newer `spine`"
    )]
    Newer {
        /// Which database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// The key is not the one that the database was made with.
    #[error("{path} is not the key of this store ({why}); put back the file that belongs to it")]
    WrongKey {
        /// Which key file.
        path: PathBuf,
        /// In what way.
        why: String,
    },
    /// Another process has this part of the store.
    #[error(
        "{path} is locked: another `spine` process is at work on this store; wait for it, or end it"
    )]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// Too many damaged databases were put aside.
    #[error("{path} holds {count} damaged databases already; examine and remove them")]
    QuarantineFull {
        /// The quarantine.
        path: PathBuf,
        /// How many it holds.
        count: usize,
    },
}

impl StoreError {
    /// Whether the disk has no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Database { source, .. } => match source.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => true,
                // A write-ahead log whose shared memory cannot grow reports an I/O error.
                Some(ErrorCode::SystemIoFailure) => true,
                _ => false,
            },
            Self::File { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }

    /// Whether the database is damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Database { source, .. } if damaged(source))
    }
}

pub(super) fn damaged(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}
