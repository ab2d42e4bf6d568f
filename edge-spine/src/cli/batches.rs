//! `spine batches`.

use clap::Args;

use super::{Common, Done, Outcome, existing, load, print, print_json, table};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// At most so many, newest first
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

impl Arguments {
    pub fn run(self) -> Done {
        let (config, _) = load(&self.common.config)?;
        let history = existing(&config)?.history(self.limit)?;
        if self.common.json {
            print_json(&history)?;
            return Ok(Outcome::Clean);
        }
        let rows: Vec<Vec<String>> = history
            .iter()
            .map(|own| {
                vec![
                    own.number.to_string(),
                    own.batch_id.clone(),
                    own.state.to_owned(),
                    own.first.to_string(),
                    own.last.to_string(),
                    own.rows.to_string(),
                    own.attempts.to_string(),
                    own.error.clone().unwrap_or_default(),
                ]
            })
            .collect();
        let headings = [
            "n",
            "batch",
            "state",
            "first",
            "last",
            "rows",
            "failed",
            "last error",
        ];
        print(&table::render(&headings, &rows))?;
        Ok(Outcome::Clean)
    }
}
