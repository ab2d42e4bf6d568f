//! The demonstration as a person or a script runs it.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sitl::demo::{self, Options, PhaseName};

fn sitl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sitl"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Every file below `folder`, by its path within, with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((name, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn two_runs_of_one_seed_leave_the_same_bytes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&first, &second] {
        let options = Options {
            seed: 11,
            minutes: 3,
            out: Some(folder.path().to_owned()),
        };
        demo::run(&options, |_| {}).unwrap();
    }
    let (first, second) = (files(first.path()), files(second.path()));
    assert!(
        first
            .iter()
            .any(|(name, _)| name.ends_with("seg_00000.bin"))
    );
    assert!(first == second, "the files differ");
}

#[test]
fn every_flight_is_recorded_clean_re_runs_identically_and_is_followed_without_gps() {
    for seed in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            seed,
            minutes: 4,
            out: Some(folder.path().to_owned()),
        };
        let report = demo::run(&options, |_| {}).unwrap();
        assert!(report.is_sound(), "seed {seed}: {report:?}");
        assert_eq!(report.messages_refused, 0);
        let [trusted, lost] = report.phases.as_slice() else {
            panic!("seed {seed}: two phases were expected: {:?}", report.phases);
        };
        assert_eq!(
            (trusted.name, lost.name),
            (PhaseName::GpsTrusted, PhaseName::GpsLost)
        );
        assert!(trusted.error_max_m < 15.0, "seed {seed}: {trusted:?}");
        assert!(
            lost.distance_m > 1_200.0 && lost.duration_s > 119.0,
            "seed {seed}: {lost:?}"
        );
        assert!(
            lost.error_max_m < 0.3 * lost.distance_m,
            "seed {seed}: {lost:?}"
        );
        assert!(lost.coverage_95 > 0.5, "seed {seed}: {lost:?}");
    }
}

#[test]
fn json_is_one_document_and_the_table_fits_eighty_columns() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("json");
    let done = sitl(&[
        "demo",
        "--minutes",
        "3",
        "--json",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["seed"], 1);
    assert_eq!(report["verification"]["exit_code"], 0);
    assert_eq!(report["rerun"]["difference"], Value::Null);
    assert_eq!(report["phases"][1]["name"], "gps_lost");

    // A relative folder, as people give it, so that the length of its path is known.
    let done = Command::new(env!("CARGO_BIN_EXE_sitl"))
        .args(["demo", "--minutes", "3"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let table = text(&done.stdout);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(
        table.contains("verified   clean") && table.contains("re-run     identical"),
        "{table}"
    );
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    assert!(table.lines().count() <= 24, "{table}");
}

#[test]
fn wrong_usage_ends_with_64_and_says_what_is_allowed() {
    for arguments in [
        &["demo", "--minutes", "2"][..],
        &["demo", "--minutes", "61"],
        &["demo", "--seed", "x"],
        &["fly"],
        &[],
    ] {
        let done = sitl(arguments);
        assert_eq!(done.status.code(), Some(64), "{arguments:?}");
        assert!(done.stdout.is_empty());
        assert!(!done.stderr.is_empty());
    }
}

#[test]
fn with_json_every_failure_is_one_document_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("precious"), b"mine").unwrap();
    for (arguments, code, part) in [
        (&["demo", "--json", "--minutes", "2"][..], 64, "--minutes"),
        (&["fly", "--json"], 64, "fly"),
        (
            &["demo", "--json", "--out", folder.path().to_str().unwrap()],
            1,
            "--out",
        ),
    ] {
        let done = sitl(arguments);
        assert_eq!(done.status.code(), Some(code), "{arguments:?}");
        let report: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(report.as_object().unwrap().len(), 1, "{report}");
        assert!(report["error"].as_str().unwrap().contains(part), "{report}");
        assert!(text(&done.stderr).contains(part), "{arguments:?}");
    }
}

#[test]
fn a_folder_in_use_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("precious"), b"mine").unwrap();
    let done = sitl(&["demo", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(1));
    let message = text(&done.stderr);
    assert!(
        message.contains("not empty") && message.contains("--out"),
        "{message}"
    );
    assert_eq!(files(folder.path()).len(), 1);
}
