//! `recover`: makes a new recording of what is valid in a damaged one.

use fdr_format::{FlightReader, Policy, Stream, VerifyOptions, recover};

use super::verify::judge;
use crate::cli::RecoverArguments;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::table::{Table, grouped, print_json};

/// Recovers and reports. The code is that of the source's verdict.
pub fn run(arguments: &RecoverArguments) -> anyhow::Result<Outcome> {
    let stream = match arguments.essential {
        true => Stream::Essential,
        false => Stream::Bulk,
    };
    let reader = FlightReader::open_stream(&arguments.flight.flight, stream)?;
    let verdict = judge(&reader, &VerifyOptions::default())?;
    let code = verdict.exit_code;
    if !Policy::from(arguments.policy).admits(code) {
        anyhow::bail!(
            "the recording's verdict is {code}, which the policy does not admit; see: fdr-replay verify"
        );
    }
    let mut progress = Progress::new("recovering");
    let version = env!("CARGO_PKG_VERSION");
    let summary = recover(reader, &verdict, &arguments.to, version, |done, total| {
        progress.update(done, total);
    })?;
    drop(progress);
    if arguments.flight.json {
        print_json(&summary)?;
    } else {
        Table::default()
            .row("recovered to", summary.folder.display())
            .row("flight", summary.flight_id)
            .row("of flight", summary.source_flight)
            .row("records", grouped(summary.records))
            .row("missing", grouped(summary.missing_records))
            .row("damaged places", grouped(summary.damaged_places))
            .row("verdict", format!("exit code {code}, as for the source"))
            .print()?;
    }
    Ok(Outcome::of_verification(code))
}
