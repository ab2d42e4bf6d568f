//! Figures of a flight for the bench: counted by the navigator's thread without a lock, served outside
//! production in the text format of Prometheus.
//!
//! | metric | kind | what |
//! |---|---|---|
//! | `gps_denied_frame_processed_total{strategy}` | counter | results of vision: `odometry`, `anchor`, `refused` |
//! | `gps_denied_frame_emit_latency_seconds` | histogram | exposure of a frame to the next position told to the autopilot |
//! | `gps_denied_source_label_total{label}` | counter | positions by label |
//! | `gps_denied_vpr_match_rate` | gauge | share of map matches that were accepted |
//! | `gps_denied_thermal_hybrid_active` | gauge | 1 while vision's load is lightened |
//! | `gps_denied_fdr_segment_drops_total` | counter | segments and blocks of the recording dropped |
//! | `gps_denied_fdr_size_bytes` | gauge | what the flight takes of the device |
//! | `gps_denied_signing_key_rotations_total` | counter | MAVLink signing keys set up |
//! | `gps_denied_horiz_accuracy_m` | gauge | 1-sigma horizontal accuracy last told |
//! | `gps_denied_cold_start_seconds` | gauge | first sensor sample to first position |
//! | `gps_denied_spoofing_promotion_latency_seconds` | gauge | all conditions holding to the autopilot's GPS in force |
//! | `gps_denied_cycle_deadline_misses_total` | counter | emission deadlines told more than 50 ms late |
//! | `gps_denied_emission_delay_seconds` | histogram | emission deadline to bytes handed to the link |
//! | `gps_denied_link_errors_total` | counter | link faults: lost, silent, garbage |
//! | `gps_denied_fdr_flush_p99_seconds` | gauge | 99th percentile of the recorder's syncs |
//! | `gps_denied_fdr_durable_age_seconds` | gauge | age of the newest record that is durable |
//! | `gps_denied_fdr_records_refused_total` | counter | records that a full ring refused |
//! | `gps_denied_validation_failures_total` | counter | frames refused by their checksum or signature |
//! | `process_*` | | processor time, memory, open files, start |
//! | `jetson_stats_*` | gauge | the board's zones, rails, graphics load, throttling |
//!
//! The kinds are Prometheus'. A gauge that has no value yet is absent.

mod counts;
#[cfg(any(feature = "tier1", feature = "tier2"))]
mod endpoint;
#[cfg(any(feature = "tier1", feature = "tier2"))]
mod exposition;
#[cfg(any(feature = "tier1", feature = "tier2"))]
mod process;

pub use counts::{Buckets, Metrics};
#[cfg(any(feature = "tier1", feature = "tier2"))]
pub use endpoint::{EndpointError, MetricsEndpoint};
#[cfg(any(feature = "tier1", feature = "tier2"))]
pub use exposition::{Scrape, render};
