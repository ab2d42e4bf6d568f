//! `recover`: makes a new recording of what is valid in a damaged one.

use std::io;
use std::path::Path;

use fdr_format::{
    FlightReader, Policy, RecoverySummary, Stream, VerifyOptions, find_flights, recover,
};

use super::several::each;
use super::verify::judge;
use crate::cli::RecoverArguments;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::table::{Table, grouped};

/// Recovers the flight, or each of a folder into a folder of its name, and reports. The code is that of the
/// source's verdict.
pub fn run(arguments: &RecoverArguments) -> anyhow::Result<Outcome> {
    let several = find_flights(&arguments.flight.flight)?.len() > 1;
    let examine = |flight: &Path| {
        let to = match flight.file_name().filter(|_| several) {
            Some(name) => arguments.to.join(name),
            None => arguments.to.clone(),
        };
        recover_one(arguments, flight, &to)
    };
    each(
        &arguments.flight.flight,
        arguments.flight.json,
        examine,
        print,
    )
}

fn recover_one(
    arguments: &RecoverArguments,
    flight: &Path,
    to: &Path,
) -> anyhow::Result<(Outcome, RecoverySummary)> {
    let stream = match arguments.essential {
        true => Stream::Essential,
        false => Stream::Bulk,
    };
    let reader = FlightReader::open_stream(flight, stream)?;
    let verdict = judge(&reader, &VerifyOptions::default())?;
    let code = verdict.exit_code;
    if !Policy::from(arguments.policy).admits(code) {
        anyhow::bail!(
            "the recording's verdict is {code}, which the policy does not admit; see: fdr-replay verify"
        );
    }
    let mut progress = Progress::new("recovering");
    let version = env!("CARGO_PKG_VERSION");
    let summary = recover(reader, &verdict, to, version, |done, total| {
        progress.update(done, total);
    })?;
    Ok((Outcome::of_verification(code), summary))
}

fn print(summary: &RecoverySummary) -> io::Result<()> {
    Table::default()
        .row("recovered to", summary.folder.display())
        .row("flight", summary.flight_id)
        .row("of flight", summary.source_flight)
        .row("records", grouped(summary.records))
        .row("missing", grouped(summary.missing_records))
        .row("damaged places", grouped(summary.damaged_places))
        .row(
            "verdict",
            format!("exit code {}, as for the source", summary.exit_code),
        )
        .print()
}
