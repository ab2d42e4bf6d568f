//! What the parts of the program say, as a person should read it. Coordinates are in none of it.

use crate::navigator::{
    BlackoutEvent, BlackoutPhase, BlackoutReason, EventKind, Output, PositionSource, Severity,
    SourceLabel, SourceLabelTransition, SpoofGateEvent, SpoofGateReason, SpoofGateStep,
    ThermalReason, TransitionReason,
};

/// What an output says to the ground station; `None` when it is not for a person's eyes.
#[must_use]
pub fn of_output(output: &Output) -> Option<(Severity, String)> {
    let severity = output.severity()?;
    let text = match output {
        Output::Position(_) | Output::SearchWindow(_) | Output::Anchor(_) => return None,
        Output::LabelTransition(transition) => of_transition(transition),
        Output::Event(event) => of_event(&event.kind),
        Output::Blackout(event) => of_blackout(event),
        Output::SpoofGate(event) => of_gate(event),
        Output::Thermal(switch) => {
            let why = match switch.reason {
                ThermalReason::Hot => "hot",
                ThermalReason::Throttled => "throttled",
                ThermalReason::Recovered => "cool again",
            };
            format!(
                "thermal switch K {} to {}, {why}",
                switch.from_k, switch.to_k
            )
        }
    };
    Some((severity, text))
}

fn of_transition(transition: &SourceLabelTransition) -> String {
    let label = match transition.to {
        SourceLabel::DeadReckoned => "dead_reckoned",
        SourceLabel::VisualPropagated => "visual_propagated",
        SourceLabel::SatelliteAnchored => "satellite_anchored",
    };
    let why = match transition.reason {
        TransitionReason::Start => "start",
        TransitionReason::AnchorAccepted => "map match",
        TransitionReason::AnchorStale => "map match is old",
        TransitionReason::OdometryHealthy => "odometry is back",
        TransitionReason::OdometryLost => "odometry lost",
        TransitionReason::Blackout => "blackout",
        TransitionReason::EstimateLost => "estimate lost",
    };
    let anchor = transition.last_satellite_anchor_age_ms.map_or_else(
        || "no anchor yet".to_owned(),
        |ms| format!("anchor {:.1} s ago", f64::from(ms) * 1e-3),
    );
    format!("{label}: {why}, {anchor}")
}

fn of_event(kind: &EventKind) -> String {
    match kind {
        EventKind::EstimatorInitialised { source } => {
            format!("position from {}", of_source(*source))
        }
        EventKind::EstimatorLost => "estimator lost".to_owned(),
        EventKind::EstimatorRecovered { source } => {
            format!("estimator recovered from {}", of_source(*source))
        }
        EventKind::FcGpsLost => "FC GPS lost".to_owned(),
        EventKind::FcGpsRegained { gap_s } => format!("FC GPS back after {gap_s:.0} s"),
        EventKind::FcGpsRejected { .. } => "FC GPS rejected: disagrees".to_owned(),
        EventKind::InputRefused => "input refused".to_owned(),
        EventKind::NoEstimateEngaged => "no position: FC is on IMU only".to_owned(),
        EventKind::NoEstimateRecovered { gap_s } => format!("position back after {gap_s:.1} s"),
        EventKind::OperatorHintTaken => "operator hint taken".to_owned(),
        EventKind::SourceSetRequested { set } => format!("EKF source set {set} asked for"),
        EventKind::SpoofGateUnavailable => "FC GPS cannot be watched".to_owned(),
        EventKind::PositionWrong => "position is wrong, withdrawn".to_owned(),
    }
}

fn of_source(source: PositionSource) -> &'static str {
    match source {
        PositionSource::Restart => "the recording (restart)",
        PositionSource::SignedOrigin => "the signed origin",
        PositionSource::TrustedState => "the FC's last state",
        PositionSource::FcGps => "FC GPS",
    }
}

fn of_blackout(event: &BlackoutEvent) -> String {
    let why = match event.reason {
        BlackoutReason::NoFrames => "no frames",
        BlackoutReason::NoTexture => "no texture",
        BlackoutReason::FramesUnusable => "frames unusable",
        BlackoutReason::RadiusLimit => "radius too large",
        BlackoutReason::Duration => "too long",
        BlackoutReason::EstimateLost => "estimate lost",
        BlackoutReason::FramesUsable => "frames usable",
    };
    match event.phase {
        BlackoutPhase::Entered => format!("VISUAL_BLACKOUT: {why}"),
        BlackoutPhase::ImuOnly => "VISUAL_BLACKOUT_IMU_ONLY".to_owned(),
        BlackoutPhase::RelocalisationRequested => "OPERATOR_RELOC_REQUEST".to_owned(),
        BlackoutPhase::Failsafe => format!("VISUAL_BLACKOUT_FAILSAFE: {why}"),
        BlackoutPhase::Left => "VISUAL_BLACKOUT left".to_owned(),
    }
}

fn of_gate(event: &SpoofGateEvent) -> String {
    let why = match event.reason {
        SpoofGateReason::Reported => "reported by FC",
        SpoofGateReason::PositionJump => "jump",
        SpoofGateReason::VelocityMismatch => "velocity",
        SpoofGateReason::TimeJump => "time jump",
        SpoofGateReason::AnchorDisagrees => "map disagrees",
        SpoofGateReason::TooFar => "too far",
        SpoofGateReason::FixLost => "fix lost",
        SpoofGateReason::AllConditionsHold => "all conditions hold",
        SpoofGateReason::HoldRunning => "not stable for long enough",
        SpoofGateReason::AnchorAwaited => "no map match yet",
    };
    match event.step {
        SpoofGateStep::Closed => format!("FC GPS not believed: {why}"),
        SpoofGateStep::Rejected => format!("spoofed FC GPS rejected: {why}"),
        SpoofGateStep::HoldRestarted => format!("FC GPS hold restarted: {why}"),
        SpoofGateStep::Promoted => "FC GPS promoted".to_owned(),
    }
}
