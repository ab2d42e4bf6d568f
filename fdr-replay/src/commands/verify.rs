//! `verify`: judges a recording and says why.

use std::io;

use fdr_format::{Completeness, FlightReader, Verification, verify_with};

use crate::cli::FlightArguments;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::table::{Table, duration, grouped, print_json};

/// Verifies the flight and reports.
pub fn run(arguments: &FlightArguments) -> anyhow::Result<Outcome> {
    let reader = FlightReader::open(&arguments.flight)?;
    let mut progress = Progress::new("verifying");
    let verdict = verify_with(reader, |done, total| progress.update(done, total))?;
    drop(progress);
    if arguments.json {
        print_json(&verdict)?;
    } else {
        print(&verdict)?;
    }
    Ok(Outcome::of_verification(verdict.exit_code))
}

fn print(verdict: &Verification) -> io::Result<()> {
    let mut table = Table::default();
    table
        .row("flight", verdict.flight_id)
        .row("verdict", in_words(verdict.completeness))
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
        let segment = finding
            .segment
            .map_or(String::new(), |number| format!("segment {number}: "));
        table.row(label, format!("{segment}{}", finding.text));
    }
    if verdict.findings_omitted > 0 {
        table.row(
            "not listed",
            format!("{} more findings", verdict.findings_omitted),
        );
    }
    table.print()
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
        Completeness::Altered => "ALTERED: checksums hold, headers, footers or manifest disagree",
    }
}
