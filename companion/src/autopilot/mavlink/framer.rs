//! The framer for a live link: bytes in as they arrive, frames out.

use super::frame::Frame;
use super::refusal::Refusal;
use super::scan::{Cursor, Step};
use super::statistics::LinkStatistics;

/// Bytes that wait inside a [`Framer`] at most. No frame is longer than 280 bytes.
pub const FRAMER_CAPACITY: usize = 4096;

/// What a link delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<'a> {
    /// A frame with a correct checksum.
    Frame(Frame<'a>),
    /// Something that must not be used; already counted.
    Refused(Refusal),
}

/// Cuts a byte stream into frames. Holds at most [`FRAMER_CAPACITY`] bytes.
///
/// Push bytes, then call [`Framer::receive`] until it returns `None`.
#[derive(Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    cursor: Cursor,
    statistics: LinkStatistics,
}

impl Default for Framer {
    fn default() -> Self {
        Self {
            buffer: Vec::with_capacity(FRAMER_CAPACITY),
            cursor: Cursor::new(0),
            statistics: LinkStatistics::default(),
        }
    }
}

impl Framer {
    /// Takes as many bytes as there is room for and says how many. There is always room once
    /// [`Framer::receive`] has returned `None`.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let used = self.cursor.position();
        self.buffer.drain(..used);
        self.cursor.discarded(used);
        let count = bytes.len().min(FRAMER_CAPACITY - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        count
    }

    /// The next frame or refusal; `None` when more bytes are needed.
    pub fn receive(&mut self) -> Option<Received<'_>> {
        loop {
            match self.cursor.step(&self.buffer, false) {
                Step::Frame { frame, skipped, .. } => {
                    self.statistics.frame(&frame, skipped);
                    return Some(Received::Frame(frame));
                }
                Step::Refused { refusal, frame, .. } => {
                    self.statistics.refused(refusal, frame.as_ref());
                    return Some(Received::Refused(refusal));
                }
                Step::Skipped(bytes) => self.statistics.skipped(bytes),
                // A link never says that its last byte has come.
                Step::NeedMore | Step::Cut { .. } | Step::End => return None,
            }
        }
    }

    /// What came so far.
    #[must_use]
    pub fn statistics(&self) -> &LinkStatistics {
        &self.statistics
    }

    /// Counts a frame whose message could not be read.
    pub fn refuse_message(&mut self, refusal: Refusal) {
        self.statistics.refused(refusal, None);
    }
}
