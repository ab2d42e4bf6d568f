//! The parts of a recorder put together, without threads and without a clock: how a flight begins, goes on
//! and ends.
//!
//! | step of the beginning | what a power cut leaves |
//! |---|---|
//! | folders, lock, journal | a folder without a segment: no flight |
//! | first file of each stream | empty segments: no flight |
//! | headers written and synced | a flight without an end |
//! | manifest | the same |
//!
//! The end, after both streams' last footers are durable: files made ahead go, the flight is sealed, the
//! manifest says that it was closed in order.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fdr_format::records::LossCause;
use fdr_format::{
    Digest, FORMAT_VERSION, FlightId, FlightParameters, FlightSummary, Manifest, ManifestSegment,
    ManifestStream, Stream, segment_file,
};

use super::collector::{Collector, CollectorOptions, CollectorParts};
use super::desk::Desk;
use super::events::{RecorderEvent, RecorderEventKind};
use super::keeper::{Keeper, KeeperParts, KeeperStep};
use super::keys;
use super::lane::LaneStart;
use super::notices::Notices;
use super::restart::{self, Resumed, ResumedStream};
use super::ring::{RecordSender, record_ring};
use super::segment_files::SegmentFiles;
use super::service::RecorderError;
use super::shelf::index;
use super::sizes::RecorderSizes;
use super::staging::Staging;
use super::status::Status;
use super::volume::{Volume, make_folders, replace_file, sync_folder_of};
use super::writer::{Writer, WriterStep};

/// Steps that the beginning of a flight may take: two files, and the removal of what is in the way.
const FIRST_STEPS: usize = 64;
/// How often the keeper makes room and the writer looks whether there is some, at the beginning of a flight.
const FIRST_ROUNDS: usize = 4;

/// The parts of a recorder, put together.
#[derive(Debug)]
pub struct Machines<V: Volume> {
    /// The producers' ends.
    pub senders: Vec<RecordSender>,
    /// Numbers and frames records.
    pub collector: Collector,
    /// Writes blocks.
    pub writer: Writer<V::File>,
    /// Makes and drops files.
    pub keeper: Keeper<V>,
    /// What the parts share.
    pub shared: Shared<V>,
}

/// What the parts of a recorder share.
#[derive(Debug)]
pub struct Shared<V: Volume> {
    /// Blocks on their way to the disk.
    pub staging: Arc<Staging>,
    /// Files on their way to the writer.
    pub desk: Arc<Desk<V::File>>,
    /// Figures.
    pub status: Arc<Status>,
    /// Events and orders.
    pub notices: Arc<Notices>,
    /// The flight's folder.
    pub folder: PathBuf,
    /// Held as long as the flight is recorded.
    pub lock: V::Lock,
}

impl<V: Volume> Machines<V> {
    /// Begins a flight in `folder/{flight_id}/`, or goes on with one. Then the headers of its first, or
    /// next, segments are on the device.
    ///
    /// # Errors
    /// When the flight is being recorded by somebody else, is there already, or cannot be written.
    pub fn begin(
        volume: Arc<V>,
        folder: &Path,
        parameters: FlightParameters,
        sizes: &RecorderSizes,
        producers: usize,
        resumed: Option<Resumed>,
    ) -> Result<Self, RecorderError> {
        parameters.check()?;
        let flight = folder.join(parameters.flight_id.to_string());
        let lock = open_folder(&*volume, &flight, sizes, resumed.is_some())?;
        let starts = starts_of(sizes, resumed.as_ref());
        let status = Arc::new(Status::default());
        let staging = Arc::new(Staging::new(sizes.blocks(producers)));
        let notices = Arc::new(Notices::default());
        let desk = Arc::new(Desk::new(
            [starts[0], starts[1]].map(|start| start.stream.segment(start.number)),
        ));
        let closed = resumed.as_ref().map(|resumed| resumed.closed.clone());
        let parts = KeeperParts {
            volume,
            folder: flight.clone(),
            budget: sizes.budget(parameters.segment_bytes),
            desk: Arc::clone(&desk),
            staging: Arc::clone(&staging),
            status: Arc::clone(&status),
            notices: Arc::clone(&notices),
            flight_id: parameters.flight_id,
            streams: sizes.streams(),
        };
        let failed = |source| RecorderError::Write {
            path: flight.clone(),
            source,
        };
        let keeper = Keeper::new(parts, closed.unwrap_or_default()).map_err(failed)?;
        let rings = (0..producers).map(|_| record_ring(sizes.ring_bytes, sizes.ring_reserve_bytes));
        let (senders, receivers) = rings.unzip();
        let chains = chains_of(resumed.as_ref());
        let files = SegmentFiles::new(
            &flight,
            parameters.flight_id,
            chains,
            Arc::clone(&desk),
            Arc::clone(&status),
        );
        let writer = Writer::new(files, Arc::clone(&staging), Arc::clone(&notices));
        let options = CollectorOptions {
            bulk: starts[0],
            essential: sizes.essential.then_some(starts[1]),
            begins_flight: resumed.is_none(),
            telemetry: sizes.telemetry && sizes.real_time,
            impact_mps2: if sizes.real_time {
                sizes.freeze_impact_mps2
            } else {
                f64::INFINITY
            },
        };
        let collector = Collector::new(
            &options,
            CollectorParts {
                parameters: parameters.clone(),
                receivers,
                staging: Arc::clone(&staging),
                status: Arc::clone(&status),
                notices: Arc::clone(&notices),
            },
        )?;
        let mut machines = Self {
            senders,
            collector,
            writer,
            keeper,
            shared: Shared {
                staging,
                desk,
                status,
                notices,
                folder: flight,
                lock,
            },
        };
        machines.write_headers(&parameters, resumed.as_ref())?;
        Ok(machines)
    }

