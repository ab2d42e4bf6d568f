//! Reads one segment from memory and finds the way back after damage.
//!
//! At each byte where a record is due, a valid one is delivered; anything else is damage, and the
//! reader searches for the next place where magic, length and checksum all hold. The checksum starts
//! from flight and segment, so that a record which is nested in a body or left over from another
//! recording is not mistaken for one of this segment.

use serde::Serialize;

use crate::frame::{FrameProblem, MAGIC, RawRecord, frame_bytes, parse_frame};
use crate::identity::SegmentIdentity;
use crate::record::{Record, SegmentHeader};

/// Bytes whose checksums may be computed in vain in one segment before the search gives up. Damage
/// by accident costs a small multiple of its own size; only a file made to be slow comes near.
const SEARCH_LIMIT: u64 = 1 << 30;

/// Something in a segment that is not a record in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "damage", rename_all = "snake_case")]
pub enum Damage {
    /// Bytes that are no valid record, up to the next one that is or to the end of the segment.
    #[error("bytes {start} to {end} are damaged: {problem}")]
    Bytes {
        /// First byte.
        start: u64,
        /// Byte behind the last.
        end: u64,
        /// What was wrong at the first byte.
        #[serde(flatten)]
        problem: FrameProblem,
    },
    /// The last bytes of the segment are the beginning of a record, or were never written.
    #[error("the tail is torn at byte {start} of {end}: {problem}")]
    TornTail {
        /// First byte.
        start: u64,
        /// Byte behind the last.
        end: u64,
        /// What was wrong at the first byte.
        #[serde(flatten)]
        problem: FrameProblem,
    },
    /// Records are missing in front of the next one.
    #[error("records {first_missing} to {last_missing} are missing before byte {at}")]
    Gap {
        /// Byte at which the next record starts.
        at: u64,
        /// First sequence number that is missing.
        first_missing: u64,
        /// Last sequence number that is missing.
        last_missing: u64,
    },
}

impl Damage {
    /// First byte, and the byte behind the last; `None` for records that are missing.
    #[must_use]
    pub fn bytes(&self) -> Option<(u64, u64)> {
        match *self {
            Self::Bytes { start, end, .. } | Self::TornTail { start, end, .. } => {
                Some((start, end))
            }
            Self::Gap { .. } => None,
        }
    }
}

/// Why a segment cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// There is no readable header, and the caller does not know flight and segment either.
    #[error(
        "the segment header is unreadable ({problem}); name the flight and segment, or read the whole flight folder"
    )]
    NoHeader {
        /// What is wrong with it.
        problem: FrameProblem,
    },
    /// The segment belongs elsewhere.
    #[error(
        "the header says segment {} of flight {}, expected segment {} of flight {}; move the file to where it belongs",
        found.segment, found.flight_id, expected.segment, expected.flight_id
    )]
    Foreign {
        /// What the caller expected.
        expected: SegmentIdentity,
        /// What the header says.
        found: SegmentIdentity,
    },
    /// The segment was written in another version of the format.
    #[error(
        "the segment has format version {version}, this reader knows 1; use the version of the program that wrote it"
    )]
    Version {
        /// The version found.
        version: u8,
    },
    /// The segment needs features that this reader does not have.
    #[error("the segment needs features {features:#x} that this reader lacks; use a newer version")]
    IncompatibleFeatures {
        /// The feature bits.
        features: u64,
    },
}

/// Position in a segment whose bytes the caller holds.
///
/// Kept apart from the bytes so that a flight reader can own both.
#[derive(Debug, Clone)]
pub struct SegmentCursor {
    header_seed: u32,
    seed: u32,
    identity: SegmentIdentity,
    position: usize,
    next_sequence: Option<u64>,
    searched: u64,
}

