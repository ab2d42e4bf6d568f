//! A seal holds for one flight, one end of each stream and one device, and for nothing else.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fdr_format::{Digest, FlightId, Seal, SealProblem, SealedStream, SecretKey, Stream};
use serde_json::Value;

const FLIGHT: FlightId = FlightId([9; 16]);

fn streams() -> Vec<SealedStream> {
    let end = |stream, last_segment, byte| SealedStream {
        stream,
        last_segment,
        chain: Digest([byte; 32]),
    };
    vec![end(Stream::Bulk, 17, 1), end(Stream::Essential, 0, 2)]
}

fn sealed() -> Seal {
    let (flight_key, device) = (
        SecretKey::from_bytes(&[3; 32]),
        SecretKey::from_bytes(&[4; 32]),
    );
    let certificate = device.certify(FLIGHT, flight_key.public());
    Seal::new(FLIGHT, streams(), &flight_key, Some(certificate))
}

#[test]
fn a_seal_survives_its_file_and_holds_for_its_flight_only() {
    let seal = sealed();
    let text = serde_json::to_string(&seal).unwrap();
    let read: Seal = serde_json::from_str(&text).unwrap();
    assert_eq!(read, seal);
    assert_eq!(read.check(FLIGHT), Ok(()));
    let other = FlightId([8; 16]);
    assert_eq!(
        read.check(other),
        Err(SealProblem::Flight { found: FLIGHT })
    );
}

#[test]
fn a_device_without_a_key_leaves_a_seal_that_holds_and_names_no_device() {
    let seal = Seal::new(FLIGHT, streams(), &SecretKey::from_bytes(&[3; 32]), None);
    assert_eq!(seal.check(FLIGHT), Ok(()));
    assert_eq!(seal.device_key, None);
}

/// Every hex digit, number and name of the file in turn.
#[test]
fn a_seal_that_was_changed_in_any_place_does_not_hold() {
    let text = serde_json::to_string(&sealed()).unwrap();
    let mut changed = 0;
    for at in 0..text.len() {
        for replacement in [b'0', b'1', b'f'] {
            let mut bytes = text.clone().into_bytes();
            if bytes[at] == replacement || !bytes[at].is_ascii_alphanumeric() {
                continue;
            }
            bytes[at] = replacement;
            let Ok(seal) = serde_json::from_slice::<Seal>(&bytes) else {
                continue;
            };
            assert!(seal.check(FLIGHT).is_err(), "byte {at}");
            changed += 1;
        }
    }
    assert!(changed > 800, "{changed}");
}

#[test]
fn a_seal_that_leaves_something_out_does_not_hold() {
    let without = |field: &str| {
        let mut value = serde_json::to_value(sealed()).unwrap();
        value[field] = Value::Null;
        serde_json::from_value::<Seal>(value).unwrap().check(FLIGHT)
    };
    assert_eq!(without("certificate"), Err(SealProblem::HalfCertified));
    assert_eq!(without("device_key"), Err(SealProblem::HalfCertified));

    let mut neither = sealed();
    (neither.device_key, neither.certificate) = (None, None);
    assert_eq!(neither.check(FLIGHT), Err(SealProblem::Signature));
    let mut fewer = sealed();
    fewer.streams.pop();
    assert_eq!(fewer.check(FLIGHT), Err(SealProblem::Signature));
    let mut twice = sealed();
    twice.streams[1] = twice.streams[0];
    assert_eq!(twice.check(FLIGHT), Err(SealProblem::Streams));
}

#[test]
fn a_flight_key_that_the_device_did_not_certify_does_not_pass_for_its_flight() {
    let (forger, device) = (
        SecretKey::from_bytes(&[5; 32]),
        SecretKey::from_bytes(&[4; 32]),
    );
    let stolen = device.certify(FLIGHT, SecretKey::from_bytes(&[3; 32]).public());
    let seal = Seal::new(FLIGHT, streams(), &forger, Some(stolen));
    assert_eq!(seal.check(FLIGHT), Err(SealProblem::Certificate));
}

/// RFC 8032, section 7.1, test 1: the public key that belongs to a secret one.
#[test]
fn keys_are_those_of_the_standard() {
    let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let bytes = secret.parse::<Digest>().unwrap().0;
    assert_eq!(
        SecretKey::from_bytes(&bytes).public().to_string(),
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    );
}

#[test]
fn a_secret_key_does_not_show_itself() {
    let shown = format!("{:?}", SecretKey::from_bytes(&[0x5A; 32]));
    assert!(!shown.contains("5a5a"), "{shown}");
}
