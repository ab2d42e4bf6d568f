//! What the machines of the navigator's behaviour said, to records and back.

use fdr_format::{Record, records};

use crate::navigator::{
    AnchorRefusal, AnchorVerdict, BlackoutEvent, BlackoutPhase, BlackoutReason, MonotonicNs,
    SearchWindow, SpoofGateEvent, SpoofGateReason, SpoofGateStep, ThermalReason, ThermalSwitch,
    WindowSource,
};

/// Two functions between a list of names that both sides share.
macro_rules! same_names {
    ($to:ident, $from:ident, $ours:ident, $theirs:ident, $( $name:ident ),* $(,)?) => {
        fn $to(value: $ours) -> records::$theirs {
            match value {
                $( $ours::$name => records::$theirs::$name, )*
            }
        }

        fn $from(value: records::$theirs) -> $ours {
            match value {
                $( records::$theirs::$name => $ours::$name, )*
            }
        }
    };
}

same_names!(
    recorded_step,
    step,
    SpoofGateStep,
    SpoofGateEvent,
    Closed,
    Rejected,
    HoldRestarted,
    Promoted
);
same_names!(
    recorded_blackout_phase,
    blackout_phase,
    BlackoutPhase,
    BlackoutPhase,
    Entered,
    ImuOnly,
    RelocalisationRequested,
    Failsafe,
    Left
);
same_names!(
    recorded_blackout_reason,
    blackout_reason,
    BlackoutReason,
    BlackoutReason,
    NoFrames,
    NoTexture,
    FramesUnusable,
    RadiusLimit,
    Duration,
    EstimateLost,
    FramesUsable
);
same_names!(
    recorded_spoof_gate_reason,
    spoof_gate_reason,
    SpoofGateReason,
    SpoofGateReason,
    Reported,
    PositionJump,
    VelocityMismatch,
    TimeJump,
    AnchorDisagrees,
    TooFar,
    FixLost,
    AllConditionsHold,
    HoldRunning,
    AnchorAwaited
);
same_names!(
    recorded_thermal_reason,
    thermal_reason,
    ThermalReason,
    ThermalReason,
    Hot,
    Throttled,
    Recovered
);
same_names!(
    recorded_window_source,
    window_source,
    WindowSource,
    WindowSource,
    Estimate,
    OperatorHint
);

pub fn blackout(event: &BlackoutEvent) -> Record<'static> {
    Record::VisualBlackoutEvent(records::VisualBlackoutEvent {
        time_ns: event.time.0,
        phase: recorded_blackout_phase(event.phase),
        reason: recorded_blackout_reason(event.reason),
        last_usable_frame_ns: event.last_usable_frame.map(|time| time.0),
        radius_95_m: event.radius_95_m,
        last_satellite_anchor_age_ms: event.last_satellite_anchor_age_ms,
    })
}

pub fn blackout_from(body: &records::VisualBlackoutEvent) -> BlackoutEvent {
    BlackoutEvent {
        time: MonotonicNs(body.time_ns),
        phase: blackout_phase(body.phase),
        reason: blackout_reason(body.reason),
        last_usable_frame: body.last_usable_frame_ns.map(MonotonicNs),
        radius_95_m: body.radius_95_m,
        last_satellite_anchor_age_ms: body.last_satellite_anchor_age_ms,
    }
}

pub fn spoof_gate(event: &SpoofGateEvent) -> Record<'static> {
    Record::SpoofingPromotionEvent(records::SpoofingPromotionEvent {
        time_ns: event.time.0,
        event: recorded_step(event.step),
        reason: recorded_spoof_gate_reason(event.reason),
        gps_instance: event.gps_instance,
        distance_m: event.distance_m,
        stable_ms: event.stable_ms,
        promotion_latency_ms: event.promotion_latency_ms,
    })
}

pub fn spoof_gate_from(body: &records::SpoofingPromotionEvent) -> SpoofGateEvent {
    SpoofGateEvent {
        time: MonotonicNs(body.time_ns),
        step: step(body.event),
        reason: spoof_gate_reason(body.reason),
        gps_instance: body.gps_instance,
        distance_m: body.distance_m,
        stable_ms: body.stable_ms,
        promotion_latency_ms: body.promotion_latency_ms,
    }
}

