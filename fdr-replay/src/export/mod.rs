//! `export`: a recording in the forms that other programs open.
//!
//! | module | form |
//! |---|---|
//! | [`mcap`] | every record as a protobuf message, and what Foxglove shows by itself |
//! | [`tlog`] | raw MAVLink frames with their times |
//! | [`csv`], `parquet` | one record type as a table; its columns are in [`columns`] |
//! | [`kml`], [`gpx`], [`geojson`] | the track of [`track`] |
//!
//! A recording is read once, record by record. Only the track is held in memory, 48 bytes a position.

mod arguments;
mod clock;
mod columns;
mod csv;
mod geojson;
mod gpx;
mod kml;
mod mcap;
#[cfg(feature = "parquet")]
mod parquet;
mod tlog;
mod track;
mod xml;

use std::path::PathBuf;

use anyhow::bail;
use arguments::FormatName;
pub use arguments::{EXPORT_HELP, ExportArguments};
use clock::Clock;
use companion::command_line::tell;
use fdr_format::{
    Damage, FlightId, FlightItem, FlightReader, RawRecord, RecordType, Selection, Stream,
};
use serde::Serialize;

use crate::outcome::Outcome;
use crate::output::{NewFile, write_file};
use crate::table::{Table, grouped, print_json};

/// Most damages that are told on stderr; `verify` lists them all.
const DAMAGES_TOLD: u64 = 20;

