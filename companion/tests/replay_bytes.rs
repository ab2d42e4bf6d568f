//! Two replays of one log under one flight id leave the same bytes, whenever their threads ran.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use companion::config::Configuration;
use companion::recorder::make_device_key;
use companion::replay::{DenialWindows, ReplayOptions, replay};
use fdr_format::{FlightId, SEAL_FILE, SEAL_KEY_FILE};
use support::command::file;
use support::straight_flight;

/// Every file below `folder`, by its path within.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// What two replays of one log under one id leave.
fn replayed_twice(folder: &Path, configuration: &Configuration) -> [BTreeMap<String, Vec<u8>>; 2] {
    let log = file(folder, "flight.tlog", &straight_flight(600).bytes);
    ["first", "second"].map(|name| {
        let fdr = folder.join(name);
        let options = ReplayOptions {
            log: log.clone(),
            fdr: fdr.clone(),
            flight_id: Some(FlightId([9; 16])),
            windows: DenialWindows::default(),
            positions: None,
            configuration: configuration.clone(),
        };
        let replayed = replay(&options, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(replayed.problem.is_none(), "{:?}", replayed.problem);
        assert!(replayed.events.is_empty(), "{:?}", replayed.events);
        files(&fdr)
    })
}

fn small_segments() -> Configuration {
    let mut configuration = Configuration::default();
    configuration.recorder.segment_bytes = 1 << 20;
    configuration
}

#[test]
fn two_replays_of_one_log_under_one_id_leave_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = replayed_twice(folder.path(), &small_segments());
    let names: Vec<_> = recorded[0].keys().collect();
    assert!(names.len() > 4, "{names:?}");
    assert!(
        names
            .iter()
            .any(|name| name.contains("essential/seg_00000"))
    );
    assert!(recorded[0] == recorded[1], "the files differ");
}

#[test]
fn sealed_by_a_device_they_leave_the_same_bytes_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("device.key");
    make_device_key(&key).unwrap();
    let mut configuration = small_segments();
    configuration.recorder.device_key = Some(key);
    let recorded = replayed_twice(folder.path(), &configuration);
    let is_there = |name: &str| recorded[0].keys().any(|path| path.ends_with(name));
    assert!(is_there(SEAL_FILE));
    assert!(!is_there(SEAL_KEY_FILE), "the flight's secret was left");
    assert!(recorded[0] == recorded[1], "the files differ");
}
