//! Everything that may leave the navigator.

mod behaviour;

use serde::{Deserialize, Serialize};

use super::units::{Covariance6, Ellipse95, MonotonicNs};
pub use behaviour::{
    AnchorVerdict, BlackoutEvent, BlackoutPhase, BlackoutReason, PositionSource, SearchWindow,
    SpoofGateEvent, SpoofGateReason, SpoofGateStep, ThermalReason, ThermalSwitch, WindowSource,
};

/// One thing the navigator says.
// Nothing is boxed: the core allocates nothing, and outputs are copied once, into the recorder.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Output {
    /// Where the aircraft is.
    Position(EmittedExternalPosition),
    /// What kind of evidence carries the position has changed.
    LabelTransition(SourceLabelTransition),
    /// Something an operator or engineer should know.
    Event(Event),
    /// A step of a visual blackout or of the degradation.
    Blackout(BlackoutEvent),
    /// The gate between the autopilot's GPS and the estimate moved, or refused a sample.
    SpoofGate(SpoofGateEvent),
    /// Vision is asked for another load.
    Thermal(ThermalSwitch),
    /// Where vision is to look on the map.
    SearchWindow(SearchWindow),
    /// What became of an anchor.
    Anchor(AnchorVerdict),
}

impl Output {
    /// How much it matters to the operator; `None` when it is not for a person's eyes.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        match self {
            Self::Position(_) | Self::SearchWindow(_) | Self::Anchor(_) => None,
            Self::LabelTransition(transition) => transition.severity(),
            Self::Event(event) => Some(event.kind.severity()),
            Self::Blackout(event) => Some(event.phase.severity()),
            Self::SpoofGate(event) => Some(event.step.severity()),
            Self::Thermal(_) => Some(Severity::Notice),
        }
    }
}

/// Which evidence carries a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceLabel {
    /// Neither map nor camera: inertial, air data, or the autopilot's own GPS while trusted.
    DeadReckoned,
    /// Camera motion since the last map match.
    VisualPropagated,
    /// A fresh map match; never GPS.
    SatelliteAnchored,
}

/// How far the autopilot may trust the position; ordered by trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FixType {
    /// Not to be used.
    None,
    /// Too coarse to fuse.
    TwoD,
    /// To be fused with the accuracy given.
    ThreeD,
}

/// One emitted position with its honest uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EmittedExternalPosition {
    /// When it is valid: the emission deadline.
    pub time: MonotonicNs,
    /// Geodetic latitude, WGS84.
    pub lat_rad: f64,
    /// Longitude, WGS84.
    pub lon_rad: f64,
    /// Height above mean sea level.
    pub alt_msl_m: f64,
    /// Velocity north, east, down.
    pub vel_ned_mps: [f64; 3],
    /// Covariance of position and velocity error, symmetric and positive definite.
    pub covariance: Covariance6,
    /// Horizontal 95 % ellipse of `covariance`.
    pub ellipse_95: Ellipse95,
    /// Square root of the largest eigenvalue of the horizontal position covariance (1 sigma).
    pub horiz_accuracy_m: f64,
    /// 1-sigma vertical accuracy.
    pub vert_accuracy_m: f64,
    /// Square root of the largest eigenvalue of the velocity covariance (1 sigma).
    pub speed_accuracy_mps: f64,
    /// Evidence behind it.
    pub source_label: SourceLabel,
    /// Age of the last accepted map anchor; `None` before the first.
    pub last_satellite_anchor_age_ms: Option<u32>,
    /// How far the autopilot may trust it.
    pub fix_type: FixType,
}

/// A change of [`SourceLabel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLabelTransition {
    /// When.
    pub time: MonotonicNs,
    /// Label before.
    pub from: SourceLabel,
    /// Label from now on.
    pub to: SourceLabel,
    /// Why.
    pub reason: TransitionReason,
    /// Age of the last accepted map anchor; `None` before the first.
    pub last_satellite_anchor_age_ms: Option<u32>,
}

impl SourceLabelTransition {
    /// How much it matters to the operator. Nothing is said of the first estimate: on the ground the
    /// autopilot's own GPS is trusted.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        match (self.reason, self.to) {
            (TransitionReason::Start, _) => None,
            (_, SourceLabel::DeadReckoned) => Some(Severity::Warning),
            (_, SourceLabel::VisualPropagated | SourceLabel::SatelliteAnchored) => {
                Some(Severity::Info)
            }
        }
    }
}

