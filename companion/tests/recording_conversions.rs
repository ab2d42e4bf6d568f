//! Inputs and outputs survive the recording bit for bit.

#![allow(clippy::unwrap_used, clippy::panic)]

use companion::navigator::{
    AirData, Airframe, AnchorRefusal, AnchorVerdict, Attitude, Barometer, BlackoutEvent,
    BlackoutPhase, BlackoutReason, Covariance6, Ellipse95, EmittedExternalPosition, Event,
    EventKind, FcGps, FixType, FlightState, GpsFix, ImuSample, Input, MonotonicNs, Output,
    PositionSource, SearchWindow, SourceLabel, SourceLabelTransition, SpoofGateEvent,
    SpoofGateReason, SpoofGateStep, ThermalReason, ThermalSwitch, Tick, TransitionReason,
    WindowSource,
};
use companion::recorder::{
    input_from_record, output_from_record, record_from_input, record_from_output,
};
use fdr_format::Record;
use proptest::prelude::*;
use proptest::sample::select;

#[path = "support/any_sight.rs"]
mod any_sight;

use any_sight::any_sight;

/// Any bit pattern, NaN and infinities included.
fn number() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits)
}

fn time() -> impl Strategy<Value = MonotonicNs> {
    any::<u64>().prop_map(MonotonicNs)
}

fn vector() -> impl Strategy<Value = [f64; 3]> {
    [number(), number(), number()]
}

fn maybe<T: std::fmt::Debug + Clone + 'static>(
    strategy: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(strategy)
}

fn fc_gps() -> impl Strategy<Value = Input> {
    (
        (
            time(),
            any::<u8>(),
            select(vec![GpsFix::None, GpsFix::TwoD, GpsFix::ThreeD]),
        ),
        vector(),
        maybe([number(), number()]),
        (
            maybe(number()),
            maybe(number()),
            maybe(number()),
            maybe(any::<u8>()),
        ),
    )
        .prop_map(|((time, instance, fix), position, velocity_ne_mps, rest)| {
            Input::FcGps(FcGps {
                time,
                instance,
                fix,
                lat_rad: position[0],
                lon_rad: position[1],
                alt_msl_m: position[2],
                velocity_ne_mps,
                horiz_accuracy_m: rest.0,
                vert_accuracy_m: rest.1,
                speed_accuracy_mps: rest.2,
                satellites: rest.3,
            })
        })
}

fn input() -> impl Strategy<Value = Input> {
    let airframes = vec![Airframe::FixedWing, Airframe::Rotary, Airframe::Unknown];
    prop_oneof![
        (time(), vector(), vector()).prop_map(|(time, force, rate)| Input::Imu(ImuSample {
            time,
            specific_force_frd_mps2: force,
            angular_rate_frd_radps: rate,
        })),
        (time(), vector(), vector()).prop_map(|(time, angles, rate)| Input::Attitude(Attitude {
            time,
            roll_rad: angles[0],
            pitch_rad: angles[1],
            yaw_rad: angles[2],
            angular_rate_frd_radps: rate,
        })),
        (time(), number()).prop_map(|(time, indicated_airspeed_mps)| Input::AirData(AirData {
            time,
            indicated_airspeed_mps,
        })),
        (time(), number(), number()).prop_map(|(time, static_pressure_pa, temperature_k)| {
            Input::Barometer(Barometer {
                time,
                static_pressure_pa,
                temperature_k,
            })
        }),
        fc_gps(),
        (time(), any::<bool>(), select(airframes)).prop_map(|(time, armed, airframe)| {
            Input::FlightState(FlightState {
                time,
                armed,
                airframe,
            })
        }),
        time().prop_map(|time| Input::Tick(Tick { time })),
        any_sight(&number().boxed(), &time().boxed()),
    ]
}

fn label() -> impl Strategy<Value = SourceLabel> {
    select(vec![
        SourceLabel::DeadReckoned,
        SourceLabel::VisualPropagated,
        SourceLabel::SatelliteAnchored,
    ])
}

