//! `cat --follow`: prints records of a flight while it is recorded.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use companion::command_line::tell;
use fdr_format::{FlightFollower, Followed, Stream};

use super::cat::line;
use crate::cli::CatArguments;
use crate::outcome::Outcome;

/// Time between two looks when nothing new was there: a recorder writes ten times a second.
const NAP: Duration = Duration::from_millis(50);
const NS_PER_MS: u64 = 1_000_000;

/// Prints until the recorder ends the flight.
pub fn run(arguments: &CatArguments, stream: Stream) -> anyhow::Result<Outcome> {
    let mut follower = FlightFollower::open(&arguments.flight.flight, stream)?;
    let about = follower.description();
    let mut start_ms = about.map(|about| about.clock.monotonic_ns / NS_PER_MS);
    let mut out = io::stdout().lock();
    loop {
        let mut printed: io::Result<()> = Ok(());
        let followed = follower.poll(|segment, record| {
            let types = &arguments.types;
            if printed.is_err() || !(types.is_empty() || types.contains(&record.record_type)) {
                return;
            }
            let start_ms = *start_ms.get_or_insert(record.monotonic_ms);
            let line = serde_json::to_string(&line(segment, record, start_ms));
            printed = line
                .map_err(io::Error::from)
                .and_then(|line| writeln!(out, "{line}"));
        })?;
        printed?;
        out.flush()?;
        match followed {
            Followed::More => {}
            Followed::Nothing => thread::sleep(NAP),
            Followed::End => break,
        }
    }
    if follower.missing() > 0 {
        let missing = follower.missing();
        tell(&format!(
            "note: {missing} records were passed over; see: fdr-replay verify"
        ));
    }
    Ok(Outcome::Clean)
}
