//! Who a recording belongs to: flight, boot and segment, and the CRC seed that follows from them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One flight. Shown as lower-case hyphenated UUID text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlightId(pub [u8; 16]);

/// One boot of the machine that recorded, as Linux gives it in `/proc/sys/kernel/random/boot_id`;
/// monotonic times of different boots cannot be compared. Shown as UUID text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub [u8; 16]);

/// A 256-bit content hash. Shown as hex.
#[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// An Ed25519 public key. Shown as hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// An Ed25519 signature. Shown as hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 64]);

/// One of the two rows of segments that a flight is recorded in, each with its own sequence from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Everything. The oldest segments go first when room is short.
    Bulk,
    /// Positions, labels, events and a thinned attitude, kept for at least 25 hours.
    Essential,
}

/// Bit of a segment's number that says it is of the essential stream.
const ESSENTIAL: u32 = 1 << 31;

impl Stream {
    /// Both, in the order in which they are read.
    pub const ALL: [Self; 2] = [Self::Bulk, Self::Essential];

    /// The number that stands in headers, footers and events for the segment `number`, from 0, of the
    /// stream. No number of one stream is one of the other, and so is no checksum.
    #[must_use]
    pub fn segment(self, number: u32) -> u32 {
        match self {
            Self::Bulk => number & !ESSENTIAL,
            Self::Essential => number | ESSENTIAL,
        }
    }

    /// The stream of the segment that `segment` stands for, and its number there.
    #[must_use]
    pub fn of(segment: u32) -> (Self, u32) {
        match segment & ESSENTIAL {
            0 => (Self::Bulk, segment),
            _ => (Self::Essential, segment & !ESSENTIAL),
        }
    }

    /// Name of the folder of its segments inside a flight's folder.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Bulk => "segments",
            Self::Essential => "essential",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bulk => "bulk",
            Self::Essential => "essential",
        })
    }
}

/// One segment of one flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentIdentity {
    /// The flight.
    pub flight_id: FlightId,
    /// What stands for the segment in its header: see [`Stream::segment`].
    pub segment: u32,
}

impl SegmentIdentity {
    /// What the CRC of each record of the segment starts from: a record of another flight or
    /// segment, left over in a recycled file or nested in a body, then never validates.
    #[must_use]
    pub fn crc_seed(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.flight_id.0);
        hasher.update(&self.segment.to_le_bytes());
        hasher.finalize()
    }
}

/// The text is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an identifier; write 32 hex digits as 8-4-4-4-12")]
pub struct ParseIdError {
    text: String,
}

macro_rules! uuid_text {
    ($($name:ident),*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (index, byte) in self.0.iter().enumerate() {
                    if HYPHEN_BEFORE.contains(&index) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_uuid(text).map(Self).ok_or_else(|| ParseIdError {
                    text: text.chars().take(64).collect(),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    )* };
}

uuid_text!(FlightId, BootId);

/// The text is not the hex of so many bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {} hex digits", 2 * bytes)]
pub struct ParseHexError {
    text: String,
    bytes: usize,
}

macro_rules! hex_text {
    ($($name:ident, $length:literal);*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseHexError;

            fn from_str(text: &str) -> Result<Self, ParseHexError> {
                parse_hex(text).map(Self).ok_or_else(|| ParseHexError {
                    text: text.chars().take(160).collect(),
                    bytes: $length,
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    )* };
}

hex_text!(Digest, 32; PublicKey, 32; Signature, 64);

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let mut rest = text.as_bytes();
    for byte in &mut bytes {
        let (digits, after) = rest.split_first_chunk::<2>()?;
        *byte = hex_digit(digits[0])? << 4 | hex_digit(digits[1])?;
        rest = after;
    }
    rest.is_empty().then_some(bytes)
}

/// Bytes of a UUID in front of which its text has a hyphen.
const HYPHEN_BEFORE: [usize; 4] = [4, 6, 8, 10];

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut rest = text.as_bytes();
    for (index, byte) in bytes.iter_mut().enumerate() {
        if HYPHEN_BEFORE.contains(&index) {
            rest = rest.strip_prefix(b"-")?;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        *byte = hex_digit(digits[0])? << 4 | hex_digit(digits[1])?;
        rest = after;
    }
    rest.is_empty().then_some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Lower-case hex text of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for &byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