/// A form being written.
trait Format {
    /// One record; whether it is in the file now.
    fn take(&mut self, record: &RawRecord<'_>, clock: Clock) -> anyhow::Result<bool>;

    /// The end of the recording: the file, with everything in it.
    fn finish(self: Box<Self>) -> anyhow::Result<NewFile>;
}

/// The report.
#[derive(Debug, Default, Serialize)]
struct Report {
    flight_id: Option<FlightId>,
    format: &'static str,
    output: PathBuf,
    /// Records that were asked for and are in the file.
    records: u64,
    /// Records that were asked for and that the form has no place for, or that cannot be read.
    left_out: u64,
    /// Places where damage was passed over.
    damages: u64,
    /// Whether times are Unix times.
    unix_times: bool,
    exit_code: u8,
}

/// Writes the file and reports.
pub fn run(arguments: &ExportArguments) -> anyhow::Result<Outcome> {
    if arguments.layout.is_some() && arguments.format != FormatName::Mcap {
        bail!("--layout goes with --format mcap only");
    }
    let mut reader = FlightReader::open(&arguments.flight.flight)?;
    let clock = Clock::of(reader.description().map(|about| about.clock));
    let selection = selection(arguments, clock)?;
    let mut report = Report {
        flight_id: Some(reader.flight_id()),
        format: arguments.format.name(),
        output: arguments.output.clone(),
        unix_times: clock.is_unix(),
        ..Report::default()
    };
    if !report.unix_times {
        tell("note: the recording does not know the time of day; times count from 1970-01-01");
    }
    let file = NewFile::create(&arguments.output, arguments.force)?;
    let mut format = begin(arguments, &selection, &reader, file)?;
    if selection != Selection::default() {
        reader.select(selection);
    }
    copy(&mut reader, format.as_mut(), clock, &mut report)?;
    format.finish()?.finish()?;
    if let Some(path) = &arguments.layout {
        write_file(path, arguments.force, mcap::LAYOUT.as_bytes())?;
    }
    let outcome = if report.damages > 0 {
        Outcome::Damaged
    } else {
        Outcome::Clean
    };
    report.exit_code = outcome.code();
    show(arguments, &report)?;
    Ok(outcome)
}

fn begin(
    arguments: &ExportArguments,
    selection: &Selection,
    reader: &FlightReader,
    file: NewFile,
) -> anyhow::Result<Box<dyn Format>> {
    let name = reader.flight_id().to_string();
    let only = selection.types.first().copied();
    let table_of = only.unwrap_or(RecordType::EMITTED_EXTERNAL_POSITION);
    Ok(match arguments.format {
        FormatName::Mcap => Box::new(mcap::Mcap::new(file, reader)?),
        FormatName::Tlog => Box::new(tlog::Tlog::new(file)),
        FormatName::Csv => Box::new(csv::Csv::new(file, table_of)?),
        #[cfg(feature = "parquet")]
        FormatName::Parquet => Box::new(parquet::Parquet::new(file, table_of)?),
        FormatName::Kml => Box::new(track::Tracker::new(file, name, kml::write)),
        FormatName::Gpx => Box::new(track::Tracker::new(file, name, gpx::write)),
        FormatName::Geojson => Box::new(track::Tracker::new(file, name, geojson::write)),
    })
}

fn copy(
    reader: &mut FlightReader,
    format: &mut dyn Format,
    clock: Clock,
    report: &mut Report,
) -> anyhow::Result<()> {
    loop {
        let text = match reader.next_item() {
            Ok(None) => return Ok(()),
            Ok(Some(FlightItem::Record { record, .. })) => {
                if format.take(&record, clock)? {
                    report.records += 1;
                } else {
                    report.left_out += 1;
                }
                continue;
            }
            // A gap may be explained anywhere in the recording: only `verify` can tell.
            Ok(Some(FlightItem::Damage {
                damage: Damage::Gap { .. },
                ..
            })) => continue,
            Ok(Some(FlightItem::Damage { segment, damage })) => {
                format!("segment {}: {damage}", Stream::of(segment).1)
            }
            Ok(Some(FlightItem::Refused { error, .. })) => error.to_string(),
            Err(error) => error.to_string(),
        };
        report.damages += 1;
        if report.damages <= DAMAGES_TOLD {
            tell(&format!("note: {text}"));
        }
    }
}

/// Which records are read: those of the form, or the ones among them that were asked for.
fn selection(arguments: &ExportArguments, clock: Clock) -> anyhow::Result<Selection> {
    let all: &[RecordType] = match arguments.format {
        FormatName::Mcap => &[],
        FormatName::Tlog => tlog::TYPES,
        FormatName::Csv => &[RecordType::EMITTED_EXTERNAL_POSITION],
        #[cfg(feature = "parquet")]
        FormatName::Parquet => &[RecordType::EMITTED_EXTERNAL_POSITION],
        FormatName::Kml | FormatName::Gpx | FormatName::Geojson => track::TYPES,
    };
    let is_table = all == [RecordType::EMITTED_EXTERNAL_POSITION];
    let name = arguments.format.name();
    if is_table && arguments.types.len() > 1 {
        bail!("--format {name} holds one record type; give --type once, and export once for each");
    }
    if !is_table
        && let Some(other) = arguments
            .types
            .iter()
            .find(|own| !all.is_empty() && !all.contains(own))
    {
        let known: Vec<_> = all.iter().map(ToString::to_string).collect();
        bail!(
            "--format {name} has no place for {other}; it holds {}",
            known.join(", ")
        );
    }
    let types = if arguments.types.is_empty() {
        all.to_vec()
    } else {
        arguments.types.clone()
    };
    let ms = |seconds: f64, round: fn(f64) -> f64| {
        (round(seconds * 1e3) + clock.start_ms() as f64).max(0.0) as u64
    };
    Ok(Selection {
        types,
        from_ms: arguments.from.map(|seconds| ms(seconds, f64::ceil)),
        to_ms: arguments.to.map(|seconds| ms(seconds, f64::floor)),
        ..Selection::default()
    })
}

fn show(arguments: &ExportArguments, report: &Report) -> anyhow::Result<()> {
    if arguments.flight.json {
        print_json(report)?;
        return Ok(());
    }
    let mut table = Table::default();
    table.row("written", report.output.display());
    table.row("records", grouped(report.records));
    if report.left_out > 0 {
        table.row("left out", grouped(report.left_out));
    }
    if report.damages > 0 {
        table.row("damages passed over", grouped(report.damages));
    }
    table.print()?;
    Ok(())
}
