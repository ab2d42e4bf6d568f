//! The segments that an earlier process left, read.

use std::io;
use std::path::Path;

use fdr_format::records::{ComponentLifecycleEvent, LifecycleEvent, SegmentFooter};
use fdr_format::{
    BootId, ClockAnchor, Damage, Digest, FOOTER_ROOM, FRAME_OVERHEAD, FlightId, FrameHead, Record,
    RecordType, SegmentIdentity, SegmentReader, SegmentSummary, Stream, TypeCounts, segment_path,
};

use super::super::shelf::ClosedSegment;
use super::super::tally::Tally;
use super::super::volume::Volume;

/// Longest segment that is read: the largest that is written, and the record that reached it.
const SEGMENT_READ_MAX: usize = 320 << 20;
/// Room that is enough for any segment header: the longest configuration and what stands beside it.
const HEADER_BYTES: usize = 320 << 10;
/// Bytes at the end of a segment in which its last record is looked for.
const TAIL_BYTES: usize = 2 << 20;

/// What a closed segment holds and its place in the chain, from its footer; a segment without one is
/// read whole.
///
/// # Errors
/// As the file system has them.
pub(in super::super) fn read_content<V: Volume>(
    volume: &V,
    flight: &Path,
    flight_id: FlightId,
    closed: &ClosedSegment,
) -> io::Result<(Tally, Option<Digest>)> {
    if let Some((footer, sequence)) = read_footer(volume, flight, flight_id, closed)? {
        let mut counts = footer.counts;
        counts.add(RecordType::SEGMENT_FOOTER, 1);
        let tally = Tally {
            records: footer.records + 1,
            sequence: Some((footer.first_sequence, sequence)),
            monotonic_ms: Some((footer.first_ms, footer.last_ms)),
            bytes: closed.bytes,
            counts,
        };
        return Ok((tally, Some(footer.chain)));
    }
    let read = read_segment(volume, flight, flight_id, closed.segment, closed.bytes)?;
    Ok((read.held, None))
}

/// What a footer says.
#[derive(Debug)]
pub(super) struct Footer {
    /// Byte behind it: zeros that aligned it may follow.
    pub end: u64,
    pub chain: Digest,
    pub last: bool,
    pub records: u64,
    pub first_sequence: u64,
    pub first_ms: u64,
    pub last_ms: u64,
    pub counts: TypeCounts,
}

impl Footer {
    fn of(footer: &SegmentFooter<'_>, length: usize) -> Self {
        let mut counts = TypeCounts::default();
        for count in footer.counts.iter() {
            counts.add(count.record_type, count.count);
        }
        Self {
            end: footer.bytes.saturating_add(length as u64),
            chain: footer.chain,
            last: footer.last,
            records: footer.records,
            first_sequence: footer.first_sequence,
            first_ms: footer.first_monotonic_ms,
            last_ms: footer.last_monotonic_ms,
            counts,
        }
    }
}

/// The footer at the end of a segment and its number.
pub(super) fn read_footer<V: Volume>(
    volume: &V,
    flight: &Path,
    flight_id: FlightId,
    found: &ClosedSegment,
) -> io::Result<Option<(Footer, u64)>> {
    let path = segment_path(flight, found.segment);
    let from = found.bytes.saturating_sub(FOOTER_ROOM as u64);
    let tail = volume.read(&path, from, FOOTER_ROOM)?;
    let identity = SegmentIdentity {
        flight_id,
        segment: found.segment,
    };
    let Ok(reader) = SegmentReader::open(&tail, Some(identity)) else {
        return Ok(None);
    };
    let last = reader.flatten().last();
    Ok(last.and_then(|record| match record.decode() {
        Ok(Record::SegmentFooter(footer)) => {
            let length = FRAME_OVERHEAD + record.body.len();
            Some((Footer::of(&footer, length), record.sequence))
        }
        _ => None,
    }))
}

/// What a header says.
pub(super) struct HeaderOf {
    pub boot_id: BootId,
    pub clock: ClockAnchor,
}

impl HeaderOf {
    fn of(reader: &SegmentReader<'_>) -> Option<Self> {
        reader.header().map(|header| Self {
            boot_id: header.boot_id,
            clock: ClockAnchor {
                monotonic_ns: header.anchor_monotonic_ns,
                unix_ns: header.anchor_unix_ns,
            },
        })
    }
}

/// The beginning and the end of a segment.
pub(super) struct End {
    pub header: HeaderOf,
    /// Time of its last record.
    pub last_ms: u64,
    /// Whether that is a footer, and the flight's last.
    pub last: bool,
}

