//! Where frames come from: a folder of photographs, a camera, a simulator.
//!
//! A source hands over one frame after the other with the middle of its exposure on the companion's clock. Behind
//! it stands a [`Mailbox`] with room for one: the newest frame wins, and those that were skipped are counted.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::image::Gray;
use super::photos::PhotoFolder;
use super::tracker::FrameStamp;
use crate::navigator::MonotonicNs;

/// What a frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameContent {
    /// The image.
    Image(Gray),
    /// It was taken and cannot be used, and why.
    Unusable(String),
}

/// One frame of the camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraFrame {
    /// Number and exposure.
    pub stamp: FrameStamp,
    /// What it shows.
    pub content: FrameContent,
}

/// Something that takes frames.
pub trait FrameSource: Send {
    /// The next frame, waited for at most so long; absent when none came. A frame that cannot be used is one.
    ///
    /// # Errors
    /// When no further frame will come; the text says why.
    fn next_frame(&mut self, patience: Duration) -> Result<Option<CameraFrame>, SourceEnded>;
}

/// No further frame will come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no further frame: {0}")]
pub struct SourceEnded(pub String);

/// Photographs in order of time. Their times are those of a log that began at `start_us`.
#[derive(Debug)]
pub struct FolderSource {
    folder: PhotoFolder,
    start_us: u64,
    next: usize,
}

impl FolderSource {
    /// The photos of a folder; those from before `start_us` (unix time, microseconds) are left out.
    #[must_use]
    pub fn new(folder: PhotoFolder, start_us: u64) -> Self {
        let photos = folder.photos();
        let next = photos.partition_point(|photo| photo.time_us < start_us);
        Self {
            folder,
            start_us,
            next,
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &PhotoFolder {
        &self.folder
    }

    /// When the next photo was taken.
    #[must_use]
    pub fn next_exposure(&self) -> Option<MonotonicNs> {
        let photo = self.folder.photos().get(self.next)?;
        let since_us = photo.time_us.saturating_sub(self.start_us);
        Some(MonotonicNs(since_us.saturating_mul(1_000)))
    }

    /// The next photo, read and decoded.
    pub fn take(&mut self) -> Option<CameraFrame> {
        let exposure = self.next_exposure()?;
        let photo = self.folder.photos().get(self.next)?;
        let content = match self.folder.load(photo) {
            Ok(image) => FrameContent::Image(image),
            Err(error) => FrameContent::Unusable(error.to_string()),
        };
        let stamp = FrameStamp {
            number: self.next as u64,
            exposure,
        };
        self.next += 1;
        Some(CameraFrame { stamp, content })
    }
}

impl FrameSource for FolderSource {
    fn next_frame(&mut self, _: Duration) -> Result<Option<CameraFrame>, SourceEnded> {
        match self.take() {
            Some(frame) => Ok(Some(frame)),
            None => Err(SourceEnded("end of the folder".to_owned())),
        }
    }
}

/// Room for one frame between two threads.
#[derive(Debug, Default)]
pub struct Mailbox {
    state: Mutex<Slot>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Slot {
    frame: Option<CameraFrame>,
    skipped: u64,
    closed: bool,
}

impl Mailbox {
    /// Puts a frame there; one that was not taken yet is skipped and counted.
    pub fn put(&self, frame: CameraFrame) {
        let mut slot = self.lock();
        if slot.frame.replace(frame).is_some() {
            slot.skipped += 1;
        }
        self.filled.notify_one();
    }

    /// The newest frame, waited for at most so long; and how many were skipped since the last call.
    pub fn take(&self, patience: Duration) -> (Option<CameraFrame>, u64) {
        let slot = self.lock();
        let waited = self
            .filled
            .wait_timeout_while(slot, patience, |slot| slot.frame.is_none() && !slot.closed);
        let (mut slot, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let skipped = std::mem::take(&mut slot.skipped);
        (slot.frame.take(), skipped)
    }

    /// No further frame will be put there.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Whether no further frame will be put there, and none is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let slot = self.lock();
        slot.closed && slot.frame.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        // Whoever holds it only moves values: nothing can be half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u64) -> CameraFrame {
        CameraFrame {
            stamp: FrameStamp {
                number,
                exposure: MonotonicNs(number),
            },
            content: FrameContent::Unusable(String::new()),
        }
    }

    #[test]
    fn the_newest_frame_wins_and_the_skipped_ones_are_counted() {
        let mailbox = Mailbox::default();
        assert_eq!(mailbox.take(Duration::from_millis(1)), (None, 0));
        for number in 1..=4 {
            mailbox.put(frame(number));
        }
        assert_eq!(mailbox.take(Duration::ZERO), (Some(frame(4)), 3));
        mailbox.put(frame(5));
        mailbox.close();
        assert!(!mailbox.is_done());
        assert_eq!(mailbox.take(Duration::from_secs(60)), (Some(frame(5)), 0));
        assert_eq!(mailbox.take(Duration::from_secs(60)), (None, 0));
        assert!(mailbox.is_done());
    }
}
