//! iNav's MSP parser, its weaknesses included.
//!
//! | state | byte | next |
//! |---|---|---|
//! | idle | `$` | start |
//! | idle | other | idle: nobody takes it |
//! | start | `X` | direction |
//! | start | other, `$` too | idle |
//! | direction | `<` | header |
//! | direction | other | idle |
//! | header | five bytes, size at most 192 | payload |
//! | header | five bytes, a larger size | idle |
//! | payload | as many as announced, however long they take | checksum |
//! | checksum | right | idle, with a command |
//! | checksum | wrong | idle |

/// Longest payload that iNav takes.
const PAYLOAD_MAX: usize = 192;

/// What a byte led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is part of what may become a frame.
    Taken,
    /// Nobody takes it.
    Stray,
    /// A whole request.
    Command {
        /// Bit 0: no answer wanted.
        flags: u8,
        /// Its number.
        command: u16,
        /// Its fields.
        payload: Vec<u8>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Start,
    Direction,
    Header,
    Payload(usize),
    Checksum,
}

/// The parser of one port.
#[derive(Debug, Clone)]
pub struct Parser {
    state: State,
    /// Flags, command, size and payload.
    bytes: Vec<u8>,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            state: State::Idle,
            bytes: Vec::with_capacity(5 + PAYLOAD_MAX),
        }
    }
}

impl Parser {
    /// Takes one byte.
    pub fn take(&mut self, byte: u8) -> Step {
        let (next, step) = match self.state {
            State::Idle if byte == b'$' => (State::Start, Step::Taken),
            State::Idle => (State::Idle, Step::Stray),
            State::Start if byte == b'X' => (State::Direction, Step::Taken),
            State::Direction if byte == b'<' => {
                self.bytes.clear();
                (State::Header, Step::Taken)
            }
            State::Start | State::Direction => (State::Idle, Step::Taken),
            State::Header => {
                self.bytes.push(byte);
                (self.behind_header(), Step::Taken)
            }
            State::Payload(missing) => {
                self.bytes.push(byte);
                let next = match missing - 1 {
                    0 => State::Checksum,
                    missing => State::Payload(missing),
                };
                (next, Step::Taken)
            }
            State::Checksum if byte == checksum(&self.bytes) => (State::Idle, self.command()),
            State::Checksum => (State::Idle, Step::Taken),
        };
        self.state = next;
        step
    }

    fn behind_header(&self) -> State {
        if self.bytes.len() < 5 {
            return State::Header;
        }
        match usize::from(u16::from_le_bytes([self.bytes[3], self.bytes[4]])) {
            0 => State::Checksum,
            size if size <= PAYLOAD_MAX => State::Payload(size),
            _ => State::Idle,
        }
    }

    fn command(&self) -> Step {
        Step::Command {
            flags: self.bytes[0],
            command: u16::from_le_bytes([self.bytes[1], self.bytes[2]]),
            payload: self.bytes[5..].to_vec(),
        }
    }
}

/// CRC-8/DVB-S2, bit by bit.
#[must_use]
pub(super) fn checksum(bytes: &[u8]) -> u8 {
    let mut crc = 0_u8;
    for byte in bytes {
        crc ^= byte;
        for _ in 0..8 {
            let carry = crc & 0x80 != 0;
            crc <<= 1;
            if carry {
                crc ^= 0xD5;
            }
        }
    }
    crc
}

/// An answer (`>`) or a refusal (`!`).
pub(super) fn answer(direction: u8, command: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![b'$', b'X', direction, 0];
    frame.extend(command.to_le_bytes());
    frame.extend((payload.len() as u16).to_le_bytes());
    frame.extend(payload);
    frame.push(checksum(&frame[3..]));
    frame
}
