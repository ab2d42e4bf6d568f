//! `companion record-bench`, the real program: what it measures it has recorded.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use fdr_format::{Completeness, RecordType, verify};
use support::command::{Run, companion};

fn record_bench(folder: &tempfile::TempDir, options: &[&str]) -> Run {
    let fdr = folder.path().to_str().unwrap();
    companion(
        ["record-bench", "--json", "--fdr", fdr]
            .iter()
            .chain(options),
    )
}

#[test]
fn what_a_paced_writer_reports_is_what_its_recording_holds() {
    let folder = tempfile::tempdir().unwrap();
    let run = record_bench(&folder, &["--rate", "2000", "--seconds", "1"]);
    assert_eq!(run.code, 0, "{run}");
    let summary = run.json();
    assert_eq!(summary["records"], 2000);
    for (figure, key) in [
        ("append_ns", "p999"),
        ("sync_ns", "p99"),
        ("durable_lag_ns", "worst"),
    ] {
        assert!(
            summary[figure][key].as_u64().unwrap() > 0,
            "{figure}: {run}"
        );
    }
    let ratio = summary["bytes_to_device_ratio"].as_f64().unwrap();
    assert!((1.0..1.06).contains(&ratio), "{ratio}");

    let verdict = verify(folder.path()).unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (0, Completeness::Complete)
    );
    assert_eq!(verdict.counts.get(RecordType::SENT_FC_BYTES), 2000);
}

#[test]
fn at_full_speed_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--full-speed", "--record-bytes", "120", "--seconds", "0.3"];
    let run = record_bench(&folder, &options);
    assert_eq!(run.code, 0, "{run}");
    let summary = run.json();
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(verdict.completeness, Completeness::Complete);
    assert_eq!(
        Some(verdict.counts.get(RecordType::SENT_FC_BYTES)),
        summary["records"].as_u64()
    );
}

#[test]
fn wrong_usage_names_the_option_and_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    for (option, value) in [
        ("--rate", "0"),
        ("--seconds", "0"),
        ("--record-bytes", "42"),
        ("--sync-interval-ms", "1"),
    ] {
        record_bench(&folder, &[option, value]).fails(64, &[option, "allowed is"]);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let run = companion(["record-bench", "--fdr", file.to_str().unwrap()]);
    run.fails(1, &["--fdr", "file"]);
}
