//! `receipt.json`: the operator's signature under what was retrieved, file by file.
//!
//! Written when every byte of the copy was read back and matched, before anything at the source changes. The
//! message that is signed is `GFDR retrieval receipt 1` and the receipt as compact JSON.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::flight::read_limited;
use crate::identity::{Digest, FlightId, PublicKey, Signature, Stream};
use crate::seal::{SecretKey, is_signed};

/// Name of the receipt inside a flight's folder: in the copy, and then at the source.
pub const RECEIPT_FILE: &str = "receipt.json";
/// Largest receipt that is read: some 100,000 files.
const RECEIPT_MAX: u64 = 32 << 20;
const CONTEXT: &[u8] = b"GFDR retrieval receipt 1";

/// One file of the flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptFile {
    /// Path inside the flight's folder.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// BLAKE3 of its bytes.
    pub blake3: Digest,
}

/// One stream of the flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptStream {
    /// Which.
    pub stream: Stream,
    /// Valid records.
    pub records: u64,
    /// Sequence numbers that are missing.
    pub missing_records: u64,
    /// Number behind the last record.
    pub next_sequence: u64,
    /// `chain` of the last footer.
    pub last_chain: Option<Digest>,
}

/// What was retrieved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The flight.
    pub flight_id: FlightId,
    /// Exit code of `verify` for the copy.
    pub exit_code: u8,
    /// Whether the recorder was closed in order.
    pub clean_shutdown: bool,
    /// Valid records of both streams.
    pub records: u64,
    /// Sequence numbers that are missing.
    pub missing_records: u64,
    /// Bytes that are no valid record.
    pub damaged_bytes: u64,
    /// Segments that `drops.log` says were dropped in flight.
    pub dropped_segments: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The streams.
    pub streams: Vec<ReceiptStream>,
    /// The files, in the order of their paths.
    pub files: Vec<ReceiptFile>,
    /// Version of the program that retrieved it.
    pub software_version: String,
    /// When, Unix time.
    pub retrieved_unix_ns: u64,
    /// The operator's key.
    pub operator_key: PublicKey,
}

/// A receipt with the operator's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReceipt {
    /// What was retrieved.
    pub receipt: Receipt,
    /// The operator key's signature.
    pub signature: Signature,
}

impl SignedReceipt {
    /// Signs with the operator's key, whose public half the receipt gets.
    #[must_use]
    pub fn new(mut receipt: Receipt, operator: &SecretKey) -> Self {
        receipt.operator_key = operator.public();
        let signature = operator.sign(&message(&receipt));
        Self { receipt, signature }
    }

    /// Whether the key in it signed it; whose key that is, is another question.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        is_signed(
            &message(&self.receipt),
            self.receipt.operator_key,
            self.signature,
        )
    }

    /// Reads the receipt in a flight's folder; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read; of kind `InvalidData` when it is no receipt.
    pub fn read(flight: &Path) -> io::Result<Option<Self>> {
        let Some(text) = read_limited(&flight.join(RECEIPT_FILE), RECEIPT_MAX)? else {
            return Ok(None);
        };
        Ok(Some(serde_json::from_slice(&text)?))
    }
}

fn message(receipt: &Receipt) -> Vec<u8> {
    let mut message = CONTEXT.to_vec();
    // Numbers, texts and lists always have a JSON text.
    message.extend(serde_json::to_vec(receipt).unwrap_or_default());
    message
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            flight_id: FlightId([7; 16]),
            exit_code: 0,
            clean_shutdown: true,
            records: 3,
            missing_records: 0,
            damaged_bytes: 0,
            dropped_segments: 0,
            bytes: 9,
            streams: vec![ReceiptStream {
                stream: Stream::Bulk,
                records: 3,
                missing_records: 0,
                next_sequence: 3,
                last_chain: None,
            }],
            files: vec![ReceiptFile {
                path: "segments/seg_00000.bin".to_owned(),
                bytes: 9,
                blake3: Digest([1; 32]),
            }],
            software_version: "0".to_owned(),
            retrieved_unix_ns: u64::MAX,
            operator_key: PublicKey([0; 32]),
        }
    }

    #[test]
    fn a_receipt_holds_over_a_file_and_no_changed_byte_of_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let signed = SignedReceipt::new(receipt(), &SecretKey::from_bytes(&[9; 32]));
        let text = serde_json::to_string_pretty(&signed).unwrap();
        std::fs::write(folder.path().join(RECEIPT_FILE), &text).unwrap();
        let read = SignedReceipt::read(folder.path()).unwrap().unwrap();
        assert_eq!(read, signed);
        assert!(read.is_signed());
        for (index, byte) in text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| byte.is_ascii_digit())
        {
            let mut altered = text.clone().into_bytes();
            altered[index] = if byte == b'9' { b'8' } else { byte + 1 };
            let still = serde_json::from_slice::<SignedReceipt>(&altered);
            assert!(!still.is_ok_and(|still| still.is_signed()), "byte {index}");
        }
    }

    #[test]
    fn no_receipt_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(SignedReceipt::read(folder.path()).unwrap(), None);
    }
}
