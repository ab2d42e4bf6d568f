//! A batch has one id for ever, and one row that nobody wants does not stop the rest.

use std::collections::BTreeSet;

use edge_spine::check::Reason;
use edge_spine::drain::Round;
use edge_spine::store::DeadFilter;

use crate::correlations;
use crate::support::{Bench, Fate, TestSink, at, drain_all, lines};

#[test]
fn a_batch_keeps_its_id_over_failures_and_restarts() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..700), at(1)).unwrap();
    let sink = TestSink::new();
    *sink.fate.lock().unwrap() = Fate::Away;
    for restart in 0..4 {
        let mut drainer = bench.drainer(sink.clone());
        for attempt in 0..3 {
            drainer
                .round(&mut || at(100_000 * (4 * restart + attempt)))
                .unwrap();
        }
    }
    let ids: BTreeSet<_> = sink
        .ledger
        .lock()
        .unwrap()
        .attempts
        .iter()
        .copied()
        .collect();
    assert_eq!(ids.len(), 1, "twelve attempts, one id");
    *sink.fate.lock().unwrap() = Fate::Store;
    drain_all(&mut bench.drainer(sink.clone()), 0);
    assert_eq!(sink.ledger.lock().unwrap().rows().len(), 700);
    let history = bench.store().history(10).unwrap();
    assert!(history.iter().all(|own| own.state == "synced"));
    assert!(history.last().unwrap().attempts >= 12);
}

#[test]
fn a_lost_answer_does_not_double_a_row() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..1200), at(1)).unwrap();
    let sink = TestSink::new();
    *sink.fate.lock().unwrap() = Fate::StoreAndLoseAnswer;
    bench.drainer(sink.clone()).round(&mut || at(2)).unwrap();
    *sink.fate.lock().unwrap() = Fate::Store;
    drain_all(&mut bench.drainer(sink.clone()), 10_000);
    let rows = sink.ledger.lock().unwrap().rows();
    assert_eq!(rows.len(), 1200);
    assert_eq!(correlations(&rows).len(), 1200);
}

#[test]
fn half_drained_batches_are_recovered_at_open_under_their_old_ids() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..1000), at(1)).unwrap();
    let claimed = bench.store().claim(500, 2, None, at(2)).unwrap();
    let drainer = bench.drainer(TestSink::new());
    assert_eq!(drainer.store().tally().unwrap().recovered, 2);
    let under_way = drainer.store().under_way(10).unwrap();
    let ids = |own: Vec<_>| own.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(
        ids(under_way.iter().map(|own| own.id).collect()),
        ids(claimed.iter().map(|own| own.batch.id).collect())
    );
    assert!(
        drainer
            .store()
            .history(9)
            .unwrap()
            .iter()
            .all(|own| own.state == "recovered")
    );
}

#[test]
fn a_poison_row_is_isolated_and_the_rest_goes_on() {
    let bench = Bench::new("");
    let mut intake = bench.intake();
    intake.commit(&lines(0..500), at(1)).unwrap();
    let mut sink = TestSink::new();
    // The three rows whose altitude is 123, 200 and 499.
    let poison: Vec<String> = [123, 200, 499]
        .iter()
        .map(|own| format!("\"alt\":{own}}}"))
        .collect();
    sink.poison = Some(poison[0].clone());
    let mut drainer = bench.drainer(sink.clone());
    drain_all(&mut drainer, 0);
    let ledger = sink.ledger.lock().unwrap();
    assert_eq!(ledger.rows().len(), 499);
    assert_eq!(correlations(&ledger.rows()).len(), 499);
    // 500 rows need nine halvings; each asks the sink to take the batch back first.
    assert_eq!(ledger.withdrawn.len(), 10);
    assert!(
        ledger
            .withdrawn
            .iter()
            .all(|own| !ledger.stored.contains_key(own))
    );
    let letters = bench
        .store()
        .dead_letters(&DeadFilter::default(), 0, 10)
        .unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, Reason::RefusedBySink.name());
    let counts = bench.store().counts().unwrap();
    assert!(counts.adds_up, "{counts:?}");
    assert_eq!((counts.pending, counts.draining, counts.dead), (0, 0, 1));
}

#[test]
fn a_batch_that_ends_every_connection_is_taken_apart_as_well() {
    struct Fragile(TestSink);
    impl edge_spine::sink::Sink for Fragile {
        fn deliver(
            &mut self,
            batch: &edge_spine::store::Outgoing,
        ) -> Result<(), edge_spine::sink::SinkError> {
            if batch.body.contains("\"alt\":77}") {
                return Err(edge_spine::sink::SinkError::Unreachable(
                    "connection reset".into(),
                ));
            }
            self.0.deliver(batch)
        }
        fn withdraw(
            &mut self,
            id: edge_spine::batch::BatchId,
        ) -> Result<edge_spine::sink::Withdrawal, edge_spine::sink::SinkError> {
            self.0.withdraw(id)
        }
        fn ping(&mut self) -> Result<(), edge_spine::sink::SinkError> {
            self.0.ping()
        }
    }
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..100), at(1)).unwrap();
    let sink = TestSink::new();
    drain_all(&mut bench.drainer(Fragile(sink.clone())), 0);
    assert_eq!(sink.ledger.lock().unwrap().rows().len(), 99);
    assert_eq!(bench.store().counts().unwrap().dead, 1);
}

/// A drain that was killed over a burst once went on batch by batch, three commits each.
#[test]
fn what_a_crash_left_under_way_leaves_in_one_round_while_the_sink_is_sound() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..5_000), at(1)).unwrap();
    let claimed = bench.store().claim(250, 20, None, at(2)).unwrap();
    assert_eq!(claimed.len(), 20);
    let sink = TestSink::new();
    let mut drainer = bench.drainer(sink.clone());
    let round = drainer.round(&mut || at(3)).unwrap();
    assert_eq!(round, Round::Sent { rows: 5_000 });
    let ids: Vec<_> = claimed.iter().map(|own| own.batch.id).collect();
    assert_eq!(
        sink.ledger.lock().unwrap().attempts,
        ids,
        "old ids, old order"
    );
}
