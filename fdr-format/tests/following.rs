//! A flight read while it is written, cut at any byte: each record once, in order, and only when it is whole.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use fdr_format::{FlightFollower, FlightWriter, Followed, Stream, verify};
use support::{imu, parameters};

fn record(folder: &Path) -> (PathBuf, u64) {
    let mut writer = FlightWriter::create(folder, parameters()).unwrap();
    for now in 0..2500u64 {
        writer.append(&imu(now), now * 1_000_000).unwrap();
    }
    let summary = writer.finish().unwrap();
    (summary.folder, summary.records)
}

fn poll(follower: &mut FlightFollower, seen: &mut Vec<u64>) -> Followed {
    loop {
        let followed = follower
            .poll(|_, record| seen.push(record.sequence))
            .unwrap();
        if followed != Followed::More {
            return followed;
        }
    }
}

/// The files of a flight come into being in pieces, with zeros ahead of what was written.
#[test]
fn every_record_is_delivered_once_as_soon_as_it_is_whole() {
    let (whole, live) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (flight, records) = record(whole.path());
    let target = live.path().join(flight.file_name().unwrap());
    fs::create_dir_all(target.join("segments")).unwrap();
    let mut names: Vec<_> = fs::read_dir(flight.join("segments"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    let (mut seen, mut follower) = (Vec::new(), None);
    for (number, name) in names.iter().enumerate() {
        let bytes = fs::read(flight.join("segments").join(name)).unwrap();
        let path = target.join("segments").join(name);
        let ahead = target
            .join("segments")
            .join(format!("seg_{:05}.bin", number + 1));
        for piece in bytes.chunks(7919) {
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .unwrap();
            file.write_all(piece).unwrap();
            if number + 1 < names.len() && !ahead.exists() {
                fs::write(&ahead, b"").unwrap();
            }
            let follower = follower
                .get_or_insert_with(|| FlightFollower::open(live.path(), Stream::Bulk).unwrap());
            poll(follower, &mut seen);
        }
        assert!(seen.is_sorted());
    }
    let mut follower = follower.unwrap();
    assert_eq!(poll(&mut follower, &mut seen), Followed::End);
    assert_eq!(seen, (0..records).collect::<Vec<_>>());
    assert_eq!(follower.missing(), 0);
}

#[test]
fn a_follower_goes_on_behind_damage_and_dropped_segments_and_counts_what_it_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (flight, records) = record(folder.path());
    let path = flight.join("segments/seg_00001.bin");
    let mut bytes = fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::remove_file(flight.join("segments/seg_00000.bin")).unwrap();
    let mut follower = FlightFollower::open(&flight, Stream::Bulk).unwrap();
    let mut seen = Vec::new();
    assert_eq!(poll(&mut follower, &mut seen), Followed::End);
    assert!(seen.is_sorted() && verify(&flight).unwrap().exit_code == 3);
    assert_eq!(seen.len() as u64 + follower.missing(), records);
}
