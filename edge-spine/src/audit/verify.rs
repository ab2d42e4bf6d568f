//! Whether an audit log is whole.

use serde::Serialize;

use super::{Checkpoint, Entry, GENESIS, chain};
use crate::row::hex;

/// An entry beside the hash that the log keeps for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    /// What the log says.
    pub entry: Entry,
    /// The hash that it keeps.
    pub hash: [u8; 32],
}

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Every entry follows from the one before, and no checkpoint says otherwise.
    Intact {
        /// Entries.
        entries: i64,
        /// The last hash, hex.
        head: String,
        /// Entries that the newest checkpoint vouches for.
        vouched: i64,
    },
    /// An entry was altered, removed from the middle or put in.
    Diverged {
        /// The first entry that does not follow.
        at: i64,
    },
    /// The log is sound but shorter than it was.
    Truncated {
        /// Entries that are there.
        entries: i64,
        /// Entries that there were.
        expected: i64,
    },
    /// A checkpoint that the expected key did not sign.
    Forged {
        /// Its size.
        size: i64,
    },
}

impl Verdict {
    /// Whether nothing is to be objected to.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        matches!(self, Self::Intact { .. })
    }
}

/// A walk along one piece of the chain.
#[derive(Debug)]
pub struct Walk {
    number: i64,
    hash: [u8; 32],
    bytes: Vec<u8>,
}

impl Walk {
    /// From the beginning.
    #[must_use]
    pub fn from_genesis() -> Self {
        Self::after(0, GENESIS)
    }

    /// From behind entry `number`, whose hash another walk checks.
    #[must_use]
    pub fn after(number: i64, hash: [u8; 32]) -> Self {
        Self {
            number,
            hash,
            bytes: Vec::with_capacity(256),
        }
    }

    /// Where the walk stands: the last number and its hash.
    #[must_use]
    pub fn end(&self) -> (i64, [u8; 32]) {
        (self.number, self.hash)
    }

    /// One entry further.
    ///
    /// # Errors
    /// The number that should follow, when this entry does not.
    pub fn step(&mut self, link: &ChainLink) -> Result<(), i64> {
        let expected = self.number + 1;
        self.bytes.clear();
        link.entry.canonical(&mut self.bytes);
        let hash = chain(&self.hash, &self.bytes);
        if link.entry.number != expected || link.hash != hash {
            return Err(expected);
        }
        self.number = expected;
        self.hash = hash;
        Ok(())
    }
}

/// The verdict over a chain that was walked.
///
/// `walked` is the number of entries and the last hash, or the entry that does not follow; `hash_at` gives
/// the hash of an entry; `public_key` is whose signature a checkpoint must bear.
pub fn judge(
    walked: Result<(i64, [u8; 32]), i64>,
    checkpoints: &[Checkpoint],
    public_key: &str,
    mut hash_at: impl FnMut(i64) -> Option<[u8; 32]>,
) -> Verdict {
    let (entries, head) = match walked {
        Ok(walked) => walked,
        Err(at) => return Verdict::Diverged { at },
    };
    let mut vouched = 0;
    let mut longest = entries;
    for checkpoint in checkpoints {
        if !checkpoint.is_signed_by(public_key) {
            return Verdict::Forged {
                size: checkpoint.size,
            };
        }
        longest = longest.max(checkpoint.size);
        let own = match checkpoint.size {
            0 => Some(GENESIS),
            size => hash_at(size),
        };
        match own {
            Some(own) if hex(&own) != checkpoint.head => {
                return Verdict::Diverged {
                    at: checkpoint.size,
                };
            }
            Some(_) => vouched = vouched.max(checkpoint.size),
            None => {}
        }
    }
    if longest > entries {
        return Verdict::Truncated {
            entries,
            expected: longest,
        };
    }
    Verdict::Intact {
        entries,
        head: hex(&head),
        vouched,
    }
}
