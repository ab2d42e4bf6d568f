//! A flight is written and read back; damage is found and bounded.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use fdr_format::records::{ComponentLifecycleEvent, LifecycleEvent, SegmentFooter, Severity};
use fdr_format::{
    Completeness, Digest, FindingKind, FlightItem, FlightReader, FlightSummary, FlightWriter, List,
    OpenError, Record, SegmentReader, verify,
};
use support::{imu, parameters};

/// Records enough for several segments.
const RECORDS: u64 = 4000;

fn record_flight(folder: &Path) -> FlightSummary {
    let mut writer = FlightWriter::create(folder, parameters()).unwrap();
    for index in 0..RECORDS {
        let now = 1_000_000_000 + index * 1_000_000;
        writer.append(&imu(now), now).unwrap();
    }
    writer.finish().unwrap()
}

fn segments(summary: &FlightSummary) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(summary.folder.join("segments"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn imu_times(path: &Path) -> Vec<u64> {
    let mut reader = FlightReader::open(path).unwrap();
    let mut times = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        if let FlightItem::Record { record, .. } = item
            && let Ok(Record::ImuTrace(trace)) = record.decode()
        {
            times.push(trace.time_ns);
        }
    }
    times
}

#[test]
fn a_flight_over_several_segments_reads_back_in_order_and_verifies_clean() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    assert!(summary.segments > 2 && summary.clean_shutdown);

    let expected: Vec<u64> = (0..RECORDS)
        .map(|i| 1_000_000_000 + i * 1_000_000)
        .collect();
    assert_eq!(imu_times(folder.path()), expected);
    assert_eq!(imu_times(&summary.folder), expected);

    let verdict = verify(folder.path()).unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (0, Completeness::Complete)
    );
    let kinds: Vec<_> = verdict.findings.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [FindingKind::Unsealed], "{:?}", verdict.findings);
    assert_eq!(verdict.records, summary.records);
    assert_eq!(verdict.bytes, summary.bytes);
}

#[test]
fn a_renamed_folder_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    fs::rename(&summary.folder, folder.path().join("tuesday")).unwrap();
    assert_eq!(verify(folder.path()).unwrap().exit_code, 0);
}

#[test]
fn a_cut_at_any_byte_of_the_last_records_is_a_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    let last = segments(&summary).pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    for cut in bytes.len() - 600..bytes.len() {
        fs::write(&last, &bytes[..cut]).unwrap();
        let verdict = verify(folder.path()).unwrap();
        let found = (verdict.exit_code, verdict.completeness);
        assert_eq!(found, (2, Completeness::TornTail), "cut at {cut}");
    }
}

#[test]
fn a_recording_that_was_not_closed_is_clean_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FlightWriter::create(folder.path(), parameters()).unwrap();
    for now in 0..3000 {
        writer.append(&imu(now), now).unwrap();
    }
    drop(writer);
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (0, Completeness::Unclosed)
    );
    assert_eq!(imu_times(folder.path()).len(), 3000);
}

#[test]
fn damage_in_the_middle_is_exit_3_and_costs_only_the_record_it_hit() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    for segment in segments(&summary) {
        let clean = fs::read(&segment).unwrap();
        let mut damaged = clean.clone();
        damaged[clean.len() / 2] ^= 0x10;
        fs::write(&segment, &damaged).unwrap();
        let verdict = verify(folder.path()).unwrap();
        assert_eq!(
            (verdict.exit_code, verdict.completeness),
            (3, Completeness::Damaged)
        );
        assert_eq!(verdict.records, summary.records - 1);
        assert_eq!(verdict.missing_records, 1);
        fs::write(&segment, &clean).unwrap();
    }
}

#[test]
fn a_missing_segment_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    fs::remove_file(&segments(&summary)[1]).unwrap();
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(verdict.exit_code, 3);
    assert_eq!(verdict.missing_records, summary.records - verdict.records);
}

#[test]
fn a_segment_under_another_number_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    let paths = segments(&summary);
    let (first, second) = (fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
    fs::write(&paths[0], second).unwrap();
    fs::write(&paths[1], first).unwrap();
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(verdict.exit_code, 3);
}

