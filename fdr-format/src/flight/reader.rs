//! Reads a flight, segment after segment, with one segment in memory at a time.

use std::io;
use std::path::{Path, PathBuf};

use super::folder::{self, FlightDescription, OpenError, SegmentPath};
use super::manifest::Manifest;
use super::mapping::SegmentBytes;
use crate::frame::RawRecord;
use crate::identity::{FlightId, SegmentIdentity};
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
        /// Segment that holds it.
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
        /// Segment number by the file's name.
        segment: u32,
        /// Why.
        error: SegmentError,
    },
}

/// Reads the records of one flight in their order.
///
/// Memory stays the same whatever the size of the flight: closed segments are mapped, the last one,
/// which may still be growing, is copied (at most 256 MiB).
#[derive(Debug)]
pub struct FlightReader {
    folder: PathBuf,
    flight_id: FlightId,
    description: Option<FlightDescription>,
    segments: Vec<SegmentPath>,
    next_segment: usize,
    current: Option<Current>,
    next_sequence: u64,
    bytes_behind: u64,
}

#[derive(Debug)]
struct Current {
    number: u32,
    bytes: SegmentBytes,
    cursor: SegmentCursor,
}

impl FlightReader {
    /// Opens the flight in folder `path`, or the only flight in a folder of flights.
    ///
    /// # Errors
    /// When there is no flight, more than one, or one that cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let folder = folder::find_flight(path.as_ref())?;
        let segments = folder::find_segments(&folder)?;
        let description = folder::find_description(&segments);
        let flight_id = match &description {
            Some(description) => description.flight_id,
            None => folder::identity_without_header(&folder)?,
        };
        Ok(Self {
            folder,
            flight_id,
            description,
            segments,
            next_segment: 0,
            current: None,
            next_sequence: 0,
            bytes_behind: 0,
        })
    }

    /// The next record, damage or gap; `None` at the end of the flight.
    ///
    /// # Errors
    /// When a segment's file cannot be read; the next call goes on with the segment behind it.
    pub fn next_item(&mut self) -> Result<Option<FlightItem<'_>>, ReadError> {
        loop {
            if self.at_end_of_segment() {
                self.leave_segment();
                match self.enter_segment()? {
                    Entered::Segment => {}
                    Entered::Refused { segment, error } => {
                        return Ok(Some(FlightItem::Refused { segment, error }));
                    }
                    Entered::End => return Ok(None),
                }
            }
            if !self.at_end_of_segment() {
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

    #[inline]
    fn at_end_of_segment(&self) -> bool {
        self.current
            .as_ref()
            .is_none_or(|current| current.cursor.position() >= current.bytes.len())
    }

    fn leave_segment(&mut self) {
        if let Some(current) = self.current.take() {
            self.bytes_behind += current.bytes.len() as u64;
            self.next_sequence = current.cursor.next_sequence().unwrap_or(self.next_sequence);
        }
    }

    fn enter_segment(&mut self) -> Result<Entered, ReadError> {
        let Some(segment) = self.segments.get(self.next_segment) else {
            return Ok(Entered::End);
        };
        self.next_segment += 1;
        let last = self.next_segment == self.segments.len();
        let bytes = if last {
            SegmentBytes::copy(&segment.path)
        } else {
            SegmentBytes::map(&segment.path)
        }
        .map_err(|source| ReadError {
            segment: segment.number,
            path: segment.path.clone(),
            source,
        })?;
        let number = segment.number;
        let identity = SegmentIdentity {
            flight_id: self.flight_id,
            segment: number,
        };
        match SegmentCursor::open(&bytes, Some(identity), Some(self.next_sequence)) {
            Ok(cursor) => {
                self.current = Some(Current {
                    number,
                    bytes,
                    cursor,
                });
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

    /// Number of the last segment.
    #[must_use]
    pub fn last_segment(&self) -> u32 {
        self.segments.last().map_or(0, |segment| segment.number)
    }

    /// How many segment files there are.
    #[must_use]
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Bytes of all segments when the flight was opened.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
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
