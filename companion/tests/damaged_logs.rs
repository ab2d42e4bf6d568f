//! The real logs with injected damage: flipped bits, lost and doubled bytes, cut frames.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::ops::ControlFlow;

use companion::config::Configuration;
use companion::replay::{DenialWindows, ReplayError, ReplayOptions, Replayed, replay};
use support::command::{file, sound};
use support::{damaged, flights};

/// An injury harms the frames it touches: a cut of 40 bytes up to three.
const FRAMES_PER_INJURY: u64 = 3;

fn replayed(bytes: &[u8]) -> (Replayed, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = ReplayOptions {
        log: file(folder.path(), "flight.tlog", bytes),
        fdr: folder.path().join("fdr"),
        flight_id: None,
        windows: DenialWindows::default(),
        positions: None,
        configuration: Configuration::default(),
    };
    let replayed = replay(&options, &mut |_| ControlFlow::Continue(())).unwrap();
    (replayed, folder)
}

/// Damages `name` in seeded ways, some slightly and some badly, and replays every one.
fn survives(name: &str) {
    let Some(bytes) = flights::bytes(name) else {
        return;
    };
    let (whole, _folder) = replayed(&bytes);
    for (seed, injuries) in [(1, 20), (2, 20), (3, 200), (4, 200), (5, 2_000), (6, 2_000)] {
        let (hurt, _folder) = replayed(&damaged(&bytes, seed, injuries));
        let case = format!("{name}, seed {seed}, {injuries} injuries");
        match &hurt.problem {
            None | Some(ReplayError::Truncated { .. }) => {}
            Some(problem) => panic!("{case}: {problem}"),
        }
        let (before, after) = (&whole.summary, &hurt.summary);
        let least = before.messages_read - FRAMES_PER_INJURY * injuries as u64;
        assert!(
            after.messages_read >= least,
            "{case}: {} read",
            after.messages_read
        );
        assert!(after.messages_refused > before.messages_refused, "{case}");
        let drift_s = after.duration_s - before.duration_s;
        assert!(
            drift_s.abs() < 5.0,
            "{case}: the clock ends {drift_s} s off"
        );
        assert!(
            after.positions + 60 >= before.positions,
            "{case}: {} positions",
            after.positions
        );
        sound(&after.flight_dir);
    }
}

#[test]
fn thor75_is_read_to_its_end_whatever_is_damaged() {
    survives("thor75.tlog");
}

#[test]
fn proto09_is_read_to_its_end_whatever_is_damaged() {
    survives("proto09.tlog");
}

#[test]
fn swiss1_is_read_to_its_end_whatever_is_damaged() {
    survives("swiss1.tlog");
}

#[test]
fn the_radio_log_is_read_to_its_end_whatever_is_damaged() {
    survives("copter_radio_link.tlog");
}