/// The beginning and the end of a segment; one whose end is torn is read whole. `None` when it has no header.
pub(super) fn read_end<V: Volume>(
    volume: &V,
    flight: &Path,
    flight_id: FlightId,
    found: &ClosedSegment,
) -> io::Result<Option<End>> {
    let path = segment_path(flight, found.segment);
    let identity = SegmentIdentity {
        flight_id,
        segment: found.segment,
    };
    let start = volume.read(&path, 0, HEADER_BYTES)?;
    let header = match SegmentReader::open(&start, Some(identity)) {
        Ok(reader) => HeaderOf::of(&reader),
        Err(_) => None,
    };
    let Some(header) = header else {
        return Ok(None);
    };
    let from = found.bytes.saturating_sub(TAIL_BYTES as u64);
    let tail = volume.read(&path, from, TAIL_BYTES)?;
    if let Ok(reader) = SegmentReader::open(&tail, Some(identity))
        && let Some(record) = reader.flatten().last()
    {
        let footer = match record.decode() {
            Ok(Record::SegmentFooter(footer)) => Some(footer.last),
            _ => None,
        };
        return Ok(Some(End {
            header,
            last_ms: record.monotonic_ms,
            last: footer == Some(true),
        }));
    }
    let read = read_segment(volume, flight, flight_id, found.segment, found.bytes)?;
    Ok(read.held.monotonic_ms.map(|(_, last_ms)| End {
        header,
        last_ms,
        last: read.footer.is_some_and(|footer| footer.last),
    }))
}

/// What a segment holds.
pub(super) struct ReadSegment {
    pub footer: Option<Footer>,
    pub held: Tally,
    pub valid_bytes: u64,
    pub digest: Digest,
    /// Numbers that it holds, or says to be lost, in ranges.
    pub known: Vec<(u64, u64)>,
}

/// Reads a segment up to the first thing that is no record in its place.
pub(super) fn read_segment<V: Volume>(
    volume: &V,
    flight: &Path,
    flight_id: FlightId,
    segment: u32,
    bytes: u64,
) -> io::Result<ReadSegment> {
    let identity = SegmentIdentity { flight_id, segment };
    let length = usize::try_from(bytes).unwrap_or(usize::MAX);
    let path = segment_path(flight, segment);
    let bytes = volume.read(&path, 0, length.min(SEGMENT_READ_MAX))?;
    let mut read = ReadSegment {
        footer: None,
        held: Tally::default(),
        valid_bytes: 0,
        digest: Digest::default(),
        known: Vec::new(),
    };
    let mut summary = SegmentSummary::new(identity);
    let mut told = Vec::new();
    if let Ok(reader) = SegmentReader::open(&bytes, Some(identity)) {
        for item in reader {
            let record = match item {
                Ok(record) => record,
                // Numbers that were lost on the way; a loss record says so.
                Err(Damage::Gap { .. }) => continue,
                Err(_) => break,
            };
            let length = FRAME_OVERHEAD + record.body.len();
            read.held.add(&FrameHead {
                record_type: record.record_type,
                sequence: record.sequence,
                monotonic_ms: record.monotonic_ms,
                length,
            });
            read.valid_bytes += length as u64;
            match read.known.last_mut() {
                Some((_, last)) if *last + 1 == record.sequence => *last = record.sequence,
                _ => read.known.push((record.sequence, record.sequence)),
            }
            match record.decode() {
                Ok(Record::SegmentFooter(footer)) => {
                    read.footer = Some(Footer::of(&footer, length))
                }
                Ok(Record::ComponentLifecycleEvent(event)) => told.extend(loss_in(&event, segment)),
                _ => {}
            }
        }
    }
    read.known.append(&mut told);
    summary.add(&bytes[..read.valid_bytes as usize]);
    read.digest = summary.content();
    Ok(read)
}

/// The numbers that an event says to be lost, when they are of the stream of `segment`.
fn loss_in(event: &ComponentLifecycleEvent<'_>, segment: u32) -> Option<(u64, u64)> {
    let same = event.segment.map(|lost| Stream::of(lost).0) == Some(Stream::of(segment).0);
    if event.event != LifecycleEvent::FdrSegmentDropped || !same {
        return None;
    }
    event.first_sequence.zip(event.last_sequence)
}

/// The segment files of a stream in the order of their numbers.
pub(super) fn segments_of<V: Volume>(
    volume: &V,
    flight: &Path,
    stream: Stream,
) -> io::Result<Vec<ClosedSegment>> {
    let entries = match volume.list(&flight.join(stream.folder())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut segments: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            let name = entry.name.to_str()?;
            let digits = name.strip_prefix("seg_")?.strip_suffix(".bin")?;
            let segment = stream.segment(digits.parse().ok()?);
            let same = segment_path(flight, segment);
            (same.file_name() == Some(&entry.name)).then_some(ClosedSegment {
                segment,
                allocated: entry.allocated,
                bytes: entry.length,
                held: None,
                chain: None,
            })
        })
        .collect();
    segments.sort_by_key(|found| found.segment);
    Ok(segments)
}
