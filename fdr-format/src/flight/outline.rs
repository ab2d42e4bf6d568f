//! What a segment holds, from its footer alone, or from a scan where there is none.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::folder::SegmentPath;
use super::open::open_regular;
use super::scan::{Scan, ScanEnd, ScanSink, Window};
use crate::frame::{MAGIC, RawRecord, parse_frame};
use crate::identity::{Digest, FlightId, SegmentIdentity};
use crate::record::{CheckpointEntry, IndexEntry, Record, RecordType, TypeCounts};
use crate::segment::{Damage, FOOTER_ROOM, SegmentTally};

/// What one segment holds.
#[derive(Debug, Clone)]
pub(crate) struct Outline {
    /// Whether it comes from a footer; otherwise from a scan, or there is nothing.
    pub closed: bool,
    /// Whether the footer says that the segment is the last of its stream.
    pub last: bool,
    pub records: u64,
    pub sequence: Option<(u64, u64)>,
    pub monotonic_ms: Option<(u64, u64)>,
    pub counts: TypeCounts,
    /// Byte behind the records of the index.
    pub end: u64,
    pub index: Vec<IndexEntry>,
    pub checkpoints: Vec<CheckpointEntry>,
    /// Whether the scan met something wrong.
    pub damaged: bool,
}

impl Outline {
    /// From the footer, reading nothing but the end of the file; `None` when there is no footer there.
    pub fn of_footer(flight_id: FlightId, segment: &SegmentPath) -> io::Result<Option<Self>> {
        let file = open_regular(&segment.path)?;
        let length = file.metadata()?.len();
        let start = length.saturating_sub(FOOTER_ROOM as u64);
        let end = read_exact(&file, start, (length - start) as usize)?;
        let identity = SegmentIdentity {
            flight_id,
            segment: segment.segment,
        };
        Ok(footer_at_end(&end, start, identity.crc_seed()))
    }

    /// From all records of the segment.
    pub fn of_scan(scan: &Scan<'_>, window: &mut Window) -> io::Result<Self> {
        let mut sink = Tallied::default();
        let end = scan.run(window, &mut |_| {}, &mut sink)?;
        let tally = sink.tally;
        Ok(Self {
            closed: false,
            last: false,
            records: tally.records,
            sequence: tally.sequence,
            monotonic_ms: tally.monotonic_ms,
            end: tally.end,
            counts: tally.counts,
            index: tally.index,
            checkpoints: tally.checkpoints,
            damaged: sink.damaged || end != ScanEnd::Read(scan.segment.bytes),
        })
    }
}

#[derive(Default)]
struct Tallied {
    tally: SegmentTally,
    damaged: bool,
}

impl ScanSink for Tallied {
    fn record(&mut self, record: &RawRecord<'_>, _content: Option<Digest>) {
        let head = record.head();
        self.tally.add(&head, record.offset, record.body);
    }

    fn damage(&mut self, _damage: &Damage) {
        self.damaged = true;
    }
}

fn read_exact(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// The footer that ends exactly where `end` ends, which starts at byte `start` of its file.
fn footer_at_end(end: &[u8], start: u64, seed: u32) -> Option<Outline> {
    let mut until = end.len();
    loop {
        let magic = end[..until]
            .windows(MAGIC.len())
            .rposition(|window| window == MAGIC)?;
        until = magic + MAGIC.len() - 1;
        let Some(at) = magic.checked_sub(4) else {
            continue;
        };
        if let Ok(record) = parse_frame(end, at, seed)
            && at + record.frame_length() == end.len()
            && let Some(outline) = footer(&record, start + at as u64)
        {
            return Some(outline);
        }
    }
}

fn footer(record: &RawRecord<'_>, at: u64) -> Option<Outline> {
    let Ok(Record::SegmentFooter(footer)) = record.decode() else {
        return None;
    };
    if footer.bytes != at {
        return None;
    }
    let mut counts = TypeCounts::default();
    for count in footer.counts.iter() {
        counts.add(count.record_type, count.count);
    }
    // The footer is a record too.
    counts.add(RecordType::SEGMENT_FOOTER, 1);
    let ms = record.monotonic_ms;
    Some(Outline {
        closed: true,
        last: footer.last,
        records: footer.records.saturating_add(1),
        sequence: Some((footer.first_sequence, record.sequence)),
        monotonic_ms: Some((
            footer.first_monotonic_ms.min(ms),
            footer.last_monotonic_ms.max(ms),
        )),
        counts,
        end: at,
        index: footer.index.iter().collect(),
        checkpoints: footer.checkpoints.iter().collect(),
        damaged: false,
    })
}
