//! Positions that come from elsewhere: the signed take-off origin, the autopilot's last trusted state,
//! the recording of an earlier run of this process, the operator; and what is said of the receiver
//! and of the machine.

use serde::{Deserialize, Serialize};

use crate::navigator::units::MonotonicNs;

/// The take-off origin of the signed flight plan, checked elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TakeoffOrigin {
    /// When it was given.
    pub time: MonotonicNs,
    /// Geodetic latitude, WGS84.
    pub lat_rad: f64,
    /// Longitude, WGS84.
    pub lon_rad: f64,
    /// Height above mean sea level, m.
    pub alt_msl_m: f64,
    /// 1-sigma horizontal accuracy, m.
    pub horiz_accuracy_m: f64,
    /// 1-sigma vertical accuracy, m.
    pub vert_accuracy_m: f64,
}

/// A position and velocity of some age.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PastState {
    /// When it arrived.
    pub time: MonotonicNs,
    /// Geodetic latitude, WGS84.
    pub lat_rad: f64,
    /// Longitude, WGS84.
    pub lon_rad: f64,
    /// Height above mean sea level, m.
    pub alt_msl_m: f64,
    /// Velocity north, east, down, m/s.
    pub velocity_ned_mps: [f64; 3],
    /// 1-sigma horizontal accuracy at its time, m.
    pub horiz_accuracy_m: f64,
    /// 1-sigma vertical accuracy at its time, m.
    pub vert_accuracy_m: f64,
    /// How old it was when it arrived, s.
    pub age_s: f64,
}

/// The autopilot's own position while it was last trusted.
pub type TrustedState = PastState;

/// The last position recorded before this process was started again in flight.
pub type RestartState = PastState;

/// Where the operator says the aircraft is (`MAV_CMD_EXTERNAL_POSITION_ESTIMATE`, 43003).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatorHint {
    /// When it arrived.
    pub time: MonotonicNs,
    /// Link on which it arrived.
    pub link: u8,
    /// MAVLink system that sent it.
    pub sender_system: u8,
    /// MAVLink component that sent it.
    pub sender_component: u8,
    /// Geodetic latitude, WGS84.
    pub lat_rad: f64,
    /// Longitude, WGS84.
    pub lon_rad: f64,
    /// 1-sigma horizontal accuracy, m.
    pub horiz_accuracy_m: f64,
    /// Age of the estimate when it was sent, where the operator gave it, s.
    pub age_s: Option<f64>,
}

/// What a receiver, or the autopilot on its behalf, says of the signals it receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpsIntegrity {
    /// When it was said.
    pub time: MonotonicNs,
    /// Receiver instance, 0-based.
    pub instance: u8,
    /// What was said.
    pub state: GpsIntegrityState,
}

/// Verdict on the received signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpsIntegrityState {
    /// Nothing suspicious.
    Clean,
    /// Jamming was found.
    Jammed,
    /// Spoofing was found.
    Spoofed,
    /// The receiver's clock jumped against ours.
    TimeJumped,
}

/// State of the machine, once a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SystemHealth {
    /// When it was sampled.
    pub time: MonotonicNs,
    /// Processor load over all cores, 0 to 100.
    pub cpu_percent: f64,
    /// Graphics processor load, 0 to 100, where there is one.
    pub gpu_percent: Option<f64>,
    /// Hottest sensor, where there is one.
    pub temperature_c: Option<f64>,
    /// Whether the machine slows itself down, for heat or power.
    pub throttled: bool,
    /// Main memory in use.
    pub ram_used_bytes: u64,
    /// Main memory.
    pub ram_total_bytes: u64,
    /// Graphics memory in use, where it is separate.
    pub vram_used_bytes: Option<u64>,
    /// Graphics memory, where it is separate.
    pub vram_total_bytes: Option<u64>,
    /// Free space of the recording's file system.
    pub nvm_free_bytes: u64,
    /// Size of the recording's file system.
    pub nvm_total_bytes: u64,
}
