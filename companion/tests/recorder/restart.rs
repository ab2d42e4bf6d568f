//! A recorder that ended without a word: its flight goes on in a new segment, and says so.

use std::fs::{self, OpenOptions};
use std::path::Path;

use companion::recorder::{
    DiskVolume, Machines, Recorder, RecorderError, RecorderSizes, Situation, find_flight,
};
use fdr_format::{BootId, Completeness, RecordType, Stream};

use super::rig::{Flight, MS, Rig, imu, parameters, sizes};

const SEGMENT: u64 = 1 << 20;
const MINUTE: u64 = 60_000 * MS;

fn both() -> RecorderSizes {
    RecorderSizes {
        essential: true,
        essential_bytes: 16 << 20,
        ..sizes(16, 1 << 20)
    }
}

fn fly(rig: &mut Rig, records: std::ops::Range<u64>) {
    for index in records {
        rig.now = index * MS;
        rig.sender.append(&imu(rig.now), rig.now).unwrap();
        if index % 1000 == 0 {
            rig.settle();
        }
    }
    rig.settle();
}

fn here(boot: u8, now: u64) -> Situation {
    Situation {
        boot_id: BootId([boot; 16]),
        monotonic_ns: now,
        unix_ns: None,
        armed: false,
    }
}

#[test]
fn a_killed_flight_goes_on_and_only_what_was_not_durable_is_missing() {
    let mut rig = Rig::with(SEGMENT, &both());
    fly(&mut rig, 0..20_000);
    // On the way to the disk when the process ends.
    for index in 20_000..20_500 {
        rig.sender.append(&imu(index * MS), index * MS).unwrap();
    }
    rig.collect();
    let (folder, mut parameters) = rig.kill();
    parameters.clock.monotonic_ns = 21_000 * MS;
    let mut rig = Rig::in_folder(folder, parameters, &both(), true);
    fly(&mut rig, 21_000..40_000);
    let flight = rig.finish();
    let kept = flight.times(RecordType::IMU_TRACE);
    let expected: Vec<_> = (0..20_000)
        .chain(21_000..40_000)
        .map(|ms| ms * MS)
        .collect();
    assert_eq!(kept, expected);
    let numbers = flight.records.iter().map(|record| record.0);
    assert!(numbers.is_sorted(), "a number was given twice");
    assert_eq!(flight.recovered.len(), 2, "one segment of each stream");
    assert_ne!(flight.verdict.completeness, Completeness::Complete);
}

#[test]
fn a_killed_flight_goes_on_with_a_recorder_that_has_threads_of_its_own() {
    let mut rig = Rig::with(SEGMENT, &both());
    fly(&mut rig, 0..3000);
    let flight = rig.flight();
    let (folder, mut parameters) = rig.kill();
    parameters.clock.monotonic_ns = 4000 * MS;
    let sizes = RecorderSizes {
        wait_for_disk: true,
        ..both()
    };
    let resumed = Recorder::resume_in(DiskVolume, &flight, parameters.clone(), sizes, 2);
    let (recorder, mut senders) = resumed.unwrap();
    assert_eq!(recorder.folder(), flight);
    let second = Recorder::resume_in(DiskVolume, &flight, parameters, sizes, 1).map(drop);
    assert!(matches!(second, Err(RecorderError::Locked { .. })));
    for ms in 4000..20_000 {
        let sender = &mut senders[0];
        while sender.offer(&imu(ms * MS), ms * MS).is_err() {
            std::thread::yield_now();
        }
    }
    drop(senders);
    assert!(recorder.finish().unwrap().clean_shutdown);
    let kept = Flight::read(folder);
    assert_eq!(kept.verdict.exit_code, 0, "{:?}", kept.verdict.findings);
    let expected: Vec<_> = (0..3000).chain(4000..20_000).map(|ms| ms * MS).collect();
    assert_eq!(kept.times(RecordType::IMU_TRACE), expected);
    assert_eq!(kept.recovered.len(), 2, "one segment of each stream");
}

#[test]
fn a_torn_block_at_the_end_of_the_old_segment_is_left_as_it_is() {
    let mut rig = Rig::with(SEGMENT, &both());
    fly(&mut rig, 0..3000);
    let flight = rig.flight();
    let (folder, mut parameters) = rig.kill();
    let open = flight.join("segments/seg_00000.bin");
    use std::io::Write;
    let mut file = OpenOptions::new().append(true).open(&open).unwrap();
    file.write_all(&[0x47; 5000]).unwrap();
    let before = fs::read(&open).unwrap();
    parameters.clock.monotonic_ns = 4000 * MS;
    let mut rig = Rig::in_folder(folder, parameters, &both(), true);
    fly(&mut rig, 4000..6000);
    let closed = rig.finish_in_place();
    assert_eq!(fs::read(&open).unwrap(), before);
    let kept = closed.times(RecordType::IMU_TRACE);
    let expected: Vec<_> = (0..3000).chain(4000..6000).map(|ms| ms * MS).collect();
    assert_eq!(kept, expected);
    assert_eq!(closed.recovered[0].0 as usize, before.len() - 5000);
    fs::remove_dir_all(flight.parent().unwrap()).unwrap();
}

