//! What camera and map may do to the position, and what they may not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/weaving_flight.rs"]
mod weaving_flight;

use companion::navigator::{
    EmittedExternalPosition, FixType, Geodetic, Input, MonotonicNs, Navigator, NavigatorConfig,
    Output, Outputs, SatelliteAnchor, Tick,
};
use nalgebra::Vector3;
use weaving_flight::{Flight, SECOND, Track, anchors, merged, odometry, sensors};

const DELAY_NS: u64 = 300_000_000;

fn place(position: &EmittedExternalPosition) -> Geodetic {
    Geodetic {
        lat_rad: position.lat_rad,
        lon_rad: position.lon_rad,
        alt_msl_m: position.alt_msl_m,
    }
}

/// Every position emitted.
fn fly(config: &NavigatorConfig, inputs: &[Input]) -> Vec<EmittedExternalPosition> {
    let mut navigator = Navigator::new(config);
    let mut outputs = Outputs::default();
    let mut positions = Vec::new();
    for input in inputs {
        while let Some(due) = navigator.next_deadline().filter(|due| *due <= input.time()) {
            navigator.handle(&Input::Tick(Tick { time: due }), &mut outputs);
            positions.extend(outputs.iter().filter_map(|output| match output {
                Output::Position(position) => Some(*position),
                _ => None,
            }));
        }
        navigator.handle(input, &mut outputs);
    }
    positions
}

struct Made {
    track: Track,
    sensors: Vec<Input>,
    odometry: Vec<Input>,
    anchors: Vec<SatelliteAnchor>,
}

fn make(flight: &Flight) -> Made {
    let track = Track::new(flight.seconds + 1);
    let sensors = sensors(flight, &track);
    let end = MonotonicNs(flight.seconds * SECOND - TAIL_NS);
    let late = |time: MonotonicNs| time.plus_ns(DELAY_NS);
    let odometry = odometry(flight, &track, &sensors)
        .into_iter()
        .filter(|result| result.exposure < end)
        .map(|mut result| {
            result.time = late(result.time);
            Input::VisualOdometry(result)
        })
        .collect();
    let anchors = anchors(flight, &track, &sensors)
        .into_iter()
        .filter(|anchor| anchor.exposure < end)
        .map(|mut anchor| {
            anchor.time = late(anchor.time);
            anchor
        })
        .collect();
    Made {
        track,
        sensors,
        odometry,
        anchors,
    }
}

impl Made {
    fn fly(
        &self,
        config: &NavigatorConfig,
        with_odometry: bool,
        anchors: impl Iterator<Item = SatelliteAnchor>,
    ) -> Vec<EmittedExternalPosition> {
        let odometry = self.odometry.iter().filter(|_| with_odometry).copied();
        let parts = self.sensors.iter().copied().chain(odometry);
        fly(
            config,
            &merged(parts.chain(anchors.map(Input::SatelliteAnchor))),
        )
    }

    fn error_m(&self, position: &EmittedExternalPosition) -> f64 {
        let error = self
            .track
            .at(position.time)
            .displacement_to(place(position));
        error.xy().norm()
    }
}

fn moved(anchor: &SatelliteAnchor, north_m: f64, east_m: f64) -> SatelliteAnchor {
    let place = Geodetic {
        lat_rad: anchor.lat_rad,
        lon_rad: anchor.lon_rad,
        alt_msl_m: 0.0,
    };
    let place = place.displaced(Vector3::new(north_m, east_m, 0.0));
    SatelliteAnchor {
        lat_rad: place.lat_rad,
        lon_rad: place.lon_rad,
        ..*anchor
    }
}

fn after(second: u64) -> impl Fn(&&SatelliteAnchor) -> bool {
    move |anchor| anchor.exposure.0 > second * SECOND
}

/// Results after the last sensor sample would go on emitting positions.
const TAIL_NS: u64 = SECOND;

#[test]
fn an_anchor_350_m_off_leaves_every_position_as_it_was() {
    let made = make(&Flight::default());
    let config = NavigatorConfig::default();
    let good = || made.anchors.iter().filter(after(45)).copied();
    let clean = made.fly(&config, true, good());
    let poisoned = made.fly(
        &config,
        true,
        good().chain(
            made.anchors
                .iter()
                .filter(after(60))
                .map(|a| moved(a, 350.0, 0.0)),
        ),
    );
    assert!(clean == poisoned, "an anchor 350 m off moved a position");
}

