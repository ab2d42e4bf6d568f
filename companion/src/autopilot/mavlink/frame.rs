//! One MAVLink frame as it lies in a buffer.

use mavlink::dialects::ardupilotmega::MavMessage;
use mavlink::error::ParserError;
use mavlink::{MavlinkVersion, Message, calculate_crc};

use super::refusal::Refusal;

const MAGIC_V1: u8 = 0xFE;
const MAGIC_V2: u8 = 0xFD;
const HEADER_V1: usize = 6;
const HEADER_V2: usize = 10;
const CHECKSUM: usize = 2;
const SIGNATURE: usize = 13;
const FLAG_SIGNED: u8 = 0x01;

/// Version of the framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// MAVLink 1: no extension fields, message ids up to 255.
    V1,
    /// MAVLink 2.
    V2,
}

/// Who sent a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// System id; one per vehicle, radio or ground station.
    pub system: u8,
    /// Component id; 1 is the autopilot.
    pub component: u8,
}

/// A whole frame with a correct checksum, borrowed from the buffer it arrived in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    version: Version,
    bytes: &'a [u8],
}

/// What lies at a place where a frame may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Candidate<'a> {
    /// No start byte.
    NotAFrame,
    /// A start byte, but the announced frame is longer than the bytes at hand.
    Incomplete,
    /// A whole frame that must not be used.
    Refused(Refusal, Frame<'a>),
    /// A whole frame with a correct checksum.
    Valid(Frame<'a>),
}

pub(super) fn is_magic(byte: u8) -> bool {
    byte == MAGIC_V1 || byte == MAGIC_V2
}

/// Judges the frame that would begin at the first byte of `bytes`.
pub(super) fn candidate(bytes: &[u8]) -> Candidate<'_> {
    candidate_with(bytes, |end, seed| calculate_crc(&bytes[1..end], seed))
}

/// The same with the checksum, of the bytes from the second one to an end and of a seed, from elsewhere.
pub(super) fn candidate_with(
    bytes: &[u8],
    checksum_of: impl FnOnce(usize, u8) -> u16,
) -> Candidate<'_> {
    let (version, header, trailer) = match bytes {
        [MAGIC_V1, ..] => (Version::V1, HEADER_V1, CHECKSUM),
        [MAGIC_V2, _, flags, ..] if flags & FLAG_SIGNED != 0 => {
            (Version::V2, HEADER_V2, CHECKSUM + SIGNATURE)
        }
        [MAGIC_V2, ..] => (Version::V2, HEADER_V2, CHECKSUM),
        _ => return Candidate::NotAFrame,
    };
    let payload = usize::from(bytes.get(1).copied().unwrap_or(u8::MAX));
    let Some(bytes) = bytes.get(..header + payload + trailer) else {
        return Candidate::Incomplete;
    };
    let frame = Frame { version, bytes };
    let Some(seed) = checksum_seed(frame.message_id()) else {
        return Candidate::Refused(Refusal::UnknownMessage, frame);
    };
    let checksum = u16::from_le_bytes([bytes[header + payload], bytes[header + payload + 1]]);
    if checksum_of(header + payload, seed) != checksum {
        return Candidate::Refused(Refusal::BadCrc, frame);
    }
    if version == Version::V2 && bytes[2] & !FLAG_SIGNED != 0 {
        return Candidate::Refused(Refusal::UnsupportedFlags, frame);
    }
    Candidate::Valid(frame)
}

/// The checksum seed (`CRC_EXTRA`) of a message; `None` when the dialect does not have it.
fn checksum_seed(message_id: u32) -> Option<u8> {
    match MavMessage::extra_crc(message_id) {
        // The crate answers 0 both for a message whose seed is 0 and for one it does not know.
        0 => match MavMessage::parse(MavlinkVersion::V2, message_id, &[]) {
            Err(ParserError::UnknownMessage { .. }) => None,
            _ => Some(0),
        },
        seed => Some(seed),
    }
}

impl<'a> Frame<'a> {
    /// The frame in `bytes`, which must hold exactly one.
    ///
    /// # Errors
    ///
    /// The reason why it must not be used.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        match candidate(bytes) {
            Candidate::Valid(frame) if frame.bytes.len() == bytes.len() => Ok(frame),
            Candidate::Valid(_) | Candidate::NotAFrame | Candidate::Incomplete => {
                Err(Refusal::NotAFrame)
            }
            Candidate::Refused(refusal, _) => Err(refusal),
        }
    }

    /// Every byte of the frame, start byte, checksum and signature included.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Version of the framing.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Number that the sender gave this frame; counts up by one, modulo 256.
    #[must_use]
    pub fn sequence(&self) -> u8 {
        match self.version {
            Version::V1 => self.bytes[2],
            Version::V2 => self.bytes[4],
        }
    }

    /// Who sent it.
    #[must_use]
    pub fn sender(&self) -> Sender {
        let (system, component) = match self.version {
            Version::V1 => (self.bytes[3], self.bytes[4]),
            Version::V2 => (self.bytes[5], self.bytes[6]),
        };
        Sender { system, component }
    }

    /// Message id.
    #[must_use]
    pub fn message_id(&self) -> u32 {
        match self.version {
            Version::V1 => u32::from(self.bytes[5]),
            Version::V2 => u32::from_le_bytes([self.bytes[7], self.bytes[8], self.bytes[9], 0]),
        }
    }

    /// Whether a signature follows the checksum. It is not verified here.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.version == Version::V2 && self.bytes[2] & FLAG_SIGNED != 0
    }

    /// The message's fields as they were sent; MAVLink 2 senders leave out trailing zeros.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        let header = match self.version {
            Version::V1 => HEADER_V1,
            Version::V2 => HEADER_V2,
        };
        &self.bytes[header..header + usize::from(self.bytes[1])]
    }

    /// The message.
    ///
    /// # Errors
    ///
    /// [`Refusal::InvalidEnum`] or [`Refusal::Unparsable`]; the frames after it are not affected.
    pub fn message(&self) -> Result<MavMessage, Refusal> {
        let version = match self.version {
            Version::V1 => MavlinkVersion::V1,
            Version::V2 => MavlinkVersion::V2,
        };
        MavMessage::parse(version, self.message_id(), self.payload()).map_err(|error| match error {
            ParserError::InvalidEnum { .. } => Refusal::InvalidEnum,
            ParserError::UnknownMessage { .. } => Refusal::UnknownMessage,
            ParserError::InvalidPayloadSize { .. } | ParserError::BytesError(_) => {
                Refusal::Unparsable
            }
        })
    }
}
