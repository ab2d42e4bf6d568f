//! What the navigator promises whoever feeds it, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use companion::navigator::{
    AirData, Airframe, Attitude, Barometer, BlackoutPhase, EmittedExternalPosition, EventKind,
    FcGps, FixType, FlightState, FrameOutcome, Geodetic, ImuSample, Input, MonotonicNs, Navigator,
    NavigatorConfig, Output, Outputs, SourceLabel, Tick,
};
use nalgebra::{Matrix6, Vector3};
use proptest::prelude::*;

#[path = "support/any_sight.rs"]
mod any_sight;
#[path = "support/straight_flight.rs"]
mod straight_flight;

use any_sight::any_sight;
use straight_flight::{ORIGIN, SECOND, gps_at, straight_flight, truth};

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

fn at_time(mut input: Input, now: MonotonicNs) -> Input {
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

/// The promises that hold whatever comes, checked output by output.
#[derive(Default)]
struct Promises {
    engaged: bool,
    anchored: Option<MonotonicNs>,
    dark: bool,
    /// Since the last position something absolute may have been fused.
    informed: bool,
    last: Option<EmittedExternalPosition>,
}

impl Promises {
    fn input(&mut self, input: &Input) {
        self.informed |= matches!(input, Input::FcGps(_) | Input::OperatorHint(_));
    }

    fn output(&mut self, output: &Output) {
        match output {
            Output::Position(position) => self.position(position),
            Output::LabelTransition(transition)
                if transition.to == SourceLabel::SatelliteAnchored =>
            {
                let anchored = self.anchored.expect("an anchor");
                let age_s = transition.time.seconds_since(anchored);
                assert!(age_s <= 3.0 + 1e-9, "the anchor is {age_s} s old");
            }
            Output::Event(event) => match event.kind {
                EventKind::NoEstimateEngaged => {
                    assert!(!self.engaged, "engaged twice");
                    self.engaged = true;
                }
                EventKind::NoEstimateRecovered { .. } => {
                    assert!(self.engaged, "recovered from nothing");
                    self.engaged = false;
                }
                EventKind::EstimatorLost => {
                    (self.anchored, self.last, self.informed) = (None, None, true);
                }
                _ => {}
            },
            Output::Blackout(event) => match event.phase {
                BlackoutPhase::Entered => self.dark = true,
                BlackoutPhase::Left => self.dark = false,
                _ => assert!(self.dark || event.phase != BlackoutPhase::ImuOnly),
            },
            Output::Anchor(verdict) if verdict.refusal.is_none() => {
                self.anchored = self.anchored.max(Some(verdict.exposure));
                self.informed = true;
            }
            _ => {}
        }
    }

    fn position(&mut self, position: &EmittedExternalPosition) {
        assert_sound(position);
        if let Some(last) = self.last.replace(*position) {
            let both = [last.fix_type, position.fix_type];
            let step = !both.contains(&FixType::ThreeD) || !both.contains(&FixType::None);
            assert!(step, "a step of the ladder was left out");
            if self.dark && !self.informed {
                let (before, now) = (&last.ellipse_95, &position.ellipse_95);
                assert!(now.semi_major_m >= before.semi_major_m * (1.0 - 1e-9));
                assert!(position.vert_accuracy_m >= last.vert_accuracy_m * (1.0 - 1e-9));
            }
        }
        self.informed = !self.dark;
    }
}

proptest! {
    #[test]
    fn no_sequence_of_inputs_makes_it_panic_or_emit_an_unsound_number(
        sequence in prop::collection::vec((any_input(), any_step()), 1..300)
    ) {
        let mut config = NavigatorConfig::default();
        config.sight.enabled = true;
        let mut navigator = Navigator::new(&config);
        let mut promises = Promises::default();
        let mut outputs = Outputs::default();
        let mut now = 1_000_000_000_000u64;
        // Begin with a position, or most sequences would never reach the estimator.
        let start = fly(&mut navigator, &straight_flight(2, 2, 50));
        prop_assert!(!positions(&start).is_empty());
        for output in &start {
            // GPS is fused all the while.
            promises.informed = true;
            promises.output(output);
        }
        for (input, step) in sequence {
            now = now.saturating_add_signed(step);
            let input = at_time(input, MonotonicNs(now));
            promises.input(&input);
            navigator.handle(&input, &mut outputs);
            outputs.iter().for_each(|output| promises.output(output));
        }
    }
}
