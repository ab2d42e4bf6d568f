//! How the spine is: healthy means that rows move, not that the process lives.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::config::Config;
use crate::store::{Counts, Moment, Store, StoreError};

/// Percentiles of a latency, milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Half are shorter.
    pub p50_ms: f64,
    /// 95 of 100 are shorter.
    pub p95_ms: f64,
    /// 99 of 100 are shorter.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// The last latencies, in bounded memory.
#[derive(Debug, Clone, Default)]
pub struct LatencyWindow {
    micros: Vec<u32>,
    next: usize,
    count: u64,
    longest: u32,
}

impl LatencyWindow {
    const SIZE: usize = 65_536;

    /// One more.
    pub fn add(&mut self, latency: Duration) {
        let micros = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        self.count += 1;
        self.longest = self.longest.max(micros);
        if self.micros.len() < Self::SIZE {
            self.micros.push(micros);
        } else {
            self.micros[self.next] = micros;
            self.next = (self.next + 1) % Self::SIZE;
        }
    }

    /// Percentiles of the last 65,536; the longest of all.
    #[must_use]
    pub fn summary(&self) -> Latency {
        if self.micros.is_empty() {
            return Latency::default();
        }
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let at = |share: f64| {
            let index = ((sorted.len() - 1) as f64 * share).ceil() as usize;
            f64::from(sorted[index]) / 1000.0
        };
        Latency {
            count: self.count,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: f64::from(self.longest) / 1000.0,
        }
    }
}

/// A source channel whose breaker is not closed, or was once.
#[derive(Debug, Clone, Serialize)]
pub struct BreakerReport {
    /// Device.
    pub device: String,
    /// Channel.
    pub channel: String,
    /// `closed`, or `open` (probing included).
    pub state: &'static str,
    /// How often it opened.
    pub openings: i64,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What.
    pub what: &'static str,
    /// How much, and beyond which limit.
    pub detail: String,
}

/// The state of a store, from disk.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    /// Nothing to object to.
    pub healthy: bool,
    /// Where every row is.
    pub rows: Counts,
    /// Age of the oldest undelivered row, seconds; never negative, whatever the wall clock does.
    pub oldest_unsynced_s: Option<f64>,
    /// Every row up to this one left.
    pub cursor: i64,
    /// Breakers that are open or were.
    pub breakers: Vec<BreakerReport>,
    /// Dead letters by reason.
    pub dead_letters: std::collections::BTreeMap<String, i64>,
    /// From claim to durable at the sink, over the last batches.
    pub batch_latency: Latency,
    /// What to look at.
    pub warnings: Vec<Warning>,
}

/// Age beyond which undelivered rows are a warning, seconds.
const OLD_S: f64 = 60.0;

/// How the store is.
///
/// # Errors
/// When the database cannot be read.
pub fn examine(store: &Store, config: &Config, now: Moment) -> Result<Health, StoreError> {
    let rows = store.counts()?;
    let history = store.history(1_000)?;
    let under_way = store.under_way(1)?;
    let mut window = LatencyWindow::default();
    for batch in history.iter().filter(|batch| batch.state == "synced") {
        let took = batch.settled_ms.unwrap_or(batch.claimed_ms) - batch.claimed_ms;
        window.add(Duration::from_millis(u64::try_from(took).unwrap_or(0)));
    }
    let breakers = store
        .sources()?
        .into_iter()
        .filter(|source| !source.closed || source.openings > 0)
        .map(|source| BreakerReport {
            device: source.device,
            channel: source.channel,
            state: if source.closed { "closed" } else { "open" },
            openings: source.openings,
        })
        .collect::<Vec<_>>();
    let oldest_unsynced_s = rows
        .oldest_ms
        .map(|at| ((now.wall_ms - at) as f64 / 1000.0).max(0.0));
    let cursor = under_way
        .first()
        .map_or(rows.tally.claimed_to, |batch| batch.range.first - 1);
    let warnings = warnings(
        &rows,
        config,
        oldest_unsynced_s,
        &breakers,
        store.free_bytes(),
    );
    Ok(Health {
        healthy: warnings.is_empty(),
        oldest_unsynced_s,
        cursor,
        breakers,
        dead_letters: store.dead_by_reason()?.into_iter().collect(),
        batch_latency: window.summary(),
        warnings,
        rows,
    })
}

