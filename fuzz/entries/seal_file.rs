//! Any bytes as `seal.json`: what is read is written back unchanged, and holds for one flight at most.

use fdr_format::{FlightId, Seal, SecretKey};

/// Judges the seal as it is, and again signed by a key of ours, so that the search for inputs is not stopped by
/// a signature that it cannot make.
pub fn check(input: &[u8]) {
    let Ok(seal) = serde_json::from_slice::<Seal>(input) else {
        return;
    };
    let text = serde_json::to_vec(&seal).expect("every seal has a JSON form");
    let again: Seal = serde_json::from_slice(&text).expect("what was written can be read");
    assert_eq!(again, seal);
    judge(&seal);

    let (flight, device) = (
        SecretKey::from_bytes(&[3; 32]),
        SecretKey::from_bytes(&[4; 32]),
    );
    let certificate = device.certify(seal.flight_id, flight.public());
    let mut signed = Seal::new(seal.flight_id, seal.streams, &flight, Some(certificate));
    judge(&signed);
    if signed.check(signed.flight_id).is_ok() {
        signed.streams[0].last_segment ^= 1;
        assert!(
            signed.check(signed.flight_id).is_err(),
            "what was signed was changed"
        );
    }
}

fn judge(seal: &Seal) {
    let holds = seal.check(seal.flight_id).is_ok();
    let mut other = seal.flight_id;
    other.0[0] ^= 1;
    assert!(
        seal.check(FlightId(other.0)).is_err(),
        "a seal is of one flight"
    );
    if holds {
        assert!(seal.streams.len() <= 2, "each stream is named once");
    }
}
