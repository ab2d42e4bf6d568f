//! What goes to the files, and what an error leaves there.

use std::io;
use std::path::Path;

use super::super::folder::{segment_file, segment_path};
use super::super::manifest::ManifestSegment;
use super::super::parameters::{FlightParameters, SegmentStart, WriteError};
use super::super::storage::{SegmentFile, Storage};
use super::{FlightWriter, OpenSegment};
use crate::frame::frame_heads;
use crate::segment::{FooterParameters, SegmentSummary};

impl<S: Storage> FlightWriter<S> {
    /// Closes the segment and begins the next one.
    pub(super) fn rotate(&mut self, monotonic_ns: u64) -> Result<(), WriteError> {
        self.close_segment(false, monotonic_ns)?;
        let start = SegmentStart {
            segment: self.segment.encoder.identity().segment + 1,
            sequence: self.segment.encoder.next_sequence(),
            now_ns: monotonic_ns,
            clock: self.parameters.clock,
            previous_chain: Some(self.chain),
        };
        let opened = open_segment(
            &mut self.storage,
            &self.folder,
            &self.parameters,
            &start,
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

    pub(super) fn close_segment(&mut self, last: bool, now: u64) -> Result<(), WriteError> {
        self.write_block()?;
        let sequence = self.segment.encoder.reserve_footer()?;
        let parameters = FooterParameters {
            sequence,
            monotonic_ns: now,
            last,
            previous_chain: self.chain,
        };
        let footer = self.segment.written.footer(&parameters, &mut self.block);
        let (length, chain) = footer?;
        self.segment.footer_bytes = length as u64;
        self.write_bytes(length)
            .map_err(|(written, source)| self.cut_and_fail(written, source))?;
        let synced = self.segment.file.sync();
        synced.map_err(|source| self.fail(source))?;
        self.chain = chain;
        self.segment.closed = true;
        let segment = &self.segment;
        self.closed.push(ManifestSegment {
            file: segment_file(segment.encoder.identity().segment),
            bytes: segment.written.bytes() + segment.footer_bytes,
            first_sequence: segment.written.sequence().unwrap_or_default().0,
            last_sequence: sequence,
        });
        Ok(())
    }

    pub(super) fn write_block(&mut self) -> Result<(), WriteError> {
        let length = self.block_used;
        self.write_bytes(length)
            .map_err(|(written, source)| self.cut_and_fail(written, source))?;
        self.segment.written.add(&self.block[..length]);
        self.block_used = 0;
        Ok(())
    }

    /// Writes the first `length` bytes of the block; an error says how many of them were taken.
    fn write_bytes(&mut self, length: usize) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < length {
            match self.segment.file.append(&self.block[written..length]) {
                Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }

    /// Gives up after `written` bytes of the block: keeps the records that are whole in the file.
    #[cold]
    fn cut_and_fail(&mut self, written: usize, source: io::Error) -> WriteError {
        let whole = whole_records(&self.block[..written]);
        self.segment.written.add(&self.block[..whole]);
        self.block_used = 0;
        // If the cut fails too, the file ends in a torn record, which every reader passes over.
        let _ = self.segment.file.cut(self.segment.written.bytes());
        let _ = self.segment.file.sync();
        self.fail(source)
    }

    #[cold]
    pub(super) fn fail(&mut self, source: io::Error) -> WriteError {
        self.failed = true;
        WriteError::Write {
            path: self.segment.path.clone(),
            source,
            next_sequence: self.next_unwritten(),
        }
    }

    pub(super) fn already_failed(&self) -> WriteError {
        WriteError::AlreadyFailed {
            path: self.segment.path.clone(),
            next_sequence: self.next_unwritten(),
        }
    }
}

/// Makes the file of a segment and puts its header into `block`; says how many bytes it took.
pub(super) fn open_segment<S: Storage>(
    storage: &mut S,
    folder: &Path,
    parameters: &FlightParameters,
    start: &SegmentStart,
    block: &mut [u8],
) -> Result<(OpenSegment<S::File>, usize), WriteError> {
    let (encoder, used) = parameters.begin_segment(start, block)?;
    let path = segment_path(folder, start.segment);
    let file = storage
        .create_segment(&path)
        .map_err(|source| WriteError::Create {
            path: path.clone(),
            source,
        })?;
    let segment = OpenSegment {
        path,
        file,
        written: SegmentSummary::new(encoder.identity()),
        first_sequence: start.sequence,
        encoder,
        footer_bytes: 0,
        closed: false,
    };
    Ok((segment, used))
}

/// Bytes of the records that are whole at the start of `block`.
fn whole_records(block: &[u8]) -> usize {
    frame_heads(block).map(|head| head.length).sum()
}
