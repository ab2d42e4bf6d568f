//! The recorder's commands: the ring exercised by the paced writer, freeze, pins, device keys.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::command::{Run, run};

fn companion(arguments: &[&str]) -> Run {
    run(std::process::Command::new(env!("CARGO_BIN_EXE_companion")).args(arguments))
}

const CAP: u64 = 24 << 20;

/// Some 20 MB/s for three seconds into segments of 1 MiB below a cap of 24 MiB.
fn bench(folder: &Path, more: &[&str]) -> Run {
    let cap = CAP.to_string();
    let mut arguments = vec!["record-bench", "--json", "--rate", "5000"];
    arguments.extend(["--record-bytes", "4096", "--segment-bytes", "1048576"]);
    arguments.extend(["--cap-bytes", &cap, "--fdr", folder.to_str().unwrap()]);
    if !more.contains(&"--seconds") {
        arguments.extend(["--seconds", "3"]);
    }
    arguments.extend(more);
    companion(&arguments)
}

#[test]
fn the_paced_writer_stays_within_its_cap_and_tells_every_drop() {
    let folder = tempfile::tempdir().unwrap();
    let run = bench(folder.path(), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    let dropped = report["segments_dropped"].as_u64().unwrap();
    assert!(dropped > 10, "{report}");
    assert!(report["records_dropped_for_room"].as_u64().unwrap() > 1000);
    assert_eq!(report["records_dropped"], 0);
    assert!(report["allocated_bytes"].as_u64().unwrap() <= CAP);
    let log = fs::read_to_string(flight(&report).join("drops.log")).unwrap();
    assert_eq!(log.lines().count() as u64, dropped);
    let told = run
        .stderr
        .lines()
        .filter(|line| line.contains("segment dropped"));
    assert_eq!(told.count() as u64, dropped, "{}", run.stderr);
}

#[test]
fn a_frozen_paced_writer_keeps_its_oldest_and_counts_the_newest_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let run = bench(folder.path(), &["--freeze-at", "0"]);
    assert_eq!(run.code, 1, "records were lost: {}", run.stderr);
    let report = run.json();
    assert_eq!(report["segments_dropped"], 0);
    assert!(report["records_dropped"].as_u64().unwrap() > 1000);
    assert!(flight(&report).join("segments/seg_00000.bin").exists());
    assert!(run.stderr.contains("recording frozen"), "{}", run.stderr);
    let verdict = fdr_format::verify(flight(&report)).unwrap();
    assert_eq!(verdict.exit_code, 0, "{:?}", verdict.findings);
}

fn flight(report: &Value) -> &Path {
    Path::new(report["flight_dir"].as_str().unwrap())
}

#[test]
fn freeze_thaw_and_pin_are_files_in_the_flight_that_the_recorder_follows() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    companion(&["recording", "freeze", at]).fails(1, &[at, "fdr-replay info"]);
    fs::create_dir(folder.path().join("segments")).unwrap();
    let state = |arguments: &[&str]| {
        let run = companion(arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.json()
    };
    assert_eq!(
        state(&["recording", "freeze", at, "--json"])["frozen"],
        true
    );
    assert!(folder.path().join("frozen").exists());
    let pinned = state(&["recording", "pin", at, "--segment", "12", "--json"]);
    assert_eq!(pinned["pinned"], serde_json::json!([12]));
    assert_eq!(state(&["recording", "thaw", at, "--json"])["frozen"], false);
    assert!(!folder.path().join("frozen").exists());
    assert_eq!(
        state(&["recording", "status", at, "--json"]),
        serde_json::json!({ "frozen": false, "pinned": [12] })
    );
    assert_eq!(companion(&["recording", "pin", at]).code, 64);
    fs::write(folder.path().join("segments/seg_00007.bin"), "").unwrap();
    companion(&["recording", "pin", at, "--segment", "6"]).fails(1, &[at, "gone", "7"]);
}

#[test]
fn a_device_key_is_made_once_and_only_its_public_half_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device.key");
    let at = file.to_str().unwrap();
    let run = companion(&["device-key", "new", at, "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let public = run.json()["public_key"].as_str().unwrap().to_owned();
    let secret: String = fs::read(&file)
        .unwrap()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!((public.len(), secret.len()), (64, 64));
    assert!(!run.stdout.contains(&secret) && !run.stderr.contains(&secret));
    companion(&["device-key", "new", at]).fails(1, &[at, "File exists"]);
}

#[test]
fn a_paced_writer_with_a_device_key_leaves_a_flight_sealed_by_the_device() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("device.key");
    let at = key.to_str().unwrap();
    let public = companion(&["device-key", "new", at, "--json"]).json()["public_key"].clone();
    let run = bench(folder.path(), &["--seconds", "1", "--device-key", at]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let verdict = fdr_format::verify(flight(&run.json())).unwrap();
    assert_eq!(verdict.exit_code, 0, "{:?}", verdict.findings);
    assert_eq!(serde_json::json!(verdict.seal.device_key), public);
    let missing = format!("{at}.none");
    bench(folder.path(), &["--device-key", &missing]).fails(1, &["--device-key", &missing]);
}
