//! Reads a stream of a flight, segment after segment, with one segment in memory at a time.

use std::io;
use std::path::{Path, PathBuf};

use super::folder::{self, FlightDescription, FlightFiles, OpenError};
use super::manifest::Manifest;
use super::mapping::SegmentBytes;
use super::outline::Outline;
use super::selection::{Part, Selection};
use crate::frame::RawRecord;
use crate::identity::{FlightId, SegmentIdentity, Stream};
use crate::seal::Seal;
use crate::segment::{Damage, SegmentCursor, SegmentError};

/// A segment file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}; check the file and its permissions")]
pub struct ReadError {
    /// Number of the segment.
    pub segment: u32,
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// What a flight reader comes across.
#[derive(Debug, Clone, PartialEq)]
pub enum FlightItem<'a> {
    /// A valid record.
    Record {
        /// What stands for the segment that holds it: see [`Stream::segment`].
        segment: u32,
        /// The record.
        record: RawRecord<'a>,
    },
    /// Damage, or records that are missing.
    Damage {
        /// Segment in which it was found.
        segment: u32,
        /// What was found.
        damage: Damage,
    },
    /// A segment that was passed over.
    Refused {
        /// What stands for the segment, by the file's name.
        segment: u32,
        /// Why.
        error: SegmentError,
    },
}

/// Reads the records of one stream of a flight in their order.
///
/// Memory stays the same whatever the size of the flight: closed segments are mapped, the last one,
/// which may still be growing, is copied (at most 256 MiB).
#[derive(Debug)]
pub struct FlightReader {
    folder: PathBuf,
    flight_id: FlightId,
    description: Option<FlightDescription>,
    files: FlightFiles,
    stream: Stream,
    next_segment: usize,
    current: Option<Current>,
    next_sequence: Option<u64>,
    bytes_behind: u64,
    selection: Selection,
}

#[derive(Debug)]
struct Current {
    number: u32,
    bytes: SegmentBytes,
    cursor: SegmentCursor,
    /// Byte at which the part that is read ends.
    part_end: usize,
    /// Parts still to be read, the next one last.
    parts: Vec<Part>,
}

impl Current {
    fn new(number: u32, bytes: SegmentBytes, cursor: SegmentCursor) -> Self {
        Self {
            number,
            part_end: bytes.len(),
            bytes,
            cursor,
            parts: Vec::new(),
        }
    }

    /// Reads only these parts. An index that does not fit is not believed: everything is read then.
    fn limit_to(&mut self, mut parts: Vec<Part>) {
        let holds = |part: &Part| {
            let at = usize::try_from(part.start).unwrap_or(usize::MAX);
            let mut cursor = self.cursor.at(at, Some(part.sequence));
            matches!(cursor.next(&self.bytes), Some(Ok(record)) if record.offset == part.start)
        };
        if parts.iter().all(holds) {
            parts.reverse();
            self.parts = parts;
            self.part_end = 0;
            self.next_part();
        }
    }

    /// Goes to the next part when the one that is read is at its end; whether there is something to read.
    #[inline]
    fn next_part(&mut self) -> bool {
        while self.cursor.position() >= self.part_end {
            let Some(part) = self.parts.pop() else {
                return false;
            };
            let at = |byte: u64| usize::try_from(byte).map_or(usize::MAX, |at| at);
            self.cursor = self.cursor.at(at(part.start), Some(part.sequence));
            self.part_end = at(part.end).min(self.bytes.len());
        }
        true
    }
}