#[test]
fn a_flight_that_goes_on_is_dropped_from_its_oldest_segment_on() {
    let capped = RecorderSizes {
        cap_bytes: 23 << 20,
        ..both()
    };
    let mut rig = Rig::with(SEGMENT, &capped);
    fly(&mut rig, 0..30_000);
    assert_eq!(rig.status.segments_dropped(), 0);
    let (folder, mut parameters) = rig.kill();
    parameters.clock.monotonic_ns = 30_000 * MS;
    let mut rig = Rig::in_folder(folder, parameters, &capped, true);
    fly(&mut rig, 30_000..100_000);
    assert!(rig.status.segments_dropped() > 3);
    let text = fs::read_to_string(rig.flight().join("drops.log")).unwrap();
    let first = text.lines().next().unwrap();
    // The footer of a segment that this process did not write told what went with it.
    assert!(
        first.contains("\"segment\":0,") && !first.contains("\"records\":0,"),
        "{first}"
    );
    let flight = rig.finish();
    assert_eq!(
        flight.times(RecordType::IMU_TRACE).last(),
        Some(&(99_999 * MS))
    );
}

#[test]
fn only_a_young_flight_of_this_boot_or_of_an_armed_vehicle_goes_on() {
    let mut rig = Rig::with(SEGMENT, &both());
    fly(&mut rig, 0..2000);
    let (folder, parameters) = rig.kill();
    let root = folder.path();
    let find = |situation: Situation| find_flight(&DiskVolume, root, &situation).unwrap();
    let flight = Some(root.join(parameters.flight_id.to_string()));
    let end = 2000 * MS;
    assert_eq!(find(here(7, end + 9 * MINUTE)), flight);
    assert_eq!(find(here(7, end + 11 * MINUTE)), None);
    assert_eq!(find(here(8, MINUTE)), None, "another boot, disarmed");
    let armed = Situation {
        armed: true,
        ..here(8, MINUTE)
    };
    assert_eq!(
        find(armed),
        None,
        "without wall clocks its age is not known"
    );
}

#[test]
fn a_flight_of_an_earlier_boot_goes_on_when_the_vehicle_is_armed() {
    let mut told = parameters(SEGMENT);
    told.clock.unix_ns = Some(1_000 * MINUTE);
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::in_folder(folder, told, &both(), false);
    fly(&mut rig, 0..2000);
    let (folder, parameters) = rig.kill();
    let situation = |unix_ns| Situation {
        unix_ns: Some(unix_ns),
        armed: true,
        ..here(8, MINUTE)
    };
    let find = |unix_ns| find_flight(&DiskVolume, folder.path(), &situation(unix_ns)).unwrap();
    let flight = folder.path().join(parameters.flight_id.to_string());
    assert_eq!(find(1_005 * MINUTE), Some(flight));
    assert_eq!(find(1_011 * MINUTE), None);
}

#[test]
fn a_flight_that_was_closed_in_order_does_not_go_on() {
    let mut rig = Rig::with(SEGMENT, &both());
    fly(&mut rig, 0..2000);
    let root = rig.folder.path().to_owned();
    rig.finish_in_place();
    let found = find_flight(&DiskVolume, &root, &here(7, 3000 * MS)).unwrap();
    assert_eq!(found, None);
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn two_recorders_of_one_flight_are_refused() {
    let mut rig = Rig::with(SEGMENT, &both());
    fly(&mut rig, 0..100);
    let root: &Path = rig.folder.path();
    let second = Machines::resume(
        std::sync::Arc::new(DiskVolume),
        root,
        rig.parameters.clone(),
        &both(),
        1,
    );
    let error = second.map(drop).unwrap_err();
    assert!(matches!(error, RecorderError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("another process"));
    let flight = rig.finish();
    assert_eq!(flight.verdict.exit_code, 0);
}

#[test]
fn files_that_were_made_ahead_are_not_taken_for_segments() {
    let mut rig = Rig::with(SEGMENT, &both());
    fly(&mut rig, 0..100);
    let folder = rig.flight().join(Stream::Bulk.folder());
    let ahead = folder.join("seg_00001.bin");
    assert_eq!(fs::metadata(&ahead).unwrap().len(), 0);
    let flight = rig.finish_in_place();
    assert!(!ahead.exists());
    assert_eq!(flight.verdict.completeness, Completeness::Complete);
    fs::remove_dir_all(folder.ancestors().nth(2).unwrap()).unwrap();
}
