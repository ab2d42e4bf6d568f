//! A flight of format version 1 that was recorded once and is never made again: every later version of the
//! reader finds in it what an independent reader found when it was frozen.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fdr_format::{Completeness, Digest, FlightItem, FlightReader, RecordType, SealState, verify};
use serde_json::{Value, json};

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/frozen-v1")
}

fn expected() -> Vec<Value> {
    let text = fs::read_to_string(frozen().join("expected.jsonl")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every record as a later reader sees it, in the order of the flight.
fn found() -> Vec<Value> {
    let mut reader = FlightReader::open(frozen().join("flight")).unwrap();
    let mut records = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        let FlightItem::Record { segment, record } = item else {
            panic!("the flight was frozen whole, and this is none of its records: {item:?}");
        };
        records.push(json!({
            "segment": segment,
            "offset": record.offset,
            "flags": record.flags,
            "type_number": record.record_type.0,
            "sequence": record.sequence,
            "monotonic_ms": record.monotonic_ms,
            "type": record.record_type.to_string(),
            "body": record.decode().unwrap(),
        }));
    }
    records
}

/// A later version may know more fields of a body than were known then; those known then are unchanged.
#[test]
fn every_record_of_the_frozen_flight_has_the_fields_that_it_had() {
    let (expected, mut found) = (expected(), found());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter_mut().zip(&expected) {
        let known = expected["body"].as_object().unwrap();
        let body = found["body"].as_object_mut().unwrap();
        body.retain(|field, _| known.contains_key(field));
        assert_eq!(found, expected);
    }
}

/// All that version 1 knew when it was frozen but the two of recovered recordings, and one that it did not know.
#[test]
fn the_frozen_flight_has_every_type_that_a_recorded_flight_can_have() {
    let expected = expected();
    let held: BTreeSet<u64> = expected
        .iter()
        .map(|record| record["type_number"].as_u64().unwrap())
        .collect();
    assert_eq!(held.len(), 45);
    assert!(held.contains(&u64::from(RecordType::SEGMENT_FOOTER.0)));
    assert!(held.contains(&0x7F01));
}

#[test]
fn the_frozen_flight_is_complete_chained_and_sealed() {
    let verdict = verify(frozen().join("flight")).unwrap();
    assert_eq!(verdict.findings, []);
    assert_eq!(
        (verdict.exit_code, verdict.completeness, verdict.seal.state),
        (0, Completeness::Complete, SealState::Sealed)
    );
}

/// The files themselves: whoever makes them anew has to change this line, and must not.
#[test]
fn the_frozen_files_are_the_ones_that_were_frozen() {
    let mut hasher = blake3::Hasher::new();
    for name in [
        "expected.jsonl",
        "flight/manifest.json",
        "flight/seal.json",
        "flight/segments/seg_00000.bin",
        "flight/segments/seg_00001.bin",
    ] {
        hasher.update(&fs::read(frozen().join(name)).unwrap());
    }
    let digest = Digest(*hasher.finalize().as_bytes());
    assert_eq!(
        digest.to_string(),
        "0b0cfeb532e859407f3eaf656c5f6a95ae3d132a4f2f7ea00d13d1e072066be2"
    );
}
