//! The edge's figures in one run, beside the design that they replace: a state in every row.
//!
//! `just bench-spine [--rows N] [--folder DIR]`; the last table stands in docs/performance.md.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark fails by panicking"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use edge_spine::audit::{Entry, GENESIS};
use edge_spine::batch::BatchId;
use edge_spine::config::Config;
use edge_spine::drain::{Drainer, Round};
use edge_spine::geofence::Policy;
use edge_spine::intake::Intake;
use edge_spine::receiver::Receiver;
use edge_spine::shell::{Clock, DrainOptions, drain, ingest};
use edge_spine::sink::{FileSink, HttpSink, Sink, SinkError, Withdrawal};
use edge_spine::store::{Outgoing, Store};
use rusqlite::{Connection, params};

#[derive(Parser)]
struct Arguments {
    /// Rows that wait while memory and recovery are measured
    #[arg(long, default_value_t = 10_000_000)]
    rows: i64,
    /// Where the stores go; the disk that is measured
    #[arg(long)]
    folder: Option<PathBuf>,
    /// (a part of its own process)
    #[arg(long, hide = true)]
    part: Option<String>,
}

const DRAINED: i64 = 200_000;
const AUDITED: i64 = 1_000_000;

fn main() {
    let arguments = Arguments::parse();
    let folder = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    match arguments.part.as_deref() {
        None => all(
            &arguments,
            &folder.join(format!("spine-bench-{}", std::process::id())),
        ),
        Some("fill") => fill(&folder, arguments.rows),
        Some("recover") => recover(&folder),
        Some(other) => panic!("no part {other}"),
    }
}

fn all(arguments: &Arguments, folder: &Path) {
    println!("{:<52} {:>14}  required", "what", "figure");
    acknowledge(&folder.join("acknowledge"));
    loopback(&folder.join("loopback"));
    states(&folder.join("states"));
    audit(&folder.join("audit"));
    waiting(&folder.join("waiting"), arguments.rows);
    std::fs::remove_dir_all(folder).unwrap();
}

fn show(what: &str, figure: f64, unit: &str, required: &str) {
    let figure = if figure >= 100.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.2}")
    };
    println!("{what:<52} {:>14}  {required}", format!("{figure} {unit}"));
}

fn config(folder: &Path) -> Config {
    std::fs::create_dir_all(folder).unwrap();
    let text = "directory = \"store\"\n[sink]\nkind = \"file\"\npath = \"sink\"\n\
        [channels.position]\nfields.lat = { type = \"float\", min = -90, max = 90 }\n\
        fields.lon = { type = \"float\", min = -180, max = 180 }\nfields.alt = { type = \"float\" }\n";
    std::fs::write(folder.join("spine.toml"), text).unwrap();
    Config::load(&folder.join("spine.toml")).unwrap()
}

fn line(seq: i64) -> String {
    let ts = 1_700_000_000_000_000_000 + seq * 10_000_000;
    let lat = 48.0 + (seq % 1000) as f64 / 1e4;
    format!(
        "{{\"device\":\"uav-7\",\"ts\":{ts},\"seq\":{seq},\"channel\":\"position\",\
         \"fields\":{{\"lat\":{lat:?},\"lon\":11.5,\"alt\":512.25}}}}"
    )
}

fn filled(folder: &Path, rows: i64) -> Arc<Config> {
    let config = Arc::new(config(folder));
    let clock = Clock::new(0);
    let store = Store::open(&config).unwrap();
    let log = Store::open(&config).unwrap();
    let mut intake = Intake::new(store, Arc::clone(&config), clock.now()).unwrap();
    let mut next = 0;
    while next < rows {
        let end = rows.min(next + 2_000);
        let lines: Vec<String> = (next..end).map(line).collect();
        intake.commit(&lines, clock.now()).unwrap();
        next = end;
        if next % 20_000 == 0 {
            log.checkpoint_log().unwrap();
        }
    }
    config
}

