//! The ring on the disk: what is dropped to stay within the cap, in which order.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use companion::recorder::{
    ESSENTIAL_BYTES_PER_S, ESSENTIAL_SECONDS, RecorderEventKind, RecorderSizes,
};
use fdr_format::records::LossCause;
use fdr_format::{DropLog, RecordType, Stream};

use super::rig::{Flight, MS, Rig, attitude, event, imu, position, sizes};

pub const SEGMENT: u64 = 1 << 20;
/// Room for five segments beside the ledger.
pub const CAP: u64 = 7 << 20;

pub fn capped() -> RecorderSizes {
    RecorderSizes {
        cap_bytes: CAP,
        ..sizes(16, 1 << 20)
    }
}

/// Allocated blocks of everything below a folder.
pub fn allocated(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let sizes = entries.map(|entry| {
        let about = entry.metadata().unwrap();
        if about.is_dir() {
            allocated(&entry.path())
        } else {
            about.blocks() * 512
        }
    });
    sizes.sum()
}

/// `records` records of an inertial unit and an event for every thousandth, as a flight writes them.
pub fn fly(rig: &mut Rig, records: std::ops::Range<u64>) {
    for index in records {
        rig.sender.append(&imu(index), index).unwrap();
        if index % 1000 == 0 {
            rig.sender.append(&event(index), index).unwrap();
        }
        if index % 2000 == 0 {
            rig.now += 50 * MS;
            rig.settle();
        }
    }
    rig.settle();
}

