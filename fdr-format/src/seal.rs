//! `seal.json`: the flight's own signature under the last hash of each stream.
//!
//! A flight has a key pair of its own. The device, when it has a key, certifies the public half before the
//! first record; after the last footer is on the device, the secret half signs the chains and is destroyed
//! when the recording is retrieved. An intact seal says: recorded by this device in this flight, and not
//! altered or cut since. Ed25519 as in RFC 8032, verified strictly (no weak keys, canonical encodings).
//!
//! | message | bytes |
//! |---|---|
//! | certificate | `GFDR device certificate 1`, flight id (16), flight key (32) |
//! | seal | `GFDR flight seal 1`, flight id (16), flight key (32), 1 and device key (32) and certificate (64) or 97 zeros, number of streams (1), then for each: 0 bulk or 1 essential, last segment's number `u32`, its chain (32) |

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::frame::FORMAT_VERSION;
use crate::identity::{Digest, FlightId, PublicKey, Signature, Stream};

/// Name of the seal inside a flight's folder.
pub const SEAL_FILE: &str = "seal.json";
/// Name of the flight's secret key inside its folder, while it is needed: 32 bytes, mode 0600.
pub const SEAL_KEY_FILE: &str = "seal.key";
/// Largest seal that is read.
pub(crate) const SEAL_MAX: u64 = 64 << 10;

const SEAL_CONTEXT: &[u8] = b"GFDR flight seal 1";
const CERTIFICATE_CONTEXT: &[u8] = b"GFDR device certificate 1";
/// Keeps keys of replays apart from whatever else may once be derived from a device's secret.
const REPLAY_KEY_CONTEXT: &str = "GFDR 2026-11-21 flight key of a replay 1";

/// A device's word that a key is that of a flight which it records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceCertificate {
    /// The device's key.
    pub key: PublicKey,
    /// Its signature.
    pub certificate: Signature,
}

impl DeviceCertificate {
    /// Whether the device really says so.
    #[must_use]
    pub fn certifies(&self, flight_id: FlightId, flight_key: PublicKey) -> bool {
        let message = certificate_message(flight_id, flight_key);
        is_signed(&message, self.key, self.certificate)
    }
}

/// The secret half of a key pair: of a flight or of a device. Wiped from memory when dropped.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key that these bytes are; 32 bytes from the system's source of randomness make a new one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// As a device's key: certifies the key of a flight.
    #[must_use]
    pub fn certify(&self, flight_id: FlightId, flight_key: PublicKey) -> DeviceCertificate {
        DeviceCertificate {
            key: self.public(),
            certificate: self.sign(&certificate_message(flight_id, flight_key)),
        }
    }

    /// As a device's key: the key of a flight that is replayed. It follows from the device's secret and the
    /// flight's id alone, so that equal replays leave equal bytes; a flight in the air has a random one.
    /// Whoever lacks the device's secret learns nothing of it (BLAKE3's `derive_key`).
    #[must_use]
    pub fn derive_flight_key(&self, flight_id: FlightId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(REPLAY_KEY_CONTEXT);
        hasher.update(self.0.as_bytes());
        hasher.update(&flight_id.0);
        let mut bytes: [u8; 32] = hasher.finalize().into();
        let key = Self::from_bytes(&bytes);
        bytes.fill(0);
        key
    }

    /// The 32 bytes of it: for the file in which it is kept, and for nothing else.
    #[must_use]
    pub fn secret_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Signs what is no recording: `context` keeps its signatures apart from every other use of the key.
    #[must_use]
    pub fn sign_apart(&self, context: &[u8], message: &[u8]) -> Signature {
        self.sign(&[context, b"\0", message].concat())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey of {}", self.public())
    }
}

impl PublicKey {
    /// Whether `signature` is its holder's, by [`SecretKey::sign_apart`].
    #[must_use]
    pub fn has_signed_apart(self, context: &[u8], message: &[u8], signature: Signature) -> bool {
        is_signed(&[context, b"\0", message].concat(), self, signature)
    }
}

/// The end of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedStream {
    /// Which.
    pub stream: Stream,
    /// Number of its last segment, from 0.
    pub last_segment: u32,
    /// `chain` of that segment's footer.
    pub chain: Digest,
}

