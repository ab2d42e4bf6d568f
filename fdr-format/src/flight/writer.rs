//! Records a flight into segment files, one record after the other, on the caller's thread.
//!
//! | state | append | finish |
//! |---|---|---|
//! | recording | encodes into a block; a full block is written, a full segment closed | footers, manifest, sync |
//! | failed | refused, naming the first failure | nothing is written; the records that reached the file stay |
//!
//! When a write fails the segment is cut behind the last record that it holds whole, and the writer
//! goes to the failed state: it never tries again and never trusts a file it could not write.

use std::io;
use std::path::{Path, PathBuf};

use super::folder::{MANIFEST, SEGMENTS, segment_name, segment_path};
use super::manifest::{Manifest, ManifestSegment};
use super::parameters::{FlightParameters, FlightSummary, WriteError};
use super::storage::{FileSystem, SegmentFile, Storage};
use crate::frame::{FORMAT_VERSION, MAX_LENGTH, frame_bytes};
use crate::layout::List;
use crate::record::{FlightFooter, FlightHeader, Record, TypeCounts};
use crate::segment::SegmentEncoder;

/// Bytes that are gathered before they are written.
const BLOCK: usize = 256 << 10;
/// Room kept in each segment for the two footers, of which the counts per type are the bulk.
const FOOTER_ROOM: u64 = 4 << 10;

/// Records one flight.
#[derive(Debug)]
pub struct FlightWriter<S: Storage = FileSystem> {
    storage: S,
    parameters: FlightParameters,
    folder: PathBuf,
    segment: OpenSegment<S::File>,
    /// Whole records that are encoded but not written, `block_used` bytes of them. It has room for
    /// a block and one largest record, so that a record is encoded before the block is looked at.
    block: Box<[u8]>,
    block_used: usize,
    closed: Vec<ManifestSegment>,
    counts: TypeCounts,
    last_monotonic_ns: u64,
    failed: bool,
}

#[derive(Debug)]
struct OpenSegment<F> {
    path: PathBuf,
    file: F,
    encoder: SegmentEncoder,
    /// What the file holds: bytes, and the number of the first record that is not in it.
    written_bytes: u64,
    written_sequence: u64,
    closed: bool,
}

impl FlightWriter<FileSystem> {
    /// Begins to record a flight into `folder/{flight_id}/`.
    ///
    /// # Errors
    /// When the folder or its first segment cannot be made or written; also when the flight exists.
    pub fn create(folder: &Path, parameters: FlightParameters) -> Result<Self, WriteError> {
        Self::create_in(FileSystem, folder, parameters)
    }
}

impl<S: Storage> FlightWriter<S> {
    /// As [`FlightWriter::create`], into any storage.
    ///
    /// # Errors
    /// As [`FlightWriter::create`].
    pub fn create_in(
        mut storage: S,
        folder: &Path,
        parameters: FlightParameters,
    ) -> Result<Self, WriteError> {
        parameters.check()?;
        let folder = folder.join(parameters.flight_id.to_string());
        let segments = folder.join(SEGMENTS);
        storage
            .create_folder(&segments)
            .map_err(|source| WriteError::Create {
                path: segments,
                source,
            })?;
        let mut block = vec![0; BLOCK + MAX_LENGTH + 4].into_boxed_slice();
        let now = parameters.clock.monotonic_ns;
        let (segment, block_used) =
            open_segment(&mut storage, &folder, &parameters, 0, 0, now, &mut block)?;
        let mut writer = Self {
            storage,
            folder,
            segment,
            block,
            block_used,
            closed: Vec::new(),
            counts: TypeCounts::default(),
            last_monotonic_ns: now,
            failed: false,
            parameters,
        };
        writer.write_flight_header()?;
        Ok(writer)
    }

    /// Records one record and says which sequence number it got.
    ///
    /// `monotonic_ns` is the time of recording.
    ///
    /// # Errors
    /// [`WriteError::Encode`] when the record itself is at fault: it is left out and the flight goes
    /// on. Any other error ends the recording; what was written before stays valid, and `finish`
    /// then closes it as far as it goes.
    pub fn append(&mut self, record: &Record<'_>, monotonic_ns: u64) -> Result<u64, WriteError> {
        if self.failed {
            return Err(self.already_failed());
        }
        if self.segment.encoder.bytes() + FOOTER_ROOM >= self.parameters.segment_bytes
            && self.segment.encoder.records() > 1
        {
            self.rotate(monotonic_ns)?;
        }
        let sequence = self.encode(record, monotonic_ns)?;
        if self.block_used >= BLOCK {
            self.write_block()?;
        }
        Ok(sequence)
    }

