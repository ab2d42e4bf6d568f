//! What is bad is told from what is odd, and comes back once when the rules are widened.

use edge_spine::check::Reason;
use edge_spine::intake::Receipt;
use edge_spine::store::{DeadFilter, Store};

use crate::support::{Bench, at, line};

#[test]
fn nan_text_unknown_channels_and_drifted_schemas_are_bad_and_numbers_coerce() {
    let bench = Bench::new("[breaker]\nbad_in_a_row = 1000\n");
    let mut intake = bench.intake();
    let with = |seq: i64, from: &str, to: &str| line(seq).replace(from, to);
    let cases = [
        (
            with(1, "48.1", "NaN"),
            Receipt::DeadLettered(Reason::NotFinite),
        ),
        (
            with(2, "48.1", "-Infinity"),
            Receipt::DeadLettered(Reason::NotFinite),
        ),
        (
            with(3, "48.1", "\"north\""),
            Receipt::DeadLettered(Reason::WrongType),
        ),
        (with(4, "48.1", "null"), Receipt::DeadLettered(Reason::Null)),
        (
            with(5, "48.1", "91"),
            Receipt::DeadLettered(Reason::OutOfRange),
        ),
        (
            with(6, "position", "mystery"),
            Receipt::DeadLettered(Reason::UnknownChannel),
        ),
        (
            with(7, "\"alt\"", "\"altitude\""),
            Receipt::DeadLettered(Reason::MissingField),
        ),
        (
            with(8, "\"lat\"", "\"extra\":1,\"lat\""),
            Receipt::DeadLettered(Reason::UnknownField),
        ),
        (
            with(9, "48.1", "[1]"),
            Receipt::DeadLettered(Reason::WrongType),
        ),
        (with(10, "48.1", "48"), Receipt::Accepted),
        (
            with(11, "{\"device\"", "{\"device\":1,\"device\""),
            Receipt::DeadLettered(Reason::Malformed),
        ),
        ("not json".into(), Receipt::DeadLettered(Reason::Malformed)),
        (
            with(12, "uav-7", &"x".repeat(70_000)),
            Receipt::DeadLettered(Reason::Oversized),
        ),
        (
            with(9, "48.1", "50"),
            Receipt::DeadLettered(Reason::ReversedTime),
        ),
    ];
    for (line, expected) in cases {
        let receipts = intake.commit(std::slice::from_ref(&line), at(1)).unwrap();
        assert_eq!(receipts, [expected], "{}", &line[..line.len().min(200)]);
    }
    let counts = bench.store().counts().unwrap();
    assert!(counts.adds_up);
    assert_eq!((counts.pending, counts.dead), (1, 13));
}

#[test]
fn two_samples_in_one_tick_are_legal_and_another_payload_under_one_key_is_a_conflict() {
    let bench = Bench::new("");
    let mut intake = bench.intake();
    let first = line(1);
    let same_tick = first.replace("\"seq\":1", "\"seq\":2");
    let other = first.replace("48.1", "48.2");
    let receipts = intake
        .commit(&[&first, &same_tick, &first, &other, &other], at(1))
        .unwrap();
    assert_eq!(
        receipts,
        [
            Receipt::Accepted,
            Receipt::Accepted,
            Receipt::Duplicate,
            Receipt::DeadLettered(Reason::Conflict),
            Receipt::Duplicate
        ]
    );
    let tally = bench.store().tally().unwrap();
    assert_eq!(
        (tally.conflicts, tally.duplicates, tally.inserts),
        (1, 2, 3)
    );
}

#[test]
fn reprocessing_re_injects_exactly_once_under_widened_ranges() {
    let bench = Bench::new("[breaker]\nbad_in_a_row = 1000\n");
    let mut intake = bench.intake();
    let high: Vec<String> = (0..40)
        .map(|own| line(own).replace("\"alt\":", "\"alt\":10"))
        .map(|own| own.replace("}}", "000}}"))
        .collect();
    let receipts = intake.commit(&high, at(1)).unwrap();
    assert!(
        receipts
            .iter()
            .all(|own| *own == Receipt::DeadLettered(Reason::OutOfRange))
    );
    let mut store = bench.store();
    let all = DeadFilter::default();
    let done = store.reprocess(&all, &bench.config, at(2)).unwrap();
    assert_eq!(
        (done.reinjected, done.still_bad),
        (0, 40),
        "marking alone is nothing"
    );
    let mut wide = (*bench.config).clone();
    wide.channels
        .get_mut("position")
        .unwrap()
        .fields
        .get_mut("alt")
        .unwrap()
        .max = Some(1e12);
    // Two at once, as two operators would.
    let results: Vec<_> = std::thread::scope(|scope| {
        let run = || {
            scope.spawn(|| {
                Store::open(&wide)
                    .unwrap()
                    .reprocess(&DeadFilter::default(), &wide, at(3))
                    .unwrap()
            })
        };
        [run(), run()]
            .map(|own| own.join().unwrap().reinjected)
            .to_vec()
    });
    assert_eq!(results.iter().sum::<i64>(), 40);
    assert_eq!(store.reprocess(&all, &wide, at(4)).unwrap().reinjected, 0);
    let counts = store.counts().unwrap();
    assert_eq!((counts.pending, counts.dead), (40, 0));
    assert!(counts.adds_up);
    // The source sends them again: they are known.
    intake.set_config(std::sync::Arc::new(wide));
    let receipts = intake.commit(&high, at(5)).unwrap();
    assert!(receipts.iter().all(|own| *own == Receipt::Duplicate));
}
