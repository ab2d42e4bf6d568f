//! What is left of a flight whose recorder ended: read only, to go on with it in a new segment.
//!
//! A flight goes on when this is the boot in which it was recorded, or the autopilot says that the
//! vehicle is armed, and its last record is younger than ten minutes. Nothing of it is repaired: the
//! segments that were not closed stay as they are, and the first new segment says what they hold. The
//! numbers that the old process may have given and not written are passed over, and said to be.

mod segments;

use std::io;
use std::path::{Path, PathBuf};

use fdr_format::records::{ComponentLifecycleEvent, LifecycleEvent, LossCause, Severity};
use fdr_format::{
    BootId, ClockAnchor, DROPS_FILE, Digest, DropLog, FlightId, List, Record, Stream, segment_path,
};

use super::journal::JOURNAL_MAX;
use super::shelf::{ClosedSegment, index};
use super::tally::{COMPONENT, Loss, LostWhat, Tally};
use super::volume::{Volume, remove_durably};

pub(super) use segments::read_content;
use segments::{HeaderOf, read_end, read_footer, read_segment, segments_of};

/// Oldest last record of a flight that goes on, nanoseconds.
const AGE_MAX_NS: u64 = 600_000_000_000;
/// Numbers that are passed over: more than rings and staging of any size can have held.
const JUMP: u64 = 1 << 24;
/// A loss is told at most so many bytes behind it: more than staging of any size holds.
const TOLD_WITHIN: u64 = 64 << 20;
/// Most holes that are told one by one; further ones are told as one.
const HOLES_MAX: usize = 64;
/// Most flights that are looked at.
const FLIGHTS_MAX: usize = 10_000;
const NS_PER_MS: u64 = 1_000_000;

/// Where the program finds itself when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// This boot.
    pub boot_id: BootId,
    /// Now, in this boot's monotonic time.
    pub monotonic_ns: u64,
    /// Now, where it is known.
    pub unix_ns: Option<u64>,
    /// Whether the autopilot says that the vehicle is armed.
    pub armed: bool,
}

/// A flight that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// The flight.
    pub flight_id: FlightId,
    /// Its folder.
    pub folder: PathBuf,
    /// What each stream goes on from.
    pub streams: [ResumedStream; 2],
    /// Its segments.
    pub closed: Vec<ClosedSegment>,
}

/// Where a stream goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResumedStream {
    /// Number of the next segment.
    pub number: u32,
    /// Number of the next record.
    pub sequence: u64,
    /// `chain` of the last closed segment; zeros when there is none.
    pub chain: Digest,
    /// Segments that were not closed, oldest first.
    pub unclosed: Vec<Unclosed>,
    /// Numbers that are missing in the newest segments, and whose loss is not recorded there: the record
    /// that said so went with the end.
    pub holes: Vec<Loss>,
    /// Numbers that are passed over.
    pub passed_over: Option<Loss>,
}

/// A segment without a footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclosed {
    /// Which, as in its header.
    pub segment: u32,
    /// Bytes at its start that are whole records in a row.
    pub valid_bytes: u64,
    /// Their BLAKE3.
    pub digest: Digest,
    /// The last of them.
    pub last_sequence: u64,
}

