//! `companion qualify --map`: photographs of made-up ground against maps of it, of another place, and of none.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

#[path = "support/camera.rs"]
mod camera;
#[path = "support/sector.rs"]
mod sector;
#[path = "support/terrain.rs"]
mod terrain;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use camera::Lens;
use companion::vision::map::manifest::RegionClass;
use companion::vision::{Pose, jpeg};
use sector::{GROUND_M, key, package, picture, place, region};
use support::command::{Run, companion, file};
use terrain::{Season, Terrain};

const LENS: Lens = Lens {
    width: 320,
    height: 240,
    focal_px: 250.0,
};
const PHOTOS: usize = 24;

/// Photographs from 100 m over ground, each with another heading and tilt, and the package of its map.
struct Sector {
    folder: tempfile::TempDir,
    package: PathBuf,
}

fn get() -> &'static Sector {
    static SECTOR: OnceLock<Sector> = OnceLock::new();
    SECTOR.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let frames = folder.path().join("frames");
        fs::create_dir(&frames).unwrap();
        file(&frames, "camera.toml", LENS.toml().as_bytes());
        let terrain = Terrain::new(11);
        let today = |north: f64, east: f64| terrain.brightness(north, east, Season::Today);
        let mut lines = String::from(
            "file,time_us,lat_deg,lon_deg,alt_msl_m,agl_m,roll_deg,pitch_deg,yaw_deg\n",
        );
        for index in 0..PHOTOS {
            let turn = index as f64 * 2.4;
            let at = [150.0 * turn.sin(), 150.0 * (1.7 * turn).cos()];
            let pose = Pose {
                roll_rad: 0.08 * turn.cos(),
                pitch_rad: 0.06 * turn.sin(),
                yaw_rad: (turn % 6.0) - 3.0,
                agl_m: 100.0,
            };
            let image = LENS.photograph(&pose, at, &today);
            fs::write(
                frames.join(format!("{index}.jpg")),
                jpeg::encode(&image, 90).unwrap(),
            )
            .unwrap();
            let there = place(at[0], at[1]);
            lines.push_str(&format!(
                "{index}.jpg,{},{:.8},{:.8},{},{},{:.4},{:.4},{:.4}\n",
                1_000_000 * index,
                there.lat_rad.to_degrees(),
                there.lon_rad.to_degrees(),
                GROUND_M + 100.0,
                // Half of them leave the height to the map.
                if index % 2 == 0 { "100.0" } else { "" },
                pose.roll_rad.to_degrees(),
                pose.pitch_rad.to_degrees(),
                pose.yaw_rad.to_degrees(),
            ));
        }
        file(&frames, "frames.csv", lines.as_bytes());
        let map = |north: f64, east: f64| terrain.brightness(north, east, Season::Map);
        let picture = picture([560.0, 560.0], 1.0, &map);
        let region = region("2026-05-01", RegionClass::Stable);
        let (package, _) = package(folder.path(), &picture, region);
        Sector { folder, package }
    })
}

fn qualify(map: &Path, more: &[&str]) -> Run {
    let frames = get().folder.path().join("frames");
    let (frames, map) = (frames.to_str().unwrap(), map.to_str().unwrap());
    let mut arguments = vec!["qualify", "--frames", frames, "--map", map];
    arguments.extend(["--prior-error", "36", "--seed", "7"]);
    arguments.extend(["--geotag-sigma", "0", "--attitude-sigma", "0.5"]);
    arguments.extend(more);
    companion(arguments)
}

