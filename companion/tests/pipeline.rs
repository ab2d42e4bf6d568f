//! The navigator and the emitter as one machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/straight_flight.rs"]
mod straight_flight;

use std::convert::Infallible;

use companion::autopilot::{AutopilotConfig, AutopilotKind};
use companion::config::Configuration;
use companion::navigator::MonotonicNs;
use companion::pipeline::{Pipeline, Product};
use straight_flight::{SECOND, straight_flight};

/// Frames sent, with their times: half a minute of flight, then two minutes of silence.
fn frames(kind: AutopilotKind) -> Vec<(u64, Vec<u8>)> {
    let autopilot = AutopilotConfig {
        kind,
        ..AutopilotConfig::default()
    };
    let mut pipeline = Pipeline::new(&Configuration {
        autopilot,
        ..Configuration::default()
    });
    let mut frames = Vec::new();
    let mut sink = |product: Product<'_>| {
        if let Product::SentFcBytes { time, bytes } = product {
            frames.push((time.0, bytes.to_vec()));
        }
        Ok::<(), Infallible>(())
    };
    for input in straight_flight(30, 30, 100) {
        pipeline.advance_to(input.time(), &mut sink).unwrap();
        pipeline.handle(&input, &mut sink).unwrap();
    }
    pipeline
        .advance_to(MonotonicNs(150 * SECOND), &mut sink)
        .unwrap();
    frames
}

fn assert_never_silent(frames: &[(u64, Vec<u8>)]) {
    assert!(
        frames
            .windows(2)
            .all(|pair| pair[1].0 - pair[0].0 == SECOND / 10)
    );
    assert_eq!(frames.last().unwrap().0, 150 * SECOND);
}

/// Offset of the payload in a MAVLink 2 frame.
const PAYLOAD: usize = 10;

#[test]
fn a_lost_estimate_is_withdrawn_from_ardupilot_with_fix_1_and_never_by_silence() {
    let frames = frames(AutopilotKind::ArduPilot);
    assert_never_silent(&frames);
    let fix = |frame: &[u8]| frame[PAYLOAD + 61];
    let accuracy =
        |frame: &[u8]| f32::from_le_bytes(frame[PAYLOAD + 48..PAYLOAD + 52].try_into().unwrap());
    assert_eq!(fix(&frames[100].1), 3);
    let withdrawn: Vec<_> = frames
        .iter()
        .filter(|(time, _)| *time > 61 * SECOND)
        .collect();
    assert!(
        withdrawn
            .iter()
            .all(|(_, frame)| fix(frame) == 1 && accuracy(frame) == 999.0)
    );
    assert!(
        withdrawn
            .windows(2)
            .all(|pair| pair[1].1[4] == pair[0].1[4].wrapping_add(1))
    );
}

#[test]
fn a_lost_estimate_is_withdrawn_from_inav_with_fix_0_and_never_by_silence() {
    let frames = frames(AutopilotKind::INav);
    assert_never_silent(&frames);
    let fix = |frame: &[u8]| frame[8 + 7];
    assert_eq!(fix(&frames[100].1), 3);
    assert!(
        frames
            .iter()
            .filter(|(time, _)| *time > 61 * SECOND)
            .all(|(_, f)| fix(f) == 0)
    );
}
