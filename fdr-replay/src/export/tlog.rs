//! tlog: each MAVLink frame behind its time, big-endian microseconds since 1970. Frames are as they crossed the
//! link, signatures included.

use std::io::Write;

use fdr_format::{RawRecord, Record, RecordType};

use super::Format;
use super::clock::Clock;
use crate::output::{CHECK_ROOM, NewFile, told};

/// What it holds: what came from the flight controller, and what went there.
pub const TYPES: &[RecordType] = &[RecordType::RECEIVED_MAVLINK_RAW, RecordType::SENT_FC_BYTES];

/// A tlog being written.
pub struct Tlog {
    file: NewFile,
}

impl Tlog {
    /// Begins it.
    pub fn new(file: NewFile) -> Self {
        Self { file }
    }
}

impl Format for Tlog {
    fn take(&mut self, record: &RawRecord<'_>, clock: Clock) -> anyhow::Result<bool> {
        let (time_ns, bytes) = match record.decode() {
            Ok(Record::ReceivedMavlinkRaw(own)) => (own.time_ns, own.bytes.0),
            Ok(Record::SentFcBytes(own)) => (own.time_ns, own.bytes.0),
            _ => return Ok(false),
        };
        let micros = (clock.unix_ns(time_ns) / 1_000).to_be_bytes();
        let mut any = false;
        for frame in frames(bytes) {
            let written = self
                .file
                .write_all(&micros)
                .and_then(|()| self.file.write_all(frame));
            told(written, "tlog", CHECK_ROOM)?;
            any = true;
        }
        Ok(any)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<NewFile> {
        Ok(self.file)
    }
}

/// The whole MAVLink frames at the start of the bytes; another protocol has none.
fn frames(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = match bytes {
            [0xFE, payload, ..] => usize::from(*payload) + 8,
            [0xFD, payload, incompatible, ..] => {
                let signature = if incompatible & 1 == 0 { 0 } else { 13 };
                usize::from(*payload) + 12 + signature
            }
            _ => return None,
        };
        let (frame, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        Some(frame)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_by_their_lengths_and_another_protocol_has_none() {
        let v1 = [&[0xFE, 2, 0, 1, 1, 0, 9, 9][..], &[7, 7]].concat();
        let mut v2 = vec![0xFD, 3, 1, 0, 0, 1, 1, 0, 0, 0, 1, 2, 3, 5, 5];
        v2.extend([6; 13]);
        let both = [v1.clone(), v2.clone()].concat();
        assert_eq!(frames(&both).collect::<Vec<_>>(), [&v1[..], &v2[..]]);
        assert_eq!(frames(b"$X<\0").count(), 0);
        assert_eq!(frames(&v2[..20]).count(), 0);
    }
}
