//! One record in its frame: length, magic, version, type, sequence, time, body, checksum.
//!
//! ```text
//! length u32 | "GFDR" | version u8 | flags u8 | type u16 | sequence u64 | monotonic_ms u64 | body | crc32 u32
//! ```
//!
//! `length` counts the bytes behind itself. The checksum covers everything in front of it and starts
//! from the segment's seed (from 0 in the segment header, which tells the seed).

use serde::Serialize;

use crate::identity::Digest;
use crate::record::{DecodeError, EncodeError, Record, RecordType};
use crate::segment::chain_of;

/// What every frame carries behind its length, so that a reader can find the next one after damage.
pub const MAGIC: [u8; 4] = *b"GFDR";
/// Version of framing and bodies.
pub const FORMAT_VERSION: u8 = 1;
/// Bytes in front of a body.
pub const FRAME_HEADER: usize = 28;
/// Bytes that a frame adds to a body.
pub const FRAME_OVERHEAD: usize = FRAME_HEADER + 4;
/// Greatest value of the length field.
pub const MAX_LENGTH: usize = 1 << 20;
/// Most bytes that a body may have.
pub const MAX_BODY: usize = MAX_LENGTH + 4 - FRAME_OVERHEAD;

/// Where the fields of a frame start.
const AT_MAGIC: usize = 4;
const AT_VERSION: usize = 8;
const AT_FLAGS: usize = 9;
const AT_TYPE: usize = 10;
const AT_SEQUENCE: usize = 12;
const AT_MONOTONIC: usize = 20;

/// One record as it stands in a segment: checked, not yet decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// Byte of the segment at which its frame starts.
    pub offset: u64,
    /// What it is.
    pub record_type: RecordType,
    /// No flag has a meaning in this version.
    pub flags: u8,
    /// Number of the record in the flight, from 0, without gaps.
    pub sequence: u64,
    /// When it was recorded.
    pub monotonic_ms: u64,
    /// Its content.
    pub body: &'a [u8],
}

/// What a frame says of itself in front of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// What the record is.
    pub record_type: RecordType,
    /// Its number in the flight.
    pub sequence: u64,
    /// When it was recorded.
    pub monotonic_ms: u64,
    /// Bytes of the whole frame.
    pub length: usize,
}

impl FrameHead {
    /// The bytes in front of the body. The limit on records keeps the length far below 4 GiB.
    #[inline]
    pub(crate) fn bytes(&self, flags: u8) -> [u8; FRAME_HEADER] {
        let mut bytes = [0; FRAME_HEADER];
        let length = (self.length - AT_MAGIC) as u32;
        bytes[..AT_MAGIC].copy_from_slice(&length.to_le_bytes());
        bytes[AT_MAGIC..AT_VERSION].copy_from_slice(&MAGIC);
        bytes[AT_VERSION] = FORMAT_VERSION;
        bytes[AT_FLAGS] = flags;
        bytes[AT_TYPE..AT_SEQUENCE].copy_from_slice(&self.record_type.0.to_le_bytes());
        bytes[AT_SEQUENCE..AT_MONOTONIC].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[AT_MONOTONIC..FRAME_HEADER].copy_from_slice(&self.monotonic_ms.to_le_bytes());
        bytes
    }
}

impl<'a> RawRecord<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// When the body of a known type cannot be read.
    pub fn decode(&self) -> Result<Record<'a>, DecodeError> {
        Record::decode(self.record_type, self.body)
    }

    /// The hash that its `chain` must be, if it is a segment footer.
    pub(crate) fn chain(&self) -> Digest {
        chain_of(&self.head().bytes(self.flags), self.body)
    }

    /// What its frame says in front of the body.
    #[must_use]
    #[inline]
    pub fn head(&self) -> FrameHead {
        FrameHead {
            record_type: self.record_type,
            sequence: self.sequence,
            monotonic_ms: self.monotonic_ms,
            length: self.frame_length(),
        }
    }

    /// Bytes of the whole frame.
    #[must_use]
    pub fn frame_length(&self) -> usize {
        self.body.len() + FRAME_OVERHEAD
    }
}

/// Why there is no valid record at some byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum FrameProblem {
    /// The bytes end inside the record.
    #[error("the record needs {needed} bytes, {left} are left")]
    Truncated {
        /// Bytes that the record needs.
        needed: u64,
        /// Bytes that are left.
        left: u64,
    },
    /// Length and magic are zeros: room that was reserved and not written.
    #[error("nothing was written there, the bytes are zeros")]
    Unwritten,
    /// The magic bytes are not there.
    #[error("the magic bytes GFDR are missing")]
    NoMagic,
    /// The length is impossible.
    #[error("the record claims a length of {length} bytes (allowed 28 to 1048576)")]
    Length {
        /// The value of the length field.
        length: u32,
    },
    /// The checksum does not fit flight, segment and content.
    #[error("the checksum fails")]
    Checksum,
    /// The record was written in another version of the format.
    #[error("the record has format version {version}, this reader knows 1")]
    Version {
        /// The version found.
        version: u8,
    },
    /// The record is whole but its number was seen before.
    #[error("the record has number {found}, at least {expected} was due")]
    SequenceReversed {
        /// The least number that may follow.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// 2^64 - 1 is no number, so that one can always follow.
    #[error("the record has number 2^64 - 1, which is none")]
    SequenceReserved,
    /// Too many false starts of records were tried in one segment.
    #[error("the search for the next record was given up after checking 1 GiB of false starts")]
    SearchGivenUp,
}