    /// Goes on with the flight of `parameters` in `folder`, whose recorder ended.
    ///
    /// # Errors
    /// As [`Machines::begin`]; also when nothing of the flight can be read.
    pub fn resume(
        volume: Arc<V>,
        folder: &Path,
        parameters: FlightParameters,
        sizes: &RecorderSizes,
        producers: usize,
    ) -> Result<Self, RecorderError> {
        let flight = folder.join(parameters.flight_id.to_string());
        // Taken before anything is read, and again for as long as the flight is recorded.
        drop(lock_flight(&*volume, &flight)?);
        let resumed =
            restart::read_flight(&*volume, &flight, parameters.flight_id).map_err(|source| {
                RecorderError::Write {
                    path: flight,
                    source,
                }
            })?;
        Self::begin(volume, folder, parameters, sizes, producers, Some(resumed))
    }

    fn write_headers(
        &mut self,
        parameters: &FlightParameters,
        resumed: Option<&Resumed>,
    ) -> Result<(), RecorderError> {
        let now_ns = parameters.clock.monotonic_ns;
        if let Some(resumed) = resumed {
            self.say_resumed(resumed, now_ns);
        }
        self.collector.flush(now_ns);
        for _ in 0..FIRST_ROUNDS {
            for _ in 0..FIRST_STEPS {
                if self.keeper.step(now_ns) == KeeperStep::Idle {
                    break;
                }
            }
            while self.writer.step(&mut || now_ns) == WriterStep::Done {}
            // A segment at the cap is dropped before its loss is recorded, now that the writer misses the
            // room. On a full disk nothing is: the power may go before there is anything else to read.
            if !self.keeper.is_dropping(LossCause::Cap) {
                break;
            }
        }
        if let Some((path, source)) = self.writer.take_problem() {
            return Err(RecorderError::Write { path, source });
        }
        let path = self.shared.folder.clone();
        // What a flight that goes on has to say may take more than one segment, and the second one the drop of
        // an old one: that waits in staging.
        let begun = self.writer.files().written(Stream::Bulk).records > 0;
        if !begun && self.shared.staging.queue().waits(Stream::Bulk) {
            let none = || (path, io::Error::from(io::ErrorKind::StorageFull));
            let (path, source) = self.keeper.take_problem().unwrap_or_else(none);
            return Err(RecorderError::Write { path, source });
        }
        write_manifest(&self.writer, &self.keeper, parameters, false)
            .map_err(|source| RecorderError::Write { path, source })
    }

    /// The first records of a flight that goes on say what was found of it.
    fn say_resumed(&mut self, resumed: &Resumed, now_ns: u64) {
        for stream in &resumed.streams {
            for unclosed in &stream.unclosed {
                unclosed.with_record(now_ns, |record| self.collector.record_own(record, now_ns));
                self.shared.notices.tell(RecorderEvent {
                    time_ns: now_ns,
                    kind: RecorderEventKind::Recovered {
                        segment: unclosed.segment,
                    },
                    text: format!("the flight goes on: {} bytes valid", unclosed.valid_bytes),
                });
            }
            for loss in stream.holes.iter().chain(&stream.passed_over) {
                self.collector.record_loss(loss.clone(), now_ns);
            }
        }
    }
}

