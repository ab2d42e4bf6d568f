//! What waits for a link's writer: the newest position alone, everything else in order and bounded.
//!
//! | what comes | what waits | effect |
//! |---|---|---|
//! | a position | an older one | takes its place; the older one is counted |
//! | a position | none | goes first |
//! | another frame | fewer than the limit | goes last |
//! | another frame | as many as the limit | the oldest of them is lost and counted |

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::frame::{FrameClass, OutgoingFrame};

/// Most frames that wait beside the position.
const FRAMES_MAX: usize = 64;

/// Frames that were not sent since they were last asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxLosses {
    /// Positions that a newer one took the place of.
    pub positions: u64,
    /// Other frames.
    pub frames: u64,
}

#[derive(Debug)]
struct Tray {
    position: Option<OutgoingFrame>,
    frames: VecDeque<OutgoingFrame>,
    losses: OutboxLosses,
    closed: bool,
}

/// A link's outbox.
#[derive(Debug)]
pub struct Outbox {
    tray: Mutex<Tray>,
    filled: Condvar,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            tray: Mutex::new(Tray {
                position: None,
                frames: VecDeque::with_capacity(FRAMES_MAX),
                losses: OutboxLosses::default(),
                closed: false,
            }),
            filled: Condvar::new(),
        }
    }
}

impl Outbox {
    fn tray(&self) -> MutexGuard<'_, Tray> {
        // Every method leaves the tray in order, so that a panic elsewhere does not matter.
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a frame to the writer.
    pub fn put(&self, frame: OutgoingFrame) {
        let mut tray = self.tray();
        match frame.class() {
            FrameClass::Position => {
                if tray.position.replace(frame).is_some() {
                    tray.losses.positions += 1;
                }
            }
            FrameClass::Ordinary | FrameClass::InstallsKey => {
                if tray.frames.len() == FRAMES_MAX {
                    tray.frames.pop_front();
                    tray.losses.frames += 1;
                }
                tray.frames.push_back(frame);
            }
        }
        drop(tray);
        self.filled.notify_one();
    }

    /// The next frame; waits for one at most so long.
    pub fn take(&self, at_most: Duration) -> Option<OutgoingFrame> {
        let mut tray = self.tray();
        if tray.position.is_none() && tray.frames.is_empty() && !tray.closed {
            let waited = self.filled.wait_timeout(tray, at_most);
            tray = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        tray.position.take().or_else(|| tray.frames.pop_front())
    }

    /// Forgets what waits: it would be stale on a link that comes back.
    pub fn clear(&self) {
        let mut tray = self.tray();
        tray.losses.frames += tray.frames.len() as u64;
        tray.losses.positions += u64::from(tray.position.take().is_some());
        tray.frames.clear();
    }

    /// What was lost since the last call.
    pub fn take_losses(&self) -> OutboxLosses {
        std::mem::take(&mut self.tray().losses)
    }

    /// No more frames come; what waits is still handed out.
    pub fn close(&self) {
        self.tray().closed = true;
        self.filled.notify_all();
    }

    /// Whether nothing waits and nothing will come.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let tray = self.tray();
        tray.closed && tray.position.is_none() && tray.frames.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(byte: u8, class: FrameClass) -> OutgoingFrame {
        OutgoingFrame::of(&[byte], class).unwrap()
    }

    #[test]
    fn the_newest_position_goes_first_and_the_rest_in_order() {
        let outbox = Outbox::default();
        for byte in [1, 2] {
            outbox.put(frame(byte, FrameClass::Ordinary));
            outbox.put(frame(byte + 10, FrameClass::Position));
        }
        outbox.close();
        let order: Vec<_> = std::iter::from_fn(|| outbox.take(Duration::ZERO))
            .map(|frame| frame.bytes()[0])
            .collect();
        assert_eq!(order, [12, 1, 2]);
        let lost = OutboxLosses {
            positions: 1,
            frames: 0,
        };
        assert_eq!(outbox.take_losses(), lost);
        assert!(outbox.is_finished());
    }

    #[test]
    fn a_link_that_takes_nothing_loses_the_oldest_frames_and_counts_them() {
        let outbox = Outbox::default();
        for byte in 0..FRAMES_MAX as u8 + 2 {
            outbox.put(frame(byte, FrameClass::Ordinary));
        }
        assert_eq!(outbox.take(Duration::ZERO).unwrap().bytes(), [2]);
        assert_eq!(outbox.take_losses().frames, 2);
    }
}
