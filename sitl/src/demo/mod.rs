//! The demonstration: a simulated flight whose GPS is lost half-way, through the whole product.
//!
//! simulate -> `flight.tlog` -> `companion` replay -> recording -> verify, re-run, compare with the
//! truth. Everything behind the log is the code that real logs go through.

mod folder;
mod render;
mod scorecard;

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use companion::config::Configuration;
use companion::replay::{
    DenialWindows, Pass, Progress, ReplayError, ReplayOptions, Summary, replay,
};
use companion::rerun::{Rerun, RerunError};
use fdr_format::{FlightId, FlightItem, FlightReader, Record, Verification};
use serde::Serialize;

use crate::autopilot_stream::FLIGHT_BEGINS_UNIX_US;
use crate::simulation::{Flight, Scenario};

pub use folder::FolderError;
pub use render::render;
pub use scorecard::{Phase, PhaseName, TimedPosition, score};

/// Shortest demonstration: half of it must suffice to take off.
pub const MINUTES_MIN: u32 = 3;
/// Longest demonstration; the simulator keeps the whole flight in memory.
pub const MINUTES_MAX: u32 = 60;

/// What to demonstrate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Seed of everything that is left to chance.
    pub seed: u64,
    /// Length of the flight.
    pub minutes: u32,
    /// Folder for log and recording; without it `flights/demo`, which every run replaces.
    pub out: Option<PathBuf>,
}

/// Stages of the demonstration, for whoever waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The aircraft flies; share of the flight, per cent.
    Flying(u32),
    /// The log goes through the companion; share of the log, per cent.
    Replaying(u32),
    /// The recording is verified.
    Verifying,
    /// The recording is re-run.
    Rerunning,
}

/// What the demonstration showed.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Seed of the flight.
    pub seed: u64,
    /// Its length.
    pub minutes: u32,
    /// Mean wind 10 m above ground.
    pub wind_mps: f64,
    /// Folder that holds log and recording.
    pub folder: PathBuf,
    /// The autopilot's log.
    pub log: PathBuf,
    /// The recording.
    pub flight_dir: PathBuf,
    /// Messages in the log that were read.
    pub messages_read: u64,
    /// Messages that were refused.
    pub messages_refused: u64,
    /// Speed of the replay as a multiple of real time.
    pub realtime_factor: f64,
    /// Positions against the truth.
    pub phases: Vec<Phase>,
    /// The verdict on the recording.
    pub verification: Verification,
    /// The re-run of the recording.
    pub rerun: Rerun,
}

impl Report {
    /// Whether the recording is clean and re-ran identically.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.verification.exit_code == 0 && self.rerun.identical()
    }
}

