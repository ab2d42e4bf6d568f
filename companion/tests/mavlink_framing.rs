//! The MAVLink framer and the MSP framer under damage.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use companion::autopilot::mavlink::{FRAMER_CAPACITY, Framer, LinkStatistics, Received, Refusal};
use companion::autopilot::msp::{Direction, FRAME_MAX, MspFrame, MspFramer, PAYLOAD_MAX};
use proptest::prelude::*;
use support::{attitude, damaged, frame_v1, frame_v2, gps, plane_heartbeat, raw_imu};

/// Everything that `bytes` hold: the frames' own bytes and the refusals.
fn receive(bytes: &[u8], chunk: usize) -> (Vec<Vec<u8>>, Vec<Refusal>, LinkStatistics) {
    let mut framer = Framer::default();
    let (mut frames, mut refusals) = (Vec::new(), Vec::new());
    for mut chunk in bytes.chunks(chunk) {
        while !chunk.is_empty() {
            let taken = framer.push(chunk);
            assert!(
                taken > 0,
                "there is always room after receive() returned None"
            );
            chunk = &chunk[taken..];
            while let Some(received) = framer.receive() {
                match received {
                    Received::Frame(frame) => frames.push(frame.bytes().to_vec()),
                    Received::Refused(refusal) => refusals.push(refusal),
                }
            }
        }
    }
    (frames, refusals, framer.statistics().clone())
}

fn some_frames() -> Vec<Vec<u8>> {
    (0..40_u8)
        .map(|sequence| match sequence % 4 {
            0 => frame_v2(1, 1, sequence, &plane_heartbeat(true)),
            1 => frame_v1(1, 1, sequence, &attitude(f32::from(sequence))),
            2 => frame_v2(1, 1, sequence, &raw_imu(-1000)),
            _ => frame_v2(1, 1, sequence, &gps(f64::from(sequence))),
        })
        .collect()
}

#[test]
fn both_versions_are_read_whatever_the_pieces_they_arrive_in() {
    let frames = some_frames();
    for chunk in [1, 7, 300, 10_000] {
        let (received, refusals, statistics) = receive(&frames.concat(), chunk);
        assert_eq!(received, frames);
        assert_eq!(refusals, []);
        assert_eq!(
            (statistics.skipped_bytes, statistics.sequences.lost()),
            (0, 0)
        );
    }
}

#[test]
fn a_flipped_bit_is_refused_and_counted_and_costs_one_frame() {
    let frames = some_frames();
    let mut bytes = frames.concat();
    let at: usize = frames[..10].iter().map(Vec::len).sum();
    bytes[at + 12] ^= 0x10;
    let (received, refusals, statistics) = receive(&bytes, 64);
    assert_eq!(refusals, [Refusal::BadCrc]);
    assert_eq!(statistics.refusals.bad_crc, 1);
    assert_eq!(received.len(), frames.len() - 1);
    assert_eq!(
        statistics.skipped_bytes, 0,
        "the frame stood between two others"
    );
    assert_eq!(
        statistics.sequences.lost(),
        0,
        "it arrived, it was only refused"
    );
}

#[test]
fn a_damaged_length_swallows_no_good_frame() {
    let frames = some_frames();
    let mut bytes = frames.concat();
    let at: usize = frames[..10].iter().map(Vec::len).sum();
    bytes[at + 1] = 255;
    let (received, refusals, statistics) = receive(&bytes, 64);
    assert_eq!(refusals, [Refusal::BadCrc]);
    assert_eq!(received.len(), frames.len() - 1);
    assert_eq!(statistics.skipped_bytes, frames[10].len() as u64);
}

#[test]
fn lost_frames_show_as_gaps_of_their_sender_and_repeated_numbers_do_not() {
    let mut bytes = Vec::new();
    for sequence in [250, 251, 254, 255, 0, 5] {
        bytes.extend(frame_v2(1, 1, sequence, &attitude(0.0)));
        bytes.extend(frame_v1(51, 68, 9, &plane_heartbeat(false)));
    }
    // A frame that stands last on a live link waits for the byte after a refused one only.
    let (_, refusals, statistics) = receive(&bytes, 100);
    assert_eq!(refusals, []);
    let counts: Vec<_> = statistics
        .sequences
        .senders()
        .map(|sender| (sender.sender.system, sender.lost, sender.repeated))
        .collect();
    assert_eq!(counts, [(1, 6, 0), (51, 0, 5)]);
}

#[test]
fn an_unknown_message_and_an_unknown_enum_value_fail_one_message_only() {
    let mut unknown = frame_v2(1, 1, 1, &attitude(0.0));
    unknown[7..10].copy_from_slice(&[0xFF, 0xFF, 0x7F]);
    let good = frame_v2(1, 1, 0, &attitude(0.0));
    // GPS_RAW_INT with fix_type 77, checksum made to hold: byte 28 of the payload.
    let mut odd = frame_v2(1, 1, 2, &gps(0.0));
    odd[10 + 28] = 77;
    let end = odd.len() - 2;
    let crc = mavlink::calculate_crc(&odd[1..end], 24).to_le_bytes();
    odd[end..].copy_from_slice(&crc);

    let mut framer = Framer::default();
    let stream = [good.clone(), unknown, odd, good].concat();
    assert_eq!(framer.push(&stream), stream.len());
    let mut messages = Vec::new();
    while let Some(received) = framer.receive() {
        messages.push(match received {
            Received::Frame(frame) => frame.message().map(|_| ()),
            Received::Refused(refusal) => Err(refusal),
        });
    }
    assert_eq!(
        messages,
        [
            Ok(()),
            Err(Refusal::UnknownMessage),
            Err(Refusal::InvalidEnum),
            Ok(())
        ]
    );
}

