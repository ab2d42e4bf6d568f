//! A disk without a byte left: the intake stops, and everything that was taken still leaves and is removed.

use std::io::Write;
use std::path::{Path, PathBuf};

use edge_spine::drain::{Drainer, Round};
use edge_spine::intake::{Intake, Receipt, Refusal};

use crate::support::{Bench, Fate, TestSink, accepted, at, drain_all, lines};

const SETTINGS: &str =
    "[buffer]\nretain_rows = 100000\nreserve_bytes = 4194304\nmin_free_bytes = 2097152\n";

/// A small file system of its own; none where that is not allowed (only root may mount).
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "edge-spine-test"])
            .arg(path)
            .stderr(std::process::Stdio::null())
            .status();
        if mounted.is_ok_and(|own| own.success()) {
            return Some(Self(path.to_owned()));
        }
        eprintln!("SKIPPED: a full disk: only root may mount a small one");
        None
    }

    /// Somebody else takes the rest, to the last byte.
    fn fill(&self) {
        let mut filler = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.0.join("filler"))
            .unwrap();
        let block = [0; 4096];
        while filler.write_all(&block).is_ok() {}
        while filler.write_all(&[0]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}

/// Offers `all` until the disk is said to be full; how many were taken.
fn take_until_full(intake: &mut Intake, all: &[String]) -> usize {
    let mut taken = 0;
    for group in all.chunks(500) {
        let receipts = intake.commit(group, at(1)).unwrap();
        taken += accepted(&receipts);
        if let Some(refused) = receipts.iter().find(|own| **own != Receipt::Accepted) {
            assert_eq!(*refused, Receipt::Refused(Refusal::Disk));
            break;
        }
    }
    assert!((1_000..all.len()).contains(&taken), "{taken} rows fit");
    taken
}

fn all_left(bench: &Bench, sink: &TestSink, taken: usize) {
    assert_eq!(sink.ledger.lock().unwrap().rows().len(), taken);
    let counts = bench.store().counts().unwrap();
    assert!(counts.adds_up, "{counts:?}");
    assert_eq!((counts.pending, counts.draining), (0, 0));
}

#[test]
fn a_full_disk_stops_the_intake_and_what_was_delivered_can_still_be_removed() {
    let bench = Bench::new(SETTINGS);
    let Some(disk) = SmallDisk::mount(&bench.config.directory) else {
        return;
    };
    let mut intake = bench.intake();
    let all = lines(0..300_000);
    let taken = take_until_full(&mut intake, &all);
    disk.fill();
    let sink = TestSink::new();
    drain_all(&mut bench.drainer(sink.clone()), 0);
    all_left(&bench, &sink, taken);
    assert!(bench.store().counts().unwrap().tally.pruned > 0);
    // With the room back the intake goes on where it stopped.
    disk.free();
    let receipts = intake.commit(&all[taken..taken + 100], at(2)).unwrap();
    assert_eq!(accepted(&receipts), 100);
}

#[test]
fn a_disk_that_is_filled_again_after_every_round_is_drained_all_the_same() {
    let bench = Bench::new(SETTINGS);
    let Some(disk) = SmallDisk::mount(&bench.config.directory) else {
        return;
    };
    let taken = take_until_full(&mut bench.intake(), &lines(0..300_000));
    let sink = TestSink::new();
    let mut drainer = bench.drainer(sink.clone());
    for round in 0.. {
        disk.fill();
        if drainer.round(&mut || at(round)).unwrap() == Round::Idle {
            break;
        }
    }
    all_left(&bench, &sink, taken);
}

#[test]
fn what_is_kept_of_delivered_rows_makes_room_though_nothing_is_to_be_sent() {
    let bench = Bench::new(SETTINGS);
    let Some(disk) = SmallDisk::mount(&bench.config.directory) else {
        return;
    };
    let mut intake = bench.intake();
    let all = lines(0..100_000);
    for group in all.chunks(500) {
        assert_eq!(accepted(&intake.commit(group, at(1)).unwrap()), 500);
    }
    let sink = TestSink::new();
    let mut drainer = bench.drainer(sink.clone());
    drain_all(&mut drainer, 0);
    assert_eq!(bench.store().counts().unwrap().synced, 100_000);
    disk.fill();
    let more = lines(100_000..100_100);
    let refused = intake.commit(&more, at(2)).unwrap();
    assert_eq!(refused[0], Receipt::Refused(Refusal::Disk));
    // The sink is away, and nothing waits.
    *sink.fate.lock().unwrap() = Fate::Away;
    for round in 0..10 {
        assert_eq!(drainer.round(&mut || at(10 + round)).unwrap(), Round::Idle);
    }
    assert!(bench.store().counts().unwrap().synced < 100_000);
    assert_eq!(accepted(&intake.commit(&more, at(3)).unwrap()), 100);
}

#[test]
fn a_log_that_a_reader_kept_long_is_counted_before_the_disk_is_full() {
    let bench = Bench::new(SETTINGS);
    let Some(disk) = SmallDisk::mount(&bench.config.directory) else {
        return;
    };
    let mut intake = bench.intake();
    let all = lines(0..300_000);
    let first = accepted(&intake.commit(&all[..500], at(1)).unwrap());
    // While somebody reads, the log cannot be written over.
    let reader = rusqlite::Connection::open(bench.config.directory.join("spine.db")).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM rows")
        .unwrap();
    let taken = first + take_until_full(&mut intake, &all[500..]);
    disk.fill();
    reader.execute_batch("COMMIT").unwrap();
    let sink = TestSink::new();
    drain_all(&mut bench.drainer(sink.clone()), 0);
    all_left(&bench, &sink, taken);
}

#[test]
fn a_program_that_starts_on_a_full_disk_drains_it() {
    let bench = Bench::new(SETTINGS);
    let Some(disk) = SmallDisk::mount(&bench.config.directory) else {
        return;
    };
    let taken = take_until_full(&mut bench.intake(), &lines(0..300_000));
    disk.fill();
    let sink = TestSink::new();
    let mut rounds = 0;
    // Ended and started again after every round; nothing but the store survives.
    loop {
        let mut drainer: Drainer = bench.drainer(sink.clone());
        rounds += 1;
        if drainer.round(&mut || at(rounds)).unwrap() == Round::Idle {
            break;
        }
        drop(drainer);
        disk.fill();
    }
    all_left(&bench, &sink, taken);
}