/// Frames one record at the start of `buffer` and says how many bytes it took.
///
/// For records whose number is known; [`crate::SegmentEncoder`] gives numbers in their order.
///
/// # Errors
/// When the body cannot be encoded or does not fit into the buffer or the record limit.
pub fn encode_frame(
    record: &Record<'_>,
    sequence: u64,
    monotonic_ms: u64,
    seed: u32,
    buffer: &mut [u8],
) -> Result<usize, EncodeError> {
    let full = || EncodeError {
        record_type: record.record_type(),
        problem: crate::layout::PutError::BufferFull,
    };
    let limit = buffer.len().min(MAX_LENGTH + AT_MAGIC);
    let body_end = limit
        .checked_sub(4)
        .filter(|&end| end >= FRAME_HEADER)
        .ok_or_else(full)?;
    let body_length = record.encode_body(&mut buffer[FRAME_HEADER..body_end])?;

    let frame_length = body_length + FRAME_OVERHEAD;
    let head = FrameHead {
        record_type: record.record_type(),
        sequence,
        monotonic_ms,
        length: frame_length,
    };
    buffer[..FRAME_HEADER].copy_from_slice(&head.bytes(0));
    seal_frame(&mut buffer[..frame_length], seed);
    Ok(frame_length)
}

/// Puts the checksum of a whole frame where it belongs.
pub(crate) fn seal_frame(frame: &mut [u8], seed: u32) {
    let (content, crc) = frame.split_at_mut(frame.len() - 4);
    crc.copy_from_slice(&checksum(seed, content).to_le_bytes());
}

/// Reads the frame at byte `offset` of a segment.
#[inline]
pub(crate) fn parse_frame(
    segment: &[u8],
    offset: usize,
    seed: u32,
) -> Result<RawRecord<'_>, FrameProblem> {
    let rest = segment.get(offset..).unwrap_or_default();
    let frame = frame_bytes(rest)?;
    let Some((header, after)) = frame.split_first_chunk::<FRAME_HEADER>() else {
        return Err(truncated(FRAME_OVERHEAD, frame.len()));
    };
    let Some((body, crc)) = after.split_last_chunk::<4>() else {
        return Err(truncated(FRAME_OVERHEAD, frame.len()));
    };
    if checksum(seed, &frame[..frame.len() - 4]) != u32::from_le_bytes(*crc) {
        return Err(FrameProblem::Checksum);
    }
    let version = header[AT_VERSION];
    if version != FORMAT_VERSION {
        return Err(FrameProblem::Version { version });
    }
    Ok(RawRecord {
        offset: offset as u64,
        record_type: RecordType(u16::from_le_bytes([header[AT_TYPE], header[AT_TYPE + 1]])),
        flags: header[AT_FLAGS],
        sequence: u64_at(header, AT_SEQUENCE),
        monotonic_ms: u64_at(header, AT_MONOTONIC),
        body,
    })
}

/// The bytes that the frame at the start of `rest` claims, when magic and length are plausible.
#[inline]
pub(crate) fn frame_bytes(rest: &[u8]) -> Result<&[u8], FrameProblem> {
    let Some(start) = rest.first_chunk::<AT_VERSION>() else {
        return Err(truncated(FRAME_OVERHEAD, rest.len()));
    };
    let [l0, l1, l2, l3, magic @ ..] = *start;
    if magic != MAGIC {
        return Err(match start {
            [0, 0, 0, 0, 0, 0, 0, 0] => FrameProblem::Unwritten,
            _ => FrameProblem::NoMagic,
        });
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let frame_length = length as usize + AT_MAGIC;
    if !(FRAME_OVERHEAD..=MAX_LENGTH + AT_MAGIC).contains(&frame_length) {
        return Err(FrameProblem::Length { length });
    }
    rest.get(..frame_length)
        .ok_or(truncated(frame_length, rest.len()))
}

/// What the frames in a row say of themselves, up to the first that is not whole by magic and length.
/// Checksums are not looked at: this is for a writer's own buffers.
pub fn frame_heads(bytes: &[u8]) -> impl Iterator<Item = FrameHead> {
    frames(bytes).map(|(head, _)| head)
}

/// As [`frame_heads`], with the bytes of each frame.
pub(crate) fn frames(bytes: &[u8]) -> impl Iterator<Item = (FrameHead, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let frame = frame_bytes(rest).ok()?;
        rest = &rest[frame.len()..];
        let header = frame.first_chunk::<FRAME_HEADER>()?;
        let head = FrameHead {
            record_type: RecordType(u16::from_le_bytes([header[AT_TYPE], header[AT_TYPE + 1]])),
            sequence: u64_at(header, AT_SEQUENCE),
            monotonic_ms: u64_at(header, AT_MONOTONIC),
            length: frame.len(),
        };
        Some((head, frame))
    })
}

/// CRC-32 (IEEE) of the seed's bytes followed by `bytes`.
#[inline]
fn checksum(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

fn truncated(needed: usize, left: usize) -> FrameProblem {
    FrameProblem::Truncated {
        needed: needed as u64,
        left: left as u64,
    }
}

#[inline]
fn u64_at(header: &[u8; FRAME_HEADER], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&header[at..at + 8]);
    u64::from_le_bytes(bytes)
}
