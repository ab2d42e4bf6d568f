//! Recordings whose every checksum holds and that contradict themselves, one field at a time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use fdr_format::{
    Completeness, FindingKind, FlightWriter, RecordType, SegmentIdentity, SegmentReader,
    Verification, verify,
};
use serde_json::Value;
use support::{FLIGHT, imu, parameters};

fn record_flight(folder: &Path) -> PathBuf {
    let mut writer = FlightWriter::create(folder, parameters()).unwrap();
    for now in 0..2000 {
        writer
            .append(&imu(now), 1_000_000_000 + now * 1_000_000)
            .unwrap();
    }
    let summary = writer.finish().unwrap();
    assert!(summary.segments > 2);
    summary.folder
}

fn segment(flight: &Path, number: u32) -> PathBuf {
    flight.join(format!("segments/seg_{number:05}.bin"))
}

fn last_segment(flight: &Path) -> u32 {
    fs::read_dir(flight.join("segments")).unwrap().count() as u32 - 1
}

/// One record with a valid checksum.
fn frame(number: u32, record_type: RecordType, sequence: u64, ms: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = (28 + body.len() as u32).to_le_bytes().to_vec();
    frame.extend(b"GFDR\x01\0");
    frame.extend(record_type.0.to_le_bytes());
    frame.extend(sequence.to_le_bytes());
    frame.extend(ms.to_le_bytes());
    frame.extend(body);
    let identity = SegmentIdentity {
        flight_id: FLIGHT,
        segment: number,
    };
    let seed = match record_type {
        RecordType::SEGMENT_HEADER => 0,
        _ => identity.crc_seed(),
    };
    let mut crc = crc32fast::Hasher::new_with_initial(seed);
    crc.update(&frame);
    frame.extend(crc.finalize().to_le_bytes());
    frame
}

/// Changes the bodies of one type in a segment; all checksums are made anew.
fn alter(flight: &Path, number: u32, record_type: RecordType, change: impl Fn(&mut Vec<u8>)) {
    let path = segment(flight, number);
    let bytes = fs::read(&path).unwrap();
    let mut altered = Vec::new();
    for record in SegmentReader::open(&bytes, None).unwrap() {
        let record = record.unwrap();
        let mut body = record.body.to_vec();
        if record.record_type == record_type {
            change(&mut body);
        }
        let (sequence, ms) = (record.sequence, record.monotonic_ms);
        altered.extend(frame(number, record.record_type, sequence, ms, &body));
    }
    assert_ne!(altered, bytes);
    fs::write(path, altered).unwrap();
}

fn offset_of(record_type: RecordType, field: &str) -> usize {
    let fields = record_type.fields();
    let found = fields.iter().find(|info| info.name == field).unwrap();
    found.offset.unwrap()
}

#[track_caller]
fn assert_altered(verdict: &Verification, kind: FindingKind, names: &str) {
    let found = (verdict.exit_code, verdict.completeness);
    assert_eq!(found, (4, Completeness::Altered), "{names}");
    let named = verdict
        .findings
        .iter()
        .any(|finding| finding.kind == kind && finding.text.contains(names));
    assert!(named, "{names}: {:?}", verdict.findings);
}

#[test]
fn a_segment_footer_that_lies_in_any_field_is_found() {
    for field in [
        "segment",
        "last",
        "records",
        "bytes",
        "first_sequence",
        "last_sequence",
        "first_monotonic_ms",
        "last_monotonic_ms",
        "counts",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let flight = record_flight(folder.path());
        let footer = RecordType::SEGMENT_FOOTER;
        // A list begins with its length, an item of this one with its type.
        let inside = if field == "counts" { 4 } else { 0 };
        let at = offset_of(footer, field) + inside;
        alter(&flight, 1, footer, |body| body[at] ^= 1);
        let verdict = verify(folder.path()).unwrap();
        assert_altered(&verdict, FindingKind::FooterDisagrees, field);
    }
}

#[test]
fn a_flight_footer_that_lies_in_any_field_is_found() {
    for field in ["records", "segments"] {
        let folder = tempfile::tempdir().unwrap();
        let flight = record_flight(folder.path());
        let footer = RecordType::FLIGHT_FOOTER;
        let at = offset_of(footer, field);
        alter(&flight, last_segment(&flight), footer, |body| body[at] ^= 1);
        let verdict = verify(folder.path()).unwrap();
        assert_altered(&verdict, FindingKind::FooterDisagrees, field);
    }
}

#[test]
fn a_later_header_that_describes_another_recorder_is_found() {
    let texts = [
        ("software_version", "0.1.0-test"),
        ("configuration", "[navigator]"),
    ];
    let header = RecordType::SEGMENT_HEADER;
    for field in [
        "boot_id",
        "core_version",
        "software_version",
        "configuration",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let flight = record_flight(folder.path());
        alter(&flight, 2, header, |body| {
            let text = texts.iter().find(|(name, _)| *name == field);
            let at = match text {
                Some((_, text)) => {
                    let windows = &mut body.windows(text.len());
                    windows
                        .position(|window| window == text.as_bytes())
                        .unwrap()
                }
                None => offset_of(header, field),
            };
            body[at] ^= 1;
        });
        let verdict = verify(folder.path()).unwrap();
        assert_altered(&verdict, FindingKind::HeaderDisagrees, field);
    }
}

