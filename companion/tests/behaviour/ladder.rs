//! What the autopilot is told, and what vision is asked for.

use companion::navigator::{
    BlackoutPhase, EmittedExternalPosition, EventKind, FixType, Input, MonotonicNs, Navigator,
    Output, Outputs, SystemHealth, Tick,
};
use nalgebra::Vector3;

use crate::weaving_flight::{Flight, SECOND};
use crate::world::{
    Sight, World, config, events, flown, ninety_seconds, phases, positions, seconds, verdicts,
};

#[test]
fn ac_new_5_a_hot_machine_is_asked_for_less_within_a_second() {
    let mut world = World::seen(&ninety_seconds(), |_| Sight::Clear);
    for second in 1..90u64 {
        let hot = (30..40).contains(&second);
        world.insert(Input::SystemHealth(SystemHealth {
            time: MonotonicNs(second * SECOND),
            cpu_percent: 60.0,
            gpu_percent: None,
            temperature_c: Some(if hot { 90.0 } else { 60.0 }),
            throttled: false,
            ram_used_bytes: 0,
            ram_total_bytes: 0,
            vram_used_bytes: None,
            vram_total_bytes: None,
            nvm_free_bytes: 0,
            nvm_total_bytes: 0,
        }));
    }
    let said = flown(&world, &config());
    let switches: Vec<_> = said
        .iter()
        .filter_map(|(now, output)| match output {
            Output::Thermal(switch) => Some((seconds(*now), switch.from_k, switch.to_k)),
            _ => None,
        })
        .collect();
    let [(hot, 3, 2), (cool, 2, 3)] = switches[..] else {
        panic!("{switches:?}");
    };
    assert!((hot - 30.0).abs() < 1.0 && (cool - 50.0).abs() < 1.0);
}

/// The first position at or behind `t`.
fn fix_at(said: &[(MonotonicNs, Output)], t: f64) -> EmittedExternalPosition {
    positions(said)
        .into_iter()
        .find(|p| seconds(p.time) >= t)
        .unwrap()
}

#[test]
fn ac_new_8_each_step_of_the_ladder_follows_its_trigger_in_order() {
    // Nothing but the autopilot's attitude, and nothing is seen, from 40 s on; then the map again.
    let flight = Flight {
        seconds: 260,
        ..Flight::default()
    };
    let sight = |t: f64| {
        if (40.0..200.0).contains(&t) {
            Sight::NoFrame
        } else {
            Sight::Clear
        }
    };
    let mut world = World::seen(&flight, sight);
    world.inputs.retain(|input| {
        let t = seconds(input.time());
        !(40.0..200.0).contains(&t) || !matches!(input, Input::AirData(_) | Input::Imu(_))
    });
    let mut config = config();
    // The radius alone is to decide.
    config.sight.uncarried_s = 600.0;
    let said = flown(&world, &config);
    let all = positions(&said);
    for pair in all.windows(2) {
        let both = [pair[0].fix_type, pair[1].fix_type];
        assert!(!(both.contains(&FixType::ThreeD) && both.contains(&FixType::None)));
    }
    let crossed = |radius_m: f64| {
        let over = |p: &&EmittedExternalPosition| p.ellipse_95.semi_major_m > radius_m;
        seconds(all.iter().find(over).unwrap().time)
    };
    let (coarse, lost) = (crossed(245.0), crossed(500.0));
    assert!(coarse < lost && lost < 200.0, "{coarse} {lost}");
    assert_eq!(fix_at(&said, coarse - 0.05 - 0.1).fix_type, FixType::ThreeD);
    assert_eq!(fix_at(&said, coarse + 0.4).fix_type, FixType::TwoD);
    assert_eq!(fix_at(&said, lost + 0.4).fix_type, FixType::None);
    let failsafe = phases(&said, BlackoutPhase::Failsafe);
    assert_eq!(failsafe.len(), 1);
    assert!(failsafe[0] - lost <= 0.5, "{failsafe:?}");
    let returned = all
        .iter()
        .find(|p| seconds(p.time) > lost + 1.0 && p.fix_type == FixType::ThreeD)
        .expect("never came back");
    assert!(returned.horiz_accuracy_m <= 7.0 && returned.speed_accuracy_mps <= 1.2);
    let accepted = verdicts(&said)
        .into_iter()
        .filter(|verdict| verdict.refusal.is_none() && seconds(verdict.time) > lost)
        .map(|verdict| verdict.time)
        .min()
        .unwrap();
    assert!(returned.time >= accepted);
    assert!(world.error_m(returned) < 20.0);
}

