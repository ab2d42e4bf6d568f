//! Odometry on real photographs whose motion is known from the images themselves: warps that the test
//! made, and ways that come back to where they began.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use companion::vision::Pose;
use companion::vision::image::{Gray, Pyramid};
use companion::vision::odometry::{Expected, Odometry, OdometrySettings, Registration, View};
use companion::vision::photos::PhotoFolder;

fn folder(name: &str) -> PhotoFolder {
    let frames = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/frames");
    PhotoFolder::open(&frames.join(name)).unwrap()
}

const LEVEL: Pose = Pose {
    roll_rad: 0.0,
    pitch_rad: 0.0,
    yaw_rad: 0.0,
    agl_m: 50.0,
};

struct Warp {
    north_m: f64,
    east_m: f64,
    turn_rad: f64,
    height: f64,
}

/// The photo that the camera would have taken after this motion over flat ground that looks like
/// `photo`; what it did not see is mid-grey.
fn warped(photo: &Gray, focal_px: f64, warp: &Warp) -> Gray {
    let (width, height) = (photo.width(), photo.height());
    let (sine, cosine) = warp.turn_rad.sin_cos();
    // camera.toml puts the centre at half the size.
    let (cx, cy) = (width as f64 / 2.0, height as f64 / 2.0);
    let mut pixels = Vec::with_capacity(width * height);
    for row in 0..height {
        for column in 0..width {
            let ahead = -(row as f64 - cy) * warp.height;
            let right = (column as f64 - cx) * warp.height;
            let north = cosine * ahead - sine * right + warp.north_m / LEVEL.agl_m * focal_px;
            let east = sine * ahead + cosine * right + warp.east_m / LEVEL.agl_m * focal_px;
            let value = photo.sample((east + cx) as f32, (cy - north) as f32);
            pixels.push(value.map_or(128, |value| value.round() as u8));
        }
    }
    Gray::new(width, height, pixels).unwrap()
}

#[test]
fn known_warps_of_real_photographs_are_recovered() {
    let mut odometry = Odometry::new(OdometrySettings::default());
    let (mut count, mut worst_px, mut worst_deg) = (0, 0.0f64, 0.0f64);
    for (name, focal_px, photos) in [
        ("brighton", 1170.18, [3, 9, 15]),
        ("caliterra", 726.09, [12, 30, 60]),
    ] {
        let folder = folder(name);
        let gsd_m = View::gsd_m(folder.camera(), &LEVEL);
        for (index, photo) in photos.into_iter().enumerate() {
            let photo = folder.load(&folder.photos()[photo]).unwrap();
            let shift = index as f64 + 1.0;
            let warp = Warp {
                north_m: 3.3 * shift,
                east_m: -4.1 * shift,
                turn_rad: (1.7 * shift - 3.0).to_radians(),
                height: 1.0 + 0.015 * (shift - 2.0),
            };
            let later = Pyramid::new(warped(&photo, focal_px, &warp));
            let earlier = Pyramid::new(photo);
            let view = |frame| View::new(frame, folder.camera(), &LEVEL, gsd_m).unwrap();
            let found = odometry
                .register(&view(&earlier), &view(&later), None)
                .unwrap();
            let [north, east] = found.displacement_ne_m;
            let error_px = (north - warp.north_m).hypot(east - warp.east_m) / gsd_m;
            let error_deg = (found.rotation_rad - warp.turn_rad).to_degrees().abs();
            println!("{name}: {error_px:.3} px, {error_deg:.4} deg, {found:?}");
            assert!(found.residual_px.is_some(), "not confirmed by its patches");
            assert!(
                (found.scale - 1.0 / warp.height).abs() < 2e-3,
                "scale {}",
                found.scale
            );
            worst_px = worst_px.max(error_px);
            worst_deg = worst_deg.max(error_deg);
            count += 1;
        }
    }
    println!("worst of {count}: {worst_px:.3} px of the view, {worst_deg:.4} degrees");
    assert!(worst_px <= 0.5, "{worst_px}");
    assert!(worst_deg <= 0.1, "{worst_deg}");
}

