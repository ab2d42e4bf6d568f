//! Bytes that real autopilots were measured to take, against our encoders.

#![allow(clippy::unwrap_used, clippy::panic)]

use companion::autopilot::ardupilot::{GPS_INPUT_FRAME_MAX, gps_input, gps_input_frame};
use companion::autopilot::inav::{MSP2_SENSOR_GPS, SENSOR_GPS_PAYLOAD, SensorGps};
use companion::autopilot::mavlink::Frame;
use companion::autopilot::msp::{Direction, FRAME_MAX, MspFrame, MspFramer, checksum};
use companion::autopilot::{AutopilotConfig, AutopilotKind, Emitter};
use companion::navigator::{
    Covariance6, Ellipse95, EmittedExternalPosition, FixType, MonotonicNs, SourceLabel,
};
use mavlink::dialects::ardupilotmega::{
    GPS_INPUT_DATA, GpsFixType, GpsInputIgnoreFlags, MavMessage,
};

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

fn position(fix_type: FixType) -> EmittedExternalPosition {
    EmittedExternalPosition {
        time: MonotonicNs(12_345_678_000),
        lat_rad: 50.45_f64.to_radians(),
        lon_rad: 30.5_f64.to_radians(),
        alt_msl_m: 150.0,
        vel_ned_mps: [1.0, -2.0, 0.5],
        covariance: Covariance6([1.0; 21]),
        ellipse_95: Ellipse95 {
            semi_major_m: 5.0,
            semi_minor_m: 4.0,
            orientation_rad: 0.3,
        },
        horiz_accuracy_m: 2.5,
        vert_accuracy_m: 4.0,
        speed_accuracy_mps: 0.3,
        source_label: SourceLabel::DeadReckoned,
        last_satellite_anchor_age_ms: None,
        fix_type,
    }
}

fn decoded(frame: &[u8]) -> GPS_INPUT_DATA {
    match Frame::parse(frame).unwrap().message().unwrap() {
        MavMessage::GPS_INPUT(message) => message,
        other => panic!("not a GPS_INPUT: {other:?}"),
    }
}

#[test]
fn gps_input_is_byte_for_byte_what_the_autopilot_was_measured_to_take() {
    let message = GPS_INPUT_DATA {
        time_usec: 0,
        time_week_ms: 1000,
        lat: 504_500_000,
        lon: 305_000_000,
        alt: 150.0,
        hdop: 1.0,
        vdop: 1.5,
        vn: 1.0,
        ve: -2.0,
        vd: 0.5,
        speed_accuracy: 0.3,
        horiz_accuracy: 2.5,
        vert_accuracy: 4.0,
        ignore_flags: GpsInputIgnoreFlags::empty(),
        time_week: 2400,
        gps_id: 0,
        fix_type: GpsFixType::GPS_FIX_TYPE_3D_FIX,
        satellites_visible: 12,
        yaw: 0,
    };
    let mut buffer = [0; GPS_INPUT_FRAME_MAX];
    let frame = gps_input_frame(&message, 1, 191, 0, &mut buffer);
    assert_eq!(
        frame,
        bytes(
            "fd 3f 00 00 00 01 bf e8 00 00 00 00 00 00 00 00 00 00 e8 03 00 00 20 0f 12 1e 40 ee \
             2d 12 00 00 16 43 00 00 80 3f 00 00 c0 3f 00 00 80 3f 00 00 00 c0 00 00 00 3f 9a 99 \
             99 3e 00 00 20 40 00 00 80 40 00 00 60 09 00 03 0c b3 e9"
        )
    );
}

#[test]
fn a_position_becomes_a_gps_input_that_keeps_the_contract() {
    let message = gps_input(&position(FixType::ThreeD), 1);
    assert_eq!((message.lat, message.lon), (504_500_000, 305_000_000));
    assert_eq!((message.vn, message.ve, message.vd), (1.0, -2.0, 0.5));
    assert_eq!(message.ignore_flags, GpsInputIgnoreFlags::empty());
    assert_eq!((message.time_week, message.time_week_ms), (0, 0));
    assert_eq!((message.gps_id, message.yaw), (1, 0));
    assert_eq!((message.hdop, message.vdop), (1.0, 1.5));
    assert_eq!(message.satellites_visible, 10);
    assert_eq!(message.fix_type, GpsFixType::GPS_FIX_TYPE_3D_FIX);
    assert_eq!(message.horiz_accuracy, 2.5);
}

