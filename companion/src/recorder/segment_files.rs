//! Writes blocks into the segment files of a flight, and knows what of it is durable.
//!
//! | state | block of the same segment | block of another segment | write or sync fails |
//! |---|---|---|---|
//! | none open | - | its file is made | - |
//! | open | written behind the last | its file is made | the segment is given up: it is never written or synced again |
//! | given up | refused | its file is made | - |
//!
//! A block that ends its segment is synced, the file cut to its real length and closed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fdr_format::records::LossCause;
use fdr_format::{
    Digest, FORMAT_VERSION, FlightParameters, FlightSummary, FooterParameters, Manifest,
    ManifestSegment, ManifestStream, RecordType, SegmentIdentity, SegmentSummary, Stream,
    segment_file, segment_path,
};

use super::block::{ALIGNMENT, Block, BlockEnd};
use super::status::Status;
use super::tally::{Loss, Tally};
use super::volume::{Volume, VolumeFile, make_folders, make_segment, replace_file};

/// Why a block is not in its file.
#[derive(Debug)]
pub enum FileProblem {
    /// The segment's file cannot be made; it may be tried again.
    NotCreated {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The segment is given up.
    GivenUp {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// What was written to it and may not be on the device.
        in_doubt: Box<Loss>,
    },
}

/// The segment files of a flight that is being recorded.
#[derive(Debug)]
pub struct SegmentFiles<V: Volume> {
    volume: V,
    folder: PathBuf,
    parameters: FlightParameters,
    status: Arc<Status>,
    open: Option<OpenSegment<V::File>>,
    ended: bool,
    next_sequence: u64,
    durable: Durable,
    chain: Digest,
    closed: Vec<ManifestSegment>,
    records: u64,
    bytes: u64,
    segments: u32,
}

/// How far a flight is on the device, losses left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Durable {
    /// Number behind the last record.
    pub before: u64,
    /// Time of recording of the last record.
    pub last_ms: u64,
}

#[derive(Debug)]
struct OpenSegment<F> {
    number: u32,
    path: PathBuf,
    file: F,
    offset: u64,
    summary: SegmentSummary,
    /// What the next segment is chained to, once the footer is framed.
    chain: Option<Digest>,
    whole: Tally,
    unsynced: Tally,
}

