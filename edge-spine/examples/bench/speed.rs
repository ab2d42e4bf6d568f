//! How soon rows are durable, how fast they leave, how fast the audit log is verified.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use edge_spine::audit::{Entry, GENESIS};
use edge_spine::batch::BatchId;
use edge_spine::config::Config;
use edge_spine::drain::{Drainer, Round};
use edge_spine::geofence::Policy;
use edge_spine::limits::{Bound, Limits};
use edge_spine::receiver::Receiver;
use edge_spine::shell::{Clock, DrainOptions, ingest};
use edge_spine::sink::{FileSink, HttpSink, Sink, SinkError, Withdrawal};
use edge_spine::store::{Outgoing, Store};
use rusqlite::{Connection, params};

use super::{Table, config, filled, line, processor_s};

const DRAINED: i64 = 200_000;
const AUDITED: i64 = 1_000_000;

/// What the disk itself takes for a durable write of two pages: no acknowledgement can be sooner.
fn disk(folder: &Path, table: &mut Table) {
    let mut file = std::fs::File::create(folder.join("disk")).unwrap();
    let mut took: Vec<f64> = (0..500)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(2));
            let start = Instant::now();
            file.write_all(&[7; 8192]).unwrap();
            file.sync_data().unwrap();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    table.tell("(the disk alone: two pages synced, p50)", took[250], "ms");
    table.tell("(the disk alone: two pages synced, p99)", took[495], "ms");
}

/// Rows come at 2,000 a second while a drain takes them away.
pub fn acknowledge(folder: &Path, limits: &Limits, table: &mut Table) {
    let config = config(folder);
    disk(folder, table);
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
        edge_spine::shell::drain(own, None, sink, &options, Clock::new(0)).unwrap()
    });
    let done = ingest(config, None, input, &mut std::io::sink(), Clock::new(0)).unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    drainer.join().unwrap();
    table.tell(
        "durable acknowledge p50, 2,000 rows/s, draining",
        done.acknowledge.p50_ms,
        "ms",
    );
    table.judge(
        "durable acknowledge p99",
        done.acknowledge.p99_ms,
        "ms",
        Bound::AtMost(limits.acknowledge_p99_ms),
    );
    table.tell(
        "durable acknowledge, longest",
        done.acknowledge.max_ms,
        "ms",
    );
}

/// Rows leave over the loopback, beside what their states cost in either design.
pub fn drain(folder: &Path, limits: &Limits, table: &mut Table) {
    loopback(&folder.join("loopback"), limits, table);
    states(&folder.join("states"), table);
}

fn loopback(folder: &Path, limits: &Limits, table: &mut Table) {
    let config = filled(folder, DRAINED);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let receiver = Receiver::new(FileSink::open(&folder.join("out")).unwrap(), None, None);
    std::thread::spawn(move || Arc::new(receiver).serve(&listener));
    let sink = HttpSink::new(&url, None, None, 10.0).unwrap();
    let used = processor_s();
    table.judge(
        "drain on loopback, synced files at the receiver",
        drained(&config, Box::new(sink)),
        "rows/s",
        Bound::AtLeast(limits.drain_rows_per_s),
    );
    table.tell(
        "the same, a second of one processor, receiver included",
        DRAINED as f64 / (processor_s() - used),
        "rows",
    );
}

/// Takes everything at once.
pub struct Nowhere;

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
fn states(folder: &Path, table: &mut Table) {
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
    table.tell(
        "state changes alone, a state per range",
        per_range,
        "rows/s",
    );
    table.tell(
        "state changes alone, a state per row (baseline)",
        per_row,
        "rows/s",
    );
    let config = filled(&folder.join("whole"), DRAINED);
    table.tell(
        "drain to nowhere: audit, lines, sums, two commits",
        drained(&config, Box::new(Nowhere)),
        "rows/s",
    );
}

pub fn audit(folder: &Path, limits: &Limits, table: &mut Table) {
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
    let (start, used) = (Instant::now(), processor_s());
    assert!(store.verify_audit(&[]).unwrap().is_intact());
    let (passed, used) = (start.elapsed().as_secs_f64(), processor_s() - used);
    table.judge(
        "audit verify",
        AUDITED as f64 / passed,
        "entries/s",
        Bound::AtLeast(limits.audit_entries_per_s),
    );
    table.tell(
        "audit verify, a second of one processor",
        AUDITED as f64 / used,
        "entries",
    );
}
