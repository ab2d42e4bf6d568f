//! Blackout, the operator, and GPS that lies meanwhile.

use companion::navigator::{
    BlackoutPhase, EventKind, Input, OperatorHint, Output, SourceLabel, SpoofGateStep, WindowSource,
};

use crate::weaving_flight::Flight;
use crate::world::{
    CLOUD, Sight, World, at, config, events, flown, gate, labels, ninety_seconds, phases, place,
    positions, seconds, spoofed,
};

#[test]
fn ac_3_4_the_operator_is_asked_after_two_seconds_and_the_hint_moves_the_search() {
    for sight in [CLOUD, Sight::NoFrame] {
        let mut world = World::seen(&ninety_seconds(), |t| {
            if (60.0..75.0).contains(&t) {
                sight
            } else {
                Sight::Clear
            }
        });
        let hinted = world.track.at(at(66.0));
        world.insert(Input::OperatorHint(OperatorHint {
            time: at(66.0),
            link: 1,
            sender_system: 255,
            sender_component: 190,
            lat_rad: hinted.lat_rad,
            lon_rad: hinted.lon_rad,
            horiz_accuracy_m: 60.0,
            age_s: None,
        }));
        let said = flown(&world, &config());
        let asked = phases(&said, BlackoutPhase::RelocalisationRequested);
        assert_eq!(asked.len(), 1, "asked at {asked:?}");
        // The last usable result arrived 60 ms behind the last exposure before 60 s.
        let last_usable = 60.0 - 1.0 / 3.0 + 0.06;
        let after = asked[0] - last_usable;
        assert!((1.5..=2.5).contains(&after), "asked after {after} s");
        let windows: Vec<_> = said
            .iter()
            .filter_map(|(now, output)| match output {
                Output::SearchWindow(window) => Some((seconds(*now), *window)),
                _ => None,
            })
            .collect();
        let (told, window) = windows[0];
        assert!(told - 66.0 <= 2.0 && window.source == WindowSource::OperatorHint);
        assert!(window.radius_m >= 180.0 && window.lat_rad == hinted.lat_rad);
        assert_eq!(windows.last().unwrap().1.source, WindowSource::Estimate);
        assert_eq!(
            events(&said, |kind| *kind == EventKind::OperatorHintTaken).len(),
            1
        );
        // Dead reckoning goes on all the while.
        let blind = positions(&said)
            .into_iter()
            .filter(|p| (61.0..75.0).contains(&seconds(p.time)));
        assert!(blind.count() >= 139);
    }
}

#[test]
fn ac_3_5_blackout_with_spoofed_gps_35_s() {
    let flight = Flight {
        seconds: 95,
        gps_until_s: 95,
        ..Flight::default()
    };
    let sight = |t: f64| {
        if t >= 60.0 {
            Sight::NoFrame
        } else {
            Sight::Clear
        }
    };
    let mut world = World::seen(&flight, sight);
    spoofed(&mut world, 60.0, 95.0, 300.0);
    let said = flown(&world, &config());
    let silent = World::seen(
        &Flight {
            gps_until_s: 59,
            ..flight
        },
        sight,
    );
    let without = positions(&flown(&silent, &config()));
    let last_frame = 60.0 - 1.0 / 3.0 + 0.06;
    let dead_reckoned = labels(&said)
        .into_iter()
        .find(|(t, label)| *t > last_frame && *label == SourceLabel::DeadReckoned)
        .unwrap()
        .0;
    assert!(dead_reckoned - last_frame <= 0.4, "{dead_reckoned}");
    let dark: Vec<_> = positions(&said)
        .into_iter()
        .filter(|p| seconds(p.time) > 61.5)
        .collect();
    for pair in dark.windows(2) {
        assert!(pair[1].ellipse_95.semi_major_m >= pair[0].ellipse_95.semi_major_m);
        assert!(pair[1].ellipse_95.semi_minor_m >= pair[0].ellipse_95.semi_minor_m - 1e-9);
    }
    // As if the spoofed receiver had been silent: up to what a second more of good GPS is worth.
    let end = *positions(&said).last().unwrap();
    let moved = place(&end)
        .displacement_to(place(without.last().unwrap()))
        .xy();
    assert!(
        moved.norm() < 12.0,
        "the spoofed GPS moved the position by {moved}"
    );
    assert!(world.error_m(&end) < 60.0, "{} m off", world.error_m(&end));
    assert!(gate(&said, SpoofGateStep::Promoted).is_empty());
    let told = gate(&said, SpoofGateStep::Rejected).len();
    assert!(told >= 5 * 34, "{told} rejections told");
    assert_eq!(phases(&said, BlackoutPhase::Entered).len(), 1);
    let texts = phases(&said, BlackoutPhase::ImuOnly).len();
    assert!((32..=35).contains(&texts), "{texts} texts in 34 s");
}
