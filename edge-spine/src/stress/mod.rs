//! `spine stress`: an oracle, not a coin.
//!
//! Real processes (`spine ingest`, `spine drain`, and a sink with a ledger) are killed at random moments
//! while the link between them is cut, slowed, held half-open and garbled, the disk is filled and the
//! wall clock jumps. Then the faults stop, and everything must drain. What was produced must be delivered
//! or dead-lettered, each once, each where it belongs. The seed gives packets and faults; which moment of
//! a process a fault hits is the machine's.

mod fleet;
mod oracle;
mod packets;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde::Serialize;

use crate::cli::{CommandError, Outcome, print, print_json};
use crate::config::Config;
use crate::proxy::{FaultProxy, LinkMode};
use crate::store::Store;
use fleet::{Ingest, Process, Server, SmallDisk};
use oracle::Balance;
use packets::{Packet, RULES, Source};

/// Race-day runs before the long run.
const RUNS: u32 = 15;
/// Lines without a receipt beyond which nothing is produced.
const MOST_WAITING: usize = 5_000;
/// How long a healthy system may take to deliver everything, seconds.
const HEAL_LIMIT_S: f64 = 30.0;
/// Room of the small disk, MB.
const DISK_MB: u32 = 192;

/// The sink of the drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SinkKind {
    /// `spine receive` with a folder: nothing to install
    File,
    /// `redis-server`, which must be installed
    Redis,
}

/// Arguments of the drill.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Packets of each race-day run
    #[arg(long, default_value_t = 1_000)]
    packets: u32,
    /// Broken packets in a hundred
    #[arg(long, default_value_t = 12.0)]
    chaos: f64,
    /// Faults stop after so many seconds
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
    /// Faults stop after so many kills instead
    #[arg(long)]
    kills: Option<u64>,
    /// Where rows go
    #[arg(long, value_enum, default_value_t = SinkKind::File)]
    sink: SinkKind,
    /// Packets and faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Tell what happens on stderr while it happens
    #[arg(long)]
    showcase: bool,
    /// One JSON document on stdout, and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    balance: Balance,
    kills: u64,
    faults: BTreeMap<&'static str, u64>,
    skipped: Vec<&'static str>,
    drained: bool,
    healed_s: f64,
    recovered_batches: i64,
    recovery_worst_s: f64,
    breaker_openings: i64,
    bits_flipped: u64,
    adds_up: bool,
    audit_intact: bool,
    seconds: f64,
    seed: u64,
    sink: String,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<Outcome, CommandError> {
        let folder = std::env::temp_dir().join(format!("spine-stress-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let done = Drill::new(&self, &folder).and_then(Drill::run);
        let even = done.as_ref().is_ok_and(|own| own.is_good());
        if even {
            std::fs::remove_dir_all(&folder)?;
        } else {
            let _ = writeln!(
                std::io::stderr(),
                "spine: what is left of the drill is in {}",
                folder.display()
            );
        }
        let report = done?;
        if self.json {
            print_json(&report)?;
        } else {
            print(&report.text())?;
        }
        Ok(if even {
            Outcome::Clean
        } else {
            Outcome::Objection
        })
    }
}

impl Report {
    fn is_good(&self) -> bool {
        self.balance.is_even()
            && self.drained
            && self.adds_up
            && self.audit_intact
            && self.healed_s <= HEAL_LIMIT_S
    }

    fn text(&self) -> String {
        let own = &self.balance;
        format!(
            "produced {} = delivered {} + dead-lettered {}; lost {}, duplicated {}, misrouted {}, invented {}\n\
             {} kills, faults {:?}, {} bits flipped, {} batches recovered, {} breaker openings\n\
             healed {:.1} s after the last fault; seed {}, {:.0} s\n{}",
            own.produced,
            own.delivered,
            own.dead_lettered,
            own.lost,
            own.duplicated,
            own.misrouted,
            own.invented,
            self.kills,
            self.faults,
            self.bits_flipped,
            self.recovered_batches,
            self.breaker_openings,
            self.healed_s,
            self.seed,
            self.seconds,
            if self.is_good() { "sound" } else { "NOT SOUND" }
        )
    }
}

struct Drill<'a> {
    arguments: &'a Arguments,
    program: PathBuf,
    config_path: PathBuf,
    config: Config,
    random: Pcg64Mcg,
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
}

