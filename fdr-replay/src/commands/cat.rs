//! `cat`: prints records as JSON, one per line.

use std::io::{self, BufWriter, StdoutLock, Write};

use companion::command_line::tell;
use fdr_format::{FlightItem, FlightReader, RawRecord, Record, RecordType, Verification, Verifier};
use serde::Serialize;

use crate::cli::CatArguments;
use crate::outcome::Outcome;

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

/// Most findings that are told on stderr; `verify` lists them all.
const FINDINGS_TOLD: usize = 20;

/// Prints the records that were asked for.
pub fn run(arguments: &CatArguments) -> anyhow::Result<Outcome> {
    let reader = FlightReader::open(&arguments.flight.flight)?;
    let mut start_ms = reader
        .description()
        .map(|about| about.clock.monotonic_ns / 1_000_000);
    let mut verifier = Verifier::new(reader);
    let mut output = Output::new(arguments.flight.json);
    loop {
        match verifier.next_item() {
            Ok(Some(FlightItem::Record { segment, record })) => {
                let start_ms = *start_ms.get_or_insert(record.monotonic_ms);
                let time_s = seconds_since(start_ms, record.monotonic_ms);
                if is_wanted(arguments, record.record_type, time_s) {
                    output.element(&line(segment, &record, time_s))?;
                }
            }
            // The verdict tells them all.
            Ok(Some(FlightItem::Damage { .. } | FlightItem::Refused { .. })) | Err(_) => {}
            Ok(None) => break,
        }
    }
    // Without any record there is only the error to print.
    let verdict = verifier.verdict()?;
    output.end()?;
    tell_findings(&verdict);
    Ok(Outcome::of_verification(verdict.exit_code))
}

fn tell_findings(verdict: &Verification) {
    let serious = || verdict.findings.iter().filter(|finding| finding.code > 0);
    for finding in serious().take(FINDINGS_TOLD) {
        let place = finding
            .segment
            .map_or(String::new(), |n| format!("segment {n}: "));
        tell(&format!("note: {place}{}", finding.text));
    }
    let untold = serious().count().saturating_sub(FINDINGS_TOLD) as u64 + verdict.findings_omitted;
    if untold > 0 {
        tell(&format!(
            "note: {untold} more; list them with: fdr-replay verify"
        ));
    }
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
