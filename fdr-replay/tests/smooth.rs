//! `smooth` as an operator runs it.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use companion::config::Configuration;
use companion::navigator::{
    AirData, Airframe, Attitude, CORE_VERSION, FcGps, FlightState, GpsFix, Input, MonotonicNs,
};
use companion::pipeline::{Pipeline, Product};
use fdr_format::records::FlightSource;
use fdr_format::{BootId, ClockAnchor, FlightId, FlightParameters, FlightWriter, Record};
use serde_json::Value;

/// Flies north at 20 m/s for 60 s, without GPS from the 20th to the 50th second.
fn inputs() -> Vec<Input> {
    let mut inputs = Vec::new();
    for tenth in 0..600_u64 {
        let time = MonotonicNs(1_000_000_000 + tenth * 100_000_000);
        inputs.push(Input::FlightState(FlightState {
            time,
            armed: true,
            airframe: Airframe::FixedWing,
        }));
        inputs.push(Input::Attitude(Attitude {
            time,
            roll_rad: 0.0,
            pitch_rad: 0.04,
            yaw_rad: 0.0,
            angular_rate_frd_radps: [0.0; 3],
        }));
        inputs.push(Input::AirData(AirData {
            time,
            indicated_airspeed_mps: 20.0,
        }));
        if !(200..500).contains(&tenth) {
            inputs.push(Input::FcGps(FcGps {
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
            }));
        }
    }
    inputs
}

fn record(folder: &Path) {
    let configuration = Configuration::default();
    let parameters = FlightParameters {
        flight_id: FlightId([0xab; 16]),
        boot_id: BootId([1; 16]),
        software_version: "0.1.0".to_owned(),
        core_version: CORE_VERSION,
        configuration: configuration.canonical().unwrap(),
        source: FlightSource::Simulation,
        source_name: "smooth".to_owned(),
        clock: ClockAnchor {
            monotonic_ns: 1_000_000_000,
            unix_ns: None,
        },
        keys: None,
        recovered: false,
        segment_bytes: 256 << 10,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    let mut pipeline = Pipeline::new(&configuration);
    for input in inputs() {
        let mut sink = |product: Product<'_>| {
            let record: Record<'_> = product.record();
            writer.append(&record, input.time().0).map(|_| ())
        };
        pipeline.advance_to(input.time(), &mut sink).unwrap();
        pipeline.handle(&input, &mut sink).unwrap();
    }
    writer.finish().unwrap();
}

fn smooth(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
        .arg("smooth")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_track_has_one_position_a_second_and_knows_more_than_the_flight_did() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let track = folder.path().join("track.csv");
    let (flight, file) = (folder.path().to_str().unwrap(), track.to_str().unwrap());
    let done = smooth(&["--json", flight, "-o", file]);
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{report}");
    assert_eq!(report["cut_short"], Value::Null);
    let text = std::fs::read_to_string(&track).unwrap();
    let mut rows = text.lines();
    let columns: Vec<&str> = rows.next().unwrap().split(',').collect();
    assert_eq!(columns.len(), 10);
    assert_eq!(columns[0], "time_ns");
    let rows: Vec<Vec<f64>> = rows
        .map(|row| row.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.len() as u64, report["positions"].as_u64().unwrap());
    assert!(rows.len() >= 57, "{}", rows.len());
    assert!(rows.windows(2).all(|pair| pair[1][0] - pair[0][0] == 1e9));
    // The last second without GPS: worst in flight, well known afterwards.
    let last_denied = rows.iter().find(|row| row[0] == 50e9).unwrap();
    let (north_sigma, emitted) = (last_denied[3].sqrt(), last_denied[8]);
    assert!(north_sigma < 0.5 * emitted, "{north_sigma} of {emitted} m");
}

#[test]
fn a_track_never_replaces_a_file_and_a_lag_must_make_sense() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let precious = folder.path().join("precious");
    std::fs::write(&precious, "mine").unwrap();
    let flight = folder.path().to_str().unwrap();
    for (arguments, code, part) in [
        (
            vec![flight, "-o", precious.to_str().unwrap()],
            1,
            "precious",
        ),
        (vec![flight, "--lag", "0.1"], 1, "lag"),
        (vec![flight, "--lag", "soon"], 64, "--lag"),
    ] {
        let done = smooth(&[&["--json"], &arguments[..]].concat());
        assert_eq!(done.status.code(), Some(code), "{arguments:?}");
        let report: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert!(report["error"].as_str().unwrap().contains(part), "{report}");
    }
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
}
