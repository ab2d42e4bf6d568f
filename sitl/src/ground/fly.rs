//! A flight whose GPS is spoofed, over the ground of the test world: positions from pixels alone.

use std::time::Instant;

use companion::navigator::{NavigatorConfig, SourceLabel};
use serde::Serialize;

use super::eyes::{PixelEyes, Seen};
use super::lens::Lens;
use super::photograph::Photographer;
use super::tile::World;
use crate::monte_carlo::plan::{Denial, FlightPlan, Trajectory};
use crate::monte_carlo::{Sample, fly_with};
use crate::randomness::{Purpose, Randomness};
use crate::sensors::Grade;
use crate::sensors::camera::{FRAME_PERIOD_S, Sight};
use crate::world::Place;

use crate::monte_carlo::plan::{GpsPlan, Grades, Span, VisionPlan};
use crate::wind::{MeanWind, WindDrift};

/// What is flown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Seed of world, wind, route and errors.
    pub seed: u32,
    /// Length of the flight.
    pub minutes: u32,
    /// GPS is spoofed from then on.
    pub spoofed_from_s: f64,
    /// Height above the runway, m.
    pub height_m: f64,
    /// Time between two searches of the map, s.
    pub anchor_every_s: f64,
}

/// What it showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Seed.
    pub seed: u32,
    /// Positions judged: one a second from the first forged fix on.
    pub positions: usize,
    /// Share of them within 20 m of the truth.
    pub within_20m: f64,
    /// Share within 10 m.
    pub within_10m: f64,
    /// Largest error, m.
    pub worst_m: f64,
    /// Share whose stated 95 % ellipse holds the truth.
    pub coverage_95: f64,
    /// Share with a fresh map match behind it.
    pub anchored: f64,
    /// Frames that were registered against their keyframe, as a share.
    pub registered: f64,
    /// Searches of the map that found the place, as a share.
    pub found: f64,
    /// Median error when the last anchor is at most 2 s old and when it is older than half the time
    /// between two searches, m.
    pub error_by_age_m: [f64; 2],
    /// Flight time over the time it took.
    pub times_real_time: f64,
    /// Time of odometry and matcher per frame, ms.
    pub vision_ms: f64,
}

fn plan(options: &Options, runway: Place) -> FlightPlan {
    let mut draw = Randomness::new(u64::from(options.seed), Purpose::Plan);
    let grades = Grades {
        imu: Grade::Standard,
        // 0.6 degrees: what the requirement of the matcher assumes.
        attitude: Grade::Good,
        airspeed: Grade::Standard,
        barometer: Grade::Standard,
        gps: Grade::Standard,
    };
    FlightPlan {
        seed: u64::from(options.seed),
        duration_ns: u64::from(options.minutes) * 60_000_000_000,
        runway: [runway.lat_rad, runway.lon_rad, runway.alt_msl_m],
        trajectory: Trajectory::Survey,
        height_m: options.height_m,
        leg_m: 4_000.0,
        wind: MeanWind {
            speed_at_10_m_mps: draw.between(3.0, 6.0),
            blows_to_rad: draw.between(0.0, core::f64::consts::TAU),
        },
        drift: WindDrift {
            share: 0.15,
            time_s: 300.0,
        },
        grades,
        gps: GpsPlan {
            denial: Denial::DragAway,
            spans: vec![Span {
                from_ns: (options.spoofed_from_s * 1e9) as u64,
                to_ns: u64::MAX,
            }],
            noticed: false,
            strength: 3.0,
            direction_rad: draw.between(0.0, core::f64::consts::TAU),
        },
        vision: Some(VisionPlan {
            sight: Sight {
                grade: Grade::Standard,
                match_rate: 1.0,
                wrong_peaks: 0.0,
                wrong_registrations: 0.0,
                anchor_delay_s: 0.3,
                misjudged: 1.0,
            },
            hindrances: Vec::new(),
        }),
    }
}

