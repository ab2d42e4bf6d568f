//! The text format of Prometheus, version 0.0.4.

use std::fmt::Write;

use super::counts::{Buckets, Metrics, load};
use super::process::ProcessFigures;
use crate::health::BoardReadings;
use crate::recorder::Status;

/// What one scrape tells.
#[derive(Debug, Clone, Copy)]
pub struct Scrape<'a> {
    /// What was counted.
    pub metrics: &'a Metrics,
    /// The recorder, where there is one, and the time on its clock, nanoseconds.
    pub recorder: Option<(&'a Status, u64)>,
    /// The board, where it was read.
    pub board: Option<&'a BoardReadings>,
}

/// The text of a scrape.
#[must_use]
pub fn render(scrape: &Scrape<'_>) -> String {
    let mut text = Text::default();
    navigation(&mut text, scrape.metrics);
    service_levels(&mut text, scrape.metrics);
    if let Some((status, now_ns)) = scrape.recorder {
        recorder(&mut text, status, now_ns);
    }
    if let Some(board) = scrape.board {
        jetson(&mut text, board);
    }
    if let Some(process) = ProcessFigures::read() {
        process.render(&mut text);
    }
    text.0
}

/// A text in the making.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let value = escaped(value);
            let _ = write!(self.0, "{open}{label}=\"{value}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    pub(super) fn single(&mut self, name: &str, kind: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.family(name, kind, help);
            self.sample(name, &[], value);
        }
    }

    fn count(&mut self, name: &str, help: &str, value: u64) {
        self.single(name, "counter", help, Some(value as f64));
    }

    fn histogram<const N: usize>(&mut self, name: &str, help: &str, buckets: &Buckets<N>) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (limit, count) in buckets.cumulative() {
            self.sample(&bucket, &[("le", limit.to_string().as_str())], count as f64);
        }
        let (count, sum) = buckets.totals();
        self.sample(&bucket, &[("le", "+Inf")], count as f64);
        self.sample(&format!("{name}_sum"), &[], sum);
        self.sample(&format!("{name}_count"), &[], count as f64);
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn navigation(text: &mut Text, metrics: &Metrics) {
    let name = "gps_denied_frame_processed_total";
    text.family(name, "counter", "Results of vision.");
    for (strategy, count) in [
        ("odometry", &metrics.odometry),
        ("anchor", &metrics.anchors),
        ("refused", &metrics.refused_frames),
    ] {
        text.sample(name, &[("strategy", strategy)], load(count) as f64);
    }
    text.histogram(
        "gps_denied_frame_emit_latency_seconds",
        "Exposure of a frame to the next position told to the autopilot.",
        &metrics.frame_latency,
    );
    let name = "gps_denied_source_label_total";
    text.family(name, "counter", "Positions told, by label.");
    let labels = ["dead_reckoned", "visual_propagated", "satellite_anchored"];
    for (label, count) in labels.into_iter().zip(&metrics.labels) {
        text.sample(name, &[("label", label)], load(count) as f64);
    }
    let (accepted, refused) = (
        load(&metrics.matches_accepted),
        load(&metrics.matches_refused),
    );
    let all = accepted + refused;
    text.single(
        "gps_denied_vpr_match_rate",
        "gauge",
        "Share of map matches that were accepted.",
        (all > 0).then(|| accepted as f64 / all as f64),
    );
    text.single(
        "gps_denied_thermal_hybrid_active",
        "gauge",
        "1 while vision's load is lightened.",
        Some(load(&metrics.thermal_hybrid) as f64),
    );
    text.count(
        "gps_denied_signing_key_rotations_total",
        "MAVLink signing keys set up.",
        load(&metrics.key_rotations),
    );
    text.single(
        "gps_denied_horiz_accuracy_m",
        "gauge",
        "1-sigma horizontal accuracy last told.",
        metrics.horiz_accuracy_m.get(),
    );
    text.single(
        "gps_denied_cold_start_seconds",
        "gauge",
        "First sensor sample to first position.",
        metrics.cold_start_s.get(),
    );
    text.single(
        "gps_denied_spoofing_promotion_latency_seconds",
        "gauge",
        "All conditions holding to the autopilot's GPS in force, last time.",
        metrics.promotion_latency_s.get(),
    );
}

fn service_levels(text: &mut Text, metrics: &Metrics) {
    text.count(
        "gps_denied_cycle_deadline_misses_total",
        "Emission deadlines told more than 50 ms late.",
        load(&metrics.deadline_misses),
    );
    text.histogram(
        "gps_denied_emission_delay_seconds",
        "Emission deadline to bytes handed to the link.",
        &metrics.emission_delay,
    );
    text.count(
        "gps_denied_link_errors_total",
        "Link faults: lost, silent, garbage.",
        load(&metrics.link_errors),
    );
    text.count(
        "gps_denied_validation_failures_total",
        "Frames refused by their checksum or signature.",
        load(&metrics.validation_failures),
    );
}

fn recorder(text: &mut Text, status: &Status, now_ns: u64) {
    text.count(
        "gps_denied_fdr_segment_drops_total",
        "Segments of the recording dropped.",
        status.segments_dropped(),
    );
    text.count(
        "gps_denied_fdr_records_refused_total",
        "Records that a full ring refused.",
        status.records_refused(),
    );
    let gauges = [
        (
            "gps_denied_fdr_size_bytes",
            "What the flight takes of the device.",
            status.allocated_bytes() as f64,
        ),
        (
            "gps_denied_fdr_flush_p99_seconds",
            "99th percentile of the recorder's syncs.",
            status.sync_ns.quantile(0.99) as f64 * 1e-9,
        ),
        (
            "gps_denied_fdr_durable_age_seconds",
            "Age of the newest record that is durable.",
            status.durable_lag_now_ns(now_ns) as f64 * 1e-9,
        ),
    ];
    for (name, help, value) in gauges {
        text.single(name, "gauge", help, Some(value));
    }
}

fn jetson(text: &mut Text, board: &BoardReadings) {
    let name = "jetson_stats_temperature_celsius";
    text.family(name, "gauge", "Temperature of a thermal zone.");
    for zone in &board.zones {
        text.sample(name, &[("zone", zone.name.as_str())], zone.temperature_c);
    }
    let name = "jetson_stats_power_watts";
    text.family(name, "gauge", "Power drawn from a supply rail.");
    for rail in &board.rails {
        text.sample(name, &[("rail", rail.name.as_str())], rail.power_w);
    }
    text.single(
        "jetson_stats_gpu_percent",
        "gauge",
        "Load of the graphics processor.",
        board.gpu_percent,
    );
    text.single(
        "jetson_stats_throttled",
        "gauge",
        "1 while a processor is slowed down.",
        Some(f64::from(u8::from(board.throttled))),
    );
    text.count(
        "jetson_stats_over_current_events_total",
        "Times since boot that the supply could not give what was asked.",
        board.over_current_events,
    );
}
