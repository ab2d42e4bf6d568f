//! `list`: the flights in a folder, the newest last.

use std::path::PathBuf;

use fdr_format::{
    FlightId, FlightReader, Overview, SEAL_FILE, SEAL_KEY_FILE, SignedReceipt, find_flights,
};
use serde::Serialize;

use super::info::{source_in_words, utc};
use crate::cli::ListArguments;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::table::{Columns, duration, grouped, print_json};

/// One flight.
#[derive(Debug, Serialize)]
struct Line {
    folder: PathBuf,
    flight_id: Option<FlightId>,
    started_unix_ns: Option<u64>,
    duration_s: f64,
    source: Option<String>,
    records: u64,
    bytes: u64,
    segments: u64,
    /// Whether the footers say that it was ended; `verify` proves it.
    ended: bool,
    sealed: bool,
    /// Whether a receipt says that it was retrieved, and its signature holds.
    retrieved: bool,
    /// Whether the flight's secret key is still in its folder.
    key_on_disk: bool,
    error: Option<String>,
}

/// Lists and ends with 1 when one of them cannot be read.
pub fn run(arguments: &ListArguments) -> anyhow::Result<Outcome> {
    let mut lines = Vec::new();
    for folder in find_flights(&arguments.folder)? {
        lines.push(line(folder));
    }
    lines.sort_by_key(|line| line.started_unix_ns);
    let outcome = match lines.iter().all(|line| line.error.is_none()) {
        true => Outcome::Clean,
        false => Outcome::Unreadable,
    };
    match arguments.json {
        true => print_json(&lines)?,
        false => print(&lines)?,
    }
    Ok(outcome)
}

fn line(folder: PathBuf) -> Line {
    let mut line = Line {
        sealed: folder.join(SEAL_FILE).is_file(),
        key_on_disk: folder.join(SEAL_KEY_FILE).exists(),
        retrieved: matches!(SignedReceipt::read(&folder), Ok(Some(receipt)) if receipt.is_signed()),
        folder,
        flight_id: None,
        started_unix_ns: None,
        duration_s: 0.0,
        source: None,
        records: 0,
        bytes: 0,
        segments: 0,
        ended: false,
        error: None,
    };
    let reader = match FlightReader::open(&line.folder) {
        Ok(reader) => reader,
        Err(error) => {
            line.error = Some(error.to_string());
            return line;
        }
    };
    let mut progress = Progress::new("reading");
    let overview = Overview::read(&reader, |done, total| progress.update(done, total));
    line.flight_id = Some(reader.flight_id());
    let about = reader.description();
    line.started_unix_ns = about.and_then(|about| about.clock.unix_ns);
    let source = about.and_then(|about| about.source.as_ref());
    line.source = source.map(|(source, name)| format!("{} {name}", source_in_words(*source)));
    line.duration_s = overview.time.map_or(0.0, |time| time.seconds());
    line.ended = overview.streams.iter().all(|stream| stream.ended);
    for stream in &overview.streams {
        line.records += stream.records;
        line.bytes += stream.bytes;
        line.segments += stream.segments;
    }
    if line.records == 0 {
        line.error = Some("holds no readable record".to_owned());
    }
    line
}

fn print(lines: &[Line]) -> std::io::Result<()> {
    let mut table = Columns::new(&[
        "flight",
        "started",
        ">duration",
        ">MB",
        ">records",
        "state",
        "source",
    ]);
    for line in lines {
        let name = line
            .flight_id
            .map_or_else(|| line.folder.display().to_string(), |id| id.to_string());
        let state = match (&line.error, line.ended) {
            (Some(error), _) => error.clone(),
            (None, ended) => {
                let mut words = vec![if ended { "ended" } else { "not closed" }];
                words.extend(line.sealed.then_some("sealed"));
                words.extend(line.retrieved.then_some("retrieved"));
                words.extend(line.key_on_disk.then_some("key on disk"));
                words.join(", ")
            }
        };
        table.row([
            name,
            line.started_unix_ns
                .map_or_else(|| "unknown".to_owned(), utc),
            duration(line.duration_s),
            grouped(line.bytes / 1_000_000),
            grouped(line.records),
            state,
            line.source.clone().unwrap_or_default(),
        ]);
    }
    table.print()
}
