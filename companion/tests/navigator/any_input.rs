//! Any input at all, mostly with numbers that pass the plausibility limits.

use companion::navigator::{
    AirData, Airframe, Attitude, Barometer, FlightState, FrameOutcome, ImuSample, Input,
    MonotonicNs, Tick,
};
use nalgebra::Vector3;
use proptest::prelude::*;

use crate::any_sight::any_sight;
use crate::straight_flight::{ORIGIN, gps_at};

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -50.0..50.0f64,
        1 => prop::num::f64::ANY,
        1 => Just(f64::NAN),
        1 => Just(0.0),
        // Where sensors saturate: 16 g, 2,000 degrees per second, the end of a 16-bit number.
        1 => prop::sample::select(vec![156.9, -156.9, 34.9, -34.9, 32_767.0]),
    ]
}

/// Sensors that fall silent, and sensors that go on saying what they said first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Broken {
    pub silent: u32,
    pub stuck: u32,
}

/// Any set of broken kinds, mostly few.
pub fn any_broken() -> impl Strategy<Value = Broken> {
    let kinds = || prop_oneof![2 => Just(0u32), 2 => (0..13u32).prop_map(|kind| 1 << kind), 1 => any::<u32>()];
    (kinds(), kinds()).prop_map(|(silent, stuck)| Broken { silent, stuck })
}

/// One bit for each kind of input.
pub fn kind(input: &Input) -> u32 {
    let number = match input {
        Input::Imu(_) => 0,
        Input::Attitude(_) => 1,
        Input::AirData(_) => 2,
        Input::Barometer(_) => 3,
        Input::FcGps(_) => 4,
        Input::GpsIntegrity(_) => 5,
        Input::FrameExposed(_) => 6,
        Input::VisualOdometry(_) => 7,
        Input::SatelliteAnchor(_) => 8,
        Input::OperatorHint(_) => 9,
        Input::FlightState(_) => 10,
        Input::TakeoffOrigin(_) | Input::TrustedState(_) | Input::RestartState(_) => 11,
        Input::SystemHealth(_) => 12,
        Input::Tick(_) => 13,
    };
    1 << number
}

fn three_numbers() -> impl Strategy<Value = [f64; 3]> {
    [any_number(), any_number(), any_number()]
}

/// Steps of time: mostly forward, sometimes none, back, or far.
pub fn any_step() -> impl Strategy<Value = i64> {
    prop_oneof![
        10 => 0..40_000_000i64,
        2 => Just(0),
        1 => -2_000_000_000..0i64,
        1 => 0..30_000_000_000i64,
        1 => Just(i64::MAX / 4),
    ]
}

pub fn any_input() -> impl Strategy<Value = Input> {
    let time = MonotonicNs(0);
    prop_oneof![
        (three_numbers(), three_numbers()).prop_map(move |(force, rate)| Input::Imu(ImuSample {
            time,
            specific_force_frd_mps2: force,
            angular_rate_frd_radps: rate,
        })),
        (three_numbers(), three_numbers()).prop_map(move |(angles, rate)| {
            Input::Attitude(Attitude {
                time,
                roll_rad: angles[0] / 20.0,
                pitch_rad: angles[1] / 40.0,
                yaw_rad: angles[2] / 20.0,
                angular_rate_frd_radps: rate,
            })
        }),
        any_number().prop_map(move |v| Input::AirData(AirData {
            time,
            indicated_airspeed_mps: v
        })),
        any_number().prop_map(move |v| {
            let static_pressure_pa = 95_000.0 + 100.0 * v;
            Input::Barometer(Barometer {
                time,
                static_pressure_pa,
                temperature_k: 280.0,
            })
        }),
        (three_numbers(), [any_number(), any_number()], any_number()).prop_map(
            move |(place, velocity, accuracy)| {
                let mut fix = gps_at(time, ORIGIN.displaced(Vector3::from(place)), velocity);
                fix.horiz_accuracy_m = Some(accuracy.abs());
                Input::FcGps(fix)
            }
        ),
        (any::<bool>(), 0..3u8).prop_map(move |(armed, airframe)| {
            let airframe = match airframe {
                0 => Airframe::FixedWing,
                1 => Airframe::Rotary,
                _ => Airframe::Unknown,
            };
            Input::FlightState(FlightState {
                time,
                armed,
                airframe,
            })
        }),
        Just(Input::Tick(Tick { time })),
        any_sight(&any_number().boxed(), &Just(time).boxed()).prop_map(believable),
    ]
}

