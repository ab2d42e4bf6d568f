//! Arguments, progress and exit codes.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | `demo`: recorded, verified clean, re-ran identically; `monte-carlo`: every limit holds |
//! | 1 | it could not be completed; stderr says why |
//! | 2 | `demo`: not clean or not identical when re-run; `monte-carlo`: a limit is broken |
//! | 64 | wrong usage |

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::Context;
use clap::{Parser, Subcommand};
use companion::command_line::{CommandLine, FAILED, print, tell};
use companion::navigator::NavigatorConfig;
use serde::Serialize;
use sitl::demo::{self, MINUTES_MAX, MINUTES_MIN, Options, Stage};
use sitl::monte_carlo;

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
    /// Fly many seeded flights and judge every position against the truth.
    ///
    /// One process, nothing encoded, nothing recorded. Every flight follows from seed and number;
    /// threads change nothing. Exit codes: 0 every limit of sitl/limits.toml holds, 1 not completed,
    /// 2 a limit is broken, 64 wrong usage.
    MonteCarlo(MonteCarloArguments),
}

#[derive(Debug, clap::Args)]
struct MonteCarloArguments {
    /// Flights to fly.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=monte_carlo::FLIGHTS_MAX))]
    flights: u64,
    /// Seed of the run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the first flight, to fly one again.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=u64::from(u32::MAX)))]
    first: u64,
    /// Length of each flight.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(i64::from(monte_carlo::MINUTES_MIN)..=i64::from(monte_carlo::MINUTES_MAX)))]
    minutes: u32,
    /// Threads that fly [default: as many as there are processors].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=monte_carlo::THREADS_MAX as i64))]
    threads: Option<u16>,
    /// Write the JSON document to this file as well.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// One JSON document on stdout instead of the table.
    #[arg(long)]
    json: bool,
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
        Command::MonteCarlo(arguments) => run_monte_carlo(&arguments),
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
    show(arguments.json, &report, demo::render)?;
    Ok(verdict(report.is_sound()))
}

fn run_monte_carlo(arguments: &MonteCarloArguments) -> anyhow::Result<ExitCode> {
    let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = arguments
        .threads
        .and_then(|threads| NonZeroUsize::new(threads.into()));
    let options = monte_carlo::Options {
        seed: arguments.seed,
        first: arguments.first,
        flights: arguments.flights,
        minutes: arguments.minutes,
        threads: threads.unwrap_or(processors),
        navigator: NavigatorConfig::default(),
    };
    let begun = Instant::now();
    let report = monte_carlo::run(&options, |done| {
        overwrite(&format!("{done} of {} flights", options.flights));
    })?;
    overwrite("");
    tell(&format!(
        "{} flights in {:.1} s on {} threads",
        options.flights,
        begun.elapsed().as_secs_f64(),
        options.threads
    ));
    if let Some(path) = &arguments.report {
        fs::write(path, document(&report)?).with_context(|| {
            format!(
                "{}: the report cannot be written; check --report",
                path.display()
            )
        })?;
    }
    show(arguments.json, &report, monte_carlo::render)?;
    Ok(verdict(report.within_limits))
}

fn verdict(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_SOUND)
    }
}

fn document(report: &impl Serialize) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// The report on stdout, as a document or as a table.
fn show<R: Serialize>(json: bool, report: &R, render: fn(&R) -> String) -> anyhow::Result<()> {
    let text = if json {
        document(report)?
    } else {
        render(report)
    };
    match print(&text) {
        // Whoever read it has seen enough (`sitl demo | head -1`).
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
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
