//! Time per frame on one core: rectification, odometry, anchor. `cargo bench -p companion --bench vision`.
//!
//! The requirement speaks of a largest time and of p99 against the median, so every call is timed.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench is a program of its own"
)]

#[path = "../tests/support/terrain.rs"]
mod terrain;

use std::hint::black_box;
use std::time::Instant;

use companion::vision::anchor::{AnchorMatcher, AnchorSettings};
use companion::vision::calibration::Calibration;
use companion::vision::image::{Gray, Pyramid};
use companion::vision::north_up::NorthUp;
use companion::vision::odometry::{Odometry, OdometrySettings, View};
use companion::vision::{Pose, rectify};
use terrain::{Season, Terrain};

const POSE: Pose = Pose {
    roll_rad: 0.03,
    pitch_rad: -0.02,
    yaw_rad: 0.0,
    agl_m: 100.0,
};
const FOCAL_PX: f64 = 1_500.0;

fn camera() -> Calibration {
    Calibration::parse(
        "model = \"pinhole\"\nwidth = 1920\nheight = 1280\nfx = 1500.0\nfy = 1500.0\n\
         cx = 960.0\ncy = 640.0\nk1 = -0.1\nk2 = 0.02\n",
    )
    .unwrap()
}

/// The ground as a level camera sees it; the tilt of the pose only makes the warp a general one.
fn photograph(north_m: f64) -> Gray {
    let terrain = Terrain::new(1);
    let gsd_m = POSE.agl_m / FOCAL_PX;
    let pixels = (0..1280 * 1920).map(|index| {
        let north = (640.0 - f64::from(index / 1920)) * gsd_m + north_m;
        let east = (f64::from(index % 1920) - 960.0) * gsd_m;
        terrain.brightness(north, east, Season::Today) as u8
    });
    Gray::new(1920, 1280, pixels.collect()).unwrap()
}

/// Calls that are timed; some more before them warm the caches.
const CALLS: usize = 300;

/// Median and p99 of a call, milliseconds.
fn row<T>(name: &str, required_ms: f64, mut call: impl FnMut() -> T) {
    let mut took: Vec<f64> = (0..CALLS + 20)
        .map(|_| {
            let begun = Instant::now();
            black_box(call());
            begun.elapsed().as_secs_f64() * 1e3
        })
        .skip(20)
        .collect();
    took.sort_by(f64::total_cmp);
    let (median, p99) = (took[CALLS / 2], took[CALLS * 99 / 100]);
    println!(
        "{name:<52}{median:>8.2}{p99:>8.2}{:>12.2}{required_ms:>10.0}",
        p99 / median
    );
}

fn rectification() {
    let (camera, photo) = (camera(), photograph(0.0));
    let frame = Pyramid::new(photo.clone());
    let gsd_m = POSE.agl_m / FOCAL_PX;
    row("rectify 1920 x 1280 at full resolution", 15.0, || {
        rectify(black_box(&frame), &camera, &POSE, 1920, 1280, gsd_m)
    });
    row("pyramid of 1920 x 1280, with a copy", 15.0, || {
        Pyramid::new(photo.clone())
    });
}

fn odometry() {
    let camera = camera();
    let gsd_m = View::gsd_m(&camera, &POSE);
    let [first, second] = [0.0, 15.0].map(|north_m| Pyramid::new(photograph(north_m)));
    let keyframe = View::new(&first, &camera, &POSE, gsd_m).unwrap();
    let mut odometry = Odometry::new(OdometrySettings::default());
    row("odometry, frame rectified and registered", 5.0, || {
        let frame = View::new(black_box(&second), &camera, &POSE, gsd_m).unwrap();
        odometry.register(&keyframe, &frame, None).unwrap()
    });
}

fn anchor() {
    let camera = camera();
    let frame = Pyramid::new(photograph(0.0));
    let mut matcher = AnchorMatcher::new(AnchorSettings::default());
    let (terrain, side) = (Terrain::new(1), matcher.map_px(60.0));
    let middle = (side - 1) as f64 / 2.0;
    let map = NorthUp::from_fn(side, side, 1.0, |column, row| {
        let (north, east) = (middle - row as f64 + 20.0, column as f64 - middle - 10.0);
        Some(terrain.brightness(north, east, Season::Map) as f32)
    });
    row("anchor, 1 m per pixel, +-60 m", 5.0, || {
        let decision = matcher.locate(&frame, &camera, &POSE, black_box(&map));
        decision.outcome.unwrap()
    });
}

fn main() {
    println!(
        "{:<52}{:>8}{:>8}{:>12}{:>10}",
        "milliseconds", "median", "p99", "p99/median", "required"
    );
    rectification();
    odometry();
    anchor();
}
