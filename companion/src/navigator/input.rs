//! Everything that may reach the navigator, in SI units, radians, NED and FRD.
//!
//! Every value carries the companion's monotonic time at which it was valid, as well as the adapter
//! knows it. Each input is recorded as it stands here, bit for bit, so that a flight can be re-run.

mod aids;
mod vision;

use serde::{Deserialize, Serialize};

use super::units::MonotonicNs;
pub use aids::{
    GpsIntegrity, GpsIntegrityState, OperatorHint, PastState, RestartState, SystemHealth,
    TakeoffOrigin, TrustedState,
};
pub use vision::{
    Displacement, FrameExposed, FrameOutcome, FrameRefusal, SatelliteAnchor, VisualOdometry,
};

/// One thing the navigator is told. The order of inputs is the order in which it consumes them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input {
    /// Accelerometer and gyroscope.
    Imu(ImuSample),
    /// The autopilot's own attitude estimate.
    Attitude(Attitude),
    /// Airspeed.
    AirData(AirData),
    /// Static pressure.
    Barometer(Barometer),
    /// The autopilot's own satellite receiver.
    FcGps(FcGps),
    /// What is said of a satellite receiver's signals.
    GpsIntegrity(GpsIntegrity),
    /// What the aircraft is and whether it is armed.
    FlightState(FlightState),
    /// A camera frame is being taken.
    FrameExposed(FrameExposed),
    /// What the odometry made of a frame.
    VisualOdometry(VisualOdometry),
    /// A match of a frame against the map.
    SatelliteAnchor(SatelliteAnchor),
    /// Where the flight was planned to begin.
    TakeoffOrigin(TakeoffOrigin),
    /// The autopilot's last trusted position.
    TrustedState(TrustedState),
    /// The last recorded position before a restart in flight.
    RestartState(RestartState),
    /// Where the operator says the aircraft is.
    OperatorHint(OperatorHint),
    /// State of the machine.
    SystemHealth(SystemHealth),
    /// Time passed; carries the emission deadlines.
    Tick(Tick),
}

impl Input {
    /// When the value was valid; for results of vision, which speak of an earlier exposure, when they
    /// arrived.
    #[must_use]
    pub fn time(&self) -> MonotonicNs {
        match self {
            Self::Imu(sample) => sample.time,
            Self::Attitude(sample) => sample.time,
            Self::AirData(sample) => sample.time,
            Self::Barometer(sample) => sample.time,
            Self::FcGps(sample) => sample.time,
            Self::GpsIntegrity(report) => report.time,
            Self::FlightState(state) => state.time,
            Self::FrameExposed(frame) => frame.time,
            Self::VisualOdometry(result) => result.time,
            Self::SatelliteAnchor(anchor) => anchor.time,
            Self::TakeoffOrigin(origin) => origin.time,
            Self::TrustedState(state) => state.time,
            Self::RestartState(state) => state.time,
            Self::OperatorHint(hint) => hint.time,
            Self::SystemHealth(health) => health.time,
            Self::Tick(tick) => tick.time,
        }
    }
}

impl Input {
    /// Whether it measures how the aircraft moves.
    #[must_use]
    pub fn is_sensor(&self) -> bool {
        match self {
            Self::Imu(_)
            | Self::Attitude(_)
            | Self::AirData(_)
            | Self::Barometer(_)
            | Self::FcGps(_)
            | Self::VisualOdometry(_)
            | Self::SatelliteAnchor(_) => true,
            Self::GpsIntegrity(_)
            | Self::FlightState(_)
            | Self::FrameExposed(_)
            | Self::TakeoffOrigin(_)
            | Self::TrustedState(_)
            | Self::RestartState(_)
            | Self::OperatorHint(_)
            | Self::SystemHealth(_)
            | Self::Tick(_) => false,
        }
    }
}

/// One inertial sample, as the autopilot calibrated it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ImuSample {
    /// When it was measured.
    pub time: MonotonicNs,
    /// Specific force in the body frame (forward, right, down); level and at rest about (0, 0, -9.81).
    pub specific_force_frd_mps2: [f64; 3],
    /// Angular rate in the body frame.
    pub angular_rate_frd_radps: [f64; 3],
}

/// The autopilot's attitude estimate: Euler angles, yaw-pitch-roll order, body FRD against NED.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Attitude {
    /// When it was valid.
    pub time: MonotonicNs,
    /// Roll, right wing down positive.
    pub roll_rad: f64,
    /// Pitch, nose up positive.
    pub pitch_rad: f64,
    /// Yaw against true north, clockwise positive.
    pub yaw_rad: f64,
    /// Body angular rate.
    pub angular_rate_frd_radps: [f64; 3],
}

/// Indicated (not true) airspeed from a differential pressure sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AirData {
    /// When it was measured.
    pub time: MonotonicNs,
    /// Indicated airspeed: the one that gives the measured pressure at sea-level density.
    pub indicated_airspeed_mps: f64,
}

/// Static pressure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Barometer {
    /// When it was measured.
    pub time: MonotonicNs,
    /// Static pressure, pascal.
    pub static_pressure_pa: f64,
    /// Temperature that the autopilot reports with it, kelvin; not always the outside air's.
    pub temperature_k: f64,
}

/// What a satellite receiver says of its own fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpsFix {
    /// No position.
    None,
    /// Horizontal position only.
    TwoD,
    /// Full position, of any quality from plain to RTK.
    ThreeD,
}

/// One report of the autopilot's own satellite receiver. Never our own echo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FcGps {
    /// When the report arrived; receivers lag by 0 to 0.3 s.
    pub time: MonotonicNs,
    /// Receiver instance, 0-based.
    pub instance: u8,
    /// Kind of fix.
    pub fix: GpsFix,
    /// Geodetic latitude, WGS84.
    pub lat_rad: f64,
    /// Longitude, WGS84.
    pub lon_rad: f64,
    /// Height above mean sea level.
    pub alt_msl_m: f64,
    /// Speed and direction of travel, where the receiver gives both: north and east.
    pub velocity_ne_mps: Option<[f64; 2]>,
    /// 1-sigma horizontal accuracy, where given.
    pub horiz_accuracy_m: Option<f64>,
    /// 1-sigma vertical accuracy, where given.
    pub vert_accuracy_m: Option<f64>,
    /// 1-sigma speed accuracy, where given.
    pub speed_accuracy_mps: Option<f64>,
    /// Satellites used, where given.
    pub satellites: Option<u8>,
}

/// How the aircraft stays up; decides which aerodynamic assumptions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Airframe {
    /// Flies along its nose, with little sideslip.
    FixedWing,
    /// May fly in any direction.
    Rotary,
    /// Not known: no aerodynamic assumption is made.
    Unknown,
}

/// What the autopilot says of the aircraft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlightState {
    /// When it was reported.
    pub time: MonotonicNs,
    /// Motors armed.
    pub armed: bool,
    /// Kind of aircraft.
    pub airframe: Airframe,
}

/// The time is now `time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Now.
    pub time: MonotonicNs,
}