#[test]
fn a_whole_map_shifted_by_350_m_moves_nothing() {
    let made = make(&Flight::default());
    // What the shown position owes the estimate is dropped when it is withdrawn; here it owes nothing.
    let mut config = NavigatorConfig::default();
    config.vision.converge_mps = 1e9;
    let without = made.fly(&config, true, std::iter::empty());
    let shifted = made.anchors.iter().filter(after(45));
    let with = made.fly(
        &config,
        true,
        shifted.map(|anchor| moved(anchor, 0.0, 350.0)),
    );
    assert_eq!(without.len(), with.len());
    for (without, with) in without.iter().zip(&with) {
        let moved = place(without) != place(with) || without.vel_ned_mps != with.vel_ned_mps;
        assert!(!moved, "a shifted map moved {:?}", with.time);
        assert!(with.horiz_accuracy_m >= without.horiz_accuracy_m);
    }
    // Whoever is right of the two: the position is withdrawn, and its radius holds the other one.
    let last = with.last().unwrap();
    assert_eq!(last.fix_type, FixType::None);
    assert!(last.ellipse_95.semi_major_m > 350.0);
}

#[test]
fn displacements_slow_the_growth_of_the_uncertainty_but_never_end_it() {
    let flight = Flight {
        seconds: 160,
        scale_error: 0.02,
        ..Flight::default()
    };
    let made = make(&flight);
    let config = NavigatorConfig::default();
    let blind = made.fly(&config, false, std::iter::empty());
    let seeing = made.fly(&config, true, std::iter::empty());
    let sigmas: Vec<f64> = seeing
        .iter()
        .filter(|p| p.time.0 >= 50 * SECOND && p.time.0 % (10 * SECOND) == 0)
        .map(|p| p.horiz_accuracy_m)
        .collect();
    assert!(
        sigmas.windows(2).all(|pair| pair[1] > pair[0]),
        "{sigmas:?}"
    );
    let (seen, unseen) = (seeing.last().unwrap(), blind.last().unwrap());
    println!(
        "after 120 s: {:.1} m (1 sigma {:.1}) with the camera, {:.1} m ({:.1}) without",
        made.error_m(seen),
        seen.horiz_accuracy_m,
        made.error_m(unseen),
        unseen.horiz_accuracy_m
    );
    // Across the way the displacement is as good as the heading.
    assert!(seen.horiz_accuracy_m < 0.8 * unseen.horiz_accuracy_m);
    assert!(made.error_m(seen) < 3.0 * seen.horiz_accuracy_m);
    // Two kilometres flown: 2 % of wrong height is 40 m at most, mostly less.
    assert!(made.error_m(seen) < 50.0);
}

#[test]
fn no_number_of_matches_averages_the_error_of_the_map_away() {
    let flight = Flight {
        map_bias_ne_m: [4.0, -3.0],
        map_bias_sigma_m: 4.0,
        seconds: 180,
        ..Flight::default()
    };
    let made = make(&flight);
    let anchors = made.anchors.iter().filter(after(40)).copied();
    let positions = made.fly(&NavigatorConfig::default(), true, anchors);
    let late: Vec<_> = positions
        .iter()
        .filter(|p| p.time.0 > 100 * SECOND)
        .collect();
    let worst_m = late.iter().map(|p| made.error_m(p)).fold(0.0, f64::max);
    let least_m = late
        .iter()
        .map(|p| p.horiz_accuracy_m)
        .fold(f64::MAX, f64::min);
    println!("240 matches: worst error {worst_m:.1} m, smallest 1 sigma {least_m:.2} m");
    assert!(least_m > 4.0 && least_m < 7.0);
    assert!(worst_m < 10.0);
}

/// 100 s without GPS, camera or map, then matches again.
fn long_blind() -> Made {
    make(&Flight {
        seconds: 160,
        ..Flight::default()
    })
}

#[test]
fn one_match_alone_never_moves_an_uncertain_position() {
    let made = long_blind();
    let config = NavigatorConfig::default();
    let without = made.fly(&config, false, std::iter::empty());
    let single = made.anchors.iter().filter(after(140)).take(1).copied();
    assert!(
        without == made.fly(&config, false, single),
        "one match moved it"
    );
    // Nor do peaks that scatter over the search window.
    let scattered = made.anchors.iter().filter(after(140)).enumerate();
    let scattered = scattered.map(|(n, anchor)| {
        let off = (n as f64 * 0.618_034).fract() * 160.0 - 80.0;
        moved(anchor, off, -off)
    });
    let scattered = made.fly(&config, false, scattered);
    assert!(without == scattered, "scattered matches moved it");
}

