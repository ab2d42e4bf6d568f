//! Settings of the flight-controller link.

use serde::{Deserialize, Serialize};

use crate::link::LinkAddress;
use crate::navigator::AutopilotTraits;

/// Which autopilot is told the positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AutopilotKind {
    /// ArduPilot: `GPS_INPUT` over MAVLink 2.
    ArduPilot,
    /// iNav: `MSP2_SENSOR_GPS` over MSP version 2.
    INav,
}

/// Settings of the flight-controller link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutopilotConfig {
    /// Which autopilot is told the positions.
    pub kind: AutopilotKind,
    /// The vehicle's MAVLink system id, 1..=255; without it, the first autopilot heard is the vehicle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_id: Option<u8>,
    /// The autopilot's receiver instance that is ours: 0 (its first, `GPS1_TYPE` 14) or 1 (its second,
    /// `GPS2_TYPE` 14). What it reports of this one is our own output and is never taken as GPS.
    pub gps_id: u8,
    /// Where the link leads; needed to fly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<LinkAddress>,
    /// Whether a fresh signing key is installed for each flight (ArduPilot only).
    pub signing: bool,
    /// Whether, while frames are signed, an operator's position estimate is taken unsigned.
    pub unsigned_hints: bool,
    /// How often the autopilot is asked for its messages (ArduPilot only).
    pub rates: StreamRates,
}

/// How often ArduPilot is asked for its messages, Hz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamRates {
    /// Inertial samples.
    pub imu_hz: u16,
    /// Attitude.
    pub attitude_hz: u16,
    /// Airspeed and pressure.
    pub air_hz: u16,
    /// Reports of the satellite receivers.
    pub gps_hz: u16,
}

impl Default for StreamRates {
    fn default() -> Self {
        Self {
            imu_hz: 100,
            attitude_hz: 50,
            air_hz: 10,
            gps_hz: 5,
        }
    }
}

impl AutopilotKind {
    /// What the core must know of it.
    #[must_use]
    pub fn traits(self) -> AutopilotTraits {
        match self {
            Self::ArduPilot => AutopilotTraits {
                returns_unchecked: true,
                gps_watchable: true,
            },
            Self::INav => AutopilotTraits {
                returns_unchecked: false,
                gps_watchable: false,
            },
        }
    }
}

impl Default for AutopilotConfig {
    fn default() -> Self {
        Self {
            kind: AutopilotKind::ArduPilot,
            system_id: None,
            gps_id: 1,
            address: None,
            signing: false,
            unsigned_hints: false,
            rates: StreamRates::default(),
        }
    }
}
