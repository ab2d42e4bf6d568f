//! The smoothed track against the log's own GPS, on real flights that were denied it for stretches.
//!
//! Denied stretches begin with the attitude of filters that had GPS until then, and that attitude stays
//! available inside them (`shared/data/README.md`).

#![allow(clippy::unwrap_used)]

#[path = "support/flights.rs"]
mod flights;

use std::convert::Infallible;
use std::ops::{ControlFlow, Range};

use companion::autopilot::mavlink::{Frame, Refusal};
use companion::config::Configuration;
use companion::navigator::{FcGps, Geodetic, GpsFix, Input, MonotonicNs, NavigatorConfig, Tick};
use companion::pipeline::Product;
use companion::replay::{DenialWindows, Observer, Survey, feed};
use companion::smoother::{Settings, SmoothedPosition, Smoother};

#[derive(Default)]
struct Inputs(Vec<Input>);

impl Observer for Inputs {
    type Error = Infallible;

    fn frame(&mut self, _: MonotonicNs, _: &Frame<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn refused(&mut self, _: Refusal, _: Option<u32>) {}

    fn product(&mut self, product: Product<'_>) -> Result<(), Self::Error> {
        if let Product::Input(input) = product {
            self.0.push(*input);
        }
        Ok(())
    }

    fn gps(&mut self, _: &FcGps, _: Option<usize>) {}

    fn progress(&mut self, _: u64) -> Result<(), Self::Error> {
        Ok(())
    }
}

fn inputs(log: &[u8]) -> Vec<Input> {
    let survey = Survey::of(log, None, &mut |_| ControlFlow::Continue(())).unwrap();
    let mut inputs = Inputs::default();
    let (configuration, windows) = (Configuration::default(), DenialWindows::default());
    feed(log, survey.start_us, &configuration, &windows, &mut inputs).unwrap();
    inputs.0
}

fn seconds(time_ns: u64, inputs: &[Input]) -> f64 {
    (time_ns as f64 - inputs[0].time().0 as f64) * 1e-9
}

fn place(fix: &FcGps) -> Geodetic {
    Geodetic {
        lat_rad: fix.lat_rad,
        lon_rad: fix.lon_rad,
        alt_msl_m: fix.alt_msl_m,
    }
}

/// Where GPS had the aircraft at `time_ns`, between two fixes at most 1.5 s apart.
fn truth(inputs: &[Input], time_ns: u64) -> Option<Geodetic> {
    let fixes: Vec<&FcGps> = inputs
        .iter()
        .filter_map(|input| match input {
            Input::FcGps(fix) if fix.fix == GpsFix::ThreeD => Some(fix),
            _ => None,
        })
        .collect();
    let after = fixes.partition_point(|fix| fix.time.0 < time_ns);
    let (before, after) = (fixes.get(after.checked_sub(1)?)?, fixes.get(after)?);
    let gap_s = after.time.seconds_since(before.time);
    let share = MonotonicNs(time_ns).seconds_since(before.time) / gap_s;
    let way = place(before).displacement_to(place(after)) * share;
    (gap_s <= 1.5).then(|| place(before).displaced(way))
}

fn smoothed(inputs: &[Input], denied: &[Range<f64>]) -> Vec<SmoothedPosition> {
    let settings = Settings::new(300.0, 1.0).unwrap();
    let mut smoother = Smoother::new(&NavigatorConfig::default(), settings);
    let mut track = Vec::new();
    for input in inputs {
        let now_s = seconds(input.time().0, inputs);
        let masked =
            matches!(input, Input::FcGps(_)) && denied.iter().any(|window| window.contains(&now_s));
        if !masked {
            smoother.handle(input, &mut |position| track.push(position));
        }
    }
    smoother.finish(&mut |position| track.push(position));
    track
}

#[derive(Debug)]
struct Compared {
    /// Denied positions.
    positions: usize,
    /// Those that hindsight moved nearer to GPS.
    better: usize,
    /// Median error as emitted.
    filter_m: f64,
    /// Median error in hindsight.
    smoother_m: f64,
}

fn compare(log: &str, denied: &[Range<f64>]) -> Option<Compared> {
    let inputs = inputs(&flights::bytes(log)?);
    let mut errors: Vec<(f64, f64)> = smoothed(&inputs, denied)
        .iter()
        .filter(|position| {
            let second = seconds(position.time_ns, &inputs);
            denied.iter().any(|window| window.contains(&second))
        })
        .filter_map(|position| {
            let truth = truth(&inputs, position.time_ns)?;
            let error = |lat_rad, lon_rad| {
                let at = Geodetic {
                    lat_rad,
                    lon_rad,
                    ..truth
                };
                truth.displacement_to(at).xy().norm()
            };
            Some((
                error(position.emitted_lat_rad, position.emitted_lon_rad),
                error(position.lat_rad, position.lon_rad),
            ))
        })
        .collect();
    let better = errors.iter().filter(|(then, now)| now < then).count();
    let (positions, middle) = (errors.len(), errors.len() / 2);
    errors.sort_by(|a, b| a.0.total_cmp(&b.0));
    let filter_m = errors[middle].0;
    errors.sort_by(|a, b| a.1.total_cmp(&b.1));
    let smoother_m = errors[middle].1;
    println!(
        "{log}: {positions} positions without GPS, {:.1} % better in hindsight, median {filter_m:.1} -> {smoother_m:.1} m",
        100.0 * better as f64 / positions as f64
    );
    Some(Compared {
        positions,
        better,
        filter_m,
        smoother_m,
    })
}

#[test]
fn ac_4_5_hindsight_beats_the_filter_in_four_of_five_positions_of_real_flights() {
    let minutes = |from: f64, count: usize| -> Vec<Range<f64>> {
        (0..count)
            .map(|window| from + 90.0 * window as f64)
            .map(|start| start..start + 60.0)
            .collect()
    };
    let (mut better, mut positions) = (0, 0);
    for (log, denied) in [
        ("thor75.tlog", minutes(260.0, 3)),
        ("proto09.tlog", minutes(110.0, 4)),
        ("swiss1.tlog", vec![37.0..57.0, 67.0..87.0]),
    ] {
        let Some(compared) = compare(log, &denied) else {
            return;
        };
        assert!(
            compared.smoother_m < 0.6 * compared.filter_m,
            "{log}: {compared:?}"
        );
        better += compared.better;
        positions += compared.positions;
    }
    let share = better as f64 / positions as f64;
    println!("all: {:.1} % of {positions}", 100.0 * share);
    assert!(share >= 0.8, "{share}");
}

#[test]
fn positions_leave_in_order_once_they_are_as_old_as_the_lag_or_the_flight_ends() {
    let settings = Settings::new(5.0, 1.0).unwrap();
    let mut smoother = Smoother::new(&NavigatorConfig::default(), settings);
    let mut track = Vec::new();
    for input in standing_for_20_s() {
        smoother.handle(&input, &mut |position: SmoothedPosition| {
            track.push(position)
        });
    }
    let before_the_end = track.len();
    smoother.finish(&mut |position| track.push(position));
    assert!(track.len() > 15, "{}", track.len());
    assert!(
        track
            .windows(2)
            .all(|pair| pair[0].time_ns + 1_000_000_000 == pair[1].time_ns)
    );
    let lags: Vec<f64> = track.iter().map(|position| position.lag_s).collect();
    assert!(
        lags[..before_the_end]
            .iter()
            .all(|lag| (5.0..5.3).contains(lag))
    );
    assert!(lags[before_the_end..].iter().all(|lag| *lag < 5.3));
}

#[test]
fn a_lag_that_makes_no_sense_is_refused() {
    for (lag_s, period_s) in [
        (0.5, 1.0),
        (f64::NAN, 1.0),
        (10.0, 0.01),
        (4_000.0, 1.0),
        (-1.0, -1.0),
    ] {
        assert!(
            Settings::new(lag_s, period_s).is_err(),
            "{lag_s} {period_s}"
        );
    }
}

/// A fixed wing on the ground with attitude, GPS and ticks.
fn standing_for_20_s() -> Vec<Input> {
    let mut inputs = Vec::new();
    for tick in 0..=200_u64 {
        let time = MonotonicNs(1_000_000_000 + tick * 100_000_000);
        inputs.push(Input::Tick(Tick { time }));
        inputs.push(Input::Attitude(companion::navigator::Attitude {
            time,
            roll_rad: 0.0,
            pitch_rad: 0.0,
            yaw_rad: 1.0,
            angular_rate_frd_radps: [0.0; 3],
        }));
        if tick.is_multiple_of(2) {
            inputs.push(Input::FcGps(FcGps {
                time,
                instance: 0,
                fix: GpsFix::ThreeD,
                lat_rad: 0.8,
                lon_rad: 0.1,
                alt_msl_m: 100.0,
                velocity_ne_mps: Some([0.0; 2]),
                horiz_accuracy_m: None,
                vert_accuracy_m: None,
                speed_accuracy_mps: None,
                satellites: None,
            }));
        }
    }
    inputs
}