    /// Writes what is still in memory and waits until all of it is on the device.
    ///
    /// # Errors
    /// As [`FlightWriter::append`].
    pub fn sync(&mut self) -> Result<(), WriteError> {
        if self.failed {
            return Err(self.already_failed());
        }
        self.write_block()?;
        let synced = self.segment.file.sync();
        synced.map_err(|source| self.fail(source))
    }

    /// Ends the recording: footers, manifest, and a sync at the end.
    ///
    /// After an error that `append` reported, the summary says `clean_shutdown: false` and counts
    /// what the files hold.
    ///
    /// # Errors
    /// When the end itself cannot be written; what was written before stays valid.
    pub fn finish(mut self) -> Result<FlightSummary, WriteError> {
        if !self.failed {
            self.write_flight_footer()?;
            self.close_segment(true, self.last_monotonic_ns)?;
        }
        // A manifest that cannot be renewed on a full disk stays as it was: not clean, no segments.
        let manifest = self.write_manifest(!self.failed);
        match manifest {
            Err(error) if !self.failed => Err(error),
            _ => Ok(self.summary()),
        }
    }

    /// The flight's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Records taken so far by type, headers and footers included.
    #[must_use]
    pub fn counts(&self) -> TypeCounts {
        let mut counts = self.counts.clone();
        counts.merge(self.segment.encoder.counts());
        counts
    }

    fn encode(&mut self, record: &Record<'_>, monotonic_ns: u64) -> Result<u64, WriteError> {
        let sequence = self.segment.encoder.next_sequence();
        let free = &mut self.block[self.block_used..];
        self.block_used += self.segment.encoder.append(record, monotonic_ns, free)?;
        self.last_monotonic_ns = self.last_monotonic_ns.max(monotonic_ns);
        Ok(sequence)
    }

    fn write_flight_header(&mut self) -> Result<(), WriteError> {
        let source_name = self.parameters.source_name.clone();
        let header = FlightHeader {
            time_ns: self.parameters.clock.monotonic_ns,
            flight_id: self.parameters.flight_id,
            source: self.parameters.source,
            source_name: &source_name,
        };
        self.encode(&Record::FlightHeader(header), header.time_ns)?;
        self.write_block()?;
        self.write_manifest(false)
    }

    fn write_flight_footer(&mut self) -> Result<(), WriteError> {
        let footer = FlightFooter {
            time_ns: self.last_monotonic_ns,
            records: self.segment.encoder.next_sequence() + 1,
            bytes: self.closed_bytes() + self.segment.encoder.bytes(),
            segments: self.segment.encoder.identity().segment + 1,
            clean_shutdown: true,
            lost: List::default(),
        };
        self.encode(&Record::FlightFooter(footer), footer.time_ns)?;
        Ok(())
    }

    /// Closes the segment and begins the next one.
    fn rotate(&mut self, monotonic_ns: u64) -> Result<(), WriteError> {
        self.close_segment(false, monotonic_ns)?;
        let number = self.segment.encoder.identity().segment + 1;
        let sequence = self.segment.encoder.next_sequence();
        let opened = open_segment(
            &mut self.storage,
            &self.folder,
            &self.parameters,
            number,
            sequence,
            monotonic_ns,
            &mut self.block,
        );
        match opened {
            Ok((segment, used)) => {
                self.counts.merge(self.segment.encoder.counts());
                self.segment = segment;
                self.block_used = used;
                Ok(())
            }
            Err(error) => {
                self.failed = true;
                Err(error)
            }
        }
    }

    fn close_segment(&mut self, last: bool, now: u64) -> Result<(), WriteError> {
        let free = &mut self.block[self.block_used..];
        self.block_used += self.segment.encoder.finish(last, now, free)?;
        self.write_block()?;
        let synced = self.segment.file.sync();
        synced.map_err(|source| self.fail(source))?;
        self.segment.closed = true;
        let encoder = &self.segment.encoder;
        self.closed.push(ManifestSegment {
            file: format!("{SEGMENTS}/{}", segment_name(encoder.identity().segment)),
            bytes: encoder.bytes(),
            first_sequence: encoder.first_sequence(),
            last_sequence: encoder.next_sequence() - 1,
        });
        Ok(())
    }