/// Rows come at 2,000 a second while a drain takes them away.
fn acknowledge(folder: &Path) {
    let config = config(folder);
    let (input, mut output) = std::io::pipe().unwrap();
    std::thread::spawn(move || {
        let start = Instant::now();
        for seq in 0..20_000 {
            let due = Duration::from_micros(500 * seq as u64);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
            writeln!(output, "{}", line(seq)).unwrap();
        }
    });
    let options = DrainOptions {
        follow: true,
        ..DrainOptions::default()
    };
    let (stop, own) = (Arc::clone(&options.stop), config.clone());
    let drainer = std::thread::spawn(move || {
        let sink = edge_spine::sink::open(&own.sink).unwrap();
        drain(own, None, sink, &options, Clock::new(0)).unwrap()
    });
    let done = ingest(config, None, input, &mut std::io::sink(), Clock::new(0)).unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    drainer.join().unwrap();
    show(
        "durable acknowledge p50, 2,000 rows/s, draining",
        done.acknowledge.p50_ms,
        "ms",
        "",
    );
    show(
        "durable acknowledge p99",
        done.acknowledge.p99_ms,
        "ms",
        "<= 10 ms",
    );
    show(
        "durable acknowledge, longest",
        done.acknowledge.max_ms,
        "ms",
        "",
    );
}

fn loopback(folder: &Path) {
    let config = filled(folder, DRAINED);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let receiver = Receiver::new(FileSink::open(&folder.join("out")).unwrap(), None, None);
    std::thread::spawn(move || Arc::new(receiver).serve(&listener));
    let sink = HttpSink::new(&url, None, None, 10.0).unwrap();
    show(
        "drain on loopback, synced files at the receiver",
        drained(&config, Box::new(sink)),
        "rows/s",
        ">= 50,000",
    );
}

/// Takes everything at once.
struct Nowhere;

