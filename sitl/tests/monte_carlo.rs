//! Monte Carlo runs as a person or a script makes them.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;
use std::process::{Command, Output};

use companion::navigator::NavigatorConfig;
use serde_json::Value;
use sitl::monte_carlo::{Options, Report, run};

/// Flights that a plain `cargo test` has time for.
const FLIGHTS: u64 = 24;

fn options(flights: u64, minutes: u32, threads: usize) -> Options {
    Options {
        seed: 1,
        first: 0,
        flights,
        minutes,
        threads: NonZeroUsize::new(threads).unwrap(),
        navigator: NavigatorConfig::default(),
    }
}

fn sitl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sitl"))
        .arg("monte-carlo")
        .args(arguments)
        .output()
        .unwrap()
}

/// The default settings with every noise figure divided by four: a filter that is too sure of itself.
fn noise_divided_by_four() -> NavigatorConfig {
    let config = NavigatorConfig::default();
    let mut value = serde_json::to_value(&config).unwrap();
    for section in ["process", "sensors"] {
        for (name, figure) in value[section].as_object_mut().unwrap() {
            // Times are no noise.
            if let (false, Some(number)) = (name.ends_with("_s"), figure.as_f64()) {
                *figure = (number / 4.0).into();
            }
        }
    }
    let broken: NavigatorConfig = serde_json::from_value(value).unwrap();
    assert!(broken.sensors.airspeed_mps == config.sensors.airspeed_mps / 4.0);
    broken
}

fn flown(navigator: NavigatorConfig) -> Report {
    let options = Options {
        navigator,
        ..options(FLIGHTS, 10, 2)
    };
    run(&options, |_| {}).unwrap()
}

#[test]
fn a_filter_that_believes_everything_four_times_too_much_breaks_the_limits() {
    let broken = flown(noise_divided_by_four());
    let [_, high] = broken.coverage_95_interval;
    println!("coverage {:.3}, at most {high:.3}", broken.coverage_95);
    assert!(high < 0.9);
    assert!(!broken.within_limits);
    let coverage = broken
        .limits
        .iter()
        .find(|limit| limit.name == "coverage, all positions")
        .unwrap();
    assert!(!coverage.holds, "{coverage:?}");
}

/// Not yet that it keeps all limits: where it breaks one it is too careful (docs/estimation.md).
#[test]
fn the_filter_as_it_is_is_never_too_sure_of_itself_and_never_far_off() {
    let healthy = flown(NavigatorConfig::default());
    let broken = healthy.limits.iter().filter(|limit| !limit.holds);
    for limit in broken {
        println!("broken: {limit:?}");
        let bounds = limit.measured.split_once(" to ");
        let lower: Option<f64> = bounds.map(|(lower, _)| lower.parse().unwrap());
        assert!(
            lower.is_some_and(|lower| lower >= 0.95) || limit.name.starts_with("sharpness"),
            "{limit:?}"
        );
    }
    assert!(healthy.coverage_95_interval[0] >= 0.95);
    assert_eq!(healthy.p_error_gt_500m, 0.0);
}

#[test]
fn the_number_of_threads_changes_no_figure() {
    let reports = [1, 3].map(|threads| {
        let report = run(&options(5, 4, threads), |_| {}).unwrap();
        serde_json::to_string(&report).unwrap()
    });
    assert!(reports[0] == reports[1]);
}

#[test]
fn a_flight_flown_alone_is_the_flight_of_the_run() {
    let together = run(&options(4, 4, 2), |_| {}).unwrap();
    let worst = &together.worst_flights[0];
    let alone = Options {
        first: worst.number,
        ..options(1, 4, 1)
    };
    let alone = run(&alone, |_| {}).unwrap();
    assert_eq!(alone.worst_flights[0].error_max_m, worst.error_max_m);
}

#[test]
fn json_is_one_document_with_the_keys_that_scripts_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let arguments = ["--flights", "3", "--minutes", "4", "--json", "--report"];
    let done = sitl(&[&arguments[..], &[file.to_str().unwrap()]].concat());
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    for key in [
        "coverage_95",
        "nees_mean",
        "error_p50_m",
        "error_p95_m",
        "p_error_gt_500m",
        "p_error_gt_1km",
        "p_offered_error_gt_500m",
        "p_offered_error_gt_1km",
        "offered",
    ] {
        assert!(report[key].is_f64(), "{key}: {report}");
    }
    assert_eq!(report["flights"], 3);
    let labels = report["coverage_by_label"].as_object().unwrap();
    assert!(labels.contains_key("dead_reckoned"));
    let held = report["within_limits"].as_bool().unwrap();
    assert_eq!(done.status.code(), Some(if held { 0 } else { 2 }));
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written, report);
}

#[test]
fn the_table_fits_eighty_columns_and_the_time_taken_is_no_part_of_it() {
    let done = sitl(&["--flights", "2", "--minutes", "4", "--threads", "2"]);
    let table = String::from_utf8(done.stdout).unwrap();
    assert!(table.contains("covered"), "{table}");
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("2 flights in"), "{told}");
}

#[test]
fn wrong_usage_ends_with_64_and_a_report_that_cannot_be_written_with_1() {
    for arguments in [
        &["--flights", "0"][..],
        &["--flights", "10001"],
        &["--minutes", "3"],
        &["--threads", "0"],
        &["--seed", "-1"],
    ] {
        let done = sitl(arguments);
        assert_eq!(done.status.code(), Some(64), "{arguments:?}");
        assert!(done.stdout.is_empty());
    }
    let nowhere = "/nowhere/at/all.json";
    let arguments = [
        "--flights",
        "1",
        "--minutes",
        "4",
        "--json",
        "--report",
        nowhere,
    ];
    let done = sitl(&arguments);
    assert_eq!(done.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(
        report["error"].as_str().unwrap().contains(nowhere),
        "{report}"
    );
}
