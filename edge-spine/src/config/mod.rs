//! What a person sets, in one TOML file; all of it is checked before any data is touched.
//!
//! The table of settings is in `docs/edge-spine.md`. The file may be changed while `spine` runs: the rules of
//! the channels (ranges, fields, timing) take effect within a second, everything else at the next
//! start. A changed file that is not valid is reported and not used.

mod channels;
mod load;

use std::path::PathBuf;

use serde::Deserialize;

pub use channels::{Admission, ChannelRules, FieldKind, FieldRules};
pub use load::ConfigError;
#[cfg(feature = "otel")]
pub(crate) use load::is_private_url;

use crate::breaker::QualityLimits;
use crate::geofence::Policy;

/// Everything that a person sets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the database, its keys and its quarantine live.
    pub directory: PathBuf,
    /// Limits of the buffer.
    #[serde(default)]
    pub buffer: Buffer,
    /// Limits of the dead letters.
    #[serde(default)]
    pub dead_letters: DeadLetters,
    /// The data-quality breakers.
    #[serde(default)]
    pub breaker: Quality,
    /// Batches, attempts and the transport breaker.
    #[serde(default)]
    pub drain: Drain,
    /// Where rows go.
    pub sink: SinkConfig,
    /// What a channel must look like that has no rules of its own.
    #[serde(default)]
    pub checks: Checks,
    /// Rules per channel.
    #[serde(default)]
    pub channels: std::collections::BTreeMap<String, ChannelRules>,
    /// Where rows come from, and what may be said about that.
    pub geofence: Option<GeofenceConfig>,
}

/// What to do when the buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// Take no further row until there is room: the source keeps it, for it was not acknowledged.
    Refuse,
    /// Remove the oldest waiting rows, count them, and say so in the history of batches.
    DropOldest,
}

/// Limits of the buffer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Buffer {
    /// Most rows that are not yet delivered.
    pub max_rows: i64,
    /// Most bytes of payload in the buffer.
    pub max_bytes: i64,
    /// What happens beyond.
    pub overflow: Overflow,
    /// Rows waiting above which `health` warns.
    pub warn_rows: i64,
    /// Delivered rows that are kept for a second look.
    pub retain_rows: i64,
    /// Most rows of one durable commit.
    pub group_rows: usize,
    /// Longest line, bytes.
    pub max_row_bytes: usize,
    /// Bound of SQLite's write-ahead log, bytes.
    pub wal_limit_bytes: u64,
    /// Disk space that only removal may use, bytes; kept as a file.
    pub reserve_bytes: u64,
    /// Free space of the file system below which no row is taken, bytes.
    pub min_free_bytes: u64,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            max_rows: 20_000_000,
            max_bytes: 8_000_000_000,
            overflow: Overflow::Refuse,
            warn_rows: 100_000,
            retain_rows: 100_000,
            group_rows: 500,
            max_row_bytes: 65_536,
            wal_limit_bytes: 64 << 20,
            reserve_bytes: 32 << 20,
            min_free_bytes: 16 << 20,
        }
    }
}

/// Limits of the dead letters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadLetters {
    /// Most dead letters.
    pub max_rows: i64,
    /// What happens beyond.
    pub overflow: Overflow,
    /// Dead letters above which `health` warns.
    pub alert_rows: i64,
}

impl Default for DeadLetters {
    fn default() -> Self {
        Self {
            max_rows: 100_000,
            overflow: Overflow::DropOldest,
            alert_rows: 1_000,
        }
    }
}

/// The data-quality breakers.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quality {
    /// Bad rows in a row that open one.
    pub bad_in_a_row: u32,
    /// How long it stays open, seconds.
    pub cool_down_s: f64,
    /// Good rows in a row that close it.
    pub probes: u32,
    /// Most rows held beside the buffer; at the limit an open channel's rows go on into the buffer.
    pub max_held_rows: i64,
}

impl Default for Quality {
    fn default() -> Self {
        Self {
            bad_in_a_row: 5,
            cool_down_s: 30.0,
            probes: 3,
            max_held_rows: 100_000,
        }
    }
}

impl Quality {
    /// The limits as the breaker takes them.
    #[must_use]
    pub fn limits(&self) -> QualityLimits {
        QualityLimits {
            bad_in_a_row: self.bad_in_a_row,
            cool_down_ms: millis(self.cool_down_s),
            probes: self.probes,
        }
    }
}

/// Batches, attempts and the transport breaker.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drain {
    /// Most rows of a batch.
    pub batch_rows: i64,
    /// Most batches claimed by one durable commit.
    pub burst: usize,
    /// Longest wait before waiting rows are looked for, seconds.
    pub interval_s: f64,
    /// Failures in a row that open the transport breaker.
    pub failures: u32,
    /// How long it stays open, seconds.
    pub cool_down_s: f64,
    /// First and longest wait between attempts, seconds.
    pub backoff_s: [f64; 2],
    /// Attempts after which a batch that fails while the sink answers is taken apart.
    pub suspect_after: i64,
    /// Batches of the history that are kept.
    pub history: i64,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            batch_rows: 500,
            burst: 20,
            interval_s: 5.0,
            failures: 5,
            cool_down_s: 5.0,
            backoff_s: [0.1, 5.0],
            suspect_after: 8,
            history: 10_000,
        }
    }
}

/// Where rows go.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SinkConfig {
    /// A folder with one file per batch.
    File {
        /// The folder.
        path: PathBuf,
    },
    /// Redis streams `telemetry:t:{partition}`.
    Redis {
        /// `redis://[:password@]host:port/db`.
        url: String,
        /// How many streams the devices are spread over.
        #[serde(default = "default_partitions")]
        partitions: u32,
        /// How long the server remembers a batch id, seconds.
        #[serde(default = "default_memory_s")]
        remember_s: u64,
        /// How long to wait for the server, seconds.
        #[serde(default = "default_timeout_s")]
        timeout_s: f64,
    },
    /// Batches posted to a web server.
    Http {
        /// Where to; `/batches/{id}` is appended.
        url: String,
        /// PEM file of the authority that the server's certificate comes from; the public ones otherwise.
        ca_file: Option<PathBuf>,
        /// File with a bearer token.
        token_file: Option<PathBuf>,
        /// How long to wait for the server, seconds.
        #[serde(default = "default_timeout_s")]
        timeout_s: f64,
    },
}

fn default_partitions() -> u32 {
    16
}

fn default_memory_s() -> u64 {
    30 * 86_400
}

fn default_timeout_s() -> f64 {
    10.0
}

/// What a channel must look like that has no rules of its own.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checks {
    /// Whether rows of a channel without rules are taken at all.
    pub unknown_channel: Admission,
    /// The fields that hold the vehicle's place, in any channel: latitude and longitude, degrees.
    pub max_position_age_s: f64,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            unknown_channel: Admission::Refuse,
            max_position_age_s: 5.0,
        }
    }
}

/// Where rows come from, and what may be said about that.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeofenceConfig {
    /// GeoJSON with the zones.
    pub file: PathBuf,
    /// The policy where no zone is.
    pub outside: Policy,
    /// The jurisdiction where no zone is.
    pub outside_jurisdiction: String,
    /// File with the key of the pseudonyms: 64 hex digits.
    pub key_file: Option<PathBuf>,
    /// The grid that `coarsen` rounds to, degrees.
    #[serde(default = "default_grid")]
    pub grid_deg: f64,
}

fn default_grid() -> f64 {
    0.01
}

/// Seconds of a setting as milliseconds; settings are checked to lie within 0 and a year.
#[must_use]
pub fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}
