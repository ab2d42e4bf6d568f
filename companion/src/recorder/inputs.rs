//! Navigator inputs to records and back, bit for bit.

use fdr_format::{Record, records};

use super::sight_inputs as sight;
use crate::navigator::{
    AirData, Airframe, Attitude, Barometer, FcGps, FlightState, GpsFix, GpsIntegrity,
    GpsIntegrityState, ImuSample, Input, MonotonicNs, Tick,
};

/// The record of an input.
#[must_use]
pub fn record_from_input(input: &Input) -> Record<'static> {
    match input {
        Input::Imu(sample) => Record::ImuTrace(records::ImuTrace {
            time_ns: sample.time.0,
            specific_force_frd_mps2: sample.specific_force_frd_mps2,
            angular_rate_frd_radps: sample.angular_rate_frd_radps,
        }),
        Input::Attitude(sample) => Record::Attitude(records::Attitude {
            time_ns: sample.time.0,
            roll_rad: sample.roll_rad,
            pitch_rad: sample.pitch_rad,
            yaw_rad: sample.yaw_rad,
            angular_rate_frd_radps: sample.angular_rate_frd_radps,
        }),
        Input::AirData(sample) => Record::AirData(records::AirData {
            time_ns: sample.time.0,
            indicated_airspeed_mps: sample.indicated_airspeed_mps,
        }),
        Input::Barometer(sample) => Record::Barometer(records::Barometer {
            time_ns: sample.time.0,
            static_pressure_pa: sample.static_pressure_pa,
            temperature_k: sample.temperature_k,
        }),
        Input::FcGps(fix) => Record::FcGps(records::FcGps {
            time_ns: fix.time.0,
            instance: fix.instance,
            fix: recorded_fix(fix.fix),
            lat_rad: fix.lat_rad,
            lon_rad: fix.lon_rad,
            alt_msl_m: fix.alt_msl_m,
            velocity_ne_mps: fix.velocity_ne_mps,
            horiz_accuracy_m: fix.horiz_accuracy_m,
            vert_accuracy_m: fix.vert_accuracy_m,
            speed_accuracy_mps: fix.speed_accuracy_mps,
            satellites: fix.satellites,
        }),
        Input::FlightState(state) => Record::FlightState(records::FlightState {
            time_ns: state.time.0,
            armed: state.armed,
            airframe: recorded_airframe(state.airframe),
        }),
        Input::GpsIntegrity(report) => Record::GpsIntegrity(records::GpsIntegrity {
            time_ns: report.time.0,
            instance: report.instance,
            state: recorded_integrity(report.state),
        }),
        Input::FrameExposed(frame) => sight::frame_exposed(frame),
        Input::VisualOdometry(result) => sight::odometry(result),
        Input::SatelliteAnchor(anchor) => sight::anchor(anchor),
        Input::TakeoffOrigin(origin) => sight::takeoff_origin(origin),
        Input::TrustedState(state) => sight::trusted_state(state),
        Input::RestartState(state) => sight::restart_state(state),
        Input::OperatorHint(hint) => sight::operator_hint(hint),
        Input::SystemHealth(health) => sight::system_health(health),
        Input::Tick(tick) => Record::Tick(records::Tick {
            time_ns: tick.time.0,
        }),
    }
}

