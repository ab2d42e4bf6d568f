//! `rerun` as an operator runs it, over recordings that agree, differ, or are damaged.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use companion::config::Configuration;
use companion::navigator::{
    AirData, Airframe, Attitude, CORE_VERSION, FcGps, FlightState, GpsFix, Input, MonotonicNs,
};
use companion::pipeline::{Pipeline, Product};
use fdr_format::records::FlightSource;
use fdr_format::{BootId, ClockAnchor, FlightId, FlightParameters, FlightWriter, Record};
use serde_json::Value;

/// An aircraft that flies north at 20 m/s.
fn inputs(tenth: u64) -> [Input; 4] {
    let time = MonotonicNs(1_000_000_000 + tenth * 100_000_000);
    [
        Input::FlightState(FlightState {
            time,
            armed: true,
            airframe: Airframe::FixedWing,
        }),
        Input::Attitude(Attitude {
            time,
            roll_rad: 0.0,
            pitch_rad: 0.04,
            yaw_rad: 0.0,
            angular_rate_frd_radps: [0.0; 3],
        }),
        Input::AirData(AirData {
            time,
            indicated_airspeed_mps: 20.0,
        }),
        Input::FcGps(FcGps {
            time,
            instance: 0,
            fix: GpsFix::ThreeD,
            lat_rad: 0.8 + tenth as f64 * 2.0 / 6.37e6,
            lon_rad: 0.2,
            alt_msl_m: 300.0,
            velocity_ne_mps: Some([20.0, 0.0]),
            horiz_accuracy_m: Some(2.0),
            vert_accuracy_m: Some(3.0),
            speed_accuracy_mps: Some(0.3),
            satellites: Some(12),
        }),
    ]
}

/// How the recording is made.
struct Recording {
    core_version: u32,
    /// Changes the 50th position by one bit.
    tampered: bool,
    closed: bool,
}

const GOOD: Recording = Recording {
    core_version: CORE_VERSION,
    tampered: false,
    closed: true,
};

fn recorded(folder: &Path, recording: &Recording) -> PathBuf {
    let configuration = Configuration::default();
    let parameters = FlightParameters {
        flight_id: FlightId([7; 16]),
        boot_id: BootId([8; 16]),
        software_version: "test".to_owned(),
        core_version: recording.core_version,
        configuration: configuration.canonical().unwrap(),
        source: FlightSource::Simulation,
        source_name: String::new(),
        clock: ClockAnchor {
            monotonic_ns: 1_000_000_000,
            unix_ns: None,
        },
        keys: None,
        recovered: false,
        segment_bytes: 64 << 10,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    let mut pipeline = Pipeline::new(&configuration);
    let mut positions = 0;
    let mut sink = |product: Product<'_>| -> Result<(), fdr_format::WriteError> {
        let mut record = product.record();
        if let Record::EmittedExternalPosition(position) = &mut record {
            positions += 1;
            if recording.tampered && positions == 50 {
                position.covariance[6] = f64::from_bits(position.covariance[6].to_bits() ^ 1);
            }
        }
        writer.append(&record, record.time_ns().unwrap()).map(drop)
    };
    for tenth in 0..300 {
        for input in inputs(tenth) {
            pipeline.advance_to(input.time(), &mut sink).unwrap();
            pipeline.handle(&input, &mut sink).unwrap();
        }
    }
    let flight = writer.folder().to_owned();
    if recording.closed {
        writer.finish().unwrap();
    }
    flight
}

fn rerun(folder: &Path) -> (i32, Value) {
    let output = run(&["rerun", "--json", folder.to_str().unwrap()]);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap(), report)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
        .args(arguments)
        .output()
        .unwrap()
}

fn last_segment(flight: &Path) -> PathBuf {
    let segments = fs::read_dir(flight.join("segments")).unwrap();
    segments.map(|entry| entry.unwrap().path()).max().unwrap()
}