/// Why the demonstration could not be completed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no folder to write to.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The log cannot be written.
    #[error("{path}: cannot be written: {source}; check that the folder is writable and has room")]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log did not go through the companion.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The recording cannot be opened.
    #[error(transparent)]
    Open(#[from] fdr_format::OpenError),
    /// The recording cannot be read.
    #[error(transparent)]
    Read(#[from] fdr_format::ReadError),
    /// The recording cannot be judged.
    #[error(transparent)]
    Verify(#[from] fdr_format::VerifyError),
    /// The recording cannot be re-run.
    #[error(transparent)]
    Rerun(#[from] RerunError),
}

/// Runs the demonstration; `progress` hears every stage.
///
/// # Errors
/// When log or recording cannot be written or read.
pub fn run(options: &Options, mut progress: impl FnMut(Stage)) -> Result<Report, DemoError> {
    let out = folder::prepare(options.out.as_deref())?;
    let scenario = Scenario::jammed_half_way(options.seed, options.minutes);
    let flight = scenario.fly(|time_ns| {
        progress(Stage::Flying((time_ns * 100 / scenario.duration_ns) as u32));
    });
    let log = out.join(folder::LOG);
    write_log(&log, &flight)?;

    let replayed = replay_log(&log, &out, options, &mut progress)?;
    let positions = recorded_positions(&replayed.flight_dir)?;

    progress(Stage::Verifying);
    let verification = fdr_format::verify(&replayed.flight_dir)?;

    progress(Stage::Rerunning);
    let rerun = companion::rerun::rerun(&replayed.flight_dir)?;

    Ok(Report {
        seed: options.seed,
        minutes: options.minutes,
        wind_mps: scenario.wind.speed_at_10_m_mps,
        folder: out,
        log,
        flight_dir: replayed.flight_dir,
        messages_read: replayed.messages_read,
        messages_refused: replayed.messages_refused,
        realtime_factor: replayed.realtime_factor,
        phases: score(&positions, &flight.truth, scenario.gps_lost_at_ns),
        verification,
        rerun,
    })
}

fn write_log(path: &Path, flight: &Flight) -> Result<(), DemoError> {
    fs::write(path, &flight.log).map_err(|source| DemoError::Log {
        path: path.to_owned(),
        source,
    })
}

/// The log through the companion, as `companion replay` does it. The recording is named after the
/// seed, so that two runs of one seed are the same to the last byte.
fn replay_log(
    log: &Path,
    out: &Path,
    demo: &Options,
    progress: &mut impl FnMut(Stage),
) -> Result<Summary, DemoError> {
    let options = ReplayOptions {
        log: log.to_owned(),
        fdr: out.to_owned(),
        flight_id: Some(flight_id(demo)),
        windows: DenialWindows::default(),
        positions: None,
        configuration: Configuration::default(),
    };
    let replayed = replay(&options, &mut |Progress { pass, done, total }| {
        if pass == Pass::Replay {
            progress(Stage::Replaying((done * 100 / total.max(1)) as u32));
        }
        ControlFlow::Continue(())
    })?;
    match replayed.problem {
        Some(problem) => Err(problem.into()),
        None => Ok(replayed.summary),
    }
}

/// A UUID of version 8 (RFC 9562: contents of our own) that holds seed and length:
/// `7369746c-SSSS-8000-80MM-SSSSSSSSSSSS`.
fn flight_id(options: &Options) -> FlightId {
    let seed = options.seed.to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(b"sitl");
    bytes[4..6].copy_from_slice(&seed[..2]);
    bytes[6] = 0x80;
    bytes[8] = 0x80;
    bytes[9] = options.minutes.to_be_bytes()[3];
    bytes[10..].copy_from_slice(&seed[2..]);
    FlightId(bytes)
}

/// The emitted positions as the recording holds them, on the simulation's clock. They are judged
/// from there, not from memory, so that the figures are those of the evidence.
fn recorded_positions(flight_dir: &Path) -> Result<Vec<TimedPosition>, DemoError> {
    let mut reader = FlightReader::open(flight_dir)?;
    let mut clock = RecordingClock::default();
    let mut positions = Vec::new();
    while let Some(item) = reader.next_item()? {
        let FlightItem::Record { record, .. } = item else {
            continue;
        };
        match record.decode() {
            Ok(Record::SegmentHeader(header)) => {
                clock = RecordingClock {
                    monotonic_ns: header.anchor_monotonic_ns,
                    unix_ns: header.anchor_unix_ns.unwrap_or(0),
                };
            }
            Ok(Record::EmittedExternalPosition(position)) => positions.push(TimedPosition {
                time_ns: clock.since_the_flight_began(position.time_ns),
                position,
            }),
            _ => {}
        }
    }
    Ok(positions)
}

/// One moment on the recording's clock and on the world's.
#[derive(Debug, Clone, Copy, Default)]
struct RecordingClock {
    monotonic_ns: u64,
    unix_ns: u64,
}

impl RecordingClock {
    fn since_the_flight_began(self, monotonic_ns: u64) -> u64 {
        (self.unix_ns + monotonic_ns)
            .saturating_sub(self.monotonic_ns)
            .saturating_sub(FLIGHT_BEGINS_UNIX_US * 1_000)
    }
}
