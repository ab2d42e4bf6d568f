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

/// Considered errors end and clones begin there: what a filter without clones has in use.
const WITHOUT_CLONES: u8 = 32;
/// Error states of the filter.
const STATES: usize = 68;

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

/// Where the number of states in use stands: behind the zeros of the covariance's unused columns.
fn used_at(checkpoint: &[u8]) -> usize {
    let unused = (STATES - usize::from(WITHOUT_CLONES)) * STATES * 8;
    let mut zeros = 0;
    for (at, &byte) in checkpoint.iter().enumerate() {
        if byte == WITHOUT_CLONES && zeros >= unused {
            return at;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    panic!("no covariance in the checkpoint");
}

#[test]
fn a_checkpoint_that_claims_other_states_in_use_than_its_clones_take_is_refused() {
    let mut pipeline = Pipeline::new(&Configuration::default());
    let checkpoint = fly(&mut pipeline, 0..300).unwrap();
    let at = used_at(&checkpoint);
    fly(
        &mut Pipeline::from_checkpoint(&checkpoint).unwrap(),
        300..310,
    );
    for used in [0, 31, 33, 34, 68, 69, 127] {
        let mut forged = checkpoint.clone();
        forged[at] = used;
        match Pipeline::from_checkpoint(&forged) {
            Err(CheckpointError::Contradiction { .. }) => {}
            Err(error) => panic!("{used} in use: {error}"),
            Ok(mut pipeline) => {
                fly(&mut pipeline, 300..310);
                panic!("{used} in use: taken for a state");
            }
        }
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

#[test]
fn a_checkpoint_with_a_covariance_outside_what_is_in_use_is_refused() {
    let mut pipeline = Pipeline::new(&Configuration::default());
    let checkpoint = fly(&mut pipeline, 0..300).unwrap();
    let at = used_at(&checkpoint);
    let mut forged = checkpoint.clone();
    forged[at - 1] = 0x40;
    let error = Pipeline::from_checkpoint(&forged).map(drop).unwrap_err();
    assert!(
        matches!(error, CheckpointError::Contradiction { .. }),
        "{error}"
    );
}