fn position() -> impl Strategy<Value = Output> {
    (
        (time(), vector(), vector(), vector(), vector()),
        proptest::collection::vec(number(), 21),
        (label(), maybe(any::<u32>())),
        select(vec![FixType::None, FixType::TwoD, FixType::ThreeD]),
    )
        .prop_map(
            |((time, place, velocity, ellipse, accuracy), covariance, source, fix_type)| {
                Output::Position(EmittedExternalPosition {
                    time,
                    lat_rad: place[0],
                    lon_rad: place[1],
                    alt_msl_m: place[2],
                    vel_ned_mps: velocity,
                    covariance: Covariance6(covariance.try_into().unwrap()),
                    ellipse_95: Ellipse95 {
                        semi_major_m: ellipse[0],
                        semi_minor_m: ellipse[1],
                        orientation_rad: ellipse[2],
                    },
                    horiz_accuracy_m: accuracy[0],
                    vert_accuracy_m: accuracy[1],
                    speed_accuracy_mps: accuracy[2],
                    source_label: source.0,
                    last_satellite_anchor_age_ms: source.1,
                    fix_type,
                })
            },
        )
}

fn source() -> impl Strategy<Value = PositionSource> {
    select(vec![
        PositionSource::Restart,
        PositionSource::SignedOrigin,
        PositionSource::TrustedState,
        PositionSource::FcGps,
    ])
}

fn blackout() -> impl Strategy<Value = Output> {
    let phases = vec![
        BlackoutPhase::Entered,
        BlackoutPhase::ImuOnly,
        BlackoutPhase::RelocalisationRequested,
        BlackoutPhase::Failsafe,
        BlackoutPhase::Left,
    ];
    let reasons = vec![
        BlackoutReason::NoFrames,
        BlackoutReason::NoTexture,
        BlackoutReason::FramesUnusable,
        BlackoutReason::RadiusLimit,
        BlackoutReason::Duration,
        BlackoutReason::EstimateLost,
        BlackoutReason::FramesUsable,
    ];
    let ages = (maybe(time()), maybe(any::<u32>()));
    (time(), select(phases), select(reasons), number(), ages).prop_map(
        |(time, phase, reason, radius_95_m, (last_usable_frame, age))| {
            Output::Blackout(BlackoutEvent {
                time,
                phase,
                reason,
                last_usable_frame,
                radius_95_m,
                last_satellite_anchor_age_ms: age,
            })
        },
    )
}

fn spoof_gate() -> impl Strategy<Value = Output> {
    let steps = vec![
        SpoofGateStep::Closed,
        SpoofGateStep::Rejected,
        SpoofGateStep::HoldRestarted,
        SpoofGateStep::Promoted,
    ];
    let reasons = vec![
        SpoofGateReason::Reported,
        SpoofGateReason::PositionJump,
        SpoofGateReason::VelocityMismatch,
        SpoofGateReason::TimeJump,
        SpoofGateReason::AnchorDisagrees,
        SpoofGateReason::TooFar,
        SpoofGateReason::FixLost,
        SpoofGateReason::AllConditionsHold,
        SpoofGateReason::HoldRunning,
        SpoofGateReason::AnchorAwaited,
    ];
    let numbers = (
        any::<u8>(),
        maybe(number()),
        any::<u32>(),
        maybe(any::<u32>()),
    );
    (time(), select(steps), select(reasons), numbers).prop_map(
        |(time, step, reason, (gps_instance, distance_m, stable_ms, promotion_latency_ms))| {
            Output::SpoofGate(SpoofGateEvent {
                time,
                step,
                reason,
                gps_instance,
                distance_m,
                stable_ms,
                promotion_latency_ms,
            })
        },
    )
}

fn anchor() -> impl Strategy<Value = Output> {
    let refusals = vec![
        AnchorRefusal::LowPeakRatio,
        AnchorRefusal::OutsideGate,
        AnchorRefusal::SequenceDisagrees,
        AnchorRefusal::TooLate,
        AnchorRefusal::Unconfirmed,
    ];
    let optional = (maybe([number(), number()]), maybe(number()));
    let scores = [number(), number(), number(), number()];
    (
        (time(), any::<u64>(), time()),
        maybe(select(refusals)),
        optional,
        scores,
    )
        .prop_map(
            |((time, frame, exposure), refusal, (innovation_ne_m, nis), scores)| {
                Output::Anchor(AnchorVerdict {
                    time,
                    frame,
                    exposure,
                    refusal,
                    lat_rad: scores[0],
                    lon_rad: scores[1],
                    innovation_ne_m,
                    nis: match refusal {
                        Some(AnchorRefusal::LowPeakRatio) => Some(nis.unwrap_or(0.0)),
                        _ => nis,
                    },
                    score: scores[2],
                    peak_ratio: scores[3],
                })
            },
        )
}

