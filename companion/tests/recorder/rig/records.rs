//! Records that a flight might hold.

use fdr_format::Record;
use fdr_format::records::{
    Airframe, Attitude, EmittedExternalPosition, FixType, FlightState, ImuTrace, NavigatorEvent,
    NavigatorEventKind, Severity, SourceLabel,
};

pub fn imu(time_ns: u64) -> Record<'static> {
    ImuTrace {
        time_ns,
        specific_force_frd_mps2: [0.0, 0.0, -9.81],
        angular_rate_frd_radps: [0.0; 3],
    }
    .into()
}

pub fn event(time_ns: u64) -> Record<'static> {
    NavigatorEvent {
        time_ns,
        severity: Severity::Notice,
        kind: NavigatorEventKind::FcGpsLost,
        value: 0.0,
    }
    .into()
}

pub fn attitude(time_ns: u64) -> Record<'static> {
    Attitude {
        time_ns,
        roll_rad: 0.1,
        pitch_rad: 0.0,
        yaw_rad: 1.0,
        angular_rate_frd_radps: [0.0; 3],
    }
    .into()
}

pub fn flight_state(time_ns: u64, armed: bool) -> Record<'static> {
    FlightState {
        time_ns,
        armed,
        airframe: Airframe::FixedWing,
    }
    .into()
}

pub fn impact(time_ns: u64) -> Record<'static> {
    ImuTrace {
        time_ns,
        specific_force_frd_mps2: [-90.0, 0.0, -40.0],
        angular_rate_frd_radps: [0.0; 3],
    }
    .into()
}

pub fn position(time_ns: u64) -> Record<'static> {
    EmittedExternalPosition {
        time_ns,
        lat_rad: 0.8,
        lon_rad: 0.6,
        alt_msl_m: 300.0,
        vel_ned_mps: [20.0, 0.0, 0.0],
        covariance: [1.0; 21],
        ellipse_semi_major_m: 10.0,
        ellipse_semi_minor_m: 5.0,
        ellipse_orientation_rad: 0.0,
        horiz_accuracy_m: 4.0,
        vert_accuracy_m: 4.0,
        speed_accuracy_mps: 0.5,
        source_label: SourceLabel::DeadReckoned,
        last_satellite_anchor_age_ms: None,
        fix_type: FixType::ThreeD,
    }
    .into()
}