pub fn segments(rig: &Rig, stream: Stream) -> BTreeSet<String> {
    let folder = rig.flight().join(stream.folder());
    let names = fs::read_dir(folder).unwrap();
    names
        .map(|name| name.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Every record of a type is there or counted as lost.
pub fn all_accounted_for(flight: &Flight, record_type: RecordType, total: u64) {
    let kept = flight.times(record_type).len() as u64;
    let lost: u64 = LossCause::ALL
        .iter()
        .map(|cause| flight.lost(cause.name(), record_type))
        .sum();
    assert_eq!(
        kept + lost,
        total,
        "{record_type}: {kept} kept, {lost} lost"
    );
}

#[test]
fn at_the_cap_the_oldest_segments_go_and_never_is_more_taken_than_the_cap() {
    let mut rig = Rig::with(SEGMENT, &capped());
    for round in 0..60 {
        fly(&mut rig, round * 2000..(round + 1) * 2000);
        let taken = allocated(&rig.flight());
        assert!(taken <= CAP, "{taken} of {CAP} bytes");
    }
    assert!(rig.status.segments_dropped() > 3);
    assert!(!segments(&rig, Stream::Bulk).contains("seg_00000.bin"));
    let dropped = rig.status.segments_dropped();
    let log = DropLog::parse(&fs::read(rig.flight().join("drops.log")).unwrap());
    assert_eq!((log.lines.len() as u64, log.torn), (dropped, false));
    let order: Vec<_> = log.lines.iter().map(|line| line.segment).collect();
    assert_eq!(order, (0..dropped as u32).collect::<Vec<_>>());
    assert!(
        log.lines
            .iter()
            .all(|line| line.cause == "cap" && line.chain.is_some())
    );
    let (events, forgotten) = rig.notices.take();
    let told = events.iter().filter(|event| {
        matches!(
            event.kind,
            RecorderEventKind::Lost {
                cause: LossCause::Cap,
                ..
            }
        )
    });
    assert_eq!((told.count() as u64, forgotten), (dropped, 0));
    let flight = rig.finish();
    let kept = flight.times(RecordType::IMU_TRACE);
    assert_eq!(kept.last(), Some(&119_999));
    // What the lines count is what is missing.
    let lines = log.lines.iter();
    let lost: u64 = lines
        .flat_map(|line| &line.counts)
        .filter(|(kind, _)| RecordType(*kind) == RecordType::IMU_TRACE)
        .map(|(_, count)| count)
        .sum();
    assert_eq!(kept.len() as u64 + lost, 120_000);
}

/// Positions that the journal counts as dropped with segments of a stream.
fn dropped(log: &DropLog, stream: Stream) -> u64 {
    let of_stream = log
        .lines
        .iter()
        .filter(|line| Stream::of(line.segment).0 == stream);
    let counts = of_stream.flat_map(|line| &line.counts);
    counts
        .filter(|(kind, _)| RecordType(*kind) == RecordType::EMITTED_EXTERNAL_POSITION)
        .map(|(_, count)| count)
        .sum()
}

#[test]
fn streams_that_reach_their_caps_together_each_drop_their_own_oldest() {
    // Records of the essential stream alone: both streams grow alike.
    let mut rig = Rig::with(
        SEGMENT,
        &RecorderSizes {
            cap_bytes: 10 << 20,
            essential: true,
            essential_bytes: 5 << 20,
            ..sizes(16, 1 << 20)
        },
    );
    let total = 40_000;
    for index in 0..total {
        rig.sender.append(&position(index), index).unwrap();
        if index % 2000 == 0 {
            rig.now += 50 * MS;
            rig.settle();
        }
    }
    rig.settle();
    let log = DropLog::parse(&fs::read(rig.flight().join("drops.log")).unwrap());
    for stream in [Stream::Bulk, Stream::Essential] {
        let of_stream = log
            .lines
            .iter()
            .filter(|line| Stream::of(line.segment).0 == stream);
        let numbers: Vec<_> = of_stream.map(|line| Stream::of(line.segment).1).collect();
        let in_order: Vec<_> = (0..numbers.len() as u32).collect();
        assert_eq!(numbers, in_order, "{stream}");
        assert!(numbers.len() > 3, "{stream}: {numbers:?}");
    }
    let kept = rig.finish().times(RecordType::EMITTED_EXTERNAL_POSITION);
    assert_eq!(kept.len() as u64 + dropped(&log, Stream::Bulk), total);
}

#[test]
fn the_record_of_a_drop_is_on_the_device_before_its_segment_goes() {
    let mut rig = Rig::with(SEGMENT, &capped());
    let mut index = 0;
    // The keeper runs, the writer does not: nothing may go meanwhile.
    while rig.status.segments_dropped() == 0 {
        rig.sender.append(&imu(index), index).unwrap();
        index += 1;
        if index % 500 == 0 {
            rig.now += 10 * MS;
            rig.collect();
            rig.keep();
            let there = segments(&rig, Stream::Bulk).contains("seg_00000.bin");
            let told = rig.status.records_dropped() > 0;
            assert!(there || told);
            rig.flush();
            rig.write_one();
        }
        assert!(index < 200_000);
    }
    let flight = rig.finish();
    assert!(flight.lost("cap", RecordType::IMU_TRACE) > 0);
}

#[test]
fn an_essential_record_survives_what_the_bulk_ring_drops() {
    let mut rig = Rig::with(
        SEGMENT,
        &RecorderSizes {
            essential: true,
            essential_bytes: 4 << 20,
            cap_bytes: CAP + (4 << 20),
            ..sizes(16, 1 << 20)
        },
    );
    fly(&mut rig, 0..120_000);
    assert!(rig.status.segments_dropped() > 3);
    let taken = allocated(&rig.flight());
    assert!(taken <= CAP + (4 << 20));
    let folder = rig.flight();
    let flight = rig.finish_in_place();
    let essential = Flight::essential(&folder);
    assert_eq!(
        essential.times(RecordType::NAVIGATOR_EVENT),
        (0..120_000).step_by(1000).collect::<Vec<_>>()
    );
    assert!(essential.times(RecordType::IMU_TRACE).is_empty());
    assert!(flight.times(RecordType::NAVIGATOR_EVENT).len() < 120);
    fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}

/// The budget is what the rates come to: at the rates of a flight, in its own time, the stream reaches back
/// as far as it was computed for. A hundredth of 25 hours stands for them.
#[test]
fn the_essential_stream_reaches_back_as_long_as_its_budget_was_computed_for() {
    const SECONDS: u64 = ESSENTIAL_SECONDS / 100;
    let budget = ESSENTIAL_BYTES_PER_S * SECONDS + 3 * (SEGMENT + (256 << 10));
    let mut rig = Rig::with(
        SEGMENT,
        &RecorderSizes {
            essential: true,
            essential_bytes: budget,
            cap_bytes: budget + CAP,
            ..sizes(16, 1 << 20)
        },
    );
    let end = 4 * SECONDS;
    for tick in 0..end * 50 {
        rig.now = tick * 20 * MS;
        rig.sender.append(&attitude(rig.now), rig.now).unwrap();
        if tick % 5 == 0 {
            rig.sender.append(&position(rig.now), rig.now).unwrap();
        }
        if tick % 50 == 0 {
            rig.sender.append(&event(rig.now), rig.now).unwrap();
            rig.collect();
            rig.write_all();
        }
    }
    rig.settle();
    let folder = rig.flight();
    assert!(
        !folder.join("essential/seg_00000.bin").exists(),
        "nothing was dropped"
    );
    rig.finish_in_place();
    let essential = Flight::essential(&folder);
    let positions = essential.times(RecordType::EMITTED_EXTERNAL_POSITION);
    let reach_s = (end * 1000 * MS - positions[0]) / (1000 * MS);
    assert!(reach_s >= SECONDS, "{reach_s} of {SECONDS} s");
    let period = |window: &[u64]| window[1] - window[0];
    assert!(
        positions
            .windows(2)
            .all(|window| period(window) == 100 * MS)
    );
    let attitudes = essential.times(RecordType::ATTITUDE);
    assert!(
        attitudes
            .windows(2)
            .all(|window| period(window) <= 260 * MS)
    );
    assert!(attitudes.len() as u64 <= reach_s * 4 + 5);
    fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}

#[test]
fn a_full_file_system_costs_the_oldest_segment_of_this_flight() {
    let mut rig = Rig::new(SEGMENT, 16, 1 << 20);
    fly(&mut rig, 0..40_000);
    assert_eq!(rig.status.segments_dropped(), 0);
    for round in 0..6 {
        rig.faults.create(ErrorKind::StorageFull);
        fly(
            &mut rig,
            40_000 + round * 12_000..40_000 + (round + 1) * 12_000,
        );
    }
    assert!(rig.status.segments_dropped() > 0);
    let log = DropLog::parse(&fs::read(rig.flight().join("drops.log")).unwrap());
    assert!(log.lines.iter().all(|line| line.cause == "no_space"));
    let flight = rig.finish();
    assert_eq!(flight.times(RecordType::IMU_TRACE).last(), Some(&111_999));
}

#[test]
fn a_file_system_without_any_room_loses_the_newest_with_one_event_and_recording_resumes() {
    let mut rig = Rig::new(SEGMENT, 16, 1 << 20);
    rig.faults.create_always(Some(ErrorKind::StorageFull));
    fly(&mut rig, 0..60_000);
    assert_eq!(rig.status.hold(Stream::Bulk), Some(LossCause::NoSpace));
    let (events, _) = rig.notices.take();
    let degraded = events
        .iter()
        .filter(|event| matches!(event.kind, RecorderEventKind::Degraded { .. }));
    assert_eq!(degraded.count(), 1, "{events:?}");
    rig.faults.create_always(None);
    rig.now += 60_000 * MS;
    rig.settle();
    fly(&mut rig, 60_000..70_000);
    let (events, _) = rig.notices.take();
    let resumed = events
        .iter()
        .filter(|event| matches!(event.kind, RecorderEventKind::Resumed { .. }));
    assert_eq!(resumed.count(), 1, "{events:?}");
    let flight = rig.finish();
    assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
    all_accounted_for(&flight, RecordType::IMU_TRACE, 70_000);
    assert!(flight.lost("no_space", RecordType::IMU_TRACE) > 10_000);
    assert_eq!(flight.times(RecordType::IMU_TRACE).last(), Some(&69_999));
}

#[test]
fn a_disk_that_fails_for_a_while_is_said_once_and_positions_keep_flowing_into_the_rings() {
    let mut rig = Rig::new(SEGMENT, 16, 1 << 20);
    fly(&mut rig, 0..5000);
    rig.faults.write_always(Some(ErrorKind::ReadOnlyFilesystem));
    for index in 5000..40_000 {
        assert!(rig.sender.append(&imu(index), index).is_ok());
        if index % 1000 == 0 {
            rig.now += 500 * MS;
            rig.settle();
        }
    }
    let degraded = |rig: &Rig| {
        let (events, _) = rig.notices.take();
        let degraded = events
            .iter()
            .filter(|event| matches!(event.kind, RecorderEventKind::Degraded { .. }));
        degraded.count()
    };
    assert_eq!(degraded(&rig), 1);
    // The pause between attempts grows: far fewer segments than seconds.
    assert!((2..12).contains(&rig.status.failures()));
    rig.faults.write_always(None);
    rig.now += 60_000 * MS;
    fly(&mut rig, 40_000..45_000);
    assert_eq!(degraded(&rig), 0);
    let flight = rig.finish();
    assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
    all_accounted_for(&flight, RecordType::IMU_TRACE, 45_000);
    assert_eq!(flight.times(RecordType::IMU_TRACE).last(), Some(&44_999));
}

#[test]
fn the_recorder_records_its_own_figures_every_second() {
    let mut rig = Rig::with(
        SEGMENT,
        &RecorderSizes {
            telemetry: true,
            ..sizes(16, 1 << 20)
        },
    );
    for tenth in 0..105 {
        rig.now = tenth * 100 * MS;
        rig.sender.append(&imu(rig.now), rig.now).unwrap();
        rig.collect();
        rig.write_all();
    }
    let free = rig.status.disk_space();
    assert!(free.free_bytes > 0 && free.free_inodes > 0);
    let durable = rig.promised();
    let folder = rig.flight();
    let flight = rig.finish_in_place();
    let times = flight.times(RecordType::RECORDER_TELEMETRY);
    assert_eq!(
        times,
        (1..=10)
            .map(|s| s * 1000 * MS)
            .chain([times[10]])
            .collect::<Vec<_>>()
    );
    let bytes = fs::read(folder.join("segments/seg_00000.bin")).unwrap();
    let reader = fdr_format::SegmentReader::open(&bytes, None).unwrap();
    let last = reader.flatten().filter_map(|record| match record.decode() {
        Ok(fdr_format::Record::RecorderTelemetry(telemetry)) => Some(telemetry),
        _ => None,
    });
    let tenth = last.take(10).last().unwrap();
    assert!(tenth.durable_sequence > 50 && tenth.durable_sequence <= durable);
    assert!(tenth.disk_free_bytes > 0 && tenth.staging_free_min_bytes > 0);
    assert_eq!((tenth.dropped, tenth.refused), (0, 0));
    fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}
