//! `companion qualify --odometry` on real photographs, and on folders that are not what they say.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use support::command::{Run, companion, file};

fn photographs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/frames")
        .join(name)
}

fn qualify(folder: &Path, more: &[&str]) -> Run {
    let mut arguments = vec![
        "qualify",
        "--odometry",
        "--frames",
        folder.to_str().unwrap(),
    ];
    arguments.extend(["--prior-error", "5", "--seed", "1"]);
    arguments.extend(more);
    companion(arguments)
}

/// A gimbal holds the camera level.
#[test]
fn over_brighton_every_pair_is_registered_and_none_is_false() {
    let scratch = tempfile::tempdir().unwrap();
    let csv = scratch.path().join("brighton.csv");
    let run = qualify(
        &photographs("brighton"),
        &[
            "--json",
            "--attitude-sigma",
            "0.5",
            "--csv",
            csv.to_str().unwrap(),
        ],
    );
    assert_eq!(run.code, 0, "{run}");
    let figures = run.json();
    println!("{figures:#}");
    assert_eq!(figures["frames"], 17);
    assert!(figures["accepted_share"].as_f64().unwrap() >= 0.95, "{run}");
    assert_eq!(figures["false_anchors"], 0, "{run}");
    assert!(figures["coverage_95"].as_f64().unwrap() >= 0.95, "{run}");
    for key in [
        "accepted_within_12m_share",
        "error_median_m",
        "error_p95_m",
        "ms_median",
    ] {
        assert!(figures[key].is_number(), "no {key}: {run}");
    }
    let lines = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(lines.lines().count(), 18);
    // What is there already is not written over.
    let again = qualify(&photographs("brighton"), &["--csv", csv.to_str().unwrap()]);
    again.fails(1, &["--csv", "brighton.csv"]);
}

/// The attitude is the autopilot's within a second of the exposure, in an aircraft that rolls: 3 degrees.
#[test]
fn over_bare_fields_what_is_accepted_is_as_good_as_it_says() {
    let run = qualify(&photographs("seneca"), &["--json", "--attitude-sigma", "3"]);
    assert_eq!(run.code, 0, "{run}");
    let figures = run.json();
    println!("{figures:#}");
    assert_eq!(figures["false_anchors"], 0, "{run}");
    assert!(figures["coverage_95"].as_f64().unwrap() >= 0.95, "{run}");
    assert!(figures["nees_per_axis"].as_f64().unwrap() <= 1.5, "{run}");
}

#[test]
fn photos_without_height_and_heading_are_refused_and_said_so() {
    let run = qualify(&photographs("caliterra"), &["--json"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stderr
            .contains("75 of 75 photos have no agl_m or no yaw_deg"),
        "{run}"
    );
    assert_eq!(run.json()["accepted_share"], 0.0);
    assert_eq!(run.json()["coverage_95"], serde_json::Value::Null);
}

/// Two of brighton's photos in a folder of their own.
fn two_photos() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = photographs("brighton");
    for name in ["camera.toml", "dji_0034.jpg", "dji_0035.jpg"] {
        std::fs::copy(from.join(name), folder.path().join(name)).unwrap();
    }
    let lines = std::fs::read_to_string(from.join("frames.csv")).unwrap();
    let wanted = ["file,", "dji_0034", "dji_0035"];
    let lines: Vec<_> = lines
        .lines()
        .filter(|line| wanted.iter().any(|start| line.starts_with(start)))
        .collect();
    file(folder.path(), "frames.csv", lines.join("\n").as_bytes());
    folder
}

#[test]
fn a_damaged_folder_is_refused_with_one_clear_message() {
    let folder = two_photos();
    let whole = qualify(folder.path(), &["--json"]);
    assert_eq!(
        (whole.code, &whole.json()["frames"]),
        (0, &serde_json::json!(1)),
        "{whole}"
    );

    let jpeg = std::fs::read(folder.path().join("dji_0035.jpg")).unwrap();
    let mut flipped = jpeg.clone();
    for byte in &mut flipped[..600] {
        *byte ^= 0x55;
    }
    for damaged in [&jpeg[..jpeg.len() / 2], &jpeg[..100], &[], &flipped[..]] {
        file(folder.path(), "dji_0035.jpg", damaged);
        qualify(folder.path(), &[]).fails(1, &["dji_0035.jpg", "JPEG"]);
    }
    std::fs::remove_file(folder.path().join("dji_0035.jpg")).unwrap();
    qualify(folder.path(), &[]).fails(1, &["dji_0035.jpg", "No such file"]);

    let other = photographs("caliterra").join("img_9355.jpg");
    std::fs::copy(other, folder.path().join("dji_0035.jpg")).unwrap();
    qualify(folder.path(), &[]).fails(1, &["dji_0035.jpg", "1000 x 750", "2000 x 1125"]);

    file(
        folder.path(),
        "camera.toml",
        b"model = \"pinhole\"\nwidth = 3",
    );
    qualify(folder.path(), &[]).fails(1, &["camera.toml"]);
}

#[test]
fn wrong_usage_ends_with_64() {
    let folder = photographs("brighton");
    for more in [
        &["--attitude-sigma", "11"][..],
        &["--geotag-sigma", "nan"],
        &["--map"],
    ] {
        assert_eq!(qualify(&folder, more).code, 64);
    }
}

#[test]
fn a_jpeg_with_wrong_bytes_is_refused_or_shows_something_but_never_ends_the_program() {
    let jpeg = std::fs::read(photographs("caliterra").join("img_9355.jpg")).unwrap();
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    let (mut refused, mut shown) = (0, 0);
    for round in 0..120 {
        let mut damaged = jpeg.clone();
        // Half of the rounds hit the headers, where sizes and tables stand.
        let reach = if round % 2 == 0 { 700 } else { damaged.len() };
        for _ in 0..1 + random(4) {
            let at = random(reach);
            damaged[at] = random(256) as u8;
        }
        match companion::vision::jpeg::decode(&damaged) {
            Ok(image) => {
                assert_eq!(image.pixels().len(), image.width() * image.height());
                shown += 1;
            }
            Err(error) => {
                assert!(!error.to_string().contains('\n'), "{error:?}");
                refused += 1;
            }
        }
    }
    println!("{refused} refused, {shown} shown");
    assert!(refused > 0 && shown > 0);
}
