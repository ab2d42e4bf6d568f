//! `companion recording`: what a person may ask of a flight's ring, while it is recorded or after.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use companion::command_line::{CommandLine, FAILED, print};
use companion::recorder::{DiskVolume, Markers, Volume};
use serde_json::json;

/// Arguments of `companion recording`.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print what holds now as one JSON document
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Drop nothing any more to make room: at the cap the newest bulk records are lost instead
    Freeze {
        /// The flight's folder
        flight: PathBuf,
    },
    /// Drop the oldest segments again
    Thaw {
        /// The flight's folder
        flight: PathBuf,
    },
    /// Keep a segment whatever happens
    Pin {
        /// The flight's folder
        flight: PathBuf,
        /// Number of the bulk segment: 12 for segments/seg_00012.bin
        #[arg(long, value_parser = clap::value_parser!(u32).range(..1 << 31))]
        segment: u32,
    },
    /// Say what holds now, and change nothing
    Status {
        /// The flight's folder
        flight: PathBuf,
    },
}

/// Sets the marker and prints what holds; a recorder that runs follows it within a second.
pub fn run(line: &CommandLine, arguments: &Arguments) -> ExitCode {
    let flight = match &arguments.command {
        Command::Freeze { flight }
        | Command::Thaw { flight }
        | Command::Pin { flight, .. }
        | Command::Status { flight } => flight,
    };
    match mark(flight, &arguments.command) {
        Ok(markers) => {
            let pinned: Vec<u32> = markers.pinned().collect();
            let printed = if arguments.json {
                print(&format!(
                    "{:#}\n",
                    json!({ "frozen": markers.frozen(), "pinned": pinned })
                ))
            } else {
                let state = if markers.frozen() {
                    "frozen"
                } else {
                    "not frozen"
                };
                print(&format!("{state}, pinned segments: {pinned:?}\n"))
            };
            match printed {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::from(FAILED),
            }
        }
        Err(error) => line.fail(format!("{}: {error}", flight.display()), FAILED),
    }
}

/// Why nothing was marked.
#[derive(Debug, thiserror::Error)]
enum MarkError {
    #[error("holds no `segments`; give the folder of one flight, as `fdr-replay info` names it")]
    NoFlight,
    #[error("segment {segment} is gone; the oldest that can be kept is {oldest}")]
    Gone { segment: u32, oldest: u32 },
    #[error("{0}; check that the folder may be written, and by whom")]
    Io(#[from] io::Error),
}

fn mark(flight: &Path, command: &Command) -> Result<Markers, MarkError> {
    if !flight.join("segments").is_dir() {
        return Err(MarkError::NoFlight);
    }
    let mut markers = Markers::read(&DiskVolume, flight)?;
    match command {
        Command::Freeze { .. } => markers.freeze(&DiskVolume)?,
        Command::Thaw { .. } => markers.thaw(&DiskVolume)?,
        Command::Pin { segment, .. } => {
            let (segment, oldest) = (*segment, oldest_segment(flight)?);
            if segment < oldest {
                return Err(MarkError::Gone { segment, oldest });
            }
            markers.pin(&DiskVolume, segment)?;
        }
        Command::Status { .. } => {}
    }
    Ok(markers)
}

/// Number of the oldest bulk segment that is there; 0 when there is none.
fn oldest_segment(flight: &Path) -> io::Result<u32> {
    let entries = DiskVolume.list(&flight.join("segments"))?;
    let numbers = entries.iter().filter_map(|entry| {
        let name = entry.name.to_str()?.strip_prefix("seg_")?;
        name.strip_suffix(".bin")?.parse().ok()
    });
    Ok(numbers.min().unwrap_or(0))
}
