//! `fdr-replay export`: independent programs read what is written, and find what was recorded.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fdr_format::records::{
    Attitude, EmittedExternalPosition, FcGps, FixType, FlightSource, GpsFix, ImuTrace, Log,
    NavigatorEvent, NavigatorEventKind, ReceivedMavlinkRaw, SentFcBytes, Severity, SourceLabel,
    SourceLabelTransition, TransitionReason,
};
use fdr_format::{BootId, Bytes, ClockAnchor, FlightId, FlightParameters, FlightWriter, Record};
use mavlink::ardupilotmega::{GPS_INPUT_DATA, HEARTBEAT_DATA, MavMessage};
use serde_json::Value;

const POSITIONS: u64 = 600;
const START_NS: u64 = 5_000_000_000;
const UNIX_NS: u64 = 1_700_000_000_000_000_000;
/// From this position on the label is another one; at the hole three seconds are missing.
const CHANGE: u64 = 200;
const HOLE: u64 = 400;

fn frame(message: &MavMessage, sequence: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = mavlink::MavHeader {
        system_id: 1,
        component_id: 1,
        sequence,
    };
    mavlink::write_v2_msg(&mut bytes, header, message).unwrap();
    bytes
}

fn position(index: u64, time_ns: u64) -> EmittedExternalPosition {
    let mut covariance = [0.0; 21];
    for (slot, value) in [(0, 9.0), (1, 1.5), (6, 16.0), (11, 4.0)] {
        covariance[slot] = value;
    }
    EmittedExternalPosition {
        time_ns,
        lat_rad: (48.0 + index as f64 * 1e-5).to_radians(),
        lon_rad: 11.5_f64.to_radians(),
        alt_msl_m: 500.0 + index as f64,
        vel_ned_mps: [10.0, 0.0, -0.5],
        covariance,
        ellipse_semi_major_m: 9.8,
        ellipse_semi_minor_m: 7.3,
        ellipse_orientation_rad: 1.5,
        horiz_accuracy_m: 4.25,
        vert_accuracy_m: 2.0,
        speed_accuracy_mps: 0.5,
        source_label: match index {
            0..CHANGE => SourceLabel::SatelliteAnchored,
            _ => SourceLabel::DeadReckoned,
        },
        last_satellite_anchor_age_ms: (index > 0).then_some(100 * index as u32),
        fix_type: FixType::ThreeD,
    }
}

fn records() -> Vec<(Vec<Record<'static>>, u64)> {
    let heartbeat = MavMessage::HEARTBEAT(HEARTBEAT_DATA::default());
    let input = MavMessage::GPS_INPUT(GPS_INPUT_DATA::default());
    let leak = |bytes: Vec<u8>| -> &'static [u8] { Box::leak(bytes.into_boxed_slice()) };
    (0..POSITIONS)
        .map(|index| {
            let hole = if index >= HOLE { 3_000_000_000 } else { 0 };
            let time_ns = START_NS + index * 100_000_000 + hole;
            let mut all: Vec<Record<'static>> = vec![
                position(index, time_ns).into(),
                ImuTrace {
                    time_ns,
                    specific_force_frd_mps2: [0.25, f64::NAN, -9.81],
                    angular_rate_frd_radps: [0.0, 0.5, 0.0],
                }
                .into(),
                Attitude {
                    time_ns,
                    roll_rad: 0.0,
                    pitch_rad: 0.0,
                    yaw_rad: 0.0,
                    angular_rate_frd_radps: [0.0; 3],
                }
                .into(),
                SentFcBytes {
                    time_ns,
                    link: 0,
                    bytes: Bytes(leak(frame(&input, index as u8))),
                }
                .into(),
            ];
            if index % 10 == 0 {
                let bytes = Bytes(leak(frame(&heartbeat, index as u8)));
                all.push(
                    ReceivedMavlinkRaw {
                        time_ns,
                        link: 0,
                        bytes,
                    }
                    .into(),
                );
                all.push(receiver(time_ns).into());
            }
            if index % 100 == 0 {
                let text = "a \"quoted\", <line>\n";
                let severity = Severity::Warning;
                all.push(
                    Log {
                        time_ns,
                        severity,
                        target: "test",
                        text,
                    }
                    .into(),
                );
            }
            if index == CHANGE {
                all.extend(happened(time_ns));
            }
            (all, time_ns)
        })
        .collect()
}

fn receiver(time_ns: u64) -> FcGps {
    FcGps {
        time_ns,
        instance: 0,
        fix: GpsFix::ThreeD,
        lat_rad: 48.0_f64.to_radians(),
        lon_rad: 11.5_f64.to_radians(),
        alt_msl_m: 500.0,
        velocity_ne_mps: Some([10.0, 0.0]),
        horiz_accuracy_m: Some(1.5),
        vert_accuracy_m: None,
        speed_accuracy_mps: None,
        satellites: Some(12),
    }
}

