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
use companion::rerun::{DifferenceKind, RerunError, rerun};
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
        segment_bytes: fdr_format::DEFAULT_SEGMENT_BYTES,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    let mut count = 0;
    let mut sink = |product: Product<'_>| -> Result<(), fdr_format::WriteError> {
        count += 1;
        match product {
            Product::SentFcBytes { time, .. } => {
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
    for input in inputs(20) {
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

#[test]
fn a_folder_without_a_flight_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(rerun(folder.path()), Err(RerunError::Open(_))));
}
