//! Sealed flights of several segments: whatever is altered or cut afterwards is found, and says what it is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use fdr_format::records::{ComponentLifecycleEvent, LifecycleEvent, Severity};
use fdr_format::{
    Completeness, Digest, DropLine, FindingKind, FlightKeys, FlightParameters, FlightReader,
    FlightWriter, List, Record, RecordType, Seal, SealState, SealedStream, SecretKey,
    SegmentIdentity, SegmentReader, Stream, Verification, VerifyOptions, verify, verify_with,
};
use support::{FLIGHT, imu, parameters};

fn device() -> SecretKey {
    SecretKey::from_bytes(&[4; 32])
}

fn keyed() -> FlightParameters {
    let flight_key = SecretKey::from_bytes(&[3; 32]).public();
    let mut parameters = parameters();
    parameters.keys = Some(FlightKeys {
        flight: flight_key,
        device: Some(device().certify(parameters.flight_id, flight_key)),
    });
    parameters
}

fn record(folder: &Path, parameters: FlightParameters) -> PathBuf {
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    for now in 0..3000u64 {
        writer
            .append(&imu(now), 1_000_000_000 + now * 1_000_000)
            .unwrap();
    }
    let summary = writer.finish().unwrap();
    assert!(summary.segments > 3);
    summary.folder
}

fn seal(flight: &Path) {
    let verdict = verify(flight).unwrap();
    let key = SecretKey::from_bytes(&[3; 32]);
    let streams = verdict.streams.iter().map(|stream| SealedStream {
        stream: stream.stream,
        last_segment: stream.segments as u32 - 1,
        chain: stream.last_chain.unwrap(),
    });
    let certificate = device().certify(verdict.flight_id, key.public());
    let seal = Seal::new(
        verdict.flight_id,
        streams.collect(),
        &key,
        Some(certificate),
    );
    fs::write(flight.join("seal.json"), serde_json::to_vec(&seal).unwrap()).unwrap();
}

fn sealed_flight(folder: &Path) -> PathBuf {
    let flight = record(folder, keyed());
    seal(&flight);
    flight
}

fn segment(flight: &Path, number: u32) -> PathBuf {
    flight.join(format!("segments/seg_{number:05}.bin"))
}

fn last(flight: &Path) -> u32 {
    fs::read_dir(flight.join("segments")).unwrap().count() as u32 - 1
}

#[track_caller]
fn assert_found(verdict: &Verification, code: u8, kind: FindingKind) {
    let found = verdict.findings.iter().any(|finding| finding.kind == kind);
    assert!(found, "{:?}", verdict.findings);
    assert_eq!(verdict.exit_code, code, "{:?}", verdict.findings);
}

/// The frame of a record with the checksum made anew.
fn resealed(mut frame: Vec<u8>, number: u32) -> Vec<u8> {
    let identity = SegmentIdentity {
        flight_id: FLIGHT,
        segment: number,
    };
    let end = frame.len() - 4;
    let mut crc = crc32fast::Hasher::new_with_initial(identity.crc_seed());
    crc.update(&frame[..end]);
    frame[end..].copy_from_slice(&crc.finalize().to_le_bytes());
    frame
}

#[test]
fn a_sealed_flight_is_complete_and_names_its_device() {
    let folder = tempfile::tempdir().unwrap();
    sealed_flight(folder.path());
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (0, Completeness::Complete)
    );
    assert_eq!(verdict.findings, []);
    assert_eq!(verdict.seal.state, SealState::Sealed);
    assert_eq!(verdict.seal.device_key, Some(device().public()));
}

