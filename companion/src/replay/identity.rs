//! Names for recordings of replays.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use fdr_format::FlightId;

/// A random flight id (a version 4 UUID): two replays of one log are two recordings.
pub(crate) fn random_flight_id() -> FlightId {
    let mut bytes = [0; 16];
    for half in bytes.chunks_exact_mut(8) {
        // The standard library's only source of operating-system randomness.
        half.copy_from_slice(&RandomState::new().build_hasher().finish().to_le_bytes());
    }
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    FlightId(bytes)
}
