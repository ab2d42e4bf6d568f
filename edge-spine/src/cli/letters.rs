//! `spine dlq` and `spine breaker`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{CommandError, Common, Done, Outcome, existing, load, print, print_json, table};
use crate::shell::Clock;
use crate::store::DeadFilter;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Dlq,
}

#[derive(Debug, Subcommand)]
enum Dlq {
    /// Dead letters, oldest first
    List {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        filter: FilterArguments,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// One dead letter, its line included
    Show {
        #[command(flatten)]
        common: Common,
        /// Its number
        id: i64,
    },
    /// Try dead letters again under the rules in force; what is good now leaves, exactly once
    Reprocess {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        filter: FilterArguments,
    },
}

#[derive(Debug, Args)]
struct FilterArguments {
    /// Only this one
    #[arg(long)]
    id: Option<i64>,
    /// Only those of this reason
    #[arg(long)]
    reason: Option<String>,
    /// Only those of this channel
    #[arg(long)]
    channel: Option<String>,
}

impl From<FilterArguments> for DeadFilter {
    fn from(own: FilterArguments) -> Self {
        Self {
            id: own.id,
            reason: own.reason,
            channel: own.channel,
        }
    }
}

impl Arguments {
    pub fn run(self) -> Done {
        match self.command {
            Dlq::List {
                common,
                filter,
                limit,
            } => list(&common, &filter.into(), limit),
            Dlq::Show { common, id } => show(&common, id),
            Dlq::Reprocess { common, filter } => {
                let (config, _) = load(&common.config)?;
                let mut store = existing(&config)?;
                let done = store.reprocess(&filter.into(), &config, Clock::new(0).now())?;
                if common.json {
                    print_json(&done)?;
                } else {
                    print(&format!(
                        "{} re-injected, {} still bad, {} were in the buffer already",
                        done.reinjected, done.still_bad, done.duplicates
                    ))?;
                }
                Ok(Outcome::Clean)
            }
        }
    }
}

fn list(common: &Common, filter: &DeadFilter, limit: i64) -> Done {
    let (config, _) = load(&common.config)?;
    let letters = existing(&config)?.dead_letters(filter, 0, limit)?;
    if common.json {
        print_json(&letters)?;
        return Ok(Outcome::Clean);
    }
    let rows: Vec<Vec<String>> = letters
        .into_iter()
        .map(|own| {
            vec![
                own.id.to_string(),
                own.correlation.unwrap_or_default(),
                own.device.unwrap_or_default(),
                own.channel.unwrap_or_default(),
                own.reason,
                own.attempts.to_string(),
                own.detail,
            ]
        })
        .collect();
    print(&table::render(
        &[
            "id",
            "correlation",
            "device",
            "channel",
            "reason",
            "tried",
            "detail",
        ],
        &rows,
    ))?;
    Ok(Outcome::Clean)
}

fn show(common: &Common, id: i64) -> Done {
    let (config, _) = load(&common.config)?;
    let filter = DeadFilter {
        id: Some(id),
        ..DeadFilter::default()
    };
    let letter = existing(&config)?
        .dead_letters(&filter, 0, 1)?
        .pop()
        .ok_or_else(|| CommandError::Other(format!("there is no dead letter {id}")))?;
    print_json(&letter)?;
    Ok(Outcome::Clean)
}

#[derive(Debug, Args)]
pub struct BreakerArguments {
    #[command(subcommand)]
    command: Breaker,
}

#[derive(Debug, Subcommand)]
enum Breaker {
    /// Every source channel
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Close breakers; what they hold is re-injected with the next commit of `spine ingest`
    Reset {
        #[command(flatten)]
        common: Common,
        /// Only of this device
        #[arg(long)]
        device: Option<String>,
        /// Only of this channel
        #[arg(long)]
        channel: Option<String>,
    },
}

impl BreakerArguments {
    pub fn run(self) -> Done {
        match self.command {
            Breaker::List { common } => {
                let (config, _) = load(&common.config)?;
                let sources = existing(&config)?.sources()?;
                let state = |closed| if closed { "closed" } else { "open" };
                if common.json {
                    let rows: Vec<_> = sources
                        .iter()
                        .map(|own| {
                            json!({"device": own.device, "channel": own.channel,
                                   "state": state(own.closed), "openings": own.openings})
                        })
                        .collect();
                    print_json(&rows)?;
                    return Ok(Outcome::Clean);
                }
                let rows: Vec<Vec<String>> = sources
                    .into_iter()
                    .map(|own| {
                        let state = state(own.closed).to_owned();
                        vec![own.device, own.channel, state, own.openings.to_string()]
                    })
                    .collect();
                print(&table::render(
                    &["device", "channel", "state", "opened"],
                    &rows,
                ))?;
            }
            Breaker::Reset {
                common,
                device,
                channel,
            } => {
                let (config, _) = load(&common.config)?;
                let count =
                    existing(&config)?.reset_breakers(device.as_deref(), channel.as_deref())?;
                if common.json {
                    print_json(&json!({ "reset": count }))?;
                } else {
                    print(&format!("{count} breakers will close"))?;
                }
            }
        }
        Ok(Outcome::Clean)
    }
}
