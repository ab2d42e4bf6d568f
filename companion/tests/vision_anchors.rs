//! Anchors over made-up ground whose map is from another season, with the errors of a flight.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/terrain.rs"]
mod terrain;

use companion::vision::anchor::{AnchorDecision, AnchorMatcher, AnchorRefusal, AnchorSettings};
use companion::vision::calibration::Calibration;
use companion::vision::image::{Gray, Pyramid};
use companion::vision::north_up::NorthUp;
use companion::vision::{Pose, rectify};
use terrain::{Season, Terrain};

fn camera() -> Calibration {
    Calibration::parse(
        "model = \"pinhole\"\nwidth = 640\nheight = 480\nfx = 500.0\nfy = 500.0\ncx = 320.0\ncy = 240.0\n",
    )
    .unwrap()
}

/// Numbers in [-1, 1) from a seed.
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mixed = (state ^ (state >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// What the camera sees from above (north, east) when it really has `pose`: every pixel's ray meets
/// flat ground.
fn photograph(pose: &Pose, at: [f64; 2], ground: &dyn Fn(f64, f64) -> f64, noise: f64) -> Pyramid {
    let (sr, cr) = pose.roll_rad.sin_cos();
    let (sp, cp) = pose.pitch_rad.sin_cos();
    let (sy, cy) = pose.yaw_rad.sin_cos();
    let mut random = numbers(9);
    let mut pixels = Vec::with_capacity(640 * 480);
    for row in 0..480 {
        for column in 0..640 {
            let (x, y) = (
                (f64::from(column) - 320.0) / 500.0,
                (f64::from(row) - 240.0) / 500.0,
            );
            // Body axes: forward is the image's top, right its right edge, down into the scene.
            let (forward, right, down) = (-y, x, 1.0);
            let (right, down) = (cr * right - sr * down, sr * right + cr * down);
            let (forward, down) = (cp * forward + sp * down, cp * down - sp * forward);
            let (north, east) = (cy * forward - sy * right, sy * forward + cy * right);
            let length = pose.agl_m / down;
            let value = ground(at[0] + north * length, at[1] + east * length) + noise * random();
            pixels.push(value.clamp(0.0, 255.0) as u8);
        }
    }
    Pyramid::new(Gray::new(640, 480, pixels).unwrap())
}

/// The map around (north, east), 1 m per pixel, a little blurred by its own resolution.
fn map(terrain: &Terrain, centre: [f64; 2], side: usize) -> NorthUp {
    let middle = (side - 1) as f64 / 2.0;
    NorthUp::from_fn(side, side, 1.0, |column, row| {
        let north = centre[0] + middle - row as f64;
        let east = centre[1] + column as f64 - middle;
        let mut sum = 0.0;
        for (dx, dy) in [(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)] {
            sum += terrain.brightness(north + dx, east + dy, Season::Map);
        }
        Some((sum / 4.0).round() as f32)
    })
}

struct Trial {
    decision: AnchorDecision,
    error_m: f64,
}

/// One frame at a random place and heading, with errors of prior, attitude and yaw.
fn trial(matcher: &mut AnchorMatcher, seed: u64, yaw_error_rad: f64) -> Trial {
    let mut random = numbers(seed);
    for _ in 0..5 {
        random();
    }
    let terrain = Terrain::new(seed);
    let at = [200.0 * random(), 200.0 * random()];
    let prior = [at[0] + 36.0 * random(), at[1] + 36.0 * random()];
    let truth = Pose {
        roll_rad: 0.1 * random(),
        pitch_rad: 0.1 * random(),
        yaw_rad: 3.0 * random(),
        agl_m: 100.0,
    };
    // Uniform with the variance of half a degree, 1 sigma.
    let half_a_degree = 3f64.sqrt() * 0.5f64.to_radians();
    let told = Pose {
        roll_rad: truth.roll_rad + half_a_degree * random(),
        pitch_rad: truth.pitch_rad + half_a_degree * random(),
        yaw_rad: truth.yaw_rad + yaw_error_rad,
        agl_m: truth.agl_m * (1.0 + 0.03 * random()),
    };
    let ground = |north: f64, east: f64| terrain.brightness(north, east, Season::Today);
    let frame = photograph(&truth, at, &ground, 6.0);
    let map = map(&terrain, prior, matcher.map_px(60.0));
    let decision = matcher.locate(&frame, &camera(), &told, &map);
    let [north, east] = decision.scores.offset_ne_m;
    Trial {
        decision,
        error_m: (prior[0] + north - at[0]).hypot(prior[1] + east - at[1]),
    }
}

#[test]
fn over_textured_ground_of_another_season_most_frames_are_anchored_and_none_falsely() {
    let mut matcher = AnchorMatcher::new(AnchorSettings::default());
    let mut errors = Vec::new();
    for seed in 0..40 {
        let Trial { decision, error_m } = trial(&mut matcher, seed, 0.0);
        println!("{seed}: {error_m:.1} m {decision:?}");
        if decision.outcome.is_ok() {
            errors.push(error_m);
        }
    }
    errors.sort_by(f64::total_cmp);
    println!("{} of 40 accepted: {errors:.1?}", errors.len());
    assert!(errors.len() >= 32, "{}", errors.len());
    assert!(errors.iter().all(|error| *error < 12.0));
    assert!(errors[errors.len() / 2] <= 3.0);
}

#[test]
fn six_degrees_of_yaw_error_are_searched_and_named() {
    let mut matcher = AnchorMatcher::new(AnchorSettings::default());
    let wrong = 6f64.to_radians();
    let mut accepted = 0;
    for seed in 100..115 {
        let Trial { decision, error_m } = trial(&mut matcher, seed, wrong);
        if let Ok(found) = decision.outcome {
            accepted += 1;
            assert!(error_m < 12.0, "{seed}: {error_m:.1} m");
            assert!(
                (found.scores.yaw_offset_rad + wrong).abs() < 1e-9,
                "{found:?}"
            );
        }
    }
    println!("{accepted} of 15 accepted");
    assert!(accepted >= 11, "{accepted}");
}

#[test]
fn another_place_a_flat_frame_and_an_empty_map_are_refused() {
    let mut matcher = AnchorMatcher::new(AnchorSettings::default());
    let pose = Pose {
        roll_rad: 0.0,
        pitch_rad: 0.0,
        yaw_rad: 0.4,
        agl_m: 100.0,
    };
    let side = matcher.map_px(60.0);
    let camera = camera();
    for seed in 0..25 {
        let terrain = Terrain::new(seed);
        let ground = |north: f64, east: f64| terrain.brightness(north, east, Season::Today);
        let frame = photograph(&pose, [0.0, 0.0], &ground, 6.0);
        let elsewhere = map(&Terrain::new(seed + 1_000), [5_000.0, 0.0], side);
        let decision = matcher.locate(&frame, &camera, &pose, &elsewhere);
        assert!(decision.outcome.is_err(), "{seed}: {decision:?}");
    }
    let here = map(&Terrain::new(1), [0.0, 0.0], side);
    let mut refusal = |frame: &Pyramid, map: &NorthUp, pose: &Pose| {
        matcher
            .locate(frame, &camera, pose, map)
            .outcome
            .unwrap_err()
    };
    let cloud = photograph(&pose, [0.0, 0.0], &|_, _| 200.0, 0.5);
    assert_eq!(refusal(&cloud, &here, &pose), AnchorRefusal::LowTexture);
    let terrain = Terrain::new(1);
    let ground = |north: f64, east: f64| terrain.brightness(north, east, Season::Today);
    let frame = photograph(&pose, [0.0, 0.0], &ground, 6.0);
    let empty = NorthUp::unseen(side, side, 1.0);
    assert_eq!(refusal(&frame, &empty, &pose), AnchorRefusal::MapCoverage);
    for broken in [
        Pose {
            roll_rad: 1.2,
            ..pose
        },
        Pose {
            agl_m: f64::NAN,
            ..pose
        },
        Pose { agl_m: 0.0, ..pose },
        Pose {
            yaw_rad: f64::NAN,
            ..pose
        },
    ] {
        assert_eq!(refusal(&frame, &here, &broken), AnchorRefusal::Pose);
    }
}

#[test]
fn a_rectified_frame_shows_the_ground_where_it_is() {
    // Brightness grows northwards and eastwards by known amounts.
    let ground = |north: f64, east: f64| 120.0 + north + 0.5 * east;
    let pose = Pose {
        roll_rad: 0.12,
        pitch_rad: -0.08,
        yaw_rad: 2.0,
        agl_m: 80.0,
    };
    let frame = photograph(&pose, [0.0, 0.0], &ground, 0.0);
    let view = rectify(&frame, &camera(), &pose, 60, 60, 1.0);
    assert!(view.seen_share() > 0.9, "{}", view.seen_share());
    for (index, value) in view
        .pixels()
        .iter()
        .enumerate()
        .filter(|(_, value)| !value.is_nan())
    {
        let (north, east) = (29.5 - (index / 60) as f64, (index % 60) as f64 - 29.5);
        let wanted = ground(north, east);
        // Half a step of brightness is lost by whole numbers.
        assert!(
            (f64::from(*value) - wanted).abs() < 1.2,
            "{north} {east}: {value} {wanted}"
        );
    }
}
