//! The emitted track: runs of positions under one label without a hole, and what happened on the way.

use std::io::Write;

use anyhow::bail;
use fdr_format::records::{Severity, SourceLabel};
use fdr_format::{RawRecord, Record, RecordType};

use super::Format;
use super::clock::Clock;
use crate::output::{CHECK_ROOM, NewFile, told};

/// What a track is made of.
pub const TYPES: &[RecordType] = &[
    RecordType::EMITTED_EXTERNAL_POSITION,
    RecordType::SOURCE_LABEL_TRANSITION,
    RecordType::NAVIGATOR_EVENT,
];

/// A pause beyond which a line would feign positions that were never emitted, nanoseconds.
const HOLE_NS: u64 = 2_000_000_000;
/// Most positions that are held in memory: 480 MB, eleven days at ten a second.
const MAX_POINTS: usize = 10_000_000;
/// Most events.
const MAX_EVENTS: usize = 100_000;

/// An emitted position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Unix nanoseconds.
    pub unix_ns: u64,
    /// Latitude, degrees.
    pub lat_deg: f64,
    /// Longitude, degrees.
    pub lon_deg: f64,
    /// Height above mean sea level, m.
    pub alt_msl_m: f64,
    /// 1 sigma, m.
    pub horiz_accuracy_m: f64,
}

/// Positions under one label.
#[derive(Debug)]
pub struct Run {
    /// The label.
    pub label: SourceLabel,
    /// At least one.
    pub points: Vec<Point>,
}

/// Something that happened.
#[derive(Debug)]
pub struct Event {
    /// Unix nanoseconds.
    pub unix_ns: u64,
    /// Its type.
    pub kind: String,
    /// What happened.
    pub text: String,
    /// The last position before.
    pub place: Option<Point>,
}

/// The whole track.
#[derive(Debug, Default)]
pub struct Track {
    /// The flight.
    pub name: String,
    /// In the order of the recording.
    pub runs: Vec<Run>,
    /// In the order of the recording.
    pub events: Vec<Event>,
}

/// A label as the recording's JSON has it.
pub fn label_name(label: SourceLabel) -> &'static str {
    match label {
        SourceLabel::SatelliteAnchored => "satellite_anchored",
        SourceLabel::VisualPropagated => "visual_propagated",
        SourceLabel::DeadReckoned => "dead_reckoned",
    }
}

/// Gathers the track and writes it when it is whole.
pub struct Tracker<W> {
    file: NewFile,
    track: Track,
    points: usize,
    write: W,
}

impl<W> Tracker<W> {
    /// Begins a track of the flight `name`; `write` puts it into its form.
    pub fn new(file: NewFile, name: String, write: W) -> Self {
        let track = Track {
            name,
            ..Track::default()
        };
        Self {
            file,
            track,
            points: 0,
            write,
        }
    }

    fn add(&mut self, label: SourceLabel, point: Point) -> anyhow::Result<()> {
        self.points += 1;
        if self.points > MAX_POINTS {
            bail!("more than {MAX_POINTS} positions; export a part with --from and --to");
        }
        let goes_on = self.track.runs.last().is_some_and(|run| {
            let last = run.points.last();
            run.label == label
                && last.is_some_and(|last| point.unix_ns.abs_diff(last.unix_ns) <= HOLE_NS)
        });
        if !goes_on {
            self.track.runs.push(Run {
                label,
                points: Vec::new(),
            });
        }
        if let Some(run) = self.track.runs.last_mut() {
            run.points.push(point);
        }
        Ok(())
    }
}

impl<W> Format for Tracker<W>
where
    W: Fn(&Track, &mut dyn Write) -> std::io::Result<()>,
{
    fn take(&mut self, record: &RawRecord<'_>, clock: Clock) -> anyhow::Result<bool> {
        let (time_ns, text) = match record.decode() {
            Ok(Record::EmittedExternalPosition(own)) => {
                let point = Point {
                    unix_ns: clock.unix_ns(own.time_ns),
                    lat_deg: own.lat_rad.to_degrees(),
                    lon_deg: own.lon_rad.to_degrees(),
                    alt_msl_m: own.alt_msl_m,
                    horiz_accuracy_m: own.horiz_accuracy_m,
                };
                let finite = [point.lat_deg, point.lon_deg, point.alt_msl_m];
                if !finite.iter().all(|own| own.is_finite()) {
                    return Ok(false);
                }
                self.add(own.source_label, point)?;
                return Ok(true);
            }
            Ok(Record::SourceLabelTransition(own)) => {
                let text = format!("{} to {}", label_name(own.from), label_name(own.to));
                (own.time_ns, text)
            }
            Ok(Record::NavigatorEvent(own)) if own.severity <= Severity::Notice => {
                let kind = serde_json::to_value(own.kind)?;
                (own.time_ns, kind.as_str().unwrap_or_default().to_owned())
            }
            _ => return Ok(false),
        };
        if self.track.events.len() == MAX_EVENTS {
            return Ok(false);
        }
        let place = self.track.runs.last().and_then(|run| run.points.last());
        self.track.events.push(Event {
            unix_ns: clock.unix_ns(time_ns),
            kind: record.record_type.to_string(),
            text,
            place: place.copied(),
        });
        Ok(true)
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<NewFile> {
        let written = (self.write)(&self.track, &mut self.file);
        told(written, "track", CHECK_ROOM)?;
        Ok(self.file)
    }
}
