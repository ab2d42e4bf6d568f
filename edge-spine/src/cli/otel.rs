//! `spine otel`.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::{CommandError, Common, Done, Outcome, existing, load, print, print_json};
use crate::backoff::Backoff;
use crate::otel::{Collector, CollectorError, Step, TellError, Teller};

/// First and longest wait for a collector that is away or busy.
const BACKOFF: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];
/// How often new rows are looked for.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// The collector; `/v1/traces` is appended
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4318")]
    to: String,
    /// Authority of the collector's certificate, PEM; the public ones otherwise
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Go on when everything is told
    #[arg(long)]
    follow: bool,
    /// Without --follow: give up when the collector takes nothing for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    give_up_after: f64,
}

impl Arguments {
    pub fn run(self) -> Done {
        let (config, fence) = load(&self.common.config)?;
        let patience = Duration::try_from_secs_f64(self.give_up_after).map_err(|_| {
            let own = self.give_up_after;
            CommandError::Other(format!("--give-up-after {own} is no length of time"))
        })?;
        let other = |error: CollectorError| CommandError::Other(error.to_string());
        let collector = Collector::new(&self.to, self.ca_file.as_deref()).map_err(other)?;
        let mut teller = Teller::new(existing(&config)?, fence, collector)?;
        let mut backoff = Backoff::new(BACKOFF[0], BACKOFF[1], u64::from(std::process::id()));
        let mut last_taken = Instant::now();
        let mut said = String::new();
        loop {
            match teller.step() {
                Ok(Step::Told) => {
                    backoff.succeeded();
                    last_taken = Instant::now();
                }
                Ok(Step::Idle) if !self.follow => break,
                Ok(Step::Idle) => std::thread::sleep(LOOK),
                Err(TellError::Store(error)) => return Err(error.into()),
                Err(TellError::Collector(error @ CollectorError::Later(_)))
                    if self.follow || last_taken.elapsed() < patience =>
                {
                    let text = error.to_string();
                    if said != text {
                        let _ = writeln!(std::io::stderr(), "spine: {text}");
                        said = text;
                    }
                    std::thread::sleep(backoff.failed());
                }
                Err(TellError::Collector(error)) => return Err(other(error)),
            }
        }
        let done = teller.progress();
        if self.common.json {
            print_json(&done)?;
        } else {
            print(&format!(
                "{} rows and {} dead letters told; {} rows were removed before, {} spans not kept",
                done.told.rows, done.told.dead_letters, done.missed_rows, done.rejected_spans
            ))?;
        }
        Ok(Outcome::Clean)
    }
}
