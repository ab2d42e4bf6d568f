//! `cat`: prints records as JSON, one per line.

use std::io::{self, BufWriter, StdoutLock, Write};

use companion::command_line::tell;
use fdr_format::{
    Damage, FlightId, FlightItem, FlightReader, Policy, RawRecord, Record, RecordType, Selection,
    Stream, Verification, VerifyOptions, find_flights,
};
use serde::Serialize;

use super::verify::{judge, place};
use crate::cli::CatArguments;
use crate::outcome::Outcome;

/// One record as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    /// Only where several flights are printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    flight_id: Option<FlightId>,
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
const NS_PER_MS: u64 = 1_000_000;

/// Prints the records that were asked for.
pub fn run(arguments: &CatArguments) -> anyhow::Result<Outcome> {
    let stream = match arguments.essential {
        true => Stream::Essential,
        false => Stream::Bulk,
    };
    if arguments.follow {
        return super::follow::run(arguments, stream);
    }
    let flights = find_flights(&arguments.flight.flight)?;
    let mut output = Output::new(arguments.flight.json);
    let mut outcome = Outcome::Clean;
    for flight in &flights {
        let reader = FlightReader::open_stream(flight, stream)?;
        let named = (flights.len() > 1).then(|| reader.flight_id());
        outcome = outcome.or_worse(print_flight(arguments, reader, named, &mut output)?);
    }
    output.end()?;
    Ok(outcome)
}

/// Prints one flight; `named` is its id, where several are printed.
fn print_flight(
    arguments: &CatArguments,
    reader: FlightReader,
    named: Option<FlightId>,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let about = reader.description();
    let start_ms = about.map(|about| about.clock.monotonic_ns / NS_PER_MS);
    let selection = selection(arguments, start_ms.unwrap_or(0));
    let policy = Policy::from(arguments.policy);
    // A part is judged on the way; a strict reader looks at all of it even then.
    let whole = is_whole(&selection) || policy != Policy::Salvage;
    let code = match whole {
        true => {
            let verdict = judge(&reader, &VerifyOptions::default())?;
            tell_findings(&verdict);
            verdict.exit_code
        }
        false => 0,
    };
    if !policy.admits(code) {
        tell("nothing was read out; --policy salvage reads what is valid");
        return Ok(Outcome::of_verification(code));
    }
    let damaged = print(reader, selection, start_ms, named, whole, output)?;
    let met = if damaged { 3 } else { 0 };
    Ok(Outcome::of_verification(if whole { code } else { met }))
}

/// Prints what is wanted and says whether something on the way was damaged.
fn print(
    mut reader: FlightReader,
    selection: Selection,
    start_ms: Option<u64>,
    named: Option<FlightId>,
    quiet: bool,
    output: &mut Output,
) -> anyhow::Result<bool> {
    reader.select(selection);
    let mut start_ms = start_ms;
    let mut damages = 0;
    let mut damage = |text: String| {
        damages += 1;
        if !quiet && damages <= FINDINGS_TOLD {
            tell(&format!("note: {text}"));
        }
    };
    loop {
        match reader.next_item() {
            Ok(Some(FlightItem::Record { segment, record })) => {
                let start_ms = *start_ms.get_or_insert(record.monotonic_ms);
                let line = Line {
                    flight_id: named,
                    ..line(segment, &record, start_ms)
                };
                output.element(&line)?;
            }
            // A gap may be explained anywhere in the recording: only a verdict can tell.
            Ok(Some(FlightItem::Damage {
                damage: Damage::Gap { .. },
                ..
            })) => {}
            Ok(Some(FlightItem::Damage {
                segment,
                damage: found,
            })) => {
                damage(format!("segment {}: {found}", Stream::of(segment).1));
            }
            Ok(Some(FlightItem::Refused { error, .. })) => damage(error.to_string()),
            Err(error) => damage(error.to_string()),
            Ok(None) => break,
        }
    }
    Ok(damages > 0)
}

/// Whether no time or number limits it: then all of the recording is read, and judged.
fn is_whole(selection: &Selection) -> bool {
    let types_alone = Selection {
        types: selection.types.clone(),
        ..Selection::default()
    };
    *selection == types_alone
}

fn selection(arguments: &CatArguments, start_ms: u64) -> Selection {
    // A time in front of the start of the machine's clock is its start.
    let ms = |seconds: f64, round: fn(f64) -> f64| {
        let ms = round(seconds * 1e3) + start_ms as f64;
        ms.max(0.0) as u64
    };
    Selection {
        types: arguments.types.clone(),
        from_ms: arguments.from.map(|seconds| ms(seconds, f64::ceil)),
        to_ms: arguments.to.map(|seconds| ms(seconds, f64::floor)),
        first_sequence: arguments.sequence.map(|numbers| numbers.first),
        last_sequence: arguments.sequence.map(|numbers| numbers.last),
    }
}

fn tell_findings(verdict: &Verification) {
    let serious = || verdict.findings.iter().filter(|finding| finding.code > 0);
    for finding in serious().take(FINDINGS_TOLD) {
        tell(&format!("note: {}{}", place(finding), finding.text));
    }
    let untold = serious().count().saturating_sub(FINDINGS_TOLD) as u64 + verdict.findings_omitted;
    if untold > 0 {
        tell(&format!(
            "note: {untold} more; list them with: fdr-replay verify"
        ));
    }
}

pub(super) fn line<'a>(segment: u32, record: &RawRecord<'a>, start_ms: u64) -> Line<'a> {
    let decoded = record.decode();
    Line {
        flight_id: None,
        segment: Stream::of(segment).1,
        sequence: record.sequence,
        monotonic_ms: record.monotonic_ms,
        time_s: seconds_since(start_ms, record.monotonic_ms),
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
