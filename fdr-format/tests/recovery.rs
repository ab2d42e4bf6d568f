//! Recovering a damaged recording: everything valid is kept, everything lost is named, nothing looks better.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fdr_format::records::RecoveredRun;
use fdr_format::{
    Completeness, FindingKind, FlightItem, FlightReader, FlightWriter, Record, RecordType, recover,
    verify,
};
use support::{imu, parameters};

fn record(folder: &Path) -> PathBuf {
    let mut writer = FlightWriter::create(folder, parameters()).unwrap();
    for now in 0..3000u64 {
        writer
            .append(&imu(now), 1_000_000_000 + now * 1_000_000)
            .unwrap();
    }
    writer.finish().unwrap().folder
}

type Place = (u32, u64, u64);

/// Bodies of all records by segment, byte and number; and what was found beside them.
fn records(path: &Path) -> (BTreeMap<Place, (RecordType, Vec<u8>)>, usize) {
    let mut reader = FlightReader::open(path).unwrap();
    let (mut found, mut damage) = (BTreeMap::new(), 0);
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            FlightItem::Record { segment, record } => {
                let place = (segment, record.offset, record.sequence);
                found.insert(place, (record.record_type, record.body.to_vec()));
            }
            _ => damage += 1,
        }
    }
    (found, damage)
}

fn recovered(source: &Path, to: &Path) -> fdr_format::RecoverySummary {
    let verdict = verify(source).unwrap();
    let reader = FlightReader::open(source).unwrap();
    recover(reader, &verdict, to, "test", |_, _| {}).unwrap()
}

#[test]
fn every_record_of_a_recovered_flight_is_the_one_that_its_run_names() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record(&folder.path().join("source"));
    let path = flight.join("segments/seg_00001.bin");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    bytes[middle + 5000] ^= 4;
    fs::write(&path, &bytes).unwrap();
    fs::remove_file(flight.join("segments/seg_00003.bin")).unwrap();
    let source = records(&flight).0;
    let summary = recovered(&flight, &folder.path().join("new"));
    assert_eq!(summary.exit_code, 3);
    assert!(summary.missing_records > 100 && summary.damaged_places == 2);

    let (new, _) = records(&summary.folder);
    let by_number: BTreeMap<u64, _> = new.iter().map(|(place, found)| (place.2, found)).collect();
    let source_number: BTreeMap<_, _> = source
        .iter()
        .map(|(place, found)| ((place.0, place.2), (place.1, found)))
        .collect();
    let mut copied = 0;
    for (_, body) in new
        .values()
        .filter(|found| found.0 == RecordType::RECOVERED_RUN)
    {
        let Ok(Record::RecoveredRun(run)) = Record::decode(RecordType::RECOVERED_RUN, body) else {
            panic!("a run is a run");
        };
        copied += check_run(&run, &by_number, &source_number);
    }
    let structure = [
        RecordType::SEGMENT_HEADER,
        RecordType::SEGMENT_FOOTER,
        RecordType::FLIGHT_HEADER,
        RecordType::FLIGHT_FOOTER,
    ];
    let valid = source
        .values()
        .filter(|found| !structure.contains(&found.0));
    assert_eq!(copied, valid.count() as u64);
    assert_eq!(copied, summary.records);
}

type Found = (RecordType, Vec<u8>);

fn check_run(
    run: &RecoveredRun,
    new: &BTreeMap<u64, &Found>,
    source: &BTreeMap<(u32, u64), (u64, &Found)>,
) -> u64 {
    let mut offset = run.offset;
    for index in 0..run.records {
        let (at, theirs) = source[&(run.segment, run.source_sequence + index)];
        assert_eq!(at, offset, "the byte follows from the run and the lengths");
        assert_eq!(new[&(run.sequence + index)], theirs);
        offset += theirs.1.len() as u64 + 32;
    }
    run.records
}

#[test]
fn a_recovered_flight_never_looks_better_than_its_source() {
    type Harm = fn(&Path);
    let harms: [(u8, Harm); 4] = [
        (0, |_| {}),
        (2, |flight| {
            fs::remove_file(flight.join("manifest.json")).unwrap();
            let path = last(flight);
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() - 700]).unwrap();
        }),
        (3, |flight| {
            fs::remove_file(flight.join("segments/seg_00001.bin")).unwrap()
        }),
        (4, |flight| {
            let path = flight.join("manifest.json");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(
                &path,
                text.replace("\"core_version\": ", "\"core_version\": 9"),
            )
            .unwrap();
        }),
    ];
    for (code, harm) in harms {
        let folder = tempfile::tempdir().unwrap();
        let flight = record(&folder.path().join("source"));
        harm(&flight);
        let summary = recovered(&flight, &folder.path().join("new"));
        let verdict = verify(&summary.folder).unwrap();
        assert_eq!(verdict.exit_code, code, "{:?}", verdict.findings);
        assert_eq!(verdict.completeness, Completeness::Recovered);
        let told = verdict.findings.iter();
        assert!(
            told.clone()
                .any(|finding| finding.kind == FindingKind::Recovered)
        );
        assert_ne!(summary.flight_id, summary.source_flight);

        // Recovered again it is still no better.
        let again = recovered(&summary.folder, &folder.path().join("again"));
        assert_eq!(verify(&again.folder).unwrap().exit_code, code);
    }
}

fn last(flight: &Path) -> PathBuf {
    let entries = fs::read_dir(flight.join("segments")).unwrap();
    entries.map(|entry| entry.unwrap().path()).max().unwrap()
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record(&folder.path().join("source"));
    let to = folder.path().join("new");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("mine"), "mine").unwrap();
    let verdict = verify(&flight).unwrap();
    for to in [to.clone(), to.join("mine"), folder.path().join("source")] {
        let reader = FlightReader::open(&flight).unwrap();
        let error = recover(reader, &verdict, &to, "test", |_, _| {}).unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
    }
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
}
