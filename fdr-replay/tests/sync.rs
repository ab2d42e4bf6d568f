//! `fdr-replay sync`: a flight goes into a sink once, and the receipt can be checked.
#![cfg(feature = "sync")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use edge_spine::audit::is_signed;
use edge_spine::row::Row;
use edge_spine::sink::FileSink;
use fdr_format::records::{
    EmittedExternalPosition, FixType, FlightSource, NavigatorEvent, NavigatorEventKind, Severity,
    SourceLabel,
};
use fdr_format::{BootId, ClockAnchor, FlightId, FlightParameters, FlightWriter, Record};
use serde_json::Value;

const POSITIONS: u64 = 1200;
const EVENTS: u64 = 12;

fn record(folder: &Path, closed: bool) -> std::path::PathBuf {
    let parameters = FlightParameters {
        flight_id: FlightId([0xcd; 16]),
        boot_id: BootId([1; 16]),
        software_version: "0.1.0".to_owned(),
        core_version: 1,
        configuration: String::new(),
        source: FlightSource::Simulation,
        source_name: "sync".to_owned(),
        clock: ClockAnchor {
            monotonic_ns: 0,
            unix_ns: Some(1_700_000_000_000_000_000),
        },
        keys: None,
        recovered: false,
        segment_bytes: 64 << 10,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    for index in 0..POSITIONS {
        let time_ns = index * 100_000_000;
        let position = EmittedExternalPosition {
            time_ns,
            lat_rad: 0.84,
            lon_rad: 0.2,
            alt_msl_m: 500.0,
            vel_ned_mps: [10.0, 0.0, 0.0],
            covariance: [0.0; 21],
            ellipse_semi_major_m: 5.0,
            ellipse_semi_minor_m: 3.0,
            ellipse_orientation_rad: 0.0,
            horiz_accuracy_m: 2.0,
            vert_accuracy_m: 3.0,
            speed_accuracy_mps: 0.5,
            source_label: SourceLabel::DeadReckoned,
            last_satellite_anchor_age_ms: None,
            fix_type: FixType::ThreeD,
        };
        writer
            .append(&Record::EmittedExternalPosition(position), time_ns)
            .unwrap();
        if index % 100 == 0 {
            let event = NavigatorEvent {
                time_ns,
                severity: Severity::Notice,
                kind: NavigatorEventKind::EstimatorLost,
                value: 0.0,
            };
            writer
                .append(&Record::NavigatorEvent(event), time_ns)
                .unwrap();
        }
    }
    if closed {
        writer.finish().unwrap().folder
    } else {
        drop(writer);
        fs::read_dir(folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    }
}

fn sync(flight: &Path, sink: &Path, extra: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
        .arg("sync")
        .arg(flight)
        .args([
            "--vehicle",
            "uav-7",
            "--json",
            "--give-up-after",
            "2",
            "--sink",
        ])
        .arg(sink)
        .args(extra)
        .output()
        .unwrap()
}

fn rows(sink: &Path) -> Vec<Row> {
    let files = FileSink::open(sink).unwrap().batches().unwrap();
    let lines = files.iter().flat_map(|own| FileSink::read(own).unwrap().1);
    lines.map(|own| Row::parse(&own).unwrap()).collect()
}

#[test]
fn a_flight_goes_in_once_and_repeating_it_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record(&folder.path().join("flights"), true);
    let sink = folder.path().join("archive");
    let first = sync(&flight, &sink, &[]);
    assert!(
        first.status.success(),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    let document: Value = serde_json::from_slice(&first.stdout).unwrap();
    let receipt = &document["receipt"];
    assert_eq!(receipt["delivered"], receipt["rows"]);
    assert_eq!(receipt["missing_records"], 0);
    let there = rows(&sink);
    let of = |channel: &str| {
        there
            .iter()
            .filter(|own| own.channel.as_str() == channel)
            .count() as u64
    };
    assert_eq!((of("position"), of("statistics")), (POSITIONS, 1));
    assert!(of("event") >= EVENTS);
    assert_eq!(there.len() as u64, receipt["rows"].as_u64().unwrap());
    let position = there
        .iter()
        .find(|own| own.channel.as_str() == "position")
        .unwrap();
    assert_eq!(position.key.ts_ns, 1_700_000_000_000_000_000);
    assert!((position.fields.number("lat_deg").unwrap() - 0.84_f64.to_degrees()).abs() < 1e-12);

    // Whoever has the public key can check the receipt; its text is what was signed.
    let text = serde_json::to_string(receipt).unwrap();
    let text: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(&text, receipt);
    let again = sync(&flight, &sink, &[]);
    assert_eq!(again.stdout, first.stdout, "the same receipt");
    assert_eq!(rows(&sink).len(), there.len());
}

#[test]
fn the_signature_is_over_the_receipt_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record(&folder.path().join("flights"), true);
    let path = folder.path().join("receipt.json");
    sync(
        &flight,
        &folder.path().join("archive"),
        &["--receipt", path.to_str().unwrap()],
    );
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (signed, key) = (
        document["signed"].as_str().unwrap(),
        document["receipt"]["public_key"].as_str().unwrap(),
    );
    let own: Value = serde_json::from_str(signed).unwrap();
    assert_eq!(own, document["receipt"]);
    assert!(is_signed(
        signed,
        document["signature"].as_str().unwrap(),
        key
    ));
    assert!(!is_signed(
        &signed.replace("uav-7", "uav-8"),
        document["signature"].as_str().unwrap(),
        key
    ));
}

#[test]
fn a_flight_that_is_not_whole_needs_a_reason_which_the_receipt_says() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record(&folder.path().join("flights"), false);
    let sink = folder.path().join("archive");
    let refused = sync(&flight, &sink, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--even-if-not-whole"));
    assert!(!sink.exists(), "nothing was touched");
    let taken = sync(
        &flight,
        &sink,
        &["--even-if-not-whole", "the aircraft was lost"],
    );
    assert!(
        taken.status.success(),
        "{}",
        String::from_utf8_lossy(&taken.stderr)
    );
    let document: Value = serde_json::from_slice(&taken.stdout).unwrap();
    assert_eq!(
        document["receipt"]["override_reason"],
        "the aircraft was lost"
    );
    assert_eq!(document["receipt"]["clean_shutdown"], false);
}

#[test]
fn a_sink_that_does_not_answer_leaves_everything_for_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record(&folder.path().join("flights"), true);
    let away = sync(&flight, Path::new("http://127.0.0.1:9"), &[]);
    assert_eq!(away.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&away.stdout).unwrap();
    assert!(
        document["error"]
            .as_str()
            .unwrap()
            .contains("repeat the command"),
        "{document}"
    );
}
