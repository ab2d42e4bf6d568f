//! What the navigator promises whoever feeds it, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use companion::navigator::{
    EmittedExternalPosition, EventKind, FcGps, Geodetic, Input, MonotonicNs, Navigator,
    NavigatorConfig, Output, Outputs, Tick,
};
use nalgebra::Vector3;

mod any_input;
#[path = "../support/any_sight.rs"]
mod any_sight;
mod promises;
#[path = "../support/straight_flight.rs"]
mod straight_flight;

use promises::assert_sound;
use straight_flight::{SECOND, gps_at, straight_flight, truth};

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
            _ => None,
        })
        .collect()
}

fn events(outputs: &[Output]) -> Vec<EventKind> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event(event) => Some(event.kind),
            _ => None,
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
    inputs.insert(index, Input::FcGps(gps_at(when, spoofed, [18.0, 3.0])));
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

#[test]
fn a_feeder_that_forgot_its_ticks_gets_one_position_and_goes_on() {
    let mut navigator = default_navigator();
    let mut outputs = Outputs::default();
    for input in straight_flight(20, 20, 100) {
        navigator.handle(&input, &mut outputs);
    }
    let due = navigator.next_deadline().unwrap();
    assert_eq!(due.0, SECOND / 10);
    navigator.handle(&Input::Tick(Tick { time: due }), &mut outputs);
    let all: Vec<Output> = outputs.iter().copied().collect();
    assert_eq!(positions(&all).first().unwrap().time.0, 20 * SECOND);
    assert_eq!(
        navigator.next_deadline().unwrap().0,
        20 * SECOND + SECOND / 10
    );
}

/// The flight with one more fix at 40 s; outputs with it, and positions without it.
fn with_one_bad_fix(spoil: impl Fn(&mut FcGps)) -> (Vec<Output>, Vec<EmittedExternalPosition>) {
    let mut inputs = straight_flight(60, 60, 100);
    let clean = positions(&fly(&mut default_navigator(), &inputs));
    let when = MonotonicNs(40 * SECOND + SECOND / 1000);
    let index = inputs.partition_point(|input| input.time() < when);
    let mut fix = gps_at(when, truth(40.0), [18.0, 3.0]);
    spoil(&mut fix);
    inputs.insert(index, Input::FcGps(fix));
    (fly(&mut default_navigator(), &inputs), clean)
}

#[test]
fn a_fix_that_is_wrong_in_velocity_or_height_alone_moves_nothing() {
    let spoils: [fn(&mut FcGps); 2] = [
        |fix| fix.velocity_ne_mps = Some([290.0, 0.0]),
        |fix| fix.alt_msl_m = 9_000.0,
    ];
    for spoil in spoils {
        let (outputs, clean) = with_one_bad_fix(spoil);
        let kinds = events(&outputs);
        assert!(
            kinds
                .iter()
                .any(|kind| matches!(kind, EventKind::FcGpsRejected { .. }))
        );
        for (with, without) in positions(&outputs).iter().zip(&clean) {
            assert!((error_m(with) - error_m(without)).abs() < 0.5);
            assert!((with.alt_msl_m - without.alt_msl_m).abs() < 0.5);
        }
    }
}

#[test]
fn a_start_in_flight_without_gps_velocity_states_what_it_does_not_know() {
    let inputs: Vec<Input> = straight_flight(40, 40, 100)
        .into_iter()
        .map(|input| match input {
            Input::FcGps(fix) => Input::FcGps(FcGps {
                velocity_ne_mps: None,
                ..fix
            }),
            other => other,
        })
        .collect();
    let all = positions(&fly(&mut default_navigator(), &inputs));
    for position in &all {
        let three_sigma = 3.0 * position.horiz_accuracy_m;
        assert!(
            error_m(position) < three_sigma.max(5.0),
            "{} m off",
            error_m(position)
        );
    }
    assert!(error_m(all.last().unwrap()) < 5.0);
}

#[test]
fn when_every_sensor_falls_silent_the_estimate_ends_and_is_told_once() {
    let mut navigator = default_navigator();
    let mut outputs = fly(&mut navigator, &straight_flight(30, 30, 100));
    outputs.clear();
    let mut one = Outputs::default();
    for _ in 0..3600 * 10 {
        let due = navigator.next_deadline().unwrap();
        navigator.handle(&Input::Tick(Tick { time: due }), &mut one);
        outputs.extend(one.iter().copied());
    }
    let lost = events(&outputs)
        .iter()
        .filter(|kind| **kind == EventKind::EstimatorLost)
        .count();
    assert_eq!(lost, 1);
    let carried = positions(&outputs);
    assert!(
        (295..=305).contains(&carried.len()),
        "{} positions in silence",
        carried.len()
    );
    carried.iter().for_each(assert_sound);
    assert!(
        carried
            .windows(2)
            .all(|pair| pair[1].horiz_accuracy_m > pair[0].horiz_accuracy_m)
    );
}

#[test]
fn a_rate_of_turn_is_not_believed_for_ever() {
    let mut inputs: Vec<Input> = straight_flight(40, 40, 0)
        .into_iter()
        .filter(|input| !matches!(input, Input::Attitude(_)) || input.time().0 < 20 * SECOND)
        .collect();
    for input in &mut inputs {
        if let Input::Attitude(sample) = input
            && sample.time.0 > 19 * SECOND
        {
            sample.angular_rate_frd_radps = [0.0, 0.0, 0.5];
        }
    }
    let all = positions(&fly(&mut default_navigator(), &inputs));
    let worst = all.iter().map(error_m).fold(0.0, f64::max);
    assert!(worst < 10.0, "{worst} m off while GPS was good");
}