#[test]
fn a_frame_with_unknown_incompatibility_flags_is_refused_by_that_name() {
    let mut odd = frame_v2(1, 1, 0, &attitude(0.0));
    odd[2] = 0x04;
    let end = odd.len() - 2;
    let crc = mavlink::calculate_crc(&odd[1..end], 39).to_le_bytes();
    odd[end..].copy_from_slice(&crc);
    let stream = [odd, frame_v2(1, 1, 1, &attitude(0.0))].concat();
    let (frames, refusals, _) = receive(&stream, 1000);
    assert_eq!(refusals, [Refusal::UnsupportedFlags]);
    assert_eq!(frames.len(), 1);
}

fn msp_receive(bytes: &[u8], chunk: usize) -> (Vec<(u16, Vec<u8>)>, MspFramer) {
    let mut framer = MspFramer::default();
    let mut frames = Vec::new();
    for mut chunk in bytes.chunks(chunk) {
        while !chunk.is_empty() {
            let taken = framer.push(chunk);
            assert!(
                taken > 0,
                "there is always room after receive() returned None"
            );
            chunk = &chunk[taken..];
            while let Some(frame) = framer.receive() {
                frames.push((frame.command, frame.payload.to_vec()));
            }
        }
    }
    (frames, framer)
}

fn msp_frame(command: u16, payload: &[u8], direction: Direction) -> Vec<u8> {
    let mut buffer = [0; FRAME_MAX];
    let frame = MspFrame {
        direction,
        flags: 0,
        command,
        payload,
    };
    let length = frame.encode(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

#[test]
fn an_msp_frame_with_a_flipped_bit_is_counted_and_the_next_one_is_read() {
    let mut bytes = msp_frame(101, &[1, 2, 3], Direction::Reply);
    bytes[8] ^= 1;
    bytes.extend(msp_frame(102, &[4], Direction::Reply));
    let (frames, framer) = msp_receive(&bytes, 3);
    assert_eq!(frames, [(102, vec![4])]);
    assert_eq!(framer.statistics().bad_crc, 1);
    assert_eq!(framer.statistics().skipped_bytes, 12);
}

#[test]
fn an_msp_payload_above_the_limit_is_neither_written_nor_believed() {
    let frame = MspFrame {
        direction: Direction::Request,
        flags: 0,
        command: 1,
        payload: &[0; PAYLOAD_MAX + 1],
    };
    assert!(frame.encode(&mut [0; 2 * FRAME_MAX]).is_err());
    let (frames, framer) = msp_receive(b"$X>\0\x01\0\xff\xff", 8);
    assert_eq!(frames, []);
    assert_eq!(framer.statistics().too_long, 1);
}

mod properties {
    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_every_byte_is_accounted_for(
            bytes in proptest::collection::vec(any::<u8>(), 0..3000),
            chunk in 1_usize..600,
        ) {
            let (frames, _, statistics) = receive(&bytes, chunk);
            let used: usize = frames.iter().map(Vec::len).sum();
            prop_assert!(used as u64 + statistics.skipped_bytes <= bytes.len() as u64);
            prop_assert!(bytes.len() as u64 - used as u64 - statistics.skipped_bytes
                <= FRAMER_CAPACITY as u64);
        }

        #[test]
        fn every_undamaged_frame_of_a_damaged_stream_is_found_whatever_the_pieces(
            seed in any::<u64>(), injuries in 1_usize..12, chunk in 1_usize..600,
        ) {
            let frames: Vec<_> = some_frames().into_iter().cycle().take(120).collect();
            let mut bytes = damaged(&frames.concat(), seed, injuries);
            // What ends the stream decides the fate of the last damaged frame.
            bytes.extend([0; 600]);
            let (received, ..) = receive(&bytes, chunk);
            // An injury harms at most the frames it touches: a cut of 40 bytes up to three.
            prop_assert!(received.len() + 3 * injuries >= frames.len(), "{} of {}", received.len(), frames.len());
            let (whole, ..) = receive(&bytes, bytes.len());
            prop_assert_eq!(received, whole);
        }

        #[test]
        fn msp_frames_survive_the_round_trip_and_damage_around_them(
            payload in proptest::collection::vec(any::<u8>(), 0..=PAYLOAD_MAX),
            command in any::<u16>(),
            garbage in proptest::collection::vec(any::<u8>(), 0..300),
            chunk in 1_usize..200,
        ) {
            let frame = msp_frame(command, &payload, Direction::Request);
            // Garbage that announces a frame waits for its bytes: enough must follow to settle it.
            let stream = [frame.clone(), garbage, frame.clone(), vec![0; FRAME_MAX + 300]].concat();
            let (frames, framer) = msp_receive(&stream, chunk);
            prop_assert_eq!(&frames[0], &(command, payload.clone()));
            prop_assert!(frames.iter().filter(|found| **found == (command, payload.clone())).count() >= 2);
            let statistics = framer.statistics();
            prop_assert!(statistics.skipped_bytes <= stream.len() as u64);
        }
    }
}
