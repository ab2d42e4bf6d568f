//! What was measured, for people and for programs.

use std::fmt::Write;

use serde_json::json;

use crate::writers::Measured;

pub fn json(paced: &[Measured], full_speed: &[Measured]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&json!({ "paced": paced, "full_speed": full_speed }))
}

pub fn markdown(paced: &[Measured], full_speed: &[Measured]) -> String {
    let mut text = String::from(
        "| 5,000 records/s of 1 KiB | durable after | p50 us | p99 us | p99.9 us | worst us | p99.9, times ours |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let ours = paced.first().and_then(|first| first.append_ns);
    for row in paced {
        let (Some(append), Some(ours)) = (row.append_ns, ours) else {
            continue;
        };
        let us = |ns: u64| format!("{:.2}", ns as f64 * 1e-3);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {:.1} |",
            row.writer,
            row.durable,
            us(append.p50),
            us(append.p99),
            us(append.p999),
            us(append.worst),
            append.p999 as f64 / ours.p999.max(1) as f64,
        );
    }
    text.push_str("\n| full speed, 120 bytes | million records/s |\n|---|---|\n");
    for row in full_speed {
        let _ = writeln!(text, "| {} | {:.2} |", row.writer, row.records_per_s * 1e-6);
    }
    text
}