#[test]
fn accuracies_are_never_below_half_a_metre_and_never_zero() {
    let sharp = EmittedExternalPosition {
        horiz_accuracy_m: 0.0,
        vert_accuracy_m: 0.01,
        speed_accuracy_mps: 0.0,
        ..position(FixType::ThreeD)
    };
    let message = gps_input(&sharp, 0);
    assert_eq!((message.horiz_accuracy, message.vert_accuracy), (0.5, 0.5));
    assert!(message.speed_accuracy > 0.0);
    let message = SensorGps::from_position(&sharp);
    assert_eq!(
        (message.horizontal_accuracy_mm, message.vertical_accuracy_mm),
        (500, 500)
    );
    assert!(message.velocity_accuracy_cmps > 0);
}

#[test]
fn a_position_that_must_not_be_used_is_sent_as_withdrawn_and_a_coarse_one_keeps_its_accuracy() {
    let withdrawn = gps_input(&position(FixType::None), 0);
    assert_eq!(withdrawn.fix_type, GpsFixType::GPS_FIX_TYPE_NO_FIX);
    assert_eq!(withdrawn.horiz_accuracy, 999.0);
    assert_eq!((withdrawn.vn, withdrawn.ve, withdrawn.vd), (1.0, -2.0, 0.5));
    let coarse = gps_input(&position(FixType::TwoD), 0);
    assert_eq!(coarse.fix_type, GpsFixType::GPS_FIX_TYPE_2D_FIX);
    assert_eq!(coarse.horiz_accuracy, 2.5);
    assert_eq!(
        SensorGps::from_position(&position(FixType::None)).fix_type,
        0
    );
    assert_eq!(
        SensorGps::from_position(&position(FixType::TwoD)).fix_type,
        2
    );
    assert_eq!(
        SensorGps::from_position(&position(FixType::ThreeD)).fix_type,
        3
    );
}

#[test]
fn the_emitter_numbers_its_frames_and_speaks_as_the_vehicles_companion() {
    let mut emitter = Emitter::new(&AutopilotConfig {
        system_id: Some(7),
        ..AutopilotConfig::default()
    });
    for expected in (0..=255).chain([0]) {
        let emitted = emitter.emit(&position(FixType::ThreeD));
        let frame = Frame::parse(emitted.as_slice()).unwrap();
        assert_eq!(frame.sequence(), expected);
        assert_eq!((frame.sender().system, frame.sender().component), (7, 191));
        assert_eq!(decoded(emitted.as_slice()).gps_id, 1);
    }
}

#[test]
fn msp2_sensor_gps_is_byte_for_byte_what_inav_was_measured_to_take() {
    let message = SensorGps {
        instance: 0,
        gps_week: 2400,
        ms_tow: 123_456_000,
        fix_type: 3,
        satellites: 12,
        horizontal_accuracy_mm: 2500,
        vertical_accuracy_mm: 4000,
        velocity_accuracy_cmps: 30,
        hdop_x100: 120,
        longitude_e7: 305_000_000,
        latitude_e7: 504_500_000,
        altitude_cm: 15_000,
        velocity_ned_cmps: [100, -200, 50],
        ground_course_cdeg: 29_657,
        true_yaw_cdeg: 65_535,
        year: 2026,
        month_to_second: [1, 2, 3, 4, 5],
    };
    assert_eq!(
        message.frame().to_vec(),
        bytes(
            "24 58 3c 00 03 1f 34 00 00 60 09 00 ca 5b 07 03 0c c4 09 a0 0f 1e 00 78 00 40 ee 2d \
             12 20 0f 12 1e 98 3a 00 00 64 00 00 00 38 ff ff ff 32 00 00 00 d9 73 ff ff ea 07 01 \
             02 03 04 05 b8"
        )
    );
}

