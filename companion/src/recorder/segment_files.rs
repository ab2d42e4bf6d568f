//! Writes blocks into the segment files of a flight, and knows what of it is durable.
//!
//! For each stream:
//!
//! | state | block of the same segment | block of another segment | write or sync fails |
//! |---|---|---|---|
//! | none open | - | its file is taken, if it lies ready | - |
//! | open | written behind the last | its file is taken, if it lies ready | the segment is given up: it is never written or synced again |
//! | given up | refused | its file is taken after a pause that doubles with each failure | - |
//!
//! A block that ends its segment gets the footer, which says what the file really holds; it is synced,
//! the file cut to its real length and closed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fdr_format::records::LossCause;
use fdr_format::{
    Digest, FlightId, FooterParameters, RecordType, SegmentIdentity, SegmentSummary, Stream,
    segment_path,
};

use super::block::{Block, BlockEnd};
use super::desk::Desk;
use super::shelf::{ClosedSegment, index};
use super::status::Status;
use super::tally::{Loss, LostWhat, Tally};
use super::volume::VolumeFile;

/// Pause after a first failure; it doubles with each that follows without a sync between them.
const BACKOFF_MIN_NS: u64 = 100_000_000;
/// Longest pause.
const BACKOFF_MAX_NS: u64 = 30_000_000_000;

/// Why a block is not in its file.
#[derive(Debug)]
pub enum FileProblem {
    /// The segment's file does not lie ready; the block may be offered again.
    NotReady {
        /// The segment.
        segment: u32,
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
pub struct SegmentFiles<F> {
    folder: PathBuf,
    flight_id: FlightId,
    status: Arc<Status>,
    desk: Arc<Desk<F>>,
    streams: [StreamFiles<F>; 2],
}

/// How far a stream is on the device, losses left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Durable {
    /// Number behind the last record.
    pub before: u64,
    /// Time of recording of the last record.
    pub last_ms: u64,
}

/// What a stream's files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Whether the last footer is on the device.
    pub ended: bool,
    /// Segments begun.
    pub segments: u32,
    /// Records in them.
    pub records: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// The last segment that has a footer, and its place in the chain; zeros when there is none.
    pub last_closed: Option<u32>,
    /// See `last_closed`.
    pub chain: Digest,
}

#[derive(Debug)]
struct StreamFiles<F> {
    open: Option<OpenSegment<F>>,
    durable: Durable,
    written: Written,
    failures: u32,
    blocked_until_ns: u64,
}

#[derive(Debug)]
struct OpenSegment<F> {
    segment: u32,
    path: PathBuf,
    file: F,
    offset: u64,
    summary: SegmentSummary,
    /// What the next segment is chained to, once the footer is framed.
    chain: Option<Digest>,
    whole: Tally,
    unsynced: Tally,
}

impl<F: VolumeFile> SegmentFiles<F> {
    /// The files of the flight in folder `flight`; `chains` are those of the last closed segments.
    #[must_use]
    pub fn new(
        flight: &Path,
        flight_id: FlightId,
        chains: [Digest; 2],
        desk: Arc<Desk<F>>,
        status: Arc<Status>,
    ) -> Self {
        let stream = |chain| StreamFiles {
            open: None,
            durable: Durable::default(),
            written: Written {
                chain,
                ..Written::default()
            },
            failures: 0,
            blocked_until_ns: 0,
        };
        Self {
            folder: flight.to_owned(),
            flight_id,
            status,
            desk,
            streams: chains.map(stream),
        }
    }

