//! `companion replay`, the real program: what it prints, writes and records.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;

use companion::autopilot::inav::MSP2_SENSOR_GPS;
use companion::autopilot::msp::MspFramer;
use fdr_format::{
    FlightItem, FlightReader, PublicKey, Record, RecordType, VerifyOptions, verify_with,
};
use support::command::{companion, file, replay, sound_recording};
use support::{LOG_START_US, Tlog, straight_flight};

const POSITION_KEYS: [&str; 11] = [
    "alt_msl_m",
    "cov_ned_m2",
    "fix_type",
    "horiz_accuracy_m",
    "last_satellite_anchor_age_ms",
    "lat_deg",
    "lon_deg",
    "source_label",
    "time_us",
    "vel_ned_mps",
    "vert_accuracy_m",
];

#[test]
fn a_flight_is_replayed_recorded_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(60).bytes);
    let out = folder.path().join("positions.jsonl");
    let run = replay(
        &log,
        &folder.path().join("fdr"),
        &[
            "--deny-gps",
            "30:45",
            "--deny-gps",
            "50:55.5",
            "--positions",
            out.to_str().unwrap(),
        ],
    );
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    let report = run.json();
    assert_eq!(report["messages_read"], 60 + 3000 + 3000 + 300);
    assert_eq!(report["messages_refused"], 0);
    assert_eq!(report["messages_masked"]["whole"], 5 * 15 + 28);
    assert!(report["realtime_factor"].as_f64().unwrap() > 1.0);
    assert_eq!(report["error"], serde_json::Value::Null);
    let windows = report["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 2);
    assert_eq!(
        (windows[0]["start_s"].as_f64(), windows[0]["end_s"].as_f64()),
        (Some(30.0), Some(45.0))
    );
    assert_eq!(windows[0]["labels"], serde_json::json!(["dead_reckoned"]));
    let flown = windows[0]["distance_m"].as_f64().unwrap();
    assert!(
        (flown - 15.0 * 14.8).abs() < 3.0,
        "15 m/s over 74 fixes: {flown}"
    );
    for key in ["error_end_m", "error_max_m", "coverage_95"] {
        assert!(windows[0][key].is_f64(), "{key}");
    }
    let lines = positions(&out);
    assert_eq!(report["positions"].as_u64(), Some(lines.len() as u64));
    sound_recording(&report);
}

#[test]
fn a_configured_device_key_seals_the_replay_and_one_that_is_none_is_refused_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(20).bytes);
    let key = folder.path().join("device.key");
    let made = companion(["device-key", "new", key.to_str().unwrap(), "--json"]);
    let public: PublicKey = serde_json::from_value(made.json()["public_key"].clone()).unwrap();
    let settings = format!("[recorder]\ndevice_key = {key:?}\n");
    let config = file(folder.path(), "companion.toml", settings.as_bytes());
    let fdr = folder.path().join("fdr");
    let more = ["--config", config.to_str().unwrap()];

    let run = replay(&log, &fdr, &more);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    let flight = sound_recording(&run.json());
    let reader = FlightReader::open(&flight).unwrap();
    let judged = |device_key| {
        let options = VerifyOptions {
            device_key: Some(device_key),
            ..VerifyOptions::default()
        };
        verify_with(&reader, &options, |_, _| {}).unwrap()
    };
    let verdict = judged(public);
    assert_eq!(verdict.exit_code, 0, "{:?}", verdict.findings);
    assert_eq!(verdict.seal.device_key, Some(public));
    assert_eq!(judged(PublicKey([1; 32])).exit_code, 4);

    std::fs::write(&key, "short").unwrap();
    let empty = folder.path().join("empty");
    let parts = ["recorder.device_key", key.to_str().unwrap(), "is no key"];
    replay(&log, &empty, &more).fails(1, &parts);
    assert!(!empty.exists(), "a folder was made for nothing");
}

