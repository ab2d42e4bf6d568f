//! `smooth`: the track as it is known after landing.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use companion::navigator::Geodetic;
use companion::smoother::{Settings, SmoothedPosition, smooth_flight};
use fdr_format::{FlightId, FlightReader};
use serde::Serialize;

use crate::cli::SmoothArguments;
use crate::outcome::Outcome;
use crate::output::{CHECK_ROOM, NewFile, told};
use crate::progress::Progress;
use crate::table::{Table, grouped, print_json};

/// The report.
#[derive(Debug, Serialize)]
struct Report {
    flight_id: FlightId,
    exit_code: u8,
    inputs: u64,
    positions: u64,
    lag_s: f64,
    period_s: f64,
    /// Median of the stated 1 sigma as emitted, and in hindsight.
    emitted_sigma_p50_m: Option<f64>,
    smoothed_sigma_p50_m: Option<f64>,
    /// How far hindsight moved the positions.
    moved_p50_m: Option<f64>,
    moved_max_m: Option<f64>,
    track: Option<PathBuf>,
    cut_short: Option<String>,
}

/// Smooths the flight and reports.
pub fn run(arguments: &SmoothArguments) -> anyhow::Result<Outcome> {
    let settings = Settings::new(arguments.lag, arguments.period)?;
    let reader = FlightReader::open(&arguments.flight.flight)?;
    let mut figures = Figures::default();
    let mut track = arguments.output.as_deref().map(Track::create).transpose()?;
    let mut written = Ok(());
    let mut progress = Progress::new("smoothing");
    let smoothing = smooth_flight(
        reader,
        settings,
        |position| {
            figures.add(&position);
            if let (Some(track), true) = (&mut track, written.is_ok()) {
                written = track.write(&position);
            }
        },
        |done, total| progress.update(done, total),
    )?;
    drop(progress);
    if let Some(track) = track {
        told(written, track_name(arguments), CHECK_ROOM)?;
        track.finish()?;
    }
    let outcome = if smoothing.cut_short.is_some() {
        Outcome::Damaged
    } else {
        Outcome::Clean
    };
    let report = Report {
        flight_id: smoothing.flight_id,
        exit_code: outcome.code(),
        inputs: smoothing.inputs,
        positions: smoothing.positions,
        lag_s: arguments.lag,
        period_s: arguments.period,
        emitted_sigma_p50_m: median(&mut figures.emitted_m),
        smoothed_sigma_p50_m: median(&mut figures.smoothed_m),
        moved_p50_m: median(&mut figures.moved_m),
        moved_max_m: figures.moved_m.last().copied(),
        track: arguments.output.clone(),
        cut_short: smoothing.cut_short,
    };
    if arguments.flight.json {
        print_json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(outcome)
}

fn track_name(arguments: &SmoothArguments) -> String {
    arguments
        .output
        .as_deref()
        .map_or_else(String::new, |path| path.display().to_string())
}

fn print(report: &Report) -> io::Result<()> {
    let metres =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1} m"));
    let mut table = Table::default();
    table
        .row("flight", report.flight_id)
        .row("inputs", grouped(report.inputs))
        .row("positions", grouped(report.positions))
        .row("looked ahead", format!("{} s", report.lag_s))
        .row("stated in flight", metres(report.emitted_sigma_p50_m))
        .row("stated now", metres(report.smoothed_sigma_p50_m))
        .row("moved, median", metres(report.moved_p50_m))
        .row("moved, most", metres(report.moved_max_m));
    if let Some(track) = &report.track {
        table.row("track", track.display());
    }
    if let Some(why) = &report.cut_short {
        table.row("ended at", why);
    }
    table.print()
}

/// What the report tells of all positions.
#[derive(Debug, Default)]
struct Figures {
    emitted_m: Vec<f64>,
    smoothed_m: Vec<f64>,
    moved_m: Vec<f64>,
}

impl Figures {
    fn add(&mut self, position: &SmoothedPosition) {
        let at = |lat_rad, lon_rad| Geodetic {
            lat_rad,
            lon_rad,
            alt_msl_m: 0.0,
        };
        let emitted = at(position.emitted_lat_rad, position.emitted_lon_rad);
        let smoothed = at(position.lat_rad, position.lon_rad);
        let [nn, ne, ee] = position.covariance_m2;
        let half = 0.5 * (nn - ee);
        let largest = 0.5 * (nn + ee) + (half * half + ne * ne).sqrt();
        self.emitted_m.push(position.emitted_horiz_accuracy_m);
        self.smoothed_m.push(largest.sqrt());
        self.moved_m
            .push(emitted.displacement_to(smoothed).xy().norm());
    }
}

/// Sorts, too.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The track as CSV.
#[derive(Debug)]
struct Track(NewFile);

impl Track {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let mut out = NewFile::create(path, false)?;
        writeln!(
            out,
            "time_ns,lat_deg,lon_deg,cov_nn_m2,cov_ne_m2,cov_ee_m2,emitted_lat_deg,emitted_lon_deg,\
             emitted_horiz_accuracy_m,lag_s"
        )?;
        Ok(Self(out))
    }

    fn write(&mut self, position: &SmoothedPosition) -> io::Result<()> {
        let [nn, ne, ee] = position.covariance_m2;
        writeln!(
            self.0,
            "{},{:.9},{:.9},{nn:.4},{ne:.4},{ee:.4},{:.9},{:.9},{:.3},{:.1}",
            position.time_ns,
            position.lat_rad.to_degrees(),
            position.lon_rad.to_degrees(),
            position.emitted_lat_rad.to_degrees(),
            position.emitted_lon_rad.to_degrees(),
            position.emitted_horiz_accuracy_m,
            position.lag_s
        )
    }

    fn finish(self) -> anyhow::Result<()> {
        self.0.finish()
    }
}
