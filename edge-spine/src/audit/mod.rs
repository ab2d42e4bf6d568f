//! The audit log: what was disclosed about whom, under whose rules; append-only, and provably so.
//!
//! Each entry has one sequence of bytes (below); its hash is SHA-256 of the hash before it and those
//! bytes. After each claim the chain's size and head are signed with the store's key (Ed25519) and leave
//! with the batch, so that nobody can cut the end off unseen: whoever holds a checkpoint can tell.
//!
//! ```text
//! "GDSA" | version u8 = 1 | number i64 | at_ms i64 | batch 16 bytes | policy u8 | rows i64 | digest 32 bytes
//!        | length u32, jurisdiction | length u32, zone                            (little-endian)
//! ```

mod checkpoint;
mod verify;

use sha2::{Digest, Sha256};

pub use checkpoint::{Checkpoint, Signer, is_signed};
pub use verify::{ChainLink, Verdict, Walk, judge};

use crate::batch::BatchId;
use crate::geofence::Policy;

/// The hash before the first entry.
pub const GENESIS: [u8; 32] = [0; 32];

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3, …
    pub number: i64,
    /// Wall clock, milliseconds since 1970.
    pub at_ms: i64,
    /// Which batch.
    pub batch: BatchId,
    /// Whose rules.
    pub jurisdiction: String,
    /// Which zone.
    pub zone: String,
    /// What was said.
    pub policy: Policy,
    /// How many rows of the batch.
    pub rows: i64,
    /// SHA-256 of the batch's lines as they leave.
    pub digest: [u8; 32],
}

impl Entry {
    /// The one sequence of bytes of this entry, appended to `bytes`.
    pub fn canonical(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(b"GDSA\x01");
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.at_ms.to_le_bytes());
        bytes.extend_from_slice(&self.batch.0);
        bytes.push(self.policy as u8);
        bytes.extend_from_slice(&self.rows.to_le_bytes());
        bytes.extend_from_slice(&self.digest);
        for text in [&self.jurisdiction, &self.zone] {
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }

    /// The hash of the chain after this entry.
    #[must_use]
    pub fn chained(&self, before: &[u8; 32]) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(160);
        self.canonical(&mut bytes);
        chain(before, &bytes)
    }
}

/// SHA-256 of the hash before and an entry's bytes.
#[must_use]
pub fn chain(before: &[u8; 32], canonical: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(before)
        .chain_update(canonical)
        .finalize()
        .into()
}