impl FlightReader {
    /// Opens the bulk stream of the flight in folder `path`, or of the only flight in a folder of flights.
    ///
    /// # Errors
    /// When there is no flight, more than one, or one that cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_stream(path, Stream::Bulk)
    }

    /// As [`FlightReader::open`], for either stream. One that the flight does not have has no records.
    ///
    /// # Errors
    /// As [`FlightReader::open`].
    pub fn open_stream(path: impl AsRef<Path>, stream: Stream) -> Result<Self, OpenError> {
        let folder = folder::find_flight(path.as_ref())?;
        let files = FlightFiles::find(&folder)?;
        let description = folder::find_description(&files);
        let flight_id = match &description {
            Some(description) => description.flight_id,
            None => folder::identity_without_header(&folder)?,
        };
        Ok(Self {
            folder,
            flight_id,
            description,
            files,
            stream,
            next_segment: 0,
            current: None,
            next_sequence: Some(0),
            bytes_behind: 0,
            selection: Selection::default(),
        })
    }

    /// Reads only these records from now on. Segments and chunks that hold none of them are passed over by
    /// their index, damage in them included; a segment without footer is read whole.
    pub fn select(&mut self, selection: Selection) {
        self.selection = selection;
        // What is passed over is no gap.
        self.next_sequence = None;
    }

    /// The next record, damage or gap; `None` at the end of the stream.
    ///
    /// # Errors
    /// When a segment's file cannot be read; the next call goes on with the segment behind it.
    pub fn next_item(&mut self) -> Result<Option<FlightItem<'_>>, ReadError> {
        loop {
            if !self.find_wanted() {
                self.leave_segment();
                match self.enter_segment()? {
                    Entered::Segment => {}
                    Entered::Refused { segment, error } => {
                        return Ok(Some(FlightItem::Refused { segment, error }));
                    }
                    Entered::End => return Ok(None),
                }
            } else {
                break;
            }
        }
        Ok(self.current.as_mut().and_then(|current| {
            let segment = current.number;
            Some(match current.cursor.next(&current.bytes)? {
                Ok(record) => FlightItem::Record { segment, record },
                Err(damage) => FlightItem::Damage { segment, damage },
            })
        }))
    }

    /// Goes to the next record that is wanted, or damage, of the current segment; false when there is none.
    #[inline]
    fn find_wanted(&mut self) -> bool {
        let Some(current) = &mut self.current else {
            return false;
        };
        if self.selection.is_everything() {
            return current.cursor.position() < current.bytes.len();
        }
        while current.next_part() {
            let mut ahead = current.cursor.clone();
            match ahead.next(&current.bytes) {
                Some(Ok(record)) if !self.selection.admits(&record) => current.cursor = ahead,
                Some(_) => return true,
                None => return false,
            }
        }
        false
    }

    fn leave_segment(&mut self) {
        if let Some(current) = self.current.take() {
            self.bytes_behind += current.bytes.len() as u64;
            // What was passed over is no gap.
            self.next_sequence = match self.selection.is_everything() {
                true => current.cursor.next_sequence().or(self.next_sequence),
                false => None,
            };
        }
    }

    fn enter_segment(&mut self) -> Result<Entered, ReadError> {
        let segments = self.files.of(self.stream);
        let Some(segment) = segments.get(self.next_segment) else {
            return Ok(Entered::End);
        };
        self.next_segment += 1;
        let last = self.next_segment == segments.len();
        let failed = |source| ReadError {
            segment: segment.segment,
            path: segment.path.clone(),
            source,
        };
        let outline = match self.selection.is_everything() {
            true => None,
            false => Outline::of_footer(self.flight_id, segment).map_err(failed)?,
        };
        let parts = outline.map(|outline| self.selection.parts(&outline, segment.bytes));
        if parts.as_ref().is_some_and(Vec::is_empty) {
            self.bytes_behind += segment.bytes;
            self.next_sequence = None;
            return Ok(Entered::Segment);
        }
        // A file with a footer is not written any more.
        let bytes = if last && parts.is_none() {
            SegmentBytes::copy(&segment.path)
        } else {
            SegmentBytes::map(&segment.path)
        }
        .map_err(failed)?;
        let number = segment.segment;
        let identity = SegmentIdentity {
            flight_id: self.flight_id,
            segment: number,
        };
        match SegmentCursor::open(&bytes, Some(identity), self.next_sequence) {
            Ok(cursor) => {
                let mut current = Current::new(number, bytes, cursor);
                if let Some(parts) = parts {
                    current.limit_to(parts);
                }
                self.current = Some(current);
                Ok(Entered::Segment)
            }
            Err(error) => Ok(Entered::Refused {
                segment: number,
                error,
            }),
        }
    }

    /// The flight.
    #[must_use]
    pub fn flight_id(&self) -> FlightId {
        self.flight_id
    }

    /// What the first readable segment header says; `None` when all of them are damaged.
    #[must_use]
    pub fn description(&self) -> Option<&FlightDescription> {
        self.description.as_ref()
    }

    /// The flight's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The flight's manifest, when there is one.
    ///
    /// # Errors
    /// When it cannot be read; of kind `InvalidData` when it is no manifest.
    pub fn manifest(&self) -> io::Result<Option<Manifest>> {
        folder::read_manifest(&self.folder)
    }

    /// The flight's seal, when there is one; whether it is valid is another question.
    ///
    /// # Errors
    /// When it cannot be read; of kind `InvalidData` when it is no seal.
    pub fn seal(&self) -> io::Result<Option<Seal>> {
        folder::read_seal(&self.folder)
    }

    /// Number of the first segment that is there.
    #[must_use]
    pub fn first_segment(&self) -> u32 {
        let segments = self.files.of(self.stream);
        segments.first().map_or(0, |segment| segment.segment)
    }

    /// Number, in its stream, of the last segment that was begun; `None` when the stream has none.
    #[must_use]
    pub fn last_segment(&self) -> Option<u32> {
        let segments = self.files.of(self.stream);
        segments.last().map(|segment| Stream::of(segment.segment).1)
    }

    /// How many segment files there are in both streams.
    #[must_use]
    pub fn segment_count(&self) -> usize {
        self.files.all().count()
    }

    /// Bytes of the stream's segments when the flight was opened.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        let segments = self.files.of(self.stream).iter();
        segments.map(|segment| segment.bytes).sum()
    }

    /// Bytes of all segments of both streams.
    pub(super) fn bytes_in_all(&self) -> u64 {
        self.files.all().map(|segment| segment.bytes).sum()
    }

    pub(super) fn files(&self) -> &FlightFiles {
        &self.files
    }

    /// The stream that is read.
    #[must_use]
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// Bytes read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        let current = self
            .current
            .as_ref()
            .map_or(0, |current| current.cursor.position());
        self.bytes_behind + current as u64
    }
}

enum Entered {
    Segment,
    Refused { segment: u32, error: SegmentError },
    End,
}