fn warnings(
    rows: &Counts,
    config: &Config,
    oldest_s: Option<f64>,
    breakers: &[BreakerReport],
    free: u64,
) -> Vec<Warning> {
    let waiting = rows.pending + rows.draining + rows.held;
    let open = breakers.iter().filter(|own| own.state == "open").count();
    let lost = rows.tally.dropped + rows.tally.dead_dropped;
    let (warn, alert) = (config.buffer.warn_rows, config.dead_letters.alert_rows);
    let least = config.buffer.min_free_bytes;
    let age = oldest_s.unwrap_or(0.0);
    [
        (
            waiting > warn,
            "back_pressure",
            format!("{waiting} rows wait, above {warn}"),
        ),
        (
            age > OLD_S,
            "not_forwarding",
            format!("the oldest row waits for {age:.0} s, above {OLD_S}"),
        ),
        (
            rows.dead > alert,
            "dead_letters",
            format!("{} dead letters, above {alert}", rows.dead),
        ),
        (
            open > 0,
            "breaker_open",
            format!("{open} channels are held; see `spine breaker list`"),
        ),
        (
            lost > 0,
            "rows_dropped",
            format!("{lost} rows were given up by an overflow policy"),
        ),
        (
            free < least,
            "disk",
            format!("{free} bytes free, below {least}"),
        ),
        (
            rows.tally.quarantined > 0,
            "quarantine",
            format!("{} damaged databases", rows.tally.quarantined),
        ),
        (
            !rows.adds_up,
            "does_not_add_up",
            "the states do not add up to the inserts".into(),
        ),
    ]
    .into_iter()
    .filter(|(holds, _, _)| *holds)
    .map(|(_, what, detail)| Warning { what, detail })
    .collect()
}

impl Health {
    /// The figures in the Prometheus text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        let tally = &self.rows.tally;
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
            text.push_str(&format!(
                "# HELP spine_{name} {help}\n# TYPE spine_{name} {kind}\n"
            ));
            for (labels, value) in values {
                text.push_str(&format!("spine_{name}{labels} {value}\n"));
            }
        };
        let one = |value: i64| vec![(String::new(), value as f64)];
        let states = [
            ("pending", self.rows.pending),
            ("draining", self.rows.draining),
            ("synced", self.rows.synced),
            ("held", self.rows.held),
            ("dead", self.rows.dead),
        ];
        let states: Vec<_> = states
            .iter()
            .map(|(name, own)| (format!("{{state=\"{name}\"}}"), *own as f64))
            .collect();
        family("rows", "gauge", "Rows in the store by state.", &states);
        let single = [
            (
                "rows_inserted_total",
                "counter",
                "Rows taken.",
                tally.inserts,
            ),
            (
                "rows_delivered_total",
                "counter",
                "Rows that the sink has durably.",
                tally.delivered,
            ),
            (
                "rows_duplicate_total",
                "counter",
                "Rows that were there already.",
                tally.duplicates,
            ),
            (
                "rows_conflict_total",
                "counter",
                "Rows with another row's key.",
                tally.conflicts,
            ),
            (
                "rows_dropped_total",
                "counter",
                "Rows given up by an overflow policy.",
                tally.dropped + tally.dead_dropped,
            ),
            (
                "gaps_total",
                "counter",
                "Pauses longer than a channel may make.",
                tally.gaps,
            ),
            (
                "batches_recovered_total",
                "counter",
                "Batches found half-drained.",
                tally.recovered,
            ),
            (
                "audit_entries",
                "gauge",
                "Entries of the audit log.",
                tally.audit_size,
            ),
            (
                "quarantined",
                "gauge",
                "Damaged databases put aside.",
                tally.quarantined,
            ),
        ];
        for (name, kind, help, value) in single {
            family(name, kind, help, &one(value));
        }
        let age = vec![(String::new(), self.oldest_unsynced_s.unwrap_or(0.0))];
        family(
            "oldest_unsynced_seconds",
            "gauge",
            "Age of the oldest undelivered row.",
            &age,
        );
        family(
            "cursor",
            "gauge",
            "Every row up to this one left.",
            &one(self.cursor),
        );
        let open = self
            .breakers
            .iter()
            .filter(|own| own.state == "open")
            .count() as i64;
        family(
            "breakers_open",
            "gauge",
            "Channels whose breaker is open.",
            &one(open),
        );
        let letters: Vec<_> = self
            .dead_letters
            .iter()
            .map(|(reason, own)| (format!("{{reason=\"{reason}\"}}"), *own as f64))
            .collect();
        family("dead_letters", "gauge", "Dead letters by reason.", &letters);
        let latency = &self.batch_latency;
        let quantiles = [
            ("0.5", latency.p50_ms),
            ("0.95", latency.p95_ms),
            ("0.99", latency.p99_ms),
        ];
        let quantiles: Vec<_> = quantiles
            .iter()
            .map(|(q, own)| (format!("{{quantile=\"{q}\"}}"), own / 1000.0))
            .collect();
        family(
            "batch_seconds",
            "gauge",
            "From claim to durable at the sink.",
            &quantiles,
        );
        family(
            "healthy",
            "gauge",
            "1 when there is no warning.",
            &one(i64::from(self.healthy)),
        );
        text
    }
}

/// Writes the metrics, whole or not at all; a collector reads the file.
pub fn write_metrics(path: &Path, store: &Store, config: &Config, now: Moment) {
    let Ok(health) = examine(store, config, now) else {
        return;
    };
    let half = path.with_extension("half");
    // Metrics that cannot be written are missed by whoever collects them.
    let _ = std::fs::write(&half, health.metrics()).and_then(|()| std::fs::rename(half, path));
}
