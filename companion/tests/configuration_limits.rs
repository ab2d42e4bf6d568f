//! Every setting of the navigator at both ends of its range: whatever an engineer may set, the
//! navigator neither panics nor says anything that is no number.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::convert::Infallible;
use std::fmt::Write;
use std::ops::ControlFlow;

use companion::autopilot::mavlink::{Frame, Refusal};
use companion::config::{Configuration, RANGES, Range};
use companion::navigator::{EmittedExternalPosition, FcGps, MonotonicNs, Output};
use companion::pipeline::Product;
use companion::replay::{DenialWindow, DenialWindows, Observer, Survey, feed};
use support::{flights, straight_flight};

/// Bytes of a real log that are replayed with each setting: some minutes, take-off included.
const PIECE: usize = 300_000;

/// Counts positions and looks at every number in them.
#[derive(Default)]
struct Numbers {
    positions: u64,
}

fn all_finite(position: &EmittedExternalPosition) -> bool {
    let covariance = position.covariance.position_ned_m2();
    let numbers = [
        position.lat_rad,
        position.lon_rad,
        position.alt_msl_m,
        position.horiz_accuracy_m,
        position.vert_accuracy_m,
        position.speed_accuracy_mps,
    ];
    let numbers = numbers.iter().chain(&position.vel_ned_mps);
    numbers
        .chain(covariance.as_flattened())
        .all(|number| number.is_finite())
}

impl Observer for Numbers {
    type Error = Infallible;

    fn frame(&mut self, _: MonotonicNs, _: &Frame<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn refused(&mut self, _: Refusal, _: Option<u32>) {}

    fn product(&mut self, product: Product<'_>) -> Result<(), Infallible> {
        if let Product::Output(Output::Position(position)) = product {
            assert!(all_finite(position), "{position:?}");
            self.positions += 1;
        }
        Ok(())
    }

    fn gps(&mut self, _: &FcGps, _: Option<usize>) {}

    fn progress(&mut self, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Replays `log` with GPS denied in its last third.
fn fly(log: &[u8], configuration: &Configuration) -> u64 {
    let survey = Survey::of(log, None, &mut |_| ControlFlow::Continue(())).unwrap();
    let end = survey.duration_us();
    let window = DenialWindow::new(end / 3 * 2, end).unwrap();
    let windows = DenialWindows::new(vec![window]).unwrap();
    let mut numbers = Numbers::default();
    feed(log, survey.start_us, configuration, &windows, &mut numbers).unwrap();
    numbers.positions
}

/// The configuration that has `range` at the end that `limit` takes.
fn one(range: &Range, limit: fn(&Range) -> f64) -> Configuration {
    let mut text = format!("[navigator.{}]\n", range.section);
    let value = limit(range);
    writeln!(text, "{} = {value:?}", range.name).unwrap();
    // The two radii and the two temperatures stand in an order of their own.
    match range.name {
        "three_d_max_radius_m" => writeln!(text, "two_d_max_radius_m = 10000.0").unwrap(),
        "two_d_max_radius_m" => writeln!(text, "three_d_max_radius_m = 10.0").unwrap(),
        "hot_c" => writeln!(text, "cool_c = 30.0").unwrap(),
        "cool_c" => writeln!(text, "hot_c = 110.0").unwrap(),
        _ => {}
    }
    Configuration::parse(&text).unwrap()
}

/// The configuration that has every setting at the end that `limit` takes.
fn all(limit: fn(&Range) -> f64) -> Configuration {
    let mut text = String::new();
    for range in RANGES {
        let (section, name, value) = (range.section, range.name, limit(&range));
        writeln!(text, "navigator.{section}.{name} = {value:?}").unwrap();
    }
    Configuration::parse(&text).unwrap()
}

fn survives_every_limit(log: &[u8]) {
    let positions = fly(log, &Configuration::default());
    assert!(positions > 100, "{positions}");
    let limits: [fn(&Range) -> f64; 2] = [|range| range.low, |range| range.high];
    for limit in limits {
        for range in RANGES {
            let flown = fly(log, &one(&range, limit));
            assert!(flown > 0, "{} at {}", range.setting(), limit(&range));
        }
        assert!(fly(log, &all(limit)) > 0);
    }
}

#[test]
fn a_built_flight_survives_every_setting_at_its_limits() {
    survives_every_limit(&straight_flight(60).bytes);
}

#[test]
fn a_real_flight_survives_every_setting_at_its_limits() {
    if let Some(log) = flights::bytes("swiss1.tlog") {
        survives_every_limit(&log[..PIECE]);
    }
}