impl<'a> Drill<'a> {
    fn new(arguments: &'a Arguments, folder: &Path) -> Result<Self, CommandError> {
        let program = std::env::current_exe()?;
        let address = fleet::free_address()?;
        let proxy = FaultProxy::start(address, arguments.seed)?;
        let disk = SmallDisk::mount(&folder.join("store"), DISK_MB);
        let server = match arguments.sink {
            SinkKind::File => Server::Receiver {
                folder: folder.join("sink"),
            },
            SinkKind::Redis => Server::Redis {
                folder: folder.join("redis"),
            },
        };
        let sink = match arguments.sink {
            SinkKind::File => format!("kind = \"http\"\nurl = \"http://{}\"", proxy.address()),
            SinkKind::Redis => format!("kind = \"redis\"\nurl = \"redis://{}\"", proxy.address()),
        };
        let text = format!(
            "directory = \"store\"\n[sink]\n{sink}\ntimeout_s = 1.0\n\
             [buffer]\nmax_rows = 20000\nretain_rows = 2000\nreserve_bytes = 4194304\nmin_free_bytes = 8388608\n\
             [dead_letters]\nmax_rows = 10000000\n\
             [breaker]\ncool_down_s = 2.0\n\
             [drain]\nbatch_rows = 200\ninterval_s = 1.0\ncool_down_s = 1.0\nbackoff_s = [0.05, 0.5]\n\
             suspect_after = 50\n{RULES}"
        );
        let config_path = folder.join("spine.toml");
        std::fs::write(&config_path, text)?;
        let config = Config::load(&config_path)?;
        let sink = server.start(&program, address)?;
        Ok(Self {
            random: Pcg64Mcg::seed_from_u64(arguments.seed),
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
        })
    }

    fn run(mut self) -> Result<Report, CommandError> {
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
        let healed = Instant::now();
        let drained = self.wait_until_drained(healed)?;
        self.report(healed.elapsed().as_secs_f64(), drained)
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
        match self.random.next_u32() % 12 {
            0..=2 => {
                self.tell("kill -9 ingest");
                self.ingest.restart(&self.program, offset_ms)?;
                self.kill("kill_ingest");
            }
            3..=5 => {
                self.tell("kill -9 drain");
                self.drain.kill();
                self.drain = fleet::start_drain(&self.program, &self.config_path, offset_ms)?;
                self.kill("kill_drain");
            }
            6..=8 => {
                self.tell("kill -9 sink");
                self.sink.kill();
                self.sink = self.server.start(&self.program, self.address)?;
                self.kill("kill_sink");
            }
            _ if self.trouble_until.is_some() => {}
            9 | 10 => {
                let (mode, name) = [
                    (LinkMode::Cut, "link_cut"),
                    (LinkMode::HalfOpen, "link_half_open"),
                    (LinkMode::Slow, "link_slow"),
                    (LinkMode::Corrupting, "link_corrupting"),
                ][self.random.next_u32() as usize % 4];
                self.tell(name);
                self.proxy.set(mode);
                self.count(name);
                self.trouble_for(1_500);
            }
            _ => {
                if let Some(disk) = &self.disk {
                    disk.fill();
                    self.tell("full disk");
                    self.count("full_disk");
                    self.trouble_for(1_000);
                }
            }
        }
        Ok(())
    }

    /// A wall clock that is anything from ten days slow to ten days fast.
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
    fn wait_until_drained(&mut self, since: Instant) -> Result<bool, CommandError> {
        let store = Store::open(&self.config)?;
        while since.elapsed().as_secs_f64() < 2.0 * HEAL_LIMIT_S {
            self.ingest.pump(&self.program)?;
            if !self.drain.runs() {
                self.drain = fleet::start_drain(&self.program, &self.config_path, 0)?;
            }
            let counts = store.counts()?;
            if self.ingest.waiting()
                + usize::try_from(counts.pending + counts.draining + counts.held).unwrap_or(1)
                == 0
            {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }

    fn report(mut self, healed_s: f64, drained: bool) -> Result<Report, CommandError> {
        self.drain.kill();
        let recovering = Instant::now();
        let store = Store::open(&self.config)?;
        let recovery_worst_s = recovering.elapsed().as_secs_f64();
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
            drained,
            healed_s,
            recovered_batches: counts.tally.recovered,
            recovery_worst_s,
            breaker_openings: store.sources()?.iter().map(|own| own.openings).sum(),
            bits_flipped: self.proxy.flipped(),
            adds_up,
            audit_intact: store.verify_audit(&[])?.is_intact(),
            seconds: self.started.elapsed().as_secs_f64(),
            seed: self.arguments.seed,
            sink: format!("{:?}", self.arguments.sink).to_lowercase(),
        })
    }

    fn kill(&mut self, name: &'static str) {
        self.kills += 1;
        self.count(name);
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
