//! The edge's figures beside the design that they replace, a state in every row.
//!
//! `just bench-spine [--only PART] [--rows N] [--folder DIR]`; a figure beyond `limits.toml` fails the run. The
//! last table stands in docs/performance.md.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark fails by panicking"
)]

mod speed;
mod waiting;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use edge_spine::config::Config;
use edge_spine::intake::Intake;
use edge_spine::limits::{Bound, Limits};
use edge_spine::shell::Clock;
use edge_spine::store::Store;

#[derive(Parser)]
struct Arguments {
    /// Only this part
    #[arg(long)]
    only: Option<Part>,
    /// Rows that wait while memory and recovery are measured
    #[arg(long, default_value_t = 10_000_000)]
    rows: i64,
    /// Where the stores go, the disk that is measured; one that is kept, so that a long filling may be resumed
    #[arg(long)]
    folder: Option<PathBuf>,
    /// (a part of its own process)
    #[arg(long, hide = true)]
    child: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// How soon a row is durable
    Acknowledge,
    /// How fast rows leave, and what their states cost
    Drain,
    /// How fast the audit log is verified
    Audit,
    /// Memory and recovery while millions wait
    Waiting,
}

/// The table, as it grows.
struct Table {
    breaches: u32,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let (Some(child), Some(folder)) = (&arguments.child, &arguments.folder) {
        waiting::child(child, folder, arguments.rows);
        return ExitCode::SUCCESS;
    }
    let own = std::env::temp_dir().join(format!("spine-bench-{}", std::process::id()));
    let folder = arguments.folder.clone().unwrap_or_else(|| own.clone());
    let mut table = Table { breaches: 0 };
    println!("{:<58} {:>20}  required", "what", "figure");
    let limits = Limits::in_force();
    let wanted = |part| arguments.only.is_none_or(|own| own == part);
    table.tell(
        "(load of the machine, runnable over one minute)",
        load(),
        "",
    );
    if wanted(Part::Acknowledge) {
        speed::acknowledge(&folder.join("acknowledge"), &limits, &mut table);
    }
    if wanted(Part::Drain) {
        speed::drain(&folder.join("drain"), &limits, &mut table);
    }
    if wanted(Part::Audit) {
        speed::audit(&folder.join("audit"), &limits, &mut table);
    }
    if wanted(Part::Waiting) {
        waiting::measure(&folder.join("waiting"), arguments.rows, &limits, &mut table);
    }
    let _ = std::fs::remove_dir_all(own);
    ExitCode::from(u8::from(table.breaches > 0))
}

impl Table {
    fn tell(&self, what: &str, figure: f64, unit: &str) {
        println!("{what:<58} {:>20}", format!("{} {unit}", short(figure)));
    }

    fn judge(&mut self, what: &str, figure: f64, unit: &str, bound: Bound) {
        let (sign, limit) = match bound {
            Bound::AtMost(limit) => ("<=", limit),
            Bound::AtLeast(limit) => (">=", limit),
        };
        let holds = bound.holds(figure);
        self.breaches += u32::from(!holds);
        let word = if holds { "" } else { "   BREACH" };
        let figure = format!("{} {unit}", short(figure));
        println!("{what:<58} {figure:>20}  {sign} {}{word}", short(limit));
    }
}

/// What else the machine does; a figure from a busy one says little, but how busy it was says why.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Processor time of this process, seconds: what stays comparable on a machine that others use.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    // User and system time, in hundredths.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn short(figure: f64) -> String {
    if figure >= 100.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.2}")
    }
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

/// A store with rows up to number `rows`; what is there already stays.
fn filled(folder: &Path, rows: i64) -> Arc<Config> {
    let config = Arc::new(config(folder));
    let clock = Clock::new(0);
    let store = Store::open(&config).unwrap();
    let log = Store::open(&config).unwrap();
    let mut next = store.tally().unwrap().last_row;
    let mut intake = Intake::new(store, Arc::clone(&config), clock.now()).unwrap();
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
