//! pymavlink, an independent implementation, decodes every recorded `GPS_INPUT` and finds the values
//! of the recorded positions.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use companion::navigator::{EmittedExternalPosition, FixType, MonotonicNs, Output};
use companion::recorder::output_from_record;
use fdr_format::{FlightItem, FlightReader, Record};
use serde_json::Value;
use support::command::{file, replay, sound_recording};
use support::{flights, straight_flight};

/// The Python that has pymavlink, or `None` (said plainly). Under `CI=true` its absence fails.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    if python.is_file() {
        return Some(python);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} is missing and must not be skipped in CI; run `just setup`",
        python.display()
    );
    eprintln!("SKIPPED: pymavlink is missing; run `just setup`");
    None
}

/// Every recorded position with the bytes that it became.
fn sent(recording: &Path) -> Vec<(EmittedExternalPosition, Vec<u8>)> {
    let mut reader = FlightReader::open(recording).unwrap();
    let (mut sent, mut position, mut latest) = (Vec::new(), None, None);
    while let Some(item) = reader.next_item().unwrap() {
        let FlightItem::Record { record, .. } = item else {
            continue;
        };
        let record = record.decode().unwrap();
        if let Some(Output::Position(emitted)) = output_from_record(&record) {
            (position, latest) = (Some(emitted), Some(emitted));
        } else if let Record::SentFcBytes(body) = record {
            // A deadline without a position withdraws the latest one.
            let withdrawn = || EmittedExternalPosition {
                time: MonotonicNs(body.time_ns),
                fix_type: FixType::None,
                ..latest.unwrap()
            };
            let told = position.take().unwrap_or_else(withdrawn);
            sent.push((told, body.bytes.0.to_vec()));
        }
    }
    sent
}

fn decode(python: &Path, frames: &[(EmittedExternalPosition, Vec<u8>)]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/gps_input.py");
    let mut peer = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    for (_, bytes) in frames {
        for byte in bytes {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    let mut stdin = peer.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = peer.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(
        output.status.success(),
        "the peer refused a frame: see above"
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The number nearest to `expected` that the wire's f32 can hold.
fn is_f32_of(found: &Value, expected: f64) -> bool {
    found.as_f64() == Some(f64::from(expected as f32))
}

fn assert_same(position: &EmittedExternalPosition, found: &Value, index: usize) {
    let check = |name: &str, holds: bool| assert!(holds, "{name}: {position:?} became {found}");
    let degrees_e7 = |radians: f64| (radians.to_degrees() * 1e7).round() as i64;
    check(
        "lat",
        found["lat"].as_i64() == Some(degrees_e7(position.lat_rad)),
    );
    check(
        "lon",
        found["lon"].as_i64() == Some(degrees_e7(position.lon_rad)),
    );
    check("alt", is_f32_of(&found["alt"], position.alt_msl_m));
    for (name, velocity) in ["vn", "ve", "vd"].into_iter().zip(position.vel_ned_mps) {
        check(name, is_f32_of(&found[name], velocity));
    }
    let (fix, horizontal_m) = match position.fix_type {
        FixType::None => (1, 999.0),
        FixType::TwoD => (2, position.horiz_accuracy_m.max(0.5)),
        FixType::ThreeD => (3, position.horiz_accuracy_m.max(0.5)),
    };
    check("fix_type", found["fix_type"] == fix);
    check(
        "horiz_accuracy",
        is_f32_of(&found["horiz_accuracy"], horizontal_m),
    );
    let vertical_m = position.vert_accuracy_m.max(0.5);
    check(
        "vert_accuracy",
        is_f32_of(&found["vert_accuracy"], vertical_m),
    );
    let speed_mps = position.speed_accuracy_mps.max(0.1);
    check(
        "speed_accuracy",
        is_f32_of(&found["speed_accuracy"], speed_mps),
    );
    check("time_usec", found["time_usec"] == position.time.0 / 1000);
    for (name, value) in [
        ("ignore_flags", 0),
        ("time_week", 0),
        ("time_week_ms", 0),
        ("gps_id", 1),
        ("yaw", 0),
        ("satellites_visible", 10),
        ("system", 1),
        ("component", 191),
        ("sequence", index as u64 % 256),
    ] {
        check(name, found[name] == value);
    }
    check("hdop, vdop", found["hdop"] == 1.0 && found["vdop"] == 1.5);
    check("signed", found["signed"] == false);
}

fn agrees(python: &Path, name: &str, bytes: &[u8], windows: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), name, bytes);
    let run = replay(&log, folder.path(), windows);
    assert_eq!(run.code, 0, "{run}");
    let frames = sent(&sound_recording(&run.json()));
    assert!(frames.len() > 100);
    let decoded = decode(python, &frames);
    assert_eq!(decoded.len(), frames.len());
    for (index, ((position, _), found)) in frames.iter().zip(&decoded).enumerate() {
        assert_same(position, found, index);
    }
}

#[test]
fn pymavlink_finds_the_same_values_in_every_gps_input_of_a_built_flight() {
    let Some(python) = python() else { return };
    agrees(
        &python,
        "built.tlog",
        &straight_flight(60).bytes,
        &["--deny-gps", "20:50"],
    );
}

#[test]
fn pymavlink_finds_the_same_values_in_every_gps_input_of_the_real_flights() {
    let Some(python) = python() else { return };
    // The long denial brings all three fix types onto the wire.
    for (name, window) in [
        ("thor75.tlog", "250:650"),
        ("proto09.tlog", "100:400"),
        ("swiss1.tlog", "60:80"),
        ("copter_radio_link.tlog", "500:900"),
    ] {
        if let Some(bytes) = flights::bytes(name) {
            agrees(&python, name, &bytes, &["--deny-gps", window]);
        }
    }
}
