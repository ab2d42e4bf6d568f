//! Damage of every kind to one segment: nothing wrong is ever read, the rest always is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use fdr_format::records::{Filler, SegmentHeader};
use fdr_format::{
    Damage, FRAME_OVERHEAD, FlightId, FrameProblem, LongBytes, LongText, MAX_BODY, RawRecord,
    Record, RecordType, SegmentEncoder, SegmentError, SegmentIdentity, SegmentReader,
};
use support::{FLIGHT, end_segment, imu, log};

const IDENTITY: SegmentIdentity = SegmentIdentity {
    flight_id: FLIGHT,
    segment: 4,
};

fn header(identity: SegmentIdentity) -> SegmentHeader<'static> {
    SegmentHeader {
        time_ns: 1,
        flight_id: identity.flight_id,
        segment: identity.segment,
        boot_id: fdr_format::BootId([3; 16]),
        compatible_features: 0,
        incompatible_features: 0,
        anchor_monotonic_ns: 1,
        anchor_unix_ns: None,
        previous_chain: None,
        flight_key: None,
        device_key: None,
        certificate: None,
        core_version: 1,
        software_version: "t",
        configuration: LongText(""),
        record_types: Default::default(),
    }
}

/// A segment of these records between header and footer.
fn segment_of(header: &SegmentHeader<'_>, records: &[Record<'_>]) -> Vec<u8> {
    let mut buffer = vec![0; 2 << 20];
    let (mut encoder, length) = SegmentEncoder::begin(header, 100, &mut buffer).unwrap();
    let mut bytes = buffer[..length].to_vec();
    for (record, now) in records.iter().zip(2_000_000..) {
        let length = encoder
            .append(record, encoder.next_sequence(), now, &mut buffer)
            .unwrap();
        bytes.extend_from_slice(&buffer[..length]);
    }
    let sequence = encoder.reserve_footer().unwrap();
    end_segment(&mut bytes, encoder.identity(), sequence, 3_000_000);
    bytes
}

fn small_segment() -> Vec<u8> {
    let records = [
        imu(10),
        log(11, "GFDR is not a record"),
        imu(12),
        imu(13),
        log(14, ""),
    ];
    segment_of(&header(IDENTITY), &records)
}

/// Valid records and damage, read with the identity known from file name and folder.
fn read(bytes: &[u8]) -> (Vec<RawRecord<'_>>, Vec<Damage>) {
    let reader = SegmentReader::open(bytes, Some(IDENTITY)).unwrap();
    let (mut records, mut damage) = (Vec::new(), Vec::new());
    for item in reader {
        match item {
            Ok(record) => records.push(record),
            Err(found) => damage.push(found),
        }
    }
    (records, damage)
}

#[test]
fn an_undamaged_segment_reads_back_whole() {
    let bytes = small_segment();
    let (records, damage) = read(&bytes);
    assert_eq!((records.len(), damage), (7, vec![]));
    let total: usize = records.iter().map(RawRecord::frame_length).sum();
    assert_eq!(total, bytes.len());
    assert!(
        records
            .iter()
            .zip(100..)
            .all(|(record, sequence)| record.sequence == sequence)
    );
    assert_eq!(records[1].decode().unwrap(), imu(10));
    assert_eq!(records[6].record_type, RecordType::SEGMENT_FOOTER);
}

#[test]
fn a_flipped_bit_anywhere_never_yields_a_wrong_record_and_costs_only_the_one_it_hit() {
    let clean = small_segment();
    let (expected, _) = read(&clean);
    for bit in 0..clean.len() * 8 {
        let mut bytes = clean.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let hit = expected
            .iter()
            .rposition(|record| record.offset as usize <= bit / 8)
            .unwrap();
        let mut left = expected.clone();
        let lost = left.remove(hit);

        let (records, damage) = read(&bytes);
        assert_eq!(records, left, "bit {bit}");
        let (start, end) = match damage[0] {
            Damage::Bytes { start, end, .. } | Damage::TornTail { start, end, .. } => (start, end),
            Damage::Gap { .. } => panic!("bit {bit}: {damage:?}"),
        };
        assert_eq!(
            (start, end),
            (lost.offset, lost.offset + lost.frame_length() as u64)
        );
        // The reader names the number of the lost record as soon as a later one shows it.
        let is_named = hit == 0 || hit == expected.len() - 1 || damage.len() == 2;
        assert!(is_named, "bit {bit}: {damage:?}");
    }
}

#[test]
fn a_cut_at_any_byte_leaves_every_whole_record_and_a_torn_tail() {
    let clean = small_segment();
    let (expected, _) = read(&clean);
    for cut in 0..clean.len() {
        let (records, damage) = read(&clean[..cut]);
        let whole = expected
            .iter()
            .take_while(|record| record.offset as usize + record.frame_length() <= cut)
            .count();
        assert_eq!(records, expected[..whole], "cut at {cut}");
        let kept = expected[..whole]
            .iter()
            .map(RawRecord::frame_length)
            .sum::<usize>();
        match damage[..] {
            [] => assert_eq!(kept, cut),
            [Damage::TornTail { start, end, .. }] => {
                assert_eq!((start, end), (kept as u64, cut as u64));
            }
            _ => panic!("cut at {cut}: {damage:?}"),
        }
    }
}

