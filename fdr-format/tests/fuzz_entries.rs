//! The entry points of the fuzz targets as property tests, for machines without nightly.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "../../fuzz/entries/drop_journal.rs"]
mod drop_journal;
#[path = "../../fuzz/entries/record_decoder.rs"]
mod record_decoder;
#[path = "../../fuzz/entries/seal_file.rs"]
mod seal_file;
#[path = "../../fuzz/entries/segment_footer.rs"]
mod segment_footer;
#[path = "../../fuzz/entries/segment_reader.rs"]
mod segment_reader;

use std::path::Path;

/// The seeds of a target, which are what mutations start from.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

#[test]
fn every_seed_passes_as_it_is() {
    type Check = fn(&[u8]);
    let targets: [(&str, Check); 5] = [
        ("record_decoder", record_decoder::check),
        ("segment_reader", segment_reader::check),
        ("segment_footer", segment_footer::check),
        ("drop_journal", drop_journal::check),
        ("seal_file", seal_file::check),
    ];
    for (target, check) in targets {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target}");
        seeds.iter().for_each(|seed| check(seed));
    }
}

mod properties {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    /// One change to an input.
    #[derive(Debug, Clone)]
    enum Mutation {
        Flip(Index, u8),
        Set(Index, u8),
        Remove(Index, u8),
        Insert(Index, Vec<u8>),
        Repeat(Index, u8),
        Cut(Index),
    }

    fn mutation() -> impl Strategy<Value = Mutation> {
        prop_oneof![
            (any::<Index>(), 0u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
            (any::<Index>(), select(&[0u8, 1, 2, 0x7F, 0x80, 0xFF][..]))
                .prop_map(|(at, value)| Mutation::Set(at, value)),
            (any::<Index>(), 1u8..64).prop_map(|(at, count)| Mutation::Remove(at, count)),
            (any::<Index>(), vec(any::<u8>(), 1..64))
                .prop_map(|(at, new)| Mutation::Insert(at, new)),
            (any::<Index>(), 1u8..200).prop_map(|(at, count)| Mutation::Repeat(at, count)),
            any::<Index>().prop_map(Mutation::Cut),
        ]
    }

    fn mutated(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
        for mutation in mutations {
            if bytes.is_empty() {
                break;
            }
            let length = bytes.len();
            let reach = |at: usize, count: u8| at..(at + usize::from(count)).min(length);
            match mutation {
                Mutation::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
                Mutation::Set(at, value) => bytes[at.index(length)] = *value,
                Mutation::Remove(at, count) => {
                    bytes.drain(reach(at.index(length), *count));
                }
                Mutation::Insert(at, new) => {
                    let at = at.index(length);
                    bytes.splice(at..at, new.iter().copied());
                }
                Mutation::Repeat(at, count) => {
                    let range = reach(at.index(length), *count);
                    let again = bytes[range.clone()].to_vec();
                    bytes.splice(range.start..range.start, again);
                }
                Mutation::Cut(at) => bytes.truncate(at.index(length)),
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn mutated_records_are_refused_or_written_back_unchanged(
            seed in select(seeds("record_decoder")),
            mutations in vec(mutation(), 0..6),
        ) {
            record_decoder::check(&mutated(seed, &mutations));
        }

        #[test]
        fn mutated_segments_are_accounted_for_byte_by_byte(
            seed in select(seeds("segment_reader")),
            mutations in vec(mutation(), 0..12),
        ) {
            segment_reader::check(&mutated(seed, &mutations));
        }

        #[test]
        fn mutated_journals_keep_their_whole_lines(
            seed in select(seeds("drop_journal")),
            mutations in vec(mutation(), 0..12),
        ) {
            drop_journal::check(&mutated(seed, &mutations));
        }

        #[test]
        fn mutated_seals_hold_for_one_flight_at_most(
            seed in select(seeds("seal_file")),
            mutations in vec(mutation(), 0..4),
        ) {
            seal_file::check(&mutated(seed, &mutations));
        }

        #[test]
        fn mutated_footers_are_found_out_and_mislead_no_reader(
            seed in select(seeds("segment_footer")),
            mutations in vec(mutation(), 0..6),
        ) {
            segment_footer::check(&mutated(seed, &mutations));
        }

        #[test]
        fn random_bytes_are_no_segment(bytes in vec(any::<u8>(), 0..2000)) {
            segment_reader::check(&bytes);
        }
    }
}
