//! Rules that only settings turn on: cadence, order, bytes, alerts, the bound of the log.

use edge_spine::check::Reason;
use edge_spine::drain::Round;
use edge_spine::health::examine;
use edge_spine::intake::{Receipt, Refusal};
use edge_spine::shell::WatchdogJudge;

use crate::support::{Bench, accepted, at, bad_line, lines};

fn engine(seq: i64, ms: i64) -> String {
    format!(
        r#"{{"device":"uav-7","ts":{},"seq":{seq},"channel":"engine","fields":{{"rpm":{seq}}}}}"#,
        1_700_000_000_000_000_000 + ms * 1_000_000
    )
}

#[test]
fn a_row_too_soon_or_out_of_order_is_bad_and_a_late_one_is_a_gap() {
    let bench = Bench::new(
        "[channels.engine]\nfields.rpm = { type = \"integer\" }\nsame_tick = \"refuse\"\n\
         min_interval_ms = 50.0\nmax_interval_ms = 1000.0\n[breaker]\nbad_in_a_row = 100\n",
    );
    let group = [
        engine(1, 0),
        engine(2, 49),
        engine(3, 50),
        engine(4, 1050),
        engine(5, 2051),
        engine(6, 2050),
        engine(7, 2051),
    ];
    let receipts = bench.intake().commit(&group, at(1)).unwrap();
    let wanted = [
        Receipt::Accepted,
        Receipt::DeadLettered(Reason::TooSoon),
        Receipt::Accepted,
        Receipt::Accepted,
        Receipt::Accepted,
        Receipt::DeadLettered(Reason::ReversedTime),
        Receipt::DeadLettered(Reason::DuplicateTime),
    ];
    assert_eq!(receipts, wanted);
    assert_eq!(bench.store().counts().unwrap().tally.gaps, 1);
}

#[test]
fn a_buffer_is_full_by_its_bytes_as_well() {
    let bench = Bench::new("[buffer]\nmax_bytes = 1000000\n");
    let receipts = bench.intake().commit(&lines(0..20_000), at(1)).unwrap();
    let taken = accepted(&receipts);
    assert!((1_000..20_000).contains(&taken), "{taken}");
    assert_eq!(receipts[taken], Receipt::Refused(Refusal::Bytes));
    let bytes = bench.store().counts().unwrap().tally.bytes;
    assert!((990_000..=1_000_000).contains(&bytes), "{bytes}");
}

#[test]
fn many_dead_letters_are_an_alert() {
    let bench = Bench::new("[dead_letters]\nalert_rows = 3\n[breaker]\nbad_in_a_row = 100\n");
    let mut intake = bench.intake();
    let mut alerted = |row: i64| {
        intake.commit(&[bad_line(row)], at(1)).unwrap();
        let health = examine(&bench.store(), &bench.config, at(2)).unwrap();
        health.warnings.iter().any(|own| own.what == "dead_letters")
    };
    assert_eq!([1, 2, 3, 4].map(&mut alerted), [false, false, false, true]);
}

#[test]
fn the_log_keeps_its_bound_while_rows_come_in() {
    let bench = Bench::new("");
    let mut intake = bench.intake();
    let log = bench.config.directory.join("spine.db-wal");
    let mut longest = 0;
    for group in lines(0..60_000).chunks(500) {
        assert_eq!(accepted(&intake.commit(group, at(1)).unwrap()), 500);
        longest = longest.max(std::fs::metadata(&log).unwrap().len());
    }
    // Half the reserve, and the group that crossed it.
    let bound = bench.config.buffer.reserve_bytes / 2 + (1 << 20);
    assert!(longest <= bound, "{longest} bytes, at most {bound}");
}

#[test]
fn a_drain_that_neither_sends_nor_knows_why_is_not_alive() {
    let mut judge = WatchdogJudge::default();
    let nothing = Round::Sent { rows: 0 };
    assert!(judge.is_alive(&Round::Idle, 1_000));
    assert!(judge.is_alive(&nothing, 60_999));
    assert!(!judge.is_alive(&nothing, 61_000));
    assert!(judge.is_alive(&Round::Sent { rows: 1 }, 62_000));
    let away = Round::Waiting {
        wait: std::time::Duration::ZERO,
        error: "away".into(),
        needs_person: false,
    };
    assert!(judge.is_alive(&away, 1_000_000));
}
