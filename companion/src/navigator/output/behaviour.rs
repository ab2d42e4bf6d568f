//! What the machines of the navigator's behaviour say: blackout, spoof gate, heat, search, anchors.

use serde::{Deserialize, Serialize};

use super::Severity;
use crate::navigator::{estimator::AnchorRefusal, units::MonotonicNs};

/// Where the first position of an estimate came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PositionSource {
    /// The recording of this flight, before the process was started again.
    Restart,
    /// The take-off origin of the signed flight plan.
    SignedOrigin,
    /// The autopilot's last trusted state.
    TrustedState,
    /// A fix of the autopilot's GPS.
    FcGps,
}

/// A step of a visual blackout or of the degradation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlackoutEvent {
    /// When.
    pub time: MonotonicNs,
    /// Which step.
    pub phase: BlackoutPhase,
    /// Why.
    pub reason: BlackoutReason,
    /// When the last usable frame arrived; `None` before the first.
    pub last_usable_frame: Option<MonotonicNs>,
    /// Semi-major axis of the 95 % ellipse, m; infinite without an estimate.
    pub radius_95_m: f64,
    /// Age of the last accepted map anchor; `None` before the first.
    pub last_satellite_anchor_age_ms: Option<u32>,
}

/// The steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlackoutPhase {
    /// `VISUAL_BLACKOUT` entered: nothing usable for long enough.
    Entered,
    /// `VISUAL_BLACKOUT_IMU_ONLY`: still nothing, told once a second.
    ImuOnly,
    /// `OPERATOR_RELOC_REQUEST`: the operator is asked where the aircraft is.
    RelocalisationRequested,
    /// `VISUAL_BLACKOUT_FAILSAFE`: the position is withdrawn.
    Failsafe,
    /// `VISUAL_BLACKOUT` left: frames are usable again.
    Left,
}

impl BlackoutPhase {
    /// How much it matters.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Entered | Self::ImuOnly | Self::Left => Severity::Notice,
            Self::RelocalisationRequested => Severity::Warning,
            Self::Failsafe => Severity::Critical,
        }
    }
}

/// Why vision sees nothing, sees again, or the position is withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlackoutReason {
    /// No frame arrives.
    NoFrames,
    /// Cloud, darkness, water.
    NoTexture,
    /// Frames arrive and none can be used, for another reason.
    FramesUnusable,
    /// The 95 % radius passed its limit.
    RadiusLimit,
    /// It lasted longer than its limit with nothing to carry the position.
    Duration,
    /// The estimate was lost or is known to be wrong.
    EstimateLost,
    /// Frames are usable again.
    FramesUsable,
}

/// The spoof gate moved, or refused a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpoofGateEvent {
    /// When.
    pub time: MonotonicNs,
    /// What happened.
    pub step: SpoofGateStep,
    /// Which sign or condition decided it.
    pub reason: SpoofGateReason,
    /// Receiver instance, 0-based.
    pub gps_instance: u8,
    /// Distance of the GPS sample from our estimate or from the anchor, m, where both existed.
    pub distance_m: Option<f64>,
    /// How long the reports had been stable and unspoofed, ms.
    pub stable_ms: u32,
    /// From all conditions holding to GPS in force, when promoted, ms.
    pub promotion_latency_ms: Option<u32>,
}

/// What the spoof gate did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpoofGateStep {
    /// Closed: GPS is no longer believed.
    Closed,
    /// A sample was refused while closed.
    Rejected,
    /// A condition failed and the stable time starts again.
    HoldRestarted,
    /// Opened: GPS is believed again.
    Promoted,
}

impl SpoofGateStep {
    /// How much it matters.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Closed | Self::Rejected | Self::HoldRestarted => Severity::Notice,
            Self::Promoted => Severity::Info,
        }
    }
}

/// Which sign or condition moved the spoof gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpoofGateReason {
    /// The receiver or the autopilot reported jamming or spoofing.
    Reported,
    /// A jump beyond what the estimate, or the sample before, allows.
    PositionJump,
    /// GPS velocity disagrees with what airspeed and wind say.
    VelocityMismatch,
    /// The receiver's clock jumped.
    TimeJump,
    /// A map anchor disagrees.
    AnchorDisagrees,
    /// Too far from our estimate.
    TooFar,
    /// Reports stopped or lost their fix.
    FixLost,
    /// All conditions hold.
    AllConditionsHold,
    /// Nothing speaks against it, but not for long enough yet.
    HoldRunning,
    /// Nothing speaks against it, but no map anchor has agreed yet.
    AnchorAwaited,
}

/// Vision is asked for another load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThermalSwitch {
    /// When.
    pub time: MonotonicNs,
    /// Frames per keyframe (K) before.
    pub from_k: u8,
    /// Frames per keyframe (K) from now on.
    pub to_k: u8,
    /// Why.
    pub reason: ThermalReason,
    /// Hottest sensor, degrees Celsius, where there is one.
    pub temperature_c: Option<f64>,
}

/// Why the vision load was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThermalReason {
    /// Hotter than the limit.
    Hot,
    /// The machine slows itself down.
    Throttled,
    /// Cool again for long enough.
    Recovered,
}

/// Where vision is to look on the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchWindow {
    /// When.
    pub time: MonotonicNs,
    /// Centre: geodetic latitude, WGS84.
    pub lat_rad: f64,
    /// Centre: longitude, WGS84.
    pub lon_rad: f64,
    /// Three sigma around it, m.
    pub radius_m: f64,
    /// Whose place it is.
    pub source: WindowSource,
}

/// Whose place a search window lies around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowSource {
    /// Our own again: from here on vision searches around the emitted position.
    Estimate,
    /// The operator's.
    OperatorHint,
}

/// What became of a map anchor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnchorVerdict {
    /// When it was decided.
    pub time: MonotonicNs,
    /// Number of the frame.
    pub frame: u64,
    /// Middle of the exposure.
    pub exposure: MonotonicNs,
    /// Why it was not fused; `None` when it was.
    pub refusal: Option<AnchorRefusal>,
    /// Geodetic latitude of the match, WGS84.
    pub lat_rad: f64,
    /// Longitude of the match, WGS84.
    pub lon_rad: f64,
    /// Offset of the match from the estimate at the exposure, north and east, m, where known.
    pub innovation_ne_m: Option<[f64; 2]>,
    /// Normalised innovation squared, two degrees of freedom, where it was computed.
    pub nis: Option<f64>,
    /// Correlation at the peak, 0 to 1.
    pub score: f64,
    /// Peak over the second peak.
    pub peak_ratio: f64,
}
