//! Signed size and head of the audit log.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::row::{hex, unhex};

/// What a store knew about its audit log when a batch left; anyone may keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Entries.
    pub size: i64,
    /// The hash after the last of them, hex.
    pub head: String,
    /// The store's public key, hex.
    pub public_key: String,
    /// Ed25519 over the lines `edge-spine audit`, size and head, hex.
    pub signature: String,
}

/// The store's key.
#[derive(Debug, Clone)]
pub struct Signer(SigningKey);

impl Signer {
    /// The key made from 32 secret bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The public half, hex.
    #[must_use]
    pub fn public_key(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    /// A checkpoint of a chain of `size` entries.
    #[must_use]
    pub fn checkpoint(&self, size: i64, head: &[u8; 32]) -> Checkpoint {
        let head = hex(head);
        let signature = self.sign(&message(size, &head));
        Checkpoint {
            size,
            head,
            public_key: self.public_key(),
            signature,
        }
    }

    /// The signature of any text, hex.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        hex(&self.0.sign(text.as_bytes()).to_bytes())
    }
}

impl Checkpoint {
    /// Whether `public_key` (hex) signed it.
    #[must_use]
    pub fn is_signed_by(&self, public_key: &str) -> bool {
        is_signed(&message(self.size, &self.head), &self.signature, public_key)
    }
}

/// Whether the signature of a text is the key's; all hex.
#[must_use]
pub fn is_signed(text: &str, signature: &str, public_key: &str) -> bool {
    let key = unhex::<32>(public_key).and_then(|key| VerifyingKey::from_bytes(&key).ok());
    let signature = unhex::<64>(signature).map(|bytes| Signature::from_bytes(&bytes));
    key.zip(signature)
        .is_some_and(|(key, own)| key.verify_strict(text.as_bytes(), &own).is_ok())
}

fn message(size: i64, head: &str) -> String {
    format!("edge-spine audit\n{size}\n{head}\n")
}
