//! The traps of the first generation, one test each (`../shared/reference/ground.md`, first table).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use edge_spine::check::Reason;
use edge_spine::drain::Round;
use edge_spine::intake::{Receipt, Refusal};
use edge_spine::row::Row;
use edge_spine::store::{DeadFilter, Store};
use support::{Bench, Fate, TestSink, accepted, at, bad_line, drain_all, line, lines};

fn correlations(rows: &[String]) -> BTreeSet<String> {
    rows.iter()
        .map(|own| Row::parse(own).unwrap().correlation.to_string())
        .collect()
}

#[test]
fn a_row_is_acknowledged_only_after_it_is_durable() {
    let bench = Bench::new("");
    let mut intake = bench.intake();
    let receipts = intake.commit(&lines(0..500), at(1)).unwrap();
    assert_eq!(accepted(&receipts), 500);
    // Another connection, as after a crash of this process, sees them.
    assert_eq!(bench.store().counts().unwrap().pending, 500);
}

#[test]
fn the_database_runs_with_full_durability_and_a_write_ahead_log() {
    let bench = Bench::new("");
    drop(bench.intake());
    let other = rusqlite::Connection::open(bench.config.directory.join("spine.db")).unwrap();
    let mode: String = other
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    let version: String = other
        .query_row("SELECT sqlite_version()", [], |row| row.get(0))
        .unwrap();
    let numbers: Vec<u32> = version.split('.').map(|own| own.parse().unwrap()).collect();
    assert!(
        numbers >= vec![3, 51, 3],
        "SQLite {version} has the WAL-reset corruption"
    );
}

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

#[test]
fn an_open_transport_breaker_buffers_and_never_dead_letters() {
    let bench = Bench::new("");
    let mut intake = bench.intake();
    let sink = TestSink::new();
    *sink.fate.lock().unwrap() = Fate::Away;
    let mut drainer = bench.drainer(sink.clone());
    let mut now = 0;
    for round in 0..50_i64 {
        intake
            .commit(&lines(100 * round..100 * (round + 1)), at(now))
            .unwrap();
        if let Round::Waiting { wait, .. } = drainer.round(&mut || at(now)).unwrap() {
            assert!(wait.as_secs() <= 10);
            now += wait.as_millis() as u64;
        }
    }
    assert!(drainer.breaker().openings > 0);
    let counts = bench.store().counts().unwrap();
    assert_eq!((counts.dead, counts.pending + counts.draining), (0, 5000));
    // Healed within 30 s of the moment the sink is back.
    *sink.fate.lock().unwrap() = Fate::Store;
    assert!(drain_all(&mut drainer, now) <= 30_000);
    assert_eq!(sink.ledger.lock().unwrap().rows().len(), 5000);
}

#[test]
fn while_a_channel_is_open_good_rows_are_held_and_come_back_in_order() {
    let bench = Bench::new("");
    let mut intake = bench.intake();
    let bad: Vec<String> = (0..5).map(bad_line).collect();
    let receipts = intake.commit(&bad, at(0)).unwrap();
    assert!(
        receipts
            .iter()
            .all(|own| *own == Receipt::DeadLettered(Reason::Null))
    );
    let receipts = intake.commit(&lines(5..105), at(1_000)).unwrap();
    assert!(receipts.iter().all(|own| *own == Receipt::Held));
    let counts = bench.store().counts().unwrap();
    assert_eq!((counts.pending, counts.held, counts.dead), (0, 100, 5));
    intake.tick(at(29_000)).unwrap();
    assert_eq!(bench.store().counts().unwrap().held, 100);
    intake.tick(at(30_000)).unwrap();
    let counts = bench.store().counts().unwrap();
    assert_eq!((counts.pending, counts.held, counts.dead), (100, 0, 5));
    assert!(counts.adds_up);
    let sink = TestSink::new();
    drain_all(&mut bench.drainer(sink.clone()), 0);
    let rows = sink.ledger.lock().unwrap().rows();
    let order: Vec<i64> = rows
        .iter()
        .map(|own| Row::parse(own).unwrap().key.seq)
        .collect();
    assert_eq!(order, (5..105).collect::<Vec<_>>());
}

