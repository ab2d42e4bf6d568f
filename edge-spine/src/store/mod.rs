//! The store: one SQLite database in write-ahead mode with full durability, and the files beside it.
//!
//! ```text
//! directory/spine.db        rows, held rows, dead letters, batches, audit log
//!           store.key       secret of the audit checkpoints (Ed25519 seed, hex, mode 0600)
//!           reserve.bin     disk space that only removal may use
//!           quarantine/     damaged databases that were put aside
//!           *.lock          one process per role
//! ```
//!
//! Every method that returns after a change returns after it is durable. Processes may share a store:
//! each has a connection of its own, and writers wait for each other.

mod audit;
mod batches;
mod dead;
mod error;
mod names;
mod open;
mod outgoing;
mod report;
pub(crate) mod rows;
mod schema;
mod settle;
mod space;
mod tally;
#[cfg(feature = "otel")]
mod traces;
mod upkeep;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use audit::{AuditQuery, AuditSummary};
pub use batches::{Batch, BatchRecord, Settlement};
pub use dead::{DeadFilter, DeadLetter, Reprocessed};
pub use error::StoreError;
pub use names::NameCache;
pub use open::{Role, RoleLock};
pub use outgoing::{Outgoing, OutgoingRow};
pub use report::Counts;
pub use rows::{KnownRow, NewRow, SourceRecord};
pub use tally::Tally;
#[cfg(feature = "otel")]
pub use traces::{TraceCursor, TracedBatch, TracedDeadLetter, Traces};

use crate::audit::Signer;
use crate::config::Config;

/// What time it is: on a clock that never jumps, and on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds of a monotonic clock.
    pub monotonic_ms: u64,
    /// Milliseconds since 1970, for people; it may jump.
    pub wall_ms: i64,
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    directory: PathBuf,
    id: [u8; 16],
    signer: Signer,
    reserve_bytes: u64,
    min_free_bytes: u64,
    wal_limit_bytes: u64,
}

type Sql<T> = rusqlite::Result<T>;

impl Store {
    /// Opens the store of `config`, makes it when it is not there, and puts a damaged one aside.
    ///
    /// # Errors
    /// When the files cannot be used, or are not ours to use.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        match open::open(config) {
            // A full disk must not keep the one out that could empty it.
            Err(error) if error.is_full() => {
                let _ = std::fs::remove_file(space::reserve_path(&config.directory));
                open::open(config)
            }
            done => done,
        }
    }

    /// The store's own random id.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The public half of the store's key, hex.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.signer.public_key()
    }

    /// The store's signature of a text, hex.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        self.signer.sign(text)
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// One durable transaction.
    ///
    /// # Errors
    /// When it could not be made durable; then nothing of it happened.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, &mut Tally) -> Sql<T>,
    ) -> Result<T, StoreError> {
        let path = &self.path;
        let wrap = |source| StoreError::Database {
            path: path.clone(),
            source,
        };
        let result = (|| {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = Tally::load(&transaction)?;
            let mut tally = before.clone();
            let value = work(&transaction, &mut tally)?;
            if tally != before {
                tally.save(&transaction)?;
            }
            transaction.commit()?;
            Ok(value)
        })();
        result.map_err(wrap)
    }

    /// Reads without changing anything.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Sql<T>) -> Result<T, StoreError> {
        work(&self.connection).map_err(|source| StoreError::Database {
            path: self.path.clone(),
            source,
        })
    }

    /// The counters.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn tally(&self) -> Result<Tally, StoreError> {
        self.read(Tally::load)
    }
}
