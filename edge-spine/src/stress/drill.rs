//! The drill: production under faults, then the healing, then the balance.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::faults::{Deck, Fault};
use super::fleet::{self, Ingest, Process, Server, SmallDisk};
use super::oracle;
use super::packets::{Packet, RULES, Source};
use super::{Arguments, Healing, Report, SinkKind};
use crate::cli::CommandError;
use crate::config::Config;
use crate::limits::Limits;
use crate::proxy::{FaultProxy, LinkMode};
use crate::store::Store;

/// Race-day runs before the long run.
const RUNS: u32 = 15;
/// Lines without a receipt beyond which nothing is produced.
const MOST_WAITING: usize = 5_000;
/// Room of the small disk beside the backlog's, MB.
const DISK_MB: i64 = 192;
/// Waiting rows that a megabyte holds, with room to spare.
const ROWS_PER_MB: i64 = 1_500;
/// A backlog that is healed within the limit; one that was asked to be greater may take longer, by so many rows a
/// second.
const BACKLOG: i64 = 50_000;
const LEAST_ROWS_PER_S: f64 = 5_000.0;

/// The configuration of the processes, whose sink is behind the failing link.
fn settings(arguments: &Arguments, link: SocketAddr) -> String {
    let sink = match arguments.sink {
        SinkKind::File => format!("kind = \"http\"\nurl = \"http://{link}\""),
        SinkKind::Redis => format!("kind = \"redis\"\nurl = \"redis://{link}\""),
    };
    format!(
        "directory = \"store\"\n[sink]\n{sink}\ntimeout_s = 1.0\n\
         [buffer]\nmax_rows = {}\nretain_rows = 2000\nreserve_bytes = 4194304\nmin_free_bytes = 8388608\n\
         [dead_letters]\nmax_rows = 10000000\n\
         [breaker]\ncool_down_s = 2.0\n\
         [drain]\nbatch_rows = 200\ninterval_s = 1.0\ncool_down_s = 1.0\nbackoff_s = [0.05, 0.5]\n\
         suspect_after = 50\n{RULES}",
        arguments.backlog
    )
}

pub(super) struct Drill<'a> {
    arguments: &'a Arguments,
    program: PathBuf,
    config_path: PathBuf,
    config: Config,
    random: Pcg64Mcg,
    deck: Deck,
    server: Server,
    address: std::net::SocketAddr,
    proxy: FaultProxy,
    disk: Option<SmallDisk>,
    ingest: Ingest,
    drain: Process,
    sink: Process,
    packets: Vec<Packet>,
    kills: u64,
    faults: BTreeMap<&'static str, u64>,
    /// When the link or the disk is sound again.
    trouble_until: Option<Instant>,
    started: Instant,
    limits: Limits,
}

impl<'a> Drill<'a> {
    pub(super) fn new(arguments: &'a Arguments, folder: &Path) -> Result<Self, CommandError> {
        let program = std::env::current_exe()?;
        let address = fleet::free_address()?;
        let proxy = FaultProxy::start(address, arguments.seed)?;
        let disk = SmallDisk::mount(
            &folder.join("store"),
            DISK_MB + arguments.backlog / ROWS_PER_MB,
        );
        let server = match arguments.sink {
            SinkKind::File => Server::Receiver {
                folder: folder.join("sink"),
            },
            SinkKind::Redis => Server::Redis {
                folder: folder.join("redis"),
            },
        };
        let text = settings(arguments, proxy.address());
        let config_path = folder.join("spine.toml");
        std::fs::write(&config_path, text)?;
        let config = Config::load(&config_path)?;
        let sink = server.start(&program, address)?;
        Ok(Self {
            random: Pcg64Mcg::seed_from_u64(arguments.seed),
            deck: Deck::default(),
            ingest: Ingest::start(&program, &config_path, 0)?,
            drain: fleet::start_drain(&program, &config_path, 0)?,
            sink,
            arguments,
            program,
            config_path,
            config,
            server,
            address,
            proxy,
            disk,
            packets: Vec::new(),
            kills: 0,
            faults: BTreeMap::new(),
            trouble_until: None,
            started: Instant::now(),
            limits: Limits::in_force(),
        })
    }

    pub(super) fn run(mut self) -> Result<Report, CommandError> {
        for run in 0..RUNS {
            let mut source = self.source(format!("race-{run}"));
            for _ in 0..self.arguments.packets {
                self.produce(&mut source)?;
            }
        }
        let mut source = self.source("long-run".into());
        while self.goes_on() {
            for _ in 0..50 {
                self.produce(&mut source)?;
            }
        }
        self.heal()?;
        let healing = self.wait_until_drained()?;
        self.report(healing)
    }

    fn source(&mut self, device: String) -> Source {
        let random = Pcg64Mcg::seed_from_u64(self.random.next_u64());
        Source::new(random, device, self.arguments.chaos)
    }

    fn goes_on(&self) -> bool {
        match self.arguments.kills {
            Some(kills) => self.kills < kills,
            None => self.started.elapsed().as_secs_f64() < self.arguments.seconds,
        }
    }

    fn produce(&mut self, source: &mut Source) -> Result<(), CommandError> {
        if let Some(packet) = source.next() {
            self.ingest.offer(packet.line.clone());
            self.packets.push(packet);
        }
        if self.packets.len().is_multiple_of(50) {
            self.step()?;
            while self.ingest.waiting() > MOST_WAITING && self.goes_on() {
                self.step()?;
            }
        }
        Ok(())
    }

