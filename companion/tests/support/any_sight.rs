//! Any input of camera, map, plan, operator and machine, from a source of numbers and one of times.

use companion::navigator::{
    Displacement, FrameExposed, FrameOutcome, FrameRefusal, GpsIntegrity, GpsIntegrityState, Input,
    MonotonicNs, OperatorHint, RestartState, SatelliteAnchor, SystemHealth, TakeoffOrigin,
    TrustedState, VisualOdometry,
};
use proptest::prelude::*;
use proptest::sample::select;

type Numbers = BoxedStrategy<f64>;
type Times = BoxedStrategy<MonotonicNs>;

pub fn any_sight(number: &Numbers, time: &Times) -> impl Strategy<Value = Input> + use<> {
    prop_oneof![
        2 => frame_exposed(time),
        4 => odometry(number, time),
        4 => anchor(number, time),
        1 => aids(number, time),
        1 => machine(number, time),
    ]
}

fn frame_exposed(time: &Times) -> impl Strategy<Value = Input> + use<> {
    (time.clone(), any::<u64>(), time.clone()).prop_map(|(time, frame, exposure)| {
        Input::FrameExposed(FrameExposed {
            time,
            frame,
            exposure,
        })
    })
}

fn odometry(number: &Numbers, time: &Times) -> impl Strategy<Value = Input> + use<> {
    let reasons = vec![
        FrameRefusal::FirstOfSegment,
        FrameRefusal::LowTexture,
        FrameRefusal::SmallOverlap,
        FrameRefusal::Disagreement,
        FrameRefusal::PoorImage,
    ];
    let moved = (
        any::<u64>(),
        time.clone(),
        proptest::collection::vec(number.clone(), 10),
    )
        .prop_map(|(keyframe, keyframe_exposure, n)| {
            FrameOutcome::Registered(Displacement {
                keyframe,
                keyframe_exposure,
                displacement_ne_m: [n[0], n[1]],
                covariance_ne_m2: [n[2], n[3], n[4]],
                agl_m: n[5],
                rotation_rad: n[6],
                scale: n[7],
                overlap: n[8],
                quality: n[9],
            })
        });
    let outcome = prop_oneof![3 => moved, 1 => select(reasons).prop_map(FrameOutcome::Refused)];
    (time.clone(), any::<u64>(), time.clone(), outcome).prop_map(
        |(time, frame, exposure, outcome)| {
            Input::VisualOdometry(VisualOdometry {
                time,
                frame,
                exposure,
                outcome,
            })
        },
    )
}

fn anchor(number: &Numbers, time: &Times) -> impl Strategy<Value = Input> + use<> {
    (
        (time.clone(), any::<u64>(), time.clone(), any::<u32>()),
        proptest::collection::vec(number.clone(), 11),
    )
        .prop_map(|((time, frame, exposure, map_area), n)| {
            Input::SatelliteAnchor(SatelliteAnchor {
                time,
                frame,
                exposure,
                lat_rad: n[0],
                lon_rad: n[1],
                covariance_ne_m2: [n[2], n[3], n[4]],
                score: n[5],
                peak_ratio: n[6],
                yaw_offset_rad: n[7],
                scale: n[8],
                agl_m: n[9],
                map_area,
                map_bias_sigma_m: n[10],
            })
        })
}

fn aids(number: &Numbers, time: &Times) -> impl Strategy<Value = Input> + use<> {
    let numbers = proptest::collection::vec(number.clone(), 9);
    let age = proptest::option::of(number.clone());
    (
        time.clone(),
        numbers,
        age,
        0..4u8,
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
    )
        .prop_map(
            |(time, n, age_s, which, link, sender_system, sender_component)| {
                let velocity_ned_mps = [n[3], n[4], n[5]];
                match which {
                    0 => Input::TakeoffOrigin(TakeoffOrigin {
                        time,
                        lat_rad: n[0],
                        lon_rad: n[1],
                        alt_msl_m: n[2],
                        horiz_accuracy_m: n[6],
                        vert_accuracy_m: n[7],
                    }),
                    1 => Input::TrustedState(TrustedState {
                        time,
                        lat_rad: n[0],
                        lon_rad: n[1],
                        alt_msl_m: n[2],
                        velocity_ned_mps,
                        horiz_accuracy_m: n[6],
                        vert_accuracy_m: n[7],
                        age_s: n[8],
                    }),
                    2 => Input::RestartState(RestartState {
                        time,
                        lat_rad: n[0],
                        lon_rad: n[1],
                        alt_msl_m: n[2],
                        velocity_ned_mps,
                        horiz_accuracy_m: n[6],
                        vert_accuracy_m: n[7],
                        age_s: n[8],
                    }),
                    _ => Input::OperatorHint(OperatorHint {
                        time,
                        link,
                        sender_system,
                        sender_component,
                        lat_rad: n[0],
                        lon_rad: n[1],
                        horiz_accuracy_m: n[6],
                        age_s,
                    }),
                }
            },
        )
}

fn machine(number: &Numbers, time: &Times) -> impl Strategy<Value = Input> + use<> {
    let states = vec![
        GpsIntegrityState::Clean,
        GpsIntegrityState::Jammed,
        GpsIntegrityState::Spoofed,
        GpsIntegrityState::TimeJumped,
    ];
    let maybe = proptest::option::of(number.clone());
    let bytes = (any::<[u64; 4]>(), any::<[Option<u64>; 2]>());
    prop_oneof![
        (time.clone(), any::<u8>(), select(states)).prop_map(|(time, instance, state)| {
            Input::GpsIntegrity(GpsIntegrity {
                time,
                instance,
                state,
            })
        }),
        (
            time.clone(),
            number.clone(),
            maybe.clone(),
            maybe,
            any::<bool>(),
            bytes
        )
            .prop_map(|(time, cpu, gpu, temperature_c, throttled, bytes)| {
                Input::SystemHealth(SystemHealth {
                    time,
                    cpu_percent: cpu,
                    gpu_percent: gpu,
                    temperature_c,
                    throttled,
                    ram_used_bytes: bytes.0[0],
                    ram_total_bytes: bytes.0[1],
                    vram_used_bytes: bytes.1[0],
                    vram_total_bytes: bytes.1[1],
                    nvm_free_bytes: bytes.0[2],
                    nvm_total_bytes: bytes.0[3],
                })
            }),
    ]
}
