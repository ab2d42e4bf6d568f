//! Lines in, receipts out.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::bad_rows::BadRows;
use super::{Clock, LogKeeper};
use crate::config::Config;
use crate::health::Latency;
use crate::intake::{Intake, Receipt};
use crate::store::{Role, RoleLock, Store, StoreError};

/// Lines between the reader and the committer.
const QUEUE: usize = 2_048;
/// Longest time without a look at breakers and settings.
const TICK: Duration = Duration::from_millis(250);
/// How long a refused line waits before it is offered again.
const REFUSED_WAIT: Duration = Duration::from_millis(100);
/// Bytes read of a line beyond which it can only be oversized; the rest is skipped.
const READ_LIMIT: u64 = 2 << 20;

/// What an intake did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Ingested {
    /// Lines acknowledged.
    pub lines: u64,
    /// Of them into the buffer.
    pub accepted: u64,
    /// Of them held.
    pub held: u64,
    /// Of them there already.
    pub duplicates: u64,
    /// Of them to the dead letters.
    pub dead_lettered: u64,
    /// Commits.
    pub commits: u64,
    /// From the line's arrival in the queue to its durable commit.
    pub acknowledge: Latency,
}

struct Line {
    bytes: Vec<u8>,
    arrived: Instant,
}

/// Takes lines from `input` until it ends; after each commit one line `{"acknowledged": N}` goes to `acks`,
/// N counting all lines so far. The file at `config_path` is looked at once a second, and its rules are
/// used when it is valid.
///
/// # Errors
/// When the store cannot be used; what was acknowledged is durable.
pub fn ingest<R: Read + Send + 'static>(
    config: Config,
    config_path: Option<&Path>,
    input: R,
    acks: &mut dyn Write,
    clock: Clock,
) -> Result<Ingested, StoreError> {
    let _role = RoleLock::take(&config.directory, Role::Ingest)?;
    let config = Arc::new(config);
    let store = Store::open(&config)?;
    let _keeper = LogKeeper::start(&config)?;
    let mut intake = Intake::new(store, Arc::clone(&config), clock.now())?;
    let mut rules = config_path.map(Rules::new);
    let (sender, receiver) = sync_channel(QUEUE);
    // Not joined: it ends with its input, and a blocked read must not keep the program.
    std::thread::spawn(move || read_lines(input, &sender));
    let mut done = Ingested::default();
    let mut latencies = crate::health::LatencyWindow::default();
    let mut group: Vec<Line> = Vec::new();
    let mut bad_rows = BadRows::new(Instant::now());
    loop {
        let ended = gather(&receiver, &mut group, config.buffer.group_rows);
        if let Some(config) = rules.as_mut().and_then(|rules| rules.changed(&config)) {
            intake.set_config(Arc::new(config));
        }
        if group.is_empty() {
            if ended {
                done.acknowledge = latencies.summary();
                return Ok(done);
            }
            intake.tick(clock.now())?;
            continue;
        }
        let lines: Vec<&[u8]> = group.iter().map(|line| line.bytes.as_slice()).collect();
        let receipts = intake.commit(&lines, clock.now())?;
        done.commits += 1;
        let taken = tally(&mut done, &receipts);
        let now = Instant::now();
        for (line, receipt) in group.drain(..taken).zip(&receipts) {
            latencies.add(now.duration_since(line.arrived));
            if let Receipt::DeadLettered(reason) = receipt
                && let Some(text) = bad_rows.say(&line.bytes, *reason, now)
            {
                let _ = writeln!(std::io::stderr(), "spine: {text}");
            }
        }
        if taken > 0 {
            done.lines += taken as u64;
            // A source that is gone does not need the receipts any more; its rows are durable.
            let _ =
                writeln!(acks, "{{\"acknowledged\":{}}}", done.lines).and_then(|()| acks.flush());
        }
        if let Some(Receipt::Refused(why)) = receipts.get(taken) {
            let _ = writeln!(
                std::io::stderr(),
                "spine: rows wait outside: {}",
                why.advice()
            );
            std::thread::sleep(REFUSED_WAIT);
        }
    }
}

/// Counts receipts up to the first refusal; how many there are.
fn tally(done: &mut Ingested, receipts: &[Receipt]) -> usize {
    for (index, receipt) in receipts.iter().enumerate() {
        match receipt {
            Receipt::Accepted => done.accepted += 1,
            Receipt::Held => done.held += 1,
            Receipt::Duplicate => done.duplicates += 1,
            Receipt::DeadLettered(_) => done.dead_lettered += 1,
            Receipt::Refused(_) => return index,
        }
    }
    receipts.len()
}

/// Fills the group with what is there, waiting only for the first line. Returns whether the input ended.
fn gather(receiver: &Receiver<Line>, group: &mut Vec<Line>, most: usize) -> bool {
    if group.is_empty() {
        match receiver.recv_timeout(TICK) {
            Ok(line) => group.push(line),
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => return true,
        }
    }
    while group.len() < most {
        let Ok(line) = receiver.try_recv() else { break };
        group.push(line);
    }
    false
}

fn read_lines<R: Read>(input: R, sender: &SyncSender<Line>) {
    let mut input = BufReader::with_capacity(1 << 16, input);
    loop {
        let mut bytes = Vec::new();
        match input
            .by_ref()
            .take(READ_LIMIT)
            .read_until(b'\n', &mut bytes)
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if bytes.len() as u64 == READ_LIMIT && input.skip_until(b'\n').is_err() {
            return;
        }
        let line = Line {
            bytes,
            arrived: Instant::now(),
        };
        if line.bytes.is_empty() {
            continue;
        }
        if sender.send(line).is_err() {
            return;
        }
    }
}

/// The file of rules, looked at once a second.
struct Rules {
    path: std::path::PathBuf,
    looked: Instant,
    seen: Option<(SystemTime, u64)>,
}

impl Rules {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            looked: Instant::now(),
            seen: stamp(path),
        }
    }

    /// The settings in force with the rules of the file, when it changed and is valid.
    fn changed(&mut self, in_force: &Config) -> Option<Config> {
        if self.looked.elapsed() < Duration::from_secs(1) {
            return None;
        }
        self.looked = Instant::now();
        let stamp = stamp(&self.path);
        if stamp == self.seen {
            return None;
        }
        self.seen = stamp;
        match Config::load(&self.path) {
            Ok(new) => Some(Config {
                channels: new.channels,
                checks: new.checks,
                ..in_force.clone()
            }),
            Err(error) => {
                let _ = writeln!(
                    std::io::stderr(),
                    "spine: the rules stay as they were: {error}"
                );
                None
            }
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let own = std::fs::metadata(path).ok()?;
    Some((own.modified().ok()?, own.len()))
}