#[test]
fn the_third_match_that_agrees_brings_an_uncertain_position_back() {
    let made = long_blind();
    let mut config = NavigatorConfig::default();
    config.vision.converge_mps = 1e6;
    let back = made.anchors.iter().filter(after(140)).copied();
    let first = made.anchors.iter().find(after(140)).unwrap().exposure;
    let positions = made.fly(&config, true, back);
    let third_arrived = first.plus_ns(2 * SECOND / 3 + DELAY_NS + 100_000_000);
    let before = positions.iter().rfind(|p| p.time <= first).unwrap();
    let after = positions.iter().find(|p| p.time >= third_arrived).unwrap();
    println!(
        "1 sigma {:.1} m before, {:.1} m after; error {:.1} m, {:.1} m",
        before.horiz_accuracy_m,
        after.horiz_accuracy_m,
        made.error_m(before),
        made.error_m(after)
    );
    assert!(before.horiz_accuracy_m > config.vision.confirm_above_m);
    assert!(after.horiz_accuracy_m < 6.0 && made.error_m(after) < 8.0);
}

#[test]
fn the_emitted_position_returns_at_a_bounded_rate_and_says_how_far_off_it_is() {
    let made = make(&Flight {
        seconds: 130,
        airspeed_error: 0.1,
        ..Flight::default()
    });
    let config = NavigatorConfig::default();
    let anchors = made.anchors.iter().filter(after(90)).copied();
    let positions = made.fly(&config, false, anchors);
    let step_m = |pair: &[EmittedExternalPosition]| {
        let dt = pair[1].time.seconds_since(pair[0].time);
        let carried = Vector3::from(pair[0].vel_ned_mps) * dt;
        let jump = place(&pair[0]).displacement_to(place(&pair[1])) - carried;
        jump.xy().norm()
    };
    let denied: Vec<_> = positions
        .iter()
        .filter(|p| p.time.0 > 41 * SECOND)
        .copied()
        .collect();
    let worst_m = denied.windows(2).map(step_m).fold(0.0, f64::max);
    let before = denied.iter().rfind(|p| p.time.0 < 90 * SECOND).unwrap();
    let returning: Vec<_> = denied.iter().filter(|p| p.time.0 > 93 * SECOND).collect();
    let inside = returning
        .iter()
        .filter(|p| made.error_m(p) < 2.448 * p.horiz_accuracy_m)
        .count();
    println!(
        "error {:.1} m before the first match; largest step {worst_m:.2} m; {inside} of {} positions \
         inside their 95 % radius on the way back; {:.1} m at the end",
        made.error_m(before),
        returning.len(),
        made.error_m(returning.last().unwrap())
    );
    // A position that is withdrawn would settle at once: nobody follows it.
    assert!(denied.iter().all(|p| p.fix_type == FixType::ThreeD));
    // 5 m/s for 0.1 s, the change of velocity within it, and the correction of the velocity itself.
    assert!(
        made.error_m(before) > 30.0,
        "there is little to return from"
    );
    assert!(worst_m < 1.0);
    assert!(inside as f64 >= 0.95 * returning.len() as f64);
    assert!(made.error_m(returning.last().unwrap()) < 6.0);
}

#[test]
fn a_start_with_raw_inertial_data_alone_finds_attitude_and_position() {
    let made = make(&Flight {
        seconds: 100,
        gps_until_s: 90,
        ..Flight::default()
    });
    let raw = made
        .sensors
        .iter()
        .filter(|input| !matches!(input, Input::Attitude(_)));
    let positions = fly(
        &NavigatorConfig::default(),
        &raw.copied().collect::<Vec<_>>(),
    );
    let first = positions
        .first()
        .expect("no position without the autopilot's attitude");
    assert!(
        first.time.0 < 4 * SECOND,
        "first position at {:?}",
        first.time
    );
    let with_gps = positions
        .iter()
        .filter(|p| p.time.0 < 90 * SECOND && p.time.0 > 5 * SECOND);
    let worst_m = with_gps.map(|p| made.error_m(p)).fold(0.0, f64::max);
    let last = positions.last().unwrap();
    println!(
        "worst {worst_m:.1} m with GPS; {:.1} m (1 sigma {:.1}) after 10 s without",
        made.error_m(last),
        last.horiz_accuracy_m
    );
    assert!(worst_m < 10.0);
    assert!(made.error_m(last) < 3.0 * last.horiz_accuracy_m);
}