#[test]
fn held_rows_survive_a_restart_and_a_person_may_release_them() {
    let bench = Bench::new("");
    let mut intake = bench.intake();
    intake
        .commit(&(0..5).map(bad_line).collect::<Vec<_>>(), at(0))
        .unwrap();
    intake.commit(&lines(5..25), at(1)).unwrap();
    drop(intake);
    let mut intake = bench.intake();
    let receipts = intake.commit(&lines(25..27), at(2)).unwrap();
    assert!(
        receipts.iter().all(|own| *own == Receipt::Held),
        "the breaker is open after a restart"
    );
    assert_eq!(
        bench.store().reset_breakers(Some("uav-7"), None).unwrap(),
        1
    );
    intake.tick(at(3)).unwrap();
    let counts = bench.store().counts().unwrap();
    assert_eq!((counts.pending, counts.held), (22, 0));
}

/// `spine stress` found this: killed more often than the cool-down, an open channel never came back.
#[test]
fn an_open_channel_closes_though_the_process_is_killed_more_often_than_the_cool_down() {
    let bench = Bench::new("");
    bench
        .intake()
        .commit(&(0..5).map(bad_line).collect::<Vec<_>>(), at(0))
        .unwrap();
    for restart in 0..4_i64 {
        bench.intake().commit(&[line(10 + restart)], at(1)).unwrap();
    }
    assert_eq!(bench.store().counts().unwrap().held, 4);
    bench.intake().commit(&lines(20..23), at(1)).unwrap();
    let counts = bench.store().counts().unwrap();
    assert_eq!((counts.pending, counts.held), (7, 0));
}

#[test]
fn at_the_limit_of_held_rows_the_source_is_not_stopped() {
    let bench = Bench::new("[breaker]\nmax_held_rows = 10\n");
    let mut intake = bench.intake();
    intake
        .commit(&(0..5).map(bad_line).collect::<Vec<_>>(), at(0))
        .unwrap();
    let receipts = intake.commit(&lines(5..105), at(1)).unwrap();
    assert!(
        receipts
            .iter()
            .all(|own| matches!(own, Receipt::Held | Receipt::Accepted))
    );
    let counts = bench.store().counts().unwrap();
    assert!(
        counts.held <= 10 && counts.held + counts.pending == 100,
        "{counts:?}"
    );
}

#[test]
fn a_bad_channel_does_not_stop_a_good_one() {
    let bench = Bench::new("");
    let mut intake = bench.intake();
    intake
        .commit(&(0..9).map(bad_line).collect::<Vec<_>>(), at(0))
        .unwrap();
    let other: Vec<String> = (9..19)
        .map(|own| line(own).replace("uav-7", "uav-8"))
        .collect();
    assert_eq!(accepted(&intake.commit(&other, at(1)).unwrap()), 10);
}

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
fn a_wall_clock_that_jumps_neither_loses_rows_nor_makes_ages_negative() {
    let bench = Bench::new("");
    let mut intake = bench.intake();
    let mut now = at(1);
    for (step, jump) in [0, 86_400_000_i64, -200 * 86_400_000, 5]
        .into_iter()
        .enumerate()
    {
        now.wall_ms += jump;
        let from = 100 * step as i64;
        assert_eq!(
            accepted(&intake.commit(&lines(from..from + 100), now).unwrap()),
            100
        );
    }
    let health = edge_spine::health::examine(&bench.store(), &bench.config, now).unwrap();
    assert_eq!(health.oldest_unsynced_s.map(|own| own >= 0.0), Some(true));
    let sink = TestSink::new();
    drain_all(&mut bench.drainer(sink.clone()), 0);
    assert_eq!(sink.ledger.lock().unwrap().rows().len(), 400);
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
fn a_restart_counts_from_disk() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..321), at(1)).unwrap();
    let counts = bench.store().counts().unwrap();
    assert_eq!(bench.store().recount().unwrap().0, counts.pending);
    assert_eq!(counts.tally.inserts, 321);
}

