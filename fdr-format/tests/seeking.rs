//! Seeking by time, number and type gives what reading everything and choosing gives, and reads less.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use fdr_format::{
    Damage, FlightItem, FlightReader, FlightWriter, Overview, RecordType, Selection, verify,
};
use proptest::prelude::*;
use support::{imu, log, parameters};

/// Three segments of several chunks each; times run back a little now and then.
static FLIGHT: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let mut parameters = parameters();
    parameters.segment_bytes = 1 << 20;
    let mut writer = FlightWriter::create(folder.path(), parameters).unwrap();
    for index in 0..30_000u64 {
        let ms = 1000 + index - 20 * u64::from(index % 7 == 0);
        writer.append(&imu(index), ms * 1_000_000).unwrap();
        if index % 9000 == 8999 {
            writer.append(&log(index, "rare"), ms * 1_000_000).unwrap();
        }
    }
    writer.finish().unwrap();
    folder
});

type Seen = (u64, u64, RecordType);

fn read(path: &Path, selection: &Selection) -> Vec<Seen> {
    let mut reader = FlightReader::open(path).unwrap();
    reader.select(selection.clone());
    let mut seen = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            FlightItem::Record { record, .. } => {
                seen.push((record.sequence, record.monotonic_ms, record.record_type));
            }
            FlightItem::Damage {
                damage: Damage::TornTail { .. },
                ..
            } => {}
            other => panic!("{other:?}"),
        }
    }
    seen
}

static ALL: LazyLock<Vec<Seen>> = LazyLock::new(|| read(FLIGHT.path(), &Selection::default()));

fn chosen(selection: &Selection) -> Vec<Seen> {
    let within = |value, least: Option<u64>, most: Option<u64>| {
        least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most)
    };
    let wanted = |(sequence, ms, kind): &&Seen| {
        within(*sequence, selection.first_sequence, selection.last_sequence)
            && within(*ms, selection.from_ms, selection.to_ms)
            && (selection.types.is_empty() || selection.types.contains(kind))
    };
    ALL.iter().filter(wanted).copied().collect()
}

fn selection() -> impl Strategy<Value = Selection> {
    let bound = || proptest::option::of(0..32_000u64);
    let types = prop_oneof![
        Just(Vec::new()),
        Just(vec![RecordType::LOG]),
        Just(vec![RecordType::SEGMENT_FOOTER, RecordType::FLIGHT_HEADER]),
        Just(vec![RecordType::IMU_TRACE]),
    ];
    (types, bound(), bound(), bound(), bound()).prop_map(|(types, from_ms, to_ms, first, last)| {
        Selection {
            types,
            from_ms,
            to_ms,
            first_sequence: first,
            last_sequence: last,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_selection_is_what_choosing_among_all_records_gives(selection in selection()) {
        prop_assert_eq!(read(FLIGHT.path(), &selection), chosen(&selection));
    }
}

#[test]
fn what_lies_outside_of_a_selection_is_not_even_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let source = FlightReader::open(FLIGHT.path())
        .unwrap()
        .folder()
        .join("segments");
    let target = folder.path().join("segments");
    fs::create_dir(&target).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
    }
    let path = target.join("seg_00001.bin");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() * 3 / 4;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(verify(folder.path()).unwrap().exit_code, 3);
    let selection = Selection {
        from_ms: Some(2000),
        to_ms: Some(14_000),
        ..Selection::default()
    };
    assert_eq!(read(folder.path(), &selection), chosen(&selection));
}

#[test]
fn without_footers_a_selection_and_the_overview_come_from_a_scan() {
    let folder = tempfile::tempdir().unwrap();
    let source = FlightReader::open(FLIGHT.path())
        .unwrap()
        .folder()
        .join("segments");
    let target = folder.path().join("segments");
    fs::create_dir(&target).unwrap();
    let bytes = fs::read(source.join("seg_00000.bin")).unwrap();
    fs::write(target.join("seg_00000.bin"), &bytes[..700_000]).unwrap();
    let reader = FlightReader::open(folder.path()).unwrap();
    let overview = Overview::read(&reader, |_, _| {});
    assert_eq!(
        (overview.streams[0].unclosed, overview.streams[0].ended),
        (1, false)
    );
    let selection = Selection {
        first_sequence: Some(1000),
        last_sequence: Some(1010),
        ..Selection::default()
    };
    assert_eq!(read(folder.path(), &selection), chosen(&selection));
}

#[test]
fn an_overview_says_the_same_as_a_verdict_for_a_sound_flight() {
    let reader = FlightReader::open(FLIGHT.path()).unwrap();
    let overview = Overview::read(&reader, |_, _| {});
    let verdict = verify(FLIGHT.path()).unwrap();
    assert_eq!(overview.counts, verdict.counts);
    assert_eq!(overview.time, verdict.time);
    assert_eq!(overview.streams[0].records, verdict.records);
    assert!(overview.streams[0].ended);
}
