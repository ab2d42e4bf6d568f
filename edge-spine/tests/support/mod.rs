//! A store in a folder of its own, rows for it, and a sink that does as it is told.
#![allow(dead_code, reason = "every test binary uses its own part")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use edge_spine::batch::BatchId;
use edge_spine::config::Config;
use edge_spine::drain::{Drainer, Round};
use edge_spine::intake::{Intake, Receipt};
use edge_spine::sink::{Sink, SinkError, Withdrawal};
use edge_spine::store::{Moment, Outgoing, Store};
use tempfile::TempDir;

pub const CHANNELS: &str = r#"
[channels.position]
fields.lat = { type = "float", min = -90.0, max = 90.0 }
fields.lon = { type = "float", min = -180.0, max = 180.0 }
fields.alt = { type = "float", min = -500.0, max = 9000.0 }
"#;

/// A configuration in `folder`; `extra` comes before the tables of the channels.
pub fn config(folder: &Path, extra: &str) -> Config {
    let text = format!(
        "directory = \"store\"\n[sink]\nkind = \"file\"\npath = \"sink\"\n{extra}\n{CHANNELS}"
    );
    std::fs::write(folder.join("spine.toml"), &text).unwrap();
    Config::load(&folder.join("spine.toml")).unwrap()
}

pub fn at(ms: u64) -> Moment {
    Moment {
        monotonic_ms: ms,
        wall_ms: 1_700_000_000_000 + ms as i64,
    }
}

pub fn line(seq: i64) -> String {
    format!(
        r#"{{"device":"uav-7","ts":{},"seq":{seq},"channel":"position","fields":{{"lat":48.1,"lon":11.5,"alt":{}}}}}"#,
        1_700_000_000_000_000_000 + seq * 100_000_000,
        seq % 1000,
    )
}

pub fn bad_line(seq: i64) -> String {
    line(seq).replace("48.1", "null")
}

pub fn lines(range: std::ops::Range<i64>) -> Vec<String> {
    range.map(line).collect()
}

pub struct Bench {
    pub folder: TempDir,
    pub config: Arc<Config>,
}

impl Bench {
    pub fn new(extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Arc::new(config(folder.path(), extra));
        Self { folder, config }
    }

    pub fn store(&self) -> Store {
        Store::open(&self.config).unwrap()
    }

    pub fn intake(&self) -> Intake {
        Intake::new(self.store(), Arc::clone(&self.config), at(0)).unwrap()
    }

    pub fn drainer(&self, sink: impl Sink + Send + 'static) -> Drainer {
        Drainer::new(
            self.store(),
            Arc::clone(&self.config),
            None,
            Box::new(sink),
            1,
        )
        .unwrap()
    }
}

pub fn accepted(receipts: &[Receipt]) -> usize {
    receipts
        .iter()
        .filter(|own| **own == Receipt::Accepted)
        .count()
}

/// What a sink did, seen from outside.
#[derive(Default)]
pub struct Ledger {
    pub stored: BTreeMap<BatchId, Vec<String>>,
    pub attempts: Vec<BatchId>,
    pub withdrawn: Vec<BatchId>,
}

impl Ledger {
    pub fn rows(&self) -> Vec<String> {
        self.stored.values().flatten().cloned().collect()
    }
}

/// What happens to an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Store,
    /// The sink is away.
    Away,
    /// The sink stores it, and the answer is lost.
    StoreAndLoseAnswer,
}

/// A sink with a ledger; rows that contain `poison` are refused.
#[derive(Clone)]
pub struct TestSink {
    pub ledger: Arc<Mutex<Ledger>>,
    pub fate: Arc<Mutex<Fate>>,
    pub poison: Option<String>,
}

impl TestSink {
    pub fn new() -> Self {
        Self {
            ledger: Arc::default(),
            fate: Arc::new(Mutex::new(Fate::Store)),
            poison: None,
        }
    }
}

impl Sink for TestSink {
    fn deliver(&mut self, batch: &Outgoing) -> Result<(), SinkError> {
        let mut ledger = self.ledger.lock().unwrap();
        let fate = *self.fate.lock().unwrap();
        ledger.attempts.push(batch.batch.id);
        if fate == Fate::Away {
            return Err(SinkError::Unreachable("away".into()));
        }
        if self
            .poison
            .as_ref()
            .is_some_and(|own| batch.body.contains(own))
        {
            return Err(SinkError::Refused("poison".into()));
        }
        let rows = batch.rows.iter().map(|row| row.line()).collect();
        ledger.stored.entry(batch.batch.id).or_insert(rows);
        if fate == Fate::StoreAndLoseAnswer {
            return Err(SinkError::Unreachable("the answer was lost".into()));
        }
        Ok(())
    }

    fn withdraw(&mut self, id: BatchId) -> Result<Withdrawal, SinkError> {
        let mut ledger = self.ledger.lock().unwrap();
        if ledger.stored.contains_key(&id) {
            return Ok(Withdrawal::WasStored);
        }
        ledger.withdrawn.push(id);
        Ok(Withdrawal::Withdrawn)
    }

    fn ping(&mut self) -> Result<(), SinkError> {
        match *self.fate.lock().unwrap() {
            Fate::Away => Err(SinkError::Unreachable("away".into())),
            _ => Ok(()),
        }
    }
}

/// Rounds until nothing waits; time runs as fast as the drain asks it to. Returns the milliseconds.
pub fn drain_all(drainer: &mut Drainer, from_ms: u64) -> u64 {
    let mut now_ms = from_ms;
    for _ in 0..10_000 {
        match drainer.round(&mut || at(now_ms)).unwrap() {
            Round::Idle => return now_ms - from_ms,
            Round::Sent { .. } => now_ms += 1,
            Round::Waiting { wait, .. } => now_ms += wait.as_millis() as u64 + 1,
        }
    }
    panic!("it never ends");
}
