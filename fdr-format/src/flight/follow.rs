//! Reads a flight while it is recorded: positioned reads of what has been written whole, never a mapping.
//!
//! | found at the place where a record is due | effect |
//! |---|---|
//! | a valid record | delivered |
//! | nothing, zeros, or part of a record, and no later segment has begun | waits |
//! | anything but a record, and a later segment has begun | goes on with the next segment; the gap is told by the numbers |
//! | a segment footer | goes on with the next segment, or ends when it is the last one |
//! | the segment was dropped | goes on with the oldest one that is there |

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::folder::{self, FlightDescription, FlightFiles, OpenError, segment_path};
use super::open::open_regular;
use crate::frame::{MAX_LENGTH, RawRecord, parse_frame};
use crate::identity::{FlightId, SegmentIdentity, Stream};
use crate::record::{Record, RecordType};

/// Bytes that are read at once: more than the longest record.
const STEP: usize = MAX_LENGTH + 4096;

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// Records were delivered; there may be more.
    More,
    /// Nothing is there that was not delivered: wait before asking again.
    Nothing,
    /// The recorder ended the stream.
    End,
}

/// Reads one stream of a flight that is being recorded.
#[derive(Debug)]
pub struct FlightFollower {
    folder: PathBuf,
    flight_id: FlightId,
    description: Option<FlightDescription>,
    stream: Stream,
    segment: u32,
    file: Option<File>,
    offset: u64,
    due: u64,
    missing: u64,
    buffer: Box<[u8]>,
    ended: bool,
}

impl FlightFollower {
    /// Opens the flight in folder `path`, or the only flight in a folder of flights, at its oldest record.
    ///
    /// # Errors
    /// When there is no flight, more than one, or one that cannot be read.
    pub fn open(path: impl AsRef<Path>, stream: Stream) -> Result<Self, OpenError> {
        let folder = folder::find_flight(path.as_ref())?;
        let files = FlightFiles::find(&folder)?;
        let description = folder::find_description(&files);
        let flight_id = match &description {
            Some(description) => description.flight_id,
            None => folder::identity_without_header(&folder)?,
        };
        let first = files.of(stream).first();
        Ok(Self {
            segment: first.map_or(stream.segment(0), |segment| segment.segment),
            folder,
            flight_id,
            description,
            stream,
            file: None,
            offset: 0,
            due: 0,
            missing: 0,
            buffer: vec![0; STEP].into_boxed_slice(),
            ended: false,
        })
    }

    /// What the first readable segment header says.
    #[must_use]
    pub fn description(&self) -> Option<&FlightDescription> {
        self.description.as_ref()
    }

    /// Sequence numbers that were passed over so far; a loss record may explain them.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Delivers the records that have been written since the last call, at most some 1 MiB of them, each with
    /// what stands for its segment.
    ///
    /// # Errors
    /// When a segment's file cannot be read.
    pub fn poll(&mut self, mut deliver: impl FnMut(u32, &RawRecord<'_>)) -> io::Result<Followed> {
        if self.ended {
            return Ok(Followed::End);
        }
        // Whether something newer exists is asked first: what is read afterwards is then final.
        let newer = self.newer_segment();
        if self.file.is_none() && !self.open_segment(newer)? {
            return Ok(Followed::Nothing);
        }
        let filled = self.fill()?;
        let seed = SegmentIdentity {
            flight_id: self.flight_id,
            segment: self.segment,
        }
        .crc_seed();
        let mut at = 0;
        let mut footer = None;
        while footer.is_none() {
            let seed = if self.offset == 0 && at == 0 { 0 } else { seed };
            let Ok(mut record) = parse_frame(&self.buffer[..filled], at, seed) else {
                break;
            };
            at += record.frame_length();
            if record.sequence < self.due {
                continue;
            }
            self.missing += record.sequence - self.due;
            self.due = record.sequence.saturating_add(1);
            record.offset += self.offset;
            deliver(self.segment, &record);
            footer = footer_says(&record);
        }
        self.offset += at as u64;
        match footer {
            Some(true) => self.ended = true,
            Some(false) => self.leave(self.segment + 1),
            None if at == 0 => {
                return Ok(match newer {
                    Some(newer) => {
                        self.leave(newer);
                        Followed::More
                    }
                    None => Followed::Nothing,
                });
            }
            None => {}
        }
        Ok(Followed::More)
    }

    fn leave(&mut self, next: u32) {
        (self.segment, self.offset, self.file) = (next, 0, None);
    }

    /// The next segment that is there and begun, behind the one that is read.
    fn newer_segment(&self) -> Option<u32> {
        let files = FlightFiles::find(&self.folder).ok()?;
        let mut segments = files.of(self.stream).iter().map(|found| found.segment);
        segments.find(|&segment| segment > self.segment)
    }

    /// Opens the segment that is due, or the next one when that was dropped; false when neither is there.
    fn open_segment(&mut self, newer: Option<u32>) -> io::Result<bool> {
        loop {
            match open_regular(&segment_path(&self.folder, self.segment)) {
                Ok(file) => {
                    self.file = Some(file);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => match newer {
                    Some(newer) if newer > self.segment => self.segment = newer,
                    _ => return Ok(false),
                },
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let Some(file) = &self.file else {
            return Ok(0);
        };
        let mut filled = 0;
        while filled < self.buffer.len() {
            match file.read_at(&mut self.buffer[filled..], self.offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Whether the record is a segment footer, and then whether it is the last one of the stream.
fn footer_says(record: &RawRecord<'_>) -> Option<bool> {
    if record.record_type != RecordType::SEGMENT_FOOTER {
        return None;
    }
    match record.decode() {
        Ok(Record::SegmentFooter(footer)) => Some(footer.last),
        _ => Some(false),
    }
}
