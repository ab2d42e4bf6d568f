//! An anchor that contradicts, sharp turns, disconnected segments.

use companion::navigator::{AnchorRefusal, BlackoutPhase, FrameRefusal, SourceLabel};
use nalgebra::Vector3;

use crate::weaving_flight::Flight;
use crate::world::{
    CLOUD, Sight, World, config, flown, labels, ninety_seconds, phases, positions, seconds,
    verdicts,
};

#[test]
fn ac_3_1_an_anchor_350_m_off_is_refused_and_moves_nothing() {
    let flight = ninety_seconds();
    let clean = World::seen(&flight, |_| Sight::Clear);
    let before = positions(&flown(&clean, &config()));
    let wrong = |t: f64| (60.0..60.4).contains(&t);
    let world = World::new(
        &flight,
        |_| Sight::Clear,
        |t, track, anchor| {
            if wrong(t) {
                let place = track
                    .at(anchor.exposure)
                    .displaced(Vector3::new(350.0, 0.0, 0.0));
                (anchor.lat_rad, anchor.lon_rad) = (place.lat_rad, place.lon_rad);
            }
        },
    );
    let said = flown(&world, &config());
    let refused: Vec<_> = verdicts(&said)
        .into_iter()
        .filter(|verdict| wrong(seconds(verdict.exposure)))
        .collect();
    assert!(!refused.is_empty());
    for verdict in refused {
        assert_eq!(
            verdict.refusal,
            Some(AnchorRefusal::OutsideGate),
            "{verdict:?}"
        );
    }
    for (with, without) in positions(&said).iter().zip(&before) {
        let moved = (world.error_m(with) - clean.error_m(without)).abs();
        assert!(moved < 2.0, "{moved} m at {:?}", with.time);
    }
}

#[test]
fn ac_3_2_a_sharp_turn_ends_the_anchor_and_three_usable_frames_restore_it() {
    let turn = 60.0..61.5;
    let world = World::seen(&ninety_seconds(), |t| {
        if turn.contains(&t) {
            Sight::Refused(FrameRefusal::SmallOverlap)
        } else {
            Sight::Clear
        }
    });
    let said = flown(&world, &config());
    let labels = labels(&said);
    let left = labels
        .iter()
        .find(|(t, label)| *t >= turn.start && *label == SourceLabel::DeadReckoned)
        .unwrap()
        .0;
    assert!(left <= turn.start + 0.4 + 0.06, "left at {left}");
    let back = labels
        .iter()
        .find(|(t, label)| *t > left && *label == SourceLabel::SatelliteAnchored)
        .unwrap()
        .0;
    let third_usable = turn.end + 3.0 / 3.0 + 0.06;
    assert!(back <= third_usable + 0.02, "anchored again at {back}");
    let blind: Vec<_> = positions(&said)
        .into_iter()
        .filter(|p| (left..turn.end).contains(&seconds(p.time)))
        .collect();
    assert!(blind.len() >= 8);
    for pair in blind.windows(2) {
        assert!(pair[1].horiz_accuracy_m >= pair[0].horiz_accuracy_m - 1e-9);
    }
    assert!(blind.iter().all(|p| world.error_m(p) <= 200.0));
}

#[test]
fn ac_3_3_three_disconnected_segments_are_each_joined_again() {
    let flight = Flight {
        seconds: 110,
        ..Flight::default()
    };
    let gaps = [55.0..60.0, 70.0..75.0, 85.0..90.0];
    let hidden = |t: f64| gaps.iter().any(|gap| gap.contains(&t));
    let world = World::seen(&flight, |t| if hidden(t) { CLOUD } else { Sight::Clear });
    let said = flown(&world, &config());
    for gap in &gaps {
        let joined = labels(&said)
            .into_iter()
            .find(|(t, label)| *t > gap.end && *label == SourceLabel::SatelliteAnchored);
        let (t, _) = joined.expect("never joined again");
        assert!(t < gap.end + 1.5, "joined {} s after the gap", t - gap.end);
    }
    assert_eq!(phases(&said, BlackoutPhase::Entered).len(), 3);
    assert_eq!(phases(&said, BlackoutPhase::Left).len(), 3);
    let last = *positions(&said).last().unwrap();
    assert!(world.error_m(&last) < 20.0);
}
