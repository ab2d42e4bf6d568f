//! One writer per file, each driven by the loop that `companion record-bench` uses.

mod copper;
mod mcap;
mod ours;
mod ring;
mod sqlite;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use companion::record_bench::{Percentiles, full_speed, paced};
use serde::Serialize;

/// How often a writer that syncs inline does so.
const SYNC_INTERVAL: Duration = Duration::from_millis(100);

/// What each writer is given.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Records in a second; without it as many as go through.
    pub rate_hz: Option<f64>,
    /// Bytes of a record.
    pub record_bytes: usize,
    /// For how long.
    pub duration: Duration,
}

/// What came of one writer.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Measured {
    /// Its name.
    pub writer: &'static str,
    /// When a record is durable.
    pub durable: &'static str,
    /// Records that were written.
    pub records: u64,
    /// Until everything was written and closed.
    pub records_per_s: f64,
    /// Time of one append; absent at full speed.
    pub append_ns: Option<Percentiles>,
}

/// A library that writes records.
trait Writer {
    /// Writes one record taken at `time_ns`; whether there was room.
    fn append(&mut self, time_ns: u64, record: &[u8]) -> anyhow::Result<bool>;

    /// Ends the file.
    fn finish(self) -> anyhow::Result<()>;
}

/// Measures all writers, one after another, each in a folder of its own.
pub fn measure_all(folder: &Path, load: &Load) -> anyhow::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for measure_one in [of_ours, of_ring, of_mcap, of_copper, of_sqlite] {
        let scratch = Scratch::new(folder)?;
        measured.push(measure_one(&scratch.0, load)?);
    }
    Ok(measured)
}

fn of_ours(folder: &Path, load: &Load) -> anyhow::Result<Measured> {
    ours::measure(folder, load)
}

fn of_ring(_: &Path, load: &Load) -> anyhow::Result<Measured> {
    measure(
        "bare `rtrb` ring, no disk",
        "never",
        load,
        ring::RingOnly::new(),
    )
}

fn of_mcap(folder: &Path, load: &Load) -> anyhow::Result<Measured> {
    let name = "`mcap`, chunked, flush and fdatasync inline";
    measure(name, "100 ms", load, mcap::McapFile::new(folder)?)
}

fn of_copper(folder: &Path, load: &Load) -> anyhow::Result<Measured> {
    let writer = copper::UnifiedLog::new(folder)?;
    measure("`cu29-unifiedlog`", "not stated", load, writer)
}

fn of_sqlite(folder: &Path, load: &Load) -> anyhow::Result<Measured> {
    let name = "`rusqlite`, WAL, FULL, 100 rows a transaction";
    measure(name, "20 ms", load, sqlite::Database::new(folder)?)
}

fn measure(
    name: &'static str,
    durable: &'static str,
    load: &Load,
    mut writer: impl Writer,
) -> anyhow::Result<Measured> {
    let record = vec![0x5A; load.record_bytes];
    let started = Instant::now();
    let mut failed = None;
    let mut append = || {
        let time_ns = started.elapsed().as_nanos() as u64;
        match writer.append(time_ns, &record) {
            Ok(taken) => taken,
            Err(error) => {
                failed.get_or_insert(error);
                true
            }
        }
    };
    let driven = match load.rate_hz {
        Some(rate_hz) => paced(rate_hz, load.duration, &mut append),
        None => full_speed(load.duration, &mut append),
    };
    if let Some(error) = failed {
        return Err(error.context(name));
    }
    writer.finish().context(name)?;
    Ok(Measured {
        writer: name,
        durable,
        records: driven.taken,
        records_per_s: driven.taken as f64 / started.elapsed().as_secs_f64(),
        append_ns: driven.append_ns,
    })
}

/// A folder that is gone when its writer has been measured.
struct Scratch(PathBuf);

impl Scratch {
    fn new(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(format!("peers-{}", std::process::id()));
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::create_dir(&path))
            .with_context(|| format!("{}: the scratch folder cannot be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{}: not removed: {error}", self.0.display());
        }
    }
}
