//! The command line: arguments, one place that turns an outcome into an exit code, one file per command.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done, nothing to object to |
//! | 1 | failed; stderr says why in one line |
//! | 2 | done, and something is to be looked at: not healthy, audit log not intact, rows still waiting, stress lost or doubled rows |
//! | 64 | wrong usage |

mod batches;
mod letters;
mod logbook;
mod move_rows;
#[cfg(feature = "otel")]
mod otel;
mod receive;
mod status;
mod table;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::json;

use crate::config::{Config, ConfigError};
use crate::geofence::{Fence, FenceError};
use crate::sink::SinkError;
use crate::store::{Store, StoreError};

/// Takes telemetry rows, keeps them, and sees them off the vehicle exactly once.
#[derive(Debug, Parser)]
#[command(name = "spine", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// Configuration
    #[arg(long, default_value = "spine.toml")]
    config: PathBuf,
    /// One JSON document on stdout, and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take rows, one JSON object per line on stdin; acknowledge on stdout what is durable
    Ingest(move_rows::IngestArguments),
    /// Send what waits
    Drain(move_rows::DrainArguments),
    /// History of batches
    Batches(batches::Arguments),
    /// Where every row is, how old the oldest is, what to look at
    Health(status::Arguments),
    /// The figures in the Prometheus text format
    Metrics(status::MetricsArguments),
    /// Dead letters
    Dlq(letters::Arguments),
    /// Breakers of the source channels
    Breaker(letters::BreakerArguments),
    /// The audit log
    Audit(logbook::Arguments),
    /// Be the sink: keep batches that come over HTTP in a folder
    Receive(receive::Arguments),
    /// Tell an OpenTelemetry collector what became of every row
    #[cfg(feature = "otel")]
    Otel(otel::Arguments),
    /// Prove it: real processes, killed at random, over a failing link, against a ledger
    Stress(crate::stress::Arguments),
}

/// How a command ended, when it could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to object to.
    Clean,
    /// Something is to be looked at.
    Objection,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The geofence.
    #[error(transparent)]
    Fence(#[from] FenceError),
    /// The sink.
    #[error("sink: {0}")]
    Sink(#[from] SinkError),
    /// Reading or writing.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Anything else that names itself.
    #[error("{0}")]
    Other(String),
}

type Done = Result<Outcome, CommandError>;

/// Runs the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let wants_json = arguments.iter().any(|own| own == "--json");
    let refuse = |message: &str, code: u8| {
        let _ = writeln!(std::io::stderr(), "error: {message}");
        if wants_json {
            let _ = writeln!(std::io::stdout(), "{:#}", json!({ "error": message }));
        }
        ExitCode::from(code)
    };
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(message) if !message.use_stderr() => {
            let _ = message.print();
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            let text = message.render().to_string();
            return refuse(text.trim().trim_start_matches("error: "), 64);
        }
    };
    let done = match parsed.command {
        Command::Ingest(own) => own.run(),
        Command::Drain(own) => own.run(),
        Command::Batches(own) => own.run(),
        Command::Health(own) => own.run(),
        Command::Metrics(own) => own.run(),
        Command::Dlq(own) => own.run(),
        Command::Breaker(own) => own.run(),
        Command::Audit(own) => own.run(),
        Command::Receive(own) => own.run(),
        #[cfg(feature = "otel")]
        Command::Otel(own) => own.run(),
        Command::Stress(own) => own.run(),
    };
    match done {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Objection) => ExitCode::from(2),
        Err(CommandError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&error.to_string(), 1),
    }
}

/// Everything that the commands read before they touch data: settings, then the geofence.
fn load(path: &Path) -> Result<(Config, Option<Fence>), CommandError> {
    let config = Config::load(path)?;
    let fence = config.geofence.as_ref().map(Fence::load).transpose()?;
    Ok((config, fence))
}

/// The store, for looking at it: none is made where none is.
fn existing(config: &Config) -> Result<Store, CommandError> {
    let path = config.directory.join("spine.db");
    if !path.exists() {
        return Err(CommandError::Other(format!(
            "{}: no store there; see `directory`",
            path.display()
        )));
    }
    Ok(Store::open(config)?)
}

/// The whole of a report on stdout.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush())?;
    Ok(())
}

/// One JSON document on stdout.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    print(
        &serde_json::to_string_pretty(value)
            .map_err(|error| CommandError::Other(error.to_string()))?,
    )
}
