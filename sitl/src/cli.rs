//! Arguments, progress and exit codes.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | the flight was recorded, verified clean and re-ran identically |
//! | 1 | it could not be completed; stderr says why |
//! | 2 | the recording is not clean or does not re-run identically |
//! | 64 | wrong usage |

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use companion::command_line::{CommandLine, FAILED, print};
use sitl::demo::{self, MINUTES_MAX, MINUTES_MIN, Options, Stage};

const NOT_SOUND: u8 = 2;

/// The test world of GPS-Denied Companion.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fly a simulated aircraft whose GPS is lost half-way, through the whole product.
    ///
    /// The log it makes is replayed like a real one; the recording is verified, re-run and compared
    /// with the truth. Exit codes: 0 sound, 1 not completed, 2 recording not clean or not identical
    /// when re-run, 64 wrong usage.
    Demo(DemoArguments),
}

#[derive(Debug, clap::Args)]
struct DemoArguments {
    /// Seed of wind, route and sensor errors; the same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of the flight; GPS is lost half-way.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(i64::from(MINUTES_MIN)..=i64::from(MINUTES_MAX)))]
    minutes: u32,
    /// Empty or new folder for log and recording [default: flights/demo, replaced by every run].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One JSON document on stdout instead of the table.
    #[arg(long)]
    json: bool,
}

/// Runs the program with its arguments, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = CommandLine::new(arguments);
    let Arguments { command } = match line.parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let done = match command {
        Command::Demo(arguments) => run_demo(&arguments),
    };
    // Errors name their cause themselves.
    done.unwrap_or_else(|error| line.fail(error, FAILED))
}

fn run_demo(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let options = Options {
        seed: arguments.seed,
        minutes: arguments.minutes,
        out: arguments.out.clone(),
    };
    let mut progress = Progress::default();
    let report = demo::run(&options, |stage| progress.show(stage))?;
    drop(progress);
    let text = if arguments.json {
        let mut text = serde_json::to_string_pretty(&report)?;
        text.push('\n');
        text
    } else {
        demo::render(&report)
    };
    match print(&text) {
        // Whoever read it has seen enough (`sitl demo | head -1`).
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written?,
    }
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_SOUND)
    })
}

/// One line on stderr that is overwritten; silent when stderr is no terminal.
#[derive(Debug, Default)]
struct Progress {
    shown: Option<Stage>,
}

impl Progress {
    fn show(&mut self, stage: Stage) {
        if self.shown == Some(stage) {
            return;
        }
        self.shown = Some(stage);
        let text = match stage {
            Stage::Flying(percent) => format!("flying {percent} %"),
            Stage::Replaying(percent) => format!("replaying {percent} % of the log"),
            Stage::Verifying => "verifying the recording".to_owned(),
            Stage::Rerunning => "re-running the recording".to_owned(),
        };
        overwrite(&text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        overwrite("");
    }
}

fn overwrite(text: &str) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        // A progress line that cannot be shown is no reason to stop.
        let _ = write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush());
    }
}