impl<V: Volume> SegmentFiles<V> {
    /// Makes the flight's folder in `folder`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(
        volume: V,
        folder: &Path,
        parameters: FlightParameters,
        status: Arc<Status>,
    ) -> io::Result<Self> {
        let folder = folder.join(parameters.flight_id.to_string());
        let segments = segment_path(&folder, 0);
        make_folders(&volume, segments.parent().unwrap_or(&folder))?;
        Ok(Self {
            volume,
            folder,
            parameters,
            status,
            open: None,
            ended: false,
            next_sequence: 0,
            durable: Durable::default(),
            chain: Digest::default(),
            closed: Vec::new(),
            records: 0,
            bytes: 0,
            segments: 0,
        })
    }

    /// Writes a block, and makes it durable if it asks for that or ends its segment.
    ///
    /// `now_ns` is asked before and after a sync.
    ///
    /// # Errors
    /// When the block is not in its file; after [`FileProblem::NotCreated`] it may be offered again.
    pub fn write(
        &mut self,
        block: &mut Block,
        now_ns: &mut dyn FnMut() -> u64,
    ) -> Result<(), FileProblem> {
        let number = block.segment.number;
        if self.open.as_ref().is_none_or(|open| open.number != number) {
            self.open_segment(number)?;
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.summary.add(block.bytes());
        if let Some(due) = block.footer.take() {
            let footer = FooterParameters {
                sequence: due.sequence,
                monotonic_ns: due.monotonic_ns,
                last: block.end == BlockEnd::Flight,
                previous_chain: self.chain,
            };
            // The collector left room for the largest footer there can be.
            if let Ok((length, chain)) = open.summary.footer(&footer, block.free()) {
                block.take(length);
                open.chain = Some(chain);
            }
        }
        let tally = block.tally();
        let length = block.bytes().len() as u64;
        let bytes = block.aligned_bytes();
        let device = bytes.len() as u64;
        let offset = open.offset;
        if let Err(source) = open.file.write_at(offset, bytes) {
            open.unsynced.merge(&tally);
            return Err(self.give_up(source));
        }
        open.offset += length;
        open.whole.merge(&tally);
        open.unsynced.merge(&tally);
        self.status.written(framed_bytes(&tally, block), device);
        match block.end {
            BlockEnd::Nothing if block.sync => self.sync(now_ns),
            BlockEnd::Nothing => Ok(()),
            BlockEnd::Segment => self.close(length != device, now_ns),
            BlockEnd::Flight => {
                self.close(length != device, now_ns)?;
                self.ended = true;
                Ok(())
            }
        }
    }

    /// Waits until everything written is durable.
    ///
    /// # Errors
    /// When the segment had to be given up.
    pub fn sync(&mut self, now_ns: &mut dyn FnMut() -> u64) -> Result<(), FileProblem> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let before = now_ns();
        if let Err(source) = open.file.sync() {
            return Err(self.give_up(source));
        }
        let after = now_ns();
        self.status.sync_ns.add(after.saturating_sub(before));
        let synced = std::mem::take(&mut open.unsynced);
        if let Some(((_, last), (first_ms, last_ms))) = synced.sequence.zip(synced.monotonic_ms) {
            self.durable = Durable {
                before: last + 1,
                last_ms,
            };
            let lag = after.saturating_sub(first_ms * 1_000_000);
            self.status.durable_lag_ns.add(lag);
        }
        Ok(())
    }

    /// What is on the device.
    #[must_use]
    pub fn durable(&self) -> Durable {
        self.durable
    }

    /// Writes the manifest, at the start and at the end of the flight.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_manifest(&mut self, clean_shutdown: bool) -> io::Result<()> {
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
                records: self.next_sequence,
                bytes: self.bytes,
                segments: self.closed.clone(),
            }],
        };
        let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from)?;
        let path = self.manifest_path();
        replace_file(&self.volume, &path, &text)
    }

    /// Where the manifest is.
    #[must_use]
    pub fn manifest_path(&self) -> PathBuf {
        self.folder.join("manifest.json")
    }

    /// The flight's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the recorder says of itself.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// What the files hold.
    #[must_use]
    pub fn summary(&self) -> FlightSummary {
        let open = self.open.as_ref();
        FlightSummary {
            folder: self.folder.clone(),
            flight_id: self.parameters.flight_id,
            records: self.records + open.map_or(0, |open| open.whole.records),
            bytes: self.bytes + open.map_or(0, |open| open.offset),
            segments: self.segments,
            clean_shutdown: self.ended,
        }
    }

    fn open_segment(&mut self, number: u32) -> Result<(), FileProblem> {
        let path = segment_path(&self.folder, number);
        // The record that reaches the limit, the footers and the last alignment still belong to it.
        let room = self
            .parameters
            .segment_bytes
            .next_multiple_of(ALIGNMENT as u64);
        match make_segment(&self.volume, &path, room) {
            Ok(file) => {
                self.segments = self.segments.max(number + 1);
                self.open = Some(OpenSegment {
                    number,
                    path,
                    file,
                    offset: 0,
                    summary: SegmentSummary::new(SegmentIdentity {
                        flight_id: self.parameters.flight_id,
                        segment: number,
                    }),
                    chain: None,
                    whole: Tally::default(),
                    unsynced: Tally::default(),
                });
                Ok(())
            }
            Err(source) => Err(FileProblem::NotCreated { path, source }),
        }
    }

    fn close(&mut self, cut: bool, now_ns: &mut dyn FnMut() -> u64) -> Result<(), FileProblem> {
        self.sync(now_ns)?;
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        // Also gives back the room that was reserved and not needed.
        let done = open
            .file
            .cut(open.offset)
            .and_then(|()| if cut { open.file.sync() } else { Ok(()) });
        if let Err(source) = done {
            return Err(self.give_up(source));
        }
        if let Some(open) = self.open.take() {
            self.chain = open.chain.unwrap_or(self.chain);
            self.count(&open);
        }
        Ok(())
    }

    fn count(&mut self, open: &OpenSegment<V::File>) {
        self.records += open.whole.records;
        self.bytes += open.offset;
        let (first_sequence, last_sequence) = open.whole.sequence.unwrap_or_default();
        self.next_sequence = last_sequence + 1;
        self.closed.push(ManifestSegment {
            file: segment_file(open.number),
            bytes: open.offset,
            first_sequence,
            last_sequence,
        });
    }

    /// An error is final for its segment: what the device holds of it is unknown.
    #[cold]
    fn give_up(&mut self, source: io::Error) -> FileProblem {
        self.status.failed();
        let Some(mut open) = self.open.take() else {
            return FileProblem::NotCreated {
                path: self.folder.clone(),
                source,
            };
        };
        // Behind the last record there may be part of a block, or the zeros that align a footer. If the
        // cut fails too, every reader passes over them.
        let _ = open.file.cut(open.offset);
        self.count(&open);
        FileProblem::GivenUp {
            path: open.path,
            source,
            in_doubt: Box::new(Loss {
                cause: LossCause::IoError,
                segment: open.number,
                lost: open.unsynced,
            }),
        }
    }
}

fn framed_bytes(tally: &Tally, block: &Block) -> u64 {
    if tally.counts.get(RecordType::FILLER) == 0 {
        return tally.bytes;
    }
    let fillers = fdr_format::frame_heads(block.bytes())
        .filter(|head| head.record_type == RecordType::FILLER);
    tally.bytes - fillers.map(|head| head.length as u64).sum::<u64>()
}