#[test]
fn a_damaged_database_is_put_aside_and_counted_and_the_work_goes_on() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..100), at(1)).unwrap();
    let path = bench.config.directory.join("spine.db");
    for round in 1..=3_i64 {
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
        std::fs::write(
            &path,
            b"this is no database at all, but it is long enough to be read as one",
        )
        .unwrap();
        let mut intake = bench.intake();
        assert_eq!(
            accepted(&intake.commit(&lines(0..100), at(2)).unwrap()),
            100
        );
        assert_eq!(bench.store().tally().unwrap().quarantined, round);
    }
    let kept = std::fs::read_dir(bench.config.directory.join("quarantine"))
        .unwrap()
        .count();
    assert_eq!(kept, 3);
    let health = edge_spine::health::examine(&bench.store(), &bench.config, at(3)).unwrap();
    assert!(health.warnings.iter().any(|own| own.what == "quarantine"));
}

#[test]
fn a_limit_that_is_broken_fails_its_check() {
    // The states of a store add up; when they do not, health says so.
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..10), at(1)).unwrap();
    let other = rusqlite::Connection::open(bench.config.directory.join("spine.db")).unwrap();
    other
        .execute("UPDATE tally SET inserts = inserts + 1", [])
        .unwrap();
    let health = edge_spine::health::examine(&bench.store(), &bench.config, at(2)).unwrap();
    assert!(
        health
            .warnings
            .iter()
            .any(|own| own.what == "does_not_add_up")
    );
}

#[test]
fn a_configuration_error_never_touches_the_backlog() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..50), at(1)).unwrap();
    let folder = bench.folder.path();
    let before = BTreeMap::from_iter(["spine.db", "store.key"].map(|own| {
        (
            own,
            std::fs::read(bench.config.directory.join(own)).unwrap(),
        )
    }));
    let text = std::fs::read_to_string(folder.join("spine.toml")).unwrap();
    for (from, to, says) in [
        (
            "[sink]",
            "[buffer]\nmax_rows = 0\n[sink]",
            "buffer.max_rows",
        ),
        ("[sink]", "[buffer]\nmax_rowz = 5\n[sink]", "max_rowz"),
        (
            "kind = \"file\"",
            "kind = \"carrier_pigeon\"",
            "carrier_pigeon",
        ),
        ("max = 90.0", "max = -91.0", "channels.position.fields.lat"),
    ] {
        std::fs::write(folder.join("bad.toml"), text.replacen(from, to, 1)).unwrap();
        let error = edge_spine::config::Config::load(&folder.join("bad.toml"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{error}");
    }
    for (file, bytes) in before {
        assert_eq!(
            std::fs::read(bench.config.directory.join(file)).unwrap(),
            bytes,
            "{file}"
        );
    }
    assert_eq!(bench.store().counts().unwrap().pending, 50);
}

#[test]
fn foreign_newer_and_wrongly_keyed_stores_are_refused_in_one_sentence() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..50), at(1)).unwrap();
    let path = bench.config.directory.join("spine.db");
    let set = |pragma: &str| {
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(pragma)
            .unwrap();
        Store::open(&bench.config)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert!(
        set("PRAGMA user_version = 9")
            .unwrap_err()
            .contains("version 9")
    );
    assert!(
        set("PRAGMA user_version = 1; PRAGMA application_id = 7")
            .unwrap_err()
            .contains("another program")
    );
    set(&format!("PRAGMA application_id = {}", 0x4744_5350)).unwrap();
    let key = bench.config.directory.join("store.key");
    let own = std::fs::read(&key).unwrap();
    std::fs::write(&key, "11".repeat(32)).unwrap();
    assert!(
        Store::open(&bench.config)
            .unwrap_err()
            .to_string()
            .contains("is not the key of this store")
    );
    std::fs::write(&key, "short").unwrap();
    assert!(
        Store::open(&bench.config)
            .unwrap_err()
            .to_string()
            .contains("64 hex digits")
    );
    std::fs::remove_file(&key).unwrap();
    assert!(
        Store::open(&bench.config)
            .unwrap_err()
            .to_string()
            .contains("store.key")
    );
    std::fs::write(&key, own).unwrap();
    assert_eq!(bench.store().counts().unwrap().pending, 50);
}

#[test]
fn one_process_per_role() {
    use edge_spine::store::{Role, RoleLock};
    let bench = Bench::new("");
    let _own = RoleLock::take(&bench.config.directory, Role::Drain).unwrap();
    let error = RoleLock::take(&bench.config.directory, Role::Drain).unwrap_err();
    assert!(error.to_string().contains("another `spine` process"));
    RoleLock::take(&bench.config.directory, Role::Ingest).unwrap();
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
