//! Reads one segment file as fast as the processor checks it, with the same result as a
//! [`SegmentCursor`] over all of its bytes.
//!
//! As long as one valid record follows the other, the file goes through a window that stays in the
//! processor's cache; mapping it instead would cost more in page faults than the checks themselves. At the
//! first byte where something is wrong a cursor takes over, which can search the whole file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::folder::SegmentPath;
use super::mapping::SegmentBytes;
use crate::frame::{FrameProblem, MAX_LENGTH, RawRecord, parse_frame};
use crate::identity::{Digest, FlightId, SegmentIdentity};
use crate::record::RecordType;
use crate::segment::{Damage, SegmentCursor, SegmentError};

/// Bytes that are read at once: more than the longest record, so that a header is always whole.
const STEP: usize = MAX_LENGTH + 4096;
/// Bytes of a window: a step, and a record that began in the one before.
const WINDOW: usize = STEP + MAX_LENGTH + 4;

/// What a scan tells of a segment, in its order.
pub(super) trait ScanSink {
    /// A valid record. `content` is BLAKE3 of the bytes in front of a segment footer, if nothing was wrong
    /// with them and the scan was asked for it.
    fn record(&mut self, record: &RawRecord<'_>, content: Option<Digest>);

    /// Something is wrong.
    fn damage(&mut self, damage: &Damage);
}

/// How a scan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ScanEnd {
    /// At the end of the file, so many bytes.
    Read(u64),
    /// At once, because the segment does not belong to the flight or cannot be understood.
    Refused(SegmentError),
}

/// Which segment is read, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'s> {
    pub flight_id: FlightId,
    pub segment: &'s SegmentPath,
    /// Number that the first record is due to have, where it is known.
    pub due: Option<u64>,
    /// Whether content is hashed.
    pub hashed: bool,
    /// Whether the file may be growing.
    pub live: bool,
}

/// The memory of a scan, to be used again for the next one.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Box<[u8]>,
    filled: usize,
    /// Byte of the file at which the window starts.
    base: u64,
}

impl Window {
    pub fn new() -> Self {
        Self {
            bytes: vec![0; WINDOW].into_boxed_slice(),
            filled: 0,
            base: 0,
        }
    }

    fn rewind(&mut self) {
        (self.filled, self.base) = (0, 0);
    }

    /// Forgets the bytes in front of `used` and reads on; whether anything came.
    fn advance(&mut self, file: &File, used: usize, length: u64) -> io::Result<bool> {
        self.bytes.copy_within(used..self.filled, 0);
        self.filled -= used;
        self.base += used as u64;
        let at = self.base + self.filled as u64;
        let wanted = STEP.min(usize::try_from(length.saturating_sub(at)).unwrap_or(STEP));
        let before = self.filled;
        while self.filled < before + wanted {
            let free = &mut self.bytes[self.filled..before + wanted];
            match file.read_at(free, self.base + self.filled as u64) {
                Ok(0) => break,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.filled > before)
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Scan<'_> {
    /// Reads the segment; `progress` is told how many bytes more were read.
    pub fn run(
        &self,
        window: &mut Window,
        progress: &mut dyn FnMut(u64),
        sink: &mut impl ScanSink,
    ) -> io::Result<ScanEnd> {
        let file = super::open::open_regular(&self.segment.path)?;
        let length = file.metadata()?.len();
        window.rewind();
        window.advance(&file, 0, length)?;
        progress(window.filled as u64);
        let cursor = match SegmentCursor::open(window.bytes(), Some(self.identity()), self.due) {
            Ok(cursor) => cursor,
            Err(error) => return Ok(ScanEnd::Refused(error)),
        };
        let mut walk = Walk {
            seed: cursor.seed(0),
            later_seed: cursor.seed(1),
            due: self.due,
            hasher: blake3::Hasher::new(),
        };
        loop {
            let used = walk.window(window, self.hashed, sink);
            let at = window.base + used as u64;
            if at >= length {
                return Ok(ScanEnd::Read(length));
            }
            let begun = window.bytes().get(used..).unwrap_or_default();
            let incomplete = matches!(
                parse_frame(begun, 0, walk.seed),
                Err(FrameProblem::Truncated { .. })
            );
            let before = window.filled - used;
            if !incomplete || !window.advance(&file, used, length)? {
                self.search(cursor.at(at as usize, walk.due), sink)?;
                progress(length - at);
                return Ok(ScanEnd::Read(length));
            }
            progress((window.filled - before) as u64);
        }
    }

    fn identity(&self) -> SegmentIdentity {
        SegmentIdentity {
            flight_id: self.flight_id,
            segment: self.segment.segment,
        }
    }

    #[cold]
    fn search(&self, mut cursor: SegmentCursor, sink: &mut impl ScanSink) -> io::Result<()> {
        let bytes = match self.live {
            true => SegmentBytes::copy(&self.segment.path)?,
            false => SegmentBytes::map(&self.segment.path)?,
        };
        // Where only numbers are missing, every byte may still be the one that was written.
        let mut sound = self.hashed;
        while let Some(item) = cursor.next(&bytes) {
            match item {
                Ok(record) => {
                    let is_footer = record.record_type == RecordType::SEGMENT_FOOTER;
                    let content = (is_footer && sound).then(|| {
                        let before = &bytes[..record.offset as usize];
                        Digest(*blake3::hash(before).as_bytes())
                    });
                    sink.record(&record, content);
                }
                Err(damage) => {
                    sound &= damage.bytes().is_none();
                    sink.damage(&damage);
                }
            }
        }
        Ok(())
    }
}

/// A row of valid records.
struct Walk {
    seed: u32,
    later_seed: u32,
    due: Option<u64>,
    hasher: blake3::Hasher,
}

impl Walk {
    /// Delivers the records of the window up to the first that is not whole, valid and due; says where that
    /// is.
    fn window(&mut self, window: &Window, hashed: bool, sink: &mut impl ScanSink) -> usize {
        let bytes = window.bytes();
        let (mut at, mut hashed_to) = (0, 0);
        while let Ok(mut record) = parse_frame(bytes, at, self.seed) {
            if self.due.is_some_and(|due| due != record.sequence) || record.sequence == u64::MAX {
                break;
            }
            let is_footer = record.record_type == RecordType::SEGMENT_FOOTER;
            let content = (is_footer && hashed).then(|| {
                self.hasher.update(&bytes[hashed_to..at]);
                hashed_to = at;
                Digest(*self.hasher.finalize().as_bytes())
            });
            let length = record.frame_length();
            record.offset += window.base;
            sink.record(&record, content);
            at += length;
            self.due = Some(record.sequence + 1);
            self.seed = self.later_seed;
        }
        if hashed {
            self.hasher.update(&bytes[hashed_to..at]);
        }
        at
    }
}

/// BLAKE3 of the first `length` bytes of a file; `None` when it is shorter.
pub(super) fn read_prefix(path: &Path, length: u64) -> io::Result<Option<Digest>> {
    let file = super::open::open_regular(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; STEP];
    let mut at = 0;
    while at < length {
        let wanted = STEP.min(usize::try_from(length - at).unwrap_or(STEP));
        match file.read_at(&mut buffer[..wanted], at) {
            Ok(0) => return Ok(None),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Digest(*hasher.finalize().as_bytes())))
}
