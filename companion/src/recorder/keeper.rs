//! Keeps the files of a flight: makes the next one ahead of need, drops the oldest within the cap.
//!
//! For each stream:
//!
//! | next file | room for it within the cap | no room, a segment may be dropped | no room, none may be dropped |
//! |---|---|---|---|
//! | lies ready | - | - | - |
//! | missing | made; an error is tried again after a pause | the oldest is dropped | the stream **holds** until there is room |
//!
//! A drop under way (`drops`) is waited for. Frozen, nothing is dropped; the stream holds instead.

mod drops;
mod orders;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fdr_format::records::LossCause;
use fdr_format::{FlightId, Stream, segment_path};

use super::budget::{Budget, LEDGER_BYTES};
use super::desk::Desk;
use super::events::{RecorderEvent, RecorderEventKind};
use super::journal::Journal;
use super::markers::Markers;
use super::notices::Notices;
use super::shelf::{ClosedSegment, Shelf};
use super::staging::Staging;
use super::status::Status;
use super::volume::{Volume, make_segment, remove_durably};
use drops::{Dropping, Room};

/// Pause after a first error; it doubles with each that follows.
const BACKOFF_MIN_NS: u64 = 100_000_000;
/// Longest pause.
const BACKOFF_MAX_NS: u64 = 30_000_000_000;
/// How often the file system and the markers are looked at.
const LOOK_NS: u64 = 1_000_000_000;

/// What could not be done with which file.
#[derive(Debug)]
struct Problem(PathBuf, io::Error);

/// What the keeper waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeeperStep {
    /// Something was done: there may be more.
    Again,
    /// Nothing to do before something changes or time passes.
    Idle,
}

/// What a keeper works with.
#[derive(Debug)]
pub struct KeeperParts<V: Volume> {
    /// The file system.
    pub volume: Arc<V>,
    /// The flight's folder.
    pub folder: PathBuf,
    /// What the flight may take.
    pub budget: Budget,
    /// Where files go and come from.
    pub desk: Arc<Desk<V::File>>,
    /// Where losses are told.
    pub staging: Arc<Staging>,
    /// Where figures go.
    pub status: Arc<Status>,
    /// Where events go and orders come from.
    pub notices: Arc<Notices>,
    /// The flight.
    pub flight_id: FlightId,
    /// The streams that are recorded.
    pub streams: Vec<Stream>,
}

/// The keeper of a flight's files.
#[derive(Debug)]
pub struct Keeper<V: Volume> {
    parts: KeeperParts<V>,
    shelf: Shelf,
    journal: Journal<V::File>,
    markers: Markers,
    /// The drop under way of each stream.
    dropping: [Option<Dropping>; 2],
    problem: Option<(PathBuf, io::Error)>,
    failures: u32,
    pause_until_ns: u64,
    now_ns: u64,
    look_due_ns: u64,
    ledger_bytes: u64,
}

impl<V: Volume> Keeper<V> {
    /// The keeper of a flight whose folders exist; `closed` are the segments that are there already.
    ///
    /// # Errors
    /// When journal or markers cannot be read or made.
    pub fn new(parts: KeeperParts<V>, closed: Vec<ClosedSegment>) -> io::Result<Self> {
        let journal = Journal::open(&*parts.volume, &parts.folder)?;
        let markers = Markers::read(&*parts.volume, &parts.folder)?;
        let mut shelf = Shelf::default();
        closed.into_iter().for_each(|closed| shelf.add(closed));
        for segment in markers.pinned() {
            shelf.pin(segment);
        }
        parts.status.set_frozen(markers.frozen());
        Ok(Self {
            parts,
            shelf,
            journal,
            markers,
            dropping: [None, None],
            problem: None,
            failures: 0,
            pause_until_ns: 0,
            now_ns: 0,
            look_due_ns: 0,
            ledger_bytes: LEDGER_BYTES,
        })
    }

    /// Does the next thing there is to do at `now_ns`.
    pub fn step(&mut self, now_ns: u64) -> KeeperStep {
        self.now_ns = now_ns;
        for closed in self.parts.desk.take_closed() {
            self.shelf.add(closed);
        }
        if now_ns >= self.look_due_ns {
            self.look_due_ns = now_ns.saturating_add(LOOK_NS);
            self.look(now_ns);
        }
        while let Some(order) = self.parts.notices.next_order() {
            self.follow(order, now_ns);
        }
        self.publish();
        if now_ns < self.pause_until_ns {
            return KeeperStep::Idle;
        }
        match self.work(now_ns) {
            Ok(true) => {
                self.failures = 0;
                self.publish();
                KeeperStep::Again
            }
            Ok(false) => KeeperStep::Idle,
            Err(Problem(path, source)) => {
                self.problem = Some((path, source));
                let pause = BACKOFF_MIN_NS << self.failures.min(16);
                self.failures = self.failures.saturating_add(1);
                self.pause_until_ns = now_ns.saturating_add(pause.min(BACKOFF_MAX_NS));
                KeeperStep::Idle
            }
        }
    }