fn positions(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_emitted_position_is_a_json_line_on_the_logs_own_clock_at_10_hz() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(20).bytes);
    let out = folder.path().join("positions.jsonl");
    let run = replay(&log, folder.path(), &["--positions", out.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{run}");
    let lines = positions(&out);
    assert!(lines.len() > 190, "{}", lines.len());
    for (index, line) in lines.iter().enumerate() {
        let keys: Vec<_> = line.as_object().unwrap().keys().collect();
        assert_eq!(keys, POSITION_KEYS);
        let expected = lines[0]["time_us"].as_u64().unwrap() + index as u64 * 100_000;
        assert_eq!(line["time_us"].as_u64(), Some(expected));
        assert_eq!(line["source_label"], "dead_reckoned");
        assert!(line["last_satellite_anchor_age_ms"].is_null());
        assert_eq!(line["cov_ned_m2"][0][1], line["cov_ned_m2"][1][0]);
    }
    let first = lines[0]["time_us"].as_u64().unwrap();
    assert_eq!((first - LOG_START_US) % 100_000, 0);
    assert!((lines[0]["lat_deg"].as_f64().unwrap() - 45.0).abs() < 0.01);
}

#[test]
fn the_recording_holds_raw_frames_then_the_inputs_they_caused_then_outputs_then_sent_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let flight = straight_flight(10);
    let log = file(folder.path(), "flight.tlog", &flight.bytes);
    let report = replay(&log, folder.path(), &[]).json();
    let recording = sound_recording(&report);
    let mut reader = FlightReader::open(recording).unwrap();
    let mut types = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        if let FlightItem::Record { record, .. } = item {
            types.push(record.record_type);
        }
    }
    let count = |wanted| types.iter().filter(|found| **found == wanted).count();
    assert_eq!(
        count(RecordType::RECEIVED_MAVLINK_RAW),
        flight.entries.len()
    );
    assert_eq!(count(RecordType::IMU_TRACE), 500);
    let positions = count(RecordType::EMITTED_EXTERNAL_POSITION);
    assert_eq!(Some(positions as u64), report["positions"].as_u64());
    assert_eq!(count(RecordType::SENT_FC_BYTES), positions);
    for (index, found) in types.iter().enumerate() {
        let before = types[index.saturating_sub(1)];
        match *found {
            RecordType::IMU_TRACE | RecordType::ATTITUDE | RecordType::FC_GPS => {
                assert_eq!(before, RecordType::RECEIVED_MAVLINK_RAW);
            }
            RecordType::EMITTED_EXTERNAL_POSITION => assert_eq!(before, RecordType::TICK),
            RecordType::SENT_FC_BYTES => {
                assert_eq!(before, RecordType::EMITTED_EXTERNAL_POSITION);
            }
            _ => {}
        }
    }
}

#[test]
fn for_inav_the_same_flight_becomes_whole_msp_frames() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(10).bytes);
    let report = replay(&log, folder.path(), &["--autopilot", "inav"]).json();
    let mut reader = FlightReader::open(sound_recording(&report)).unwrap();
    let mut framer = MspFramer::default();
    let mut sent = 0;
    while let Some(item) = reader.next_item().unwrap() {
        let FlightItem::Record { record, .. } = item else {
            continue;
        };
        if let Ok(Record::SentFcBytes(body)) = record.decode() {
            sent += 1;
            assert_eq!(framer.push(body.bytes.0), 61);
            assert_eq!(framer.receive().unwrap().command, MSP2_SENSOR_GPS);
            assert!(framer.receive().is_none());
        }
    }
    assert_eq!(Some(sent), report["positions"].as_u64());
}

#[test]
fn without_json_a_table_is_printed_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(30).bytes);
    let run = companion([
        "replay".as_ref(),
        "--log".as_ref(),
        log.as_os_str(),
        "--fdr".as_ref(),
        folder.path().as_os_str(),
        "--deny-gps".as_ref(),
        "10:20".as_ref(),
    ]);
    assert_eq!(run.code, 0, "{run}");
    let too_wide = |line: &&str| line.chars().count() > 80 && !line.contains('/');
    assert_eq!(run.stdout.lines().find(too_wide), None, "{run}");
    let paths = run.stdout.lines().filter(|line| line.contains('/'));
    assert!(paths.clone().count() == 2, "{run}");
    assert!(paths.clone().all(|path| !path.contains(' ')), "{run}");
    for part in [
        "x real time",
        "10:20",
        "dead_reckoned",
        "messages read",
        "messages refused",
    ] {
        assert!(run.stdout.contains(part), "no {part:?} in {run}");
    }
}

#[test]
fn wrong_usage_ends_with_64_and_says_how_to_do_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(30).bytes);
    for (arguments, part) in [
        (vec!["replay"], "--log"),
        (vec!["fly"], "fly"),
        (vec![], "replay"),
    ] {
        let run = companion(&arguments);
        assert_eq!(run.code, 64, "{run}");
        assert!(run.stderr.contains(part), "{run}");
    }
    for (windows, parts) in [
        (
            vec!["--deny-gps", "20"],
            vec!["--deny-gps", "START_S:END_S"],
        ),
        (
            vec!["--deny-gps", "20:10"],
            vec!["20:10", "later than its start"],
        ),
        (vec!["--deny-gps", "20:nan"], vec!["START_S:END_S"]),
        (
            vec!["--deny-gps", "5:15", "--deny-gps", "10:20"],
            vec!["--deny-gps", "5:15", "10:20", "overlap"],
        ),
    ] {
        let run = replay(&log, folder.path(), &windows);
        assert_eq!(run.code, 64, "{run}");
        for part in parts {
            assert!(run.stderr.contains(part), "no {part:?} in {run}");
        }
    }
    assert_eq!(companion(["--help"]).code, 0);
    assert_eq!(companion(["--version"]).code, 0);
}