impl SegmentCursor {
    /// Takes up a segment.
    ///
    /// With `expected`, a segment whose header is damaged can still be read, and one that belongs
    /// elsewhere is refused. `next_sequence` is the sequence number that is due, when it is known.
    ///
    /// # Errors
    /// When the segment belongs elsewhere, needs unknown features, or has no readable header and
    /// `expected` does not stand in for it.
    pub fn open(
        bytes: &[u8],
        expected: Option<SegmentIdentity>,
        next_sequence: Option<u64>,
    ) -> Result<Self, SegmentError> {
        let (identity, header_seed) = match (read_header(bytes), expected) {
            (Ok(header), expected) => (checked_identity(&header, expected)?, 0),
            (Err(FrameProblem::Version { version }), _) => {
                return Err(SegmentError::Version { version });
            }
            (Err(_), Some(expected)) => (expected, expected.crc_seed()),
            (Err(problem), None) => return Err(SegmentError::NoHeader { problem }),
        };
        Ok(Self {
            header_seed,
            seed: identity.crc_seed(),
            identity,
            position: 0,
            next_sequence,
            searched: 0,
        })
    }

    /// What the checksum of a record at byte `at` starts from.
    pub(crate) fn seed(&self, at: usize) -> u32 {
        if at == 0 { self.header_seed } else { self.seed }
    }

    /// The same segment with everything in front of byte `position` read, where number `next_sequence` is
    /// due.
    pub(crate) fn at(&self, position: usize, next_sequence: Option<u64>) -> Self {
        Self {
            position,
            next_sequence,
            ..self.clone()
        }
    }

    /// The next record, damage or gap; `None` at the end. `bytes` is the segment given to `open`.
    #[inline]
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Option<Result<RawRecord<'a>, Damage>> {
        if self.position >= bytes.len() {
            return None;
        }
        Some(match self.record_at(bytes, self.position) {
            Ok(record) => self.deliver(record),
            Err(problem) => Err(self.pass_damage(bytes, problem)),
        })
    }

    /// Which segment it is.
    #[must_use]
    pub fn identity(&self) -> SegmentIdentity {
        self.identity
    }

    /// Byte at which the next record is due.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Sequence number that is due next; `None` before the first record when the caller knew none.
    #[must_use]
    pub fn next_sequence(&self) -> Option<u64> {
        self.next_sequence
    }

    #[inline]
    fn record_at<'a>(&self, bytes: &'a [u8], at: usize) -> Result<RawRecord<'a>, FrameProblem> {
        let record = parse_frame(bytes, at, self.seed(at))?;
        if record.sequence == u64::MAX {
            return Err(FrameProblem::SequenceReserved);
        }
        match self.next_sequence {
            Some(expected) if record.sequence < expected => Err(FrameProblem::SequenceReversed {
                expected,
                found: record.sequence,
            }),
            _ => Ok(record),
        }
    }

    #[inline]
    fn deliver<'a>(&mut self, record: RawRecord<'a>) -> Result<RawRecord<'a>, Damage> {
        let due = self.next_sequence.unwrap_or(record.sequence);
        if record.sequence > due {
            // The record stays where it is and comes with the next call, when it is the one due.
            self.next_sequence = Some(record.sequence);
            return Err(Damage::Gap {
                at: record.offset,
                first_missing: due,
                last_missing: record.sequence - 1,
            });
        }
        self.position += record.frame_length();
        self.next_sequence = Some(record.sequence + 1);
        Ok(record)
    }

    /// Steps over damage to the next valid record, or to the end.
    #[cold]
    fn pass_damage(&mut self, bytes: &[u8], problem: FrameProblem) -> Damage {
        let start = self.position as u64;
        let found = self.search(bytes);
        self.position = match found {
            Search::Found(at) => at,
            Search::Nothing | Search::GivenUp => bytes.len(),
        };
        let end = self.position as u64;
        match found {
            Search::Nothing if is_torn(&bytes[start as usize..]) => Damage::TornTail {
                start,
                end,
                problem,
            },
            Search::Found(_) | Search::Nothing => Damage::Bytes {
                start,
                end,
                problem,
            },
            Search::GivenUp => Damage::Bytes {
                start,
                end,
                problem: FrameProblem::SearchGivenUp,
            },
        }
    }

    /// Where the damaged record ends, when the record that follows in number stands right there.
    /// Its body is then not searched, so that nothing nested in it can pass for a record.
    fn end_of_damaged_record(&mut self, bytes: &[u8]) -> Option<usize> {
        let frame = frame_bytes(&bytes[self.position..]).ok()?;
        let end = self.position + frame.len();
        let due = self.next_sequence?.checked_add(1)?;
        if self
            .record_at(bytes, end)
            .is_ok_and(|record| record.sequence == due)
        {
            return Some(end);
        }
        self.checked_in_vain(bytes, end);
        None
    }

    /// Counts a frame that was checked and is not where the segment goes on.
    fn checked_in_vain(&mut self, bytes: &[u8], at: usize) {
        self.searched += frame_bytes(&bytes[at..]).map_or(0, |frame| frame.len() as u64);
    }

    fn search(&mut self, bytes: &[u8]) -> Search {
        self.checked_in_vain(bytes, self.position);
        if self.searched > SEARCH_LIMIT {
            return Search::GivenUp;
        }
        if let Some(at) = self.end_of_damaged_record(bytes) {
            return Search::Found(at);
        }
        let mut at = self.position + 1;
        while let Some(found) = find_magic(bytes, at + MAGIC_OFFSET) {
            at = found - MAGIC_OFFSET;
            if self.record_at(bytes, at).is_ok() {
                return Search::Found(at);
            }
            self.checked_in_vain(bytes, at);
            if self.searched > SEARCH_LIMIT {
                return Search::GivenUp;
            }
            at += 1;
        }
        Search::Nothing
    }
}

