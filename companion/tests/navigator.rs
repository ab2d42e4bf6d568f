//! What the navigator promises whoever feeds it, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use companion::navigator::{
    AirData, Airframe, Attitude, Barometer, EmittedExternalPosition, EventKind, FcGps, FlightState,
    Geodetic, GpsFix, ImuSample, Input, MonotonicNs, Navigator, NavigatorConfig, Output, Outputs,
    Tick,
};
use nalgebra::{Matrix6, Vector3};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;
const ORIGIN: Geodetic = Geodetic {
    lat_rad: 0.79,
    lon_rad: -1.62,
    alt_msl_m: 350.0,
};

/// Straight and level to the north at 18 m/s true airspeed in a steady wind of 3 m/s to the east.
fn straight_flight(seconds: u64, gps_until_s: u64, imu_hz: u64) -> Vec<Input> {
    let mut inputs = Vec::new();
    let step = SECOND / 200;
    for tick in 1..=seconds * 200 {
        let time = MonotonicNs(tick * step);
        let t = tick as f64 / 200.0;
        let every = |hz: u64| hz > 0 && tick % (200 / hz) == 0;
        if every(1) {
            let (armed, airframe) = (true, Airframe::FixedWing);
            inputs.push(Input::FlightState(FlightState {
                time,
                armed,
                airframe,
            }));
        }
        if every(imu_hz) {
            inputs.push(Input::Imu(ImuSample {
                time,
                specific_force_frd_mps2: [0.0, 0.0, -ORIGIN.gravity_mps2()],
                angular_rate_frd_radps: [0.0; 3],
            }));
        }
        if every(50) {
            let (roll_rad, pitch_rad, yaw_rad) = (0.0, 0.0, 0.0);
            let angular_rate_frd_radps = [0.0; 3];
            inputs.push(Input::Attitude(Attitude {
                time,
                roll_rad,
                pitch_rad,
                yaw_rad,
                angular_rate_frd_radps,
            }));
        }
        if every(10) {
            let indicated_airspeed_mps = 18.0 / 1.0173;
            inputs.push(Input::AirData(AirData {
                time,
                indicated_airspeed_mps,
            }));
            let (static_pressure_pa, temperature_k) = (97_190.0, 286.0);
            inputs.push(Input::Barometer(Barometer {
                time,
                static_pressure_pa,
                temperature_k,
            }));
        }
        if every(5) && tick <= gps_until_s * 200 {
            inputs.push(Input::FcGps(gps_at(time, truth(t), Some([18.0, 3.0]))));
        }
    }
    inputs
}

fn truth(t: f64) -> Geodetic {
    ORIGIN.displaced(Vector3::new(18.0 * t, 3.0 * t, 0.0))
}

fn gps_at(time: MonotonicNs, place: Geodetic, velocity_ne_mps: Option<[f64; 2]>) -> FcGps {
    FcGps {
        time,
        instance: 0,
        fix: GpsFix::ThreeD,
        lat_rad: place.lat_rad,
        lon_rad: place.lon_rad,
        alt_msl_m: place.alt_msl_m,
        velocity_ne_mps,
        horiz_accuracy_m: Some(1.5),
        vert_accuracy_m: Some(2.5),
        speed_accuracy_mps: Some(0.3),
        satellites: Some(11),
    }
}

/// Feeds inputs with the ticks that are due in between; every output, in order.
fn fly(navigator: &mut Navigator, inputs: &[Input]) -> Vec<Output> {
    let mut outputs = Outputs::default();
    let mut all = Vec::new();
    for input in inputs {
        while let Some(deadline) = navigator.next_deadline().filter(|due| *due <= input.time()) {
            navigator.handle(&Input::Tick(Tick { time: deadline }), &mut outputs);
            all.extend(outputs.iter().copied());
        }
        navigator.handle(input, &mut outputs);
        all.extend(outputs.iter().copied());
    }
    all
}

fn positions(outputs: &[Output]) -> Vec<EmittedExternalPosition> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Position(position) => Some(*position),
            Output::LabelTransition(_) | Output::Event(_) => None,
        })
        .collect()
}

fn events(outputs: &[Output]) -> Vec<EventKind> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event(event) => Some(event.kind),
            Output::LabelTransition(_) | Output::Position(_) => None,
        })
        .collect()
}

fn error_m(position: &EmittedExternalPosition) -> f64 {
    let emitted = Geodetic {
        lat_rad: position.lat_rad,
        lon_rad: position.lon_rad,
        alt_msl_m: position.alt_msl_m,
    };
    truth(position.time.0 as f64 * 1e-9)
        .displacement_to(emitted)
        .xy()
        .norm()
}

fn default_navigator() -> Navigator {
    Navigator::new(&NavigatorConfig::default())
}

#[test]
fn positions_come_every_100_ms_whatever_the_input_rates() {
    for imu_hz in [0, 5, 50, 200] {
        let outputs = fly(&mut default_navigator(), &straight_flight(30, 30, imu_hz));
        let times: Vec<u64> = positions(&outputs).iter().map(|p| p.time.0).collect();
        assert!(times.len() > 290, "{imu_hz} Hz: {} positions", times.len());
        assert!(
            times
                .windows(2)
                .all(|pair| pair[1] - pair[0] == SECOND / 10)
        );
    }
}

#[test]
fn a_learned_wind_carries_the_position_through_a_minute_without_gps() {
    let outputs = fly(&mut default_navigator(), &straight_flight(180, 120, 100));
    let last = *positions(&outputs).last().unwrap();
    assert!(error_m(&last) < 25.0, "{} m off after 60 s", error_m(&last));
    assert!(error_m(&last) < last.ellipse_95.semi_major_m);
    assert!(events(&outputs).contains(&EventKind::FcGpsLost));
}

