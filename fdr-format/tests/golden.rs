//! The committed golden segments are what the code makes, and an independent reader agrees on them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/bodies.rs"]
mod bodies;
#[path = "support/golden.rs"]
mod golden;

use std::path::{Path, PathBuf};
use std::process::Command;

use fdr_format::{Damage, RawRecord, RecordType, SegmentReader};
use serde_json::{Value, json};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

#[test]
fn the_committed_files_are_what_the_command_makes() {
    for (name, bytes) in golden::files() {
        let committed = std::fs::read(fixtures().join("golden").join(name)).unwrap();
        let same = committed == bytes;
        assert!(
            same,
            "{name} differs; see fixtures/README.md for the command, and mind why it does"
        );
    }
}

#[test]
fn the_golden_files_hold_what_they_are_named_after() {
    let [whole, damaged, torn] = golden::files().map(|(_, bytes)| bytes);
    let read = |bytes: &[u8]| -> (Vec<RecordType>, Vec<Damage>) {
        let (mut types, mut damage) = (Vec::new(), Vec::new());
        for item in SegmentReader::open(bytes, Some(golden::IDENTITY)).unwrap() {
            match item {
                Ok(record) => types.push(record.record_type),
                Err(found) => damage.push(found),
            }
        }
        (types, damage)
    };
    let (types, damage) = read(&whole);
    assert!(damage.is_empty());
    assert!(RecordType::KNOWN.iter().all(|known| types.contains(known)));
    assert!(matches!(
        read(&damaged).1[..],
        [
            Damage::Bytes { .. },
            Damage::Gap { .. },
            Damage::Gap { .. },
            Damage::Bytes { .. }
        ]
    ));
    assert!(matches!(read(&torn).1[..], [Damage::TornTail { .. }]));
}

#[test]
fn a_reader_in_plain_python_made_from_the_page_finds_the_same_in_every_field() {
    if !has_python() {
        assert!(
            std::env::var_os("CI").is_none(),
            "python3 is missing; run `just setup`"
        );
        eprintln!("skipped: python3 is missing; run `just setup`");
        return;
    }
    for (name, bytes) in golden::files() {
        let theirs = read_with_python(&fixtures().join("golden").join(name));
        let ours = read_with_rust(&bytes);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{name}");
        }
        assert_eq!(ours.len(), theirs.len(), "{name}");
    }
}

/// A frozen flight is whole; altered in one record whose checksum was made anew, only the hashes tell.
#[test]
fn the_python_reader_follows_the_chain_and_notices_an_altered_record() {
    let python = fixtures().join("../.venv/bin/python");
    let has_blake3 = Command::new(&python).args(["-c", "import blake3"]).output();
    if !has_blake3.is_ok_and(|output| output.status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} lacks the module blake3; run `just setup`",
            python.display()
        );
        eprintln!("skipped: .venv lacks the module blake3; run `just setup`");
        return;
    }
    let frozen = fixtures().join("frozen-v1/flight/segments");
    let [first, second] = [0, 1].map(|number| frozen.join(format!("seg_{number:05}.bin")));
    let judge = |first: &Path| {
        let mut command = Command::new(&python);
        let reader = fixtures().join("gfdr_reader.py");
        let output = command.arg(reader).arg(first).arg(&second).output();
        let output = output.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    let whole = "chain of 2 closed segments checked\n".to_owned();
    assert_eq!(judge(&first), (Some(0), whole));

    let mut bytes = std::fs::read(&first).unwrap();
    alter(&mut bytes, 20);
    let altered = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(altered.path(), bytes).unwrap();
    let (code, said) = judge(altered.path());
    assert!(
        code == Some(4) && said.contains("content of the footer is"),
        "{said}"
    );
}

#[test]
fn the_python_reader_says_when_it_cannot_check_the_chain() {
    if !has_python() {
        eprintln!("skipped: python3 is missing; run `just setup`");
        return;
    }
    // -S: without the folder in which modules are installed.
    let output = Command::new("python3")
        .arg("-S")
        .arg(fixtures().join("gfdr_reader.py"))
        .arg(fixtures().join("frozen-v1/flight/segments/seg_00000.bin"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.starts_with("chain not checked"),
        "{said}"
    );
}

/// Changes a record in the middle of a segment and makes its checksum anew.
fn alter(segment: &mut [u8], index: usize) {
    let mut reader = SegmentReader::open(segment, None).unwrap();
    let identity = reader.identity();
    let record = reader.nth(index).unwrap().unwrap();
    let (at, length) = (record.offset as usize, record.frame_length());
    let (frame, crc) = segment[at..at + length].split_at_mut(length - 4);
    frame[length - 5] ^= 1;
    let mut hasher = crc32fast::Hasher::new_with_initial(identity.crc_seed());
    hasher.update(frame);
    crc.copy_from_slice(&hasher.finalize().to_le_bytes());
}

fn has_python() -> bool {
    Command::new("python3")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

fn read_with_python(segment: &Path) -> Vec<Value> {
    let output = Command::new("python3")
        .arg(fixtures().join("gfdr_reader.py"))
        .arg(segment)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn read_with_rust(bytes: &[u8]) -> Vec<Value> {
    let reader = SegmentReader::open(bytes, None).unwrap();
    reader
        .map(|item| {
            item.map_or_else(
                |damage| damage_value(&damage),
                |record| record_value(&record),
            )
        })
        .collect()
}

fn record_value(record: &RawRecord<'_>) -> Value {
    json!({
        "offset": record.offset,
        "flags": record.flags,
        "type_number": record.record_type.0,
        "sequence": record.sequence,
        "monotonic_ms": record.monotonic_ms,
        "type": record.record_type.to_string(),
        "body": record.decode().unwrap(),
    })
}

fn damage_value(damage: &Damage) -> Value {
    match *damage {
        Damage::Bytes { start, end, .. } => json!({"damage": "bytes", "start": start, "end": end}),
        Damage::TornTail { start, end, .. } => {
            json!({"damage": "torn_tail", "start": start, "end": end})
        }
        Damage::Gap {
            at,
            first_missing,
            last_missing,
        } => json!({
            "damage": "gap",
            "at": at,
            "first_missing": first_missing,
            "last_missing": last_missing,
        }),
    }
}