/// Numbers of any size brought to where most of them pass the plausibility limits, so that the
/// estimator sees them.
fn believable(mut input: Input) -> Input {
    let near = |lat_rad: &mut f64, lon_rad: &mut f64| {
        *lat_rad = ORIGIN.lat_rad + *lat_rad * 1e-6;
        *lon_rad = ORIGIN.lon_rad + *lon_rad * 1e-6;
    };
    let spread = |covariance: &mut [f64; 3]| {
        covariance[0] = covariance[0].abs();
        covariance[2] = covariance[2].abs();
        covariance[1] *= 0.01;
    };
    match &mut input {
        Input::VisualOdometry(result) => {
            result.frame %= 8;
            if let FrameOutcome::Registered(moved) = &mut result.outcome {
                moved.keyframe %= 8;
                spread(&mut moved.covariance_ne_m2);
                moved.agl_m = moved.agl_m.abs() + 1.0;
                moved.rotation_rad /= 20.0;
                moved.scale = 1.0 + moved.scale / 100.0;
                moved.overlap = moved.overlap.abs() / 50.0;
                moved.quality = moved.quality.abs() / 50.0;
            }
        }
        Input::SatelliteAnchor(anchor) => {
            anchor.frame %= 8;
            anchor.map_area %= 3;
            near(&mut anchor.lat_rad, &mut anchor.lon_rad);
            spread(&mut anchor.covariance_ne_m2);
            anchor.score = anchor.score.abs() / 50.0;
            anchor.peak_ratio = 1.0 + anchor.peak_ratio.abs() / 20.0;
            anchor.yaw_offset_rad /= 20.0;
            anchor.scale = 1.0 + anchor.scale / 100.0;
            anchor.agl_m = anchor.agl_m.abs() + 1.0;
            anchor.map_bias_sigma_m = anchor.map_bias_sigma_m.abs();
        }
        Input::TakeoffOrigin(origin) => near(&mut origin.lat_rad, &mut origin.lon_rad),
        Input::TrustedState(state) => {
            near(&mut state.lat_rad, &mut state.lon_rad);
            state.age_s = state.age_s.abs();
        }
        Input::RestartState(state) => {
            near(&mut state.lat_rad, &mut state.lon_rad);
            state.age_s = state.age_s.abs();
        }
        Input::OperatorHint(hint) => near(&mut hint.lat_rad, &mut hint.lon_rad),
        Input::FrameExposed(frame) => frame.frame %= 8,
        _ => {}
    }
    input
}

pub fn at_time(mut input: Input, now: MonotonicNs) -> Input {
    // Results of vision speak of an exposure up to 6 s ago, spread by the number of the frame.
    let exposed = |frame: u64| MonotonicNs(now.0.saturating_sub(frame * 750_000_000));
    match &mut input {
        Input::FrameExposed(x) => (x.time, x.exposure) = (now, now),
        Input::VisualOdometry(x) => {
            (x.time, x.exposure) = (now, exposed(x.frame));
            if let FrameOutcome::Registered(moved) = &mut x.outcome {
                moved.keyframe_exposure = exposed(moved.keyframe + 1);
            }
        }
        Input::SatelliteAnchor(x) => (x.time, x.exposure) = (now, exposed(x.frame)),
        Input::TakeoffOrigin(x) => x.time = now,
        Input::TrustedState(x) => x.time = now,
        Input::RestartState(x) => x.time = now,
        Input::OperatorHint(x) => x.time = now,
        Input::GpsIntegrity(x) => x.time = now,
        Input::SystemHealth(x) => x.time = now,
        Input::Imu(x) => x.time = now,
        Input::Attitude(x) => x.time = now,
        Input::AirData(x) => x.time = now,
        Input::Barometer(x) => x.time = now,
        Input::FcGps(x) => x.time = now,
        Input::FlightState(x) => x.time = now,
        Input::Tick(x) => x.time = now,
    }
    input
}