#[test]
fn a_device_that_must_have_sealed_the_flight_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let flight = sealed_flight(folder.path());
    let reader = FlightReader::open(&flight).unwrap();
    let with = |key| {
        let options = VerifyOptions {
            device_key: Some(key),
            ..VerifyOptions::default()
        };
        verify_with(&reader, &options, |_, _| {}).unwrap()
    };
    assert_eq!(with(device().public()).exit_code, 0);
    let other = SecretKey::from_bytes(&[9; 32]).public();
    assert_found(&with(other), 4, FindingKind::SealWrong);
    fs::remove_file(flight.join("seal.json")).unwrap();
    assert_found(&with(device().public()), 4, FindingKind::Unsealed);
}

/// The record is altered and its checksum made anew: only the hash of the segment knows.
#[test]
fn a_record_altered_with_a_valid_checksum_breaks_the_content_of_its_segment() {
    let folder = tempfile::tempdir().unwrap();
    let flight = sealed_flight(folder.path());
    let path = segment(&flight, 1);
    let mut bytes = fs::read(&path).unwrap();
    let record = SegmentReader::open(&bytes, None)
        .unwrap()
        .nth(20)
        .unwrap()
        .unwrap();
    let (at, length) = (record.offset as usize, record.frame_length());
    let mut frame = bytes[at..at + length].to_vec();
    frame[40] ^= 1;
    bytes[at..at + length].copy_from_slice(&resealed(frame, 1));
    fs::write(&path, bytes).unwrap();
    assert_found(
        &verify(folder.path()).unwrap(),
        4,
        FindingKind::FooterDisagrees,
    );
    let fast = VerifyOptions {
        fast: true,
        ..VerifyOptions::default()
    };
    let reader = FlightReader::open(&flight).unwrap();
    let verdict = verify_with(&reader, &fast, |_, _| {}).unwrap();
    assert_eq!(verdict.exit_code, 0, "checksums and sequence alone hold");
}

/// The flight with other content.
fn recorded_anew(folder: &Path) -> PathBuf {
    let mut writer = FlightWriter::create(folder, keyed()).unwrap();
    for now in 0..3000u64 {
        writer
            .append(&imu(now + 7), 1_000_000_000 + now * 1_000_000)
            .unwrap();
    }
    writer.finish().unwrap().folder
}

/// A whole flight recorded anew with other content, under the old seal and without it.
#[test]
fn a_segment_replaced_by_a_sound_one_breaks_the_chain() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let flight = sealed_flight(folder.path());
    let theirs = recorded_anew(other.path());
    fs::copy(segment(&theirs, 1), segment(&flight, 1)).unwrap();
    assert_found(&verify(folder.path()).unwrap(), 4, FindingKind::ChainBroken);

    fs::copy(flight.join("seal.json"), theirs.join("seal.json")).unwrap();
    assert_found(&verify(&theirs).unwrap(), 4, FindingKind::SealWrong);
}

/// A recorder that ended without order may have had no time to tell of a closing that failed, so that a chain
/// may pass over a segment. It never leads out of the flight.
#[test]
fn a_segment_replaced_in_a_flight_that_was_not_closed_breaks_the_chain_too() {
    for replaced in [0, 1] {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let flight = sealed_flight(folder.path());
        fs::remove_file(segment(&flight, last(&flight))).unwrap();
        for file in ["seal.json", "manifest.json"] {
            fs::remove_file(flight.join(file)).unwrap();
        }
        let verdict = verify(folder.path()).unwrap();
        assert_eq!(verdict.completeness, Completeness::Unclosed);
        let theirs = recorded_anew(other.path());
        fs::copy(segment(&theirs, replaced), segment(&flight, replaced)).unwrap();
        assert_found(&verify(folder.path()).unwrap(), 4, FindingKind::ChainBroken);
    }
}

#[test]
fn a_last_segment_that_is_deleted_with_the_manifest_is_missed_by_the_seal() {
    let folder = tempfile::tempdir().unwrap();
    let flight = sealed_flight(folder.path());
    fs::remove_file(segment(&flight, last(&flight))).unwrap();
    fs::remove_file(flight.join("manifest.json")).unwrap();
    let verdict = verify(folder.path()).unwrap();
    assert_found(&verdict, 4, FindingKind::SealWrong);
    assert_eq!(verdict.seal.state, SealState::Wrong);
}