fn happened(time_ns: u64) -> [Record<'static>; 2] {
    [
        SourceLabelTransition {
            time_ns,
            from: SourceLabel::SatelliteAnchored,
            to: SourceLabel::DeadReckoned,
            reason: TransitionReason::AnchorStale,
            last_satellite_anchor_age_ms: Some(20_000),
        }
        .into(),
        NavigatorEvent {
            time_ns,
            severity: Severity::Warning,
            kind: NavigatorEventKind::FcGpsLost,
            value: 3.0,
        }
        .into(),
    ]
}

/// A flight, and how many records it has.
fn record(folder: &Path) -> (PathBuf, u64) {
    let parameters = FlightParameters {
        flight_id: FlightId([0xef; 16]),
        boot_id: BootId([1; 16]),
        software_version: "0.1.0".to_owned(),
        core_version: 1,
        configuration: String::new(),
        source: FlightSource::Simulation,
        source_name: "export".to_owned(),
        clock: ClockAnchor {
            monotonic_ns: START_NS,
            unix_ns: Some(UNIX_NS),
        },
        keys: None,
        recovered: false,
        segment_bytes: 64 << 10,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    let mut count = 0;
    for (records, time_ns) in records() {
        for record in records {
            writer.append(&record, time_ns).unwrap();
            count += 1;
        }
    }
    (writer.finish().unwrap().folder, count)
}

fn export(flight: &Path, form: &str, output: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
        .args(["export", "--json", "--format", form, "-o"])
        .arg(output)
        .arg(flight)
        .args(more)
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// The Python with the readers, or `None` (said plainly). Under `CI=true` its absence fails.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    let modules =
        "import mcap_protobuf, foxglove_schemas_protobuf, pyarrow, lxml, fastkml, pymavlink";
    let found = Command::new(&python).args(["-c", modules]).output();
    if found.is_ok_and(|own| own.status.success()) {
        return Some(python);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} lacks a reader, and must not be skipped in CI; run `just setup`",
        python.display()
    );
    eprintln!("SKIPPED: the Python readers are missing; run `just setup`");
    None
}

/// Exports and lets the independent reader look at it: its report, and ours.
fn read_back(form: &str, more: &[&str]) -> Option<(Value, Value)> {
    let python = python()?;
    let folder = tempfile::tempdir().unwrap();
    let (flight, _) = record(folder.path());
    let file = folder.path().join(format!("flight.{form}"));
    let done = export(&flight, form, &file, more);
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export_peer.py");
    let read = Command::new(python)
        .arg(script)
        .arg(form)
        .arg(&file)
        .output()
        .unwrap();
    Some((json(&read), json(&done)))
}

#[test]
fn mcap_holds_every_record_and_what_foxglove_shows_by_itself() {
    let Some((read, done)) = read_back("mcap", &[]) else {
        return;
    };
    let counts = &read["counts"];
    for (topic, count) in [
        ("/gfdr/EmittedExternalPosition", POSITIONS),
        ("/gfdr/ImuTrace", POSITIONS),
        ("/gfdr/ReceivedMavlinkRaw", POSITIONS / 10),
        ("/position", POSITIONS),
        ("/fc_gps", POSITIONS / 10),
        ("/pose", POSITIONS),
        ("/log", POSITIONS / 100 + 2),
    ] {
        assert_eq!(counts[topic], count, "{topic}");
    }
    let total: u64 = counts
        .as_object()
        .unwrap()
        .values()
        .map(|own| own.as_u64().unwrap())
        .sum();
    assert_eq!(read["statistics"], total);
    assert_eq!(done["left_out"], 0);
    let shown: u64 = ["/position", "/fc_gps", "/pose", "/log"]
        .map(|own| counts[own].as_u64().unwrap())
        .iter()
        .sum();
    assert_eq!(done["records"], total - shown);
    assert_eq!(read["start"], UNIX_NS);
    let near = |own: &Value, value: f64| (own.as_f64().unwrap() - value).abs() < 1e-9;
    let fix = &read["first"]["/position"];
    assert!(near(&fix["latitude"], 48.0) && near(&fix["longitude"], 11.5));
    let covariance = [16.0, 1.5, 0.0, 1.5, 9.0, 0.0, 0.0, 0.0, 4.0];
    for (own, value) in fix["position_covariance"]
        .as_array()
        .unwrap()
        .iter()
        .zip(covariance)
    {
        assert!(near(own, value), "{fix}");
    }
    assert_eq!(fix["position_covariance_type"], "KNOWN");
    let own = &read["first"]["/gfdr/EmittedExternalPosition"];
    assert_eq!(own["source_label"], "SOURCE_LABEL_SATELLITE_ANCHORED");
    assert_eq!(own["fix_type"], "FIX_TYPE_THREE_D");
    assert!(near(&own["horiz_accuracy_m"], 4.25) && near(&own["vel_ned_mps"][2], -0.5));
    assert!(
        own.get("last_satellite_anchor_age_ms").is_none(),
        "absent, not zero"
    );
    assert_eq!(read["first"]["/fc_gps"]["position_covariance"][8], 2.25);
    assert_eq!(read["first"]["/log"]["level"], "WARNING");
    assert_eq!(read["first"]["/log"]["message"], "a \"quoted\", <line>\n");
    let heading_north = &read["first"]["/pose"]["pose"]["orientation"];
    assert!(near(&heading_north["z"], 0.5_f64.sqrt()) && near(&heading_north["w"], 0.5_f64.sqrt()));
    assert_eq!(read["metadata"]["gfdr"]["software_version"], "0.1.0");
}

