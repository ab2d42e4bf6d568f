//! Everything has a limit, and a rule at the limit.

use edge_spine::intake::{Receipt, Refusal};
use edge_spine::row::Row;

use crate::correlations;
use crate::support::{Bench, TestSink, accepted, at, bad_line, drain_all, lines};

#[test]
fn a_full_buffer_refuses_and_what_was_refused_comes_later() {
    let bench = Bench::new("[buffer]\nmax_rows = 1000\nretain_rows = 0\n");
    let mut intake = bench.intake();
    let receipts = intake.commit(&lines(0..1500), at(1)).unwrap();
    assert_eq!(accepted(&receipts), 1000);
    assert!(
        receipts[1000..]
            .iter()
            .all(|own| *own == Receipt::Refused(Refusal::Rows))
    );
    let sink = TestSink::new();
    let mut drainer = bench.drainer(sink.clone());
    drain_all(&mut drainer, 0);
    assert_eq!(
        accepted(&intake.commit(&lines(1000..1500), at(2)).unwrap()),
        500
    );
    drain_all(&mut drainer, 1000);
    assert_eq!(
        correlations(&sink.ledger.lock().unwrap().rows()).len(),
        1500
    );
}

#[test]
fn the_other_policy_drops_the_oldest_and_says_so() {
    let bench = Bench::new("[buffer]\nmax_rows = 1000\noverflow = \"drop_oldest\"\n");
    let mut intake = bench.intake();
    assert_eq!(
        accepted(&intake.commit(&lines(0..1500), at(1)).unwrap()),
        1500
    );
    let counts = bench.store().counts().unwrap();
    assert!(counts.adds_up, "{counts:?}");
    assert_eq!(counts.pending, 1000);
    assert_eq!(counts.tally.dropped, 500);
    let dropped: i64 = bench
        .store()
        .history(1000)
        .unwrap()
        .iter()
        .filter(|own| own.state == "dropped")
        .map(|own| own.rows)
        .sum();
    assert_eq!(dropped, 500);
    let sink = TestSink::new();
    drain_all(&mut bench.drainer(sink.clone()), 0);
    let rows = sink.ledger.lock().unwrap().rows();
    let least = rows
        .iter()
        .map(|own| Row::parse(own).unwrap().key.seq)
        .min();
    assert_eq!((rows.len(), least), (1000, Some(500)));
}

#[test]
fn health_is_the_age_of_the_oldest_row_and_the_cursor_and_not_a_living_process() {
    let bench = Bench::new("[buffer]\nwarn_rows = 50\n");
    bench.intake().commit(&lines(0..100), at(1)).unwrap();
    let store = bench.store();
    let early = edge_spine::health::examine(&store, &bench.config, at(1_000)).unwrap();
    assert_eq!(early.warnings[0].what, "back_pressure");
    let late = edge_spine::health::examine(&store, &bench.config, at(120_001)).unwrap();
    assert!(!late.healthy);
    assert_eq!(late.oldest_unsynced_s, Some(120.0));
    assert!(late.warnings.iter().any(|own| own.what == "not_forwarding"));
    drain_all(&mut bench.drainer(TestSink::new()), 0);
    let after = edge_spine::health::examine(&store, &bench.config, at(500_000)).unwrap();
    assert!(after.healthy, "{:?}", after.warnings);
    assert_eq!((after.cursor, after.oldest_unsynced_s), (100, None));
}

#[test]
fn delivered_rows_are_kept_for_a_while_and_then_removed() {
    let bench = Bench::new("[buffer]\nretain_rows = 1000\n");
    bench.intake().commit(&lines(0..3000), at(1)).unwrap();
    let mut drainer = bench.drainer(TestSink::new());
    drain_all(&mut drainer, 0);
    let counts = bench.store().counts().unwrap();
    assert!(counts.adds_up);
    assert_eq!(
        (counts.synced, counts.tally.pruned, counts.tally.delivered),
        (1000, 2000, 3000)
    );
    assert_eq!(bench.store().recount().unwrap(), (1000, 0, 0));
}

#[test]
fn dead_letters_have_a_limit_and_what_is_given_up_is_counted() {
    let bench = Bench::new("[dead_letters]\nmax_rows = 10\n[breaker]\nbad_in_a_row = 1000\n");
    let mut intake = bench.intake();
    intake
        .commit(&(0..25).map(bad_line).collect::<Vec<_>>(), at(1))
        .unwrap();
    let counts = bench.store().counts().unwrap();
    assert_eq!((counts.dead, counts.tally.dead_dropped), (10, 15));
    assert!(counts.adds_up);
    let bench = Bench::new(
        "[dead_letters]\nmax_rows = 10\noverflow = \"refuse\"\n[breaker]\nbad_in_a_row = 1000\n",
    );
    let receipts = bench
        .intake()
        .commit(&(0..25).map(bad_line).collect::<Vec<_>>(), at(1))
        .unwrap();
    assert_eq!(receipts[10], Receipt::Refused(Refusal::DeadLetters));
}
