//! `alerts`: what somebody must look at.

use std::path::{Path, PathBuf};

use companion::command_line::tell;
use fdr_format::{FlightId, FlightReader, VerifyOptions, find_flights};
use serde::Serialize;

use super::verify::judge;
use crate::alerts::{self, Evidence, Judgement, Standing, Urgency};
use crate::cli::AlertsArguments;
use crate::figures::gather;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::table::{Columns, duration, print_json};

/// The report.
#[derive(Debug, Serialize)]
struct Report {
    exit_code: u8,
    worst: Option<Urgency>,
    flights: Vec<Flight>,
}

/// What is to be looked at in one flight.
#[derive(Debug, Clone, Serialize)]
pub struct Flight {
    /// Its folder.
    pub folder: PathBuf,
    /// The flight.
    pub flight_id: Option<FlightId>,
    /// The most urgent alert.
    pub worst: Option<Urgency>,
    /// Broken rules; with `--all` the others too.
    pub alerts: Vec<Judgement>,
    /// Why it could not be looked at.
    pub error: Option<String>,
}

/// Looks at every flight.
pub fn run(arguments: &AlertsArguments) -> anyhow::Result<Outcome> {
    // A sink that is written wrongly is said before an hour of reading.
    let sinks = arguments
        .sinks
        .as_deref()
        .map(alerts::sinks::Sinks::load)
        .transpose()?;
    let mut flights = Vec::new();
    for path in &arguments.flights {
        for folder in find_flights(path)? {
            flights.push(look(&folder, arguments.all));
        }
    }
    let worst = flights.iter().filter_map(|flight| flight.worst).max();
    let unreadable = flights.iter().any(|flight| flight.error.is_some());
    let mut outcome = match (worst, unreadable) {
        (Some(urgency), _) => Outcome::Alert(urgency),
        (None, true) => Outcome::Unreadable,
        (None, false) => Outcome::Clean,
    };
    if let Some(sinks) = sinks {
        for problem in sinks.tell(&flights) {
            tell(&format!("error: {problem}"));
            outcome = outcome.or_worse(Outcome::Unreadable);
        }
    }
    if arguments.json {
        print_json(&Report {
            exit_code: outcome.code(),
            worst,
            flights,
        })?;
    } else {
        print(&flights)?;
    }
    Ok(outcome)
}

fn look(folder: &Path, all: bool) -> Flight {
    match judgements(folder) {
        Ok((flight_id, judgements)) => Flight {
            folder: folder.to_owned(),
            flight_id: Some(flight_id),
            worst: alerts::worst(&judgements),
            alerts: judgements
                .into_iter()
                .filter(|own| all || own.standing == Standing::Broken)
                .collect(),
            error: None,
        },
        Err(error) => Flight {
            folder: folder.to_owned(),
            flight_id: None,
            worst: None,
            alerts: Vec::new(),
            error: Some(error.to_string()),
        },
    }
}

fn judgements(folder: &Path) -> anyhow::Result<(FlightId, Vec<Judgement>)> {
    let reader = FlightReader::open(folder)?;
    let flight_id = reader.flight_id();
    let verdict = judge(&reader, &VerifyOptions::default())?;
    let mut progress = Progress::new("looking");
    let figures = gather(reader, |done, total| progress.update(done, total))?;
    let evidence = Evidence {
        figures: &figures,
        verdict: &verdict,
    };
    Ok((flight_id, alerts::judge(&evidence)))
}

fn print(flights: &[Flight]) -> std::io::Result<()> {
    let mut table = Columns::new(&["flight", "urgency", "rule", "found", "limit", "where"]);
    let mut quiet = true;
    for flight in flights {
        let name = flight
            .flight_id
            .map_or_else(|| flight.folder.display().to_string(), |id| id.to_string());
        if let Some(error) = &flight.error {
            tell(&format!("error: {name}: {error}"));
        }
        for alert in &flight.alerts {
            quiet = false;
            let urgency = match alert.standing {
                Standing::Broken => alert.urgency.in_words(),
                Standing::Holds => "holds",
                Standing::NothingToJudge => "nothing to judge",
            };
            let places: Vec<String> = alert.at_s.iter().take(3).map(|at| duration(*at)).collect();
            table.row([
                name.clone(),
                urgency.to_owned(),
                alert.rule.to_owned(),
                alert.found.clone(),
                alert.limit.to_owned(),
                places.join(", "),
            ]);
        }
    }
    match quiet {
        true => {
            use std::io::Write;
            writeln!(
                std::io::stdout().lock(),
                "nothing to look at in {} flights",
                flights.len()
            )
        }
        false => table.print(),
    }
}
