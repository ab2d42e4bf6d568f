//! The spoof gate, and how fast our position is in force.

use companion::navigator::{EventKind, FixType, Input, Output, SpoofGateStep};

use crate::weaving_flight::Flight;
use crate::world::{
    CLOUD, Sight, World, at, config, events, flown, gate, positions, seconds, spoofed,
};

#[test]
fn spoof_gate_opens_after_ten_stable_seconds_and_an_anchor_that_agrees() {
    let flight = Flight {
        seconds: 90,
        gps_until_s: 90,
        ..Flight::default()
    };
    // No match between 55 and 80 s: the gate has to wait for one.
    let sight = |t: f64| {
        if (55.0..80.0).contains(&t) {
            CLOUD
        } else {
            Sight::Clear
        }
    };
    let mut world = World::seen(&flight, sight);
    spoofed(&mut world, 50.0, 60.0, 300.0);
    let said = flown(&world, &config());
    let closed = gate(&said, SpoofGateStep::Closed);
    assert!(closed.len() == 1 && closed[0] - 50.0 <= 0.21, "{closed:?}");
    let promoted = gate(&said, SpoofGateStep::Promoted);
    assert_eq!(promoted.len(), 1);
    assert!(
        (80.0..81.5).contains(&promoted[0]),
        "promoted at {promoted:?}"
    );
    let latency = said.iter().find_map(|(_, output)| match output {
        Output::SpoofGate(event) => event.promotion_latency_ms,
        _ => None,
    });
    assert!(latency.unwrap() <= 200, "{latency:?} ms");
    let worst = positions(&said)
        .iter()
        .filter(|p| seconds(p.time) > 20.0)
        .map(|p| world.error_m(p))
        .fold(0.0, f64::max);
    assert!(worst < 40.0, "{worst} m");
}

#[test]
fn reported_spoofing_and_a_time_jump_close_the_gate() {
    use companion::navigator::{GpsIntegrity, GpsIntegrityState};
    for state in [
        GpsIntegrityState::Jammed,
        GpsIntegrityState::Spoofed,
        GpsIntegrityState::TimeJumped,
    ] {
        let mut world = World::seen(
            &Flight {
                seconds: 60,
                gps_until_s: 60,
                ..Flight::default()
            },
            |_| Sight::Clear,
        );
        world.insert(Input::GpsIntegrity(GpsIntegrity {
            time: at(40.0),
            instance: 0,
            state,
        }));
        let said = flown(&world, &config());
        assert_eq!(gate(&said, SpoofGateStep::Closed), [40.0]);
        let promoted = gate(&said, SpoofGateStep::Promoted);
        assert!((50.0..51.0).contains(&promoted[0]), "{promoted:?}");
    }
}

#[test]
fn ac_new_2_a_spoofed_or_denied_gps_leaves_our_position_in_force_within_600_ms() {
    let mut slowest = 0.0f64;
    for seed in 0..20 {
        let flight = Flight {
            seconds: 55,
            gps_until_s: 55,
            seed,
            ..Flight::default()
        };
        let mut world = World::seen(&flight, |_| Sight::Clear);
        spoofed(&mut world, 45.0, 55.0, 150.0);
        let mut config = config();
        config.spoof_gate.source_set_denied = 2;
        let said = flown(&world, &config);
        let asked = events(&said, |kind| {
            *kind == EventKind::SourceSetRequested { set: 2 }
        });
        assert_eq!(asked.len(), 1, "once for each episode");
        let closed = gate(&said, SpoofGateStep::Closed)[0];
        let first_spoofed = world
            .inputs
            .iter()
            .find_map(|input| match input {
                Input::FcGps(fix) if seconds(fix.time) >= 45.0 => Some(seconds(fix.time)),
                _ => None,
            })
            .unwrap();
        let in_force = positions(&said)
            .into_iter()
            .find(|p| seconds(p.time) >= closed)
            .unwrap();
        assert_eq!(in_force.fix_type, FixType::ThreeD);
        assert!(world.error_m(&in_force) < 20.0);
        slowest = slowest.max(seconds(in_force.time) - first_spoofed);
    }
    println!("AC-NEW-2: slowest of 20 episodes {:.0} ms", slowest * 1e3);
    assert!(slowest <= 0.6, "{slowest} s");
}
