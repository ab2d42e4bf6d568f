//! Memory and recovery while millions of rows wait. Each part is a process of its own that ends itself by
//! force, so that its memory is its own and the next one finds what a `kill -9` leaves.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use edge_spine::drain::{Drainer, Round};
use edge_spine::intake::Intake;
use edge_spine::limits::{Bound, Limits};
use edge_spine::shell::Clock;
use edge_spine::store::Store;

use super::speed::Nowhere;
use super::{Table, config, filled, line};

/// Rows that come in, and batches that leave, while memory is looked at.
const MORE_ROWS: i64 = 20_000;
const ROUNDS: usize = 50;

/// The table's part about waiting rows.
pub fn measure(folder: &Path, rows: i64, limits: &Limits, table: &mut Table) {
    std::fs::create_dir_all(folder).unwrap();
    let [rate] = part(folder, rows, "fill");
    table.tell(&format!("take {rows} rows, 2,000 a commit"), rate, "rows/s");
    let [disk] = part(folder, rows, "disk");
    table.tell("(on disk)", disk, "MB");
    let [taken, intake] = part(folder, rows, "intake");
    let [_, _] = part(folder, rows, "drain");
    let [left, drain] = part(folder, rows, "drain");
    let most = Bound::AtMost(limits.recovery_s);
    table.judge(
        "kill -9 to the first durable row, all waiting",
        taken,
        "s",
        most,
    );
    table.judge(
        "kill -9 half-drained to the first batch that leaves",
        left,
        "s",
        most,
    );
    table.tell("memory of the intake", intake, "MB");
    table.tell("memory of the drain", drain, "MB");
    table.judge(
        "memory of both",
        intake + drain,
        "MB",
        Bound::AtMost(limits.memory_mb),
    );
}

/// What one part measured.
fn part<const N: usize>(folder: &Path, rows: i64, part: &str) -> [f64; N] {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--child", part, "--rows", &rows.to_string(), "--folder"])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let figures: Vec<f64> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|own| own.unwrap().parse().unwrap())
        .collect();
    child.wait().unwrap();
    figures.try_into().unwrap()
}

/// Runs one part.
pub fn child(part: &str, folder: &Path, rows: i64) {
    match part {
        "fill" => fill(folder, rows),
        "disk" => disk(folder),
        "intake" => intake(folder),
        "drain" => drain(folder),
        other => panic!("no part {other}"),
    }
    std::io::stdout().flush().unwrap();
    std::process::abort();
}

fn fill(folder: &Path, rows: i64) {
    let before = Store::open(&config(folder)).unwrap().tally().unwrap();
    let start = Instant::now();
    filled(folder, rows);
    let fresh = (rows - before.last_row).max(0) as f64;
    println!("{}", fresh / start.elapsed().as_secs_f64());
}

fn disk(folder: &Path) {
    let path = config(folder).directory.join("spine.db");
    println!("{}", std::fs::metadata(path).unwrap().len() as f64 / 1e6);
}

fn intake(folder: &Path) {
    let config = Arc::new(config(folder));
    let clock = Clock::new(0);
    let start = Instant::now();
    let store = Store::open(&config).unwrap();
    let log = Store::open(&config).unwrap();
    let mut next = store.tally().unwrap().last_row;
    let mut intake = Intake::new(store, Arc::clone(&config), clock.now()).unwrap();
    intake.commit(&[line(next)], clock.now()).unwrap();
    println!("{}", start.elapsed().as_secs_f64());
    let end = next + MORE_ROWS;
    while next < end {
        next += 500;
        let lines: Vec<String> = (next - 499..=next).map(line).collect();
        intake.commit(&lines, clock.now()).unwrap();
    }
    log.checkpoint_log().unwrap();
    println!("{}", peak_mb());
}

fn drain(folder: &Path) {
    let config = Arc::new(config(folder));
    let clock = Clock::new(0);
    let start = Instant::now();
    let store = Store::open(&config).unwrap();
    let mut drainer = Drainer::new(store, Arc::clone(&config), None, Box::new(Nowhere), 1).unwrap();
    let round = drainer.round(&mut || clock.now()).unwrap();
    assert!(matches!(round, Round::Sent { .. }));
    println!("{}", start.elapsed().as_secs_f64());
    for _ in 0..ROUNDS {
        drainer.round(&mut || clock.now()).unwrap();
    }
    println!("{}", peak_mb());
    // Half-drained: claimed, and never settled.
    let mut store = Store::open(&config).unwrap();
    store.claim(500, 20, None, clock.now()).unwrap();
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|own| own.starts_with("VmHWM")).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1000.0
}
