//! A checkpoint whose checksum holds and whose content was made up does not end the re-run in a panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;

use companion::checkpoint::CheckpointError;
use companion::config::Configuration;
use companion::navigator::{
    Airframe, Attitude, FcGps, FlightState, FrameExposed, GpsFix, Input, MonotonicNs,
};
use companion::pipeline::{Pipeline, Product};

/// The covariance of a filter without clones: the lower triangle of 32 states, behind its length as a varint.
const TRIANGLE: u16 = 32 * 33 / 2;
const LENGTH: [u8; 2] = [0x80 | (TRIANGLE & 0x7F) as u8, (TRIANGLE >> 7) as u8];

fn inputs(tenth: u64) -> [Input; 3] {
    let time = MonotonicNs(1_000_000_000 + tenth * 100_000_000);
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
        Input::FcGps(FcGps {
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
        }),
    ]
}

/// Feeds tenths of a second of flight; the last checkpoint on the way.
fn fly(pipeline: &mut Pipeline, tenths: std::ops::Range<u64>) -> Option<Vec<u8>> {
    let mut last = None;
    let mut sink = |product: Product<'_>| -> Result<(), Infallible> {
        if let Product::Checkpoint { bytes, .. } = product {
            last = Some(bytes.to_vec());
        }
        Ok(())
    };
    for tenth in tenths {
        for input in inputs(tenth) {
            let Ok(()) = pipeline.advance_to(input.time(), &mut sink);
            let Ok(()) = pipeline.handle(&input, &mut sink);
        }
    }
    last
}

/// Where the covariance stands: a length in front of a first variance of some square metres, and of its
/// neighbour's, which the first one's sign tells from other numbers.
fn covariance_at(checkpoint: &[u8]) -> usize {
    let variance = |at: usize| {
        let bytes = checkpoint.get(at..at + 8)?.try_into().ok()?;
        let value = f64::from_le_bytes(bytes);
        (0.01..100.0).contains(&value).then_some(())
    };
    (0..checkpoint.len() - 2)
        .find(|&at| {
            // North, then (east by north, east).
            checkpoint[at..at + 2] == LENGTH
                && variance(at + 2).is_some()
                && variance(at + 2 + 2 * 8).is_some()
        })
        .unwrap_or_else(|| panic!("no covariance in the checkpoint"))
}

/// `checkpoint` with a covariance of `states` states.
fn forged(checkpoint: &[u8], states: u16) -> Vec<u8> {
    let at = covariance_at(checkpoint);
    let (before, rest) = checkpoint.split_at(at);
    let (own, after) = rest[2..].split_at(8 * usize::from(TRIANGLE));
    let length = states * (states + 1) / 2;
    let mut forged = before.to_vec();
    forged.extend([0x80 | (length & 0x7F) as u8]);
    forged.extend(match length >> 7 {
        high @ 0..0x80 => vec![high as u8],
        high => vec![0x80 | (high & 0x7F) as u8, (high >> 7) as u8],
    });
    let numbers = own.chunks_exact(8).cycle().take(usize::from(length));
    forged.extend(numbers.flatten());
    forged.extend(after);
    forged
}

#[test]
fn a_checkpoint_with_a_covariance_of_other_states_than_its_clones_take_is_refused() {
    let mut pipeline = Pipeline::new(&Configuration::default());
    let checkpoint = fly(&mut pipeline, 0..300).unwrap();
    let unchanged = forged(&checkpoint, 32);
    assert!(unchanged == checkpoint && Pipeline::from_checkpoint(&unchanged).is_ok());
    for states in [37, 42, 117] {
        let error = Pipeline::from_checkpoint(&forged(&checkpoint, states))
            .map(drop)
            .unwrap_err();
        let expected = matches!(error, CheckpointError::Contradiction { .. });
        assert!(expected, "{states} states: {error}");
    }
    for states in [1, 31, 118, 127] {
        let error = Pipeline::from_checkpoint(&forged(&checkpoint, states))
            .map(drop)
            .unwrap_err();
        let expected = matches!(error, CheckpointError::Damaged { .. });
        assert!(expected, "{states} states: {error}");
    }
}

#[test]
fn a_checkpoint_with_exposures_remembered_is_taken() {
    let mut pipeline = Pipeline::new(&Configuration::default());
    fly(&mut pipeline, 0..200);
    let mut taken = 0;
    let mut sink = |product: Product<'_>| -> Result<(), Infallible> {
        if let Product::Checkpoint { bytes, .. } = product {
            Pipeline::from_checkpoint(bytes).unwrap();
            taken += 1;
        }
        Ok(())
    };
    for tenth in 200..600 {
        let state = inputs(tenth);
        let time = state[0].time();
        let frame = Input::FrameExposed(FrameExposed {
            time,
            frame: tenth,
            exposure: time,
        });
        let Ok(()) = pipeline.advance_to(time, &mut sink);
        for input in state.iter().chain([&frame]) {
            let Ok(()) = pipeline.handle(input, &mut sink);
        }
    }
    assert!(taken >= 4, "{taken} checkpoints");
}
