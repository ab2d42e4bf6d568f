//! The figures that a ground station shows, once a second, as NAMED_VALUE_FLOAT.
//!
//! | name | what |
//! |---|---|
//! | `H_ACC_M`, `V_ACC_M` | 1-sigma accuracy of the last position |
//! | `VIO_HEALTH` | share of usable frames among the last ten, 0 without a camera |
//! | `ANCHOR_S` | age of the last map anchor, -1 before the first |
//! | `CPU_PCT`, `GPU_PCT`, `TEMP_C` | the machine |
//! | `SRC_LBL` | 0 dead_reckoned, 1 visual_propagated, 2 satellite_anchored |
//!
//! A figure that is not known is not sent.
//!
//! Source: MAVLink common 251.

use mavlink::dialects::ardupilotmega::{MavMessage, NAMED_VALUE_FLOAT_DATA};

use crate::navigator::{
    EmittedExternalPosition, FrameOutcome, Input, MonotonicNs, Output, SourceLabel, SystemHealth,
};

const PERIOD_NS: u64 = 1_000_000_000;
const FRAMES: u32 = 10;

/// The figures.
#[derive(Debug, Default)]
pub struct Values {
    position: Option<EmittedExternalPosition>,
    health: Option<SystemHealth>,
    /// Which of the last frames were usable, newest in the lowest bit.
    frames: u16,
    due: MonotonicNs,
}

impl Values {
    /// What the navigator was told.
    pub fn hear_input(&mut self, input: &Input) {
        match input {
            Input::SystemHealth(health) => self.health = Some(*health),
            Input::VisualOdometry(result) => {
                let usable = matches!(result.outcome, FrameOutcome::Registered(_));
                self.frames = (self.frames << 1) | u16::from(usable);
            }
            _ => {}
        }
    }

    /// What the navigator said.
    pub fn hear_output(&mut self, output: &Output) {
        if let Output::Position(position) = output {
            self.position = Some(*position);
        }
    }

    /// The last position.
    #[must_use]
    pub fn position(&self) -> Option<&EmittedExternalPosition> {
        self.position.as_ref()
    }

    /// When the next figures are due.
    #[must_use]
    pub fn next_deadline(&self) -> MonotonicNs {
        self.due
    }

    /// The messages that are due.
    pub fn poll(&mut self, now: MonotonicNs) -> Vec<MavMessage> {
        if now < self.due {
            return Vec::new();
        }
        self.due = MonotonicNs(now.0.saturating_add(PERIOD_NS));
        let known = self.figures();
        let time_boot_ms = (now.0 / 1_000_000) as u32;
        let message = |(name, value): (&str, f64)| {
            let mut bytes = [0; 10];
            for (to, from) in bytes.iter_mut().zip(name.bytes()) {
                *to = from;
            }
            MavMessage::NAMED_VALUE_FLOAT(NAMED_VALUE_FLOAT_DATA {
                time_boot_ms,
                value: value as f32,
                name: bytes.into(),
            })
        };
        known.into_iter().flatten().map(message).collect()
    }

    fn figures(&self) -> [Option<(&'static str, f64)>; 8] {
        let position = self.position.as_ref();
        let of = |name, value: Option<f64>| value.map(|value| (name, value));
        let usable = (self.frames & ((1 << FRAMES) - 1)).count_ones();
        let anchor_s = position.map(|position| {
            position
                .last_satellite_anchor_age_ms
                .map_or(-1.0, |ms| f64::from(ms) * 1e-3)
        });
        let label = position.map(|position| match position.source_label {
            SourceLabel::DeadReckoned => 0.0,
            SourceLabel::VisualPropagated => 1.0,
            SourceLabel::SatelliteAnchored => 2.0,
        });
        let health = self.health.as_ref();
        [
            of(
                "H_ACC_M",
                position.map(|position| position.horiz_accuracy_m),
            ),
            of("V_ACC_M", position.map(|position| position.vert_accuracy_m)),
            of("VIO_HEALTH", Some(f64::from(usable) / f64::from(FRAMES))),
            of("ANCHOR_S", anchor_s),
            of("CPU_PCT", health.map(|health| health.cpu_percent)),
            of("GPU_PCT", health.and_then(|health| health.gpu_percent)),
            of("TEMP_C", health.and_then(|health| health.temperature_c)),
            of("SRC_LBL", label),
        ]
    }
}
