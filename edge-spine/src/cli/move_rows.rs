//! `spine ingest` and `spine drain`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{CommandError, Common, Done, Outcome, load, print, print_json};
use crate::shell::{Clock, DrainOptions, drain, ingest};
use crate::sink;

#[derive(Debug, Args)]
pub struct IngestArguments {
    #[command(flatten)]
    common: Common,
    /// Only the summary, no line per commit (implied by --json)
    #[arg(long)]
    quiet: bool,
    /// Sets the wall clock off, for drills
    #[arg(long, hide = true, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_ms: i64,
}

#[derive(Debug, Args)]
pub struct DrainArguments {
    #[command(flatten)]
    common: Common,
    /// Go on when everything is sent
    #[arg(long)]
    follow: bool,
    /// Give up when nothing could be sent for so many seconds
    #[arg(long, value_name = "SECONDS")]
    give_up_after: Option<f64>,
    /// Write metrics there, in the Prometheus text format
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    /// Sets the wall clock off, for drills
    #[arg(long, hide = true, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_ms: i64,
}

impl IngestArguments {
    pub fn run(self) -> Done {
        let (config, _) = load(&self.common.config)?;
        let clock = Clock::new(self.clock_offset_ms);
        let path = Some(self.common.config.as_path());
        let quiet = self.quiet || self.common.json;
        let mut acks: Box<dyn std::io::Write> = if quiet {
            Box::new(std::io::sink())
        } else {
            Box::new(std::io::stdout())
        };
        let done = ingest(config, path, std::io::stdin(), &mut acks, clock)?;
        if quiet {
            print_json(&done)?;
        }
        Ok(Outcome::Clean)
    }
}

impl DrainArguments {
    pub fn run(self) -> Done {
        let (config, fence) = load(&self.common.config)?;
        let give_up_after = match self.give_up_after {
            None => None,
            Some(seconds) => Some(Duration::try_from_secs_f64(seconds).map_err(|_| {
                CommandError::Other(format!("--give-up-after {seconds} is no length of time"))
            })?),
        };
        let options = DrainOptions {
            follow: self.follow,
            give_up_after,
            metrics_file: self.metrics_file,
            ..DrainOptions::default()
        };
        let sink = sink::open(&config.sink)?;
        let done = drain(
            config,
            fence,
            sink,
            &options,
            Clock::new(self.clock_offset_ms),
        )?;
        if self.common.json {
            print_json(&done)?;
        } else {
            print(&format!(
                "{} rows delivered, {} waiting",
                done.rows, done.waiting
            ))?;
        }
        Ok(if done.waiting == 0 {
            Outcome::Clean
        } else {
            Outcome::Objection
        })
    }
}