#[test]
fn ac_new_8_a_blackout_that_nothing_carries_ends_after_thirty_seconds() {
    let flight = ninety_seconds();
    let sight = |t: f64| {
        if t >= 45.0 {
            Sight::NoFrame
        } else {
            Sight::Clear
        }
    };
    let mut world = World::seen(&flight, sight);
    world.inputs.retain(|input| {
        let carries = matches!(input, Input::AirData(_) | Input::Imu(_));
        seconds(input.time()) < 45.0 || !carries
    });
    let mut config = config();
    // The radius alone would not end it so soon.
    config.fix.two_d_max_radius_m = 10_000.0;
    config.fix.three_d_max_radius_m = 2_000.0;
    let said = flown(&world, &config);
    let failsafe = phases(&said, BlackoutPhase::Failsafe);
    let last_usable = 45.0 - 1.0 / 3.0 + 0.06;
    let after = failsafe[0] - last_usable;
    assert!((30.0..30.5).contains(&after), "after {after} s");
}

#[test]
fn ac_new_8_a_position_that_the_map_calls_wrong_three_times_is_withdrawn_within_a_second() {
    let flight = ninety_seconds();
    let world = World::new(
        &flight,
        |_| Sight::Clear,
        |t, track, anchor| {
            if t >= 60.0 {
                let place = track
                    .at(anchor.exposure)
                    .displaced(Vector3::new(0.0, 400.0, 0.0));
                (anchor.lat_rad, anchor.lon_rad) = (place.lat_rad, place.lon_rad);
            }
        },
    );
    let said = flown(&world, &config());
    let wrong = events(&said, |kind| *kind == EventKind::PositionWrong);
    assert_eq!(wrong.len(), 1);
    let withdrawn = positions(&said)
        .into_iter()
        .find(|p| p.fix_type == FixType::None)
        .unwrap();
    assert!(seconds(withdrawn.time) - wrong[0] <= 1.0);
    assert!(
        world.error_m(&withdrawn) < 30.0,
        "the wrong map moved the position"
    );
}

#[test]
fn one_stamp_in_the_far_future_of_any_input_costs_that_input_alone() {
    let mut world = World::seen(&ninety_seconds(), |_| Sight::Clear);
    let clean = positions(&flown(&world, &config()));
    let middle = world.inputs.len() / 2;
    let mut poisoned = world.inputs[middle..].to_vec();
    let mut kinds = 0;
    for kind in [
        |input: &Input| matches!(input, Input::Imu(_)),
        |input: &Input| matches!(input, Input::Attitude(_)),
        |input: &Input| matches!(input, Input::VisualOdometry(_)),
        |input: &Input| matches!(input, Input::SatelliteAnchor(_)),
    ] {
        let Some(
            Input::Imu(_)
            | Input::Attitude(_)
            | Input::VisualOdometry(_)
            | Input::SatelliteAnchor(_),
        ) = poisoned.iter().find(|input| kind(input))
        else {
            continue;
        };
        let at = poisoned.iter().position(kind).unwrap();
        match &mut poisoned[at] {
            Input::Imu(x) => x.time = MonotonicNs(u64::MAX / 2),
            Input::Attitude(x) => x.time = MonotonicNs(u64::MAX / 2),
            Input::VisualOdometry(x) => x.time = MonotonicNs(u64::MAX / 2),
            Input::SatelliteAnchor(x) => x.time = MonotonicNs(u64::MAX / 2),
            _ => {}
        }
        kinds += 1;
    }
    assert_eq!(kinds, 4);
    world.inputs.truncate(middle);
    world.inputs.extend(poisoned);
    // Ticks follow our own clock, not the stamps of the inputs.
    let mut navigator = Navigator::new(&config());
    let mut outputs = Outputs::default();
    let (mut with, mut refused) = (Vec::new(), 0);
    for input in &world.inputs {
        let far = input.time() > MonotonicNs(1_000 * SECOND);
        while let Some(due) = navigator
            .next_deadline()
            .filter(|due| !far && *due <= input.time())
        {
            navigator.handle(&Input::Tick(Tick { time: due }), &mut outputs);
            with.extend(outputs.iter().filter_map(|output| match output {
                Output::Position(position) => Some(*position),
                _ => None,
            }));
        }
        navigator.handle(input, &mut outputs);
        refused += outputs
            .iter()
            .filter(|output| matches!(output, Output::Event(event) if event.kind == EventKind::InputRefused))
            .count();
    }
    assert_eq!(with.len(), clean.len());
    assert!(refused >= 1);
    let last = with.last().unwrap();
    assert!(world.error_m(last) < 20.0);
}