#[test]
fn with_json_every_failure_is_one_document_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(5).bytes);
    let log = log.to_str().unwrap();
    for (arguments, code, part) in [
        (vec!["--json"], 64, "--json"),
        (vec!["replay", "--json"], 64, "--log"),
        (
            vec!["replay", "--fdr", "x", "--json", "--log", log, "--what"],
            64,
            "--what",
        ),
        (
            vec![
                "replay",
                "--json",
                "--log",
                log,
                "--fdr",
                "x",
                "--deny-gps",
                "5",
            ],
            64,
            "START_S",
        ),
        (
            vec!["replay", "--json", "--log", "none.tlog", "--fdr", "x"],
            1,
            "none.tlog",
        ),
    ] {
        let run = companion(&arguments);
        assert_eq!(run.code, code, "{run}");
        let report = run.json();
        assert_eq!(report.as_object().unwrap().len(), 1, "{run}");
        let message = report["error"].as_str().unwrap();
        assert!(
            message.contains(part) && !message.starts_with("error"),
            "{run}"
        );
        assert!(run.stderr.contains(part), "{run}");
    }
    let help = companion(["replay", "--json", "--help"]);
    assert!(help.code == 0 && help.stdout.contains("Usage"), "{help}");
    let usage = companion(["replay"]);
    assert!(usage.code == 64 && usage.stdout.is_empty(), "{usage}");
}

/// A straight flight whose autopilot reports an airspeed, as one without a sensor does; with
/// `pitot`, the pressure behind it as well.
fn flight_with_airspeed(pitot: bool) -> Tlog {
    use mavlink::dialects::ardupilotmega::{MavMessage, SCALED_PRESSURE_DATA, VFR_HUD_DATA};
    let mut log = Tlog::default();
    let straight = straight_flight(30);
    for (entry, from) in straight.entries.iter().enumerate() {
        let to = straight.entries.get(entry + 1).copied();
        let frame = &straight.bytes[from + 8..to.unwrap_or(straight.bytes.len())];
        log.push_raw(straight.stamp(entry), frame);
        if entry % 10 == 0 {
            let time_us = straight.stamp(entry) - LOG_START_US;
            let press_diff = if pitot {
                0.5 * 1.225 * 225.0 / 100.0
            } else {
                0.0
            };
            log.push(
                time_us,
                &MavMessage::SCALED_PRESSURE(SCALED_PRESSURE_DATA {
                    press_abs: 980.0,
                    press_diff,
                    ..SCALED_PRESSURE_DATA::default()
                }),
            );
            log.push(
                time_us,
                &MavMessage::VFR_HUD(VFR_HUD_DATA {
                    airspeed: 15.0,
                    ..VFR_HUD_DATA::default()
                }),
            );
        }
    }
    log
}

#[test]
fn an_airspeed_that_may_be_made_from_gps_does_not_reach_the_navigator() {
    for (pitot, taken) in [(false, false), (true, true)] {
        let folder = tempfile::tempdir().unwrap();
        let bytes = flight_with_airspeed(pitot).bytes;
        let log = file(folder.path(), "flight.tlog", &bytes);
        let report = replay(&log, folder.path(), &["--deny-gps", "10:20"]).json();
        let mut reader = FlightReader::open(sound_recording(&report)).unwrap();
        let (mut barometer, mut in_window, mut outside) = (0, 0, 0);
        while let Some(item) = reader.next_item().unwrap() {
            let FlightItem::Record { record, .. } = item else {
                continue;
            };
            match record.record_type {
                RecordType::AIR_DATA if (10_000..20_000).contains(&record.monotonic_ms) => {
                    in_window += 1;
                }
                RecordType::AIR_DATA => outside += 1,
                RecordType::BAROMETER => barometer += 1,
                _ => {}
            }
        }
        assert!(barometer > 300);
        assert_eq!((in_window > 100, outside > 200), (taken, taken));
        assert!(taken || in_window + outside == 0);
    }
}
