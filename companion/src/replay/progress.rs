//! What a replay tells whoever waits for it, and how it is stopped.

use std::ops::ControlFlow;

/// Bytes of the log between two reports.
const STEP: u64 = 256 << 10;

/// The two passes of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The log is looked through; nothing is recorded yet.
    Survey,
    /// The log is replayed and recorded.
    Replay,
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The pass that is under way.
    pub pass: Pass,
    /// Bytes of the log that it has read.
    pub done: u64,
    /// Bytes of the log.
    pub total: u64,
}

/// Whoever waits for a replay: told of progress now and then, asked whether to go on.
pub type Watcher<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// The replay was stopped by its watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Tells a watcher every so many bytes.
pub(super) struct Told<'a> {
    watcher: Watcher<'a>,
    progress: Progress,
}

impl<'a> Told<'a> {
    pub(super) fn new(watcher: Watcher<'a>, pass: Pass, total: u64) -> Self {
        let progress = Progress {
            pass,
            done: 0,
            total,
        };
        Self { watcher, progress }
    }

    pub(super) fn tell(&mut self, done: u64) -> Result<(), Stopped> {
        if done - self.progress.done < STEP {
            return Ok(());
        }
        self.progress.done = done;
        match (self.watcher)(self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stopped),
        }
    }
}