/// The aircraft of caliterra turns on the spot and its attitude is not known: every rotation is tried.
fn any_rotation() -> OdometrySettings {
    OdometrySettings {
        rotation_steps: 36,
        max_rotation_rad: 4.0,
        max_unconfirmed_rotation_rad: 4.0,
        ..OdometrySettings::default()
    }
}

#[test]
fn ways_over_three_and_four_photographs_come_back_to_where_they_began() {
    let folder = folder("caliterra");
    let gsd_m = View::gsd_m(folder.camera(), &LEVEL);
    let mut odometry = Odometry::new(any_rotation());
    // After the climb.
    let views: Vec<_> = folder.photos()[10..50]
        .iter()
        .map(|photo| {
            let frame = Pyramid::new(folder.load(photo).unwrap());
            View::new(&frame, folder.camera(), &LEVEL, gsd_m).unwrap()
        })
        .collect();
    let mut between =
        |from: usize, to: usize| odometry.register(&views[from], &views[to], None).ok();
    let steps: Vec<_> = (1..views.len()).map(|to| between(to - 1, to)).collect();
    let registered = steps.iter().flatten().count();
    println!("{registered} of {} steps", steps.len());
    assert!(registered * 100 >= 95 * steps.len(), "{registered}");
    let (mut loops, mut nees, mut inside) = (0.0, 0.0, 0.0);
    for length in [2, 3] {
        for from in 0..views.len() - length {
            let way: Option<Vec<Registration>> =
                steps[from..from + length].iter().copied().collect();
            let (Some(way), Some(direct)) = (way, between(from, from + length)) else {
                continue;
            };
            let variance_px2 = |step: &Registration| step.variance_m2 / (gsd_m * gsd_m);
            let middle = direct.motion.inverse_of([0.0, 0.0]);
            let end = way.iter().fold(middle, |at, step| step.motion.of(at));
            let square = end[0] * end[0] + end[1] * end[1];
            let variance = way.iter().map(variance_px2).sum::<f64>() + variance_px2(&direct);
            loops += 1.0;
            nees += square / variance / 2.0;
            inside += f64::from(u8::from(square <= 5.991 * variance));
            if square > 5.991 * variance {
                println!(
                    "{from} +{length}: {:.2} px, sigma {:.2}",
                    square.sqrt(),
                    variance.sqrt()
                );
            }
        }
    }
    let (nees, inside) = (nees / loops, inside / loops);
    println!(
        "{loops} loops: NEES per axis {nees:.2}, {:.1} % inside 95 %",
        1e2 * inside
    );
    assert!(loops >= 40.0, "{loops}");
    assert!(inside >= 0.95, "{inside}");
}

#[test]
fn what_is_expected_elsewhere_is_not_found_here() {
    let folder = folder("brighton");
    let gsd_m = View::gsd_m(folder.camera(), &LEVEL);
    let [earlier, later] = [16, 17].map(|index| {
        let frame = Pyramid::new(folder.load(&folder.photos()[index]).unwrap());
        let pose = Pose {
            yaw_rad: folder.photos()[index].yaw_rad.unwrap(),
            ..LEVEL
        };
        View::new(&frame, folder.camera(), &pose, gsd_m).unwrap()
    });
    let mut odometry = Odometry::new(OdometrySettings::default());
    let found = odometry
        .register(&earlier, &later, None)
        .unwrap()
        .displacement_ne_m;
    let mut within = |shift_m: f64| {
        let expected = Expected {
            displacement_ne_m: [found[0] + shift_m, found[1]],
            window_m: 6.0,
        };
        odometry.register(&earlier, &later, Some(&expected))
    };
    let again = within(4.0).unwrap().displacement_ne_m;
    assert!((again[0] - found[0]).hypot(again[1] - found[1]) < 0.2);
    for elsewhere in [-25.0, 25.0, 1e9, f64::NAN] {
        assert!(within(elsewhere).is_err(), "{elsewhere}");
    }
}
