//! `cat`: prints records as JSON, one per line.

use std::io::{self, BufWriter, StdoutLock, Write};

use companion::command_line::tell;
use fdr_format::{Damage, FlightItem, FlightReader, RawRecord, Record, RecordType};
use serde::Serialize;
use serde_json::json;

use crate::cli::CatArguments;
use crate::outcome::{AlreadyReported, Outcome};

/// One record as it is printed.
#[derive(Debug, Serialize)]
struct Line<'a> {
    segment: u32,
    sequence: u64,
    monotonic_ms: u64,
    time_s: f64,
    #[serde(rename = "type")]
    record_type: RecordType,
    type_number: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Record<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Prints the records that were asked for. A failure after the first of them ends the array with an
/// object that says so, because the document is on its way by then.
pub fn run(arguments: &CatArguments) -> anyhow::Result<Outcome> {
    let mut output = Output::new(arguments.flight.json);
    match print_records(arguments, &mut output) {
        Err(error) if output.array && !output.first && !error.is::<io::Error>() => {
            tell(&format!("error: {error}"));
            output.element(&json!({ "error": error.to_string() }))?;
            output.end()?;
            Err(AlreadyReported.into())
        }
        done => done,
    }
}

fn print_records(arguments: &CatArguments, output: &mut Output) -> anyhow::Result<Outcome> {
    let mut reader = FlightReader::open(&arguments.flight.flight)?;
    let last_segment = reader.last_segment();
    let mut start_ms = reader
        .description()
        .map(|about| about.clock.monotonic_ns / 1_000_000);
    let mut outcome = Outcome::Clean;
    while let Some(item) = reader.next_item()? {
        match item {
            FlightItem::Record { segment, record } => {
                let start_ms = *start_ms.get_or_insert(record.monotonic_ms);
                let time_s = seconds_since(start_ms, record.monotonic_ms);
                if is_wanted(arguments, record.record_type, time_s) {
                    output.element(&line(segment, &record, time_s))?;
                }
            }
            FlightItem::Damage { segment, damage } => {
                tell(&format!("note: segment {segment}: {damage}"));
                outcome = worse(outcome, &damage, segment == last_segment);
            }
            FlightItem::Refused { segment, error } => {
                tell(&format!("note: segment {segment}: {error}"));
                outcome = Outcome::Damaged;
            }
        }
    }
    output.end()?;
    Ok(outcome)
}

fn is_wanted(arguments: &CatArguments, record_type: RecordType, time_s: f64) -> bool {
    let types = &arguments.types;
    (types.is_empty() || types.contains(&record_type))
        && arguments.from.is_none_or(|from| time_s >= from)
        && arguments.to.is_none_or(|to| time_s <= to)
}

fn line<'a>(segment: u32, record: &RawRecord<'a>, time_s: f64) -> Line<'a> {
    let decoded = record.decode();
    Line {
        segment,
        sequence: record.sequence,
        monotonic_ms: record.monotonic_ms,
        time_s,
        record_type: record.record_type,
        type_number: record.record_type.0,
        error: decoded.as_ref().err().map(ToString::to_string),
        body: decoded.ok(),
    }
}

fn worse(outcome: Outcome, damage: &Damage, in_last_segment: bool) -> Outcome {
    match damage {
        Damage::TornTail { .. } if in_last_segment && outcome == Outcome::Clean => {
            Outcome::TornTail
        }
        _ => Outcome::Damaged,
    }
}

fn seconds_since(start_ms: u64, ms: u64) -> f64 {
    (i128::from(ms) - i128::from(start_ms)) as f64 * 1e-3
}

/// JSON lines, or the elements of one JSON array.
struct Output {
    out: BufWriter<StdoutLock<'static>>,
    array: bool,
    first: bool,
}

impl Output {
    fn new(array: bool) -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 16, io::stdout().lock()),
            array,
            first: true,
        }
    }

    fn element(&mut self, element: &impl Serialize) -> io::Result<()> {
        match (self.array, self.first) {
            (true, true) => self.out.write_all(b"[\n")?,
            (true, false) => self.out.write_all(b",\n")?,
            (false, _) => {}
        }
        self.first = false;
        serde_json::to_writer(&mut self.out, element)?;
        if self.array {
            Ok(())
        } else {
            self.out.write_all(b"\n")
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if self.array {
            let end: &[u8] = if self.first { b"[]\n" } else { b"\n]\n" };
            self.out.write_all(end)?;
        }
        self.out.flush()
    }
}
