//! Every way to lose a record, provoked; and every loss found in the recording, to the record.

use std::io::ErrorKind;

use companion::recorder::{RecordSender, Refused};
use fdr_format::{Completeness, RecordType};

use super::rig::{MS, Rig, event, imu};

const SEGMENT: u64 = 4 << 20;
const BLOCKS: usize = 8;
const RING: usize = 1 << 20;

fn append(sender: &mut RecordSender, imus: std::ops::Range<u64>, events_every: u64) {
    for index in imus {
        sender.append(&imu(index), index).unwrap();
        if index % events_every == 0 {
            sender.append(&event(index), index).unwrap();
        }
    }
}

#[test]
fn a_full_ring_refuses_the_newest_and_the_recording_counts_them_where_they_are_missing() {
    let mut rig = Rig::new(SEGMENT, BLOCKS, RING);
    let mut taken = Vec::new();
    let mut refused = 0;
    for index in 0..40_000 {
        match rig.sender.append(&imu(index), index) {
            Ok(()) => taken.push(index),
            Err(reason) => {
                assert_eq!(reason, Refused::RingFull);
                refused += 1;
            }
        }
    }
    assert!(refused > 1000 && taken.len() > 1000);
    rig.sender.append(&event(40_000), 40_000).unwrap();
    rig.collect();
    rig.sender.append(&imu(40_001), 40_001).unwrap();
    let flight = rig.finish();

    assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
    taken.push(40_001);
    assert_eq!(flight.times(RecordType::IMU_TRACE), taken);
    assert_eq!(flight.times(RecordType::NAVIGATOR_EVENT), [40_000]);
    assert_eq!(flight.lost("ring_full", RecordType::IMU_TRACE), refused);
    // The loss stands between the last record that was taken and the next that was.
    let types: Vec<_> = flight.records.iter().map(|record| record.1).collect();
    let loss = types
        .iter()
        .position(|kind| *kind == RecordType::COMPONENT_LIFECYCLE_EVENT)
        .unwrap();
    assert_eq!(types[loss - 1], RecordType::IMU_TRACE);
    assert_eq!(types[loss + 1], RecordType::NAVIGATOR_EVENT);
}

#[test]
fn what_a_ring_refused_last_is_recorded_even_when_its_producer_is_gone() {
    let mut rig = Rig::new(SEGMENT, BLOCKS, RING);
    let mut refused = [0, 0];
    for index in 0..60_000 {
        refused[0] += u64::from(rig.sender.append(&imu(index), index).is_err());
        refused[1] += u64::from(rig.sender.append(&event(index), index).is_err());
    }
    assert!(refused[0] > refused[1] && refused[1] > 0);
    let flight = rig.finish();
    assert_eq!(flight.verdict.exit_code, 0);
    assert_eq!(flight.lost("ring_full", RecordType::IMU_TRACE), refused[0]);
    assert_eq!(
        flight.lost("ring_full", RecordType::NAVIGATOR_EVENT),
        refused[1]
    );
}

#[test]
fn a_stalled_disk_costs_the_oldest_bulk_records_and_no_critical_one() {
    let mut rig = Rig::new(SEGMENT, BLOCKS, RING);
    let mut next = 0;
    // Eight megabytes through two megabytes of staging, nobody writing.
    for _ in 0..40 {
        append(&mut rig.sender, next..next + 2500, 500);
        next += 2500;
        rig.now = next;
        rig.collect();
    }
    let flight = rig.finish();

    let verdict = &flight.verdict;
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (0, Completeness::Dropped),
        "{:?}",
        verdict.findings
    );
    let kept = flight.times(RecordType::IMU_TRACE);
    let lost = flight.lost("io_stall", RecordType::IMU_TRACE);
    assert_eq!(kept.len() as u64 + lost, next);
    assert!(lost > next / 2);
    assert!(kept.is_sorted());
    assert_eq!(kept.last(), Some(&(next - 1)), "the newest survive");
    assert_eq!(kept[0], lost, "the oldest are lost");
    let events = flight.times(RecordType::NAVIGATOR_EVENT);
    assert_eq!(events, (0..next).step_by(500).collect::<Vec<_>>());
    assert_eq!(flight.lost("io_stall", RecordType::NAVIGATOR_EVENT), 0);
}

