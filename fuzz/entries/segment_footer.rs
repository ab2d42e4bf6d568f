//! Any bytes as the body of a segment's footer, under a checksum that holds: records that are read through its
//! index are records of the segment, and a footer that says something else than the segment is found out.

use std::fs;
use std::path::Path;

use fdr_format::{
    DROPS_FILE, DropLine, FindingKind, FlightItem, FlightReader, Overview, Record, RecordType,
    SegmentIdentity, SegmentReader, Selection, segment_path, verify,
};

/// A closed segment: header, records, footer.
const SEGMENT: &[u8] = include_bytes!("../seeds/segment_reader/clean");

/// Puts the bytes in the place of the footer's body, and reads the flight in every way that uses footers.
pub fn check(input: &[u8]) {
    let whole: Vec<_> = SegmentReader::open(SEGMENT, None)
        .expect("the seed is a segment")
        .map(|record| record.expect("and it is whole"))
        .collect();
    let (footer, records) = whole.split_last().expect("it holds records");
    assert_eq!(footer.record_type, RecordType::SEGMENT_FOOTER);
    let identity = SegmentReader::open(SEGMENT, None)
        .expect("the seed is a segment")
        .identity();
    let mut bytes = SEGMENT[..footer.offset as usize].to_vec();
    bytes.extend(frame(&SEGMENT[footer.offset as usize..], input, identity));

    let folder = tempfile::tempdir().expect("a folder for a flight");
    write_flight(folder.path(), identity, &bytes);
    let verdict = verify(folder.path()).expect("a flight with valid records can be judged");
    let original = footer.body;
    if input != original && Record::decode(RecordType::SEGMENT_FOOTER, input).is_ok() {
        let mut kinds = verdict.findings.iter().map(|finding| finding.kind);
        assert!(
            kinds.any(|kind| kind == FindingKind::FooterDisagrees),
            "the chain covers every byte of a footer"
        );
    }
    let reader = FlightReader::open(folder.path()).expect("and read");
    let _ = Overview::read(&reader, |_, _| {});
    for sequence in records.iter().map(|record| record.sequence) {
        let found = selected(folder.path(), sequence);
        assert!(
            found.iter().all(|&found| found == sequence),
            "only what was asked for"
        );
    }
}

fn selected(folder: &Path, sequence: u64) -> Vec<u64> {
    let mut reader = FlightReader::open(folder).expect("it could be opened before");
    reader.select(Selection {
        first_sequence: Some(sequence),
        last_sequence: Some(sequence),
        ..Selection::default()
    });
    let mut found = Vec::new();
    while let Some(item) = reader.next_item().expect("the files are readable") {
        if let FlightItem::Record { record, .. } = item {
            found.push(record.sequence);
        }
    }
    found
}

/// The frame of the old footer with another body and the checksum for it.
fn frame(old: &[u8], body: &[u8], identity: SegmentIdentity) -> Vec<u8> {
    let body = &body[..body.len().min(64 << 10)];
    let mut frame = (body.len() as u32 + 28).to_le_bytes().to_vec();
    frame.extend(&old[4..28]);
    frame.extend(body);
    let mut hasher = crc32fast::Hasher::new_with_initial(identity.crc_seed());
    hasher.update(&frame);
    frame.extend(hasher.finalize().to_le_bytes());
    frame
}

fn write_flight(folder: &Path, identity: SegmentIdentity, bytes: &[u8]) {
    let path = segment_path(
        &folder.join(identity.flight_id.to_string()),
        identity.segment,
    );
    let parent = path.parent().expect("a segment lies in a folder");
    fs::create_dir_all(parent).expect("the folder is ours");
    fs::write(&path, bytes).expect("and there is room");
    // What is in front of it was dropped: without an explanation its footer would not be judged.
    let first = SegmentReader::open(SEGMENT, None)
        .expect("the seed is a segment")
        .next();
    let due = first
        .expect("it holds records")
        .expect("whole ones")
        .sequence;
    let dropped = DropLine {
        time_ns: 0,
        cause: "cap".to_owned(),
        segment: identity.segment - 1,
        first_sequence: 0,
        last_sequence: due - 1,
        first_monotonic_ms: 0,
        last_monotonic_ms: 0,
        records: due,
        bytes: 1 << 20,
        chain: None,
        counts: Vec::new(),
    };
    let journal = folder.join(identity.flight_id.to_string()).join(DROPS_FILE);
    fs::write(journal, dropped.encode()).expect("and there is room");
}
