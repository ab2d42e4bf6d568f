//! Everything that report, alerts and comparison say about a flight, gathered in one pass with memory that
//! does not grow with the flight.
//!
//! | part | holds |
//! |---|---|
//! | [`Figures`] | the whole |
//! | `collect` | which record goes where |
//! | `envelope` | series for charts and tracks: decimated, least and greatest kept, gaps kept |
//! | `distribution` | quantiles and curves |
//! | `happenings` | spans of the timeline, events |
//! | `accuracy` | errors against the autopilot's receiver, coverage |
//! | `raw_gps` | what only raw frames say |

mod accuracy;
mod collect;
mod distribution;
mod envelope;
mod happenings;
mod raw_gps;

use std::collections::BTreeMap;

use companion::navigator::{Geodetic, SourceLabel};
use fdr_format::records::{AnchorOutcome, TileFailure};

pub use accuracy::{AGE_BINS, Accuracy, FALSE_M, GROSS_M, Group, GroupFigures};
pub use collect::{gather, name_of, said_fix};
pub use distribution::{Distribution, Quantiles};
pub use envelope::{Envelope, Place};
pub use happenings::{Event, Events, Lane, is_serious};

/// Labels in the order of their numbers.
pub const LABELS: [SourceLabel; 3] = [
    SourceLabel::DeadReckoned,
    SourceLabel::VisualPropagated,
    SourceLabel::SatelliteAnchored,
];
/// Their names.
pub const LABEL_NAMES: [&str; 3] = ["dead_reckoned", "visual_propagated", "satellite_anchored"];

/// Number of a label.
pub fn label_index(label: SourceLabel) -> usize {
    match label {
        SourceLabel::DeadReckoned => 0,
        SourceLabel::VisualPropagated => 1,
        SourceLabel::SatelliteAnchored => 2,
    }
}

/// What carries the comparison with truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// The log's own receiver, in windows of denial too: a replay.
    LoggedReceiver,
    /// The autopilot's receiver while the gate believed it: a flight.
    BelievedReceiver,
}

impl Reference {
    /// In words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::LoggedReceiver => "the log's own GPS receiver, denied or not",
            Self::BelievedReceiver => "the autopilot's GPS receiver, while it was believed",
        }
    }
}

/// Series over time. Times count from the start of the flight.
#[derive(Debug)]
pub struct SeriesSet {
    pub radius_95_m: Envelope<f64>,
    pub sigma_m: Envelope<f64>,
    pub error_m: Envelope<f64>,
    pub anchor_age_s: Envelope<f64>,
    pub label: Envelope<f64>,
    pub altitude_m: Envelope<f64>,
    pub gps_altitude_m: Envelope<f64>,
    pub ground_speed_mps: Envelope<f64>,
    pub airspeed_mps: Envelope<f64>,
    pub send_latency_ms: Envelope<f64>,
    pub odometry_latency_ms: Envelope<f64>,
    pub anchor_latency_ms: Envelope<f64>,
    pub durable_lag_ms: Envelope<f64>,
    pub sync_worst_ms: Envelope<f64>,
    pub cpu_percent: Envelope<f64>,
    pub gpu_percent: Envelope<f64>,
    pub ram_percent: Envelope<f64>,
    pub temperature_c: Envelope<f64>,
    pub gps_nis: Envelope<f64>,
    pub anchor_nis: Envelope<f64>,
    pub anchor_innovation_m: Envelope<f64>,
    pub refused_innovation_m: Envelope<f64>,
}

/// Rows of the timeline.
#[derive(Debug, Default)]
pub struct Lanes {
    pub labels: Lane,
    pub fix: Lane,
    pub gps: Lane,
    pub gate: Lane,
    pub blackout: Lane,
    pub thermal: Lane,
    pub recorder: Lane,
}

impl Lanes {
    /// All, with their titles, in the order in which they are drawn.
    pub fn all(&self) -> [(&'static str, &Lane); 7] {
        [
            ("Source label", &self.labels),
            ("Fix offered", &self.fix),
            ("FC GPS", &self.gps),
            ("Spoof gate", &self.gate),
            ("Blackout", &self.blackout),
            ("Thermal", &self.thermal),
            ("Recorder", &self.recorder),
        ]
    }

    fn all_mut(&mut self) -> [&mut Lane; 7] {
        [
            &mut self.labels,
            &mut self.fix,
            &mut self.gps,
            &mut self.gate,
            &mut self.blackout,
            &mut self.thermal,
            &mut self.recorder,
        ]
    }
}

/// Records that were lost, and when that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// When it was recorded, from the start of the flight.
    pub time_ns: u64,
    /// Why, by its name.
    pub cause: String,
    /// How many records.
    pub records: u64,
}

/// A mid-flight tile that was made, or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// When, from the start of the flight.
    pub time_ns: u64,
    /// Web Mercator zoom, column, row from the north.
    pub place: (u8, u32, u32),
    /// Why it was not made.
    pub failure: Option<TileFailure>,
    /// File name of its thumbnail; empty without one.
    pub thumbnail: String,
}