    /// Ends in order: a drop whose record is on the device is carried out, what was made ahead and not
    /// begun is removed, an empty journal too.
    ///
    /// # Errors
    /// As the file system has them; readers pass over what is left.
    pub fn finish(&mut self) -> io::Result<()> {
        for closed in self.parts.desk.take_closed() {
            self.shelf.add(closed);
        }
        self.go_on_dropping(self.now_ns)
            .map_err(|Problem(_, source)| source)?;
        for (segment, file) in self.parts.desk.take_unused() {
            drop(file);
            let path = segment_path(&self.parts.folder, segment);
            remove_durably(&*self.parts.volume, &path)?;
        }
        self.journal.finish(&*self.parts.volume)?;
        self.publish();
        Ok(())
    }

    /// The last error, once.
    pub fn take_problem(&mut self) -> Option<(PathBuf, io::Error)> {
        self.problem.take()
    }

    /// The closed segments.
    #[must_use]
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Looks up what the segments of an earlier process hold.
    pub fn complete_shelf(&mut self) {
        for stream in self.parts.streams.clone() {
            let closed: Vec<_> = self.shelf.closed(stream).cloned().collect();
            for closed in closed.into_iter().filter(|closed| closed.held.is_none()) {
                let complete = self.with_content(closed);
                self.shelf.replace(complete);
            }
        }
    }

    /// The flight's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.parts.folder
    }

    /// The file system.
    #[must_use]
    pub fn volume(&self) -> &V {
        &self.parts.volume
    }

    /// Everything that the flight takes of the device as the keeper counts it, bytes.
    #[must_use]
    pub fn allocated(&self) -> u64 {
        let streams = [Stream::Bulk, Stream::Essential];
        let segments = streams.map(|stream| self.taken_by(stream));
        segments.iter().sum::<u64>() + self.ledger_bytes
    }

    fn taken_by(&self, stream: Stream) -> u64 {
        let room = self.parts.budget.segment_room();
        self.shelf.allocated(stream) + self.parts.desk.in_use(stream) * room
    }

    fn publish(&self) {
        self.parts.status.set_allocated(self.allocated());
    }

    /// One thing; says whether there was one.
    fn work(&mut self, now_ns: u64) -> Result<bool, Problem> {
        if self.go_on_dropping(now_ns)? {
            return Ok(true);
        }
        for stream in self.parts.streams.clone() {
            if let Some((segment, file)) = self.parts.desk.take_stale(stream) {
                drop(file);
                let path = segment_path(&self.parts.folder, segment);
                remove_durably(&*self.parts.volume, &path).map_err(|error| Problem(path, error))?;
                return Ok(true);
            }
            if self.waits_for_drop(stream) {
                continue;
            }
            if let Some(segment) = self.parts.desk.missing(stream)
                && self.make_ahead(stream, segment, now_ns)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn make_ahead(&mut self, stream: Stream, segment: u32, now_ns: u64) -> Result<bool, Problem> {
        let budget = &self.parts.budget;
        let room = budget.segment_room();
        if self.taken_by(stream) + room > budget.of(stream, self.ledger_bytes) {
            let text = format!("the cap of {} bytes is reached", budget.cap_bytes);
            return Ok(self.make_room(stream, LossCause::Cap, text, now_ns) == Room::Asked);
        }
        let path = segment_path(&self.parts.folder, segment);
        match make_segment(&*self.parts.volume, &path, room) {
            Ok(file) => {
                self.parts.desk.put(segment, file);
                self.hold(stream, None, String::new(), now_ns);
                Ok(true)
            }
            Err(error) if is_full(&error) => {
                let text = format!("{}: {error}", path.display());
                match self.make_room(stream, LossCause::NoSpace, text, now_ns) {
                    Room::Asked => Ok(true),
                    Room::Coming => Ok(false),
                    Room::Nowhere => Err(Problem(path, error)),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self
                .pass_over_existing(&path, error)
                .map_err(|error| Problem(path, error)),
            Err(error) => {
                let text = format!("{}: {error}", path.display());
                self.hold(stream, Some(LossCause::IoError), text, now_ns);
                Err(Problem(path, error))
            }
        }
    }

    /// A file that a failed attempt left behind is empty and may go; any other is not ours.
    fn pass_over_existing(&self, path: &Path, error: io::Error) -> io::Result<bool> {
        match self.parts.volume.read(path, 0, 1) {
            Ok(bytes) if bytes.is_empty() => {
                remove_durably(&*self.parts.volume, path)?;
                Ok(true)
            }
            _ => Err(error),
        }
    }

    /// Says once that a stream holds, and once that it goes on.
    fn hold(&mut self, stream: Stream, cause: Option<LossCause>, text: String, now_ns: u64) {
        let before = self.parts.status.hold(stream);
        if before == cause {
            return;
        }
        self.parts.status.set_hold(stream, cause);
        let (kind, text) = match cause {
            Some(cause) => (
                RecorderEventKind::Degraded { cause, stream },
                format!("no file for the next {stream} segment: {text}"),
            ),
            None => (
                RecorderEventKind::Resumed { stream },
                format!("the {stream} stream is recorded again"),
            ),
        };
        self.parts.notices.record(RecorderEvent {
            time_ns: now_ns,
            kind,
            text,
        });
    }
}

/// Whether there is no room, rather than something broken.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