#[test]
fn a_sealed_flight_cut_at_the_end_of_a_record_is_missed_by_the_seal() {
    let folder = tempfile::tempdir().unwrap();
    let flight = sealed_flight(folder.path());
    let path = segment(&flight, last(&flight));
    let bytes = fs::read(&path).unwrap();
    let footer = SegmentReader::open(&bytes, None)
        .unwrap()
        .last()
        .unwrap()
        .unwrap();
    fs::write(&path, &bytes[..footer.offset as usize]).unwrap();
    assert_found(&verify(folder.path()).unwrap(), 4, FindingKind::SealWrong);
}

#[test]
fn damage_in_a_sealed_flight_is_damage_and_not_alteration() {
    let folder = tempfile::tempdir().unwrap();
    let flight = sealed_flight(folder.path());
    let path = segment(&flight, 1);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_found(
        &verify(folder.path()).unwrap(),
        3,
        FindingKind::DamagedBytes,
    );
}

/// What the cap drops: the first two segments, told by the journal with their numbers and chain.
fn drop_two(flight: &Path, told: u32) {
    let mut lines = String::new();
    for number in 0..2 {
        let path = segment(flight, number);
        let bytes = fs::read(&path).unwrap();
        let records: Vec<_> = SegmentReader::open(&bytes, None)
            .unwrap()
            .flatten()
            .collect();
        let Ok(Record::SegmentFooter(footer)) = records.last().unwrap().decode() else {
            panic!("a closed segment has a footer");
        };
        if number < told {
            let line = DropLine {
                time_ns: 9,
                cause: "cap".to_owned(),
                segment: number,
                first_sequence: footer.first_sequence,
                last_sequence: records.last().unwrap().sequence,
                first_monotonic_ms: footer.first_monotonic_ms,
                last_monotonic_ms: footer.last_monotonic_ms,
                records: records.len() as u64,
                bytes: bytes.len() as u64,
                chain: Some(footer.chain),
                counts: vec![(RecordType::IMU_TRACE.0, records.len() as u64)],
            };
            lines.push_str(&line.encode());
        }
        fs::remove_file(path).unwrap();
    }
    fs::write(flight.join("drops.log"), lines).unwrap();
}

#[test]
fn a_ring_is_read_from_its_first_surviving_segment_when_the_journal_explains_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    drop_two(&sealed_flight(folder.path()), 2);
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (0, Completeness::Dropped),
        "{:?}",
        verdict.findings
    );
    assert_eq!(verdict.seal.state, SealState::Sealed);
}

#[test]
fn dropped_segments_that_the_journal_does_not_explain_are_missing() {
    for told in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        drop_two(&sealed_flight(folder.path()), told);
        assert_found(
            &verify(folder.path()).unwrap(),
            3,
            FindingKind::MissingRecords,
        );
    }
}

#[test]
fn the_chain_is_followed_across_dropped_segments() {
    let folder = tempfile::tempdir().unwrap();
    let flight = sealed_flight(folder.path());
    drop_two(&flight, 2);
    let path = flight.join("drops.log");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<DropLine> = text
        .lines()
        .map(|line| DropLine::parse(line.as_bytes()).unwrap())
        .collect();
    lines[1].chain = Some(Digest([7; 32]));
    let text: String = lines.iter().map(DropLine::encode).collect();
    fs::write(&path, text).unwrap();
    assert_found(&verify(folder.path()).unwrap(), 4, FindingKind::ChainBroken);
}