/// The content of `seal.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Always `GFDR`.
    pub format: String,
    /// Version of the format.
    pub format_version: u8,
    /// The flight.
    pub flight_id: FlightId,
    /// The streams that the flight has, each once.
    pub streams: Vec<SealedStream>,
    /// The flight's key.
    pub flight_key: PublicKey,
    /// The device's key, where it has one.
    pub device_key: Option<PublicKey>,
    /// The device's signature over flight and key.
    pub certificate: Option<Signature>,
    /// The flight key's signature over all of this.
    pub signature: Signature,
}

/// Why a seal proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealProblem {
    /// It is no seal of this version.
    #[error("it is not of format GFDR, version {FORMAT_VERSION}")]
    Format,
    /// It belongs to another flight.
    #[error("it is the seal of flight {found}")]
    Flight {
        /// The flight it names.
        found: FlightId,
    },
    /// A stream is missing, or named twice.
    #[error("it must name the bulk stream, and no stream twice")]
    Streams,
    /// Key and certificate of the device belong together.
    #[error("it has a device key or a certificate and not both")]
    HalfCertified,
    /// The device did not certify the flight's key.
    #[error("the certificate is not the device key's over this flight and its key")]
    Certificate,
    /// The signature is not the flight key's.
    #[error("the signature is not the flight key's over what the seal says")]
    Signature,
}

impl Seal {
    /// Seals a flight whose last footers are on the device. `device` is what its headers carry.
    #[must_use]
    pub fn new(
        flight_id: FlightId,
        streams: Vec<SealedStream>,
        flight_key: &SecretKey,
        device: Option<DeviceCertificate>,
    ) -> Self {
        let mut seal = Self {
            format: "GFDR".to_owned(),
            format_version: FORMAT_VERSION,
            flight_id,
            streams,
            flight_key: flight_key.public(),
            device_key: device.map(|device| device.key),
            certificate: device.map(|device| device.certificate),
            signature: Signature([0; 64]),
        };
        seal.signature = flight_key.sign(&seal.message());
        seal
    }

    /// Whether it is a valid seal of that flight.
    ///
    /// # Errors
    /// When it is not; the first reason.
    pub fn check(&self, flight_id: FlightId) -> Result<(), SealProblem> {
        if self.format != "GFDR" || self.format_version != FORMAT_VERSION {
            return Err(SealProblem::Format);
        }
        if self.flight_id != flight_id {
            let found = self.flight_id;
            return Err(SealProblem::Flight { found });
        }
        let named = |stream| self.streams.iter().filter(|s| s.stream == stream).count();
        if named(Stream::Bulk) != 1 || named(Stream::Essential) > 1 {
            return Err(SealProblem::Streams);
        }
        match self.device_key.zip(self.certificate) {
            Some((key, certificate)) => {
                let device = DeviceCertificate { key, certificate };
                if !device.certifies(flight_id, self.flight_key) {
                    return Err(SealProblem::Certificate);
                }
            }
            None if self.device_key.is_some() || self.certificate.is_some() => {
                return Err(SealProblem::HalfCertified);
            }
            None => {}
        }
        if !is_signed(&self.message(), self.flight_key, self.signature) {
            return Err(SealProblem::Signature);
        }
        Ok(())
    }

    /// What it says of a stream.
    #[must_use]
    pub fn stream(&self, stream: Stream) -> Option<&SealedStream> {
        self.streams.iter().find(|sealed| sealed.stream == stream)
    }

    fn message(&self) -> Vec<u8> {
        let mut message = SEAL_CONTEXT.to_vec();
        message.extend(self.flight_id.0);
        message.extend(self.flight_key.0);
        match self.device_key.zip(self.certificate) {
            Some((key, certificate)) => {
                message.push(1);
                message.extend(key.0);
                message.extend(certificate.0);
            }
            None => message.extend([0; 97]),
        }
        // `check` refuses more streams than there are before it looks at the message.
        message.push(self.streams.len() as u8);
        for sealed in &self.streams {
            message.push(match sealed.stream {
                Stream::Bulk => 0,
                Stream::Essential => 1,
            });
            message.extend(sealed.last_segment.to_le_bytes());
            message.extend(sealed.chain.0);
        }
        message
    }
}

fn certificate_message(flight_id: FlightId, flight_key: PublicKey) -> Vec<u8> {
    [CERTIFICATE_CONTEXT, &flight_id.0, &flight_key.0].concat()
}

/// Whether the signature is the key's over the message; strictly, as everywhere in the format.
#[must_use]
pub fn is_signed(message: &[u8], key: PublicKey, signature: Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}
