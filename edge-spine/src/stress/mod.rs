//! `spine stress`: an oracle, not a coin.
//!
//! Real processes (`spine ingest`, `spine drain`, and a sink with a ledger) are killed at random moments
//! while the link between them is cut, slowed, held half-open and garbled, the disk is filled and the
//! wall clock jumps. Then the faults stop, and everything must drain. What was produced must be delivered
//! or dead-lettered, each once, each where it belongs. The seed gives packets and faults; which moment of
//! a process a fault hits is the machine's.

mod drill;
mod faults;
mod fleet;
mod oracle;
mod packets;

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use crate::cli::{CommandError, Outcome, print, print_json};
use drill::Drill;
use oracle::Balance;

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
    /// Rows that may wait in the buffer; beyond, the source is held back
    #[arg(long, value_name = "ROWS", default_value_t = 20_000,
          value_parser = clap::value_parser!(i64).range(1_000..))]
    backlog: i64,
    /// Tell what happens on stderr while it happens
    #[arg(long)]
    showcase: bool,
    /// One JSON document on stdout, and nothing else
    #[arg(long)]
    json: bool,
}

/// What happened after the last fault.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Healing {
    /// Rows that were waiting, at the buffer's door and in it.
    backlog: i64,
    /// How long until nothing waited, or until patience was over, seconds.
    healed_s: f64,
    /// Rows that were still waiting then.
    undelivered: i64,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    balance: Balance,
    kills: u64,
    faults: BTreeMap<&'static str, u64>,
    skipped: Vec<&'static str>,
    #[serde(flatten)]
    healing: Healing,
    heal_limit_s: f64,
    recovery_limit_s: f64,
    recovered_batches: i64,
    reopened_s: f64,
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
            && self.healing.undelivered == 0
            && self.healing.healed_s <= self.heal_limit_s
            && self.reopened_s <= self.recovery_limit_s
            && self.adds_up
            && self.audit_intact
    }

    fn text(&self) -> String {
        let own = &self.balance;
        format!(
            "produced {} = delivered {} + dead-lettered {}; lost {}, duplicated {}, misrouted {}, invented {}\n\
             {} kills, faults {:?}, {} bits flipped, {} batches recovered, {} breaker openings\n\
             {} rows waited when the faults ended, {} after {:.1} s; seed {}, {:.0} s\n{}",
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
            self.healing.backlog,
            self.healing.undelivered,
            self.healing.healed_s,
            self.seed,
            self.seconds,
            if self.is_good() { "sound" } else { "NOT SOUND" }
        )
    }
}
