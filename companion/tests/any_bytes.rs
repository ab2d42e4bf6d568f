//! What must hold for any bytes on a link, on stable: the entry functions of the fuzz targets over
//! their seeds, over damaged streams and over random bytes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

#[path = "../../fuzz/entries/link_framers.rs"]
mod entry;

#[path = "../../fuzz/entries/inav_link.rs"]
mod inav_entry;

#[path = "../../fuzz/entries/navigator.rs"]
mod navigator_entry;

#[path = "../../fuzz/entries/ardupilot_link.rs"]
mod ardupilot_link_entry;

#[path = "support/straight_flight.rs"]
mod flown;

use std::fs;
use std::path::PathBuf;

use companion::autopilot::inav::SensorGps;
use companion::autopilot::msp::{Direction, FRAME_MAX, MspFrame};
use support::{
    attitude, damaged, frame_v1, frame_v2, gps, plane_heartbeat, raw_imu, straight_flight,
};

type Entry = fn(&[u8]);

const TARGETS: &[(&str, Entry)] = &[
    ("ardupilot_link", ardupilot_link_entry::ardupilot_link),
    ("mavlink_framer", entry::mavlink_framer),
    ("msp_framer", entry::msp_framer),
    ("inav_link", inav_entry::inav_link),
    ("navigator", navigator_entry::navigator),
];

fn seed_folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(target)
}

fn mavlink_stream() -> Vec<u8> {
    let messages = [
        plane_heartbeat(true),
        attitude(0.3),
        raw_imu(-1000),
        gps(3.0),
    ];
    let frames = messages.iter().zip(0..).flat_map(|(message, sequence)| {
        let first = frame_v2(1, 1, sequence, message);
        let second = frame_v1(255, 0, sequence, message);
        [first, second].concat()
    });
    frames.collect()
}

fn msp_stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for (command, payload) in [
        (1, &b""[..]),
        (0x1004, b"gps_provider\0\x01"),
        (106, &[7; 18]),
    ] {
        for direction in [Direction::Request, Direction::Reply, Direction::Error] {
            let mut buffer = [0; FRAME_MAX];
            let frame = MspFrame {
                direction,
                flags: 0,
                command,
                payload,
            };
            let length = frame.encode(&mut buffer).unwrap();
            stream.extend_from_slice(&buffer[..length]);
        }
    }
    let sensor = SensorGps {
        instance: 0,
        gps_week: u16::MAX,
        ms_tow: 0,
        fix_type: 3,
        satellites: 10,
        horizontal_accuracy_mm: 2500,
        vertical_accuracy_mm: 4000,
        velocity_accuracy_cmps: 30,
        hdop_x100: 100,
        longitude_e7: 305_000_000,
        latitude_e7: 504_500_000,
        altitude_cm: 15_000,
        velocity_ned_cmps: [100, -200, 50],
        ground_course_cdeg: 29_657,
        true_yaw_cdeg: u16::MAX,
        year: 0,
        month_to_second: [0; 5],
    };
    stream.extend(sensor.frame());
    stream
}

/// Answers of an iNav, round after round: those to questions that are open are understood.
fn answer_stream() -> Vec<u8> {
    let answers: [(u16, &[u8]); 9] = [
        (108, &[100, 0, 206, 255, 90, 0]),
        (109, &[0, 0, 1, 0, 5, 0, 16, 39, 0, 0]),
        (0x2009, &[214, 6, 0, 0]),
        (
            0x2000,
            &[208, 7, 0, 0, 75, 0, 120, 0, 0, 4, 0, 0, 0, 0, 0, 0],
        ),
        (106, &[2; 18]),
        (166, &[100; 21]),
        (151, &[1; 9]),
        (36, &[128, 0, 0, 0]),
        (0x1003, &[1]),
    ];
    let mut stream = Vec::new();
    for (command, payload) in answers.repeat(8) {
        let mut buffer = [0; FRAME_MAX];
        let frame = MspFrame {
            direction: Direction::Reply,
            flags: 0,
            command,
            payload,
        };
        let length = frame.encode(&mut buffer).unwrap();
        stream.extend_from_slice(&buffer[..length]);
    }
    stream.extend_from_slice(b"\r\nEntering CLI Mode\r\n# ");
    stream
}