#[test]
fn a_folder_of_two_flights_names_both() {
    let folder = tempfile::tempdir().unwrap();
    record_flight(folder.path());
    let mut other = parameters();
    other.flight_id.0[0] ^= 1;
    FlightWriter::create(folder.path(), other)
        .unwrap()
        .finish()
        .unwrap();
    match FlightReader::open(folder.path()) {
        Err(OpenError::SeveralFlights { candidates, .. }) => assert_eq!(candidates.len(), 2),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flight_is_never_recorded_over_another() {
    let folder = tempfile::tempdir().unwrap();
    record_flight(folder.path());
    let error = FlightWriter::create(folder.path(), parameters()).unwrap_err();
    assert!(error.to_string().contains("seg_00000.bin"), "{error}");
}

#[test]
fn a_dropped_segment_that_a_loss_record_explains_is_no_damage() {
    for reported in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = FlightWriter::create(folder.path(), parameters()).unwrap();
        let mut event = ComponentLifecycleEvent {
            time_ns: 0,
            severity: Severity::Warning,
            event: LifecycleEvent::FdrSegmentDropped,
            segment: Some(0),
            first_sequence: None,
            last_sequence: None,
            first_time_ns: None,
            last_time_ns: None,
            bytes: 0,
            digest: None,
            component: "recorder",
            cause: "cap",
            text: "",
            counts: List::default(),
        };
        for now in 0..3000 {
            writer.append(&imu(now), now).unwrap();
        }
        let first = fs::read(writer.folder().join("segments/seg_00000.bin")).unwrap();
        let count = SegmentReader::open(&first, None).unwrap().count() as u64;
        if reported {
            (event.first_sequence, event.last_sequence) = (Some(0), Some(count - 1));
        }
        writer.append(&event.into(), 3000).unwrap();
        let summary = writer.finish().unwrap();
        fs::remove_file(&segments(&summary)[0]).unwrap();

        let verdict = verify(folder.path()).unwrap();
        let found = (verdict.exit_code, verdict.completeness);
        let expected = match reported {
            true => (0, Completeness::Dropped),
            false => (3, Completeness::Damaged),
        };
        assert_eq!(found, expected, "{:?}", verdict.findings);
        assert_eq!(verdict.missing_records, summary.records - verdict.records);
    }
}

#[test]
fn a_footer_that_lies_is_found_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FlightWriter::create(folder.path(), parameters()).unwrap();
    let lie = SegmentFooter {
        time_ns: 0,
        chain: Digest::default(),
        previous_chain: Digest::default(),
        content: Digest::default(),
        segment: u32::MAX,
        last: false,
        records: u64::MAX,
        bytes: u64::MAX,
        first_sequence: u64::MAX,
        last_sequence: u64::MAX,
        first_monotonic_ms: u64::MAX,
        last_monotonic_ms: 0,
        counts: List::default(),
        losses: List::default(),
        index: List::default(),
        checkpoints: List::default(),
    };
    writer.append(&lie.into(), u64::MAX).unwrap();
    writer.finish().unwrap();
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (4, Completeness::Altered)
    );
}

#[test]
fn a_foreign_segment_in_the_folder_is_refused_and_the_rest_is_read() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ours = record_flight(folder.path());
    let mut foreign = parameters();
    foreign.flight_id.0[3] ^= 1;
    let mut writer = FlightWriter::create(other.path(), foreign).unwrap();
    for now in 0..RECORDS {
        writer.append(&imu(now), now).unwrap();
    }
    let theirs = writer.finish().unwrap();
    fs::copy(&segments(&theirs)[1], &segments(&ours)[1]).unwrap();

    let verdict = verify(folder.path()).unwrap();
    assert_eq!(verdict.exit_code, 3);
    let texts: Vec<&str> = verdict
        .findings
        .iter()
        .map(|finding| finding.text.as_str())
        .collect();
    assert!(
        texts
            .iter()
            .any(|text| text.contains(&theirs.flight_id.to_string())),
        "{texts:?}"
    );
    assert!(imu_times(folder.path()).len() > 2000);
}

#[test]
fn a_flight_whose_every_header_is_damaged_is_still_read_by_its_folders_name() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    for segment in segments(&summary) {
        let mut bytes = fs::read(&segment).unwrap();
        bytes[40] ^= 1;
        fs::write(&segment, bytes).unwrap();
    }
    fs::remove_file(summary.folder.join("manifest.json")).unwrap();
    assert_eq!(imu_times(folder.path()).len() as u64, RECORDS);
    assert_eq!(verify(folder.path()).unwrap().exit_code, 3);

    fs::rename(&summary.folder, folder.path().join("tuesday")).unwrap();
    assert!(matches!(
        FlightReader::open(folder.path()),
        Err(OpenError::NoIdentity { .. })
    ));
}

