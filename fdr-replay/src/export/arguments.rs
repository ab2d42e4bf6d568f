//! Arguments of `fdr-replay export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fdr_format::RecordType;

use crate::cli::{FlightArguments, seconds};

/// Which records go where, and in which form.
#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    pub flight: FlightArguments,
    /// Form of the file
    #[arg(short, long, value_enum)]
    pub format: FormatName,
    /// Write to this file
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the file when it exists
    #[arg(long)]
    pub force: bool,
    /// Only records of this type, by name or number; may be given several times
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    pub types: Vec<RecordType>,
    /// Only records from this time on, in seconds from the start of the flight
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub from: Option<f64>,
    /// Only records up to this time, in seconds from the start of the flight
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub to: Option<f64>,
    /// With mcap: write a layout for Foxglove to this file as well
    #[arg(long, value_name = "FILE")]
    pub layout: Option<PathBuf>,
}

/// Form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// Every record with its fields, positions and log as Foxglove knows them: Foxglove, Rerun, PlotJuggler
    Mcap,
    /// The MAVLink frames of the flight controller's link: Mission Planner, MAVExplorer, UAVLogViewer
    Tlog,
    /// A table of one record type
    Csv,
    /// A table of one record type, in columns
    #[cfg(feature = "parquet")]
    Parquet,
    /// The emitted track with its times, by source label: Google Earth
    Kml,
    /// The emitted track
    Gpx,
    /// The emitted track, for maps on the web
    Geojson,
}

impl FormatName {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mcap => "mcap",
            Self::Tlog => "tlog",
            Self::Csv => "csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
            Self::Kml => "kml",
            Self::Gpx => "gpx",
            Self::Geojson => "geojson",
        }
    }
}

/// The help behind the options.
pub const EXPORT_HELP: &str = "\
The file has its name only when it is whole. Times are Unix times where the recording knows them, and count from
1970 otherwise (a note says so). csv and parquet hold one record type, EmittedExternalPosition unless --type names
another; kml, gpx and geojson the emitted track, cut where the source label changes or positions are missing.

Examples:
  fdr-replay export recordings -f mcap -o flight.mcap --layout flight.layout.json
  fdr-replay export recordings -f kml -o flight.kml --from 60 --to 600
  fdr-replay export recordings -f csv -t ImuTrace -o imu.csv

Exit codes:
   0  everything that was asked for was written
   1  the recording cannot be read, or the file cannot be written
   3  damage was passed over on the way; it is named on stderr, and the file holds what is valid
  64  wrong usage";
