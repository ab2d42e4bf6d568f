//! `retrieve` and `operator-key`: a flight off the companion, with a signed receipt.

use companion::recorder::{DiskVolume, make_device_key, read_device_key};
use fdr_format::find_flights;
use serde_json::json;

use crate::cli::{OperatorKeyArguments, OperatorKeyCommand, RetrieveArguments};
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::retrieve::{Retrieval, Retrieved, Sealed};
use crate::table::{Table, grouped, print_json};

/// Retrieves the flight, or each of a folder in turn; the code is that of the verdict.
pub fn run(arguments: &RetrieveArguments) -> anyhow::Result<Outcome> {
    let operator = read_device_key(&arguments.key)?;
    let mut outcome = Outcome::Clean;
    let mut all = Vec::new();
    for flight in find_flights(&arguments.source)? {
        let retrieval = Retrieval {
            source: &DiskVolume,
            flight: &flight,
            destination: &DiskVolume,
            to: &arguments.to,
            operator: &operator,
            leave_source: arguments.leave_source,
        };
        let mut progress = Progress::new("retrieving");
        let retrieved = retrieval.run(&mut |done, total| progress.update(done, total))?;
        drop(progress);
        outcome = outcome.or_worse(Outcome::of_verification(retrieved.signed.receipt.exit_code));
        if !arguments.json {
            print(&retrieved)?;
        }
        all.push(retrieved);
    }
    match (arguments.json, all.as_slice()) {
        (false, _) => {}
        (true, [one]) => print_json(one)?,
        (true, all) => print_json(&all)?,
    }
    Ok(outcome)
}

fn print(retrieved: &Retrieved) -> std::io::Result<()> {
    let receipt = &retrieved.signed.receipt;
    let sealed = match retrieved.sealed {
        Sealed::ByRecorder => "by its recorder; its key is gone from the companion",
        Sealed::AtRetrieval => "now; its key is gone from the companion",
        Sealed::No => "no: not closed, or without a key; the receipt stands for it",
        Sealed::SourceLeft => "the source was left as it is",
    };
    Table::default()
        .row("flight", retrieved.flight_id)
        .row("copied to", retrieved.folder.display())
        .row("files", grouped(receipt.files.len() as u64))
        .row("bytes", grouped(receipt.bytes))
        .row("of them there before", grouped(retrieved.resumed_bytes))
        .row("records", grouped(receipt.records))
        .row("missing", grouped(receipt.missing_records))
        .row(
            "segments dropped in flight",
            grouped(receipt.dropped_segments),
        )
        .row("verdict", format!("exit code {}", receipt.exit_code))
        .row("sealed", sealed)
        .row("signed by", receipt.operator_key)
        .print()
}

/// Makes an operator's key, or shows the public half of one.
pub fn key(arguments: &OperatorKeyArguments) -> anyhow::Result<Outcome> {
    let (file, key, json) = match &arguments.command {
        OperatorKeyCommand::New { file, json } => (file, make_device_key(file)?, *json),
        OperatorKeyCommand::Show { file, json } => (file, read_device_key(file)?, *json),
    };
    match json {
        true => print_json(&json!({ "file": file, "public_key": key.public() }))?,
        false => Table::default().row("public key", key.public()).print()?,
    }
    Ok(Outcome::Clean)
}
