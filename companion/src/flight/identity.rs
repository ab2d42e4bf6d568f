//! Which boot this is, which flight, and what time.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use fdr_format::{BootId, FlightId};
use rustix::time::{ClockId, clock_gettime};

use super::error::FlightError;
use crate::recorder::Situation;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// A time of day before 2024 is that of a clock which was never set.
const UNIX_MIN_NS: u64 = 1_704_067_200_000_000_000;

/// Monotonic nanoseconds of this boot.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither part is negative on this clock.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// The time of day, where the machine knows it.
pub(super) fn unix_ns() -> Option<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos())
        .ok()
        .filter(|unix_ns| *unix_ns >= UNIX_MIN_NS)
}

/// Where the program finds itself.
pub(super) fn situation(armed: bool) -> Result<Situation, FlightError> {
    Ok(Situation {
        boot_id: boot_id().map_err(|source| FlightError::Machine {
            what: BOOT_ID,
            source,
        })?,
        monotonic_ns: monotonic_ns(),
        unix_ns: unix_ns(),
        armed,
    })
}

fn boot_id() -> io::Result<BootId> {
    let text = std::fs::read_to_string(BOOT_ID)?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let mut bytes = [0; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let pair = digits.get(2 * index..2 * index + 2);
        let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        *byte = value.ok_or(io::ErrorKind::InvalidData)?;
    }
    Ok(BootId(bytes))
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], FlightError> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        let flags = rustix::rand::GetRandomFlags::empty();
        match rustix::rand::getrandom(&mut bytes[filled..], flags) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                return Err(FlightError::Machine {
                    what: "getrandom",
                    source: error.into(),
                });
            }
        }
    }
    Ok(bytes)
}

/// A new flight's name (a version 4 UUID).
pub(super) fn new_flight_id() -> Result<FlightId, FlightError> {
    let mut bytes = random()?;
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    Ok(FlightId(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_has_a_name_time_runs_and_names_differ() {
        assert_ne!(boot_id().unwrap(), BootId([0; 16]));
        let before = monotonic_ns();
        assert!(monotonic_ns() >= before);
        assert_ne!(new_flight_id().unwrap(), new_flight_id().unwrap());
    }
}
