//! How long the navigator takes for one input. `cargo bench -p companion --bench navigator`.
//!
//! Criterion gives the mean; the table of percentiles below it is what the requirement speaks of
//! (`handle` of any input: mean <= 5 us, p99 <= 50 us, p99.9 <= 200 us).

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench is a program of its own"
)]

#[path = "../tests/support/weaving_flight.rs"]
mod weaving_flight;

use std::hint::black_box;
use std::time::Instant;

use companion::navigator::{Input, Navigator, NavigatorConfig, Outputs, Tick};
use criterion::{BatchSize, Criterion};
use weaving_flight::{Flight, with_late_results};

/// A navigator that has flown for a minute, and the inputs that come next: 100 Hz inertial, 50 Hz
/// attitude, 3 Hz camera with odometry and a late match for every frame.
fn in_flight() -> (Navigator, Vec<Input>) {
    let flight = Flight {
        seconds: 90,
        gps_until_s: 70,
        ..Flight::default()
    };
    let inputs = with_late_results(&flight);
    let mut navigator = Navigator::new(&NavigatorConfig::default());
    let mut outputs = Outputs::default();
    let split = inputs.len() * 2 / 3;
    inputs[..split]
        .iter()
        .for_each(|input| navigator.handle(input, &mut outputs));
    (navigator, inputs[split..].to_vec())
}

fn kind(input: &Input) -> &'static str {
    match input {
        Input::Imu(_) => "imu",
        Input::Attitude(_) => "attitude",
        Input::AirData(_) => "air_data",
        Input::Barometer(_) => "barometer",
        Input::FcGps(_) => "fc_gps",
        Input::FlightState(_) => "flight_state",
        Input::GpsIntegrity(_) => "gps_integrity",
        Input::FrameExposed(_) => "frame_exposed",
        Input::VisualOdometry(_) => "visual_odometry",
        Input::SatelliteAnchor(_) => "satellite_anchor",
        Input::TakeoffOrigin(_) => "takeoff_origin",
        Input::TrustedState(_) => "trusted_state",
        Input::RestartState(_) => "restart_state",
        Input::OperatorHint(_) => "operator_hint",
        Input::SystemHealth(_) => "system_health",
        Input::Tick(_) => "tick",
    }
}

fn mean_of_each_kind(criterion: &mut Criterion) {
    let (navigator, inputs) = in_flight();
    let mut group = criterion.benchmark_group("navigator_handle");
    let kinds = [
        "imu",
        "attitude",
        "air_data",
        "barometer",
        "fc_gps",
        "frame_exposed",
        "visual_odometry",
        "satellite_anchor",
    ];
    for wanted in kinds {
        let input = inputs.iter().find(|input| kind(input) == wanted).unwrap();
        let mut outputs = Outputs::default();
        group.bench_function(wanted, |bencher| {
            bencher.iter_batched_ref(
                || navigator.clone(),
                |navigator| navigator.handle(black_box(input), &mut outputs),
                BatchSize::SmallInput,
            );
        });
    }
}

fn percentiles() {
    let mut took: std::collections::BTreeMap<&str, Vec<u128>> = std::collections::BTreeMap::new();
    let mut outputs = Outputs::default();
    let (start, inputs) = in_flight();
    for _ in 0..20 {
        let mut navigator = start.clone();
        for input in &inputs {
            while let Some(due) = navigator.next_deadline().filter(|due| *due <= input.time()) {
                let tick = Input::Tick(Tick { time: due });
                took.entry("tick")
                    .or_default()
                    .push(time(&mut navigator, &tick, &mut outputs));
            }
            let nanoseconds = time(&mut navigator, input, &mut outputs);
            took.entry(kind(input)).or_default().push(nanoseconds);
        }
    }
    println!(
        "\nnavigator.handle, microseconds ({:>12} samples)",
        took.values().map(Vec::len).sum::<usize>()
    );
    println!(
        "{:<18}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "input", "mean", "p50", "p99", "p99.9", "max"
    );
    let all = took.values().flatten().copied().collect();
    took.insert("any", all);
    for (kind, times) in &mut took {
        times.sort_unstable();
        let mean = times.iter().sum::<u128>() as f64 / times.len() as f64 / 1e3;
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e3;
        let row = [at(0.5), at(0.99), at(0.999), at(1.0)]
            .map(|us| format!("{us:>9.2}"))
            .concat();
        println!("{kind:<18}{mean:>9.2}{row}");
    }
}

fn time(navigator: &mut Navigator, input: &Input, outputs: &mut Outputs) -> u128 {
    let start = Instant::now();
    navigator.handle(black_box(input), outputs);
    start.elapsed().as_nanos()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    mean_of_each_kind(&mut criterion);
    criterion.final_summary();
    percentiles();
}