#[test]
fn what_is_too_large_for_the_format_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut large = parameters();
    large.configuration = "#".repeat((64 << 10) + 1);
    assert!(FlightWriter::create(folder.path(), large.clone()).is_err());
    large.configuration.pop();
    large.segment_bytes = fdr_format::MAX_SEGMENT_BYTES + 1;
    assert!(FlightWriter::create(folder.path(), large.clone()).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    large.segment_bytes -= 1;
    FlightWriter::create(folder.path(), large)
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(verify(folder.path()).unwrap().exit_code, 0);
}

#[test]
fn a_flight_of_another_version_cannot_be_read_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let summary = FlightWriter::create(folder.path(), parameters())
        .unwrap()
        .finish()
        .unwrap();
    let segment = &segments(&summary)[0];
    let mut bytes = fs::read(segment).unwrap();
    bytes[8] = 9;
    let end = 4 + u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let crc = crc32fast::hash(&bytes[..end - 4]);
    bytes[end - 4..end].copy_from_slice(&crc.to_le_bytes());
    fs::write(segment, bytes).unwrap();
    let error = verify(folder.path()).unwrap_err().to_string();
    assert!(error.contains("version 9"), "{error}");
}

#[test]
fn a_flipped_bit_in_the_footers_of_a_closed_flight_is_damage_and_no_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    let last = segments(&summary).pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    for with_manifest in [true, false] {
        if !with_manifest {
            fs::remove_file(summary.folder.join("manifest.json")).unwrap();
        }
        for at in bytes.len() - 300..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            fs::write(&last, flipped).unwrap();
            let code = verify(folder.path()).unwrap().exit_code;
            assert_eq!(code, 3, "byte {at}, manifest {with_manifest}");
        }
    }
}

#[test]
fn zeros_behind_a_closed_segment_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    for segment in segments(&summary) {
        let bytes = fs::read(&segment).unwrap();
        fs::write(&segment, [&bytes[..], &[0; 4096]].concat()).unwrap();
        let verdict = verify(folder.path()).unwrap();
        assert_eq!((verdict.exit_code, verdict.damaged_bytes), (3, 4096));
        fs::write(&segment, bytes).unwrap();
    }
}

#[test]
fn a_closed_flight_without_its_last_segment_is_cut_off_and_says_how_many_records_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    fs::remove_file(segments(&summary).pop().unwrap()).unwrap();
    let verdict = verify(folder.path()).unwrap();
    let found = (verdict.exit_code, verdict.completeness);
    assert_eq!(found, (2, Completeness::TornTail));
    assert_eq!(verdict.missing_records, summary.records - verdict.records);
}

#[test]
fn what_only_has_the_name_of_a_segment_is_a_finding_and_the_rest_is_read() {
    type Make = fn(&Path);
    let make: [Make; 4] = [
        |path| fs::create_dir(path).unwrap(),
        |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        |path| symlink("/dev/zero", path).unwrap(),
        |path| symlink("nowhere", path).unwrap(),
    ];
    for (case, make) in make.into_iter().enumerate() {
        for number in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let summary = record_flight(folder.path());
            let paths = segments(&summary);
            // The first, one in the middle, the last.
            let path = &paths[number * (paths.len() - 1) / 2];
            fs::remove_file(path).unwrap();
            make(path);
            let verdict = verify(folder.path()).unwrap();
            assert_eq!(verdict.exit_code, 3, "case {case}, segment {number}");
            let kinds: Vec<_> = verdict.findings.iter().map(|found| found.kind).collect();
            assert!(kinds.contains(&FindingKind::UnreadableSegment), "{kinds:?}");
            assert!(verdict.records > summary.records / 2);
        }
    }
}

#[test]
fn a_pipe_in_the_place_of_the_manifest_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = record_flight(folder.path()).folder.join("manifest.json");
    fs::remove_file(&manifest).unwrap();
    let made = Command::new("mkfifo").arg(&manifest).status().unwrap();
    assert!(made.success());
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(verdict.exit_code, 0);
    let kinds: Vec<_> = verdict.findings.iter().map(|found| found.kind).collect();
    assert_eq!(
        kinds,
        [FindingKind::ManifestDisagrees, FindingKind::Unsealed]
    );
}
