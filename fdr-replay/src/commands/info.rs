//! `info`: what a recording holds.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::bail;
use fdr_format::records::FlightSource;
use fdr_format::{
    BootId, FlightDescription, FlightId, FlightReader, Overview, Stream, StreamOverview, TypeCounts,
};
use serde::Serialize;

use super::several::each;
use crate::cli::FlightArguments;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::table::{Table, duration, grouped};

/// The report.
#[derive(Debug, Serialize)]
struct Info {
    folder: PathBuf,
    flight_id: FlightId,
    boot_id: Option<BootId>,
    software_version: Option<String>,
    core_version: Option<u32>,
    source: Option<FlightSource>,
    source_name: Option<String>,
    started_unix_ns: Option<u64>,
    started_monotonic_ns: Option<u64>,
    duration_s: f64,
    /// Whether a footer says that the flight was ended; `verify` proves it.
    ended: bool,
    recovered: bool,
    segments: u64,
    bytes: u64,
    records: u64,
    counts: TypeCounts,
    streams: Vec<StreamOverview>,
    configuration: Option<String>,
}

/// Reads the flight, or each of a folder, and reports.
pub fn run(arguments: &FlightArguments) -> anyhow::Result<Outcome> {
    each(
        &arguments.flight,
        arguments.json,
        |path| Ok((Outcome::Clean, read(path)?)),
        print,
    )
}

fn read(path: &Path) -> anyhow::Result<Info> {
    let reader = FlightReader::open(path)?;
    let folder = reader.folder().to_owned();
    let description = reader.description().cloned();
    let mut progress = Progress::new("reading");
    let overview = Overview::read(&reader, |done, total| progress.update(done, total));
    drop(progress);
    if overview.counts.total() == 0 {
        bail!("{}: holds no readable record", folder.display());
    }
    Ok(gather(folder, reader.flight_id(), description, overview))
}

fn gather(
    folder: PathBuf,
    flight_id: FlightId,
    header: Option<FlightDescription>,
    overview: Overview,
) -> Info {
    let about = header.as_ref();
    let (source, source_name) = about.and_then(|about| about.source.clone()).unzip();
    Info {
        folder,
        flight_id,
        boot_id: about.map(|about| about.boot_id),
        software_version: about.map(|about| about.software_version.clone()),
        core_version: about.map(|about| about.core_version),
        source,
        source_name,
        started_unix_ns: about.and_then(|about| about.clock.unix_ns),
        started_monotonic_ns: about.map(|about| about.clock.monotonic_ns),
        duration_s: overview.time.map_or(0.0, |time| time.seconds()),
        ended: overview.streams.iter().all(|stream| stream.ended),
        recovered: about.is_some_and(|about| about.recovered),
        segments: overview.streams.iter().map(|stream| stream.segments).sum(),
        bytes: overview.streams.iter().map(|stream| stream.bytes).sum(),
        records: overview.streams.iter().map(|stream| stream.records).sum(),
        counts: overview.counts,
        streams: overview.streams,
        configuration: header.map(|about| about.configuration),
    }
}

fn print(info: &Info) -> io::Result<()> {
    let unknown = || "unknown".to_owned();
    let mut table = Table::default();
    table
        .row("folder", info.folder.display())
        .row("flight", info.flight_id)
        .row(
            "boot",
            info.boot_id.map_or_else(unknown, |id| id.to_string()),
        )
        .row(
            "software",
            info.software_version.clone().unwrap_or_else(unknown),
        )
        .row(
            "core version",
            info.core_version
                .map_or_else(unknown, |version| version.to_string()),
        )
        .row("source", source(info))
        .row("started", info.started_unix_ns.map_or_else(unknown, utc))
        .row("duration", duration(info.duration_s))
        .row("recording", state(info))
        .row("segments", info.segments)
        .row("bytes", grouped(info.bytes))
        .row("records", grouped(info.records));
    for stream in &info.streams {
        stream_rows(&mut table, stream);
    }
    for (record_type, count) in info.counts.iter() {
        table.row(format!("  {record_type}"), grouped(count));
    }
    let configuration = info.configuration.as_deref().unwrap_or("");
    table.row(
        "configuration",
        format!("{} bytes (--json shows it)", configuration.len()),
    );
    table.print()
}

fn stream_rows(table: &mut Table, about: &StreamOverview) {
    let name = match about.stream {
        Stream::Bulk => "  bulk stream",
        Stream::Essential => "  essential stream",
    };
    let text = format!(
        "{} segments from number {}, {} records, {} checkpoints, {} without footer, {} damaged",
        about.segments,
        about.first_segment,
        grouped(about.records),
        about.checkpoints,
        about.unclosed,
        about.damaged
    );
    table.row(name, text);
}

fn state(info: &Info) -> &'static str {
    match (info.recovered, info.ended) {
        (true, _) => "recovered from a damaged one (verify tells)",
        (false, true) => "ended in order, says its footer (verify proves it)",
        (false, false) => "not closed: being recorded, or stopped",
    }
}

fn source(info: &Info) -> String {
    let kind = info.source.map_or("unknown", source_in_words);
    format!("{kind} {}", info.source_name.as_deref().unwrap_or(""))
}

/// What fed the navigator, for people.
pub fn source_in_words(source: FlightSource) -> &'static str {
    match source {
        FlightSource::Flight => "flight",
        FlightSource::Replay => "replay",
        FlightSource::Simulation => "simulation",
    }
}

/// Unix nanoseconds as a date and time in UTC.
pub fn utc(unix_ns: u64) -> String {
    let seconds = unix_ns / 1_000_000_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a number of days since 1970-01-01, Gregorian calendar.
fn civil_date(days: u64) -> (u64, u64, u64) {
    let (mut year, mut rest) = (1970, days);
    while rest >= days_in_year(year) {
        rest -= days_in_year(year);
        year += 1;
    }
    let mut month = 1;
    while rest >= days_in_month(year, month) {
        rest -= days_in_month(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

fn days_in_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn unix_times_are_shown_as_dates() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_400_000_000_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_700_000_000_000_000_000), "2023-11-14 22:13:20 UTC");
        assert_eq!(utc(u64::MAX), "2554-07-21 23:34:33 UTC");
    }
}