#[test]
fn an_untouched_recording_is_identical() {
    let folder = tempfile::tempdir().unwrap();
    recorded(folder.path(), &GOOD);
    let (code, report) = rerun(folder.path());
    assert_eq!((code, &report["identical"]), (0, &true.into()), "{report}");
    assert_eq!(report["difference"], Value::Null);
    assert!(report["inputs"].as_u64().unwrap() > 1200);
    assert!(report["outputs_identical"].as_u64().unwrap() > 500);
}

#[test]
fn one_changed_bit_is_reported_with_record_field_and_both_values() {
    let folder = tempfile::tempdir().unwrap();
    recorded(
        folder.path(),
        &Recording {
            tampered: true,
            ..GOOD
        },
    );
    let (code, report) = rerun(folder.path());
    let difference = &report["difference"];
    assert_eq!((code, &report["identical"]), (5, &false.into()));
    assert_eq!(difference["record_type"], "EmittedExternalPosition");
    assert_eq!(difference["field"], "covariance[6]");
    assert_ne!(difference["recorded"], difference["recomputed"]);

    let sequence = difference["sequence"].to_string();
    let table = run(&["rerun", folder.path().to_str().unwrap()]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains(&format!("record {sequence}")), "{table}");
    assert!(
        table.contains("EmittedExternalPosition.covariance[6]"),
        "{table}"
    );
}

#[test]
fn another_core_version_is_re_run_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    recorded(
        folder.path(),
        &Recording {
            core_version: CORE_VERSION + 1,
            ..GOOD
        },
    );
    let (code, report) = rerun(folder.path());
    assert_eq!(
        code, 0,
        "an identical result is identical whoever computed it"
    );
    assert_eq!(report["recorded_core_version"], CORE_VERSION + 1);

    let folder = tempfile::tempdir().unwrap();
    let other = Recording {
        core_version: CORE_VERSION + 1,
        tampered: true,
        ..GOOD
    };
    recorded(folder.path(), &other);
    assert_eq!(rerun(folder.path()).0, 6);
}

#[test]
fn a_recording_that_ends_anywhere_is_identical_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let flight = recorded(
        folder.path(),
        &Recording {
            closed: false,
            ..GOOD
        },
    );
    let (code, report) = rerun(folder.path());
    assert_eq!((code, &report["identical"]), (2, &false.into()));
    assert_eq!(report["completeness"], "unclosed");

    // Cut at every byte of the last records: between an input and its outputs, or inside a record.
    let last = last_segment(&flight);
    let bytes = fs::read(&last).unwrap();
    for cut in bytes.len() - 900..bytes.len() {
        fs::write(&last, &bytes[..cut]).unwrap();
        let (code, report) = rerun(folder.path());
        assert_eq!(code, 2, "cut at {cut}: {report}");
        assert_eq!(report["difference"], Value::Null);
        assert!(report["outputs_identical"].as_u64().unwrap() > 500);
    }
}

#[test]
fn damage_ends_the_comparison_with_exit_3() {
    let folder = tempfile::tempdir().unwrap();
    let flight = recorded(folder.path(), &GOOD);
    let first = flight.join("segments/seg_00000.bin");
    let mut bytes = fs::read(&first).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&first, bytes).unwrap();
    let (code, report) = rerun(folder.path());
    assert_eq!((code, &report["identical"]), (3, &false.into()), "{report}");
    assert!(report["cut_short"].as_str().unwrap().contains("segment 0"));
}

#[test]
fn a_flight_without_its_last_segment_is_not_identical() {
    for with_manifest in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let flight = recorded(folder.path(), &GOOD);
        fs::remove_file(last_segment(&flight)).unwrap();
        if !with_manifest {
            fs::remove_file(flight.join("manifest.json")).unwrap();
        }
        let (code, report) = rerun(folder.path());
        assert_eq!((code, &report["identical"]), (2, &false.into()), "{report}");
        let table = run(&["rerun", folder.path().to_str().unwrap()]);
        let table = String::from_utf8(table.stdout).unwrap();
        assert!(
            table.contains("the end of the flight is missing"),
            "{table}"
        );
    }
}