/// The wall clock against the monotonic one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockJump {
    /// When it was noticed, from the start of the flight.
    pub time_ns: u64,
    /// How far, s.
    pub seconds: f64,
}

/// What a flight was.
#[derive(Debug)]
pub struct Figures {
    /// Monotonic time of the start.
    pub start_ns: u64,
    /// Monotonic time of the last record.
    pub end_ns: u64,
    /// What errors are measured against.
    pub reference: Reference,
    /// Whether the camera was configured or a frame was seen.
    pub vision: bool,
    pub positions: u64,
    pub fixes_offered: u64,
    /// Positions by label, in the order of [`LABELS`].
    pub by_label: [u64; LABELS.len()],
    pub series: SeriesSet,
    pub track: Envelope<Place>,
    pub gps_track: Envelope<Place>,
    /// Fixes of the reference, at most one a second, for what is compared afterwards.
    pub fixes: Vec<(u64, Geodetic)>,
    pub lanes: Lanes,
    pub events: Events,
    pub accuracy: Accuracy,
    pub radius_95_m: Distribution,
    pub interval_ms: Distribution,
    /// Deadlines without a position between two that have one.
    pub deadlines_missed: u64,
    pub send_latency_ms: Distribution,
    pub odometry_latency_ms: Distribution,
    pub anchor_latency_ms: Distribution,
    pub durable_lag_ms: Distribution,
    pub sync_worst_ms: Distribution,
    pub cpu_percent: Distribution,
    pub temperature_c: Distribution,
    /// First input of the autopilot to first position, s.
    pub cold_start_s: Option<f64>,
    /// The first position could not come before this: the first place that was known, s.
    pub first_place_s: Option<f64>,
    pub first_position_s: Option<f64>,
    pub home: Option<(Geodetic, &'static str)>,
    pub anchors: BTreeMap<String, u64>,
    pub anchors_accepted: u64,
    pub anchors_without_match: u64,
    pub anchors_decided: u64,
    /// Accepted anchors that lay more than 30 m from the estimate.
    pub anchors_moved_30_m: u64,
    pub anchor_moved_m: Distribution,
    pub gate_refusals: u64,
    pub promotions_ms: Distribution,
    pub promotion_slowest: Option<(u64, u32)>,
    pub thermal_hybrid_s: f64,
    pub key_rotations: Vec<(u64, u32)>,
    pub thermal_switches: Vec<u64>,
    pub losses: Vec<Loss>,
    pub records_lost: u64,
    pub component_failures: Vec<(u64, String)>,
    pub clock_jumps: Vec<ClockJump>,
    pub clock_backward: u64,
    pub tiles: Vec<Tile>,
    pub tiles_made: u64,
    pub tiles_failed: u64,
    /// Longest time as dead_reckoned without a believed GPS: when it began, how long, s.
    pub longest_alone: Option<(u64, f64)>,
    pub distance_m: f64,
    pub ring_free_min_bytes: Option<u64>,
    pub disk_free_min_bytes: Option<u64>,
    /// Bodies that this version cannot read.
    pub unreadable: u64,
}

/// Most fixes that are kept: 28 hours.
pub const FIXES_MAX: usize = 100_000;
/// Most tiles and losses that are listed one by one.
pub const LIST_MAX: usize = 2000;

impl Figures {
    /// Length of the flight, s.
    pub fn duration_s(&self) -> f64 {
        self.end_ns.saturating_sub(self.start_ns) as f64 * 1e-9
    }

    /// Share of positions with a label, by its number.
    pub fn label_share(&self, label: usize) -> f64 {
        self.by_label[label] as f64 / self.positions.max(1) as f64
    }

    /// Share of the flight in which thermal hybrid was active.
    pub fn thermal_share(&self) -> f64 {
        self.thermal_hybrid_s / self.duration_s().max(1e-9)
    }

    /// Share of tiles that could not be made; `None` without tiles.
    pub fn tile_failure_share(&self) -> Option<f64> {
        let all = self.tiles_made + self.tiles_failed;
        (all > 0).then(|| self.tiles_failed as f64 / all as f64)
    }

    /// Share of frames offered to the map that found no match; `None` without any.
    pub fn no_match_share(&self) -> Option<f64> {
        (self.anchors_decided > 0)
            .then(|| self.anchors_without_match as f64 / self.anchors_decided as f64)
    }
}

/// Whether the frame found no place on the map at all.
fn is_no_match(outcome: AnchorOutcome) -> bool {
    match outcome {
        AnchorOutcome::LowTexture
        | AnchorOutcome::LowPeakRatio
        | AnchorOutcome::WindowClipped
        | AnchorOutcome::MethodsDisagree
        | AnchorOutcome::NoMap => true,
        AnchorOutcome::Accepted
        | AnchorOutcome::OutsideGate
        | AnchorOutcome::SequenceDisagrees
        | AnchorOutcome::TooLate
        | AnchorOutcome::Unconfirmed => false,
    }
}
