//! Arguments, progress and exit codes.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | `demo`: recorded, verified clean, re-ran identically; `monte-carlo`: every limit holds; `scenario run`: every expectation held; `fake-inav`: nothing was done wrongly |
//! | 1 | it could not be completed; stderr says why |
//! | 2 | `demo`: not clean or not identical when re-run; `monte-carlo`: a limit is broken; `scenario run`: an expectation did not hold; `fake-inav`: a companion did something wrongly |
//! | 64 | wrong usage |

mod scenario;
mod world;

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Parser, Subcommand};
use companion::command_line::{CommandLine, FAILED, print, tell};
use companion::navigator::NavigatorConfig;
use serde::Serialize;
use sitl::bench_live;
use sitl::demo::{self, MINUTES_MAX, MINUTES_MIN, Options, Stage};
use sitl::fake_inav::{FakeInav, FakeSettings, Place, serve};
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
    /// Stand in for an iNav on a pseudo-terminal or a TCP port, until Ctrl-C.
    ///
    /// The first line on stdout is its address, as `autopilot.address` of the companion's configuration
    /// takes it; what a companion does wrongly is told on stderr.
    FakeInav(FakeInavArguments),
    /// Measure the flight program in real time against the fake autopilot.
    ///
    /// Deadline to bytes in the kernel, jitter, processor, memory, first position, restart. `just
    /// bench-live` builds both programs first. Exit codes: 0 measured, 1 not completed, 64 wrong usage.
    BenchLive(BenchLiveArguments),
    /// The ground of the test world: pictures, maps, and the judge of vision on it.
    #[command(subcommand)]
    World(world::WorldCommand),
    /// List and fly scenarios: what happens in a flight, and what must be seen.
    #[command(subcommand)]
    Scenario(scenario::ScenarioCommand),
}

#[derive(Debug, clap::Args)]
struct BenchLiveArguments {
    /// The program to measure.
    #[arg(long, value_name = "FILE")]
    companion: PathBuf,
    /// For how long, seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(5..=3600))]
    seconds: u32,
    /// Inertial samples a second.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u16).range(10..=400))]
    imu_hz: u16,
    /// Messages a second in all.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=10_000))]
    messages_hz: u32,
    /// Sign everything.
    #[arg(long)]
    signing: bool,
    /// Keep one processor busy meanwhile.
    #[arg(long)]
    busy: bool,
    /// New folder for the recording, kept.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// One JSON document on stdout instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct FakeInavArguments {
    /// TCP port of the loopback interface, 0 for any; without it a pseudo-terminal.
    #[arg(long, value_name = "PORT")]
    tcp: Option<u16>,
    /// Set its gps_provider to UBLOX, as a new iNav has it: positions are decoded and not used.
    #[arg(long)]
    not_set_up: bool,
    /// End after so many seconds.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
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
        Command::BenchLive(arguments) => run_bench_live(arguments),
        Command::FakeInav(arguments) => run_fake_inav(&arguments),
        Command::World(command) => world::run(&command),
        Command::Scenario(command) => scenario::run(&command),
    };
    // Errors name their cause themselves.
    done.unwrap_or_else(|error| line.fail(error, FAILED))
}

fn run_bench_live(arguments: BenchLiveArguments) -> anyhow::Result<ExitCode> {
    let options = bench_live::Options {
        companion: arguments.companion,
        seconds: arguments.seconds,
        imu_hz: arguments.imu_hz,
        messages_hz: arguments.messages_hz,
        signing: arguments.signing,
        busy: arguments.busy,
        folder: arguments.out,
    };
    let report = bench_live::run(&options)?;
    show(arguments.json, &report, bench_live::render)?;
    Ok(ExitCode::SUCCESS)
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

fn run_fake_inav(arguments: &FakeInavArguments) -> anyhow::Result<ExitCode> {
    let settings = FakeSettings {
        gps_provider: u8::from(!arguments.not_set_up),
        ..FakeSettings::default()
    };
    let place = arguments.tcp.map_or(Place::Terminal, Place::Tcp);
    let stop = Arc::new(AtomicBool::new(false));
    if let Some(seconds) = arguments.seconds {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(seconds));
            stop.store(true, Ordering::Release);
        });
    }
    let fake = FakeInav::new(settings, 1, 0);
    let fake = serve(fake, &place, &stop, |address| {
        // Nobody is left to tell when stdout is gone.
        let _ = print(&format!("{address}\n"));
    })?;
    for fault in fake.faults() {
        tell(&format!("{fault:?}"));
    }
    tell(&format!("{} positions taken", fake.positions().len()));
    Ok(verdict(fake.faults().is_empty()))
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
fn show<R: Serialize>(
    json: bool,
    report: &R,
    render: impl FnOnce(&R) -> String,
) -> anyhow::Result<()> {
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
