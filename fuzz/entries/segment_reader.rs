//! Any bytes as a segment: every byte is accounted for exactly once, and numbers only grow.

use fdr_format::{Damage, FlightId, SegmentIdentity, SegmentReader};

const IDENTITY: SegmentIdentity = SegmentIdentity {
    flight_id: FlightId([5; 16]),
    segment: 2,
};

/// Reads the bytes as they are, and again with the checksums made right, so that the search for
/// inputs is not stopped by 32 bits that it cannot guess.
pub fn check(input: &[u8]) {
    for expected in [None, Some(IDENTITY)] {
        read(input, expected);
        read(&with_valid_checksums(input), expected);
    }
}

fn read(segment: &[u8], expected: Option<SegmentIdentity>) {
    let Ok(reader) = SegmentReader::open(segment, expected) else {
        return;
    };
    let (mut position, mut next_sequence) = (0, 0);
    for item in reader {
        match item {
            Ok(record) => {
                assert_eq!(
                    record.offset, position,
                    "records and damage follow each other"
                );
                assert!(record.sequence >= next_sequence, "numbers grow");
                position += record.frame_length() as u64;
                next_sequence = record.sequence.saturating_add(1);
                // Bodies that cannot be read are refused; panicking is what is looked for here.
                let _ = record.decode();
            }
            Err(Damage::Gap {
                at,
                first_missing,
                last_missing,
            }) => {
                assert_eq!(at, position);
                assert!(first_missing <= last_missing);
                assert_eq!(first_missing, next_sequence);
                next_sequence = last_missing + 1;
            }
            Err(Damage::Bytes { start, end, .. } | Damage::TornTail { start, end, .. }) => {
                assert_eq!(start, position);
                assert!(end > start, "damage has a size");
                position = end;
            }
        }
    }
    assert_eq!(
        position,
        segment.len() as u64,
        "every byte is accounted for"
    );
}

/// The same bytes with the checksum of each frame, as its length gives it, made right.
fn with_valid_checksums(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let mut at = 0;
    let mut seed = 0;
    while let Some(length) = bytes.get(at..at + 4) {
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let end = at + 4 + length;
        if length < 28 || end > bytes.len() {
            break;
        }
        let mut hasher = crc32fast::Hasher::new_with_initial(seed);
        hasher.update(&bytes[at..end - 4]);
        bytes[end - 4..end].copy_from_slice(&hasher.finalize().to_le_bytes());
        if at == 0 {
            seed = SegmentReader::open(&bytes, None)
                .map_or(IDENTITY, |reader| reader.identity())
                .crc_seed();
        }
        at = end;
    }
    bytes
}
