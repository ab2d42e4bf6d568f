//! Drills on the real program: it is killed, its disk is full, its disk fails.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fdr_format::{Completeness, DropLog, FlightItem, FlightReader, verify};
use tempfile::TempDir;

/// How often the program is killed, and the number of the sync that fails, when it is not said.
const KILLS: u64 = 200;
const FAILING_SYNCS: std::ops::Range<u64> = 12..13;
/// `just drills` sets them: so many kills, and as many syncs, one after the other.
const DRILLS_VARIABLE: &str = "RECORDER_DRILLS";

fn drills() -> Option<u64> {
    let wanted = std::env::var(DRILLS_VARIABLE).ok();
    wanted.map(|drills| drills.parse().unwrap())
}

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
    let kills = drills().unwrap_or(KILLS);
    for kill in 0..kills {
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
    println!("{kills} kills, {promised_in_all} records promised, none lost");
    assert!(promised_in_all > kills * 100);
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
    let syncs = drills().map_or(FAILING_SYNCS, |drills| 10..10 + drills.min(80));
    let syncs = syncs.map(|nth| format!("fdatasync:error=EIO:when={nth}"));
    let others = [
        "fdatasync:error=EIO:when=15..17",
        "pwrite64:error=EIO:when=14",
        "pwrite64:error=ENOSPC:when=13..16",
    ];
    for inject in syncs.chain(others.map(str::to_owned)) {
        let fdr = tempfile::tempdir().unwrap();
        let options = ["--rate", "4000", "--seconds", "2.5"];
        let Some((code, stdout)) = with_injected(fdr.path(), &inject, &options) else {
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

/// A file system in memory of so many megabytes, until it is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, and the reason on the standard output, when this process may not mount one.
    fn mount(megabytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.as_ref().is_ok_and(|run| run.status.success()) {
            return Some(Self(folder));
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "a tmpfs cannot be mounted; run the tests as root: {mounted:?}"
        );
        println!("skipped: a tmpfs cannot be mounted; run the tests as root");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all that is free, again and again for a time, down to the last byte.
    fn fill_for(&self, time: Duration) {
        let mut filler = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.filler())
            .unwrap();
        let started = Instant::now();
        while started.elapsed() < time {
            let mut chunk = 1 << 20;
            while chunk > 0 {
                match filler.write(&vec![0xF1; chunk]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => chunk /= 2,
                    Err(error) => panic!("{error}"),
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What stays mounted is in nobody's way but for its memory.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_disk_filled_to_the_last_byte_costs_the_oldest_of_this_flight_and_all_of_it_is_told() {
    let Some(disk) = SmallDisk::mount(32) else {
        return;
    };
    // A flight that nobody has retrieved yet.
    let other = disk.path().join("other-flight");
    fs::write(&other, vec![0xAB; 4 << 20]).unwrap();
    let options = [
        "--rate",
        "6000",
        "--seconds",
        "6",
        "--cap-bytes",
        "67108864",
    ];
    let mut child = writing(disk.path(), &options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: u64 = lines.next().unwrap().unwrap().parse().unwrap();
    let reading = thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    thread::sleep(Duration::from_secs(1));
    disk.fill_for(Duration::from_secs(2));
    fs::remove_file(disk.filler()).unwrap();
    let code = child.wait().unwrap().code().unwrap();
    let mut told = String::new();
    stderr.read_to_string(&mut told).unwrap();
    let lines = reading.join().unwrap();
    let json = lines.iter().position(|line| line == "{").unwrap();
    let summary = lines[json..].join("\n");
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["clean_shutdown"], true, "{code}: {told}");
    assert!(
        summary["segments_dropped"].as_u64().unwrap() > 3,
        "{summary}"
    );
    assert!(told.contains("segment dropped"), "{told}");
    assert_eq!(fs::read(&other).unwrap(), vec![0xAB; 4 << 20]);
    fs::remove_file(&other).unwrap();
    let verdict = verify(disk.path()).unwrap();
    assert_eq!(verdict.exit_code, 0, "{:?}", verdict.findings);
    assert_eq!(verdict.completeness, Completeness::Dropped);
    let log = DropLog::read(&flight_in(disk.path())).unwrap();
    assert!(log.lines.iter().any(|line| line.cause == "no_space"));
    let kept = sequences(disk.path());
    let last = *kept.last().unwrap();
    assert!(
        last > first && kept.len() as u64 > last / 10,
        "{} of {last}",
        kept.len()
    );
    println!(
        "{} of {last} records are there, the loss of the others is told",
        kept.len()
    );
}

/// The only flight in a folder.
fn flight_in(fdr: &Path) -> PathBuf {
    FlightReader::open(fdr).unwrap().folder().to_owned()
}
