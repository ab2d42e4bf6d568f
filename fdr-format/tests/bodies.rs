//! Every body survives the codec bit for bit, and what is not a body is refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/bodies.rs"]
mod bodies;

use fdr_format::records::{
    FlightState, GpsFix, ImuTrace, Log, Severity, SourceLabel, SourceLabelTransition,
    TransitionReason, TypeCount,
};
use fdr_format::{
    BodyProblem, DecodeError, Digest, List, PutError, Record, RecordType, first_difference,
};

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut buffer = vec![0xEE; 1 << 20];
    let length = record.encode_body(&mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_type_decodes_and_encodes_to_the_same_bytes(
            numbers in proptest::collection::vec(any::<u64>(), 64..256),
        ) {
            for &record_type in RecordType::KNOWN {
                let mut drawn = numbers.iter().copied().cycle();
                let body = bodies::body(record_type, &mut || drawn.next().unwrap());
                let record = Record::decode(record_type, &body).unwrap();
                prop_assert_eq!(record.record_type(), record_type);
                prop_assert_eq!(encoded(&record), body);
            }
        }

        #[test]
        fn every_truncation_of_every_type_is_refused(
            numbers in proptest::collection::vec(any::<u64>(), 64..256),
        ) {
            for &record_type in RecordType::KNOWN {
                let mut drawn = numbers.iter().copied().cycle();
                let body = bodies::body(record_type, &mut || drawn.next().unwrap());
                for length in 0..body.len() {
                    prop_assert!(Record::decode(record_type, &body[..length]).is_err());
                }
            }
        }

        #[test]
        fn a_grown_body_is_read_and_its_new_end_ignored(
            number in any::<u64>(),
            growth in proptest::collection::vec(any::<u8>(), 1..40),
        ) {
            for &record_type in RecordType::KNOWN {
                let mut draw = bodies::seeded(number | 1);
                let body = bodies::body(record_type, &mut draw);
                let grown = [&body[..], &growth].concat();
                let record = Record::decode(record_type, &grown).unwrap();
                prop_assert_eq!(encoded(&record), body);
            }
        }

        #[test]
        fn whatever_decodes_encodes_to_what_it_was_read_from(
            code in proptest::sample::select(RecordType::KNOWN),
            body in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            if let Ok(record) = Record::decode(code, &body) {
                let again = encoded(&record);
                prop_assert_eq!(&again[..], &body[..again.len()]);
            }
        }

        #[test]
        fn every_bit_pattern_of_a_number_survives(bits in any::<[u64; 6]>()) {
            let numbers = bits.map(f64::from_bits);
            let trace = ImuTrace {
                time_ns: 1,
                specific_force_frd_mps2: [numbers[0], numbers[1], numbers[2]],
                angular_rate_frd_radps: [numbers[3], numbers[4], f64::from_bits(0x7FF4_0000_0000_0001)],
            };
            let body = encoded(&trace.into());
            let Ok(Record::ImuTrace(read)) = Record::decode(RecordType::IMU_TRACE, &body) else {
                panic!("an ImuTrace is an ImuTrace");
            };
            prop_assert_eq!(
                read.specific_force_frd_mps2.map(f64::to_bits),
                trace.specific_force_frd_mps2.map(f64::to_bits)
            );
            prop_assert_eq!(read.angular_rate_frd_radps[2].to_bits(), 0x7FF4_0000_0000_0001);
        }
    }
}

#[test]
fn a_body_is_its_fields_in_little_endian_without_padding() {
    let transition = SourceLabelTransition {
        time_ns: 0x0102_0304_0506_0708,
        from: SourceLabel::DeadReckoned,
        to: SourceLabel::SatelliteAnchored,
        reason: TransitionReason::AnchorAccepted,
        last_satellite_anchor_age_ms: Some(0x0A0B_0C0D),
    };
    let bytes = [8, 7, 6, 5, 4, 3, 2, 1, 0, 2, 1, 1, 0x0D, 0x0C, 0x0B, 0x0A];
    assert_eq!(encoded(&transition.into()), bytes);

    let absent = SourceLabelTransition {
        last_satellite_anchor_age_ms: None,
        ..transition
    };
    assert_eq!(encoded(&absent.into())[11..], [0, 0, 0, 0, 0]);

    let log = Log {
        time_ns: 1,
        severity: Severity::Error,
        target: "ab",
        text: "ü",
    };
    assert_eq!(
        encoded(&log.into()),
        [
            1, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, b'a', b'b', 2, 0, 0xC3, 0xBC
        ]
    );
}

#[test]
fn an_unknown_type_is_kept_as_it_is() {
    let record_type = RecordType(0x7ABC);
    let record = Record::decode(record_type, b"anything").unwrap();
    assert_eq!(record.record_type(), record_type);
    assert_eq!(encoded(&record), b"anything");
}