#[test]
fn a_tail_of_zeros_that_was_never_written_is_torn_not_damaged() {
    let clean = small_segment();
    let (expected, _) = read(&clean);
    for kept in [
        0,
        1,
        expected[3].offset as usize,
        expected[3].offset as usize + 40,
    ] {
        let mut bytes = clean.clone();
        bytes[kept..].fill(0);
        let (_, damage) = read(&bytes);
        assert!(
            matches!(damage[..], [Damage::TornTail { .. }]),
            "{kept}: {damage:?}"
        );
    }
}

#[test]
fn a_lost_page_costs_the_records_on_it_and_no_other() {
    let records: Vec<Record<'_>> = (0..600).map(imu).collect();
    let clean = segment_of(&header(IDENTITY), &records);
    let (expected, _) = read(&clean);
    for page in 0..clean.len() / 4096 {
        for fill in [0x00, 0xFF] {
            let mut bytes = clean.clone();
            let lost = page * 4096..(page + 1) * 4096;
            bytes[lost.clone()].fill(fill);
            let left: Vec<_> = expected
                .iter()
                .filter(|record| {
                    let start = record.offset as usize;
                    start + record.frame_length() <= lost.start || start >= lost.end
                })
                .copied()
                .collect();
            let (records, damage) = read(&bytes);
            assert_eq!(records, left, "page {page}");
            assert!(!damage.is_empty());
        }
    }
}

#[test]
fn a_recording_nested_in_a_body_is_not_mistaken_for_records() {
    let foreign = SegmentIdentity {
        flight_id: FlightId([9; 16]),
        segment: 4,
    };
    let neighbour = SegmentIdentity {
        segment: 5,
        ..IDENTITY
    };
    let nested: Vec<u8> = [
        segment_of(&header(foreign), &[imu(1), imu(2)]),
        segment_of(&header(neighbour), &[imu(3), imu(4)]),
        segment_of(&header(IDENTITY), &[imu(5)]),
    ]
    .concat();
    let filler = Record::from(Filler {
        time_ns: 11,
        padding: LongBytes(&nested),
    });
    let clean = segment_of(&header(IDENTITY), &[imu(10), filler, imu(12)]);
    let (expected, _) = read(&clean);
    let carrier = expected[2];

    // With the carrier's own checksum broken the search walks through the nested bytes.
    let last = (carrier.offset as usize) + carrier.frame_length() - 1;
    let mut bytes = clean.clone();
    bytes[last] ^= 1;
    let (records, damage) = read(&bytes);
    let sequences: Vec<u64> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, [100, 101, 103, 104]);
    let end = last as u64 + 1;
    assert_eq!(
        damage,
        [
            Damage::Bytes {
                start: carrier.offset,
                end,
                problem: FrameProblem::Checksum
            },
            Damage::Gap {
                at: end,
                first_missing: 102,
                last_missing: 102
            },
        ]
    );
}

#[test]
fn a_segment_of_another_flight_or_number_is_refused() {
    let bytes = small_segment();
    for expected in [
        SegmentIdentity {
            flight_id: FlightId([1; 16]),
            ..IDENTITY
        },
        SegmentIdentity {
            segment: 5,
            ..IDENTITY
        },
    ] {
        let error = SegmentReader::open(&bytes, Some(expected)).unwrap_err();
        assert_eq!(
            error,
            SegmentError::Foreign {
                expected,
                found: IDENTITY
            }
        );
    }
    assert_eq!(
        SegmentReader::open(&bytes, None).unwrap().identity(),
        IDENTITY
    );
}

#[test]
fn a_segment_that_needs_unknown_features_or_another_version_is_refused() {
    let mut needs = header(IDENTITY);
    needs.incompatible_features = 0b100;
    let error = SegmentReader::open(&segment_of(&needs, &[]), None).unwrap_err();
    assert_eq!(
        error,
        SegmentError::IncompatibleFeatures { features: 0b100 }
    );

    let mut knows = header(IDENTITY);
    knows.compatible_features = u64::MAX;
    assert_eq!(
        SegmentReader::open(&segment_of(&knows, &[]), None)
            .unwrap()
            .count(),
        2
    );

    for version in [0, 2] {
        let mut bytes = small_segment();
        bytes[8] = version;
        let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let crc = crc32fast::hash(&bytes[..length]);
        bytes[length..length + 4].copy_from_slice(&crc.to_le_bytes());
        let error = SegmentReader::open(&bytes, Some(IDENTITY)).unwrap_err();
        assert_eq!(error, SegmentError::Version { version });
    }
}

#[test]
fn without_header_the_flight_and_number_must_be_known() {
    let mut bytes = small_segment();
    bytes[30] ^= 1;
    let error = SegmentReader::open(&bytes, None).unwrap_err();
    assert_eq!(
        error,
        SegmentError::NoHeader {
            problem: FrameProblem::Checksum
        }
    );
    assert_eq!(read(&bytes).0.len(), 6);
}

