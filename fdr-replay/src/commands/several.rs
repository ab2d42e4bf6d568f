//! One command over one flight, or over every flight in a folder.

use std::io;
use std::path::{Path, PathBuf};

use companion::command_line::tell;
use fdr_format::find_flights;
use serde::Serialize;

use crate::outcome::Outcome;
use crate::table::print_json;

/// What a command says of one flight of several.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Said<R> {
    Report(R),
    Failed { folder: PathBuf, error: String },
}

/// What it says of all of them.
#[derive(Debug, Serialize)]
struct All<R> {
    exit_code: u8,
    flights: Vec<Said<R>>,
}

/// Examines the flight at `path`, or each of those in it. Of one flight the report is the document; of several
/// the document holds them all, and the greatest code counts. One that cannot be read does not keep the
/// others from being looked at.
pub fn each<R: Serialize>(
    path: &Path,
    json: bool,
    mut examine: impl FnMut(&Path) -> anyhow::Result<(Outcome, R)>,
    print: impl Fn(&R) -> io::Result<()>,
) -> anyhow::Result<Outcome> {
    let flights = find_flights(path)?;
    if let [flight] = flights.as_slice() {
        let (outcome, report) = examine(flight)?;
        match json {
            true => print_json(&report)?,
            false => print(&report)?,
        }
        return Ok(outcome);
    }
    let mut worst = Outcome::Clean;
    let mut all = Vec::new();
    for (index, folder) in flights.into_iter().enumerate() {
        let (outcome, said) = match examine(&folder) {
            Ok((outcome, report)) => (outcome, Said::Report(report)),
            Err(error) => {
                let error = format!("{error:#}");
                (Outcome::Unreadable, Said::Failed { folder, error })
            }
        };
        worst = worst.or_worse(outcome);
        match (&said, json) {
            (_, true) => all.push(said),
            (Said::Report(report), false) => {
                if index > 0 {
                    println_empty()?;
                }
                print(report)?;
            }
            (Said::Failed { folder, error }, false) => {
                tell(&format!("{}: {error}", folder.display()));
            }
        }
    }
    if json {
        print_json(&All {
            exit_code: worst.code(),
            flights: all,
        })?;
    }
    Ok(worst)
}

fn println_empty() -> io::Result<()> {
    use io::Write;
    writeln!(io::stdout().lock())
}