#[test]
fn a_damaged_line_of_the_journal_is_told_and_a_torn_last_one_is_a_notice() {
    let folder = tempfile::tempdir().unwrap();
    let flight = sealed_flight(folder.path());
    drop_two(&flight, 2);
    let path = flight.join("drops.log");
    let whole = fs::read(&path).unwrap();
    let mut torn = whole.clone();
    torn.extend(b"{\"time_ns\":12");
    fs::write(&path, torn).unwrap();
    assert_found(&verify(folder.path()).unwrap(), 0, FindingKind::Journal);
    let mut damaged = whole;
    damaged[30] ^= 1;
    fs::write(&path, damaged).unwrap();
    assert_found(&verify(folder.path()).unwrap(), 3, FindingKind::Journal);
}

/// A recorder that was killed and went on: what the first part held is told by the second.
fn restarted(folder: &Path, torn: usize, digest: impl Fn(&[u8]) -> Digest) -> PathBuf {
    let flight = record(folder, keyed());
    let count = last(&flight);
    for number in 2..=count {
        fs::remove_file(segment(&flight, number)).unwrap();
    }
    fs::remove_file(flight.join("manifest.json")).unwrap();
    let path = segment(&flight, 1);
    let mut bytes = fs::read(&path).unwrap();
    let records: Vec<_> = SegmentReader::open(&bytes, None)
        .unwrap()
        .flatten()
        .collect();
    let (end, sequence) = (records[100].offset as usize, records[99].sequence);
    let ms = records[99].monotonic_ms;
    let mut digest_of = digest(&bytes[..end]);
    bytes.truncate(end + torn);
    fs::write(&path, &bytes).unwrap();

    let mut buffer = vec![0; 1 << 16];
    let start = fdr_format::SegmentStart {
        segment: 2,
        sequence: sequence + 1,
        now_ns: ms * 1_000_000,
        clock: keyed().clock,
        previous_chain: None,
    };
    let (mut encoder, length) = keyed().begin_segment(&start, &mut buffer).unwrap();
    let mut next = buffer[..length].to_vec();
    let event = ComponentLifecycleEvent {
        time_ns: start.now_ns,
        severity: Severity::Warning,
        event: LifecycleEvent::FdrSegmentRecovered,
        segment: Some(1),
        first_sequence: None,
        last_sequence: Some(sequence),
        first_time_ns: None,
        last_time_ns: None,
        bytes: end as u64,
        digest: Some(std::mem::take(&mut digest_of)),
        component: "recorder",
        cause: "restart",
        text: "",
        counts: List::default(),
    };
    let length = encoder
        .append(
            &event.into(),
            encoder.next_sequence(),
            start.now_ns,
            &mut buffer,
        )
        .unwrap();
    next.extend(&buffer[..length]);
    fs::write(segment(&flight, 2), next).unwrap();
    flight
}

fn hash(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}

#[test]
fn a_restart_in_flight_explains_the_segment_that_it_left() {
    for torn in [0, 17] {
        let folder = tempfile::tempdir().unwrap();
        restarted(folder.path(), torn, hash);
        let verdict = verify(folder.path()).unwrap();
        assert_eq!(
            (verdict.exit_code, verdict.completeness),
            (0, Completeness::Unclosed),
            "{:?}",
            verdict.findings
        );
    }
}

#[test]
fn a_segment_altered_after_a_restart_is_not_the_one_that_was_found() {
    let folder = tempfile::tempdir().unwrap();
    restarted(folder.path(), 0, |_| Digest([1; 32]));
    assert_found(&verify(folder.path()).unwrap(), 4, FindingKind::ChainBroken);
}

#[test]
fn a_torn_segment_that_no_restart_explains_is_damage_when_another_follows() {
    let folder = tempfile::tempdir().unwrap();
    let flight = restarted(folder.path(), 17, hash);
    let path = segment(&flight, 2);
    let bytes = fs::read(&path).unwrap();
    let header = SegmentReader::open(&bytes, None)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    fs::write(&path, &bytes[..header.frame_length()]).unwrap();
    assert_found(
        &verify(folder.path()).unwrap(),
        3,
        FindingKind::DamagedBytes,
    );
}

