//! Takes blocks from staging to their files, and says how far the flight would survive a power cut.
//!
//! A block whose file does not lie ready goes back; the other stream's blocks are written meanwhile.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use fdr_format::Stream;
use fdr_format::records::LossCause;

use super::events::{RecorderEvent, RecorderEventKind};
use super::notices::Notices;
use super::segment_files::{FileProblem, SegmentFiles};
use super::shelf::index;
use super::staging::Staging;
use super::volume::VolumeFile;

/// What a step of the writer came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterStep {
    /// A block is in its file, or its segment was given up.
    Done,
    /// Blocks wait, but not for the disk: their files do not lie ready.
    Blocked,
    /// Nothing waits.
    Idle,
    /// Nothing waits and nothing will come.
    Finished,
}

/// The writer of both streams.
#[derive(Debug)]
pub struct Writer<F> {
    files: SegmentFiles<F>,
    staging: Arc<Staging>,
    notices: Arc<Notices>,
    degraded: [bool; 2],
    problem: Option<(PathBuf, io::Error)>,
}

impl<F: VolumeFile> Writer<F> {
    /// A writer of `files`.
    #[must_use]
    pub fn new(files: SegmentFiles<F>, staging: Arc<Staging>, notices: Arc<Notices>) -> Self {
        Self {
            files,
            staging,
            notices,
            degraded: [false; 2],
            problem: None,
        }
    }

    /// Writes the oldest block that can be written. `now_ns` is asked before and after a sync.
    pub fn step(&mut self, now_ns: &mut dyn FnMut() -> u64) -> WriterStep {
        let mut blocked = [false; 2];
        loop {
            let block = self.staging.queue().oldest_unless(blocked);
            let Some(mut block) = block else {
                return match blocked {
                    [false, false] if self.staging.queue().is_closed() => WriterStep::Finished,
                    [false, false] => WriterStep::Idle,
                    _ => WriterStep::Blocked,
                };
            };
            let (stream, _) = Stream::of(block.segment.number);
            match self.files.write(&mut block, now_ns) {
                Ok(()) => {
                    self.staging.queue().give_back(block);
                    self.publish(stream, now_ns());
                }
                Err(FileProblem::NotReady { .. }) => {
                    self.staging.queue().put_back(block);
                    blocked[index(stream)] = true;
                    continue;
                }
                Err(FileProblem::GivenUp {
                    path,
                    source,
                    in_doubt,
                }) => {
                    self.degrade(stream, path, source, now_ns());
                    let mut queue = self.staging.queue();
                    if in_doubt.segment == block.segment.number {
                        queue.give_back(block);
                    } else {
                        queue.put_back(block);
                    }
                    queue.fail_segment(*in_doubt);
                }
            }
            return WriterStep::Done;
        }
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &SegmentFiles<F> {
        &self.files
    }

    /// The first error of the disk, once.
    pub fn take_problem(&mut self) -> Option<(PathBuf, io::Error)> {
        self.problem.take()
    }

    /// How far a stream would survive a power cut now: everything before this number is on the device, or
    /// the record that explains its loss is.
    #[must_use]
    pub fn promised(&self, stream: Stream) -> u64 {
        let durable = self.files.durable(stream);
        self.staging
            .queue()
            .ledger()
            .durable_before(stream, durable.before)
    }

    fn publish(&mut self, stream: Stream, now_ns: u64) {
        let durable = self.files.durable(stream);
        let before = self.promised(stream);
        match stream {
            Stream::Bulk => self.files.status().durable(before, durable.last_ms),
            Stream::Essential => self.files.status().essential_durable(before),
        }
        if self.degraded[index(stream)] && !self.files.is_failing(stream) {
            self.degraded[index(stream)] = false;
            self.notices.record(RecorderEvent {
                time_ns: now_ns,
                kind: RecorderEventKind::Resumed { stream },
                text: format!("the {stream} stream is recorded again"),
            });
        }
    }

    #[cold]
    fn degrade(&mut self, stream: Stream, path: PathBuf, source: io::Error, now_ns: u64) {
        if !std::mem::replace(&mut self.degraded[index(stream)], true) {
            self.notices.record(RecorderEvent {
                time_ns: now_ns,
                kind: RecorderEventKind::Degraded {
                    cause: LossCause::IoError,
                    stream,
                },
                text: format!("{}: {source}", path.display()),
            });
        }
        self.problem.get_or_insert((path, source));
    }
}