    /// Writes a block, and makes it durable if it asks for that or ends its segment.
    ///
    /// `now_ns` is asked before and after a sync.
    ///
    /// # Errors
    /// When the block is not in its file; after [`FileProblem::NotReady`] it may be offered again.
    pub fn write(
        &mut self,
        block: &mut Block,
        now_ns: &mut dyn FnMut() -> u64,
    ) -> Result<(), FileProblem> {
        let segment = block.segment.number;
        let (stream, _) = Stream::of(segment);
        let lane = &self.streams[index(stream)];
        if lane
            .open
            .as_ref()
            .is_none_or(|open| open.segment != segment)
        {
            // A segment whose footer was lost on the way ends here: durable, and without one.
            self.close(stream, now_ns)?;
            self.open_segment(segment, now_ns())?;
        }
        let lane = &mut self.streams[index(stream)];
        let Some(open) = &mut lane.open else {
            return Ok(());
        };
        open.summary.add(block.bytes());
        if let Some(due) = block.footer.take() {
            let footer = FooterParameters {
                sequence: due.sequence,
                monotonic_ns: due.monotonic_ns,
                last: block.end == BlockEnd::Flight,
                previous_chain: lane.written.chain,
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
        if let Err(source) = open.file.write_at(open.offset, bytes) {
            open.unsynced.merge(&tally);
            return Err(self.give_up(stream, source, now_ns()));
        }
        open.offset += length;
        open.whole.merge(&tally);
        open.unsynced.merge(&tally);
        self.status.written(framed_bytes(&tally, block), device);
        match block.end {
            BlockEnd::Nothing if block.sync => self.sync(stream, now_ns),
            BlockEnd::Nothing => Ok(()),
            BlockEnd::Segment => self.close(stream, now_ns),
            BlockEnd::Flight => {
                self.close(stream, now_ns)?;
                self.streams[index(stream)].written.ended = true;
                Ok(())
            }
        }
    }

    /// What of a stream is on the device.
    #[must_use]
    pub fn durable(&self, stream: Stream) -> Durable {
        self.streams[index(stream)].durable
    }

    /// What the files of a stream hold.
    #[must_use]
    pub fn written(&self, stream: Stream) -> Written {
        let lane = &self.streams[index(stream)];
        let open = lane.open.as_ref();
        Written {
            records: lane.written.records + open.map_or(0, |open| open.whole.records),
            bytes: lane.written.bytes + open.map_or(0, |open| open.offset),
            ..lane.written
        }
    }

    /// Whether nothing of a stream could be made durable since its last segment was given up.
    #[must_use]
    pub fn is_failing(&self, stream: Stream) -> bool {
        self.streams[index(stream)].failures > 0
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

    fn open_segment(&mut self, segment: u32, now_ns: u64) -> Result<(), FileProblem> {
        let (stream, number) = Stream::of(segment);
        let lane = &mut self.streams[index(stream)];
        if now_ns < lane.blocked_until_ns {
            return Err(FileProblem::NotReady { segment });
        }
        let Some(file) = self.desk.take(segment) else {
            return Err(FileProblem::NotReady { segment });
        };
        lane.written.segments = lane.written.segments.max(number + 1);
        lane.open = Some(OpenSegment {
            segment,
            path: segment_path(&self.folder, segment),
            file,
            offset: 0,
            summary: SegmentSummary::new(SegmentIdentity {
                flight_id: self.flight_id,
                segment,
            }),
            chain: None,
            whole: Tally::default(),
            unsynced: Tally::default(),
        });
        Ok(())
    }

    /// Waits until everything written is durable.
    fn sync(&mut self, stream: Stream, now_ns: &mut dyn FnMut() -> u64) -> Result<(), FileProblem> {
        let lane = &mut self.streams[index(stream)];
        let Some(open) = &mut lane.open else {
            return Ok(());
        };
        let before = now_ns();
        if let Err(source) = open.file.sync() {
            return Err(self.give_up(stream, source, before));
        }
        let after = now_ns();
        self.status.synced(after.saturating_sub(before));
        let synced = std::mem::take(&mut open.unsynced);
        lane.failures = 0;
        if let Some(((_, last), (first_ms, last_ms))) = synced.sequence.zip(synced.monotonic_ms) {
            lane.durable = Durable {
                before: last + 1,
                last_ms,
            };
            if stream == Stream::Bulk {
                let lag = after.saturating_sub(first_ms * 1_000_000);
                self.status.durable_lag_ns.add(lag);
            }
        }
        Ok(())
    }

    fn close(
        &mut self,
        stream: Stream,
        now_ns: &mut dyn FnMut() -> u64,
    ) -> Result<(), FileProblem> {
        let lane = &mut self.streams[index(stream)];
        let Some(open) = &mut lane.open else {
            return Ok(());
        };
        // Gives back the room that was reserved and not needed, and takes away the zeros that align the
        // footer: before the sync, so that a process that is killed in it leaves none behind the footer.
        if let Err(source) = open.file.cut(open.offset) {
            return Err(self.give_up(stream, source, now_ns()));
        }
        self.sync(stream, now_ns)?;
        let lane = &mut self.streams[index(stream)];
        if let Some(open) = lane.open.take() {
            lane.written.chain = open.chain.unwrap_or(lane.written.chain);
            lane.written.last_closed = open.chain.map(|_| open.segment);
            self.put_away(open);
        }
        Ok(())
    }

    fn put_away(&mut self, open: OpenSegment<F>) {
        let lane = &mut self.streams[index(Stream::of(open.segment).0)];
        lane.written.records += open.whole.records;
        lane.written.bytes += open.offset;
        self.desk.give_back(ClosedSegment {
            segment: open.segment,
            // A file that cannot be asked takes at least what was written to it.
            allocated: open.file.allocated().unwrap_or(open.offset),
            bytes: open.offset,
            held: Some(open.whole),
            chain: open.chain,
        });
    }

    /// An error is final for its segment: what the device holds of it is unknown.
    #[cold]
    fn give_up(&mut self, stream: Stream, source: io::Error, now_ns: u64) -> FileProblem {
        self.status.failed();
        let lane = &mut self.streams[index(stream)];
        let pause = BACKOFF_MIN_NS << lane.failures.min(16);
        lane.blocked_until_ns = now_ns.saturating_add(pause.min(BACKOFF_MAX_NS));
        lane.failures = lane.failures.saturating_add(1);
        let Some(mut open) = lane.open.take() else {
            // Only an open file fails.
            return FileProblem::NotReady {
                segment: stream.segment(0),
            };
        };
        // Behind the last record there may be part of a block, or the zeros that align a footer. If the
        // cut fails too, every reader passes over them.
        let _ = open.file.cut(open.offset);
        open.chain = None;
        let in_doubt = Box::new(Loss {
            cause: LossCause::IoError,
            segment: open.segment,
            lost: std::mem::take(&mut open.unsynced),
            what: LostWhat::Records,
        });
        let path = open.path.clone();
        self.put_away(open);
        FileProblem::GivenUp {
            path,
            source,
            in_doubt,
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
