//! The counts themselves.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::navigator::{
    EmittedExternalPosition, FrameOutcome, Input, MonotonicNs, Output, SourceLabel, SpoofGateStep,
};
use crate::pipeline::Product;

/// A deadline told later than this is missed.
const LATE_NS: u64 = 50_000_000;

/// A histogram with fixed limits, seconds.
#[derive(Debug)]
pub struct Buckets<const N: usize> {
    limits_s: [f64; N],
    counts: [AtomicU64; N],
    count: AtomicU64,
    sum_ns: AtomicU64,
}

impl<const N: usize> Buckets<N> {
    /// An empty one whose buckets end at `limits_s`, ascending.
    #[must_use]
    pub fn new(limits_s: [f64; N]) -> Self {
        Self {
            limits_s,
            counts: [const { AtomicU64::new(0) }; N],
            count: AtomicU64::new(0),
            sum_ns: AtomicU64::new(0),
        }
    }

    /// Counts a duration.
    pub fn add_ns(&self, ns: u64) {
        let seconds = ns as f64 * 1e-9;
        for (limit, count) in self.limits_s.iter().zip(&self.counts) {
            if seconds <= *limit {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Each limit in seconds, and how many durations do not exceed it.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let counts = self.counts.iter().map(load);
        self.limits_s.iter().copied().zip(counts)
    }

    /// How many durations there are, and their sum in seconds.
    #[must_use]
    pub fn totals(&self) -> (u64, f64) {
        (load(&self.count), load(&self.sum_ns) as f64 * 1e-9)
    }
}

/// What is counted. Written by the thread that does the work, read by anybody at any time.
#[derive(Debug)]
pub struct Metrics {
    pub(super) odometry: AtomicU64,
    pub(super) anchors: AtomicU64,
    pub(super) refused_frames: AtomicU64,
    pub(super) matches_accepted: AtomicU64,
    pub(super) matches_refused: AtomicU64,
    pub(super) labels: [AtomicU64; 3],
    pub(super) frame_latency: Buckets<10>,
    pub(super) emission_delay: Buckets<9>,
    pub(super) deadline_misses: AtomicU64,
    pub(super) thermal_hybrid: AtomicU64,
    pub(super) key_rotations: AtomicU64,
    pub(super) link_errors: AtomicU64,
    pub(super) validation_failures: AtomicU64,
    pub(super) horiz_accuracy_m: Gauge,
    pub(super) cold_start_s: Gauge,
    pub(super) promotion_latency_s: Gauge,
    /// Nanoseconds plus one; 0: none.
    first_sensor: AtomicU64,
    exposure: AtomicU64,
}

/// A number that may not be known yet.
#[derive(Debug)]
pub(super) struct Gauge(AtomicU64);

impl Gauge {
    const NOTHING: u64 = f64::NAN.to_bits();

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<f64> {
        let value = f64::from_bits(load(&self.0));
        (!value.is_nan()).then_some(value)
    }
}

impl Default for Gauge {
    fn default() -> Self {
        Self(AtomicU64::new(Self::NOTHING))
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            odometry: zero(),
            anchors: zero(),
            refused_frames: zero(),
            matches_accepted: zero(),
            matches_refused: zero(),
            labels: [const { AtomicU64::new(0) }; 3],
            frame_latency: Buckets::new([0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.5]),
            emission_delay: Buckets::new([1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]),
            deadline_misses: zero(),
            thermal_hybrid: zero(),
            key_rotations: zero(),
            link_errors: zero(),
            validation_failures: zero(),
            horiz_accuracy_m: Gauge::default(),
            cold_start_s: Gauge::default(),
            promotion_latency_s: Gauge::default(),
            first_sensor: zero(),
            exposure: zero(),
        }
    }
}

impl Metrics {
    /// Counts what the pipeline made at `now`.
    pub fn observe(&self, product: &Product<'_>, now: MonotonicNs) {
        match product {
            Product::Input(input) => self.input(input),
            Product::Output(output) => self.output(output),
            Product::SentFcBytes { time, .. } => self.sent(*time, now),
            Product::Checkpoint { .. } => {}
        }
    }

    /// A signing key was set up.
    pub fn key_rotated(&self) {
        self.key_rotations.fetch_add(1, Ordering::Relaxed);
    }

    /// A link was lost, fell silent, or carries garbage.
    pub fn link_error(&self) {
        self.link_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames were refused by their checksum or signature.
    pub fn validation_failed(&self, frames: u64) {
        self.validation_failures
            .fetch_add(frames, Ordering::Relaxed);
    }

    fn input(&self, input: &Input) {
        if input.is_sensor() && load(&self.first_sensor) == 0 {
            let stamp = input.time().0.saturating_add(1);
            self.first_sensor.store(stamp, Ordering::Relaxed);
        }
        match input {
            Input::VisualOdometry(result) => {
                let count = match result.outcome {
                    FrameOutcome::Registered(_) => &self.odometry,
                    FrameOutcome::Refused(_) => &self.refused_frames,
                };
                count.fetch_add(1, Ordering::Relaxed);
                self.exposed(result.exposure);
            }
            Input::SatelliteAnchor(anchor) => {
                self.anchors.fetch_add(1, Ordering::Relaxed);
                self.exposed(anchor.exposure);
            }
            _ => {}
        }
    }

    fn exposed(&self, exposure: MonotonicNs) {
        let stamp = exposure.0.saturating_add(1);
        self.exposure.store(stamp, Ordering::Relaxed);
    }

    fn output(&self, output: &Output) {
        match output {
            Output::Position(position) => self.position(position),
            Output::Anchor(verdict) => {
                let count = match verdict.refusal {
                    None => &self.matches_accepted,
                    Some(_) => &self.matches_refused,
                };
                count.fetch_add(1, Ordering::Relaxed);
            }
            Output::Thermal(switch) => {
                let hybrid = u64::from(switch.to_k < switch.from_k);
                self.thermal_hybrid.store(hybrid, Ordering::Relaxed);
            }
            Output::SpoofGate(event) => {
                if event.step == SpoofGateStep::Promoted
                    && let Some(latency_ms) = event.promotion_latency_ms
                {
                    self.promotion_latency_s.set(f64::from(latency_ms) * 1e-3);
                }
            }
            Output::LabelTransition(_)
            | Output::Event(_)
            | Output::Blackout(_)
            | Output::SearchWindow(_) => {}
        }
    }

    fn position(&self, position: &EmittedExternalPosition) {
        let label = match position.source_label {
            SourceLabel::DeadReckoned => 0,
            SourceLabel::VisualPropagated => 1,
            SourceLabel::SatelliteAnchored => 2,
        };
        self.labels[label].fetch_add(1, Ordering::Relaxed);
        self.horiz_accuracy_m.set(position.horiz_accuracy_m);
        let first = load(&self.first_sensor);
        if self.cold_start_s.get().is_none() && first > 0 {
            let first = MonotonicNs(first - 1);
            self.cold_start_s.set(position.time.seconds_since(first));
        }
    }

    fn sent(&self, deadline: MonotonicNs, now: MonotonicNs) {
        let delay_ns = now.0.saturating_sub(deadline.0);
        self.emission_delay.add_ns(delay_ns);
        if delay_ns > LATE_NS {
            self.deadline_misses.fetch_add(1, Ordering::Relaxed);
        }
        let exposure = self.exposure.swap(0, Ordering::Relaxed);
        if exposure > 0 {
            self.frame_latency
                .add_ns(now.0.saturating_sub(exposure - 1));
        }
    }
}

pub(super) fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