#[test]
fn the_layout_names_only_channels_and_fields_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let (flight, _) = record(folder.path());
    let layout = folder.path().join("layout.json");
    let done = export(
        &flight,
        "mcap",
        &folder.path().join("flight.mcap"),
        &["--layout", layout.to_str().unwrap()],
    );
    assert_eq!(done.status.code(), Some(0));
    let own: Value = serde_json::from_slice(&fs::read(&layout).unwrap()).unwrap();
    let panels = own["configById"].as_object().unwrap();
    let mut paths = 0;
    for panel in panels.values() {
        for path in panel["paths"].as_array().into_iter().flatten() {
            let path = path["value"].as_str().unwrap();
            let (record_type, field) = path
                .strip_prefix("/gfdr/")
                .unwrap()
                .split_once('.')
                .unwrap();
            let known: fdr_format::RecordType = record_type.parse().unwrap();
            assert!(known.fields().iter().any(|own| own.name == field), "{path}");
            paths += 1;
        }
    }
    assert!(paths >= 5);
    let text = own["layout"].to_string();
    assert!(panels.keys().all(|panel| text.contains(panel)));
}

#[test]
fn a_tlog_holds_the_frames_of_both_directions_for_pymavlink() {
    let Some((read, _)) = read_back("tlog", &[]) else {
        return;
    };
    assert_eq!(read["counts"]["HEARTBEAT"], POSITIONS / 10);
    assert_eq!(read["counts"]["GPS_INPUT"], POSITIONS);
    assert_eq!(read["first"].as_f64(), Some(1_700_000_000.0));
    let Some((read, _)) = read_back("tlog", &["--type", "ReceivedMavlinkRaw", "--from", "10"])
    else {
        return;
    };
    assert_eq!(read["counts"]["HEARTBEAT"], (POSITIONS - 100) / 10);
    assert!(read["counts"].get("GPS_INPUT").is_none());
}

