//! Drills on the real program: it is killed, its disk is full, its disk fails.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use fdr_format::{Completeness, FlightItem, FlightReader, verify};

/// How often the program is killed; `just drills` sets the other number.
const KILLS: u64 = 200;

/// A writing process that tells on its standard output how far it is durable.
fn writing(fdr: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_companion"));
    command
        .args(["record-bench", "--json", "--fdr", fdr.to_str().unwrap()])
        .args(["--durable-log", "/dev/stdout", "--segment-bytes", "1048576"])
        .args(more);
    command
}

/// The numbers of all records in a flight, in order.
fn sequences(fdr: &Path) -> Vec<u64> {
    let mut reader = FlightReader::open(fdr).unwrap();
    let mut sequences = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        if let FlightItem::Record { record, .. } = item {
            sequences.push(record.sequence);
        }
    }
    sequences
}

#[test]
fn a_process_killed_at_any_moment_loses_nothing_that_it_called_durable() {
    let mut promised_in_all = 0;
    for kill in 0..KILLS {
        let fdr = tempfile::tempdir().unwrap();
        let options = [
            "--rate",
            "20000",
            "--seconds",
            "60",
            "--sync-interval-ms",
            "10",
        ];
        let mut child = writing(fdr.path(), &options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // It lives until it has told of its first sync; then up to 50 ms more, never the same.
        let mut promised: u64 = lines.next().unwrap().unwrap().parse().unwrap();
        thread::sleep(Duration::from_micros(kill * 7919 % 50_000));
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(last) = lines.map_while(Result::ok).last() {
            promised = last.parse().unwrap();
        }
        let kept = sequences(fdr.path());
        let whole = kept.iter().copied().eq(0..kept.len() as u64);
        assert!(whole, "kill {kill}: the records have gaps");
        assert!(
            kept.len() as u64 >= promised,
            "kill {kill}: {} records of {promised} promised",
            kept.len()
        );
        let verdict = verify(fdr.path()).unwrap();
        assert!(
            matches!(verdict.exit_code, 0 | 2),
            "kill {kill}: {:?}",
            verdict.findings
        );
        promised_in_all += promised;
    }
    println!("{KILLS} kills, {promised_in_all} records promised, none lost");
    assert!(promised_in_all > KILLS * 100);
}

/// Runs the writing process with errors put into its system calls; `None` when nothing can be put there.
///
/// `inject` is what strace calls an injection; it counts for each thread alone, and the one that starts the
/// recording makes fewer than ten calls of a kind.
fn with_injected(fdr: &Path, inject: &str, more: &[&str]) -> Option<(i32, String)> {
    let traced = Command::new("strace").args(["-qq", "-f", "true"]).output();
    if !traced.is_ok_and(|run| run.status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "strace is missing or may not trace; run `just setup`"
        );
        println!("skipped: strace is missing or may not trace; run `just setup`");
        return None;
    }
    let trace = tempfile::NamedTempFile::new().unwrap();
    let call = inject.split(':').next().unwrap();
    let run = Command::new("strace")
        .args(["-qq", "-f", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={inject}"), "-o"])
        .arg(trace.path())
        .arg(env!("CARGO_BIN_EXE_companion"))
        .args(["record-bench", "--json", "--fdr", fdr.to_str().unwrap()])
        .args(["--segment-bytes", "1048576", "--sync-interval-ms", "20"])
        .args(more)
        .output()
        .unwrap();
    let Some(code) = run.status.code() else {
        panic!("{run:?}");
    };
    let trace = std::fs::read_to_string(trace.path()).unwrap();
    assert!(trace.contains("INJECTED"), "nothing was injected: {trace}");
    let stdout = String::from_utf8(run.stdout).unwrap();
    Some((code, stdout))
}

#[test]
fn errors_that_the_kernel_reports_cost_what_is_said_and_the_flight_goes_on() {
    for inject in [
        "fdatasync:error=EIO:when=12",
        "fdatasync:error=EIO:when=15..17",
        "pwrite64:error=EIO:when=14",
        "pwrite64:error=ENOSPC:when=13..16",
    ] {
        let fdr = tempfile::tempdir().unwrap();
        let options = ["--rate", "4000", "--seconds", "2.5"];
        let Some((code, stdout)) = with_injected(fdr.path(), inject, &options) else {
            return;
        };
        let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        let dropped = summary["records_dropped"].as_u64().unwrap();
        // A segment that cannot be begun is tried again, and staging holds its records meanwhile.
        assert_eq!(code, i32::from(dropped > 0), "{inject}: {stdout}");
        assert_eq!(summary["clean_shutdown"], true, "{inject}: {stdout}");
        let verdict = verify(fdr.path()).unwrap();
        assert_eq!(verdict.exit_code, 0, "{inject}: {:?}", verdict.findings);
        // Whatever was taken is there or was said to be lost. What was in doubt may be there all the same,
        // because an injected error leaves out the call alone.
        assert!(matches!(
            verdict.completeness,
            Completeness::Complete | Completeness::Dropped
        ));
        let kept = sequences(fdr.path()).len() as u64;
        let taken = summary["records"].as_u64().unwrap();
        assert!(
            kept + dropped >= taken,
            "{inject}: {kept} and {dropped} of {taken}"
        );
        assert!(kept > taken / 2, "{inject}: {kept} of {taken}");
    }
}
