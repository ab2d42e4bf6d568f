//! `companion check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use companion::check::{CheckReport, check};
use companion::command_line::{CommandLine, FAILED, print};
use companion::config::Configuration;
use serde_json::json;

use super::{UNFIT, table};

/// Arguments of `companion check`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 fit to fly, 1 failed, 2 not fit to fly, 64 wrong usage. Nothing is written to \
    any link."
)]
pub struct Arguments {
    /// Settings (TOML); see docs/configuration.md
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print the findings as one JSON document
    #[arg(long)]
    json: bool,
}

/// Checks a configuration on this machine.
pub fn run(line: &CommandLine, arguments: &Arguments) -> ExitCode {
    let configuration = match Configuration::load(&arguments.config) {
        Ok(configuration) => configuration,
        Err(error) => return line.fail(format!("--config: {error}"), UNFIT),
    };
    let report = check(&configuration);
    let text = if arguments.json {
        let document = json!({ "fit": report.is_fit(), "findings": report.findings });
        format!("{document:#}\n")
    } else {
        text(&report)
    };
    match print(&text) {
        Err(_) => ExitCode::from(FAILED),
        Ok(()) if report.is_fit() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(UNFIT),
    }
}

fn text(report: &CheckReport) -> String {
    let rows: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            let subject = finding.subject.to_owned();
            [
                subject,
                finding.verdict.name().to_owned(),
                finding.text.clone(),
            ]
        })
        .collect();
    let table = table::render(["subject", "verdict", "finding"], &rows);
    let last = if report.is_fit() {
        "fit to fly"
    } else {
        "NOT fit to fly"
    };
    format!("{table}\n{last}\n")
}
