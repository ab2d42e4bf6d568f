//! What the thread that writes segments and the thread that keeps their files hand each other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fdr_format::Stream;

use super::shelf::{ClosedSegment, index};

/// One stream's files on their way to the writer.
#[derive(Debug)]
struct Lane<F> {
    /// The file made ahead, and its segment.
    ahead: Option<(u32, F)>,
    /// The segment that the writer needs next.
    wanted: u32,
    /// The segment that the writer has.
    lent: Option<u32>,
    /// Whether the writer asked for a file in vain: nothing of the stream is written until it has one.
    starved: bool,
}

#[derive(Debug)]
struct Tray<F> {
    lanes: [Lane<F>; 2],
    closed: Vec<ClosedSegment>,
}

/// Where files go out and closed segments come back. Its lock is held for moments only.
#[derive(Debug)]
pub struct Desk<F> {
    tray: Mutex<Tray<F>>,
    for_keeper: Condvar,
    for_writer: Condvar,
}

impl<F> Desk<F> {
    /// A desk where `wanted` are the segments needed first.
    #[must_use]
    pub fn new(wanted: [u32; 2]) -> Self {
        let lane = |wanted| Lane {
            ahead: None,
            wanted,
            lent: None,
            starved: false,
        };
        Self {
            tray: Mutex::new(Tray {
                lanes: wanted.map(lane),
                closed: Vec::new(),
            }),
            for_keeper: Condvar::new(),
            for_writer: Condvar::new(),
        }
    }

    fn tray(&self) -> MutexGuard<'_, Tray<F>> {
        // Every method leaves the tray in order, so that a panic elsewhere does not matter.
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer takes the file of `segment`; `None` when it is not made yet.
    pub fn take(&self, segment: u32) -> Option<F> {
        let (stream, _) = Stream::of(segment);
        let mut tray = self.tray();
        let lane = &mut tray.lanes[index(stream)];
        match lane.ahead.take() {
            Some((made, file)) if made == segment => {
                lane.lent = Some(segment);
                lane.wanted = segment + 1;
                lane.starved = false;
                self.for_keeper.notify_one();
                Some(file)
            }
            other => {
                lane.ahead = other;
                lane.wanted = segment;
                lane.starved = true;
                self.for_keeper.notify_one();
                None
            }
        }
    }

    /// The writer gives back what it no longer writes.
    pub fn give_back(&self, closed: ClosedSegment) {
        let mut tray = self.tray();
        let (stream, _) = Stream::of(closed.segment);
        tray.lanes[index(stream)].lent = None;
        tray.closed.push(closed);
        self.for_keeper.notify_one();
    }

    /// What came back since the last call.
    pub fn take_closed(&self) -> Vec<ClosedSegment> {
        std::mem::take(&mut self.tray().closed)
    }

    /// The segment whose file is to be made, when none lies ready.
    #[must_use]
    pub fn missing(&self, stream: Stream) -> Option<u32> {
        let tray = self.tray();
        let lane = &tray.lanes[index(stream)];
        lane.ahead.is_none().then_some(lane.wanted)
    }

    /// Whether the writer waits for a file of a stream.
    #[must_use]
    pub fn is_starved(&self, stream: Stream) -> bool {
        self.tray().lanes[index(stream)].starved
    }

    /// A file that was made ahead for a segment which is passed over.
    pub fn take_stale(&self, stream: Stream) -> Option<(u32, F)> {
        let mut tray = self.tray();
        let lane = &mut tray.lanes[index(stream)];
        let wanted = lane.wanted;
        lane.ahead.take_if(|(made, _)| *made != wanted)
    }

    /// The keeper lays a file ready.
    pub fn put(&self, segment: u32, file: F) {
        let (stream, _) = Stream::of(segment);
        self.tray().lanes[index(stream)].ahead = Some((segment, file));
        self.for_writer.notify_one();
    }

    /// How many segments of a stream are being written or lie ready: their room is taken.
    #[must_use]
    pub fn in_use(&self, stream: Stream) -> u64 {
        let tray = self.tray();
        let lane = &tray.lanes[index(stream)];
        u64::from(lane.lent.is_some()) + u64::from(lane.ahead.is_some())
    }

    /// The files that nobody needs any more at the end of a flight.
    pub fn take_unused(&self) -> Vec<(u32, F)> {
        let mut tray = self.tray();
        let lanes = tray.lanes.iter_mut();
        lanes.filter_map(|lane| lane.ahead.take()).collect()
    }

    /// The keeper waits for something to do.
    pub fn wait_for_work(&self, at_most: Duration) {
        let tray = self.tray();
        // What it waited for is looked at by the caller, whichever way the wait ended.
        drop(self.for_keeper.wait_timeout(tray, at_most));
    }

    /// The writer waits for a file.
    pub fn wait_for_file(&self, at_most: Duration) {
        let tray = self.tray();
        drop(self.for_writer.wait_timeout(tray, at_most));
    }

    /// Wakes both sides.
    pub fn wake(&self) {
        self.for_keeper.notify_one();
        self.for_writer.notify_one();
    }
}