fn behaviour() -> impl Strategy<Value = Output> {
    let thermal = vec![
        ThermalReason::Hot,
        ThermalReason::Throttled,
        ThermalReason::Recovered,
    ];
    let windows = vec![WindowSource::Estimate, WindowSource::OperatorHint];
    prop_oneof![
        blackout(),
        spoof_gate(),
        anchor(),
        (
            time(),
            any::<u8>(),
            any::<u8>(),
            select(thermal),
            maybe(number())
        )
            .prop_map(
                |(time, from_k, to_k, reason, temperature_c)| Output::Thermal(ThermalSwitch {
                    time,
                    from_k,
                    to_k,
                    reason,
                    temperature_c,
                })
            ),
        (time(), vector(), select(windows)).prop_map(|(time, place, source)| {
            Output::SearchWindow(SearchWindow {
                time,
                lat_rad: place[0],
                lon_rad: place[1],
                radius_m: place[2],
                source,
            })
        }),
    ]
}

fn output() -> impl Strategy<Value = Output> {
    let reasons = vec![
        TransitionReason::Start,
        TransitionReason::AnchorAccepted,
        TransitionReason::AnchorStale,
        TransitionReason::OdometryHealthy,
        TransitionReason::OdometryLost,
        TransitionReason::Blackout,
        TransitionReason::EstimateLost,
    ];
    let kind = prop_oneof![
        source().prop_map(|source| EventKind::EstimatorInitialised { source }),
        Just(EventKind::EstimatorLost),
        source().prop_map(|source| EventKind::EstimatorRecovered { source }),
        Just(EventKind::FcGpsLost),
        number().prop_map(|gap_s| EventKind::FcGpsRegained { gap_s }),
        number().prop_map(|nis| EventKind::FcGpsRejected { nis }),
        Just(EventKind::InputRefused),
        Just(EventKind::NoEstimateEngaged),
        number().prop_map(|gap_s| EventKind::NoEstimateRecovered { gap_s }),
        Just(EventKind::OperatorHintTaken),
        any::<u8>().prop_map(|set| EventKind::SourceSetRequested { set }),
        Just(EventKind::SpoofGateUnavailable),
        Just(EventKind::PositionWrong),
    ];
    prop_oneof![
        position(),
        (
            time(),
            label(),
            label(),
            select(reasons),
            maybe(any::<u32>())
        )
            .prop_map(|(time, from, to, reason, age)| Output::LabelTransition(
                SourceLabelTransition {
                    time,
                    from,
                    to,
                    reason,
                    last_satellite_anchor_age_ms: age,
                }
            )),
        (time(), kind).prop_map(|(time, kind)| Output::Event(Event { time, kind })),
        behaviour(),
    ]
}

fn body(record: &Record<'_>) -> Vec<u8> {
    let mut buffer = vec![0; 4096];
    let length = record.encode_body(&mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

mod properties {
    use super::*;

    proptest! {
        #[test]
        fn every_input_comes_back_from_its_record_bit_for_bit(input in input()) {
            let record = record_from_input(&input);
            let bytes = body(&record);
            let read = Record::decode(record.record_type(), &bytes).unwrap();
            let back = input_from_record(&read).unwrap();
            // NaN is not equal to itself: bits are compared through the encoding.
            prop_assert_eq!(&body(&record_from_input(&back)), &bytes);
            prop_assert_eq!(format!("{back:?}"), format!("{input:?}"));
            prop_assert_eq!(output_from_record(&read), None);
        }

        #[test]
        fn every_output_comes_back_from_its_record_bit_for_bit(output in output()) {
            let record = record_from_output(&output);
            let bytes = body(&record);
            let read = Record::decode(record.record_type(), &bytes).unwrap();
            let back = output_from_record(&read).unwrap();
            prop_assert_eq!(&body(&record_from_output(&back)), &bytes);
            prop_assert_eq!(format!("{back:?}"), format!("{output:?}"));
            prop_assert_eq!(input_from_record(&read), None);
        }
    }
}
