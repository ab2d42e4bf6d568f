//! AC-4.5 on simulated flights, where the truth is known: the smoothed track against the emitted one.

#![allow(clippy::unwrap_used)]

use companion::navigator::NavigatorConfig;
use companion::smoother::{Settings, SmoothedPosition, Smoother};
use sitl::monte_carlo::plan::{Denial, FlightPlan, GpsPlan, Span};
use sitl::monte_carlo::{Heard, listen};
use sitl::world::Place;

/// Flights of the run of seed 7.
const FLIGHTS: u64 = 4;
const MINUTES: u32 = 8;

struct Compared {
    denied: bool,
    emitted_m: f64,
    smoothed_m: f64,
    inside_95: bool,
}

fn compare(plan: &FlightPlan) -> Vec<Compared> {
    let config = NavigatorConfig::default();
    let heard = listen(plan, &config);
    let mut smoother = Smoother::new(&config, Settings::new(300.0, 2.0).unwrap());
    let mut track = Vec::new();
    for input in &heard.inputs {
        smoother.handle(input, &mut |position| track.push(position));
    }
    smoother.finish(&mut |position| track.push(position));
    track
        .iter()
        .filter_map(|position| judge(position, &heard, plan))
        .collect()
}

fn judge(position: &SmoothedPosition, heard: &Heard, plan: &FlightPlan) -> Option<Compared> {
    let time_ns = Heard::flight_time_ns(companion::navigator::MonotonicNs(position.time_ns));
    let truth = heard.truth.at(time_ns)?.place;
    let error = |lat_rad, lon_rad| {
        let at = Place {
            lat_rad,
            lon_rad,
            ..truth
        };
        at.ned_to(&truth).xy()
    };
    let smoothed = error(position.lat_rad, position.lon_rad);
    let [nn, ne, ee] = position.covariance_m2;
    let determinant = nn * ee - ne * ne;
    let (x, y) = (smoothed.x, smoothed.y);
    let nees = (ee * x * x - 2.0 * ne * x * y + nn * y * y) / determinant;
    Some(Compared {
        denied: plan.gps.spans.iter().any(|span| span.holds(time_ns)),
        emitted_m: error(position.emitted_lat_rad, position.emitted_lon_rad).norm(),
        smoothed_m: smoothed.norm(),
        inside_95: nees <= 5.991,
    })
}

/// Without a camera and jammed for a minute, three times, as the real flights are: what comes back is GPS,
/// within what the spoof gate lets in again.
fn jammed_three_times(plan: FlightPlan) -> FlightPlan {
    let span = |from_s: u64| Span {
        from_ns: from_s * 1_000_000_000,
        to_ns: (from_s + 60) * 1_000_000_000,
    };
    FlightPlan {
        gps: GpsPlan {
            denial: Denial::JamAndReturn,
            spans: [120, 240, 360].map(span).to_vec(),
            ..plan.gps
        },
        vision: None,
        ..plan
    }
}

#[test]
fn ac_4_5_hindsight_beats_the_filter_in_four_of_five_positions_without_gps() {
    let compared: Vec<Compared> = (0..FLIGHTS)
        .map(|number| jammed_three_times(FlightPlan::draw(7, number, MINUTES)))
        .flat_map(|plan| compare(&plan))
        .collect();
    let share = |of: &dyn Fn(&Compared) -> bool, among: &dyn Fn(&Compared) -> bool| {
        let all: Vec<_> = compared.iter().filter(|one| among(one)).collect();
        all.iter().filter(|one| of(one)).count() as f64 / all.len() as f64
    };
    let better = |one: &Compared| one.smoothed_m < one.emitted_m;
    let denied = share(&better, &|one| one.denied);
    let trusted = share(&better, &|one| !one.denied);
    let covered = share(&|one| one.inside_95, &|_| true);
    let rms = |of: &dyn Fn(&Compared) -> f64| {
        let squares: f64 = compared
            .iter()
            .filter(|one| one.denied)
            .map(|one| of(one).powi(2))
            .sum();
        (squares / compared.iter().filter(|one| one.denied).count() as f64).sqrt()
    };
    let (emitted, smoothed) = (rms(&|one| one.emitted_m), rms(&|one| one.smoothed_m));
    println!(
        "{} positions: better {denied:.3} without GPS, {trusted:.3} with; rms without GPS {emitted:.1} -> {smoothed:.1} m; covered {covered:.3}",
        compared.len()
    );
    assert!(denied >= 0.8, "{denied}");
    assert!(smoothed < 0.6 * emitted, "{emitted} -> {smoothed} m");
}