/// What the search for the next record came to.
enum Search {
    Found(usize),
    Nothing,
    GivenUp,
}

/// Bytes of a frame in front of its magic.
const MAGIC_OFFSET: usize = 4;

fn find_magic(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(MAGIC.len())
        .position(|window| window == MAGIC)
        .map(|at| from + at)
}

/// Whether bytes without any valid record look like a write that was cut short.
///
/// A tear leaves an incomplete last record, or zeros where nothing was written yet. Frames that are
/// complete up to the very last byte were written whole and altered later.
fn is_torn(tail: &[u8]) -> bool {
    let mut rest = tail;
    while let Ok(frame) = frame_bytes(rest) {
        rest = &rest[frame.len()..];
    }
    !rest.is_empty() || tail.ends_with(&[0; 4])
}

fn read_header(bytes: &[u8]) -> Result<SegmentHeader<'_>, FrameProblem> {
    match parse_frame(bytes, 0, 0)?.decode() {
        Ok(Record::SegmentHeader(header)) => Ok(header),
        _ => Err(FrameProblem::Checksum),
    }
}

fn checked_identity(
    header: &SegmentHeader<'_>,
    expected: Option<SegmentIdentity>,
) -> Result<SegmentIdentity, SegmentError> {
    let found = SegmentIdentity {
        flight_id: header.flight_id,
        segment: header.segment,
    };
    if let Some(expected) = expected.filter(|&expected| expected != found) {
        return Err(SegmentError::Foreign { expected, found });
    }
    if header.incompatible_features != 0 {
        return Err(SegmentError::IncompatibleFeatures {
            features: header.incompatible_features,
        });
    }
    Ok(found)
}

/// Reads one segment from memory.
#[derive(Debug, Clone)]
pub struct SegmentReader<'a> {
    bytes: &'a [u8],
    cursor: SegmentCursor,
}

impl<'a> SegmentReader<'a> {
    /// Takes up a segment; see [`SegmentCursor::open`].
    ///
    /// # Errors
    /// As [`SegmentCursor::open`].
    pub fn open(bytes: &'a [u8], expected: Option<SegmentIdentity>) -> Result<Self, SegmentError> {
        let cursor = SegmentCursor::open(bytes, expected, None)?;
        Ok(Self { bytes, cursor })
    }

    /// The segment's header; `None` when it is damaged.
    #[must_use]
    pub fn header(&self) -> Option<SegmentHeader<'a>> {
        read_header(self.bytes).ok()
    }

    /// Which segment it is.
    #[must_use]
    pub fn identity(&self) -> SegmentIdentity {
        self.cursor.identity()
    }
}

impl<'a> Iterator for SegmentReader<'a> {
    type Item = Result<RawRecord<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.next(self.bytes)
    }
}
