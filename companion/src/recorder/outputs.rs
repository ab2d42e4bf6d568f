//! Navigator outputs to records and back, bit for bit.

use fdr_format::{Record, records};

use super::behaviour_outputs as behaviour;
use crate::navigator::{
    Covariance6, Ellipse95, EmittedExternalPosition, Event, EventKind, FixType, MonotonicNs,
    Output, PositionSource, Severity, SourceLabel, SourceLabelTransition, TransitionReason,
};

/// The record of an output.
#[must_use]
pub fn record_from_output(output: &Output) -> Record<'static> {
    match output {
        Output::Position(position) => Record::EmittedExternalPosition(recorded_position(position)),
        Output::LabelTransition(transition) => {
            Record::SourceLabelTransition(records::SourceLabelTransition {
                time_ns: transition.time.0,
                from: recorded_label(transition.from),
                to: recorded_label(transition.to),
                reason: recorded_reason(transition.reason),
                last_satellite_anchor_age_ms: transition.last_satellite_anchor_age_ms,
            })
        }
        Output::Event(event) => {
            let (kind, value) = recorded_kind(event.kind);
            Record::NavigatorEvent(records::NavigatorEvent {
                time_ns: event.time.0,
                severity: recorded_severity(event.kind.severity()),
                kind,
                value,
            })
        }
        Output::Blackout(event) => behaviour::blackout(event),
        Output::SpoofGate(event) => behaviour::spoof_gate(event),
        Output::Thermal(switch) => behaviour::thermal(switch),
        Output::SearchWindow(window) => behaviour::search_window(window),
        Output::Anchor(verdict) => behaviour::anchor(verdict),
    }
}

/// The output that a record holds; `None` for a record of another kind. The severity of an event
/// follows from its kind and is not read.
#[must_use]
pub fn output_from_record(record: &Record<'_>) -> Option<Output> {
    Some(match record {
        Record::EmittedExternalPosition(body) => Output::Position(position(body)),
        Record::SourceLabelTransition(body) => Output::LabelTransition(SourceLabelTransition {
            time: MonotonicNs(body.time_ns),
            from: label(body.from),
            to: label(body.to),
            reason: reason(body.reason),
            last_satellite_anchor_age_ms: body.last_satellite_anchor_age_ms,
        }),
        Record::NavigatorEvent(body) => Output::Event(Event {
            time: MonotonicNs(body.time_ns),
            kind: kind(body.kind, body.value),
        }),
        Record::VisualBlackoutEvent(body) => Output::Blackout(behaviour::blackout_from(body)),
        Record::SpoofingPromotionEvent(body) => Output::SpoofGate(behaviour::spoof_gate_from(body)),
        Record::ThermalThrottleHybridSwitch(body) => Output::Thermal(behaviour::thermal_from(body)),
        Record::SearchWindow(body) => Output::SearchWindow(behaviour::search_window_from(body)),
        Record::AnchorDecision(body) => Output::Anchor(behaviour::anchor_from(body)?),
        _ => return None,
    })
}

fn recorded_position(position: &EmittedExternalPosition) -> records::EmittedExternalPosition {
    records::EmittedExternalPosition {
        time_ns: position.time.0,
        lat_rad: position.lat_rad,
        lon_rad: position.lon_rad,
        alt_msl_m: position.alt_msl_m,
        vel_ned_mps: position.vel_ned_mps,
        covariance: position.covariance.0,
        ellipse_semi_major_m: position.ellipse_95.semi_major_m,
        ellipse_semi_minor_m: position.ellipse_95.semi_minor_m,
        ellipse_orientation_rad: position.ellipse_95.orientation_rad,
        horiz_accuracy_m: position.horiz_accuracy_m,
        vert_accuracy_m: position.vert_accuracy_m,
        speed_accuracy_mps: position.speed_accuracy_mps,
        source_label: recorded_label(position.source_label),
        last_satellite_anchor_age_ms: position.last_satellite_anchor_age_ms,
        fix_type: match position.fix_type {
            FixType::None => records::FixType::None,
            FixType::TwoD => records::FixType::TwoD,
            FixType::ThreeD => records::FixType::ThreeD,
        },
    }
}

fn position(body: &records::EmittedExternalPosition) -> EmittedExternalPosition {
    EmittedExternalPosition {
        time: MonotonicNs(body.time_ns),
        lat_rad: body.lat_rad,
        lon_rad: body.lon_rad,
        alt_msl_m: body.alt_msl_m,
        vel_ned_mps: body.vel_ned_mps,
        covariance: Covariance6(body.covariance),
        ellipse_95: Ellipse95 {
            semi_major_m: body.ellipse_semi_major_m,
            semi_minor_m: body.ellipse_semi_minor_m,
            orientation_rad: body.ellipse_orientation_rad,
        },
        horiz_accuracy_m: body.horiz_accuracy_m,
        vert_accuracy_m: body.vert_accuracy_m,
        speed_accuracy_mps: body.speed_accuracy_mps,
        source_label: label(body.source_label),
        last_satellite_anchor_age_ms: body.last_satellite_anchor_age_ms,
        fix_type: match body.fix_type {
            records::FixType::None => FixType::None,
            records::FixType::TwoD => FixType::TwoD,
            records::FixType::ThreeD => FixType::ThreeD,
        },
    }
}

fn recorded_label(label: SourceLabel) -> records::SourceLabel {
    match label {
        SourceLabel::DeadReckoned => records::SourceLabel::DeadReckoned,
        SourceLabel::VisualPropagated => records::SourceLabel::VisualPropagated,
        SourceLabel::SatelliteAnchored => records::SourceLabel::SatelliteAnchored,
    }
}

