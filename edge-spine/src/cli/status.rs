//! `spine health` and `spine metrics`.

use std::io::Write;
use std::time::Duration;

use clap::Args;

use super::{CommandError, Common, Done, Outcome, existing, load, print, print_json, table};
use crate::health::{Health, examine};
use crate::shell::Clock;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Look again and again, until interrupted
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Seconds between two looks
    #[arg(long, default_value_t = 2.0, requires = "watch", value_name = "S")]
    interval: f64,
}

#[derive(Debug, Args)]
pub struct MetricsArguments {
    #[command(flatten)]
    common: Common,
}

impl Arguments {
    pub fn run(self) -> Done {
        let (config, _) = load(&self.common.config)?;
        let store = existing(&config)?;
        let clock = Clock::new(0);
        let pause = Duration::try_from_secs_f64(self.interval).map_err(|_| {
            CommandError::Other(format!("--interval {} is no length of time", self.interval))
        })?;
        let mut before: Option<Health> = None;
        loop {
            let health = examine(&store, &config, clock.now())?;
            if self.common.json {
                print_json(&health)?;
            } else {
                let view = view(&health, before.as_ref(), self.interval);
                if self.watch {
                    // Home and clear, as every terminal knows it.
                    let mut out = std::io::stdout().lock();
                    write!(out, "\x1b[H\x1b[2J{view}").and_then(|()| out.flush())?;
                } else {
                    print(&view)?;
                }
            }
            if !self.watch {
                return Ok(if health.healthy {
                    Outcome::Clean
                } else {
                    Outcome::Objection
                });
            }
            before = Some(health);
            std::thread::sleep(pause);
        }
    }
}

impl MetricsArguments {
    pub fn run(self) -> Done {
        let (config, _) = load(&self.common.config)?;
        let store = existing(&config)?;
        print(&examine(&store, &config, Clock::new(0).now())?.metrics())?;
        Ok(Outcome::Clean)
    }
}

fn view(health: &Health, before: Option<&Health>, interval_s: f64) -> String {
    let rows = &health.rows;
    let tally = &rows.tally;
    let removed = tally.pruned + tally.dropped + tally.dead_dropped;
    let line = |name: &str, value: i64| vec![name.to_owned(), value.to_string()];
    let states = [
        line("pending", rows.pending),
        line("draining", rows.draining),
        line("synced", rows.synced),
        line("held", rows.held),
        line("dead", rows.dead),
        line("= inserts - removed", tally.inserts - removed),
    ];
    let mut text = table::render(&["rows", ""], &states);
    let age = health
        .oldest_unsynced_s
        .map_or("none waits".into(), |age| format!("{age:.1} s"));
    text.push_str(&format!(
        "\noldest unsynced  {age}\ncursor           {}",
        health.cursor
    ));
    if let Some(before) = before {
        let rate = (health.cursor - before.cursor) as f64 / interval_s;
        text.push_str(&format!(" ({rate:.0} rows/s)"));
    }
    let latency = &health.batch_latency;
    text.push_str(&format!(
        "\nbatch latency    p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, longest {:.1} ms\n",
        latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms
    ));
    for breaker in &health.breakers {
        let (device, channel) = (&breaker.device, &breaker.channel);
        text.push_str(&format!(
            "breaker          {device} {channel}: {}, opened {} times\n",
            breaker.state, breaker.openings
        ));
    }
    for (reason, count) in &health.dead_letters {
        text.push_str(&format!("dead letters     {reason}: {count}\n"));
    }
    for warning in &health.warnings {
        text.push_str(&format!(
            "WARNING          {}: {}\n",
            warning.what, warning.detail
        ));
    }
    text.push_str(if health.healthy {
        "healthy\n"
    } else {
        "not healthy\n"
    });
    text
}