#[test]
fn a_damaged_segment_header_costs_no_output_and_is_still_told() {
    let folder = tempfile::tempdir().unwrap();
    let flight = recorded(folder.path(), &GOOD);
    let whole = rerun(folder.path()).1;
    for number in [0, 1] {
        let path = flight.join(format!("segments/seg_{number:05}.bin"));
        let clean = fs::read(&path).unwrap();
        let mut bytes = clean.clone();
        bytes[40] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (code, report) = rerun(folder.path());
        assert_eq!((code, &report["identical"]), (3, &false.into()), "{report}");
        assert_eq!(report["outputs_identical"], whole["outputs_identical"]);
        assert_eq!(report["cut_short"], Value::Null);
        fs::write(&path, clean).unwrap();
    }

    // The record behind the header is lost too: that may have been an input.
    let path = flight.join("segments/seg_00001.bin");
    let mut bytes = fs::read(&path).unwrap();
    let header = 4 + u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    bytes[40] ^= 1;
    bytes[header + 20] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (code, report) = rerun(folder.path());
    assert_eq!(code, 3);
    assert!(report["cut_short"].as_str().unwrap().contains("segment 1"));
}

#[test]
fn without_any_readable_header_there_is_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let flight = recorded(folder.path(), &GOOD);
    for entry in fs::read_dir(flight.join("segments")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes[40] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let output = run(&["rerun", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("no readable segment header"), "{message}");
}

#[test]
fn a_recording_without_a_usable_configuration_is_exit_1() {
    let folder = tempfile::tempdir().unwrap();
    let parameters = FlightParameters {
        flight_id: FlightId([7; 16]),
        boot_id: BootId([8; 16]),
        software_version: String::new(),
        core_version: 1,
        configuration: "no_such_section = 1".to_owned(),
        source: FlightSource::Simulation,
        source_name: String::new(),
        clock: ClockAnchor::default(),
        keys: None,
        recovered: false,
        segment_bytes: 1 << 20,
    };
    FlightWriter::create(folder.path(), parameters)
        .unwrap()
        .finish()
        .unwrap();
    let output = run(&["rerun", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("no_such_section"), "{message}");
}

#[test]
fn verify_cat_and_rerun_agree_on_what_is_wrong() {
    type Harm = fn(&Path);
    let harms: [(&str, i32, Harm); 7] = [
        ("nothing", 0, |_| {}),
        ("a flipped bit", 3, |flight| {
            change(flight.join("segments/seg_00001.bin"), |bytes| {
                bytes[900] ^= 1
            });
        }),
        ("zeros behind the end", 3, |flight| {
            change(last_segment(flight), |bytes| {
                bytes.extend([0; 4096]);
            });
        }),
        ("a torn tail", 2, |flight| {
            change(last_segment(flight), |bytes| {
                bytes.truncate(bytes.len() - 9);
            });
        }),
        ("no last segment", 2, |flight| {
            fs::remove_file(last_segment(flight)).unwrap();
        }),
        ("an unreadable segment", 3, |flight| {
            fs::remove_file(flight.join("segments/seg_00001.bin")).unwrap();
            fs::create_dir(flight.join("segments/seg_00001.bin")).unwrap();
        }),
        ("a lying manifest", 4, |flight| {
            change(flight.join("manifest.json"), |bytes| {
                let text = String::from_utf8(bytes.clone()).unwrap();
                *bytes = text
                    .replace("\"core_version\": ", "\"core_version\": 9")
                    .into();
            });
        }),
    ];
    for (what, expected, harm) in harms {
        let folder = tempfile::tempdir().unwrap();
        harm(&recorded(folder.path(), &GOOD));
        for command in ["verify", "cat", "rerun"] {
            let output = run(&[command, "--json", folder.path().to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(expected), "{command}: {what}");
            serde_json::from_slice::<Value>(&output.stdout).unwrap();
        }
    }
}

fn change(path: PathBuf, how: impl Fn(&mut Vec<u8>)) {
    let clean = fs::read(&path).unwrap();
    let mut bytes = clean.clone();
    how(&mut bytes);
    assert_ne!(bytes, clean);
    fs::write(path, bytes).unwrap();
}
