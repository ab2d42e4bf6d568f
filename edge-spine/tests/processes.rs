//! The program as a person runs it, and the drill of drills.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::{Bench, bad_line, lines};

const SPINE: &str = env!("CARGO_BIN_EXE_spine");

fn spine(bench: &Bench, arguments: &[&str], input: &str) -> Output {
    let config = bench.folder.path().join("spine.toml");
    let mut child = Command::new(SPINE)
        .args(arguments)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

fn text(range: std::ops::Range<i64>) -> String {
    lines(range).join("\n") + "\n"
}

#[test]
fn rows_go_in_at_one_end_and_come_out_at_the_other() {
    let bench = Bench::new("[breaker]\nbad_in_a_row = 1000\n");
    let input = text(0..1234) + &bad_line(2000) + "\n";
    let done = json(&spine(&bench, &["ingest", "--json"], &input));
    assert_eq!(
        (done["lines"].as_u64(), done["accepted"].as_u64()),
        (Some(1235), Some(1234))
    );
    let health = spine(&bench, &["health", "--json"], "");
    assert_eq!(json(&health)["rows"]["pending"], 1234);
    let drained = spine(&bench, &["drain", "--json"], "");
    assert_eq!(
        (json(&drained)["rows"].as_i64(), drained.status.code()),
        (Some(1234), Some(0))
    );
    let history = json(&spine(&bench, &["batches", "--json"], ""));
    assert_eq!(history.as_array().unwrap().len(), 3);
    assert!(
        history
            .as_array()
            .unwrap()
            .iter()
            .all(|own| own["state"] == "synced")
    );
    let letters = json(&spine(&bench, &["dlq", "list", "--json"], ""));
    assert_eq!(letters[0]["reason"], "null");
    let id = letters[0]["id"].to_string();
    assert_eq!(
        json(&spine(&bench, &["dlq", "show", &id], ""))["line"],
        bad_line(2000)
    );
    let tried = json(&spine(&bench, &["dlq", "reprocess", "--json"], ""));
    assert_eq!(
        (tried["reinjected"].as_i64(), tried["still_bad"].as_i64()),
        (Some(0), Some(1))
    );
    let verdict = spine(&bench, &["audit", "verify", "--json"], "");
    assert_eq!(
        (json(&verdict)["verdict"].as_str(), verdict.status.code()),
        (Some("intact"), Some(0))
    );
    let sink = bench.folder.path().join("sink");
    let kept = spine(
        &bench,
        &[
            "audit",
            "verify",
            "--json",
            "--checkpoints",
            sink.to_str().unwrap(),
        ],
        "",
    );
    assert_eq!(json(&kept)["vouched"], 3);
    assert_eq!(
        json(&spine(&bench, &["audit", "summary", "--json"], ""))[0]["rows"],
        1234
    );
    let metrics = String::from_utf8(spine(&bench, &["metrics"], "").stdout).unwrap();
    assert!(
        metrics.contains("spine_rows{state=\"synced\"} 1234"),
        "{metrics}"
    );
    assert!(
        metrics
            .contains("# TYPE spine_rows_delivered_total counter\nspine_rows_delivered_total 1234")
    );
    let breakers = json(&spine(&bench, &["breaker", "list", "--json"], ""));
    assert_eq!(breakers[0]["state"], "closed");
}

#[test]
fn a_person_closes_a_breaker_asks_the_audit_log_and_watches() {
    let bench = Bench::new("");
    let bad: String = (0..5).map(|seq| bad_line(seq) + "\n").collect();
    spine(&bench, &["ingest", "--json"], &(bad + &text(5..1205)));
    let breakers = json(&spine(&bench, &["breaker", "list", "--json"], ""));
    assert_eq!(breakers[0]["state"], "open");
    let reset = json(&spine(&bench, &["breaker", "reset", "--json"], ""));
    assert_eq!(reset["reset"], 1);
    spine(&bench, &["ingest", "--json"], &text(1205..1206));
    let health = json(&spine(&bench, &["health", "--json"], ""));
    assert_eq!(
        (&health["rows"]["pending"], &health["rows"]["held"]),
        (&Value::from(1201), &Value::from(0))
    );
    spine(&bench, &["drain", "--json"], "");
    let query = |more: &[&str]| {
        let own = [&["audit", "query", "--json"], more].concat();
        json(&spine(&bench, &own, "")).as_array().unwrap().len()
    };
    assert_eq!(query(&["--jurisdiction", "none"]), 3);
    assert_eq!(query(&["--zone", "elsewhere"]), 0);
    assert_eq!(query(&["--limit", "2"]), 2);
    assert_eq!(query(&["--before", "1000"]), 0);
    let mut watching = Command::new(SPINE)
        .args(["health", "--watch", "--interval", "0.05", "--config"])
        .arg(bench.folder.path().join("spine.toml"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let views = BufReader::new(watching.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter(|line| line.starts_with("cursor"))
        .take(3)
        .collect::<Vec<_>>();
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert_eq!(views[2], "cursor           1201 (0 rows/s)");
}

/// As systemd would: the drain says when it is ready, and goes on saying that it is alive.
#[test]
fn a_service_manager_hears_from_the_drain() {
    let bench = Bench::new("");
    spine(&bench, &["ingest", "--json"], &text(0..10));
    let path = bench.folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(20)))
        .unwrap();
    let mut drain = Command::new(SPINE)
        .args(["drain", "--follow", "--config"])
        .arg(bench.folder.path().join("spine.toml"))
        .env("NOTIFY_SOCKET", &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let heard = || {
        let mut word = [0; 64];
        let length = socket.recv(&mut word).unwrap();
        String::from_utf8_lossy(&word[..length]).into_owned()
    };
    let words = [heard(), heard()];
    drain.kill().unwrap();
    drain.wait().unwrap();
    assert_eq!(words, ["READY=1\nWATCHDOG=1", "WATCHDOG=1"]);
}

#[test]
fn a_channel_may_be_widened_while_rows_come_in() {
    let bench = Bench::new("");
    let path = bench.folder.path().join("spine.toml");
    let mut child = Command::new(SPINE)
        .args(["ingest", "--config"])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut receipts = BufReader::new(child.stdout.take().unwrap());
    let mut send = |line: String| {
        writeln!(input, "{line}").unwrap();
        receipts.read_line(&mut String::new()).unwrap();
    };
    let high = |seq| support::line(seq).replace("\"alt\":", "\"alt\":1000");
    send(high(1));
    assert_eq!(bench.store().counts().unwrap().dead, 1);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, "this = is no configuration").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1300));
    send(high(2));
    assert_eq!(
        bench.store().counts().unwrap().dead,
        2,
        "a broken file changes nothing"
    );
    std::fs::write(&path, text.replace("9000.0", "99000.0")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1300));
    send(high(3));
    assert_eq!(bench.store().counts().unwrap().pending, 1);
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn every_failure_is_one_message_and_one_document() {
    let bench = Bench::new("");
    let missing = spine(&bench, &["health", "--json"], "");
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        json(&missing)["error"]
            .as_str()
            .unwrap()
            .contains("no store there")
    );
    let usage = spine(&bench, &["drain", "--json", "--sideways"], "");
    assert_eq!(usage.status.code(), Some(64));
    assert!(json(&usage)["error"].is_string());
    spine(&bench, &["ingest", "--json"], &text(0..10));
    let path = bench.folder.path().join("spine.toml");
    let own = std::fs::read_to_string(&path).unwrap();
    let with_sink = |sink: &str| {
        let at = own.find("[sink]").unwrap();
        let end = own.find("[channels").unwrap();
        std::fs::write(
            &path,
            format!("{}[sink]\n{sink}\n{}", &own[..at], &own[end..]),
        )
        .unwrap();
        let output = spine(&bench, &["drain", "--json", "--give-up-after", "0.5"], "");
        assert_ne!(output.status.code(), Some(0));
        let answer = json(&output);
        let error = answer["error"].as_str().unwrap().to_owned();
        assert_eq!(bench.store().counts().unwrap().tally.inserts, 10);
        error
    };
    let error = with_sink("kind = \"http\"\nurl = \"http://127.0.0.1:9\"\n");
    assert!(error.to_lowercase().contains("refused"), "{error}");
    let error = with_sink("kind = \"http\"\nurl = \"http://example.com\"\n");
    assert!(error.contains("sink.url"), "{error}");
    let error =
        with_sink("kind = \"http\"\nurl = \"https://127.0.0.1:9\"\nca_file = \"nowhere.pem\"\n");
    assert!(error.contains("nowhere.pem"), "{error}");
    let error = with_sink("kind = \"redis\"\nurl = \"redis://127.0.0.1:9\"\n");
    assert!(error.contains("redis"), "{error}");
    let counts = bench.store().counts().unwrap();
    assert_eq!(counts.pending + counts.draining, 10);
}

