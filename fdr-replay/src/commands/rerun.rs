//! `rerun`: recomputes every output from the recorded inputs and compares.

use std::io;
use std::path::Path;

use companion::rerun::{Difference, DifferenceKind, Rerun, rerun_with};
use fdr_format::{Completeness, FlightReader};
use serde::Serialize;

use super::several::each;
use super::{explain, what_if};
use crate::cli::RerunArguments;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::table::{Table, grouped};

/// The report.
#[derive(Debug, Serialize)]
struct Report {
    identical: bool,
    exit_code: u8,
    #[serde(flatten)]
    rerun: Rerun,
}

/// Re-runs the flight, or each of a folder, and reports.
pub fn run(arguments: &RerunArguments) -> anyhow::Result<Outcome> {
    let (path, json) = (&arguments.flight.flight, arguments.flight.json);
    if let Some(at_s) = arguments.at {
        let examine = |path: &Path| Ok((Outcome::Clean, explain::explain(path, at_s)?));
        return each(path, json, examine, explain::print);
    }
    if let Some(with) = &arguments.with {
        return each(
            path,
            json,
            |path| what_if::what_if(path, with),
            what_if::print,
        );
    }
    let examine = |path: &Path| {
        let reader = FlightReader::open(path)?;
        let mut progress = Progress::new("re-running");
        let rerun = rerun_with(reader, arguments.from_segment, |done, total| {
            progress.update(done, total);
        })?;
        let outcome = outcome(&rerun);
        let report = Report {
            identical: rerun.identical(),
            exit_code: outcome.code(),
            rerun,
        };
        Ok((outcome, report))
    };
    each(path, json, examine, |report| print(&report.rerun))
}

fn outcome(rerun: &Rerun) -> Outcome {
    let same_version = rerun.recorded_core_version == rerun.core_version;
    match (&rerun.difference, rerun.completeness) {
        (Some(_), _) if same_version => Outcome::Different,
        (Some(_), _) => Outcome::DifferentVersion,
        (None, Some(Completeness::Complete)) => Outcome::Clean,
        (None, Some(Completeness::Unclosed | Completeness::TornTail)) => Outcome::TornTail,
        (None, Some(Completeness::Altered)) => Outcome::Altered,
        (
            None,
            Some(Completeness::Dropped | Completeness::Damaged | Completeness::Recovered) | None,
        ) => Outcome::Damaged,
    }
}

fn print(rerun: &Rerun) -> io::Result<()> {
    let mut table = Table::default();
    table
        .row("flight", rerun.flight_id)
        .row("verdict", verdict(rerun))
        .row("core", versions(rerun))
        .row("began with", beginning(rerun))
        .row("inputs", grouped(rerun.inputs))
        .row("identical outputs", grouped(rerun.outputs_identical));
    if let Some(difference) = &rerun.difference {
        difference_rows(&mut table, difference);
    }
    if let Some(why) = &rerun.cut_short {
        table.row("ended at", why);
    }
    table.print()
}

fn verdict(rerun: &Rerun) -> &'static str {
    match outcome(rerun) {
        Outcome::Clean => "identical",
        Outcome::TornTail => "identical as far as it goes; the end of the flight is missing",
        Outcome::Different | Outcome::DifferentVersion => "DIFFERENT",
        Outcome::Altered => "identical, but the recording was ALTERED: see fdr-replay verify",
        Outcome::Damaged if rerun.cut_short.is_none() => {
            "every output identical, but the recording is damaged: see fdr-replay verify"
        }
        // `outcome` gives no other.
        Outcome::Damaged | Outcome::Unreadable | Outcome::Alert(_) => {
            "identical up to the damage; inputs are missing behind it"
        }
    }
}

fn versions(rerun: &Rerun) -> String {
    let (recorded, ours) = (rerun.recorded_core_version, rerun.core_version);
    if recorded == ours {
        format!("version {ours}")
    } else {
        format!("recorded by version {recorded}, re-run by version {ours}")
    }
}

fn beginning(rerun: &Rerun) -> String {
    match &rerun.began_at {
        None => "the start of the flight".to_owned(),
        Some(at) => format!(
            "the checkpoint of record {} (segment {}, {} ms)",
            at.sequence, at.segment, at.monotonic_ms
        ),
    }
}

fn difference_rows(table: &mut Table, difference: &Difference) {
    table.row(
        "first difference",
        format!(
            "record {} (segment {}, {} ms)",
            difference.sequence, difference.segment, difference.monotonic_ms
        ),
    );
    match &difference.kind {
        DifferenceKind::Body {
            record_type,
            field,
            recorded,
            recomputed,
        } => table
            .row("field", format!("{record_type}.{field}"))
            .row("recorded", recorded)
            .row("recomputed", recomputed),
        DifferenceKind::Type {
            recorded,
            recomputed,
        } => table
            .row("recorded", recorded)
            .row("recomputed", recomputed),
        DifferenceKind::NotRecomputed { record_type } => table
            .row("recorded", record_type)
            .row("recomputed", "nothing"),
        DifferenceKind::NotRecorded { record_type } => table
            .row("recorded", "nothing")
            .row("recomputed", record_type),
    };
}