/// Ends a flight whose collector has finished and whose blocks are written.
///
/// # Errors
/// When the end cannot be written; what was written before stays valid.
pub fn close_flight<V: Volume>(
    writer: &mut Writer<V::File>,
    keeper: &mut Keeper<V>,
    parameters: &FlightParameters,
) -> Result<FlightSummary, RecorderError> {
    let summary = summary_of(writer, keeper.folder(), parameters.flight_id);
    if !summary.clean_shutdown {
        return match writer.take_problem() {
            Some((path, source)) => Err(RecorderError::Write { path, source }),
            None => Ok(summary),
        };
    }
    let failed = |path: &Path, source| RecorderError::Write {
        path: path.to_owned(),
        source,
    };
    let folder = keeper.folder().to_owned();
    keeper.finish().map_err(|source| failed(&folder, source))?;
    keeper.complete_shelf();
    keys::seal(keeper.volume(), &folder, writer.files(), parameters)?;
    write_manifest(writer, keeper, parameters, true).map_err(|source| failed(&folder, source))?;
    Ok(summary)
}

fn summary_of<F: super::volume::VolumeFile>(
    writer: &Writer<F>,
    folder: &Path,
    flight_id: FlightId,
) -> FlightSummary {
    let bulk = writer.files().written(Stream::Bulk);
    let essential = writer.files().written(Stream::Essential);
    FlightSummary {
        folder: folder.to_owned(),
        flight_id,
        records: bulk.records,
        bytes: bulk.bytes + essential.bytes,
        segments: bulk.segments,
        clean_shutdown: bulk.ended,
    }
}

fn open_folder<V: Volume>(
    volume: &V,
    flight: &Path,
    sizes: &RecorderSizes,
    goes_on: bool,
) -> Result<V::Lock, RecorderError> {
    let failed = |path: &Path, source| RecorderError::Write {
        path: path.to_owned(),
        source,
    };
    for stream in sizes.streams() {
        let folder = flight.join(stream.folder());
        make_folders(volume, &folder).map_err(|source| failed(&folder, source))?;
    }
    let lock = lock_flight(volume, flight)?;
    let bulk = flight.join(Stream::Bulk.folder());
    let there = volume.list(&bulk).map_err(|source| failed(&bulk, source))?;
    match there.iter().map(|entry| &entry.name).min() {
        Some(name) if !goes_on => Err(failed(
            &bulk.join(name),
            io::ErrorKind::AlreadyExists.into(),
        )),
        _ => Ok(lock),
    }
}

/// Two writers of one flight would each make its promise void.
fn lock_flight<V: Volume>(volume: &V, flight: &Path) -> Result<V::Lock, RecorderError> {
    let path = flight.join("lock");
    let locked = volume.lock(&path).and_then(|lock| {
        sync_folder_of(volume, &path)?;
        Ok(lock)
    });
    locked.map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => RecorderError::Locked { path },
        _ => RecorderError::Write { path, source },
    })
}

fn starts_of(sizes: &RecorderSizes, resumed: Option<&Resumed>) -> [LaneStart; 2] {
    [Stream::Bulk, Stream::Essential].map(|stream| {
        let none = ResumedStream::default();
        let from = resumed.map_or(&none, |resumed| &resumed.streams[index(stream)]);
        LaneStart {
            stream,
            number: from.number,
            sequence: from.sequence,
            sync_interval_ns: sizes.sync_interval_ns(stream),
            previous_chain: Some(from.chain),
        }
    })
}

fn chains_of(resumed: Option<&Resumed>) -> [Digest; 2] {
    match resumed {
        Some(resumed) => [resumed.streams[0].chain, resumed.streams[1].chain],
        None => [Digest::default(); 2],
    }
}

fn write_manifest<V: Volume>(
    writer: &Writer<V::File>,
    keeper: &Keeper<V>,
    parameters: &FlightParameters,
    clean_shutdown: bool,
) -> io::Result<()> {
    let stream = |stream: Stream| {
        let segments: Vec<_> = keeper
            .shelf()
            .closed(stream)
            .filter_map(|closed| {
                let (first_sequence, last_sequence) = closed.held.as_ref()?.sequence?;
                Some(ManifestSegment {
                    file: segment_file(closed.segment),
                    bytes: closed.bytes,
                    first_sequence,
                    last_sequence,
                })
            })
            .collect();
        ManifestStream {
            stream,
            records: segments.last().map_or(0, |last| last.last_sequence + 1),
            bytes: segments.iter().map(|segment| segment.bytes).sum(),
            segments,
        }
    };
    let written = [Stream::Bulk, Stream::Essential]
        .into_iter()
        .filter(|stream| writer.files().written(*stream).segments > 0);
    let manifest = Manifest {
        format: "GFDR".to_owned(),
        format_version: FORMAT_VERSION,
        flight_id: parameters.flight_id,
        boot_id: parameters.boot_id,
        software_version: parameters.software_version.clone(),
        core_version: parameters.core_version,
        started_unix_ns: parameters.clock.unix_ns,
        clean_shutdown,
        streams: written.map(stream).collect(),
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from)?;
    replace_file(
        keeper.volume(),
        &keeper.folder().join("manifest.json"),
        &text,
    )
}