#[test]
fn tables_hold_every_value_of_a_record_type_and_nothing_for_what_is_absent() {
    let Some((read, _)) = read_back("csv", &[]) else {
        return;
    };
    assert_eq!(read["rows"], POSITIONS);
    let first = &read["first"];
    assert_eq!(first["utc"], "2023-11-14T22:13:20.000Z");
    assert_eq!(
        (&first["time_s"], &first["last_satellite_anchor_age_ms"]),
        (&"0".into(), &"".into())
    );
    let lat: f64 = first["lat_rad"].as_str().unwrap().parse().unwrap();
    assert_eq!(lat, 48.0_f64.to_radians(), "the same number, bit for bit");
    assert_eq!(first["source_label"], "satellite_anchored");
    assert_eq!(read["last"]["covariance_6"], "16");
    let Some((read, _)) = read_back("csv", &["--type", "Log"]) else {
        return;
    };
    assert_eq!(
        (&read["rows"], &read["first"]["text"]),
        (&(POSITIONS / 100).into(), &"a \"quoted\", <line>\n".into())
    );
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_has_typed_columns_with_nulls() {
    let Some((read, _)) = read_back("parquet", &[]) else {
        return;
    };
    assert_eq!(read["rows"], POSITIONS);
    let types = &read["types"];
    assert_eq!(
        (&types["lat_rad"], &types["sequence"], &types["utc"]),
        (&"double".into(), &"uint64".into(), &"string".into())
    );
    assert_eq!(
        read["first"]["lat_rad"].as_f64(),
        Some(48.0_f64.to_radians())
    );
    assert_eq!(read["nulls"]["last_satellite_anchor_age_ms"], 1);
    assert_eq!(read["last"]["alt_msl_m"], 500.0 + (POSITIONS - 1) as f64);
    let Some((read, _)) = read_back("parquet", &["-t", "ImuTrace"]) else {
        return;
    };
    assert_eq!(
        read["nulls"]["specific_force_frd_mps2_1"], POSITIONS,
        "no number is no value"
    );
    assert_eq!(read["first"]["specific_force_frd_mps2_0"], 0.25);
}

#[test]
fn maps_get_the_track_in_runs_of_one_label_without_a_hole() {
    let runs = [CHANGE, HOLE - CHANGE, POSITIONS - HOLE];
    let events = ["satellite_anchored to dead_reckoned", "fc_gps_lost"];
    for form in ["kml", "gpx", "geojson"] {
        let Some((read, _)) = read_back(form, &[]) else {
            return;
        };
        assert_eq!(read["tracks"], serde_json::json!(runs), "{form}");
        assert_eq!(read["events"], serde_json::json!(events), "{form}");
        match form {
            "kml" => {
                assert_eq!(read["labels"][1], "dead_reckoned");
                assert_eq!(read["first_when"], "2023-11-14T22:13:20.000Z");
                assert_eq!(read["first_coord"], "11.50000000 48.00000000 500.00");
            }
            "gpx" => {
                assert_eq!(read["first"]["lat"], "48.00000000");
                assert_eq!(read["first"]["time"], "2023-11-14T22:13:20.000Z");
            }
            _ => {}
        }
        let Some((read, _)) = read_back(form, &["--from", "1", "--to", "5"]) else {
            return;
        };
        assert_eq!(
            read["tracks"],
            serde_json::json!([41]),
            "{form}: 1.0 to 5.0 s at 10 Hz"
        );
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|own| own.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn nothing_is_left_under_the_name_when_it_cannot_be_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (flight, _) = record(&folder.path().join("flights"));
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let file = out.join("flight.csv");
    let refused = |form: &str, more: &[&str], says: &str| {
        let done = export(&flight, form, &file, more);
        assert_eq!(done.status.code(), Some(1));
        let error = json(&done)["error"].as_str().unwrap().to_owned();
        assert!(error.contains(says), "{error}");
        assert!(names(&out).is_empty(), "{:?}", names(&out));
    };
    refused("csv", &["-t", "Log", "-t", "Tick"], "--type once");
    refused("csv", &["-t", "0x7777"], "does not know");
    refused("kml", &["-t", "ImuTrace"], "no place for ImuTrace");
    refused("csv", &["--layout", "x.json"], "--layout");
    assert_eq!(export(&flight, "csv", &file, &[]).status.code(), Some(0));
    let whole = fs::read(&file).unwrap();
    let again = export(&flight, "csv", &file, &["-t", "Tick"]);
    assert!(json(&again)["error"].as_str().unwrap().contains("--force"));
    assert_eq!(fs::read(&file).unwrap(), whole);
    assert_eq!(names(&out), ["flight.csv"]);
}

/// A device that is full from the first byte that reaches it.
#[test]
fn a_full_disk_is_one_message_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (flight, _) = record(&folder.path().join("flights"));
    let small = folder.path().join("small");
    fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "fdr-replay-test"])
        .arg(&small)
        .output();
    if !mounted.is_ok_and(|own| own.status.success()) {
        eprintln!("SKIPPED: a full disk: only root may mount a small one");
        return;
    }
    let results: Vec<(Output, Vec<String>)> = ["mcap", "csv", "kml", "tlog"]
        .map(|form| {
            (
                export(&flight, form, &small.join("flight"), &[]),
                names(&small),
            )
        })
        .into();
    Command::new("umount")
        .arg("-l")
        .arg(&small)
        .status()
        .unwrap();
    for (done, left) in results {
        assert_eq!(done.status.code(), Some(1));
        let error = json(&done)["error"].as_str().unwrap().to_owned();
        assert!(error.contains("check the room"), "{error}");
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn damage_is_passed_over_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let (flight, count) = record(&folder.path().join("flights"));
    let segment = fs::read_dir(flight.join("segments"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&segment, bytes).unwrap();
    let done = export(&flight, "mcap", &folder.path().join("flight.mcap"), &[]);
    assert_eq!(done.status.code(), Some(3));
    let report = json(&done);
    assert!(report["damages"].as_u64().unwrap() >= 1);
    assert!(report["records"].as_u64().unwrap() >= count - 5, "{report}");
    assert!(String::from_utf8_lossy(&done.stderr).contains("note: segment"));
}
