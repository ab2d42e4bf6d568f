//! The report in a browser: headless Chromium over Debian's chromedriver, driven by selenium from `.venv`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::lively::{Lively, record};
use support::{code, run, stderr, text};

/// What is needed, or `None` (said plainly). Under `CI=true` its absence fails.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    let selenium = || {
        let import = Command::new(&python)
            .args(["-c", "import selenium"])
            .output();
        import.is_ok_and(|output| output.status.success())
    };
    let there = |path: &str| Path::new(path).exists();
    if there("/usr/bin/chromium") && there("/usr/bin/chromedriver") && selenium() {
        return Some(python);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "chromium, chromedriver or selenium is missing and must not be skipped in CI; run `just setup`"
    );
    eprintln!("SKIPPED: chromium, chromedriver or selenium is missing; run `just setup`");
    None
}

/// Opens the report; screenshots stay in `target/report-screenshots/NAME`.
fn open(python: &Path, report: &Path, name: &str) -> Value {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("../report-screenshots")
        .join(name);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/report.py");
    let output = Command::new(python)
        .arg(script)
        .arg(report)
        .arg(out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_report_opens_without_an_error_or_a_request_and_one_cursor_links_its_charts() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let flight = record(
        folder.path(),
        Lively {
            seconds: 620,
            ..Lively::default()
        },
    );
    let earlier = tempfile::tempdir().unwrap();
    record(
        earlier.path(),
        Lively {
            seconds: 60,
            id: 0x2f,
            ..Lively::default()
        },
    );
    let report = folder.path().join("report.html");
    let output = run(&[
        "report",
        text(&flight),
        "-o",
        text(&report),
        "--compare",
        text(earlier.path()),
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = open(&python, &report, "lively");
    assert_eq!(found["console"], json!([]));
    assert_eq!(found["requests"], json!([]));
    assert_eq!(found["sections"].as_array().unwrap().len(), 13);
    assert_eq!(
        (found["charts"].as_u64(), found["curves"].as_u64()),
        (Some(10), Some(2))
    );
    let time = found["time"].as_f64().unwrap();
    let cursors = found["cursors"].as_array().unwrap();
    assert_eq!(cursors.len(), 10);
    for cursor in cursors {
        assert!(
            (cursor.as_f64().unwrap() - time).abs() < 2.0,
            "{cursors:?}, {time}"
        );
    }
    let ranges = found["ranges"].as_array().unwrap();
    assert!(ranges.iter().all(|range| *range == ranges[0]), "{ranges:?}");
    let [from, to] = [0, 1].map(|end| ranges[0][end].as_f64().unwrap());
    assert!(to - from < 300.0, "a drag zooms all charts");
    assert_eq!(found["key_moved"], true);
    let [asked, reached] = [0, 1].map(|end| found["link"][end].as_f64());
    assert_eq!(asked, reached, "a finding leads to its time");
    for painted in found["painted"].as_array().unwrap() {
        assert!(painted.as_u64().unwrap() > 5, "map and timeline are drawn");
    }
    assert!(
        found["phone_width"].as_f64().unwrap() <= 390.0,
        "nothing is wider than a phone"
    );
    assert!(
        found["open_s"].as_f64().unwrap() < 3.0 * slowness(),
        "{}",
        found["open_s"]
    );
}

/// A report of a flight that has next to nothing.
#[test]
fn the_report_of_an_almost_empty_flight_opens_too() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let flight = record(
        folder.path(),
        Lively {
            seconds: 1,
            ..Lively::default()
        },
    );
    let report = folder.path().join("report.html");
    let output = run(&["report", text(&flight), "-o", text(&report)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = open(&python, &report, "short");
    assert_eq!(found["console"], json!([]));
    assert_eq!(found["requests"], json!([]));
    assert_eq!(found["sections"].as_array().unwrap().len(), 13);
}

/// Tests share the machine: the figure itself is measured by `just bench-replay`.
fn slowness() -> f64 {
    10.0
}
