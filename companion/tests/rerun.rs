//! The re-run of recordings that agree, that were altered, and that are damaged.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

use companion::config::Configuration;
use companion::navigator::{
    AirData, Airframe, Attitude, FcGps, FlightState, GpsFix, Input, MonotonicNs,
};
use companion::pipeline::{Pipeline, Product};
use companion::rerun::{DifferenceKind, Rerun, RerunError, rerun, rerun_with};
use fdr_format::records::FlightSource;
use fdr_format::{
    BootId, ClockAnchor, FlightId, FlightParameters, FlightWriter, Record, RecordType,
};

/// An aircraft that flies north at 20 m/s for `seconds`.
fn inputs(seconds: u64) -> impl Iterator<Item = Input> {
    (0..seconds * 10).flat_map(|tenth| {
        let time = MonotonicNs(1_000_000_000 + tenth * 100_000_000);
        let north_m = 2.0 * tenth as f64;
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
                lat_rad: 0.8 + north_m / 6.37e6,
                lon_rad: 0.2,
                alt_msl_m: 300.0,
                velocity_ne_mps: Some([20.0, 0.0]),
                horiz_accuracy_m: Some(2.0),
                vert_accuracy_m: Some(3.0),
                speed_accuracy_mps: Some(0.3),
                satellites: Some(12),
            }),
        ]
    })
}

/// Records a flight of 20 s; `tamper` may change or leave out a record before it is written.
fn recorded(
    folder: &Path,
    tamper: impl FnMut(u64, Record<'static>) -> Option<Record<'static>>,
) -> PathBuf {
    recorded_for(folder, 20, fdr_format::DEFAULT_SEGMENT_BYTES, tamper)
}

/// The same for `seconds`, in segments of `segment_bytes`.
fn recorded_for(
    folder: &Path,
    seconds: u64,
    segment_bytes: u64,
    mut tamper: impl FnMut(u64, Record<'static>) -> Option<Record<'static>>,
) -> PathBuf {
    let configuration = Configuration::default();
    let mut pipeline = Pipeline::new(&configuration);
    let parameters = FlightParameters {
        flight_id: FlightId([7; 16]),
        boot_id: BootId([8; 16]),
        software_version: "test".to_owned(),
        core_version: companion::navigator::CORE_VERSION,
        configuration: configuration.canonical().unwrap(),
        source: FlightSource::Simulation,
        source_name: String::new(),
        clock: ClockAnchor::default(),
        keys: None,
        recovered: false,
        segment_bytes,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    let mut count = 0;
    let mut sink = |product: Product<'_>| -> Result<(), fdr_format::WriteError> {
        count += 1;
        match product {
            Product::SentFcBytes { time, .. } | Product::Checkpoint { time, .. } => {
                writer.append(&product.record(), time.0)?;
            }
            Product::Input(input) => {
                let record = companion::recorder::record_from_input(input);
                if let Some(record) = tamper(count, record) {
                    writer.append(&record, input.time().0)?;
                }
            }
            Product::Output(output) => {
                let record = companion::recorder::record_from_output(output);
                let time_ns = record.time_ns().unwrap();
                if let Some(record) = tamper(count, record) {
                    writer.append(&record, time_ns)?;
                }
            }
        }
        Ok(())
    };
    for input in inputs(seconds) {
        pipeline.advance_to(input.time(), &mut sink).unwrap();
        pipeline.handle(&input, &mut sink).unwrap();
    }
    writer.finish().unwrap().folder
}

#[test]
fn an_untouched_recording_re_runs_identically() {
    let folder = tempfile::tempdir().unwrap();
    recorded(folder.path(), |_, record| Some(record));
    let result = rerun(folder.path()).unwrap();
    assert!(result.identical(), "{result:?}");
    assert!(
        result.inputs > 900 && result.outputs_identical > 300,
        "{result:?}"
    );
    assert_eq!(result.recorded_core_version, result.core_version);
}

#[test]
fn a_recorded_position_that_is_off_by_one_bit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    recorded(folder.path(), |count, record| {
        Some(match record {
            Record::EmittedExternalPosition(mut position) if count > 700 => {
                position.lat_rad = f64::from_bits(position.lat_rad.to_bits() ^ 1);
                Record::EmittedExternalPosition(position)
            }
            other => other,
        })
    });
    let difference = rerun(folder.path()).unwrap().difference.unwrap();
    let DifferenceKind::Body {
        record_type,
        field,
        recorded,
        recomputed,
    } = difference.kind
    else {
        panic!("a differing body was expected: {difference:?}");
    };
    assert_eq!(record_type, RecordType::EMITTED_EXTERNAL_POSITION);
    assert_eq!(field, "lat_rad");
    assert_ne!(recorded, recomputed);
}

#[test]
fn a_gps_fix_that_was_changed_or_left_out_changes_an_output() {
    for leave_out in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut done = false;
        recorded(folder.path(), |count, record| match record {
            Record::FcGps(mut fix) if count > 600 && !done => {
                done = true;
                fix.lat_rad += 1e-8;
                (!leave_out).then_some(Record::FcGps(fix))
            }
            other => Some(other),
        });
        assert!(done);
        let result = rerun(folder.path()).unwrap();
        assert!(result.difference.is_some(), "left out: {leave_out}");
    }
}