    /// A little time, and perhaps a fault.
    fn step(&mut self) -> Result<(), CommandError> {
        if self.ingest.pump(&self.program)? {
            self.count("ingest_ended_by_itself");
        }
        if !self.drain.runs() {
            self.count("drain_ended_by_itself");
            let offset_ms = self.any_offset();
            self.drain = fleet::start_drain(&self.program, &self.config_path, offset_ms)?;
        }
        std::thread::sleep(Duration::from_millis(2));
        if self
            .trouble_until
            .is_some_and(|until| Instant::now() >= until)
        {
            self.end_trouble();
        }
        // About six faults a second.
        if self.random.next_u32().is_multiple_of(60) {
            self.fault()?;
        }
        Ok(())
    }

    fn fault(&mut self) -> Result<(), CommandError> {
        let offset_ms = self.any_offset();
        let fault = self.deck.draw(&mut self.random);
        match fault {
            Fault::KillIngest => self.ingest.restart(&self.program, offset_ms)?,
            Fault::KillDrain => {
                self.drain.kill();
                self.drain = fleet::start_drain(&self.program, &self.config_path, offset_ms)?;
            }
            Fault::KillSink => {
                self.sink.kill();
                self.sink = self.server.start(&self.program, self.address)?;
            }
            Fault::Link(mode) => {
                self.end_trouble();
                self.proxy.set(mode);
                self.trouble_for(1_500);
            }
            Fault::FullDisk => {
                let Some(disk) = &self.disk else {
                    return Ok(());
                };
                disk.fill();
                self.trouble_for(1_000);
            }
        }
        self.kills += u64::from(fault.is_kill());
        self.tell(fault.name());
        self.count(fault.name());
        Ok(())
    }

    /// Where the wall clock of the next process stands: anything from ten days slow to ten days fast.
    fn any_offset(&mut self) -> i64 {
        i64::from(self.random.next_u32() % 1_728_000_000) - 864_000_000
    }

    fn trouble_for(&mut self, most_ms: u32) {
        let own = Duration::from_millis(u64::from(self.random.next_u32() % most_ms));
        self.trouble_until = Some(Instant::now() + own);
    }

    fn end_trouble(&mut self) {
        self.proxy.set(LinkMode::Sound);
        if let Some(disk) = &self.disk {
            disk.free();
        }
        self.trouble_until = None;
    }

    /// The last fault ends; every process runs.
    fn heal(&mut self) -> Result<(), CommandError> {
        self.end_trouble();
        if !self.sink.runs() {
            self.sink = self.server.start(&self.program, self.address)?;
        }
        self.tell("no more faults");
        Ok(())
    }

    /// Waits until nothing is unacknowledged, waiting, under way or held.
    fn wait_until_drained(&mut self) -> Result<Healing, CommandError> {
        let store = Store::open(&self.config)?;
        let since = Instant::now();
        let mut healing = Healing::default();
        loop {
            self.ingest.pump(&self.program)?;
            if !self.drain.runs() {
                self.drain = fleet::start_drain(&self.program, &self.config_path, 0)?;
            }
            let counts = store.counts()?;
            let buffered = counts.pending + counts.draining + counts.held;
            let waiting = self.ingest.waiting() as i64 + buffered;
            healing.backlog = healing.backlog.max(waiting);
            healing.healed_s = since.elapsed().as_secs_f64();
            healing.undelivered = waiting;
            let limit_s = self.heal_limit_s(healing.backlog);
            if waiting == 0 || healing.healed_s > 2.0 * limit_s {
                return Ok(healing);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn heal_limit_s(&self, backlog: i64) -> f64 {
        self.limits.heal_s + (backlog - BACKLOG).max(0) as f64 / LEAST_ROWS_PER_S
    }

    fn report(mut self, healing: Healing) -> Result<Report, CommandError> {
        self.drain.kill();
        let recovering = Instant::now();
        let store = Store::open(&self.config)?;
        let reopened_s = recovering.elapsed().as_secs_f64();
        let balance = oracle::strike(
            &self.packets,
            &store,
            &self.server,
            &self.address.to_string(),
        )?;
        let counts = store.counts()?;
        let (rows, held, dead) = store.recount()?;
        let adds_up = counts.adds_up
            && rows == counts.pending + counts.draining + counts.synced
            && (held, dead) == (counts.held, counts.dead);
        let skipped = if self.disk.is_none() {
            vec!["full_disk: only root may mount a small disk"]
        } else {
            vec![]
        };
        Ok(Report {
            balance,
            kills: self.kills,
            faults: std::mem::take(&mut self.faults),
            skipped,
            healing,
            heal_limit_s: self.heal_limit_s(healing.backlog),
            recovery_limit_s: self.limits.recovery_s,
            recovered_batches: counts.tally.recovered,
            reopened_s,
            breaker_openings: store.sources()?.iter().map(|own| own.openings).sum(),
            bits_flipped: self.proxy.flipped(),
            adds_up,
            audit_intact: store.verify_audit(&[])?.is_intact(),
            seconds: self.started.elapsed().as_secs_f64(),
            seed: self.arguments.seed,
            sink: format!("{:?}", self.arguments.sink).to_lowercase(),
        })
    }

    fn count(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    fn tell(&self, what: &str) {
        if self.arguments.showcase {
            let at = self.started.elapsed().as_secs_f64();
            let (made, waiting) = (self.packets.len(), self.ingest.waiting());
            let _ = writeln!(
                std::io::stderr(),
                "{at:7.2} s  {made:>8} produced  {waiting:>6} unacknowledged  {what}"
            );
        }
    }
}