/// Flies and judges.
///
/// # Errors
/// When the companion refuses the camera.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let runway = super::folder::ORIGIN;
    let world = World {
        seed: options.seed,
        ..World::default()
    };
    let mut draw = Randomness::new(u64::from(options.seed), Purpose::Camera);
    let boresight = core::array::from_fn(|_| draw.normal(0.3_f64.to_radians()));
    let frames_per_match = (options.anchor_every_s / FRAME_PERIOD_S).round().max(1.0) as u64;
    let photographer = Photographer::new(Lens::SMALL);
    let mut eyes = PixelEyes::new(world, photographer, runway, boresight, frames_per_match)?;
    let plan = plan(options, runway);
    let begun = Instant::now();
    let judged = fly_with(&plan, &NavigatorConfig::default(), &mut eyes);
    let took_s = begun.elapsed().as_secs_f64();
    let denied: Vec<_> = judged
        .samples
        .iter()
        .filter(|sample| !sample.gps_genuine)
        .collect();
    Ok(report(options, &denied, &eyes.seen, took_s))
}

fn report(options: &Options, denied: &[&Sample], seen: &Seen, took_s: f64) -> Report {
    let share = |rule: &dyn Fn(&Sample) -> bool| {
        denied.iter().filter(|sample| rule(sample)).count() as f64 / denied.len().max(1) as f64
    };
    let ratio = |part: u32, of: u32| f64::from(part) / f64::from(of.max(1));
    let median = |rule: &dyn Fn(u32) -> bool| {
        let mut errors: Vec<_> = denied
            .iter()
            .filter(|sample| sample.anchor_age_ms.is_some_and(rule))
            .map(|sample| sample.error_m)
            .collect();
        errors.sort_by(f64::total_cmp);
        errors.get(errors.len() / 2).copied().unwrap_or(0.0)
    };
    let old_ms = (500.0 * options.anchor_every_s) as u32;
    Report {
        seed: options.seed,
        positions: denied.len(),
        within_20m: share(&|sample| sample.error_m <= 20.0),
        within_10m: share(&|sample| sample.error_m <= 10.0),
        worst_m: denied
            .iter()
            .map(|sample| sample.error_m)
            .fold(0.0, f64::max),
        coverage_95: share(&|sample| sample.inside_95()),
        anchored: share(&|sample| sample.label == SourceLabel::SatelliteAnchored),
        registered: ratio(seen.registered, seen.tried),
        found: ratio(seen.found, seen.sought),
        error_by_age_m: [median(&|age| age <= 2_000), median(&|age| age > old_ms)],
        times_real_time: f64::from(options.minutes) * 60.0 / took_s,
        vision_ms: seen.vision.as_secs_f64() * 1e3 / f64::from(seen.tried.max(1)),
    }
}

/// The report for people.
#[must_use]
pub fn render(report: &Report) -> String {
    let percent = |share: f64| format!("{:.1} %", 1e2 * share);
    let rows = [
        ("positions without GPS", report.positions.to_string()),
        ("within 20 m", percent(report.within_20m)),
        ("within 10 m", percent(report.within_10m)),
        ("worst", format!("{:.1} m", report.worst_m)),
        ("truth in 95 % ellipse", percent(report.coverage_95)),
        ("satellite_anchored", percent(report.anchored)),
        ("frames registered", percent(report.registered)),
        ("searches that found", percent(report.found)),
        (
            "median, fresh anchor",
            format!("{:.1} m", report.error_by_age_m[0]),
        ),
        (
            "median, old anchor",
            format!("{:.1} m", report.error_by_age_m[1]),
        ),
        ("vision per frame", format!("{:.1} ms", report.vision_ms)),
        ("times real time", format!("{:.1}", report.times_real_time)),
    ];
    rows.iter()
        .map(|(name, value)| format!("{name:<24}{value:>10}\n"))
        .collect()
}
