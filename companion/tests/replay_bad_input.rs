//! Bad input to `companion replay`: one clear message, a non-zero exit code, and what was recorded so
//! far is valid and verifiable.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;

use fdr_format::{Completeness, verify};
use serde_json::Value;
use support::command::{Run, file, replay, run, sound_recording};
use support::{Tlog, attitude, frame_v2, heartbeat, plane_heartbeat, raw_imu, straight_flight};

/// Replays `bytes` and hands back the run, its folder, and the log's path.
fn replay_bytes(bytes: &[u8], more: &[&str]) -> (Run, tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", bytes);
    let run = replay(&log, &folder.path().join("fdr"), more);
    let log = log.to_str().unwrap().to_owned();
    (run, folder, log)
}

fn nothing_recorded(folder: &Path) {
    assert!(!folder.join("fdr").exists(), "a recording was begun");
}

#[test]
fn a_missing_log_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = replay(&folder.path().join("none.tlog"), folder.path(), &[]);
    run.fails(1, &["--log", "none.tlog", "No such file"]);
    assert!(run.json()["error"].as_str().unwrap().contains("none.tlog"));
}

#[test]
fn a_folder_is_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let run = replay(folder.path(), &folder.path().join("fdr"), &[]);
    run.fails(1, &["--log", folder.path().to_str().unwrap()]);
}

#[test]
fn an_empty_log_is_named() {
    let (run, folder, log) = replay_bytes(b"", &[]);
    run.fails(1, &["--log", &log, "is empty"]);
    nothing_recorded(folder.path());
}

#[test]
fn a_log_that_is_no_mavlink_is_named() {
    for content in [
        vec![0; 100_000],
        b"hello, this is not a log\n".repeat(1000),
        vec![0xFE; 5000],
        vec![0xFD; 17 << 20],
    ] {
        let (run, folder, log) = replay_bytes(&content, &[]);
        run.fails(
            1,
            &[
                "--log",
                &log,
                "no MAVLink frame",
                &content.len().to_string(),
            ],
        );
        nothing_recorded(folder.path());
    }
}

#[test]
fn a_bare_stream_without_time_stamps_is_told_from_a_log() {
    let flight = straight_flight(20);
    let mut stream = Vec::new();
    for (entry, from) in flight.entries.iter().enumerate() {
        let to = flight.entries.get(entry + 1).copied();
        stream.extend(&flight.bytes[from + 8..to.unwrap_or(flight.bytes.len())]);
    }
    let (run, folder, log) = replay_bytes(&stream, &[]);
    run.fails(1, &["--log", &log, "without a usable time stamp", ".tlog"]);
    nothing_recorded(folder.path());
}

#[test]
fn a_log_without_an_autopilot_says_what_it_holds() {
    use mavlink::dialects::ardupilotmega::{MavAutopilot, MavType};
    let mut log = Tlog::default();
    for second in 0..20 {
        let gcs = heartbeat(
            MavType::MAV_TYPE_GCS,
            MavAutopilot::MAV_AUTOPILOT_INVALID,
            false,
        );
        log.push_raw(second * 1_000_000, &frame_v2(255, 190, second as u8, &gcs));
    }
    let (run, folder, path) = replay_bytes(&log.bytes, &[]);
    run.fails(
        1,
        &[
            "--log",
            &path,
            "no HEARTBEAT of an autopilot",
            "20 MAVLink frames",
        ],
    );
    nothing_recorded(folder.path());
}

#[test]
fn a_vehicle_that_the_log_does_not_hold_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(5).bytes);
    let config = file(
        folder.path(),
        "companion.toml",
        b"[autopilot]\nsystem_id = 9\n",
    );
    let run = replay(
        &log,
        &folder.path().join("fdr"),
        &["--config", config.to_str().unwrap()],
    );
    run.fails(1, &["system 9", "autopilot.system_id"]);
}

#[test]
fn a_truncated_log_is_replayed_to_its_last_whole_frame_and_named_with_the_place() {
    let flight = straight_flight(30);
    let last = *flight.entries.last().unwrap();
    for keep in [last + 3, last + 8, last + 20] {
        let (run, _folder, log) = replay_bytes(&flight.bytes[..keep], &[]);
        run.fails(1, &["--log", &log, "truncated", &format!("byte {last}")]);
        let report = run.json();
        assert_eq!(report["messages_read"], flight.entries.len() as u64 - 1);
        assert_eq!(report["truncated_at"], last);
        assert!(report["positions"].as_u64().unwrap() > 250);
        sound_recording(&report);
    }
}

