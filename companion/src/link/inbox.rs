//! What waits for the navigator: bounded, the oldest bytes are lost first, and every loss is counted.
//!
//! | what comes | room | effect |
//! |---|---|---|
//! | bytes of a link | there is | appended |
//! | bytes of a link | none | the oldest bytes of any link are lost and counted, these are appended |
//! | a notice or an input | there is | appended |
//! | a notice or an input | none | this one is lost and counted |
//!
//! The lock is held for the time of one copy, never across I/O.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::navigator::{Input, MonotonicNs};

/// Most bytes in one chunk.
pub const CHUNK_BYTES: usize = 512;
/// Links that are told apart.
pub const LINKS: usize = 2;
/// Most chunks that wait: five seconds of a serial link at 921,600 baud.
const CHUNKS_MAX: usize = 1024;
/// Most notices and inputs that wait.
const NOTES_MAX: usize = 256;

/// Bytes as they arrived.
#[derive(Debug, Clone, Copy)]
pub struct Chunk {
    /// Number of the link.
    pub link: u8,
    /// When the last of them arrived.
    pub time: MonotonicNs,
    bytes: [u8; CHUNK_BYTES],
    length: u16,
}

impl Chunk {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// What a link tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It is open.
    Opened {
        /// Number of the link.
        link: u8,
        /// When.
        time: MonotonicNs,
    },
    /// It cannot be opened, or ended.
    Failed {
        /// Number of the link.
        link: u8,
        /// When.
        time: MonotonicNs,
        /// What is wrong, and what to do.
        text: String,
    },
    /// Its writer could not send what it had.
    Unsent {
        /// Number of the link.
        link: u8,
        /// When.
        time: MonotonicNs,
        /// Frames lost since the last notice.
        frames: u64,
    },
}

/// What is taken out.
#[derive(Debug)]
pub enum Taken {
    /// Bytes of a link.
    Bytes(Box<Chunk>),
    /// What a link tells of itself.
    Notice(Notice),
    /// Something that another thread measured.
    Input(Input),
}

/// What was lost since it was last asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxLosses {
    /// Bytes, by link.
    pub bytes: [u64; LINKS],
    /// Notices and inputs.
    pub notes: u64,
}

impl InboxLosses {
    /// Whether nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Debug)]
enum Note {
    Notice(Notice),
    Input(Input),
}

#[expect(clippy::vec_box, reason = "a chunk changes hands without being copied")]
#[derive(Debug)]
struct Tray {
    /// Chunks are re-used, so that nothing is allocated in flight.
    chunks: VecDeque<Box<Chunk>>,
    spare: Vec<Box<Chunk>>,
    notes: VecDeque<Note>,
    losses: InboxLosses,
    closed: bool,
}

/// The navigator's inbox.
#[derive(Debug)]
pub struct Inbox {
    tray: Mutex<Tray>,
    filled: Condvar,
}

impl Default for Inbox {
    fn default() -> Self {
        let empty = Chunk {
            link: 0,
            time: MonotonicNs(0),
            bytes: [0; CHUNK_BYTES],
            length: 0,
        };
        Self {
            tray: Mutex::new(Tray {
                chunks: VecDeque::with_capacity(CHUNKS_MAX),
                spare: (0..CHUNKS_MAX).map(|_| Box::new(empty)).collect(),
                notes: VecDeque::with_capacity(NOTES_MAX),
                losses: InboxLosses::default(),
                closed: false,
            }),
            filled: Condvar::new(),
        }
    }
}

impl Inbox {
    fn tray(&self) -> MutexGuard<'_, Tray> {
        // Every method leaves the tray in order, so that a panic elsewhere does not matter.
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of a link, cut into chunks as needed.
    pub fn bytes(&self, link: u8, time: MonotonicNs, bytes: &[u8]) {
        let mut tray = self.tray();
        for piece in bytes.chunks(CHUNK_BYTES) {
            let chunk = tray.spare.pop().or_else(|| {
                let oldest = tray.chunks.pop_front()?;
                let lost = tray.losses.bytes.get_mut(usize::from(oldest.link));
                if let Some(lost) = lost {
                    *lost += u64::from(oldest.length);
                }
                Some(oldest)
            });
            let Some(mut chunk) = chunk else { break };
            chunk.link = link;
            chunk.time = time;
            chunk.length = piece.len() as u16;
            chunk.bytes[..piece.len()].copy_from_slice(piece);
            tray.chunks.push_back(chunk);
        }
        drop(tray);
        self.filled.notify_one();
    }

    /// What a link tells of itself.
    pub fn notice(&self, notice: Notice) {
        self.note(Note::Notice(notice));
    }

    /// Something that another thread measured.
    pub fn input(&self, input: Input) {
        self.note(Note::Input(input));
    }

    fn note(&self, note: Note) {
        let mut tray = self.tray();
        if tray.notes.len() < NOTES_MAX {
            tray.notes.push_back(note);
        } else {
            tray.losses.notes += 1;
        }
        drop(tray);
        self.filled.notify_one();
    }

    /// The oldest thing that waits, notices and inputs first; waits for one at most so long.
    pub fn take(&self, at_most: Duration) -> Option<Taken> {
        let mut tray = self.tray();
        if tray.chunks.is_empty() && tray.notes.is_empty() && !tray.closed {
            let waited = self.filled.wait_timeout(tray, at_most);
            tray = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match tray.notes.pop_front() {
            Some(Note::Notice(notice)) => return Some(Taken::Notice(notice)),
            Some(Note::Input(input)) => return Some(Taken::Input(input)),
            None => {}
        }
        tray.chunks.pop_front().map(Taken::Bytes)
    }

    /// Gives a chunk back that was worked off.
    pub fn give_back(&self, chunk: Box<Chunk>) {
        self.tray().spare.push(chunk);
    }

    /// What was lost since the last call.
    pub fn take_losses(&self) -> InboxLosses {
        std::mem::take(&mut self.tray().losses)
    }

    /// Wakes whoever waits, now and from now on.
    pub fn close(&self) {
        self.tray().closed = true;
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_navigator_that_stalls_loses_the_oldest_bytes_and_learns_how_many() {
        let inbox = Inbox::default();
        for index in 0..CHUNKS_MAX as u64 + 3 {
            inbox.bytes(0, MonotonicNs(index), &[7; 100]);
        }
        let Some(Taken::Bytes(first)) = inbox.take(Duration::ZERO) else {
            panic!("bytes wait");
        };
        assert_eq!(first.time, MonotonicNs(3));
        assert_eq!(inbox.take_losses().bytes, [300, 0]);
        assert!(inbox.take_losses().is_empty());
    }

    #[test]
    fn long_reads_come_out_whole_and_in_order() {
        let inbox = Inbox::default();
        let sent: Vec<u8> = (0..1500_u32).map(|index| index as u8).collect();
        inbox.bytes(1, MonotonicNs(5), &sent);
        let mut received = Vec::new();
        while let Some(Taken::Bytes(chunk)) = inbox.take(Duration::ZERO) {
            received.extend_from_slice(chunk.bytes());
            inbox.give_back(chunk);
        }
        assert_eq!(received, sent);
    }

    #[test]
    fn inputs_that_nobody_takes_are_lost_and_counted() {
        let inbox = Inbox::default();
        let tick = Input::Tick(crate::navigator::Tick {
            time: MonotonicNs(1),
        });
        for _ in 0..NOTES_MAX + 5 {
            inbox.input(tick);
        }
        assert_eq!(inbox.take_losses().notes, 5);
    }
}