impl Unclosed {
    /// Hands its record to `take`.
    pub fn with_record(&self, time_ns: u64, take: impl FnOnce(&Record<'_>)) {
        let text = format!(
            "not closed; {} bytes are valid, up to record {}",
            self.valid_bytes, self.last_sequence
        );
        take(&Record::ComponentLifecycleEvent(ComponentLifecycleEvent {
            time_ns,
            severity: Severity::Warning,
            event: LifecycleEvent::FdrSegmentRecovered,
            segment: Some(self.segment),
            first_sequence: None,
            last_sequence: Some(self.last_sequence),
            first_time_ns: None,
            last_time_ns: None,
            bytes: self.valid_bytes,
            digest: Some(self.digest),
            component: COMPONENT,
            cause: LossCause::Restart.name(),
            text: &text,
            counts: List::default(),
        }));
    }
}

/// The flight in `folder` that goes on in this situation, if there is one; the youngest of several.
///
/// # Errors
/// When the folder cannot be listed. A flight that cannot be read does not go on.
pub fn find_flight<V: Volume>(
    volume: &V,
    folder: &Path,
    situation: &Situation,
) -> io::Result<Option<PathBuf>> {
    let entries = match volume.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    let mut youngest: Option<(u64, PathBuf)> = None;
    for entry in entries.into_iter().take(FLIGHTS_MAX) {
        let flight = folder.join(&entry.name);
        let id: Option<FlightId> = entry.name.to_str().and_then(|name| name.parse().ok());
        let Some(id) = id.filter(|_| entry.is_folder) else {
            continue;
        };
        let Ok(Some(age)) = age_of(volume, &flight, id, situation) else {
            continue;
        };
        if age <= AGE_MAX_NS && youngest.as_ref().is_none_or(|(least, _)| age < *least) {
            youngest = Some((age, flight));
        }
    }
    Ok(youngest.map(|(_, flight)| flight))
}

/// How old the last record of a flight is; `None` when the flight does not go on whatever that is.
fn age_of<V: Volume>(
    volume: &V,
    flight: &Path,
    flight_id: FlightId,
    situation: &Situation,
) -> io::Result<Option<u64>> {
    let segments = segments_of(volume, flight, Stream::Bulk)?;
    // A segment that was just begun may have its length and not yet its first bytes.
    for found in segments.iter().rev().filter(|found| found.bytes > 0) {
        if let Some(end) = read_end(volume, flight, flight_id, found)? {
            let age = age_in(&end.header, end.last_ms, situation);
            return Ok(age.filter(|_| !end.last));
        }
    }
    Ok(None)
}

/// How old a record of `last_ms` is; `None` when its flight does not go on whatever that is.
fn age_in(header: &HeaderOf, last_ms: u64, situation: &Situation) -> Option<u64> {
    let last_ns = last_ms * NS_PER_MS;
    if header.boot_id == situation.boot_id {
        return Some(situation.monotonic_ns.saturating_sub(last_ns));
    }
    if !situation.armed {
        return None;
    }
    let ClockAnchor {
        monotonic_ns,
        unix_ns,
    } = header.clock;
    let since = last_ns.saturating_sub(monotonic_ns);
    let ages = unix_ns.zip(situation.unix_ns);
    ages.map(|(then, now)| now.saturating_sub(then.saturating_add(since)))
}

/// Reads what is left of a flight. Files that were made ahead and never begun are removed; nothing
/// else is changed.
///
/// # Errors
/// As the file system has them; also when the folder holds no segment that can be read.
pub fn read_flight<V: Volume>(
    volume: &V,
    flight: &Path,
    flight_id: FlightId,
) -> io::Result<Resumed> {
    let mut resumed = Resumed {
        flight_id,
        folder: flight.to_owned(),
        streams: Default::default(),
        closed: Vec::new(),
    };
    for stream in [Stream::Bulk, Stream::Essential] {
        let mut segments = segments_of(volume, flight, stream)?;
        while let Some(last) = segments.pop_if(|found| found.bytes == 0) {
            remove_durably(volume, &segment_path(flight, last.segment))?;
        }
        let resumed_stream = resume_stream(volume, flight, flight_id, stream, &mut segments)?;
        resumed.closed.append(&mut segments);
        resumed.streams[index(stream)] = resumed_stream;
    }
    Ok(resumed)
}

/// Goes back from the newest segment to the last that is closed, and further as long as losses there may
/// not be told yet; what was dropped in front of them the journal tells. Of those that are not closed, `segments` then says what they hold.
fn resume_stream<V: Volume>(
    volume: &V,
    flight: &Path,
    flight_id: FlightId,
    stream: Stream,
    segments: &mut [ClosedSegment],
) -> io::Result<ResumedStream> {
    let mut resumed = ResumedStream::default();
    let Some(newest) = segments.last() else {
        return Ok(resumed);
    };
    resumed.number = Stream::of(newest.segment).1 + 1;
    let mut last_sequence = None;
    let mut known = Vec::new();
    let journal = match volume.read(&flight.join(DROPS_FILE), 0, JOURNAL_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => DropLog::default(),
        bytes => DropLog::parse(&bytes?),
    };
    for (line, first, last) in journal.ranges() {
        if Stream::of(line.segment).0 == stream {
            known.push((line.segment, Vec::from([(first, last)])));
            resumed.chain = line.chain.unwrap_or(resumed.chain);
        }
    }
    let (mut closed, mut read_bytes) = (false, 0);
    for found in segments.iter_mut().rev() {
        let footer = read_footer(volume, flight, flight_id, found)?;
        if let Some((footer, sequence)) = &footer {
            found.bytes = footer.end.min(found.bytes);
            if !std::mem::replace(&mut closed, true) {
                resumed.chain = footer.chain;
                last_sequence = last_sequence.max(Some(*sequence));
            }
            if read_bytes >= TOLD_WITHIN {
                known.push((found.segment, Vec::from([(0, *sequence)])));
                break;
            }
        }
        let mut read = read_segment(volume, flight, flight_id, found.segment, found.bytes)?;
        // The footer may be whole where what stands before it is not.
        read.known
            .extend(footer.map(|(_, sequence)| (sequence, sequence)));
        read_bytes += found.bytes;
        if !closed {
            last_sequence = last_sequence.max(read.held.sequence.map(|(_, last)| last));
            resumed.unclosed.insert(
                0,
                Unclosed {
                    segment: found.segment,
                    valid_bytes: read.valid_bytes,
                    digest: read.digest,
                    last_sequence: read.held.sequence.map_or(0, |(_, last)| last),
                },
            );
            found.held = Some(read.held);
            // What is torn behind them is no part of the recording.
            found.bytes = read.valid_bytes;
        }
        known.push((found.segment, read.known));
    }
    resumed.holes = holes_in(&known);
    let next = last_sequence.map_or(0, |last| last + 1);
    resumed.sequence = next.saturating_add(JUMP).min(u64::MAX - JUMP);
    resumed.passed_over = (resumed.sequence > next).then(|| Loss {
        cause: LossCause::Restart,
        segment: stream.segment(resumed.number),
        lost: Tally {
            sequence: Some((next, resumed.sequence - 1)),
            ..Tally::default()
        },
        what: LostWhat::Unknown,
    });
    Ok(resumed)
}

/// The numbers that none of the segments holds or tells of, from the first of the flight on.
fn holes_in(segments: &[(u32, Vec<(u64, u64)>)]) -> Vec<Loss> {
    let ranges = segments
        .iter()
        .flat_map(|(segment, known)| known.iter().map(|range| (*range, *segment)));
    let mut ranges: Vec<_> = ranges.collect();
    ranges.sort_unstable();
    let mut holes: Vec<Loss> = Vec::new();
    let mut next = 0;
    for ((first, last), segment) in ranges {
        if first > next {
            let full = holes.len() == HOLES_MAX;
            match holes.last_mut() {
                Some(widest) if full => {
                    let from = widest.lost.sequence.map_or(next, |(from, _)| from);
                    widest.lost.sequence = Some((from, first - 1));
                }
                _ => holes.push(Loss {
                    cause: LossCause::Restart,
                    segment,
                    lost: Tally {
                        sequence: Some((next, first - 1)),
                        ..Tally::default()
                    },
                    what: LostWhat::Unknown,
                }),
            }
        }
        next = next.max(last.saturating_add(1));
    }
    holes
}