    fn write_block(&mut self) -> Result<(), WriteError> {
        let mut written = 0;
        while written < self.block_used {
            match self
                .segment
                .file
                .append(&self.block[written..self.block_used])
            {
                Ok(0) => return Err(self.cut_and_fail(written, io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.cut_and_fail(written, error)),
            }
        }
        self.segment.written_bytes += self.block_used as u64;
        self.segment.written_sequence = self.segment.encoder.next_sequence();
        self.block_used = 0;
        Ok(())
    }

    /// Gives up after `written` bytes of the block: keeps the records that are whole in the file.
    #[cold]
    fn cut_and_fail(&mut self, written: usize, source: io::Error) -> WriteError {
        let (bytes, records) = whole_records(&self.block[..written]);
        self.segment.written_bytes += bytes as u64;
        self.segment.written_sequence += records;
        self.block_used = 0;
        // If the cut fails too, the file ends in a torn record, which every reader passes over.
        let _ = self.segment.file.cut(self.segment.written_bytes);
        let _ = self.segment.file.sync();
        self.fail(source)
    }

    #[cold]
    fn fail(&mut self, source: io::Error) -> WriteError {
        self.failed = true;
        WriteError::Write {
            path: self.segment.path.clone(),
            source,
            next_sequence: self.segment.written_sequence,
        }
    }

    fn already_failed(&self) -> WriteError {
        WriteError::AlreadyFailed {
            path: self.segment.path.clone(),
            next_sequence: self.segment.written_sequence,
        }
    }

    fn write_manifest(&mut self, clean_shutdown: bool) -> Result<(), WriteError> {
        let summary = self.summary();
        let manifest = Manifest {
            format: "GFDR".to_owned(),
            format_version: FORMAT_VERSION,
            flight_id: self.parameters.flight_id,
            boot_id: self.parameters.boot_id,
            software_version: self.parameters.software_version.clone(),
            core_version: self.parameters.core_version,
            started_unix_ns: self.parameters.clock.unix_ns,
            clean_shutdown,
            records: summary.records,
            bytes: summary.bytes,
            segments: self.closed.clone(),
        };
        let path = self.folder.join(MANIFEST);
        serde_json::to_vec_pretty(&manifest)
            .map_err(io::Error::from)
            .and_then(|text| self.storage.replace_file(&path, &text))
            .map_err(|source| WriteError::Create { path, source })
    }

    fn summary(&self) -> FlightSummary {
        let open = if self.segment.closed {
            0
        } else {
            self.segment.written_bytes
        };
        FlightSummary {
            folder: self.folder.clone(),
            flight_id: self.parameters.flight_id,
            records: self.segment.written_sequence,
            bytes: self.closed_bytes() + open,
            segments: self.segment.encoder.identity().segment + 1,
            clean_shutdown: self.segment.closed && !self.failed,
        }
    }

    fn closed_bytes(&self) -> u64 {
        self.closed.iter().map(|segment| segment.bytes).sum()
    }
}

/// A writer that is dropped without `finish` leaves its records, though neither footer nor manifest.
impl<S: Storage> Drop for FlightWriter<S> {
    fn drop(&mut self) {
        if !self.failed {
            // There is nobody left to tell; a reader sees that the recording was not closed.
            let _ = self.write_block();
        }
    }
}

/// Makes the file of a segment and puts its header into `block`; says how many bytes it took.
fn open_segment<S: Storage>(
    storage: &mut S,
    folder: &Path,
    parameters: &FlightParameters,
    number: u32,
    sequence: u64,
    now: u64,
    block: &mut [u8],
) -> Result<(OpenSegment<S::File>, usize), WriteError> {
    let (encoder, used) = parameters.begin_segment(number, sequence, now, block)?;
    let path = segment_path(folder, number);
    let file = storage
        .create_segment(&path)
        .map_err(|source| WriteError::Create {
            path: path.clone(),
            source,
        })?;
    let segment = OpenSegment {
        path,
        file,
        encoder,
        written_bytes: 0,
        written_sequence: sequence,
        closed: false,
    };
    Ok((segment, used))
}

/// Bytes and number of the records that are whole at the start of `block`.
fn whole_records(block: &[u8]) -> (usize, u64) {
    let mut rest = block;
    let mut records = 0;
    while let Ok(frame) = frame_bytes(rest) {
        rest = &rest[frame.len()..];
        records += 1;
    }
    (block.len() - rest.len(), records)
}
