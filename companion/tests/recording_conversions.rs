//! Inputs and outputs survive the recording bit for bit.

#![allow(clippy::unwrap_used, clippy::panic)]

use companion::navigator::{
    AirData, Airframe, Attitude, Barometer, Covariance6, Ellipse95, EmittedExternalPosition, Event,
    EventKind, FcGps, FixType, FlightState, GpsFix, ImuSample, Input, MonotonicNs, Output,
    SourceLabel, SourceLabelTransition, Tick, TransitionReason,
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

fn output() -> impl Strategy<Value = Output> {
    let reasons = vec![
        TransitionReason::Start,
        TransitionReason::AnchorAccepted,
        TransitionReason::AnchorStale,
        TransitionReason::OdometryHealthy,
        TransitionReason::OdometryLost,
        TransitionReason::Blackout,
    ];
    let kind = prop_oneof![
        Just(EventKind::EstimatorInitialised),
        Just(EventKind::EstimatorLost),
        Just(EventKind::EstimatorRecovered),
        Just(EventKind::FcGpsLost),
        number().prop_map(|gap_s| EventKind::FcGpsRegained { gap_s }),
        number().prop_map(|nis| EventKind::FcGpsRejected { nis }),
        Just(EventKind::InputRefused),
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