/// The inputs of a straight flight as the fuzz target reads them.
fn input_stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for input in flown::straight_flight(4, 4, 10) {
        let record = companion::recorder::record_from_input(&input);
        let kind = navigator_entry::INPUTS
            .iter()
            .position(|known| *known == record.record_type());
        stream.push(kind.unwrap() as u8);
        let mut body = [0; 1024];
        let length = record.encode_body(&mut body).unwrap();
        stream.extend_from_slice(&body[..length]);
    }
    stream
}

/// The seeds: whole streams, cut ones, damaged ones, and a log.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let stream = match target {
        "ardupilot_link" | "mavlink_framer" => mavlink_stream(),
        "navigator" => input_stream(),
        "inav_link" => answer_stream(),
        _ => msp_stream(),
    };
    let piece = |byte: u8, stream: &[u8]| [&[byte], stream].concat();
    let mut seeds = vec![
        piece(255, &stream),
        piece(0, &stream),
        piece(16, &stream[..stream.len() - 5]),
        piece(255, &damaged(&stream.repeat(2), 1, 3)),
        piece(7, &damaged(&stream.repeat(2), 2, 6)),
    ];
    if target == "mavlink_framer" {
        seeds.push(piece(255, &straight_flight(1).bytes));
        seeds.push(piece(255, &damaged(&straight_flight(1).bytes, 3, 8)));
    }
    seeds
}

/// The seeds are made by `UPDATE_SEEDS=1 cargo test -p companion --test any_bytes`.
#[test]
fn the_seeds_of_every_fuzz_target_hold() {
    for &(target, entry) in TARGETS {
        let folder = seed_folder(target);
        if std::env::var_os("UPDATE_SEEDS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            for (index, seed) in seeds(target).iter().enumerate() {
                fs::write(folder.join(format!("seed_{index}")), seed).unwrap();
            }
        }
        for (index, seed) in seeds(target).iter().enumerate() {
            let path = folder.join(format!("seed_{index}"));
            assert_eq!(
                &fs::read(&path).unwrap(),
                seed,
                "make {} anew",
                path.display()
            );
        }
        for file in fs::read_dir(&folder).unwrap() {
            entry(&fs::read(file.unwrap().path()).unwrap());
        }
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn random_bytes_break_no_framer(
            bytes in proptest::collection::vec(any::<u8>(), 0..6000),
        ) {
            for (_, entry) in TARGETS {
                entry(&bytes);
            }
        }

        #[test]
        fn bytes_that_look_like_frames_break_no_framer(
            bytes in proptest::collection::vec(
                prop_oneof![
                    Just(0xFD_u8), Just(0xFE), Just(b'$'), Just(b'X'), Just(b'<'), Just(0),
                    any::<u8>(),
                ],
                0..3000,
            ),
        ) {
            for (_, entry) in TARGETS {
                entry(&bytes);
            }
        }

        #[test]
        fn damaged_streams_break_no_framer(
            seed in any::<u64>(), injuries in 1_usize..60, piece in any::<u8>(),
        ) {
            for (stream, entry) in [
                (mavlink_stream(), entry::mavlink_framer as Entry),
                (mavlink_stream(), ardupilot_link_entry::ardupilot_link),
                (straight_flight(2).bytes, entry::mavlink_framer),
                (msp_stream(), entry::msp_framer),
                (answer_stream(), inav_entry::inav_link),
            ] {
                let stream = damaged(&stream.repeat(3), seed, injuries);
                entry(&[&[piece][..], &stream].concat());
            }
        }
    }
}
