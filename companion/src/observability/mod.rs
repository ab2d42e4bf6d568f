//! What the program says of itself while it runs: its log, and outside production its metrics.
//!
//! ```text
//! any thread -- tracing --> capture (level, coordinate rule) -> bounded queue -> log thread -> journald
//!                                                                                         |-> JSON on stdout
//!                                                                                         +-> recorder (WARN and above)
//! ```
//!
//! A thread that logs never waits: a full queue refuses the newest line and counts it. A line below WARN
//! that holds coordinates is withheld, whoever wrote it.

mod capture;
mod config;
mod coordinates;
mod line;
mod log_thread;
pub mod metrics;
mod sink;

pub use config::{LogConfig, LogForm, LogLevel, MetricsConfig};
pub use coordinates::{names_coordinates, shows_coordinates};
pub use line::Line;
pub use log_thread::{LogError, LogLosses, LogOptions, LogPlace, Logs, QUEUE_LINES};
