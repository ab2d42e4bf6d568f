//! How an estimate begins, is missed, and begins again.

use companion::navigator::{
    EventKind, Input, Navigator, NavigatorConfig, PositionSource, RestartState, TakeoffOrigin,
    TrustedState,
};

use crate::weaving_flight::{Flight, Track, velocity};
use crate::world::{
    Sight, World, at, config, events, flown, fly, ninety_seconds, positions, seconds,
};

#[test]
fn ac_5_1_an_estimate_begins_at_the_origin_else_at_the_trusted_state() {
    let world = World::seen(
        &Flight {
            seconds: 5,
            gps_until_s: 0,
            ..Flight::default()
        },
        |_| Sight::NoFrame,
    );
    let start = world.track.at(at(0.5));
    let origin = Input::TakeoffOrigin(TakeoffOrigin {
        time: at(0.5),
        lat_rad: start.lat_rad,
        lon_rad: start.lon_rad,
        alt_msl_m: start.alt_msl_m,
        horiz_accuracy_m: 5.0,
        vert_accuracy_m: 10.0,
    });
    let trusted = Input::TrustedState(TrustedState {
        time: at(0.4),
        lat_rad: start.lat_rad,
        lon_rad: start.lon_rad,
        alt_msl_m: start.alt_msl_m,
        velocity_ned_mps: [20.0, 0.0, 0.0],
        horiz_accuracy_m: 3.0,
        vert_accuracy_m: 5.0,
        age_s: 0.5,
    });
    for (given, source) in [
        (vec![origin], PositionSource::SignedOrigin),
        (vec![trusted], PositionSource::TrustedState),
    ] {
        let mut world = World {
            track: Track::new(6),
            inputs: world.inputs.clone(),
        };
        given.into_iter().for_each(|input| world.insert(input));
        let said = flown(&world, &config());
        let begun = events(&said, |kind| {
            *kind == EventKind::EstimatorInitialised { source }
        });
        assert_eq!(begun.len(), 1, "{source:?}");
        let first = positions(&said)[0];
        assert!(first.horiz_accuracy_m >= 3.0 && first.horiz_accuracy_m < 8.0);
        if source == PositionSource::SignedOrigin {
            let [[nn, ..], [_, ee, _], [.., dd]] = first.covariance.position_ned_m2();
            assert!(nn >= 25.0 && ee >= 25.0 && dd >= 90.0, "{nn} {ee} {dd}");
        }
    }
}

#[test]
fn ac_5_2_one_engaged_and_one_recovered_event() {
    let flight = Flight {
        seconds: 110,
        gps_until_s: 110,
        frame_hz: 0,
        ..Flight::default()
    };
    let mut world = World::seen(&flight, |_| Sight::NoFrame);
    world.inputs.retain(|input| {
        let t = seconds(input.time());
        matches!(input, Input::FlightState(_)) || !(50.0..95.0).contains(&t)
    });
    let said = flown(&world, &NavigatorConfig::default());
    let lost = events(&said, |kind| *kind == EventKind::EstimatorLost);
    assert_eq!(lost.len(), 1);
    let engaged = events(&said, |kind| *kind == EventKind::NoEstimateEngaged);
    assert_eq!(engaged.len(), 1);
    let after = engaged[0] - lost[0];
    assert!(after > 3.0 && after < 3.2, "engaged after {after} s");
    let recovered = events(&said, |kind| {
        matches!(kind, EventKind::NoEstimateRecovered { .. })
    });
    assert_eq!(recovered.len(), 1);
    assert!((95.0..96.0).contains(&recovered[0]));
}

#[test]
fn ac_5_3_after_a_restart_in_flight_positions_flow_within_five_seconds() {
    let flight = ninety_seconds();
    let world = World::seen(&flight, |_| Sight::NoFrame);
    let recorded = world.track.at(at(57.0));
    let mut inputs: Vec<_> = world
        .inputs
        .iter()
        .copied()
        .filter(|input| seconds(input.time()) >= 60.0)
        .collect();
    let v = velocity(57.0);
    inputs.insert(
        0,
        Input::RestartState(RestartState {
            time: at(60.0),
            lat_rad: recorded.lat_rad,
            lon_rad: recorded.lon_rad,
            alt_msl_m: recorded.alt_msl_m,
            velocity_ned_mps: v.into(),
            horiz_accuracy_m: 20.0,
            vert_accuracy_m: 5.0,
            age_s: 3.0,
        }),
    );
    let said = fly(&mut Navigator::new(&config()), &inputs);
    let source = PositionSource::Restart;
    let begun = events(&said, |kind| {
        *kind == EventKind::EstimatorInitialised { source }
    });
    assert_eq!(begun.len(), 1);
    let first = positions(&said)[0];
    assert!(seconds(first.time) - 60.0 <= 5.0);
    assert!(
        world.error_m(&first) <= 100.0,
        "{} m",
        world.error_m(&first)
    );
    assert!(world.error_m(&first) <= 3.0 * first.horiz_accuracy_m);
}
