//! Judges the segments of a flight side by side and takes their reports in order, so that the verdict is
//! the same, to the byte, as that of one thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::judge::Judge;
use super::segment::{Depth, SegmentJudge, SegmentReport};
use crate::flight::folder::SegmentPath;
use crate::flight::reader::FlightReader;
use crate::flight::scan::{Scan, Window};
use crate::identity::Stream;

/// Time between two reports of progress.
const PROGRESS: Duration = Duration::from_millis(100);

/// One segment to be judged.
#[derive(Debug, Clone, Copy)]
struct Task<'r> {
    segment: &'r SegmentPath,
    live: bool,
    /// Number due at its start, where that does not depend on other segments.
    due: Option<u64>,
}

/// Judges every segment on `threads` threads.
pub(super) fn judge_segments(
    reader: &FlightReader,
    judge: &mut Judge,
    depth: Depth,
    threads: usize,
    progress: &mut dyn FnMut(u64, u64),
) {
    let tasks = tasks(reader);
    let total = reader.bytes_in_all();
    let read = AtomicU64::new(0);
    let workers = threads.clamp(1, tasks.len().max(1));
    thread::scope(|scope| {
        let mut reports: Vec<Receiver<SegmentReport>> = Vec::with_capacity(workers);
        for worker in 0..workers {
            // A worker is at most two segments ahead of what is taken.
            let (sender, receiver) = sync_channel(1);
            reports.push(receiver);
            let (tasks, read) = (&tasks, &read);
            scope.spawn(move || {
                let mut window = Window::new();
                for task in tasks.iter().skip(worker).step_by(workers) {
                    let report = judge_one(reader, task, depth, &mut window, read);
                    if sender.send(report).is_err() {
                        break;
                    }
                }
            });
        }
        let mut window = None;
        for (index, task) in tasks.iter().enumerate() {
            let report = next_report(&reports[index % workers], &read, total, progress);
            let (stream, _) = Stream::of(task.segment.segment);
            let due = judge.due(stream);
            let report = report.filter(|report| is_independent(report, task.due, due));
            // What depends on the segments in front is judged again, with what is due known.
            let report = report.unwrap_or_else(|| {
                let again = Task {
                    due: Some(due),
                    ..*task
                };
                let window = window.get_or_insert_with(Window::new);
                judge_one(reader, &again, depth, window, &AtomicU64::new(0))
            });
            judge.take(report, task.segment.bytes);
        }
    });
    progress(total, total);
}

/// Whether the report would be the same, if `due` had been known: the segment begins with a valid record,
/// and no record of it was seen before.
fn is_independent(report: &SegmentReport, known: Option<u64>, due: u64) -> bool {
    let first = report.holds.sequence.map(|(first, _)| first);
    known == Some(due) || (report.begins_well && first.is_some_and(|first| first >= due))
}

fn tasks(reader: &FlightReader) -> Vec<Task<'_>> {
    let mut tasks = Vec::new();
    for stream in Stream::ALL {
        let segments = reader.files().of(stream);
        for (index, segment) in segments.iter().enumerate() {
            tasks.push(Task {
                segment,
                live: index + 1 == segments.len(),
                due: (index == 0).then_some(0),
            });
        }
    }
    tasks
}

fn judge_one(
    reader: &FlightReader,
    task: &Task<'_>,
    depth: Depth,
    window: &mut Window,
    read: &AtomicU64,
) -> SegmentReport {
    let mut judge = SegmentJudge::new(task.segment.segment, reader.description(), depth);
    let scan = Scan {
        flight_id: reader.flight_id(),
        segment: task.segment,
        due: task.due,
        hashed: depth == Depth::Full,
        live: task.live,
    };
    let mut progress = |bytes| {
        read.fetch_add(bytes, Ordering::Relaxed);
    };
    let end = scan.run(window, &mut progress, &mut judge);
    judge.finish(end)
}

/// The next report of a worker; `None` when the worker is gone.
fn next_report(
    reports: &Receiver<SegmentReport>,
    read: &AtomicU64,
    total: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Option<SegmentReport> {
    loop {
        match reports.recv_timeout(PROGRESS) {
            Ok(report) => return Some(report),
            Err(RecvTimeoutError::Timeout) => progress(read.load(Ordering::Relaxed), total),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}