/// Between the write of a row and its receipt there is a sync of the write-ahead log, seen by strace.
#[test]
fn the_log_is_synced_before_the_receipt_is_written() {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI needs strace");
        return;
    }
    let bench = Bench::new("");
    spine(&bench, &["ingest", "--json"], &text(0..1));
    let trace = bench.folder.path().join("trace");
    let config = bench.folder.path().join("spine.toml");
    let mut child = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-e",
            "trace=fsync,fdatasync,write,pwrite64",
            "-o",
        ])
        .arg(&trace)
        .args([SPINE, "ingest", "--config"])
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut receipts = BufReader::new(child.stdout.take().unwrap());
    for seq in 1..21 {
        writeln!(input, "{}", support::line(seq)).unwrap();
        receipts.read_line(&mut String::new()).unwrap();
    }
    drop(input);
    child.wait().unwrap();
    let mut synced = false;
    let mut seen = 0;
    for line in std::fs::read_to_string(&trace).unwrap().lines() {
        if line.contains("sync(") && line.contains("spine.db-wal") {
            synced = true;
        } else if line.contains("pwrite64") && line.contains("spine.db-wal") {
            synced = false;
        } else if line.contains("acknowledged") {
            assert!(synced, "a receipt before its sync: {line}");
            seen += 1;
        }
    }
    assert_eq!(seen, 20);
}

