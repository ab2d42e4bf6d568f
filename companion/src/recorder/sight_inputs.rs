//! What the camera, the map, the plan and the operator told the navigator, to records and back.

use fdr_format::{Record, records};

use crate::navigator::{
    Displacement, FrameExposed, FrameOutcome, FrameRefusal, MonotonicNs, OperatorHint, PastState,
    SatelliteAnchor, SystemHealth, TakeoffOrigin, VisualOdometry,
};

pub fn frame_exposed(frame: &FrameExposed) -> Record<'static> {
    Record::FrameExposed(records::FrameExposed {
        time_ns: frame.time.0,
        frame: frame.frame,
        exposure_ns: frame.exposure.0,
    })
}

pub fn frame_exposed_from(body: &records::FrameExposed) -> FrameExposed {
    FrameExposed {
        time: MonotonicNs(body.time_ns),
        frame: body.frame,
        exposure: MonotonicNs(body.exposure_ns),
    }
}

pub fn odometry(result: &VisualOdometry) -> Record<'static> {
    match &result.outcome {
        FrameOutcome::Registered(moved) => Record::VisualOdometry(records::VisualOdometry {
            time_ns: result.time.0,
            from_frame: moved.keyframe,
            to_frame: result.frame,
            from_exposure_ns: moved.keyframe_exposure.0,
            to_exposure_ns: result.exposure.0,
            displacement_ne_m: moved.displacement_ne_m,
            covariance_ne_m2: moved.covariance_ne_m2,
            agl_m: moved.agl_m,
            rotation_rad: moved.rotation_rad,
            scale: moved.scale,
            overlap: moved.overlap,
            quality: moved.quality,
        }),
        FrameOutcome::Refused(reason) => {
            Record::VisualOdometryRefused(records::VisualOdometryRefused {
                time_ns: result.time.0,
                frame: result.frame,
                exposure_ns: result.exposure.0,
                reason: recorded_refusal(*reason),
            })
        }
    }
}

pub fn odometry_from(body: &records::VisualOdometry) -> VisualOdometry {
    VisualOdometry {
        time: MonotonicNs(body.time_ns),
        frame: body.to_frame,
        exposure: MonotonicNs(body.to_exposure_ns),
        outcome: FrameOutcome::Registered(Displacement {
            keyframe: body.from_frame,
            keyframe_exposure: MonotonicNs(body.from_exposure_ns),
            displacement_ne_m: body.displacement_ne_m,
            covariance_ne_m2: body.covariance_ne_m2,
            agl_m: body.agl_m,
            rotation_rad: body.rotation_rad,
            scale: body.scale,
            overlap: body.overlap,
            quality: body.quality,
        }),
    }
}

pub fn refused_frame_from(body: &records::VisualOdometryRefused) -> VisualOdometry {
    VisualOdometry {
        time: MonotonicNs(body.time_ns),
        frame: body.frame,
        exposure: MonotonicNs(body.exposure_ns),
        outcome: FrameOutcome::Refused(refusal(body.reason)),
    }
}

pub fn anchor(anchor: &SatelliteAnchor) -> Record<'static> {
    Record::SatelliteAnchor(records::SatelliteAnchor {
        time_ns: anchor.time.0,
        frame: anchor.frame,
        exposure_ns: anchor.exposure.0,
        lat_rad: anchor.lat_rad,
        lon_rad: anchor.lon_rad,
        covariance_ne_m2: anchor.covariance_ne_m2,
        score: anchor.score,
        peak_ratio: anchor.peak_ratio,
        yaw_offset_rad: anchor.yaw_offset_rad,
        scale: anchor.scale,
        agl_m: anchor.agl_m,
        map_area: anchor.map_area,
        map_bias_sigma_m: anchor.map_bias_sigma_m,
    })
}

pub fn anchor_from(body: &records::SatelliteAnchor) -> SatelliteAnchor {
    SatelliteAnchor {
        time: MonotonicNs(body.time_ns),
        frame: body.frame,
        exposure: MonotonicNs(body.exposure_ns),
        lat_rad: body.lat_rad,
        lon_rad: body.lon_rad,
        covariance_ne_m2: body.covariance_ne_m2,
        score: body.score,
        peak_ratio: body.peak_ratio,
        yaw_offset_rad: body.yaw_offset_rad,
        scale: body.scale,
        agl_m: body.agl_m,
        map_area: body.map_area,
        map_bias_sigma_m: body.map_bias_sigma_m,
    }
}

pub fn takeoff_origin(origin: &TakeoffOrigin) -> Record<'static> {
    Record::TakeoffOrigin(records::TakeoffOrigin {
        time_ns: origin.time.0,
        lat_rad: origin.lat_rad,
        lon_rad: origin.lon_rad,
        alt_msl_m: origin.alt_msl_m,
        horiz_accuracy_m: origin.horiz_accuracy_m,
        vert_accuracy_m: origin.vert_accuracy_m,
    })
}

