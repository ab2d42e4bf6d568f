//! `spine audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CommandError, Common, Done, Outcome, existing, load, print, print_json, table};
use crate::audit::{Checkpoint, Verdict};
use crate::sink::{FileSink, Label};
use crate::store::AuditQuery;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Audit,
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Whether it is whole: intact, diverged, truncated or forged
    Verify {
        #[command(flatten)]
        common: Common,
        /// Checkpoints that somebody else kept: a JSON file, or a folder of the file sink
        #[arg(long, value_name = "PATH")]
        checkpoints: Option<PathBuf>,
    },
    /// Entries, newest first
    Query {
        #[command(flatten)]
        common: Common,
        /// Of this jurisdiction
        #[arg(long)]
        jurisdiction: Option<String>,
        /// Of this zone
        #[arg(long)]
        zone: Option<String>,
        /// From this time on, milliseconds since 1970
        #[arg(long, value_name = "MS")]
        from: Option<i64>,
        /// Before this time, milliseconds since 1970
        #[arg(long, value_name = "MS")]
        before: Option<i64>,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: i64,
    },
    /// Rows by jurisdiction, zone and policy
    Summary {
        #[command(flatten)]
        common: Common,
    },
}

impl Arguments {
    pub fn run(self) -> Done {
        match self.command {
            Audit::Verify {
                common,
                checkpoints,
            } => verify(&common, checkpoints),
            Audit::Query {
                common,
                jurisdiction,
                zone,
                from,
                before,
                limit,
            } => {
                let (config, _) = load(&common.config)?;
                let query = AuditQuery {
                    jurisdiction,
                    zone,
                    from_ms: from,
                    before_ms: before,
                    limit: limit.clamp(0, 100_000),
                };
                print_json(&existing(&config)?.query_audit(&query)?)?;
                Ok(Outcome::Clean)
            }
            Audit::Summary { common } => summary(&common),
        }
    }
}

fn verify(common: &Common, checkpoints: Option<PathBuf>) -> Done {
    let (config, _) = load(&common.config)?;
    let kept = checkpoints
        .map(read_checkpoints)
        .transpose()?
        .unwrap_or_default();
    let verdict = existing(&config)?.verify_audit(&kept)?;
    if common.json {
        print_json(&verdict)?;
    } else {
        print(&match &verdict {
            Verdict::Intact {
                entries,
                head,
                vouched,
            } => {
                format!(
                    "intact: {entries} entries, {vouched} vouched for by checkpoints, head {head}"
                )
            }
            Verdict::Diverged { at } => {
                format!("DIVERGED: entry {at} does not follow from the one before")
            }
            Verdict::Truncated { entries, expected } => {
                format!("TRUNCATED: {entries} entries, and there were {expected}")
            }
            Verdict::Forged { size } => {
                format!("FORGED: the checkpoint of size {size} is not signed by this store")
            }
        })?;
    }
    Ok(if verdict.is_intact() {
        Outcome::Clean
    } else {
        Outcome::Objection
    })
}

/// Checkpoints of a file (one, or a list), or of every batch in a folder of the file sink.
fn read_checkpoints(path: PathBuf) -> Result<Vec<Checkpoint>, CommandError> {
    let wrong = |error: &dyn std::fmt::Display| {
        CommandError::Other(format!("{}: holds no checkpoints: {error}", path.display()))
    };
    if path.is_dir() {
        let sink = FileSink::open(&path)?;
        let files = sink.batches().map_err(|error| wrong(&error))?;
        let read = |file: &PathBuf| FileSink::read(file).map(|(label, _): (Label, _)| label.audit);
        return files
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(&error));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(&error))?;
    let one = serde_json::from_str(&text).map(|own| vec![own]);
    one.or_else(|_| serde_json::from_str(&text))
        .map_err(|error| wrong(&error))
}

fn summary(common: &Common) -> Done {
    let (config, _) = load(&common.config)?;
    let summary = existing(&config)?.summarise_audit()?;
    if common.json {
        print_json(&summary)?;
        return Ok(Outcome::Clean);
    }
    let rows: Vec<Vec<String>> = summary
        .into_iter()
        .map(|own| {
            let (entries, rows) = (own.entries.to_string(), own.rows.to_string());
            vec![
                own.jurisdiction,
                own.zone,
                own.policy.to_owned(),
                entries,
                rows,
            ]
        })
        .collect();
    print(&table::render(
        &["jurisdiction", "zone", "policy", "entries", "rows"],
        &rows,
    ))?;
    Ok(Outcome::Clean)
}