#[test]
fn the_verdict_does_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let flight = sealed_flight(folder.path());
    let path = segment(&flight, 1);
    let clean = fs::read(&path).unwrap();
    let third = fs::read(segment(&flight, 2)).unwrap();
    let half = clean.len() / 2;
    let mut harms: Vec<Vec<u8>> = vec![clean.clone(), third, clean[..half].to_vec(), Vec::new()];
    for at in [9, 40, half, clean.len() - 2] {
        let mut bytes = clean.clone();
        bytes[at] ^= 0x10;
        harms.push(bytes);
    }
    for harmed in harms {
        fs::write(&path, harmed).unwrap();
        let reader = FlightReader::open(&flight).unwrap();
        let verdicts = [1, 2, 5].map(|threads| {
            let options = VerifyOptions {
                threads: NonZeroUsize::new(threads),
                ..VerifyOptions::default()
            };
            let verdict = verify_with(&reader, &options, |_, _| {}).unwrap();
            serde_json::to_string(&verdict).unwrap()
        });
        assert_eq!(verdicts[0], verdicts[1]);
        assert_eq!(verdicts[0], verdicts[2]);
    }
}

#[test]
fn the_same_flight_under_two_names_is_one_flight() {
    let folder = tempfile::tempdir().unwrap();
    let flight = sealed_flight(folder.path());
    std::os::unix::fs::symlink(&flight, folder.path().join("latest")).unwrap();
    assert_eq!(
        FlightReader::open(folder.path()).unwrap().flight_id(),
        FLIGHT
    );
}

#[test]
fn an_essential_stream_is_judged_with_its_own_numbers_and_sealed_with_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let flight = record(folder.path(), keyed());
    let start = fdr_format::SegmentStart {
        segment: Stream::Essential.segment(0),
        sequence: 0,
        now_ns: 1_000_000_000,
        clock: keyed().clock,
        previous_chain: Some(Digest::default()),
    };
    let mut buffer = vec![0; 1 << 16];
    let (mut encoder, length) = keyed().begin_segment(&start, &mut buffer).unwrap();
    let mut bytes = buffer[..length].to_vec();
    for _ in 0..10 {
        let sequence = encoder.next_sequence();
        let length = encoder.append(&imu(5), sequence, 2_000_000_000, &mut buffer);
        bytes.extend(&buffer[..length.unwrap()]);
    }
    let footer = fdr_format::records::FlightFooter {
        time_ns: 0,
        records: encoder.next_sequence() + 1,
        segments: 1,
        clean_shutdown: true,
        lost: List::default(),
    };
    let sequence = encoder.next_sequence();
    let length = encoder.append(&footer.into(), sequence, 2_000_000_000, &mut buffer);
    bytes.extend(&buffer[..length.unwrap()]);
    let sequence = encoder.reserve_footer().unwrap();
    support::end_segment(&mut bytes, encoder.identity(), sequence, 2_000_000_000);
    fs::create_dir(flight.join("essential")).unwrap();
    let path = flight.join("essential/seg_00000.bin");
    fs::write(&path, &bytes).unwrap();
    fs::remove_file(flight.join("manifest.json")).unwrap();
    seal(&flight);

    let verdict = verify(&flight).unwrap();
    assert_eq!(verdict.findings, []);
    assert_eq!(verdict.streams.len(), 2);
    let mut reader = FlightReader::open_stream(&flight, Stream::Essential).unwrap();
    let mut records = 0;
    while reader.next_item().unwrap().is_some() {
        records += 1;
    }
    assert_eq!(records, 13);

    // A segment of one stream is none of the other, whatever its name says.
    fs::copy(&path, segment(&flight, 2)).unwrap();
    assert_found(&verify(&flight).unwrap(), 3, FindingKind::RefusedSegment);
    fs::remove_dir_all(flight.join("essential")).unwrap();
    assert_found(&verify(&flight).unwrap(), 4, FindingKind::SealWrong);
}