#[test]
fn over_its_own_map_most_photos_are_found_and_none_falsely() {
    let csv = get().folder.path().join("found.csv");
    let key = key().public().to_string();
    let run = qualify(
        &get().package,
        &["--json", "--map-key", &key, "--csv", csv.to_str().unwrap()],
    );
    assert_eq!(run.code, 0, "{run}");
    assert!(
        !run.stderr.contains("warning"),
        "a signed map has no warning: {run}"
    );
    let figures = run.json();
    println!("{figures:#}");
    assert_eq!(figures["frames"], PHOTOS);
    assert!(
        figures["accepted_within_12m_share"].as_f64().unwrap() >= 0.8,
        "{run}"
    );
    assert_eq!(figures["false_anchors"], 0);
    assert!(figures["error_median_m"].as_f64().unwrap() <= 3.0);
    assert!(figures["coverage_95"].as_f64().unwrap() >= 0.95);
    for name in ["accepted_share", "error_p95_m", "ms_median"] {
        assert!(figures[name].is_number(), "no {name}: {run}");
    }
    let lines = fs::read_to_string(&csv).unwrap();
    let mut lines = lines.lines();
    let header: Vec<_> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<_>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), PHOTOS);
    let column = |name: &str| header.iter().position(|field| *field == name).unwrap();
    let accepted = rows
        .iter()
        .filter(|row| row[column("outcome")] == "accepted");
    for row in accepted.clone() {
        assert_eq!(row.len(), header.len());
        let lat: f64 = row[column("lat_deg")].parse().unwrap();
        assert!((lat - sector::MIDDLE_DEG[0]).abs() < 0.01);
        let sigma: f64 = row[column("sigma_m")].parse().unwrap();
        assert!((2.5..6.0).contains(&sigma), "{sigma}");
    }
    let share = accepted.count() as f64 / PHOTOS as f64;
    assert!((figures["accepted_share"].as_f64().unwrap() - share).abs() < 1e-9);
}

#[test]
fn the_same_seed_gives_the_same_figures_and_an_unsigned_map_a_warning() {
    let figures = |map: &Path| {
        let run = qualify(map, &["--json"]);
        assert_eq!(run.code, 0, "{run}");
        assert!(
            run.stderr.contains("nobody's signature was asked for"),
            "{run}"
        );
        let mut figures = run.json();
        figures["ms_median"] = serde_json::Value::Null;
        figures
    };
    let manifest = get().package.join("manifest.json");
    assert_eq!(figures(&get().package), figures(&manifest));
    // The bare tiles know no ground: the photos without height of their own are refused.
    let bare = figures(&get().package.join("imagery.mbtiles"));
    let share = bare["accepted_share"].as_f64().unwrap();
    assert!((0.3..=0.5).contains(&share), "{bare}");
}

#[test]
fn over_a_map_of_another_place_and_beyond_a_map_every_photo_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = Terrain::new(5_000);
    let ground = |north: f64, east: f64| elsewhere.brightness(north, east, Season::Map);
    let picture = picture([560.0, 560.0], 1.0, &ground);
    let (other, _) = package(
        folder.path(),
        &picture,
        region("2026-05-01", RegionClass::Stable),
    );
    let run = qualify(&other, &["--json"]);
    assert_eq!(run.json()["accepted_share"], 0.0, "{run}");
    assert_eq!(run.json()["error_median_m"], serde_json::Value::Null);
    let small = sector::picture([40.0, 40.0], 1.0, &ground);
    fs::remove_dir_all(&other).unwrap();
    let (small, _) = package(
        folder.path(),
        &small,
        region("2026-05-01", RegionClass::Stable),
    );
    let run = qualify(&small, &[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("map_coverage"), "{run}");
}

#[test]
fn a_map_that_cannot_be_used_is_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let junk = file(folder.path(), "junk.mbtiles", b"what?");
    let fails = |map: &Path, more: &[&str], part: &str| {
        let run = qualify(map, more);
        assert_eq!(run.code, 1, "{run}");
        assert!(
            run.stderr.lines().last().unwrap().contains(part),
            "no {part:?}: {run}"
        );
    };
    fails(&junk, &[], "junk.mbtiles");
    fails(&folder.path().join("none"), &[], "no such file");
    fails(folder.path(), &[], "manifest.json");
    let key = "ab".repeat(32);
    qualify(&get().package, &["--map-key", &key]).fails(1, &["--map", "not that of a trusted key"]);
    let both = qualify(&get().package, &["--odometry"]);
    assert_eq!(both.code, 64, "{both}");
}
