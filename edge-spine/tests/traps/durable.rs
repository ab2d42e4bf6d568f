//! What was acknowledged is on disk, and a restart finds it.

use crate::support::{Bench, TestSink, accepted, at, drain_all, lines};

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
fn one_process_per_role() {
    use edge_spine::store::{Role, RoleLock};
    let bench = Bench::new("");
    let _own = RoleLock::take(&bench.config.directory, Role::Drain).unwrap();
    let error = RoleLock::take(&bench.config.directory, Role::Drain).unwrap_err();
    assert!(error.to_string().contains("another `spine` process"));
    RoleLock::take(&bench.config.directory, Role::Ingest).unwrap();
}
