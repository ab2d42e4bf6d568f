//! Finding frames in bytes, damage included.
//!
//! | state | bytes at hand | next | effect |
//! |---|---|---|---|
//! | in step | valid frame | in step | frame |
//! | in step | bad frame, no valid one begins inside it, another start byte follows it | in step | refused, whole |
//! | in step | anything else that is no frame | searching | refused |
//! | in step | the start of a frame, and then the bytes end | in step | cut |
//! | searching | a valid frame somewhere ahead | in step | frame; the bytes before it are skipped |
//! | searching | none | searching | bytes skipped |
//!
//! A bad frame that stands between two others is skipped as a whole, so that a message with an
//! outdated definition costs nothing but itself. After real damage, only a frame whose checksum
//! holds brings the reader back into step: a damaged length can never swallow a good frame.

use super::checksum::Checksums;
use super::frame::{Candidate, Frame, candidate, candidate_with, is_magic};
use super::refusal::Refusal;

/// Where a reader stands. Cheap to copy, so that a reader can look ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Bytes before each frame that belong to it (the time stamp of a log; none on a link).
    prefix: usize,
    /// First byte not yet used.
    position: usize,
    in_step: bool,
}

/// What came next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// A valid frame.
    Frame {
        /// Where its start byte lies.
        at: usize,
        /// Bytes skipped to find it.
        skipped: usize,
        /// Whether all of its prefix lies behind the last byte that was used.
        prefix_intact: bool,
        /// The frame.
        frame: Frame<'a>,
    },
    /// Something that is no usable frame.
    Refused {
        /// Where it begins, prefix included.
        at: usize,
        /// Why.
        refusal: Refusal,
        /// The frame, when it stood whole between two others.
        frame: Option<Frame<'a>>,
    },
    /// Bytes that no frame was found in.
    Skipped(usize),
    /// The bytes end inside a frame.
    Cut {
        /// Where it begins, prefix included.
        at: usize,
        /// Bytes of it that are there.
        bytes: usize,
    },
    /// More bytes are needed. Everything before the cursor's position may be discarded.
    NeedMore,
    /// All bytes are used.
    End,
}

impl Cursor {
    pub(crate) fn new(prefix: usize) -> Self {
        Self {
            prefix,
            position: 0,
            in_step: true,
        }
    }

    /// First byte not yet used.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Tells that the first `count` bytes of the buffer were discarded.
    pub(crate) fn discarded(&mut self, count: usize) {
        self.position -= count;
    }

    /// The next step through `data`; `complete` says that no bytes will follow.
    pub(crate) fn step<'a>(&mut self, data: &'a [u8], complete: bool) -> Step<'a> {
        if self.in_step {
            self.step_in_step(data, complete)
        } else {
            self.search(data, complete)
        }
    }

    fn step_in_step<'a>(&mut self, data: &'a [u8], complete: bool) -> Step<'a> {
        let begin = self.position;
        let Some(rest) = data
            .get(begin + self.prefix..)
            .filter(|rest| !rest.is_empty())
        else {
            return match (complete, data.len() > begin) {
                (false, _) => Step::NeedMore,
                (true, false) => Step::End,
                (true, true) => self.cut(data),
            };
        };
        match candidate(rest) {
            Candidate::Valid(frame) => {
                self.position = begin + self.prefix + frame.bytes().len();
                Step::Frame {
                    at: begin + self.prefix,
                    skipped: 0,
                    prefix_intact: true,
                    frame,
                }
            }
            Candidate::NotAFrame => self.lose_step(Refusal::NotAFrame),
            Candidate::Incomplete if !complete => Step::NeedMore,
            Candidate::Incomplete => match first_valid(data, begin + 1, data.len(), true) {
                Search::Found(..) => self.lose_step(Refusal::NotAFrame),
                Search::Nothing | Search::Undecided(_) => self.cut(data),
            },
            Candidate::Refused(refusal, frame) => {
                self.step_over_refused(data, complete, refusal, frame)
            }
        }
    }

    fn step_over_refused<'a>(
        &mut self,
        data: &'a [u8],
        complete: bool,
        refusal: Refusal,
        frame: Frame<'a>,
    ) -> Step<'a> {
        let at = self.position;
        let end = at + self.prefix + frame.bytes().len();
        match first_valid(data, at + self.prefix + 1, end, complete) {
            Search::Undecided(_) => return Step::NeedMore,
            Search::Found(..) => return self.lose_step(refusal),
            Search::Nothing => {}
        }
        match data.get(end + self.prefix) {
            None if !complete => return Step::NeedMore,
            Some(byte) if !is_magic(*byte) => return self.lose_step(refusal),
            None | Some(_) => {}
        }
        self.position = end;
        Step::Refused {
            at,
            refusal,
            frame: Some(frame),
        }
    }

    fn search<'a>(&mut self, data: &'a [u8], complete: bool) -> Step<'a> {
        let begin = self.position;
        match first_valid(data, begin, data.len(), complete) {
            Search::Found(at, frame) => {
                self.position = at + frame.bytes().len();
                self.in_step = true;
                Step::Frame {
                    at,
                    skipped: at.saturating_sub(self.prefix).saturating_sub(begin),
                    prefix_intact: at >= begin + self.prefix,
                    frame,
                }
            }
            Search::Nothing | Search::Undecided(_) if complete => {
                self.position = data.len();
                match data.len() - begin {
                    0 => Step::End,
                    skipped => Step::Skipped(skipped),
                }
            }
            Search::Nothing => self.skip_to(data.len(), begin),
            Search::Undecided(at) => self.skip_to(at, begin),
        }
    }

    /// Skips to `undecided`, keeping the bytes that may be the prefix of a frame there.
    fn skip_to<'a>(&mut self, undecided: usize, begin: usize) -> Step<'a> {
        let keep = undecided.saturating_sub(self.prefix).max(begin);
        self.position = keep;
        match keep - begin {
            0 => Step::NeedMore,
            skipped => Step::Skipped(skipped),
        }
    }

    fn lose_step<'a>(&mut self, refusal: Refusal) -> Step<'a> {
        self.in_step = false;
        Step::Refused {
            at: self.position,
            refusal,
            frame: None,
        }
    }

    fn cut<'a>(&mut self, data: &'a [u8]) -> Step<'a> {
        let at = self.position;
        self.position = data.len();
        Step::Cut {
            at,
            bytes: data.len() - at,
        }
    }
}

enum Search<'a> {
    Found(usize, Frame<'a>),
    /// A frame may begin here, and more bytes are needed to tell.
    Undecided(usize),
    Nothing,
}

/// The first valid frame that begins in `from..to`. Takes time in proportion to the bytes, whatever they
/// are.
fn first_valid(data: &[u8], from: usize, to: usize, complete: bool) -> Search<'_> {
    let mut checksums = Checksums::new(data);
    let mut next = from;
    while let Some(ahead) = data
        .get(next..to.min(data.len()))
        .and_then(|bytes| bytes.iter().position(|byte| is_magic(*byte)))
    {
        let at = next + ahead;
        match candidate_with(&data[at..], |end, seed| {
            checksums.of(at + 1, at + end, seed)
        }) {
            Candidate::Valid(frame) => return Search::Found(at, frame),
            Candidate::Incomplete if !complete => return Search::Undecided(at),
            Candidate::Incomplete | Candidate::Refused(..) | Candidate::NotAFrame => {}
        }
        next = at + 1;
    }
    Search::Nothing
}
