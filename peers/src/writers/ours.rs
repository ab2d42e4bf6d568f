//! The recorder of this project, as `companion record-bench` drives it.

use std::path::Path;

use anyhow::ensure;
use companion::record_bench::{BenchOptions, run};
use companion::recorder::RecorderSizes;

use super::{Load, Measured};

pub fn measure(folder: &Path, load: &Load) -> anyhow::Result<Measured> {
    let summary = run(&BenchOptions {
        fdr: folder.to_owned(),
        rate_hz: load.rate_hz,
        record_bytes: load.record_bytes,
        duration: load.duration,
        segment_bytes: 64 << 20,
        durable_log: None,
        freeze_at: None,
        device_key: None,
        sizes: RecorderSizes::default(),
    })?;
    let lost = summary.records_refused + summary.records_dropped;
    ensure!(
        lost == 0,
        "{lost} records lost: the disk is too slow for this load"
    );
    Ok(Measured {
        writer: "ours",
        durable: "100 ms",
        records: summary.records,
        records_per_s: summary.records_per_s,
        append_ns: summary.append_ns,
    })
}