#[test]
fn a_manifest_that_lies_in_any_field_is_found() {
    let cases: [(&str, &str, Value); 13] = [
        ("/format", "format", "ULog".into()),
        ("/format_version", "format_version", 9.into()),
        (
            "/flight_id",
            "flight_id",
            "00000000-0000-0000-0000-000000000000".into(),
        ),
        (
            "/boot_id",
            "boot_id",
            "00000000-0000-0000-0000-000000000000".into(),
        ),
        ("/software_version", "software_version", "9".into()),
        ("/core_version", "core_version", 99.into()),
        ("/started_unix_ns", "started_unix_ns", Value::Null),
        ("/streams/0/records", "records", 7.into()),
        ("/streams/0/bytes", "bytes", 1.into()),
        (
            "/streams/0/segments/1/file",
            "seg_00001.bin",
            "segments/x".into(),
        ),
        (
            "/streams/0/segments/1/bytes",
            "seg_00001.bin bytes",
            7.into(),
        ),
        (
            "/streams/0/segments/1/first_sequence",
            "seg_00001.bin first_sequence",
            1.into(),
        ),
        (
            "/streams/0/segments/2/last_sequence",
            "seg_00002.bin last_sequence",
            1.into(),
        ),
    ];
    for (pointer, names, lie) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = record_flight(folder.path()).join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        *manifest.pointer_mut(pointer).unwrap() = lie;
        fs::write(&path, manifest.to_string()).unwrap();
        let verdict = verify(folder.path()).unwrap();
        assert_altered(&verdict, FindingKind::ManifestDisagrees, names);
    }
}

#[test]
fn a_manifest_that_is_no_manifest_is_found_and_a_missing_one_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = record_flight(folder.path()).join("manifest.json");
    fs::write(&path, "{").unwrap();
    let verdict = verify(folder.path()).unwrap();
    assert_altered(&verdict, FindingKind::ManifestDisagrees, "cannot be read");
    fs::remove_file(path).unwrap();
    assert_eq!(verify(folder.path()).unwrap().exit_code, 0);
}

#[test]
fn a_record_behind_a_footer_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record_flight(folder.path());
    let last = last_segment(&flight);
    let path = segment(&flight, last);
    let mut bytes = fs::read(&path).unwrap();
    let records = SegmentReader::open(&bytes, None).unwrap();
    let sequence = records.last().unwrap().unwrap().sequence + 1;
    bytes.extend(frame(last, RecordType::TICK, sequence, 9, &[0; 8]));
    fs::write(path, bytes).unwrap();
    fs::remove_file(flight.join("manifest.json")).unwrap();
    let verdict = verify(folder.path()).unwrap();
    assert_altered(&verdict, FindingKind::MisplacedRecord, "Tick");
}

#[test]
fn a_segment_that_follows_the_last_one_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record_flight(folder.path());
    let ahead = segment(&flight, last_segment(&flight) + 1);
    let sequence = verify(folder.path()).unwrap().streams[0].next_sequence;
    let mut header = fs::read(segment(&flight, 0)).unwrap();
    header.truncate(
        SegmentReader::open(&header, None)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .frame_length(),
    );
    header[12..20].copy_from_slice(&sequence.to_le_bytes());
    let number = last_segment(&flight) + 1;
    header[28 + 24..28 + 28].copy_from_slice(&number.to_le_bytes());
    let end = header.len() - 4;
    let crc = crc32fast::hash(&header[..end]);
    header[end..].copy_from_slice(&crc.to_le_bytes());
    fs::write(&ahead, header).unwrap();
    let verdict = verify(folder.path()).unwrap();
    assert_altered(&verdict, FindingKind::FooterDisagrees, "the last one");
}

#[test]
fn segments_made_ahead_of_need_and_never_begun_are_told_and_harm_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record_flight(folder.path());
    let last = last_segment(&flight);
    fs::write(segment(&flight, last + 1), b"").unwrap();
    fs::write(segment(&flight, last + 2), vec![0; 70_000]).unwrap();
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (0, Completeness::Complete)
    );
    let ahead = verdict.findings.iter();
    let told = ahead.filter(|finding| finding.kind == FindingKind::MadeAhead);
    assert_eq!(told.count(), 2, "{:?}", verdict.findings);
}

#[test]
fn a_recorder_killed_before_it_cut_its_last_segment_leaves_a_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record_flight(folder.path());
    let last = segment(&flight, last_segment(&flight));
    let mut bytes = fs::read(&last).unwrap();
    bytes.resize(bytes.len() + 4095, 0);
    fs::write(&last, &bytes).unwrap();
    assert_eq!(verify(&flight).unwrap().exit_code, 3, "it was closed");
    fs::remove_file(flight.join("manifest.json")).unwrap();
    let verdict = verify(&flight).unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (2, Completeness::TornTail),
        "{:?}",
        verdict.findings
    );
    let closed = bytes.len() - 4095;
    bytes[closed..].fill(1);
    fs::write(&last, &bytes).unwrap();
    assert_eq!(verify(&flight).unwrap().exit_code, 3, "something else");
}
