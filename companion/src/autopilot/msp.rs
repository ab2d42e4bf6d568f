//! MSP version 2 framing over any byte stream.
//!
//! `$` `X`, direction, then flags, command, size, payload and a checksum over them. A frame that
//! fails is refused and counted, and the search for the next begins at the byte after its `$`, so
//! that a damaged length can never swallow a good frame.
//!
//! Source: iNav's MSP V2 definition; CRC-8/DVB-S2 (polynomial 0xD5, initial value 0).

use thiserror::Error;

/// Largest payload that is accepted or sent; iNav drops inbound frames above 192 bytes, its own
/// replies stay below 512.
pub const PAYLOAD_MAX: usize = 512;
/// Bytes around a payload: `$X`, direction, flags, command, size, checksum.
pub const OVERHEAD: usize = 9;
/// Longest frame.
pub const FRAME_MAX: usize = PAYLOAD_MAX + OVERHEAD;

const HEADER: usize = 8;
/// Bytes that wait inside a [`MspFramer`] at most.
const CAPACITY: usize = 4 * FRAME_MAX;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the flight controller, `<`.
    Request,
    /// From the flight controller, `>`.
    Reply,
    /// From the flight controller: the request was not understood, `!`.
    Error,
}

impl Direction {
    fn byte(self) -> u8 {
        match self {
            Self::Request => b'<',
            Self::Reply => b'>',
            Self::Error => b'!',
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'<' => Some(Self::Request),
            b'>' => Some(Self::Reply),
            b'!' => Some(Self::Error),
            _ => None,
        }
    }
}

/// A whole frame with a correct checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MspFrame<'a> {
    /// What it is.
    pub direction: Direction,
    /// Bit 0 of a request: no reply wanted.
    pub flags: u8,
    /// Command number.
    pub command: u16,
    /// Its fields.
    pub payload: &'a [u8],
}

/// Why a frame could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MspEncodeError {
    /// The payload is above [`PAYLOAD_MAX`].
    #[error("MSP payload of {0} bytes (limit {PAYLOAD_MAX})")]
    PayloadTooLong(usize),
    /// The buffer cannot hold the frame.
    #[error("MSP frame needs {needed} bytes, the buffer has {available}")]
    BufferTooShort {
        /// Bytes of the frame.
        needed: usize,
        /// Bytes of the buffer.
        available: usize,
    },
}

impl MspFrame<'_> {
    /// Writes the frame to the start of `out` and returns its length.
    ///
    /// # Errors
    ///
    /// When the payload or the frame is too long; nothing is written then.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, MspEncodeError> {
        let size = self.payload.len();
        let size_field = u16::try_from(size)
            .ok()
            .filter(|_| size <= PAYLOAD_MAX)
            .ok_or(MspEncodeError::PayloadTooLong(size))?;
        let needed = size + OVERHEAD;
        let available = out.len();
        let out = out
            .get_mut(..needed)
            .ok_or(MspEncodeError::BufferTooShort { needed, available })?;
        out[..4].copy_from_slice(&[b'$', b'X', self.direction.byte(), self.flags]);
        out[4..6].copy_from_slice(&self.command.to_le_bytes());
        out[6..8].copy_from_slice(&size_field.to_le_bytes());
        out[HEADER..HEADER + size].copy_from_slice(self.payload);
        out[HEADER + size] = checksum(&out[3..HEADER + size]);
        Ok(needed)
    }
}

/// CRC-8/DVB-S2.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| {
            if crc & 0x80 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0xD5
            }
        })
    })
}

/// What an MSP link delivered and what it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MspStatistics {
    /// Frames with a correct checksum.
    pub frames: u64,
    /// Frames whose checksum does not match.
    pub bad_crc: u64,
    /// Frames that announce more than [`PAYLOAD_MAX`] bytes.
    pub too_long: u64,
    /// Bytes that belong to no accepted frame.
    pub skipped_bytes: u64,
}

/// Why bytes at a `$` are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    NotAFrame,
    BadCrc,
    TooLong,
}

/// Cuts a byte stream into MSP version 2 frames. Holds a bounded number of bytes.
///
/// Push bytes, then call [`MspFramer::receive`] until it returns `None`.
#[derive(Debug)]
pub struct MspFramer {
    buffer: Vec<u8>,
    position: usize,
    statistics: MspStatistics,
}

impl Default for MspFramer {
    fn default() -> Self {
        Self {
            buffer: Vec::with_capacity(CAPACITY),
            position: 0,
            statistics: MspStatistics::default(),
        }
    }
}

impl MspFramer {
    /// Takes as many bytes as there is room for and says how many. There is always room once
    /// [`MspFramer::receive`] has returned `None`.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        self.buffer.drain(..self.position);
        self.position = 0;
        let count = bytes.len().min(CAPACITY - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        count
    }

    /// The next frame; `None` when more bytes are needed.
    pub fn receive(&mut self) -> Option<MspFrame<'_>> {
        loop {
            let rest = self.buffer.get(self.position..).unwrap_or_default();
            match judge(rest) {
                Ok(None) => return None,
                Ok(Some(length)) => {
                    self.statistics.frames += 1;
                    let begin = self.position;
                    self.position += length;
                    return read(&self.buffer[begin..begin + length]);
                }
                Err(failure) => {
                    match failure {
                        Failure::NotAFrame => {}
                        Failure::BadCrc => self.statistics.bad_crc += 1,
                        Failure::TooLong => self.statistics.too_long += 1,
                    }
                    self.statistics.skipped_bytes += 1;
                    self.position += 1;
                }
            }
        }
    }

    /// What came so far.
    #[must_use]
    pub fn statistics(&self) -> MspStatistics {
        self.statistics
    }
}

/// The length of the frame at the start of `bytes`; `None` when more bytes are needed to tell.
fn judge(bytes: &[u8]) -> Result<Option<usize>, Failure> {
    let start_fits = bytes.first().is_none_or(|byte| *byte == b'$')
        && bytes.get(1).is_none_or(|byte| *byte == b'X')
        && bytes
            .get(2)
            .is_none_or(|byte| Direction::from_byte(*byte).is_some());
    if !start_fits {
        return Err(Failure::NotAFrame);
    }
    let Some(header) = bytes.get(..HEADER) else {
        return Ok(None);
    };
    let size = usize::from(u16::from_le_bytes([header[6], header[7]]));
    if size > PAYLOAD_MAX {
        return Err(Failure::TooLong);
    }
    let Some(frame) = bytes.get(..size + OVERHEAD) else {
        return Ok(None);
    };
    if checksum(&frame[3..HEADER + size]) != frame[HEADER + size] {
        return Err(Failure::BadCrc);
    }
    Ok(Some(size + OVERHEAD))
}

fn read(frame: &[u8]) -> Option<MspFrame<'_>> {
    Some(MspFrame {
        direction: Direction::from_byte(*frame.get(2)?)?,
        flags: *frame.get(3)?,
        command: u16::from_le_bytes([*frame.get(4)?, *frame.get(5)?]),
        payload: frame.get(HEADER..frame.len() - 1)?,
    })
}