fn label(label: records::SourceLabel) -> SourceLabel {
    match label {
        records::SourceLabel::DeadReckoned => SourceLabel::DeadReckoned,
        records::SourceLabel::VisualPropagated => SourceLabel::VisualPropagated,
        records::SourceLabel::SatelliteAnchored => SourceLabel::SatelliteAnchored,
    }
}

fn recorded_reason(reason: TransitionReason) -> records::TransitionReason {
    match reason {
        TransitionReason::Start => records::TransitionReason::Start,
        TransitionReason::AnchorAccepted => records::TransitionReason::AnchorAccepted,
        TransitionReason::AnchorStale => records::TransitionReason::AnchorStale,
        TransitionReason::OdometryHealthy => records::TransitionReason::OdometryHealthy,
        TransitionReason::OdometryLost => records::TransitionReason::OdometryLost,
        TransitionReason::Blackout => records::TransitionReason::Blackout,
        TransitionReason::EstimateLost => records::TransitionReason::EstimateLost,
    }
}

fn reason(reason: records::TransitionReason) -> TransitionReason {
    match reason {
        records::TransitionReason::Start => TransitionReason::Start,
        records::TransitionReason::AnchorAccepted => TransitionReason::AnchorAccepted,
        records::TransitionReason::AnchorStale => TransitionReason::AnchorStale,
        records::TransitionReason::OdometryHealthy => TransitionReason::OdometryHealthy,
        records::TransitionReason::OdometryLost => TransitionReason::OdometryLost,
        records::TransitionReason::Blackout => TransitionReason::Blackout,
        records::TransitionReason::EstimateLost => TransitionReason::EstimateLost,
    }
}

fn recorded_severity(severity: Severity) -> records::Severity {
    match severity {
        Severity::Critical => records::Severity::Critical,
        Severity::Error => records::Severity::Error,
        Severity::Warning => records::Severity::Warning,
        Severity::Notice => records::Severity::Notice,
        Severity::Info => records::Severity::Info,
    }
}

fn recorded_kind(kind: EventKind) -> (records::NavigatorEventKind, f64) {
    use records::NavigatorEventKind as Recorded;
    match kind {
        EventKind::EstimatorInitialised { source } => {
            (Recorded::EstimatorInitialised, source_number(source))
        }
        EventKind::EstimatorLost => (Recorded::EstimatorLost, 0.0),
        EventKind::EstimatorRecovered { source } => {
            (Recorded::EstimatorRecovered, source_number(source))
        }
        EventKind::FcGpsLost => (Recorded::FcGpsLost, 0.0),
        EventKind::FcGpsRegained { gap_s } => (Recorded::FcGpsRegained, gap_s),
        EventKind::FcGpsRejected { nis } => (Recorded::FcGpsRejected, nis),
        EventKind::InputRefused => (Recorded::InputRefused, 0.0),
        EventKind::NoEstimateEngaged => (Recorded::NoEstimateEngaged, 0.0),
        EventKind::NoEstimateRecovered { gap_s } => (Recorded::NoEstimateRecovered, gap_s),
        EventKind::OperatorHintTaken => (Recorded::OperatorHintTaken, 0.0),
        EventKind::SourceSetRequested { set } => (Recorded::SourceSetRequested, f64::from(set)),
        EventKind::SpoofGateUnavailable => (Recorded::SpoofGateUnavailable, 0.0),
        EventKind::PositionWrong => (Recorded::PositionWrong, 0.0),
    }
}

fn kind(kind: records::NavigatorEventKind, value: f64) -> EventKind {
    use records::NavigatorEventKind as Recorded;
    match kind {
        Recorded::EstimatorInitialised => EventKind::EstimatorInitialised {
            source: source(value),
        },
        Recorded::EstimatorLost => EventKind::EstimatorLost,
        Recorded::EstimatorRecovered => EventKind::EstimatorRecovered {
            source: source(value),
        },
        Recorded::FcGpsLost => EventKind::FcGpsLost,
        Recorded::FcGpsRegained => EventKind::FcGpsRegained { gap_s: value },
        Recorded::FcGpsRejected => EventKind::FcGpsRejected { nis: value },
        Recorded::InputRefused => EventKind::InputRefused,
        Recorded::NoEstimateEngaged => EventKind::NoEstimateEngaged,
        Recorded::NoEstimateRecovered => EventKind::NoEstimateRecovered { gap_s: value },
        Recorded::OperatorHintTaken => EventKind::OperatorHintTaken,
        // A cast from a float saturates.
        Recorded::SourceSetRequested => EventKind::SourceSetRequested { set: value as u8 },
        Recorded::SpoofGateUnavailable => EventKind::SpoofGateUnavailable,
        Recorded::PositionWrong => EventKind::PositionWrong,
    }
}

fn source_number(source: PositionSource) -> f64 {
    match source {
        PositionSource::Restart => 0.0,
        PositionSource::SignedOrigin => 1.0,
        PositionSource::TrustedState => 2.0,
        PositionSource::FcGps => 3.0,
    }
}

/// A number that no version writes is read as the weakest source.
fn source(number: f64) -> PositionSource {
    match number as u8 {
        0 => PositionSource::Restart,
        1 => PositionSource::SignedOrigin,
        2 => PositionSource::TrustedState,
        _ => PositionSource::FcGps,
    }
}
