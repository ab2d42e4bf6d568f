//! Records a flight into segment files, one record after the other, on the caller's thread.
//!
//! | state | append | finish |
//! |---|---|---|
//! | recording | encodes into a block; a full block is written, a full segment closed | footers, manifest, sync |
//! | failed | refused, naming the first failure | nothing is written; the records that reached the file stay |
//!
//! When a write fails the segment is cut behind the last record that it holds whole, and the writer
//! goes to the failed state: it never tries again and never trusts a file it could not write.

mod files;

use std::io;
use std::path::{Path, PathBuf};

use super::folder::MANIFEST;
use super::manifest::{Manifest, ManifestSegment, ManifestStream};
use super::parameters::{FlightParameters, FlightSummary, SegmentStart, WriteError};
use super::storage::{FileSystem, SegmentFile, Storage};
use crate::frame::{FORMAT_VERSION, MAX_LENGTH};
use crate::identity::{Digest, Stream};
use crate::layout::List;
use crate::record::{FlightFooter, FlightHeader, Record, TypeCounts};
use crate::segment::{FOOTER_ROOM, SegmentEncoder, SegmentSummary};
use files::open_segment;

/// Bytes that are gathered before they are written.
const BLOCK: usize = 256 << 10;

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
    chain: Digest,
    /// Sequence numbers to be passed over before the next record.
    left_out: u64,
    counts: TypeCounts,
    last_monotonic_ns: u64,
    failed: bool,
}

#[derive(Debug)]
struct OpenSegment<F> {
    path: PathBuf,
    file: F,
    encoder: SegmentEncoder,
    /// What the file holds.
    written: SegmentSummary,
    first_sequence: u64,
    footer_bytes: u64,
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
        let segments = folder.join(Stream::Bulk.folder());
        storage
            .create_folder(&segments)
            .map_err(|source| WriteError::Create {
                path: segments,
                source,
            })?;
        let mut block = vec![0; BLOCK + MAX_LENGTH + 4 + FOOTER_ROOM].into_boxed_slice();
        let now = parameters.clock.monotonic_ns;
        let start = SegmentStart {
            segment: 0,
            sequence: 0,
            now_ns: now,
            clock: parameters.clock,
            previous_chain: Some(Digest::default()),
        };
        let (segment, block_used) =
            open_segment(&mut storage, &folder, &parameters, &start, &mut block)?;
        let mut writer = Self {
            storage,
            folder,
            segment,
            block,
            block_used,
            closed: Vec::new(),
            chain: Digest::default(),
            left_out: 0,
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
        self.make_room(monotonic_ns)?;
        let sequence = self.encode(record, monotonic_ns)?;
        if self.block_used >= BLOCK {
            self.write_block()?;
        }
        Ok(sequence)
    }

    /// Passes over so many sequence numbers, and says which. The next record should explain why.
    ///
    /// # Errors
    /// As [`FlightWriter::append`].
    pub(super) fn leave_out(&mut self, records: u64) -> Result<(u64, u64), WriteError> {
        self.make_room(self.last_monotonic_ns)?;
        let first = self.segment.encoder.next_sequence();
        // The last number is none, and one is needed for each record that follows.
        let last = first.saturating_add(records - 1).min(u64::MAX >> 1);
        self.left_out = (last - first) + 1;
        Ok((first, last))
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

    /// Closes the segment when nothing more fits.
    fn make_room(&mut self, monotonic_ns: u64) -> Result<(), WriteError> {
        let encoder = &self.segment.encoder;
        let end = encoder.bytes() + encoder.footer_room() as u64;
        let is_full = end >= self.parameters.segment_bytes || encoder.is_full_of_types();
        match is_full && encoder.records() > 1 {
            true => self.rotate(monotonic_ns),
            false => Ok(()),
        }
    }

    fn encode(&mut self, record: &Record<'_>, monotonic_ns: u64) -> Result<u64, WriteError> {
        let sequence = self.segment.encoder.next_sequence();
        let sequence = sequence.saturating_add(std::mem::take(&mut self.left_out));
        let free = &mut self.block[self.block_used..];
        let encoder = &mut self.segment.encoder;
        self.block_used += encoder.append(record, sequence, monotonic_ns, free)?;
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
            segments: self.segment.encoder.identity().segment + 1,
            clean_shutdown: true,
            lost: List::default(),
        };
        self.encode(&Record::FlightFooter(footer), footer.time_ns)?;
        Ok(())
    }

    fn write_manifest(&mut self, clean_shutdown: bool) -> Result<(), WriteError> {
        let manifest = Manifest {
            format: "GFDR".to_owned(),
            format_version: FORMAT_VERSION,
            flight_id: self.parameters.flight_id,
            boot_id: self.parameters.boot_id,
            software_version: self.parameters.software_version.clone(),
            core_version: self.parameters.core_version,
            started_unix_ns: self.parameters.clock.unix_ns,
            clean_shutdown,
            streams: vec![ManifestStream {
                stream: Stream::Bulk,
                records: self.next_unwritten(),
                bytes: self.closed_bytes(),
                segments: self.closed.clone(),
            }],
        };
        let path = self.folder.join(MANIFEST);
        serde_json::to_vec_pretty(&manifest)
            .map_err(io::Error::from)
            .and_then(|text| self.storage.replace_file(&path, &text))
            .map_err(|source| WriteError::Create { path, source })
    }

    /// The number of the first record that is not in a file.
    fn next_unwritten(&self) -> u64 {
        match self.segment.written.sequence() {
            _ if self.segment.closed => self.segment.encoder.next_sequence(),
            Some((_, last)) => last + 1,
            None => self.segment.first_sequence,
        }
    }

    fn summary(&self) -> FlightSummary {
        let open = if self.segment.closed {
            0
        } else {
            self.segment.written.bytes()
        };
        FlightSummary {
            folder: self.folder.clone(),
            flight_id: self.parameters.flight_id,
            records: self.next_unwritten(),
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
