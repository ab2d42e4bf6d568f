//! The positions file: one JSON line per emitted position.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::ReplayError;
use crate::navigator::{EmittedExternalPosition, FixType, SourceLabel};

/// One emitted position. Covariance and accuracies are the honest ones, never what the wire says
/// instead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PositionLine {
    /// When it is valid (the emission deadline), on the log's own clock: microseconds since 1970.
    pub time_us: u64,
    /// Geodetic latitude, WGS84.
    pub lat_deg: f64,
    /// Longitude, WGS84.
    pub lon_deg: f64,
    /// Height above mean sea level.
    pub alt_msl_m: f64,
    /// Velocity north, east, down.
    pub vel_ned_mps: [f64; 3],
    /// 1-sigma horizontal accuracy.
    pub horiz_accuracy_m: f64,
    /// 1-sigma vertical accuracy.
    pub vert_accuracy_m: f64,
    /// Covariance of the position error, axes north, east, down.
    pub cov_ned_m2: [[f64; 3]; 3],
    /// Evidence behind it.
    pub source_label: &'static str,
    /// Age of the last map anchor; null before the first.
    pub last_satellite_anchor_age_ms: Option<u32>,
    /// 1 none, 2 2D, 3 3D, as `GPS_FIX_TYPE` numbers them.
    pub fix_type: u8,
}

impl PositionLine {
    /// The line of a position in a log whose first message was stamped `start_us`.
    #[must_use]
    pub fn new(position: &EmittedExternalPosition, start_us: u64) -> Self {
        Self {
            time_us: start_us.saturating_add(position.time.0 / 1000),
            lat_deg: position.lat_rad.to_degrees(),
            lon_deg: position.lon_rad.to_degrees(),
            alt_msl_m: position.alt_msl_m,
            vel_ned_mps: position.vel_ned_mps,
            horiz_accuracy_m: position.horiz_accuracy_m,
            vert_accuracy_m: position.vert_accuracy_m,
            cov_ned_m2: position.covariance.position_ned_m2(),
            source_label: label_name(position.source_label),
            last_satellite_anchor_age_ms: position.last_satellite_anchor_age_ms,
            fix_type: match position.fix_type {
                FixType::None => 1,
                FixType::TwoD => 2,
                FixType::ThreeD => 3,
            },
        }
    }
}

/// The name of a label in reports.
pub(super) fn label_name(label: SourceLabel) -> &'static str {
    match label {
        SourceLabel::DeadReckoned => "dead_reckoned",
        SourceLabel::VisualPropagated => "visual_propagated",
        SourceLabel::SatelliteAnchored => "satellite_anchored",
    }
}

/// An open positions file.
#[derive(Debug)]
pub(super) struct PositionsFile {
    path: PathBuf,
    writer: BufWriter<File>,
}

impl PositionsFile {
    pub(super) fn create(path: &Path) -> Result<Self, ReplayError> {
        match File::create(path) {
            Ok(file) => Ok(Self {
                path: path.to_owned(),
                writer: BufWriter::new(file),
            }),
            Err(source) => Err(failed(path, source)),
        }
    }

    pub(super) fn write(&mut self, line: &PositionLine) -> Result<(), ReplayError> {
        serde_json::to_writer(&mut self.writer, line)
            .map_err(io::Error::from)
            .and_then(|()| self.writer.write_all(b"\n"))
            .map_err(|source| failed(&self.path, source))
    }

    pub(super) fn finish(mut self) -> Result<(), ReplayError> {
        self.writer
            .flush()
            .map_err(|source| failed(&self.path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> ReplayError {
    ReplayError::Positions {
        path: path.to_owned(),
        source,
    }
}
