//! What is kept whatever happens: a frozen ring, and pinned segments.

use std::fs;

use companion::recorder::{FreezeReason, Order, RecorderSizes};
use fdr_format::records::LossCause;
use fdr_format::{RecordType, Stream};

use super::rig::{Flight, MS, Rig, flight_state, impact, sizes};
use super::ring::{CAP, SEGMENT, all_accounted_for, allocated, capped, fly, segments};

#[test]
fn a_frozen_ring_keeps_the_accident_and_drops_the_newest_instead() {
    let mut rig = Rig::with(
        SEGMENT,
        &RecorderSizes {
            essential: true,
            essential_bytes: 4 << 20,
            cap_bytes: CAP + (4 << 20),
            ..sizes(16, 1 << 20)
        },
    );
    fly(&mut rig, 0..20_000);
    assert!(rig.notices.order(Order::Freeze(FreezeReason::Command)));
    rig.settle();
    assert!(rig.status.is_frozen() && rig.flight().join("frozen").exists());
    fly(&mut rig, 20_000..120_000);
    assert_eq!(rig.status.segments_dropped(), 0);
    assert_eq!(rig.status.hold(Stream::Bulk), Some(LossCause::Frozen));
    assert!(segments(&rig, Stream::Bulk).contains("seg_00000.bin"));
    assert!(allocated(&rig.flight()) <= CAP + (4 << 20));
    let folder = rig.flight();
    let flight = rig.finish_in_place();
    assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
    let kept = flight.times(RecordType::IMU_TRACE);
    assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>());
    assert!(kept.len() > 20_000 && kept.len() < 100_000);
    all_accounted_for(&flight, RecordType::IMU_TRACE, 120_000);
    assert_eq!(
        flight.lost("frozen", RecordType::IMU_TRACE),
        120_000 - kept.len() as u64
    );
    let essential = Flight::essential(&folder);
    assert_eq!(essential.times(RecordType::NAVIGATOR_EVENT).len(), 120);
    fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}

#[test]
fn a_thawed_ring_goes_on_where_it_was_frozen() {
    let mut rig = Rig::with(SEGMENT, &capped());
    rig.notices.order(Order::Freeze(FreezeReason::Command));
    fly(&mut rig, 0..100_000);
    assert_eq!(rig.status.segments_dropped(), 0);
    rig.notices.order(Order::Thaw);
    rig.now += 1000 * MS;
    rig.settle();
    fly(&mut rig, 100_000..140_000);
    assert!(rig.status.segments_dropped() > 0);
    assert_eq!(rig.status.hold(Stream::Bulk), None);
    let flight = rig.finish();
    assert_eq!(flight.times(RecordType::IMU_TRACE).last(), Some(&139_999));
}

#[test]
fn a_pinned_segment_is_never_dropped_whoever_pinned_it() {
    let mut rig = Rig::with(SEGMENT, &capped());
    fly(&mut rig, 0..30_000);
    rig.notices.order(Order::Pin(1));
    let pins = rig.flight().join("pins");
    rig.settle();
    fs::write(pins.join("2"), "").unwrap();
    rig.now += 2000 * MS;
    rig.settle();
    fly(&mut rig, 30_000..140_000);
    let there = segments(&rig, Stream::Bulk);
    assert!(!there.contains("seg_00000.bin") && !there.contains("seg_00003.bin"));
    assert!(there.contains("seg_00001.bin") && there.contains("seg_00002.bin"));
    assert!(pins.join("1").exists());
    rig.finish();
}

#[test]
fn an_impact_and_a_disarm_freeze_the_ring_that_recorded_them() {
    let mut rig = Rig::with(
        SEGMENT,
        &RecorderSizes {
            freeze_impact_mps2: 60.0,
            ..capped()
        },
    );
    rig.sender.append(&flight_state(0, true), 0).unwrap();
    fly(&mut rig, 0..2000);
    let now = rig.now;
    rig.sender.append(&impact(now), now).unwrap();
    rig.sender.append(&flight_state(now, false), now).unwrap();
    rig.settle();
    assert!(rig.status.is_frozen() && rig.flight().join("frozen").exists());
    let (events, _) = rig.notices.take();
    let text = &events.last().unwrap().text;
    assert!(text.contains("impact_then_disarm"), "{text}");
    let flight = rig.finish();
    assert_eq!(flight.verdict.exit_code, 0);
    let recorded = flight.times(RecordType::COMPONENT_LIFECYCLE_EVENT);
    assert_eq!(recorded.len(), 1, "the freeze is in the recording, once");
}