#[test]
fn an_output_that_is_missing_from_the_recording_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut left_out = false;
    recorded(folder.path(), |count, record| match record {
        Record::EmittedExternalPosition(_) if count > 700 && !left_out => {
            left_out = true;
            None
        }
        other => Some(other),
    });
    let difference = rerun(folder.path()).unwrap().difference.unwrap();
    assert_eq!(
        difference.kind,
        DifferenceKind::Type {
            recorded: RecordType::SENT_FC_BYTES,
            recomputed: RecordType::EMITTED_EXTERNAL_POSITION,
        }
    );
}

#[test]
fn damage_ends_the_comparison_and_is_not_called_identical() {
    let folder = tempfile::tempdir().unwrap();
    let flight = recorded(folder.path(), |_, record| Some(record));
    let segment = flight.join("segments/seg_00000.bin");
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&segment, bytes).unwrap();
    let result = rerun(folder.path()).unwrap();
    assert!(!result.identical());
    assert!(result.difference.is_none(), "{result:?}");
    assert!(result.cut_short.unwrap().contains("segment 0"));
    assert!(result.outputs_identical > 100);
}

/// A flight of 120 s in segments of 64 KiB; its folder and how many segments it has.
fn long_flight(folder: &Path) -> (PathBuf, u32) {
    let flight = recorded_for(folder, 120, 64 << 10, |_, record| Some(record));
    let segments = fs::read_dir(flight.join("segments")).unwrap().count() as u32;
    assert!(segments >= 6, "{segments} segments");
    (flight, segments)
}

fn rerun_from(flight: &Path, segment: u32) -> Result<Rerun, RerunError> {
    rerun_with(
        fdr_format::FlightReader::open(flight).unwrap(),
        segment,
        |_, _| {},
    )
}

#[test]
fn a_re_run_that_begins_in_any_segment_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (flight, segments) = long_flight(folder.path());
    let whole = rerun(&flight).unwrap();
    assert!(whole.identical() && whole.began_at.is_none(), "{whole:?}");
    let mut begun = 0;
    for segment in 1..segments {
        let result = match rerun_from(&flight, segment) {
            Ok(result) => result,
            Err(RerunError::NoCheckpoint { .. }) if segment + 3 > segments => continue,
            Err(error) => panic!("segment {segment}: {error}"),
        };
        assert!(result.identical(), "segment {segment}: {result:?}");
        let began_at = result.began_at.unwrap();
        assert!(began_at.segment >= segment);
        assert!(result.inputs < whole.inputs && result.outputs_identical > 20);
        begun += 1;
    }
    assert!(begun >= 4, "{begun} segments to begin in");
}

#[test]
fn a_recording_whose_first_segments_were_dropped_re_runs_from_the_first_checkpoint_left() {
    let folder = tempfile::tempdir().unwrap();
    let (flight, _) = long_flight(folder.path());
    for segment in 0..3 {
        fs::remove_file(flight.join(format!("segments/seg_{segment:05}.bin"))).unwrap();
    }
    let result = rerun(&flight).unwrap();
    assert!(
        result.difference.is_none() && result.cut_short.is_none(),
        "{result:?}"
    );
    assert!(result.began_at.unwrap().segment >= 3);
    assert!(result.outputs_identical > 500, "{result:?}");
    assert!(
        !result.identical(),
        "a flight without its start is not whole"
    );
}

#[test]
fn a_change_behind_the_checkpoint_is_found_from_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut done = false;
    let flight = recorded_for(folder.path(), 120, 64 << 10, |count, record| match record {
        Record::FcGps(mut fix) if count > 6_000 && !done => {
            done = true;
            fix.lat_rad += 1e-8;
            Some(Record::FcGps(fix))
        }
        other => Some(other),
    });
    assert!(done);
    let result = rerun_from(&flight, 1).unwrap();
    assert!(
        result.began_at.is_some() && result.difference.is_some(),
        "{result:?}"
    );
}

#[test]
fn a_folder_without_a_flight_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(rerun(folder.path()), Err(RerunError::Open(_))));
}