fn stress(arguments: &[&str]) -> Value {
    let output = Command::new(SPINE)
        .arg("stress")
        .arg("--json")
        .args(arguments)
        .output()
        .unwrap();
    let report = json(&output);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{report:#}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for key in ["lost", "duplicated", "misrouted", "invented"] {
        assert_eq!(report[key], 0, "{report:#}");
    }
    let number = |key: &str| report[key].as_u64().unwrap();
    assert_eq!(
        number("produced"),
        number("delivered") + number("dead_lettered")
    );
    assert!(number("dead_lettered") > 0 && number("kills") > 0);
    report
}

#[test]
fn everything_produced_is_delivered_or_dead_lettered_once_through_kills_and_broken_links() {
    let report = stress(&["--seconds", "12", "--seed", "7", "--packets", "1000"]);
    assert!(report["produced"].as_u64().unwrap() > 12_000, "{report:#}");
}

#[test]
fn and_so_it_is_with_a_real_redis() {
    if !redis_is_there() {
        return;
    }
    stress(&[
        "--seconds",
        "8",
        "--seed",
        "8",
        "--packets",
        "300",
        "--sink",
        "redis",
    ]);
}

fn redis_is_there() -> bool {
    let found = Path::new("/usr/bin/redis-server").exists();
    assert!(
        found || std::env::var_os("CI").is_none(),
        "CI needs redis-server"
    );
    found
}