pub fn thermal(switch: &ThermalSwitch) -> Record<'static> {
    Record::ThermalThrottleHybridSwitch(records::ThermalThrottleHybridSwitch {
        time_ns: switch.time.0,
        from_k: switch.from_k,
        to_k: switch.to_k,
        reason: recorded_thermal_reason(switch.reason),
        temperature_c: switch.temperature_c,
    })
}

pub fn thermal_from(body: &records::ThermalThrottleHybridSwitch) -> ThermalSwitch {
    ThermalSwitch {
        time: MonotonicNs(body.time_ns),
        from_k: body.from_k,
        to_k: body.to_k,
        reason: thermal_reason(body.reason),
        temperature_c: body.temperature_c,
    }
}

pub fn search_window(window: &SearchWindow) -> Record<'static> {
    Record::SearchWindow(records::SearchWindow {
        time_ns: window.time.0,
        lat_rad: window.lat_rad,
        lon_rad: window.lon_rad,
        radius_m: window.radius_m,
        source: recorded_window_source(window.source),
    })
}

pub fn search_window_from(body: &records::SearchWindow) -> SearchWindow {
    SearchWindow {
        time: MonotonicNs(body.time_ns),
        lat_rad: body.lat_rad,
        lon_rad: body.lon_rad,
        radius_m: body.radius_m,
        source: window_source(body.source),
    }
}

pub fn anchor(verdict: &AnchorVerdict) -> Record<'static> {
    Record::AnchorDecision(records::AnchorDecision {
        time_ns: verdict.time.0,
        frame: verdict.frame,
        exposure_ns: verdict.exposure.0,
        outcome: match verdict.refusal {
            None => records::AnchorOutcome::Accepted,
            Some(AnchorRefusal::LowPeakRatio) => records::AnchorOutcome::LowPeakRatio,
            Some(AnchorRefusal::OutsideGate) => records::AnchorOutcome::OutsideGate,
            Some(AnchorRefusal::SequenceDisagrees) => records::AnchorOutcome::SequenceDisagrees,
            Some(AnchorRefusal::TooLate) => records::AnchorOutcome::TooLate,
            Some(AnchorRefusal::Unconfirmed) => records::AnchorOutcome::Unconfirmed,
        },
        lat_lon_rad: Some([verdict.lat_rad, verdict.lon_rad]),
        innovation_ne_m: verdict.innovation_ne_m,
        nis: verdict.nis,
        score: verdict.score,
        peak_ratio: verdict.peak_ratio,
    })
}

/// `None` for a match that vision itself refused: the navigator never saw it. Of a low peak ratio both
/// speak, but only the navigator gives a normalised innovation.
pub fn anchor_from(body: &records::AnchorDecision) -> Option<AnchorVerdict> {
    let refusal = match body.outcome {
        records::AnchorOutcome::Accepted => None,
        records::AnchorOutcome::LowPeakRatio => {
            body.nis?;
            Some(AnchorRefusal::LowPeakRatio)
        }
        records::AnchorOutcome::OutsideGate => Some(AnchorRefusal::OutsideGate),
        records::AnchorOutcome::SequenceDisagrees => Some(AnchorRefusal::SequenceDisagrees),
        records::AnchorOutcome::TooLate => Some(AnchorRefusal::TooLate),
        records::AnchorOutcome::Unconfirmed => Some(AnchorRefusal::Unconfirmed),
        records::AnchorOutcome::LowTexture
        | records::AnchorOutcome::WindowClipped
        | records::AnchorOutcome::MethodsDisagree
        | records::AnchorOutcome::NoMap => return None,
    };
    let [lat_rad, lon_rad] = body.lat_lon_rad?;
    Some(AnchorVerdict {
        time: MonotonicNs(body.time_ns),
        frame: body.frame,
        exposure: MonotonicNs(body.exposure_ns),
        refusal,
        lat_rad,
        lon_rad,
        innovation_ne_m: body.innovation_ne_m,
        nis: body.nis,
        score: body.score,
        peak_ratio: body.peak_ratio,
    })
}