impl Sink for Nowhere {
    fn deliver(&mut self, _: &Outgoing) -> Result<(), SinkError> {
        Ok(())
    }
    fn withdraw(&mut self, _: BatchId) -> Result<Withdrawal, SinkError> {
        Ok(Withdrawal::Withdrawn)
    }
    fn ping(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

fn drained(config: &Arc<Config>, sink: Box<dyn Sink + Send>) -> f64 {
    let store = Store::open(config).unwrap();
    let mut drainer = Drainer::new(store, Arc::clone(config), None, sink, 1).unwrap();
    let clock = Clock::new(0);
    let start = Instant::now();
    let mut rows = 0;
    loop {
        match drainer.round(&mut || clock.now()).unwrap() {
            Round::Sent { rows: own } => rows += own,
            Round::Idle => return rows as f64 / start.elapsed().as_secs_f64(),
            Round::Waiting { error, .. } => panic!("{error}"),
        }
    }
}

/// Only the states change: ranges in a table of batches against a column in every row, both durable,
/// both with 500 rows a batch and two commits each.
fn states(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let open = |name: &str| {
        let own = Connection::open(folder.join(name)).unwrap();
        own.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            .unwrap();
        own
    };
    let rows = open("column.db");
    rows.execute_batch(
        "CREATE TABLE rows(id INTEGER PRIMARY KEY, state TEXT NOT NULL, batch TEXT, payload TEXT);
         CREATE INDEX by_state ON rows(state, id); BEGIN",
    )
    .unwrap();
    for id in 0..DRAINED {
        rows.prepare_cached("INSERT INTO rows VALUES (?1, 'PENDING', NULL, ?2)")
            .unwrap()
            .execute(params![id, line(id)])
            .unwrap();
    }
    rows.execute_batch("COMMIT").unwrap();
    let start = Instant::now();
    for batch in 0..DRAINED / 500 {
        rows.prepare_cached(
            "UPDATE rows SET state = 'DRAINING', batch = ?1 WHERE id IN
             (SELECT id FROM rows WHERE state = 'PENDING' ORDER BY id LIMIT 500)",
        )
        .unwrap()
        .execute([batch])
        .unwrap();
        rows.prepare_cached(
            "UPDATE rows SET state = 'SYNCED' WHERE state = 'DRAINING' AND batch = ?1",
        )
        .unwrap()
        .execute([batch])
        .unwrap();
    }
    let per_row = DRAINED as f64 / start.elapsed().as_secs_f64();
    let ranges = open("ranges.db");
    ranges
        .execute_batch("CREATE TABLE batches(n INTEGER PRIMARY KEY, first INTEGER, last INTEGER, state INTEGER)")
        .unwrap();
    let start = Instant::now();
    let count = 4_000;
    for batch in 0..count {
        ranges
            .prepare_cached("INSERT INTO batches VALUES (?1, ?2, ?3, 1)")
            .unwrap()
            .execute([batch, batch * 500, batch * 500 + 499])
            .unwrap();
        ranges
            .prepare_cached("UPDATE batches SET state = 3 WHERE n = ?1")
            .unwrap()
            .execute([batch])
            .unwrap();
    }
    let per_range = (count * 500) as f64 / start.elapsed().as_secs_f64();
    show(
        "state changes alone, a state per range",
        per_range,
        "rows/s",
        "",
    );
    show(
        "state changes alone, a state per row (baseline)",
        per_row,
        "rows/s",
        "",
    );
    let config = filled(&folder.join("whole"), DRAINED);
    show(
        "drain to nowhere: audit, lines, sums, two commits",
        drained(&config, Box::new(Nowhere)),
        "rows/s",
        "",
    );
}

fn audit(folder: &Path) {
    let config = config(folder);
    drop(Store::open(&config).unwrap());
    let mut own = Connection::open(config.directory.join("spine.db")).unwrap();
    own.execute_batch("DROP TRIGGER audit_in_order").unwrap();
    let change = own.transaction().unwrap();
    let mut hash = GENESIS;
    for number in 1..=AUDITED {
        let entry = Entry {
            number,
            at_ms: 1_700_000_000_000 + number,
            batch: BatchId::new(&[1; 16], number),
            jurisdiction: "DE".into(),
            zone: "town".into(),
            policy: Policy::Full,
            rows: 500,
            digest: [7; 32],
        };
        hash = entry.chained(&hash);
        change
            .prepare_cached("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
            .unwrap()
            .execute(params![
                number,
                entry.at_ms,
                entry.batch.0,
                "DE",
                "town",
                0,
                500,
                entry.digest,
                hash
            ])
            .unwrap();
    }
    change.commit().unwrap();
    let store = Store::open(&config).unwrap();
    let start = Instant::now();
    assert!(store.verify_audit(&[]).unwrap().is_intact());
    show(
        "audit verify",
        AUDITED as f64 / start.elapsed().as_secs_f64(),
        "entries/s",
        ">= 1,000,000",
    );
}

/// Each part in a process of its own, so that its memory is its own.
fn waiting(folder: &Path, rows: i64) {
    std::fs::create_dir_all(folder).unwrap();
    let part = |part: &str| {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--part", part, "--rows", &rows.to_string(), "--folder"])
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let figures: Vec<f64> = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(|own| own.unwrap().parse().unwrap())
            .collect();
        (child.wait().unwrap(), figures)
    };
    let (done, figures) = part("fill");
    assert!(done.success());
    show(
        &format!("take {rows} rows, durable, 2,000 a commit"),
        figures[0],
        "rows/s",
        "",
    );
    show("memory after that", figures[1], "MB", "<= 64 MB");
    let (done, figures) = part("recover");
    assert!(!done.success(), "it ends itself by force, half-drained");
    show("(bytes on disk)", figures[0], "MB", "");
    let (done, figures) = part("recover");
    assert!(!done.success());
    show(
        "recovery after kill -9, until the first batch leaves",
        figures[1],
        "s",
        "<= 5 s",
    );
    show("memory while draining", figures[2], "MB", "<= 64 MB");
}

fn fill(folder: &Path, rows: i64) {
    let start = Instant::now();
    filled(folder, rows);
    println!("{}", rows as f64 / start.elapsed().as_secs_f64());
    println!("{}", peak_mb());
}

fn recover(folder: &Path) {
    let config = Arc::new(config(folder));
    let size = std::fs::metadata(config.directory.join("spine.db"))
        .unwrap()
        .len();
    println!("{}", size as f64 / 1e6);
    let clock = Clock::new(0);
    let start = Instant::now();
    let store = Store::open(&config).unwrap();
    let mut drainer = Drainer::new(store, Arc::clone(&config), None, Box::new(Nowhere), 1).unwrap();
    assert!(matches!(
        drainer.round(&mut || clock.now()).unwrap(),
        Round::Sent { .. }
    ));
    println!("{}", start.elapsed().as_secs_f64());
    for _ in 0..50 {
        drainer.round(&mut || clock.now()).unwrap();
    }
    println!("{}", peak_mb());
    // Half-drained: claimed, and never settled.
    let mut store = Store::open(&config).unwrap();
    store.claim(500, 20, None, clock.now()).unwrap();
    std::io::stdout().flush().unwrap();
    std::process::abort();
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|own| own.starts_with("VmHWM")).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1000.0
}