#[test]
fn critical_records_beyond_their_share_are_lost_and_counted_too() {
    let mut rig = Rig::new(SEGMENT, BLOCKS, RING);
    let total = 100_000;
    for index in 0..total {
        rig.sender.append(&event(index), index).unwrap();
        if index % 5000 == 0 {
            rig.now = index;
            rig.collect();
        }
    }
    let flight = rig.finish();
    assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
    let kept = flight.times(RecordType::NAVIGATOR_EVENT).len() as u64;
    let lost = flight.lost("io_stall", RecordType::NAVIGATOR_EVENT);
    assert!(lost > 0);
    // A loss whose own record was lost is recorded again, joined to that loss.
    assert_eq!(kept + lost, total);
}

#[test]
fn a_failed_sync_ends_the_segment_and_the_flight_goes_on_in_the_next() {
    let mut rig = Rig::new(SEGMENT, BLOCKS, RING);
    append(&mut rig.sender, 0..1000, 100);
    rig.collect();
    rig.flush();
    rig.write_all();
    let promised = rig.promised();
    assert!(promised > 1000);

    append(&mut rig.sender, 1000..2000, 100);
    rig.collect();
    rig.flush();
    rig.faults.sync(ErrorKind::Other);
    rig.write_all();
    assert_eq!(
        rig.promised(),
        promised,
        "nothing is promised after a failure"
    );
    assert_eq!(rig.status.failures(), 1);

    rig.now += 200 * MS;
    append(&mut rig.sender, 2000..3000, 100);
    rig.collect();
    rig.flush();
    rig.write_all();
    assert!(rig.promised() > promised + 1000);
    let flight = rig.finish();
    assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
    assert_eq!(flight.verdict.segments, 2);
    assert_eq!(flight.lost("io_error", RecordType::IMU_TRACE), 1000);
    let kept = flight.times(RecordType::IMU_TRACE);
    assert!((0..1000).chain(2000..3000).all(|time| kept.contains(&time)));
}

#[test]
fn a_failed_write_loses_what_waited_for_the_same_segment_and_says_so() {
    let mut rig = Rig::new(SEGMENT, BLOCKS, RING);
    append(&mut rig.sender, 0..1000, 100);
    rig.collect();
    rig.flush();
    rig.write_all();
    append(&mut rig.sender, 1000..2000, 100);
    rig.collect();
    rig.flush();
    append(&mut rig.sender, 2000..3000, 100);
    rig.collect();
    rig.flush();
    rig.faults.write(ErrorKind::Other);
    rig.write_all();
    append(&mut rig.sender, 3000..4000, 100);
    rig.collect();
    let flight = rig.finish();
    assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
    assert_eq!(flight.lost("io_error", RecordType::IMU_TRACE), 2000);
    let kept: Vec<_> = (0..1000).chain(3000..4000).collect();
    assert_eq!(flight.times(RecordType::IMU_TRACE), kept);
}

#[test]
fn a_segment_whose_file_cannot_be_made_at_once_is_made_later() {
    let mut rig = Rig::new(1 << 20, BLOCKS, RING);
    for round in 0..20 {
        if round % 3 == 0 {
            rig.faults.create(ErrorKind::Other);
        }
        append(&mut rig.sender, round * 1000..(round + 1) * 1000, 100);
        rig.collect();
        rig.write_all();
        rig.now += 200 * MS;
        rig.keep();
    }
    let flight = rig.finish();
    assert_eq!(
        (flight.verdict.exit_code, flight.verdict.completeness),
        (0, Completeness::Complete)
    );
    assert!(flight.verdict.segments > 1);
}

#[test]
fn nothing_waits_longer_than_the_sync_interval_for_the_disk() {
    let mut rig = Rig::new(SEGMENT, BLOCKS, RING);
    rig.collect();
    rig.write_all();
    for index in 1..1000 {
        rig.now = index * MS;
        rig.sender.append(&imu(rig.now), rig.now).unwrap();
        rig.collect();
        rig.write_all();
        let lag = rig.status.collected_sequence() - rig.promised();
        assert!(lag <= 101, "{lag} records of 1 ms wait");
    }
}
