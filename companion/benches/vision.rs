//! Time per frame on one core: rectification, odometry, anchor.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros; made-up input is valid"
)]

#[path = "../tests/support/terrain.rs"]
mod terrain;

use std::hint::black_box;

use companion::vision::anchor::{AnchorMatcher, AnchorSettings};
use companion::vision::calibration::Calibration;
use companion::vision::image::{Gray, Pyramid};
use companion::vision::north_up::NorthUp;
use companion::vision::odometry::{Odometry, OdometrySettings, View};
use companion::vision::{Pose, rectify};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
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

fn rectification(criterion: &mut Criterion) {
    let (camera, photo) = (camera(), photograph(0.0));
    criterion.bench_function(
        "rectify 1920 x 1280 at full resolution, with its pyramid",
        |bench| {
            bench.iter_batched(
                || photo.clone(),
                |photo| {
                    let frame = Pyramid::new(photo);
                    rectify(&frame, &camera, &POSE, 1920, 1280, POSE.agl_m / FOCAL_PX)
                },
                BatchSize::LargeInput,
            );
        },
    );
}

fn odometry(criterion: &mut Criterion) {
    let camera = camera();
    let gsd_m = View::gsd_m(&camera, &POSE);
    let [first, second] = [0.0, 15.0].map(|north_m| Pyramid::new(photograph(north_m)));
    let keyframe = View::new(&first, &camera, &POSE, gsd_m).unwrap();
    let mut odometry = Odometry::new(OdometrySettings::default());
    criterion.bench_function("odometry, frame rectified and registered", |bench| {
        bench.iter(|| {
            let frame = View::new(&second, &camera, &POSE, gsd_m).unwrap();
            black_box(odometry.register(&keyframe, &frame, None)).unwrap()
        });
    });
}

fn anchor(criterion: &mut Criterion) {
    let camera = camera();
    let frame = Pyramid::new(photograph(0.0));
    let mut matcher = AnchorMatcher::new(AnchorSettings::default());
    let (terrain, side) = (Terrain::new(1), matcher.map_px(60.0));
    let middle = (side - 1) as f64 / 2.0;
    let map = NorthUp::from_fn(side, side, 1.0, |column, row| {
        let (north, east) = (middle - row as f64 + 20.0, column as f64 - middle - 10.0);
        Some(terrain.brightness(north, east, Season::Map) as f32)
    });
    criterion.bench_function("anchor, 1 m per pixel, +-60 m", |bench| {
        bench.iter(|| {
            matcher
                .locate(&frame, &camera, &POSE, black_box(&map))
                .outcome
                .unwrap()
        });
    });
}

criterion_group!(benches, rectification, odometry, anchor);
criterion_main!(benches);