#[test]
fn values_outside_their_type_are_refused_with_the_field_and_its_place() {
    let body = encoded(
        &FlightState {
            time_ns: 5,
            armed: true,
            airframe: fdr_format::records::Airframe::Rotary,
        }
        .into(),
    );
    let refusal = |at: usize, value: u8| {
        let mut body = body.clone();
        body[at] = value;
        Record::decode(RecordType::FLIGHT_STATE, &body).unwrap_err()
    };
    assert_eq!(
        refusal(8, 2),
        DecodeError {
            record_type: RecordType::FLIGHT_STATE,
            field: "armed",
            offset: 8,
            problem: BodyProblem::NotBoolean { value: 2 },
        }
    );
    assert_eq!(
        refusal(9, 3).problem,
        BodyProblem::UnknownValue { value: 3 }
    );
    assert_eq!(refusal(9, 3).field, "airframe");
    assert_eq!(GpsFix::from_code(3), None);
}

#[test]
fn an_absent_value_that_is_not_zero_is_refused() {
    let mut body = vec![0; 16];
    body[15] = 1;
    let error = Record::decode(RecordType::SOURCE_LABEL_TRANSITION, &body).unwrap_err();
    assert_eq!(error.problem, BodyProblem::AbsentNotZero);
}

#[test]
fn a_text_that_is_not_utf8_is_refused() {
    let mut body = encoded(
        &Log {
            time_ns: 1,
            severity: Severity::Error,
            target: "",
            text: "ab",
        }
        .into(),
    );
    *body.last_mut().unwrap() = 0xFF;
    let error = Record::decode(RecordType::LOG, &body).unwrap_err();
    assert_eq!(
        (error.field, error.problem),
        ("text", BodyProblem::NotUtf8 { valid_up_to: 1 })
    );
}

#[test]
fn what_does_not_fit_is_refused_and_named() {
    let long = "x".repeat(70_000);
    let log = Record::from(Log {
        time_ns: 1,
        severity: Severity::Error,
        target: "",
        text: &long,
    });
    let error = log.encode_body(&mut vec![0; 1 << 20]).unwrap_err();
    assert_eq!(
        error.problem,
        PutError::TooLong {
            length: 70_000,
            limit: 65_535
        }
    );
    let error = Record::from(fdr_format::records::Tick { time_ns: 1 }).encode_body(&mut [0; 7]);
    assert_eq!(error.unwrap_err().problem, PutError::BufferFull);
}

#[test]
fn a_list_reads_back_item_by_item() {
    let counts = [
        TypeCount {
            record_type: RecordType::LOG,
            count: 3,
        },
        TypeCount {
            record_type: RecordType(0xFFFF),
            count: u64::MAX,
        },
    ];
    let footer = fdr_format::records::SegmentFooter {
        time_ns: 0,
        chain: Digest::default(),
        previous_chain: Digest::default(),
        content: Digest::default(),
        segment: 0,
        last: true,
        records: 0,
        bytes: 0,
        first_sequence: 0,
        last_sequence: 0,
        first_monotonic_ms: 0,
        last_monotonic_ms: 0,
        counts: List::new(&counts),
        losses: List::default(),
        index: List::default(),
        checkpoints: List::default(),
    };
    let body = encoded(&footer.into());
    let Ok(Record::SegmentFooter(read)) = Record::decode(RecordType::SEGMENT_FOOTER, &body) else {
        panic!("a footer is a footer");
    };
    assert_eq!(read.counts.iter().collect::<Vec<_>>(), counts);
    assert_eq!(read, footer);
}

#[test]
fn every_type_has_its_own_number_and_name_and_is_found_by_both() {
    for &record_type in RecordType::KNOWN {
        let name = record_type.name().unwrap();
        assert_eq!(name.parse::<RecordType>().unwrap(), record_type);
        assert_eq!(
            format!("{:#06x}", record_type.0)
                .parse::<RecordType>()
                .unwrap(),
            record_type
        );
        assert_eq!(record_type.fields()[0].name, "time_ns", "{name}");
        assert_eq!(record_type.fields()[0].offset, Some(0), "{name}");
    }
    let mut numbers: Vec<u16> = RecordType::KNOWN.iter().map(|known| known.0).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), RecordType::KNOWN.len());
}

#[test]
fn the_first_difference_of_two_bodies_names_field_element_and_both_values() {
    let trace = ImuTrace {
        time_ns: 7,
        specific_force_frd_mps2: [1.0, 2.0, 3.0],
        angular_rate_frd_radps: [0.0; 3],
    };
    let mut other = trace;
    other.specific_force_frd_mps2[1] = 2.5;
    let (left, right) = (encoded(&trace.into()), encoded(&other.into()));
    assert_eq!(first_difference(RecordType::IMU_TRACE, &left, &left), None);
    let found = first_difference(RecordType::IMU_TRACE, &left, &right).unwrap();
    assert_eq!(found.field, "specific_force_frd_mps2[1]");
    assert_eq!((found.left.as_str(), found.right.as_str()), ("2.0", "2.5"));

    // Two numbers that JSON cannot tell apart still differ in their bytes.
    other.specific_force_frd_mps2 = [1.0, 2.0, f64::from_bits(0x7FF8_0000_0000_0001)];
    let nan = encoded(&other.into());
    other.specific_force_frd_mps2[2] = f64::from_bits(0x7FF8_0000_0000_0002);
    let found = first_difference(RecordType::IMU_TRACE, &nan, &encoded(&other.into())).unwrap();
    assert_eq!(
        (found.field.as_str(), found.offset),
        ("specific_force_frd_mps2", 24)
    );
    assert!(
        found.left.starts_with("01") && found.right.starts_with("02"),
        "{found:?}"
    );
}