#[test]
fn a_length_over_one_mebibyte_is_refused_at_both_ends() {
    let clean = small_segment();
    let (expected, _) = read(&clean);
    let at = expected[2].offset as usize;
    let mut bytes = clean.clone();
    bytes[at..at + 4].copy_from_slice(&(1u32 << 20 | 1).to_le_bytes());
    let (_, damage) = read(&bytes);
    assert!(matches!(
        damage[0],
        Damage::Bytes {
            problem: FrameProblem::Length { length: 0x10_0001 },
            ..
        }
    ));

    let mut buffer = vec![0; 2 << 20];
    let (mut encoder, _) = SegmentEncoder::begin(&header(IDENTITY), 0, &mut buffer).unwrap();
    let body = vec![0; MAX_BODY + 1];
    let record = |length: usize| Record::Unknown {
        record_type: RecordType(0x7000),
        body: LongBytes(&body[..length]),
    };
    let written = encoder
        .append(&record(MAX_BODY), encoder.next_sequence(), 0, &mut buffer)
        .unwrap();
    assert_eq!(written, (1 << 20) + 4);
    assert_eq!(written, MAX_BODY + FRAME_OVERHEAD);
    assert!(
        encoder
            .append(
                &record(MAX_BODY + 1),
                encoder.next_sequence(),
                0,
                &mut buffer
            )
            .is_err()
    );
    assert_eq!(
        encoder.next_sequence(),
        2,
        "a refused record takes no number"
    );
}

#[test]
fn a_missing_record_is_a_gap_with_its_number() {
    let bytes = small_segment();
    let (expected, _) = read(&bytes);
    let (from, to) = (expected[2].offset as usize, expected[4].offset as usize);
    let spliced = [&bytes[..from], &bytes[to..]].concat();
    let (records, damage) = read(&spliced);
    assert_eq!(records.len(), 5);
    assert_eq!(
        damage,
        [Damage::Gap {
            at: from as u64,
            first_missing: 102,
            last_missing: 103
        }]
    );
}

#[test]
fn a_record_that_comes_twice_is_delivered_once() {
    let bytes = small_segment();
    let (expected, _) = read(&bytes);
    let (from, to) = (expected[2].offset as usize, expected[3].offset as usize);
    let doubled = [&bytes[..to], &bytes[from..to], &bytes[to..]].concat();
    let (records, damage) = read(&doubled);
    assert_eq!(records.len(), 7);
    assert_eq!(
        damage,
        [Damage::Bytes {
            start: to as u64,
            end: (2 * to - from) as u64,
            problem: FrameProblem::SequenceReversed {
                expected: 103,
                found: 102
            },
        }]
    );
}

#[test]
fn a_record_of_an_unknown_type_is_delivered() {
    let future = Record::Unknown {
        record_type: RecordType(0x0FFF),
        body: LongBytes(b"later"),
    };
    let bytes = segment_of(&header(IDENTITY), &[future]);
    let (records, damage) = read(&bytes);
    assert!(damage.is_empty());
    assert_eq!(records[1].decode().unwrap(), future);
}

/// Each small record has in front of it twelve bytes that claim to be a record of almost 1 MiB, right
/// behind which stands a whole one, not the next in number: without a limit both are checked each time.
#[test]
fn a_segment_made_to_be_slow_is_given_up() {
    const SMALL: usize = FRAME_OVERHEAD;
    let mut buffer = vec![0; 2 << 20];
    let (mut encoder, length) = SegmentEncoder::begin(&header(IDENTITY), 100, &mut buffer).unwrap();
    let mut bytes = buffer[..length].to_vec();
    let unknown = |body| Record::Unknown {
        record_type: RecordType(0x7F01),
        body: LongBytes(body),
    };
    let pairs = ((1 << 20) - 64) / (12 + SMALL);
    for pair in 0..pairs {
        let claim = (pairs - pair) * (12 + SMALL) - 4;
        bytes.extend((claim as u32).to_le_bytes());
        bytes.extend(b"GFDR\0\0\0\0");
        let length = encoder
            .append(&unknown(&[]), encoder.next_sequence(), 1, &mut buffer)
            .unwrap();
        bytes.extend(&buffer[..length]);
    }
    // The number behind the next is missing, so that the last record ends no damage.
    encoder
        .append(&unknown(&[]), encoder.next_sequence(), 1, &mut buffer)
        .unwrap();
    let large = vec![0; MAX_BODY];
    let length = encoder
        .append(&unknown(&large), encoder.next_sequence(), 1, &mut buffer)
        .unwrap();
    bytes.extend(&buffer[..length]);

    let (records, damage) = read(&bytes);
    assert!(records.len() > 100, "{}", records.len());
    assert!(
        matches!(
            damage.last(),
            Some(Damage::Bytes {
                problem: FrameProblem::SearchGivenUp,
                ..
            })
        ),
        "{:?}",
        damage.last()
    );
}
