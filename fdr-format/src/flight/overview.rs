//! What a flight holds, as its footers say: quick, and not proven.

use std::io;

use serde::Serialize;

use super::outline::Outline;
use super::reader::FlightReader;
use super::scan::{Scan, Window};
use super::verify::TimeRange;
use crate::identity::Stream;
use crate::record::TypeCounts;

/// What a flight holds. Closed segments are believed what their footers say; only those without are read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// The streams that the flight has.
    pub streams: Vec<StreamOverview>,
    /// Time range of the records.
    pub time: Option<TimeRange>,
    /// Records by type.
    pub counts: TypeCounts,
}

/// What one stream holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamOverview {
    /// Which.
    pub stream: Stream,
    /// Number of its first segment that is there; those before were dropped.
    pub first_segment: u32,
    /// Segment files.
    pub segments: u64,
    /// Segments without footer, which were read.
    pub unclosed: u64,
    /// Segments that could not be read, or only with damage.
    pub damaged: u64,
    /// Whether the last footer says that the stream ends there.
    pub ended: bool,
    /// Records.
    pub records: u64,
    /// Bytes of the segments.
    pub bytes: u64,
    /// Sequence number of the first record.
    pub first_sequence: Option<u64>,
    /// Sequence number of the last record.
    pub last_sequence: Option<u64>,
    /// The navigator's checkpoints that the indexes name.
    pub checkpoints: u64,
}

impl Overview {
    /// Gathers it for the flight that `reader` has opened. `progress` is told bytes done and in all.
    pub fn read(reader: &FlightReader, mut progress: impl FnMut(u64, u64)) -> Self {
        let mut overview = Self {
            streams: Vec::new(),
            time: None,
            counts: TypeCounts::default(),
        };
        let (mut done, total) = (0, reader.bytes_in_all());
        let mut window = None;
        for stream in Stream::ALL {
            let segments = reader.files().of(stream);
            let Some(first) = segments.first() else {
                continue;
            };
            let mut about = StreamOverview {
                stream,
                first_segment: Stream::of(first.segment).1,
                segments: segments.len() as u64,
                unclosed: 0,
                damaged: 0,
                ended: false,
                records: 0,
                bytes: segments.iter().map(|segment| segment.bytes).sum(),
                first_sequence: None,
                last_sequence: None,
                checkpoints: 0,
            };
            for (index, segment) in segments.iter().enumerate() {
                let live = index + 1 == segments.len();
                let outline = outline(reader, segment, live, &mut window);
                overview.add(&mut about, outline);
                done += segment.bytes;
                progress(done, total);
            }
            overview.streams.push(about);
        }
        overview
    }

    fn add(&mut self, about: &mut StreamOverview, outline: io::Result<Outline>) {
        let Ok(outline) = outline else {
            about.damaged += 1;
            return;
        };
        about.unclosed += u64::from(!outline.closed);
        about.damaged += u64::from(outline.damaged);
        about.ended = outline.last;
        about.records += outline.records;
        about.checkpoints += outline.checkpoints.len() as u64;
        if let Some((first, last)) = outline.sequence {
            about.first_sequence.get_or_insert(first);
            about.last_sequence = Some(last);
        }
        if let Some((least, greatest)) = outline.monotonic_ms {
            let time = TimeRange::including(self.time, least);
            self.time = Some(TimeRange::including(Some(time), greatest));
        }
        self.counts.merge(&outline.counts);
    }
}

fn outline(
    reader: &FlightReader,
    segment: &super::folder::SegmentPath,
    live: bool,
    window: &mut Option<Window>,
) -> io::Result<Outline> {
    if let Some(outline) = Outline::of_footer(reader.flight_id(), segment)? {
        return Ok(outline);
    }
    let scan = Scan {
        flight_id: reader.flight_id(),
        segment,
        due: None,
        hashed: false,
        live,
    };
    Outline::of_scan(&scan, window.get_or_insert_with(Window::new))
}
