//! The ground of the test world, and vision over it.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use companion::vision::anchor::AnchorSettings;
use companion::vision::photos::PhotoFolder;
use sitl::ground::day::Day;
use sitl::ground::judge::{Options, Report, Row, run};
use sitl::ground::lens::Lens;
use sitl::ground::map_sheet::Map;
use sitl::ground::photograph::{Air, Photographer, Station};
use sitl::ground::scene::Scene;
use sitl::ground::tile::{Tile, World};

const WORLD: World = World {
    seed: 7,
    country: sitl::ground::layout::Country::Mixed,
};

#[test]
fn neighbouring_tiles_fit_together_and_the_same_seed_gives_the_same_ground() {
    let tile = Tile::new(WORLD, Day::FLIGHT, [3, -2]);
    assert_eq!(tile.pixels, Tile::new(WORLD, Day::FLIGHT, [3, -2]).pixels);
    // A patch across the border of two tiles shows the eastern edge of one beside the western of the next.
    let east = Tile::new(WORLD, Day::FLIGHT, [3, -1]);
    let differences = (0..512).map(|row| {
        let [a, b] = [tile.pixels[row * 512 + 511], east.pixels[row * 512]];
        (0..3).map(|i| a[i].abs_diff(b[i])).max().unwrap()
    });
    let steep = differences.filter(|difference| *difference > 40).count();
    assert!(steep < 80, "{steep} of 512 rows jump at the border");
}

#[test]
fn the_camera_sees_the_ground_below_it_where_the_scene_has_it() {
    // Straight down and without lens shading in the middle: the middle pixel shows the place below.
    let mut scene = Scene::new(WORLD, Day::FLIGHT);
    let photographer = Photographer::new(Lens::WIDE);
    let air = Air {
        haze: 0.0,
        noise: 0.0,
        ..Air::CLEAR
    };
    for at in [[100.25, 40.25], [-300.75, 512.25], [900.25, -77.75]] {
        let station = Station {
            at,
            agl_m: 60.0,
            attitude: [0.0, 0.0, 0.7],
        };
        let picture = photographer.take(&mut scene, &station, &air);
        let middle = 3 * (240 * 640 + 320);
        let patch = scene.patch(at, 5.0);
        let [x, y] = patch.pixel_of(at[0], at[1]);
        let wanted = patch.colour_at(x, y);
        for part in 0..3 {
            let seen = f32::from(picture.rgb[middle + part]);
            assert!(
                (seen - wanted[part]).abs() < 3.0,
                "{at:?}: {seen} {wanted:?}"
            );
        }
    }
}

#[test]
fn the_map_is_of_another_day_and_up_to_five_metres_off() {
    let map = Map::new(WORLD);
    let mut largest = 0.0f64;
    for place in (0..400).map(|i| [f64::from(i % 20) * 700.0, f64::from(i / 20) * 700.0]) {
        let [north, east] = map.bias(place);
        let next = map.bias([place[0] + 100.0, place[1]]);
        assert!(
            (next[0] - north).hypot(next[1] - east) < 1.2,
            "the error is smooth"
        );
        largest = largest.max(north.hypot(east));
    }
    assert!((3.5..=5.000_001).contains(&largest), "{largest}");
}

fn judged(rows: &[Row], frames: usize) -> Report {
    run(
        &Options {
            seed: 20_261_128,
            frames,
            threads: NonZeroUsize::new(2).unwrap(),
            rows: rows.to_vec(),
            settings: AnchorSettings::default(),
        },
        |_, _| {},
    )
    .unwrap()
}

#[test]
fn textured_country_is_found_on_the_map_and_nothing_else_is() {
    let rows = [Row::Agl100, Row::Water, Row::Cloud, Row::WrongMap, Row::Far];
    let report = judged(&rows, 50);
    println!("{}", sitl::ground::judge::render(&report));
    let near = &report.rows[&Row::Agl100];
    // 92 % are required of many; of 50 frames chance takes up to ten points.
    assert!(
        near.within_12m >= 0.82 && near.error_median <= 3.0,
        "{near:?}"
    );
    assert!((0.2..2.0).contains(&near.nees_per_axis), "{near:?}");
    for row in report.rows.values() {
        assert_eq!(row.false_anchors, 0, "{row:?}");
    }
}

#[test]
fn the_way_between_two_frames_is_known_to_two_percent() {
    let report = judged(&[Row::Odometry], 50);
    println!("{}", sitl::ground::judge::render(&report));
    let pairs = &report.rows[&Row::Odometry];
    assert!(
        // 2 % are required of many; the median of 50 scatters by a quarter of a percent.
        pairs.accepted >= 0.96 && pairs.error_median <= 0.025,
        "{pairs:?}"
    );
}

fn sitl(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_sitl"))
        .arg("world")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn photographs_of_the_world_are_a_folder_that_the_companion_reads() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("frames");
    let dir = dir.to_str().unwrap();
    let output = sitl(&["frames", dir, "--count", "3", "--seed", "5"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let photos = PhotoFolder::open(Path::new(dir)).unwrap();
    assert_eq!(photos.photos().len(), 3);
    for photo in photos.photos() {
        assert!(photo.pose().is_some());
        photos.load(photo).unwrap();
    }
    for name in ["map.jpg", "map.csv"] {
        assert!(Path::new(dir).join(name).is_file(), "{name}");
    }
    let again = sitl(&["frames", dir]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("not empty"));
}

#[test]
fn a_picture_is_written_as_its_name_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ground.png");
    let out = path.to_str().unwrap();
    assert!(
        sitl(&["render", "--map", "--size", "60", "-o", out])
            .status
            .success()
    );
    assert_eq!(&std::fs::read(&path).unwrap()[1..4], b"PNG");
    let wrong = sitl(&["render", "-o", "ground.gif"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains(".png or .jpg"));
}
