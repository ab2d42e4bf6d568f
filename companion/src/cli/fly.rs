//! `companion fly`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use companion::command_line::{CommandLine, FAILED, print, tell};
use companion::config::Configuration;
use companion::flight::{FlightOptions, FlightReport, fly_watched, monotonic_ns};
use serde_json::json;

use super::protection::Protected;
use super::{UNFIT, signals};

/// Arguments of `companion fly`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 flown until it was asked to end (Ctrl-C, SIGTERM), 1 failed, \
    2 not fit to fly\n(settings, profile, recorder, protection; nothing was sent), 64 wrong usage. stderr says why."
)]
pub struct Arguments {
    /// Settings (TOML); see docs/configuration.md
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Do everything but send: for a unit on the bench
    #[arg(long)]
    dry_run: bool,
    /// Print what the flight came to as one JSON document
    #[arg(long)]
    json: bool,
}

/// Flies until it is asked to end.
pub fn run(line: &CommandLine, arguments: &Arguments) -> ExitCode {
    let configuration = match Configuration::load(&arguments.config) {
        Ok(configuration) => configuration,
        Err(error) => return line.fail(format!("--config: {error}"), UNFIT),
    };
    if let Err(finding) = companion::check::fits_build(&configuration) {
        return line.fail(format!("profile: {finding}"), UNFIT);
    }
    let protected = match Protected::begin(&configuration, monotonic_ns(), arguments.json) {
        Ok(protected) => protected,
        Err(error) => return line.fail(error, UNFIT),
    };
    let options = FlightOptions {
        configuration,
        dry_run: arguments.dry_run,
    };
    signals::take_interruption_as_request();
    let flown = fly_watched(&options, &protected.watch, &|| {
        signals::interrupted_by().is_some()
    });
    protected.end();
    match flown {
        Ok(report) => show(arguments, &report),
        Err(error) => {
            let code = if error.is_unfit() { UNFIT } else { FAILED };
            line.fail(error, code)
        }
    }
}

fn show(arguments: &Arguments, report: &FlightReport) -> ExitCode {
    if !report.clean_shutdown {
        tell(&format!(
            "error: {}: the end of the recording could not be written; check the disk",
            report.flight_dir.display()
        ));
    }
    let printed = if arguments.json {
        print(&format!("{:#}\n", json!(report)))
    } else {
        print(&text(report))
    };
    if report.clean_shutdown && printed.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}

fn text(report: &FlightReport) -> String {
    let mut text = format!(
        "{:.1} s flown, {} positions emitted, {} records\n",
        report.duration_s, report.positions, report.records
    );
    for link in &report.links {
        text.push_str(&format!(
            "{}: {} frames in {} bytes received, {} bytes lost, {} frames not sent, {} interruptions\n",
            link.address,
            link.frames,
            link.bytes,
            link.bytes_lost,
            link.frames_unsent,
            link.interruptions
        ));
    }
    text.push_str(&format!("\nrecording\n{}\n", report.flight_dir.display()));
    text
}