/// Why a label changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransitionReason {
    /// First estimate of the flight.
    Start,
    /// A map match was accepted.
    AnchorAccepted,
    /// The last map match is older than the limit.
    AnchorStale,
    /// Visual odometry is healthy again.
    OdometryHealthy,
    /// Visual odometry failed or is missing.
    OdometryLost,
    /// No usable camera frame at all.
    Blackout,
    /// There is no estimate any more.
    EstimateLost,
}

/// How much an event matters, as MAVLink's `MAV_SEVERITY` numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Needs action now.
    Critical = 2,
    /// Something failed.
    Error = 3,
    /// May fail soon.
    Warning = 4,
    /// Unusual, not wrong.
    Notice = 5,
    /// For the record.
    Info = 6,
}

/// Something an operator or engineer should know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// When.
    pub time: MonotonicNs,
    /// What.
    pub kind: EventKind,
}

/// What happened in the core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EventKind {
    /// The first position is known.
    EstimatorInitialised {
        /// Where it comes from.
        source: PositionSource,
    },
    /// The estimate stopped being finite or positive definite, or nothing carried it any more, and
    /// was discarded.
    EstimatorLost,
    /// A position is known again after a loss.
    EstimatorRecovered {
        /// Where it comes from.
        source: PositionSource,
    },
    /// The autopilot's GPS stopped delivering usable fixes for longer than the limit.
    FcGpsLost,
    /// The autopilot's GPS is fused again, after this many seconds without.
    FcGpsRegained {
        /// Time without a fused fix.
        gap_s: f64,
    },
    /// A GPS fix lay outside the filter's gate and was not fused; told once for each row of them.
    FcGpsRejected {
        /// Normalised innovation squared of the part that was outside.
        nis: f64,
    },
    /// An input was refused: not finite, out of range or out of order.
    InputRefused,
    /// There was no estimate for longer than 3 s: the autopilot has only its inertial sensors.
    NoEstimateEngaged,
    /// Positions flow again after that.
    NoEstimateRecovered {
        /// Time without an estimate.
        gap_s: f64,
    },
    /// The operator's hint moved the search window.
    OperatorHintTaken,
    /// The autopilot is to use another set of position sources, 1 to 3.
    SourceSetRequested {
        /// The set.
        set: u8,
    },
    /// The autopilot has one satellite receiver only, and it is ours: its GPS cannot be watched.
    SpoofGateUnavailable,
    /// The evidence says that the emitted position is wrong; it is being withdrawn.
    PositionWrong,
}

impl EventKind {
    /// How much it matters.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::EstimatorLost | Self::NoEstimateEngaged | Self::PositionWrong => {
                Severity::Critical
            }
            Self::FcGpsLost => Severity::Warning,
            Self::FcGpsRejected { .. }
            | Self::EstimatorRecovered { .. }
            | Self::NoEstimateRecovered { .. }
            | Self::InputRefused
            | Self::SpoofGateUnavailable => Severity::Notice,
            Self::EstimatorInitialised { .. }
            | Self::FcGpsRegained { .. }
            | Self::OperatorHintTaken
            | Self::SourceSetRequested { .. } => Severity::Info,
        }
    }
}

/// Most outputs that one input can cause.
pub const OUTPUTS_MAX: usize = 16;

/// What one input caused, in order. Holds at most 16; no input can cause more.
#[derive(Debug, Clone)]
pub struct Outputs {
    items: [Option<Output>; OUTPUTS_MAX],
    length: usize,
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            items: [None; OUTPUTS_MAX],
            length: 0,
        }
    }
}

impl Outputs {
    /// Forgets what it holds.
    pub fn clear(&mut self) {
        self.items = [None; OUTPUTS_MAX];
        self.length = 0;
    }

    /// Adds one output.
    pub(super) fn push(&mut self, output: Output) {
        debug_assert!(
            self.length < OUTPUTS_MAX,
            "one input caused more than {OUTPUTS_MAX} outputs"
        );
        if let Some(slot) = self.items.get_mut(self.length) {
            *slot = Some(output);
            self.length += 1;
        }
    }

    /// The outputs in the order in which they were caused.
    pub fn iter(&self) -> impl Iterator<Item = &Output> {
        self.items.iter().flatten()
    }
}