pub fn takeoff_origin_from(body: &records::TakeoffOrigin) -> TakeoffOrigin {
    TakeoffOrigin {
        time: MonotonicNs(body.time_ns),
        lat_rad: body.lat_rad,
        lon_rad: body.lon_rad,
        alt_msl_m: body.alt_msl_m,
        horiz_accuracy_m: body.horiz_accuracy_m,
        vert_accuracy_m: body.vert_accuracy_m,
    }
}

/// The two conversions of a record that holds a [`PastState`].
macro_rules! past_state {
    ($to_record:ident, $from_record:ident, $Record:ident) => {
        pub fn $to_record(state: &PastState) -> Record<'static> {
            Record::$Record(records::$Record {
                time_ns: state.time.0,
                lat_rad: state.lat_rad,
                lon_rad: state.lon_rad,
                alt_msl_m: state.alt_msl_m,
                velocity_ned_mps: state.velocity_ned_mps,
                horiz_accuracy_m: state.horiz_accuracy_m,
                vert_accuracy_m: state.vert_accuracy_m,
                age_s: state.age_s,
            })
        }

        pub fn $from_record(body: &records::$Record) -> PastState {
            PastState {
                time: MonotonicNs(body.time_ns),
                lat_rad: body.lat_rad,
                lon_rad: body.lon_rad,
                alt_msl_m: body.alt_msl_m,
                velocity_ned_mps: body.velocity_ned_mps,
                horiz_accuracy_m: body.horiz_accuracy_m,
                vert_accuracy_m: body.vert_accuracy_m,
                age_s: body.age_s,
            }
        }
    };
}

past_state!(trusted_state, trusted_state_from, TrustedState);
past_state!(restart_state, restart_state_from, RestartState);

pub fn operator_hint(hint: &OperatorHint) -> Record<'static> {
    Record::OperatorHint(records::OperatorHint {
        time_ns: hint.time.0,
        link: hint.link,
        sender_system: hint.sender_system,
        sender_component: hint.sender_component,
        lat_rad: hint.lat_rad,
        lon_rad: hint.lon_rad,
        horiz_accuracy_m: hint.horiz_accuracy_m,
        age_s: hint.age_s,
    })
}

pub fn operator_hint_from(body: &records::OperatorHint) -> OperatorHint {
    OperatorHint {
        time: MonotonicNs(body.time_ns),
        link: body.link,
        sender_system: body.sender_system,
        sender_component: body.sender_component,
        lat_rad: body.lat_rad,
        lon_rad: body.lon_rad,
        horiz_accuracy_m: body.horiz_accuracy_m,
        age_s: body.age_s,
    }
}

pub fn system_health(health: &SystemHealth) -> Record<'static> {
    Record::SystemHealth(records::SystemHealth {
        time_ns: health.time.0,
        cpu_percent: health.cpu_percent,
        gpu_percent: health.gpu_percent,
        temperature_c: health.temperature_c,
        throttled: health.throttled,
        ram_used_bytes: health.ram_used_bytes,
        ram_total_bytes: health.ram_total_bytes,
        vram_used_bytes: health.vram_used_bytes,
        vram_total_bytes: health.vram_total_bytes,
        nvm_free_bytes: health.nvm_free_bytes,
        nvm_total_bytes: health.nvm_total_bytes,
    })
}

pub fn system_health_from(body: &records::SystemHealth) -> SystemHealth {
    SystemHealth {
        time: MonotonicNs(body.time_ns),
        cpu_percent: body.cpu_percent,
        gpu_percent: body.gpu_percent,
        temperature_c: body.temperature_c,
        throttled: body.throttled,
        ram_used_bytes: body.ram_used_bytes,
        ram_total_bytes: body.ram_total_bytes,
        vram_used_bytes: body.vram_used_bytes,
        vram_total_bytes: body.vram_total_bytes,
        nvm_free_bytes: body.nvm_free_bytes,
        nvm_total_bytes: body.nvm_total_bytes,
    }
}

fn recorded_refusal(reason: FrameRefusal) -> records::FrameRefusal {
    match reason {
        FrameRefusal::FirstOfSegment => records::FrameRefusal::FirstOfSegment,
        FrameRefusal::LowTexture => records::FrameRefusal::LowTexture,
        FrameRefusal::SmallOverlap => records::FrameRefusal::SmallOverlap,
        FrameRefusal::Disagreement => records::FrameRefusal::Disagreement,
        FrameRefusal::PoorImage => records::FrameRefusal::PoorImage,
    }
}

fn refusal(reason: records::FrameRefusal) -> FrameRefusal {
    match reason {
        records::FrameRefusal::FirstOfSegment => FrameRefusal::FirstOfSegment,
        records::FrameRefusal::LowTexture => FrameRefusal::LowTexture,
        records::FrameRefusal::SmallOverlap => FrameRefusal::SmallOverlap,
        records::FrameRefusal::Disagreement => FrameRefusal::Disagreement,
        records::FrameRefusal::PoorImage => FrameRefusal::PoorImage,
    }
}
