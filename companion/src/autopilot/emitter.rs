//! Positions to the bytes that go to the flight controller.
//!
//! A position that is lost is withdrawn with a packet (fix 1 on ArduPilot, 0 on iNav): silence would
//! be noticed only after seconds.

use serde::{Deserialize, Serialize};

use super::ardupilot::{GPS_INPUT_FRAME_MAX, gps_input, gps_input_frame};
use super::inav::SensorGps;
use super::{AutopilotConfig, AutopilotKind};
use crate::navigator::{EmittedExternalPosition, FixType, MonotonicNs};

/// Our component id: `MAV_COMP_ID_ONBOARD_COMPUTER`. Never 1, which an autopilot takes for itself.
pub const COMPANION_COMPONENT: u8 = 191;

/// Most bytes that one position becomes.
pub const EMITTED_MAX: usize = GPS_INPUT_FRAME_MAX;

/// The bytes of one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmittedBytes {
    bytes: [u8; EMITTED_MAX],
    length: usize,
}

impl EmittedBytes {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn of(bytes: &[u8]) -> Self {
        let mut emitted = Self {
            bytes: [0; EMITTED_MAX],
            length: bytes.len().min(EMITTED_MAX),
        };
        emitted.bytes[..emitted.length].copy_from_slice(&bytes[..emitted.length]);
        emitted
    }
}

/// Turns each position into one frame in the language of the configured autopilot; keeps the link's
/// sequence number. Deterministic: the same positions give the same bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Emitter {
    language: Language,
    latest: Option<EmittedExternalPosition>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Language {
    /// `GPS_INPUT` over MAVLink 2.
    ArduPilot {
        /// The vehicle's system id.
        system: u8,
        /// Receiver instance that is ours.
        gps_id: u8,
        /// Number of the next frame.
        sequence: u8,
    },
    /// `MSP2_SENSOR_GPS` over MSP version 2.
    INav,
}

/// System id of a vehicle that was never told one, in every autopilot's factory settings.
const SYSTEM_DEFAULT: u8 = 1;

impl Emitter {
    /// An emitter for the configured autopilot; where no system id is configured, 1.
    #[must_use]
    pub fn new(config: &AutopilotConfig) -> Self {
        let language = match config.kind {
            AutopilotKind::ArduPilot => Language::ArduPilot {
                system: config.system_id.unwrap_or(SYSTEM_DEFAULT),
                gps_id: config.gps_id,
                sequence: 0,
            },
            AutopilotKind::INav => Language::INav,
        };
        Self {
            language,
            latest: None,
        }
    }

    /// The frame for a deadline at `time` that has no position: the latest one, not to be used.
    /// `None` before the first position, when there is nothing to withdraw.
    pub fn withdraw(&mut self, time: MonotonicNs) -> Option<EmittedBytes> {
        let latest = self.latest?;
        let withdrawn = EmittedExternalPosition {
            time,
            fix_type: FixType::None,
            ..latest
        };
        Some(self.emit(&withdrawn))
    }

    /// The frame for `position`.
    pub fn emit(&mut self, position: &EmittedExternalPosition) -> EmittedBytes {
        self.latest = Some(*position);
        match &mut self.language {
            Language::ArduPilot {
                system,
                gps_id,
                sequence,
            } => {
                let mut buffer = [0; GPS_INPUT_FRAME_MAX];
                let message = gps_input(position, *gps_id);
                let frame = gps_input_frame(
                    &message,
                    *system,
                    COMPANION_COMPONENT,
                    *sequence,
                    &mut buffer,
                );
                *sequence = sequence.wrapping_add(1);
                EmittedBytes::of(frame)
            }
            Language::INav => EmittedBytes::of(&SensorGps::from_position(position).frame()),
        }
    }
}
