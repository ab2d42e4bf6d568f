//! The recorder and its peers, one after another, under the same load on the same disk.
//!
//! `peers FOLDER` prints two tables: the time of one append at flight rate, and records per second at
//! full speed. What it writes is removed again.

mod table;
mod writers;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use writers::Load;

/// Compares the recorder with other recording libraries on the disk of a folder.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder on the disk to measure; nothing is left in it.
    folder: PathBuf,
    /// Seconds at 5,000 records/s of 1 KiB, for each writer.
    #[arg(long, default_value_t = 10.0)]
    paced_seconds: f64,
    /// Seconds at full speed with 120-byte records, for each writer.
    #[arg(long, default_value_t = 3.0)]
    full_speed_seconds: f64,
    /// One JSON document instead of the tables.
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let paced = Load {
        rate_hz: Some(5000.0),
        record_bytes: 1024,
        duration: Duration::try_from_secs_f64(arguments.paced_seconds)?,
    };
    let full_speed = Load {
        rate_hz: None,
        record_bytes: 120,
        duration: Duration::try_from_secs_f64(arguments.full_speed_seconds)?,
    };
    let paced = writers::measure_all(&arguments.folder, &paced)?;
    let full_speed = writers::measure_all(&arguments.folder, &full_speed)?;
    if arguments.json {
        println!("{}", table::json(&paced, &full_speed)?);
    } else {
        println!("{}", table::markdown(&paced, &full_speed));
    }
    Ok(())
}