#[test]
fn a_log_cut_on_a_block_is_whole_only_when_the_flight_was_over() {
    // The last frame is cut so that the file ends on a block of 4096 bytes.
    let mut flight = straight_flight(30);
    let armed = flight.clone();
    flight.push(30_000_000, &plane_heartbeat(false));
    for (mut log, code) in [(armed, 1), (flight, 0)] {
        let mut time_us = 30_010_000;
        while log.bytes.len() % 4096 < 4070 {
            log.push(time_us, &raw_imu(-1000));
            time_us += 1_000;
        }
        log.push(time_us, &attitude(0.1));
        let keep = log.bytes.len() / 4096 * 4096;
        let (run, _folder, _) = replay_bytes(&log.bytes[..keep], &[]);
        let at = *log.entries.last().unwrap();
        run.fails(code, &["--log", "is truncated", &format!("byte {at}")]);
        let report = run.json();
        assert_eq!(report["truncated_at"], at);
        sound_recording(&report);
    }
}

#[test]
fn a_clock_that_runs_back_is_named_with_place_and_size_and_the_recording_ends_there() {
    let mut flight = straight_flight(60);
    for entry in 3000..flight.entries.len() {
        flight.set_stamp(entry, flight.stamp(entry) - 5_000_000);
    }
    let (run, _folder, log) = replay_bytes(&flight.bytes, &[]);
    let place = format!("byte {}", flight.entries[3000] + 8);
    run.fails(1, &["--log", &log, &place, "runs back", "limit 1 s"]);
    let report = run.json();
    assert_eq!(report["messages_read"], 3000);
    assert!(report["positions"].as_u64().unwrap() > 200);
    sound_recording(&report);
}

#[test]
fn a_clock_that_runs_back_by_a_second_or_less_is_survived_and_counted() {
    let mut flight = straight_flight(60);
    for entry in 3000..flight.entries.len() {
        flight.set_stamp(entry, flight.stamp(entry) - 1_000_000);
    }
    let (run, _folder, _) = replay_bytes(&flight.bytes, &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    let report = run.json();
    assert_eq!(report["stamps"]["reversals"], 1);
    assert_eq!(report["messages_read"], flight.entries.len() as u64);
    sound_recording(&report);
}

#[test]
fn a_log_without_position_says_what_is_missing() {
    let mut log = Tlog::default();
    for step in 0..500_u64 {
        log.push(step * 20_000, &plane_heartbeat(true));
        log.push(step * 20_000 + 5_000, &attitude(0.0));
    }
    let (run, _folder, path) = replay_bytes(&log.bytes, &[]);
    run.fails(
        1,
        &[
            "--log",
            &path,
            "no position",
            "0 GPS reports",
            "500 ATTITUDE",
        ],
    );
    let report = run.json();
    assert_eq!(report["positions"], 0);
    sound_recording(&report);
}

#[test]
fn a_log_whose_gps_is_denied_throughout_has_no_position_either() {
    let (run, _folder, _) = replay_bytes(&straight_flight(10).bytes, &["--deny-gps", "0:9.9"]);
    run.fails(
        1,
        &[
            "no position",
            "50 GPS reports",
            "0 have a 3D fix outside the denied windows",
        ],
    );
    sound_recording(&run.json());
}

#[test]
fn a_denial_window_outside_the_log_is_named_and_nothing_is_recorded() {
    for window in ["100:160", "20:100", "29:30.1"] {
        let (run, folder, log) = replay_bytes(&straight_flight(30).bytes, &["--deny-gps", window]);
        run.fails(1, &["--deny-gps", window, &log, "29.982 s"]);
        nothing_recorded(folder.path());
    }
}

#[test]
fn a_bad_configuration_is_named_with_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(5).bytes);
    let config = file(
        folder.path(),
        "companion.toml",
        b"[autopilot]\ngps_id = 4\n",
    );
    let config = config.to_str().unwrap();
    let run = replay(&log, &folder.path().join("fdr"), &["--config", config]);
    run.fails(1, &["--config", config, "autopilot.gps_id", "4", "0 or 1"]);
    nothing_recorded(folder.path());
}

#[test]
fn a_recording_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(5).bytes);
    let occupied = file(folder.path(), "occupied", b"a file, no folder");
    let run = replay(&log, &occupied, &[]);
    run.fails(1, &["--fdr", occupied.to_str().unwrap()]);
}

