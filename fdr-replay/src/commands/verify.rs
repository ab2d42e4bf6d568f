//! `verify`: judges a recording and says why.

use std::io;
use std::path::Path;

use fdr_format::{
    Completeness, Finding, FlightReader, SealState, Stream, Verification, VerifyOptions,
    verify_with,
};

use super::several::each;
use crate::cli::VerifyArguments;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::table::{Table, duration, grouped};

/// Verifies the flight, or each of a folder, and reports.
pub fn run(arguments: &VerifyArguments) -> anyhow::Result<Outcome> {
    let options = VerifyOptions {
        fast: arguments.fast,
        threads: arguments.threads,
        device_key: arguments.device_key,
    };
    let examine = |path: &Path| {
        let verdict = judge(&FlightReader::open(path)?, &options)?;
        Ok((Outcome::of_verification(verdict.exit_code), verdict))
    };
    each(
        &arguments.flight.flight,
        arguments.flight.json,
        examine,
        print,
    )
}

/// The verdict on a flight, with progress.
pub fn judge(reader: &FlightReader, options: &VerifyOptions) -> anyhow::Result<Verification> {
    let mut progress = Progress::new("verifying");
    let verdict = verify_with(reader, options, |done, total| progress.update(done, total))?;
    Ok(verdict)
}

fn print(verdict: &Verification) -> io::Result<()> {
    let mut table = Table::default();
    table
        .row("flight", verdict.flight_id)
        .row("verdict", in_words(verdict.completeness))
        .row("seal", seal_in_words(verdict))
        .row("records", grouped(verdict.records))
        .row("missing", grouped(verdict.missing_records))
        .row("bytes", grouped(verdict.bytes))
        .row("damaged bytes", grouped(verdict.damaged_bytes))
        .row("segments", verdict.segments);
    if let Some(time) = verdict.time {
        table.row("duration", duration(time.seconds()));
    }
    for finding in &verdict.findings {
        let label = match finding.code {
            0 => "notice".to_owned(),
            code => format!("finding (exit {code})"),
        };
        table.row(label, format!("{}{}", place(finding), finding.text));
    }
    if verdict.findings_omitted > 0 {
        table.row(
            "not listed",
            format!("{} more findings", verdict.findings_omitted),
        );
    }
    table.print()
}

/// Where something was found, to be put in front of it.
pub fn place(finding: &Finding) -> String {
    match (finding.stream, finding.segment) {
        (Some(Stream::Essential), Some(number)) => format!("essential segment {number}: "),
        (_, Some(number)) => format!("segment {number}: "),
        (_, None) => String::new(),
    }
}

fn seal_in_words(verdict: &Verification) -> String {
    match (verdict.seal.state, verdict.seal.device_key) {
        (SealState::Unchecked, _) => "not looked at".to_owned(),
        (SealState::Unsealed, _) => "none".to_owned(),
        (SealState::Wrong, _) => "DOES NOT HOLD".to_owned(),
        (SealState::Sealed, None) => "sealed, device unknown".to_owned(),
        (SealState::Sealed, Some(key)) => format!("sealed by device {key}"),
    }
}

/// The verdict for people.
pub fn in_words(completeness: Completeness) -> &'static str {
    match completeness {
        Completeness::Complete => {
            "complete: every record is there, the recorder was closed in order"
        }
        Completeness::Unclosed => "whole as far as it goes; the recorder was not closed",
        Completeness::TornTail => "torn tail: whole as far as it goes, its end is missing",
        Completeness::Dropped => "whole but for what the recorder dropped and accounted for",
        Completeness::Damaged => "DAMAGED: see the findings",
        Completeness::Altered => {
            "ALTERED: checksums hold, headers, footers, chain, manifest or seal disagree"
        }
        Completeness::Recovered => "recovered from another recording: see the findings",
    }
}