#[test]
fn the_stated_accuracy_worsens_all_the_while_gps_is_missing() {
    let outputs = fly(&mut default_navigator(), &straight_flight(180, 120, 100));
    let denied: Vec<f64> = positions(&outputs)
        .iter()
        .filter(|p| p.time.0 > 121 * SECOND)
        .map(|p| p.horiz_accuracy_m)
        .collect();
    assert!(denied.windows(2).all(|pair| pair[1] > pair[0]));
}

#[test]
fn less_evidence_gives_a_larger_stated_error() {
    let at_the_end = |imu_hz| {
        let outputs = fly(&mut default_navigator(), &straight_flight(130, 120, imu_hz));
        positions(&outputs).last().unwrap().horiz_accuracy_m
    };
    assert!(at_the_end(0) > at_the_end(100));

    let without_airspeed: Vec<Input> = straight_flight(130, 120, 100)
        .into_iter()
        .filter(|input| !matches!(input, Input::AirData(_)))
        .collect();
    let blind = positions(&fly(&mut default_navigator(), &without_airspeed));
    assert!(blind.last().unwrap().horiz_accuracy_m > at_the_end(100));
}

#[test]
fn a_fix_half_a_kilometre_off_is_told_and_moves_nothing() {
    let mut inputs = straight_flight(60, 60, 100);
    let clean = positions(&fly(&mut default_navigator(), &inputs));
    let when = MonotonicNs(40 * SECOND + SECOND / 1000);
    let index = inputs.partition_point(|input| input.time() < when);
    let spoofed = truth(40.0).displaced(Vector3::new(0.0, 500.0, 0.0));
    inputs.insert(
        index,
        Input::FcGps(gps_at(when, spoofed, Some([18.0, 3.0]))),
    );
    let outputs = fly(&mut default_navigator(), &inputs);
    let told = events(&outputs)
        .into_iter()
        .filter(|kind| matches!(kind, EventKind::FcGpsRejected { .. }))
        .count();
    assert_eq!(told, 1);
    for (with, without) in positions(&outputs).iter().zip(&clean) {
        assert!((error_m(with) - error_m(without)).abs() < 0.5);
    }
}

#[test]
fn nothing_is_emitted_before_a_position_is_known() {
    let inputs = straight_flight(20, 0, 100);
    assert!(positions(&fly(&mut default_navigator(), &inputs)).is_empty());
}

#[test]
fn two_navigators_fed_alike_agree_to_the_last_bit() {
    let inputs = straight_flight(60, 30, 100);
    let bits = |outputs: Vec<Output>| {
        positions(&outputs)
            .iter()
            .flat_map(|p| {
                let numbers = [p.lat_rad, p.lon_rad, p.alt_msl_m, p.horiz_accuracy_m];
                numbers
                    .into_iter()
                    .chain(p.covariance.0)
                    .map(f64::to_bits)
                    .collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        bits(fly(&mut default_navigator(), &inputs)),
        bits(fly(&mut default_navigator(), &inputs))
    );
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -50.0..50.0f64,
        1 => prop::num::f64::ANY,
        1 => Just(f64::NAN),
        1 => Just(0.0),
    ]
}

fn three_numbers() -> impl Strategy<Value = [f64; 3]> {
    [any_number(), any_number(), any_number()]
}

/// Steps of time: mostly forward, sometimes none, back, or far.
fn any_step() -> impl Strategy<Value = i64> {
    prop_oneof![
        10 => 0..40_000_000i64,
        2 => Just(0),
        1 => -2_000_000_000..0i64,
        1 => 0..30_000_000_000i64,
        1 => Just(i64::MAX / 4),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
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
                let mut fix = gps_at(time, ORIGIN.displaced(Vector3::from(place)), Some(velocity));
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
    ]
}

fn at_time(mut input: Input, now: MonotonicNs) -> Input {
    match &mut input {
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

fn assert_sound(position: &EmittedExternalPosition) {
    let block = Matrix6::from_fn(|row, column| position.covariance.at(row, column));
    assert!(block.cholesky().is_some(), "not positive definite: {block}");
    let numbers = [
        position.lat_rad,
        position.lon_rad,
        position.alt_msl_m,
        position.horiz_accuracy_m,
        position.vert_accuracy_m,
        position.speed_accuracy_mps,
        position.ellipse_95.semi_major_m,
        position.ellipse_95.semi_minor_m,
        position.ellipse_95.orientation_rad,
    ];
    assert!(
        numbers
            .iter()
            .chain(&position.vel_ned_mps)
            .all(|number| number.is_finite())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_sequence_of_inputs_makes_it_panic_or_emit_an_unsound_number(
        sequence in prop::collection::vec((any_input(), any_step()), 1..300)
    ) {
        let mut navigator = default_navigator();
        let mut outputs = Outputs::default();
        let mut now = 1_000_000_000_000u64;
        // Begin with a position, or most sequences would never reach the estimator.
        let start = fly(&mut navigator, &straight_flight(2, 2, 50));
        prop_assert!(!positions(&start).is_empty());
        for (input, step) in sequence {
            now = now.saturating_add_signed(step);
            navigator.handle(&at_time(input, MonotonicNs(now)), &mut outputs);
            positions(&outputs.iter().copied().collect::<Vec<_>>()).iter().for_each(assert_sound);
        }
    }
}
