//! `companion record-bench`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use companion::command_line::{CommandLine, FAILED, USAGE, print, tell};
use companion::record_bench::{
    BenchOptions, BenchSummary, Percentiles, RECORD_BYTES, run as drive,
};
use companion::recorder::{RecorderConfig, RecorderSizes, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
use serde_json::json;

use super::table;

/// Arguments of `companion record-bench`.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Arguments {
    /// Folder in which the recording is made, in a folder of its own; its disk is the one measured
    #[arg(long, value_name = "DIR")]
    fdr: PathBuf,
    /// Records in a second
    #[arg(
        long,
        value_name = "HZ",
        default_value_t = 5000.0,
        conflicts_with = "full_speed"
    )]
    rate: f64,
    /// As many records as go through, waiting for room instead of losing any
    #[arg(long)]
    full_speed: bool,
    /// Bytes of each record in its frame
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    record_bytes: usize,
    /// For how long, seconds
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    seconds: f64,
    /// How often records are made durable, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100)]
    sync_interval_ms: u64,
    /// Size at which a segment is closed, bytes
    #[arg(long, value_name = "BYTES", default_value_t = RecorderConfig::default().segment_bytes)]
    segment_bytes: u64,
    /// What the flight may take of the disk, bytes; the oldest segments are dropped at it
    #[arg(long, value_name = "BYTES", default_value_t = RecorderConfig::default().cap_bytes)]
    cap_bytes: u64,
    /// Freeze the recording after so many seconds: nothing is dropped any more
    #[arg(long, value_name = "S")]
    freeze_at: Option<f64>,
    /// File or pipe that gets a line with the number behind the last durable record whenever it grows
    #[arg(long, value_name = "FILE")]
    durable_log: Option<PathBuf>,
    /// The device's secret key, made by `companion device-key new FILE`: the recording is sealed
    #[arg(long, value_name = "FILE")]
    device_key: Option<PathBuf>,
    /// Print the figures as one JSON document
    #[arg(long)]
    json: bool,
}

/// Drives the recorder and prints what was measured.
pub fn run(line: &CommandLine, arguments: &Arguments) -> ExitCode {
    if let Err(message) = check(arguments) {
        return line.fail(message, USAGE);
    }
    let sizes = RecorderSizes::default();
    let options = BenchOptions {
        fdr: arguments.fdr.clone(),
        rate_hz: (!arguments.full_speed).then_some(arguments.rate),
        record_bytes: arguments.record_bytes,
        duration: Duration::from_secs_f64(arguments.seconds),
        segment_bytes: arguments.segment_bytes,
        durable_log: arguments.durable_log.clone(),
        device_key: arguments.device_key.clone(),
        freeze_at: arguments.freeze_at.map(Duration::from_secs_f64),
        sizes: RecorderSizes {
            cap_bytes: arguments.cap_bytes,
            essential_bytes: sizes.essential_bytes.min(arguments.cap_bytes / 4),
            side_bytes: sizes.side_bytes.min(arguments.cap_bytes / 8),
            sync_interval: Duration::from_millis(arguments.sync_interval_ms),
            ..sizes
        },
    };
    match drive(&options) {
        Ok(summary) => report(arguments, &summary),
        Err(error) => line.fail(error.to_string(), FAILED),
    }
}

fn check(arguments: &Arguments) -> Result<(), String> {
    let refuse = |option: &str, value: String, allowed: &str| {
        Err(format!("{option} is {value}, allowed is {allowed}"))
    };
    if !(1.0..=1e6).contains(&arguments.rate) {
        return refuse("--rate", arguments.rate.to_string(), "1 to 1000000");
    }
    if !(0.1..=3600.0).contains(&arguments.seconds) {
        return refuse("--seconds", arguments.seconds.to_string(), "0.1 to 3600");
    }
    if !RECORD_BYTES.contains(&arguments.record_bytes) {
        let allowed = format!("{} to {}", RECORD_BYTES.start(), RECORD_BYTES.end());
        return refuse(
            "--record-bytes",
            arguments.record_bytes.to_string(),
            &allowed,
        );
    }
    if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&arguments.segment_bytes) {
        let allowed = format!("{SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}");
        let value = arguments.segment_bytes.to_string();
        return refuse("--segment-bytes", value, &allowed);
    }
    // Three segments of each stream, as in a flight.
    let cap_min = 16 * arguments.segment_bytes;
    if !(cap_min..=1 << 44).contains(&arguments.cap_bytes) {
        let allowed = format!("{cap_min} (16 segments) to {}", 1_u64 << 44);
        return refuse("--cap-bytes", arguments.cap_bytes.to_string(), &allowed);
    }
    if let Some(at) = arguments.freeze_at
        && !(0.0..=3600.0).contains(&at)
    {
        return refuse("--freeze-at", at.to_string(), "0 to 3600");
    }
    if !(10..=10_000).contains(&arguments.sync_interval_ms) {
        let value = arguments.sync_interval_ms.to_string();
        return refuse("--sync-interval-ms", value, "10 to 10000");
    }
    Ok(())
}

fn report(arguments: &Arguments, summary: &BenchSummary) -> ExitCode {
    let lost = summary.records_refused + summary.records_dropped;
    for event in &summary.events {
        tell(&format!("recorder: {}", event.text));
    }
    if lost > 0 {
        tell(&format!(
            "error: {lost} records were lost, and recorded as lost in {}",
            summary.flight_dir.display()
        ));
    }
    if !summary.clean_shutdown {
        tell(&format!(
            "error: {}: the end of the recording could not be written; check the disk",
            summary.flight_dir.display()
        ));
    }
    let printed = if arguments.json {
        print(&format!("{:#}\n", json!(summary)))
    } else {
        print(&text(summary))
    };
    match printed {
        Ok(()) if lost == 0 && summary.clean_shutdown => ExitCode::SUCCESS,
        _ => ExitCode::from(FAILED),
    }
}

fn text(summary: &BenchSummary) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, values: Percentiles| {
        let us = |ns: u64| format!("{:.1}", ns as f64 * 1e-3);
        let Percentiles {
            p50,
            p99,
            p999,
            worst,
        } = values;
        rows.push([us(p50), us(p99), us(p999), us(worst), name.to_owned()]);
    };
    if let Some(append) = summary.append_ns {
        row("append", append);
    }
    if let Some(nothing) = summary.nothing_ns {
        row("nothing (two readings of the clock)", nothing);
    }
    row("sync", summary.sync_ns);
    row("durable after", summary.durable_lag_ns);
    let header = ["p50 us", "p99 us", "p99.9 us", "worst us", "time of"];
    format!(
        "{}\n{} records of {} bytes in {:.1} s: {:.0} records/s, {:.1} MB/s\n\
         {} refused, {} dropped; {:.4} bytes to the device for each byte of records; \
         {:.1} MB of memory\n\n{}",
        summary.flight_dir.display(),
        summary.records,
        summary.record_bytes,
        summary.duration_s,
        summary.records_per_s,
        summary.bytes_per_s * 1e-6,
        summary.records_refused,
        summary.records_dropped,
        summary.bytes_to_device_ratio,
        summary.memory_bytes as f64 * 1e-6,
        table::render(header, &rows)
    )
}