#[test]
fn a_positions_file_that_cannot_be_written_is_named_and_the_recording_stays_valid() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(5).bytes);
    let out = folder.path().join("no/such/folder/out.jsonl");
    let out = out.to_str().unwrap();
    let run = replay(&log, folder.path(), &["--positions", out]);
    run.fails(1, &["--positions", out, "cannot be written"]);
    sound_recording(&run.json());
}

#[test]
fn a_positions_file_on_a_full_disk_is_named_and_the_recording_stays_valid() {
    let (run, _folder, _) = replay_bytes(&straight_flight(5).bytes, &["--positions", "/dev/full"]);
    run.fails(1, &["--positions", "/dev/full", "No space left"]);
    sound_recording(&run.json());
}

#[test]
fn a_positions_file_that_is_the_log_or_the_configuration_is_refused_and_both_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = straight_flight(5).bytes;
    let log = file(folder.path(), "flight.tlog", &bytes);
    let config = file(folder.path(), "companion.toml", b"");
    let fdr = folder.path().join("fdr");
    let (symbolic, hard) = (folder.path().join("symbolic"), folder.path().join("hard"));
    std::os::unix::fs::symlink(&log, &symbolic).unwrap();
    std::fs::hard_link(&log, &hard).unwrap();
    for (out, input) in [
        (&log, "--log"),
        (&symbolic, "--log"),
        (&hard, "--log"),
        (&config, "--config"),
    ] {
        let (out, config) = (out.to_str().unwrap(), config.to_str().unwrap());
        let run = replay(&log, &fdr, &["--positions", out, "--config", config]);
        run.fails(64, &["--positions", out, input, "overwritten"]);
        assert!(run.json()["error"].is_string());
    }
    assert_eq!(std::fs::read(&log).unwrap(), bytes);
    nothing_recorded(folder.path());
}

#[test]
fn a_positions_file_inside_a_recording_is_refused_and_the_recording_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(5).bytes);
    let fdr = folder.path().join("fdr");
    let recording = sound_recording(&replay(&log, &fdr, &[]).json());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(recording.join("manifest.json"), &link).unwrap();
    let segment = recording.join("segments/seg_00000.bin");
    for out in [&segment, &recording.join("new.jsonl"), &link, &fdr] {
        let out = out.to_str().unwrap();
        replay(&log, &fdr, &["--positions", out]).fails(64, &["--positions", "--fdr", out]);
    }
    support::command::sound(&recording);
}

#[test]
fn a_recording_beyond_the_file_size_limit_is_named_and_what_was_recorded_stays_valid() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(120).bytes);
    let limited = "ulimit -f 1024 && exec \"$@\"";
    let run = run(std::process::Command::new("bash")
        .args(["-c", limited, "bash", env!("CARGO_BIN_EXE_companion")])
        .args(["replay", "--json", "--log", log.to_str().unwrap()])
        .args(["--fdr", folder.path().to_str().unwrap()]));
    run.fails(1, &["--fdr", "seg_00000.bin", "File too large"]);
    valid_as_far_as_it_goes(&run.json());
}

fn valid_as_far_as_it_goes(report: &Value) {
    let recorded = report["flight_dir"].as_str().unwrap();
    let verification = verify(recorded).unwrap();
    assert!(
        [0, 2].contains(&verification.exit_code),
        "{:?}",
        verification.findings
    );
    assert_ne!(verification.completeness, Completeness::Complete);
    assert!(verification.records > 1000, "{}", verification.records);
    let rerun = companion::rerun::rerun(recorded).unwrap();
    assert_eq!(rerun.difference, None);
}

/// A small file system of its own, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, said plainly, where it cannot be mounted.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!(
                "SKIPPED: a full recording folder: a 4 MB file system cannot be mounted here"
            );
            return None;
        }
        Some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount")
            .arg(self.0.path())
            .status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn a_full_recording_folder_is_named_and_what_was_recorded_stays_valid() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let log = file(elsewhere.path(), "flight.tlog", &straight_flight(600).bytes);
    let config = b"[recorder]\nsegment_bytes = 1048576\nessential = false\n";
    let config = file(elsewhere.path(), "small.toml", config);
    let run = replay(&log, disk.0.path(), &["--config", config.to_str().unwrap()]);
    run.fails(1, &["--fdr", "segments/seg_0000", "No space left"]);
    valid_as_far_as_it_goes(&run.json());
}
