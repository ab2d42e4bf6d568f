//! The recorder as it flies: its own threads, a real file system, a disk that stalls.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use companion::recorder::{Recorder, RecorderError, RecorderSizes};
use fdr_format::{Completeness, FindingKind, RecordType, SegmentReader, segment_path};

use super::hooked::{Call, Hook, Hooked};
use super::rig::{Flight, event, imu, parameters};

#[test]
fn what_four_producers_append_is_there_in_the_order_of_each_and_verifies_clean() {
    const EACH: u64 = 50_000;
    let folder = tempfile::tempdir().unwrap();
    let sizes = RecorderSizes {
        wait_for_disk: true,
        ..RecorderSizes::default()
    };
    let (recorder, senders) =
        Recorder::start(folder.path(), parameters(1 << 20), sizes, 4).unwrap();
    let producers: Vec<_> = (0..4)
        .zip(senders)
        .map(|(producer, mut sender)| {
            thread::spawn(move || {
                for index in 0..EACH {
                    let time = producer * EACH + index;
                    while sender.offer(&imu(time), time).is_err() {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    producers
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let status = Arc::clone(recorder.status());
    let summary = recorder.finish().unwrap();
    assert!(summary.clean_shutdown && summary.segments > 5);
    assert_eq!(status.durable_sequence(), summary.records);
    assert_eq!(status.durable_lag_now_ns(u64::MAX), 0);

    let flight = Flight::read(folder);
    assert_eq!(
        (flight.verdict.exit_code, flight.verdict.completeness),
        (0, Completeness::Complete),
        "{:?}",
        flight.verdict.findings
    );
    let notices = flight.verdict.findings.iter();
    let kinds: Vec<_> = notices.map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::Unsealed]);
    let times = flight.times(RecordType::IMU_TRACE);
    for producer in 0..4 {
        let own = producer * EACH..(producer + 1) * EACH;
        let seen: Vec<_> = times
            .iter()
            .copied()
            .filter(|time| own.contains(time))
            .collect();
        assert_eq!(seen, own.collect::<Vec<_>>());
    }
}

#[test]
fn a_flight_without_a_record_is_a_whole_flight() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, senders) = Recorder::start(
        folder.path(),
        parameters(1 << 20),
        RecorderSizes::default(),
        1,
    )
    .unwrap();
    drop(senders);
    recorder.finish().unwrap();
    let flight = Flight::read(folder);
    assert_eq!(flight.verdict.completeness, Completeness::Complete);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_before_anything_flies() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let started = Recorder::start(&file, parameters(1 << 20), RecorderSizes::default(), 1);
    match started {
        Err(error @ RecorderError::Write { .. }) => {
            assert!(error.to_string().contains("file"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flight_is_never_recorded_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        Recorder::start(
            folder.path(),
            parameters(1 << 20),
            RecorderSizes::default(),
            0,
        )
    };
    start().unwrap().0.finish().unwrap();
    let error = start().unwrap_err();
    assert!(error.to_string().contains("seg_00000.bin"), "{error}");
}

/// A disk whose writes hang while it is told to.
#[derive(Debug, Clone)]
struct Stall(Arc<AtomicBool>);

impl Hook for Stall {
    fn before(&self, call: Call, _: &Path) -> io::Result<()> {
        while call == Call::Write && self.0.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

#[test]
fn while_the_disk_hangs_appending_stays_quick_and_every_loss_is_in_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let stalled = Arc::new(AtomicBool::new(false));
    let sizes = RecorderSizes {
        staging_bytes: 2 << 20,
        ..RecorderSizes::default()
    };
    let volume = Hooked(Stall(Arc::clone(&stalled)));
    let (recorder, mut senders) =
        Recorder::start_in(volume, folder.path(), parameters(64 << 20), sizes, 1).unwrap();
    let mut sender = senders.remove(0);
    stalled.store(true, Ordering::Release);
    let (mut events, mut refused) = (0, 0);
    let total = 150_000;
    for index in 0..total {
        if index % 1000 == 0 {
            events += u64::from(sender.append(&event(index), index).is_ok());
            thread::sleep(Duration::from_millis(2));
        }
        refused += u64::from(sender.append(&imu(index), index).is_err());
    }
    let waited = Instant::now();
    while recorder.status().records_dropped() == 0 && waited.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(5));
    }
    stalled.store(false, Ordering::Release);
    drop(sender);
    recorder.finish().unwrap();

    let flight = Flight::read(folder);
    assert_eq!(
        (flight.verdict.exit_code, flight.verdict.completeness),
        (0, Completeness::Dropped),
        "{:?}",
        flight.verdict.findings
    );
    let kept = flight.times(RecordType::IMU_TRACE).len() as u64;
    let lost = flight.lost("io_stall", RecordType::IMU_TRACE);
    assert!(lost > 0);
    assert_eq!(flight.lost("ring_full", RecordType::IMU_TRACE), refused);
    assert_eq!(kept + lost + refused, total);
    let critical = flight.times(RecordType::NAVIGATOR_EVENT).len() as u64;
    assert_eq!(critical, events);
}

#[test]
fn each_segment_says_what_the_wall_clock_said_when_it_was_begun() {
    let folder = tempfile::tempdir().unwrap();
    let unix_ns = || {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        unix.as_nanos() as u64
    };
    let mut parameters = parameters(1 << 20);
    parameters.clock.unix_ns = Some(unix_ns());
    let started = std::time::Instant::now();
    let sizes = RecorderSizes::default();
    let (recorder, mut senders) = Recorder::start(folder.path(), parameters, sizes, 1).unwrap();
    // The recorder's time begins somewhere in its start.
    let in_doubt_ns = started.elapsed().as_nanos() as u64;
    let (flight, clock) = (recorder.folder().to_owned(), recorder.clock());
    for half in 0..2 {
        for _ in 0..9_000 {
            let now = clock.now_ns();
            while senders[0].offer(&imu(now), now).is_err() {
                thread::yield_now();
            }
        }
        if half == 0 {
            // The clocks are compared once a second.
            thread::sleep(Duration::from_millis(1200));
        }
    }
    drop(senders);
    recorder.finish().unwrap();
    let anchor = |segment: u32| {
        let bytes = std::fs::read(segment_path(&flight, segment)).unwrap();
        let header = SegmentReader::open(&bytes, None).unwrap().header().unwrap();
        (header.anchor_monotonic_ns, header.anchor_unix_ns.unwrap())
    };
    let (first, second) = (anchor(0), anchor(1));
    let (monotonic, unix) = (second.0 - first.0, second.1 - first.1);
    assert!(monotonic > 1_000_000_000, "{monotonic} ns");
    assert!(
        monotonic.abs_diff(unix) < 50_000_000 + in_doubt_ns,
        "{monotonic} and {unix} ns, {in_doubt_ns} in doubt"
    );
    let flight = Flight::read(folder);
    assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
}
