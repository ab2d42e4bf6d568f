//! What the companion can say in a scenario, as one flat list of words.

use companion::navigator::{BlackoutPhase, EventKind, Output, SpoofGateStep};
use serde::Deserialize;

/// One thing said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // Each is the name of one kind of output; it is documented there.
pub enum Word {
    EstimatorInitialised,
    EstimatorLost,
    EstimatorRecovered,
    FcGpsLost,
    FcGpsRegained,
    FcGpsRejected,
    InputRefused,
    NoEstimateEngaged,
    NoEstimateRecovered,
    OperatorHintTaken,
    SourceSetRequested,
    SpoofGateUnavailable,
    PositionWrong,
    BlackoutEntered,
    BlackoutImuOnly,
    RelocalisationRequested,
    BlackoutFailsafe,
    BlackoutLeft,
    GateClosed,
    GateRejected,
    GateHoldRestarted,
    GatePromoted,
    ThermalSwitch,
    SearchWindow,
    AnchorAccepted,
    AnchorRefused,
    LabelChanged,
}

impl Word {
    /// The word for `output`; positions are no words.
    #[must_use]
    pub fn of(output: &Output) -> Option<Self> {
        Some(match output {
            Output::Position(_) => return None,
            Output::LabelTransition(_) => Self::LabelChanged,
            Output::Event(event) => Self::of_event(&event.kind),
            Output::Blackout(event) => match event.phase {
                BlackoutPhase::Entered => Self::BlackoutEntered,
                BlackoutPhase::ImuOnly => Self::BlackoutImuOnly,
                BlackoutPhase::RelocalisationRequested => Self::RelocalisationRequested,
                BlackoutPhase::Failsafe => Self::BlackoutFailsafe,
                BlackoutPhase::Left => Self::BlackoutLeft,
            },
            Output::SpoofGate(event) => match event.step {
                SpoofGateStep::Closed => Self::GateClosed,
                SpoofGateStep::Rejected => Self::GateRejected,
                SpoofGateStep::HoldRestarted => Self::GateHoldRestarted,
                SpoofGateStep::Promoted => Self::GatePromoted,
            },
            Output::Thermal(_) => Self::ThermalSwitch,
            Output::SearchWindow(_) => Self::SearchWindow,
            Output::Anchor(verdict) if verdict.refusal.is_none() => Self::AnchorAccepted,
            Output::Anchor(_) => Self::AnchorRefused,
        })
    }

    fn of_event(kind: &EventKind) -> Self {
        match kind {
            EventKind::EstimatorInitialised { .. } => Self::EstimatorInitialised,
            EventKind::EstimatorLost => Self::EstimatorLost,
            EventKind::EstimatorRecovered { .. } => Self::EstimatorRecovered,
            EventKind::FcGpsLost => Self::FcGpsLost,
            EventKind::FcGpsRegained { .. } => Self::FcGpsRegained,
            EventKind::FcGpsRejected { .. } => Self::FcGpsRejected,
            EventKind::InputRefused => Self::InputRefused,
            EventKind::NoEstimateEngaged => Self::NoEstimateEngaged,
            EventKind::NoEstimateRecovered { .. } => Self::NoEstimateRecovered,
            EventKind::OperatorHintTaken => Self::OperatorHintTaken,
            EventKind::SourceSetRequested { .. } => Self::SourceSetRequested,
            EventKind::SpoofGateUnavailable => Self::SpoofGateUnavailable,
            EventKind::PositionWrong => Self::PositionWrong,
        }
    }
}
