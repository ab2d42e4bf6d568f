//! The reader of a whole log that lies in memory (or in a memory map).

use thiserror::Error;

use super::clock::{ClockBroken, ClockCounts, LogClock, NEIGHBOURS, Neighbours};
use crate::autopilot::mavlink::{Cursor, Frame, LinkStatistics, Refusal, Step};

/// Bytes of the time stamp before each frame.
const STAMP: usize = 8;

/// What stands next in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A frame with a correct checksum.
    Frame {
        /// Offset of its start byte in the log.
        offset: u64,
        /// When it arrived: microseconds since 1970 by the log's clock, which never runs back.
        time_us: u64,
        /// The frame.
        frame: Frame<'a>,
    },
    /// Something that must not be used; already counted.
    Refused {
        /// Offset in the log.
        offset: u64,
        /// Message id that the refused frame announces, when it stood whole between two others.
        message_id: Option<u32>,
        /// Why.
        refusal: Refusal,
    },
}

/// Why a log cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TlogError {
    /// The log's clock runs back by more than a second; nothing after this point has a time.
    #[error(
        "at byte {offset} the log's clock runs back by {:.3} s, from {from_us} to {to_us} us \
         (limit 1 s); split the log there and replay the parts one by one",
        (*from_us - *to_us) as f64 * 1e-6
    )]
    RunsBack {
        /// Offset of the frame in the log.
        offset: u64,
        /// The latest time before it.
        from_us: u64,
        /// Its stamp.
        to_us: u64,
    },
    /// The log's clock leaps ahead by more than an hour: two logs in one file, or a clock that was
    /// set during the recording.
    #[error(
        "at byte {offset} the log's clock leaps ahead by {:.0} s, from {from_us} to {to_us} us \
         (limit 3600 s); split the log there and replay the parts one by one",
        (*to_us - *from_us) as f64 * 1e-6
    )]
    LeapsAhead {
        /// Offset of the frame in the log.
        offset: u64,
        /// The latest time before it.
        from_us: u64,
        /// Its stamp.
        to_us: u64,
    },
}

/// Reads a log from its first byte to its last. Constant memory; looks at most 8 frames ahead.
#[derive(Debug, Clone)]
pub struct TlogReader<'a> {
    data: &'a [u8],
    cursor: Cursor,
    clock: LogClock,
    statistics: LinkStatistics,
    cut_at: Option<u64>,
}

impl<'a> TlogReader<'a> {
    /// A reader of `data`, the whole log.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            cursor: Cursor::new(STAMP),
            clock: LogClock::default(),
            statistics: LinkStatistics::default(),
            cut_at: None,
        }
    }

    /// The next frame or refusal; `None` at the end of the log.
    ///
    /// # Errors
    ///
    /// When the log's clock cannot be followed; the reader must not be used after it.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a>>, TlogError> {
        loop {
            match self.cursor.step(self.data, true) {
                Step::Frame {
                    at,
                    skipped,
                    prefix_intact,
                    frame,
                } => {
                    self.statistics.frame(&frame, skipped);
                    let time_us = self.time(at, prefix_intact)?;
                    return Ok(Some(Entry::Frame {
                        offset: at as u64,
                        time_us,
                        frame,
                    }));
                }
                Step::Refused { at, refusal, frame } => {
                    self.statistics.refused(refusal, frame.as_ref());
                    return Ok(Some(Entry::Refused {
                        offset: at as u64,
                        message_id: frame.map(|frame| frame.message_id()),
                        refusal,
                    }));
                }
                Step::Skipped(bytes) => self.statistics.skipped(bytes),
                Step::Cut { at, bytes } => {
                    self.statistics.skipped(bytes);
                    self.cut_at = Some(at as u64);
                }
                Step::NeedMore | Step::End => return Ok(None),
            }
        }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.cursor.position() as u64
    }

    /// Where the last frame (its stamp) begins, when the log ends inside it.
    #[must_use]
    pub fn cut_at(&self) -> Option<u64> {
        self.cut_at
    }

    /// What the log held so far.
    #[must_use]
    pub fn statistics(&self) -> &LinkStatistics {
        &self.statistics
    }

    /// How its stamps behaved so far.
    #[must_use]
    pub fn clock_counts(&self) -> ClockCounts {
        self.clock.counts()
    }

    /// Counts a frame whose message could not be read.
    pub fn refuse_message(&mut self, refusal: Refusal) {
        self.statistics.refused(refusal, None);
    }

    fn time(&mut self, at: usize, prefix_intact: bool) -> Result<u64, TlogError> {
        let stamp = prefix_intact.then(|| stamp_before(self.data, at)).flatten();
        let refusals = &self.statistics.refusals;
        let damage_known = !prefix_intact || refusals.total() > 0;
        let (data, cursor) = (self.data, self.cursor);
        self.clock
            .follow(stamp, damage_known, || look_ahead(data, cursor))
            .map_err(|ClockBroken { from_us, to_us }| {
                let offset = at as u64;
                if to_us < from_us {
                    TlogError::RunsBack {
                        offset,
                        from_us,
                        to_us,
                    }
                } else {
                    TlogError::LeapsAhead {
                        offset,
                        from_us,
                        to_us,
                    }
                }
            })
    }
}

fn look_ahead(data: &[u8], mut cursor: Cursor) -> Neighbours {
    let mut neighbours = Neighbours::default();
    while neighbours.count < NEIGHBOURS {
        match cursor.step(data, true) {
            Step::Frame {
                at, prefix_intact, ..
            } => {
                let stamp = prefix_intact.then(|| stamp_before(data, at)).flatten();
                if let Some(stamp) = stamp {
                    neighbours.stamps[neighbours.count] = stamp;
                    neighbours.count += 1;
                }
            }
            Step::Refused { .. } | Step::Skipped(_) => neighbours.damage = true,
            Step::NeedMore | Step::Cut { .. } | Step::End => break,
        }
    }
    neighbours
}

fn stamp_before(data: &[u8], at: usize) -> Option<u64> {
    let bytes = data.get(at.checked_sub(STAMP)?..at)?;
    bytes.try_into().ok().map(u64::from_be_bytes)
}