/// The input that a record holds; `None` for a record of another kind.
#[must_use]
pub fn input_from_record(record: &Record<'_>) -> Option<Input> {
    Some(match record {
        Record::ImuTrace(body) => Input::Imu(ImuSample {
            time: MonotonicNs(body.time_ns),
            specific_force_frd_mps2: body.specific_force_frd_mps2,
            angular_rate_frd_radps: body.angular_rate_frd_radps,
        }),
        Record::Attitude(body) => Input::Attitude(Attitude {
            time: MonotonicNs(body.time_ns),
            roll_rad: body.roll_rad,
            pitch_rad: body.pitch_rad,
            yaw_rad: body.yaw_rad,
            angular_rate_frd_radps: body.angular_rate_frd_radps,
        }),
        Record::AirData(body) => Input::AirData(AirData {
            time: MonotonicNs(body.time_ns),
            indicated_airspeed_mps: body.indicated_airspeed_mps,
        }),
        Record::Barometer(body) => Input::Barometer(Barometer {
            time: MonotonicNs(body.time_ns),
            static_pressure_pa: body.static_pressure_pa,
            temperature_k: body.temperature_k,
        }),
        Record::FcGps(body) => Input::FcGps(FcGps {
            time: MonotonicNs(body.time_ns),
            instance: body.instance,
            fix: fix(body.fix),
            lat_rad: body.lat_rad,
            lon_rad: body.lon_rad,
            alt_msl_m: body.alt_msl_m,
            velocity_ne_mps: body.velocity_ne_mps,
            horiz_accuracy_m: body.horiz_accuracy_m,
            vert_accuracy_m: body.vert_accuracy_m,
            speed_accuracy_mps: body.speed_accuracy_mps,
            satellites: body.satellites,
        }),
        Record::FlightState(body) => Input::FlightState(FlightState {
            time: MonotonicNs(body.time_ns),
            armed: body.armed,
            airframe: airframe(body.airframe),
        }),
        Record::GpsIntegrity(body) => Input::GpsIntegrity(GpsIntegrity {
            time: MonotonicNs(body.time_ns),
            instance: body.instance,
            state: integrity(body.state),
        }),
        Record::FrameExposed(body) => Input::FrameExposed(sight::frame_exposed_from(body)),
        Record::VisualOdometry(body) => Input::VisualOdometry(sight::odometry_from(body)),
        Record::VisualOdometryRefused(body) => {
            Input::VisualOdometry(sight::refused_frame_from(body))
        }
        Record::SatelliteAnchor(body) => Input::SatelliteAnchor(sight::anchor_from(body)),
        Record::TakeoffOrigin(body) => Input::TakeoffOrigin(sight::takeoff_origin_from(body)),
        Record::TrustedState(body) => Input::TrustedState(sight::trusted_state_from(body)),
        Record::RestartState(body) => Input::RestartState(sight::restart_state_from(body)),
        Record::OperatorHint(body) => Input::OperatorHint(sight::operator_hint_from(body)),
        Record::SystemHealth(body) => Input::SystemHealth(sight::system_health_from(body)),
        Record::Tick(body) => Input::Tick(Tick {
            time: MonotonicNs(body.time_ns),
        }),
        _ => return None,
    })
}

fn recorded_fix(fix: GpsFix) -> records::GpsFix {
    match fix {
        GpsFix::None => records::GpsFix::None,
        GpsFix::TwoD => records::GpsFix::TwoD,
        GpsFix::ThreeD => records::GpsFix::ThreeD,
    }
}

fn fix(fix: records::GpsFix) -> GpsFix {
    match fix {
        records::GpsFix::None => GpsFix::None,
        records::GpsFix::TwoD => GpsFix::TwoD,
        records::GpsFix::ThreeD => GpsFix::ThreeD,
    }
}

fn recorded_integrity(state: GpsIntegrityState) -> records::GpsIntegrityState {
    match state {
        GpsIntegrityState::Clean => records::GpsIntegrityState::Clean,
        GpsIntegrityState::Jammed => records::GpsIntegrityState::Jammed,
        GpsIntegrityState::Spoofed => records::GpsIntegrityState::Spoofed,
        GpsIntegrityState::TimeJumped => records::GpsIntegrityState::TimeJumped,
    }
}

fn integrity(state: records::GpsIntegrityState) -> GpsIntegrityState {
    match state {
        records::GpsIntegrityState::Clean => GpsIntegrityState::Clean,
        records::GpsIntegrityState::Jammed => GpsIntegrityState::Jammed,
        records::GpsIntegrityState::Spoofed => GpsIntegrityState::Spoofed,
        records::GpsIntegrityState::TimeJumped => GpsIntegrityState::TimeJumped,
    }
}

fn recorded_airframe(airframe: Airframe) -> records::Airframe {
    match airframe {
        Airframe::Unknown => records::Airframe::Unknown,
        Airframe::FixedWing => records::Airframe::FixedWing,
        Airframe::Rotary => records::Airframe::Rotary,
    }
}

fn airframe(airframe: records::Airframe) -> Airframe {
    match airframe {
        records::Airframe::Unknown => Airframe::Unknown,
        records::Airframe::FixedWing => Airframe::FixedWing,
        records::Airframe::Rotary => Airframe::Rotary,
    }
}