#[test]
fn a_position_becomes_an_msp2_sensor_gps_with_the_longitude_first_and_a_course_that_agrees() {
    let mut emitter = Emitter::new(&AutopilotConfig {
        kind: AutopilotKind::INav,
        ..AutopilotConfig::default()
    });
    let emitted = emitter.emit(&position(FixType::ThreeD));
    let mut framer = MspFramer::default();
    framer.push(emitted.as_slice());
    let frame = framer.receive().unwrap();
    assert_eq!(frame.command, MSP2_SENSOR_GPS);
    assert_eq!(frame.payload.len(), SENSOR_GPS_PAYLOAD);
    assert_eq!(frame.payload[17..21], 305_000_000_i32.to_le_bytes());
    assert_eq!(frame.payload[21..25], 504_500_000_i32.to_le_bytes());
    assert_eq!(frame.payload[41..43], 29_657_u16.to_le_bytes());
    assert_eq!(frame.payload[1..3], [0xFF, 0xFF], "no week");
    assert_eq!(frame.payload[45..52], [0; 7], "no time");
}

#[test]
fn an_accuracy_beyond_the_wires_range_is_clamped_and_does_not_wrap() {
    let coarse = EmittedExternalPosition {
        horiz_accuracy_m: 70.0,
        vert_accuracy_m: 1e9,
        speed_accuracy_mps: 1e9,
        ..position(FixType::ThreeD)
    };
    let message = SensorGps::from_position(&coarse);
    assert_eq!(message.horizontal_accuracy_mm, u16::MAX);
    assert_eq!(message.vertical_accuracy_mm, u16::MAX);
    assert_eq!(message.velocity_accuracy_cmps, u16::MAX);
}

#[test]
fn the_course_goes_once_around_and_is_zero_at_rest() {
    let course = |north: f64, east: f64| {
        SensorGps::from_position(&EmittedExternalPosition {
            vel_ned_mps: [north, east, 0.0],
            ..position(FixType::ThreeD)
        })
        .ground_course_cdeg
    };
    assert_eq!(course(10.0, 0.0), 0);
    assert_eq!(course(0.0, 10.0), 9_000);
    assert_eq!(course(-10.0, 0.0), 18_000);
    assert_eq!(course(0.0, -10.0), 27_000);
    assert_eq!(
        course(100_000.0, -0.01),
        0,
        "359.999994 degrees rounds to a full circle"
    );
    assert_eq!(course(0.0, 0.0), 0);
}

#[test]
fn msp_requests_are_byte_for_byte_those_that_inav_answers() {
    assert_eq!(checksum(b"123456789"), 0xbc);
    let provider = b"gps_provider\0\x01";
    let requests: [(u16, &[u8], &str); 7] = [
        (1, &[], "24 58 3c 00 01 00 00 00 45"),
        (100, &[], "24 58 3c 00 64 00 00 00 8f"),
        (106, &[], "24 58 3c 00 6a 00 00 00 93"),
        (151, &[], "24 58 3c 00 97 00 00 00 fb"),
        (166, &[], "24 58 3c 00 a6 00 00 00 99"),
        (0x2000, &[], "24 58 3c 00 00 20 00 00 32"),
        (
            0x1004,
            provider,
            "24 58 3c 00 04 10 0e 00 67 70 73 5f 70 72 6f 76 69 64 65 72 00 01 8e",
        ),
    ];
    for (command, payload, expected) in requests {
        let mut buffer = [0; FRAME_MAX];
        let request = MspFrame {
            direction: Direction::Request,
            flags: 0,
            command,
            payload,
        };
        let length = request.encode(&mut buffer).unwrap();
        assert_eq!(buffer[..length], bytes(expected)[..], "command {command}");
    }
}

#[test]
fn the_measured_heartbeats_are_read_unsigned_and_signed() {
    let unsigned = bytes("fd 09 00 00 00 01 bf 00 00 00 00 00 00 00 12 08 00 04 03 ae c6");
    let signed = bytes(
        "fd 09 01 00 00 01 bf 00 00 00 00 00 00 00 12 08 00 04 03 49 3e 07 05 04 03 02 01 00 89 bd \
         24 eb fa 8c",
    );
    let plain = Frame::parse(&unsigned).unwrap();
    let covered = Frame::parse(&signed).unwrap();
    assert!(!plain.is_signed());
    assert!(covered.is_signed());
    assert_eq!(plain.message(), covered.message());
    assert_eq!(plain.payload(), covered.payload());
}
