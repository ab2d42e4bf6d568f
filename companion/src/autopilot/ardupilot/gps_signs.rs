//! What an autopilot says of its satellite signals beside the fixes themselves.
//!
//! | message | sign |
//! |---|---|
//! | STATUSTEXT that speaks of spoofing | spoofed |
//! | STATUSTEXT that speaks of jamming | jammed |
//! | GPS_RAW_INT, GPS2_RAW with a 3D fix whose clock moved otherwise than ours, by more than 3 s | clock jumped |
//!
//! The dialect's GPS messages have no fields for jamming and spoofing. Whatever the sender's clock counts
//! (since boot, or UTC), from one report to the next it must move as ours does; radio links hold reports
//! back for seconds, hence the limit. A clock that now counts no more than has passed since the report before it
//! began anew in between: the autopilot was started anew, which is no sign.
//!
//! Source: MAVLink common messages 24, 124 and 253.

use crate::navigator::{FcGps, GpsFix, GpsIntegrityState, MonotonicNs};

/// Difference between two clocks' steps that no link explains, s.
const JUMP_S: f64 = 3.0;
/// After a pause this long the clocks are compared anew, s.
const PAUSE_S: f64 = 60.0;

/// What a status text says of the signals; nothing for any other text.
pub(super) fn of_text(text: &[u8]) -> Option<GpsIntegrityState> {
    let says = |word: &[u8]| {
        text.windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
    };
    if says(b"spoof") {
        Some(GpsIntegrityState::Spoofed)
    } else if says(b"jamming") || says(b"jammed") {
        Some(GpsIntegrityState::Jammed)
    } else {
        None
    }
}

/// The receiver's clock against ours.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReceiverClock {
    last: Option<(MonotonicNs, u64)>,
}

impl ReceiverClock {
    /// Whether the clock of a report jumped; `receiver_us` is 0 when it has none.
    pub(super) fn jumped(&mut self, fix: &FcGps, receiver_us: u64) -> bool {
        if receiver_us == 0 || fix.fix != GpsFix::ThreeD {
            return false;
        }
        let before = self.last.replace((fix.time, receiver_us));
        before.is_some_and(|(then, then_us)| {
            let ours_s = fix.time.seconds_since(then);
            let theirs_s = MonotonicNs(receiver_us).seconds_since(MonotonicNs(then_us)) * 1e3;
            let began_anew = receiver_us < then_us && receiver_us as f64 * 1e-6 <= ours_s + JUMP_S;
            ours_s <= PAUSE_S && !began_anew && (theirs_s - ours_s).abs() > JUMP_S
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_moved_jumps_and_one_that_begins_anew_does_not() {
        let at = |time_s: u64| FcGps {
            time: MonotonicNs(time_s * 1_000_000_000),
            instance: 0,
            fix: GpsFix::ThreeD,
            lat_rad: 0.8,
            lon_rad: 0.2,
            alt_msl_m: 300.0,
            velocity_ne_mps: None,
            horiz_accuracy_m: None,
            vert_accuracy_m: None,
            speed_accuracy_mps: None,
            satellites: None,
        };
        let mut clock = ReceiverClock::default();
        let mut hears = |time_s, clock_s: u64| clock.jumped(&at(time_s), clock_s * 1_000_000);
        assert!(!hears(1_000, 200));
        assert!(!hears(1_001, 201));
        assert!(hears(1_002, 292), "90 s ahead");
        assert!(hears(1_003, 203), "and back");
        assert!(!hears(1_010, 5), "booted two seconds after the last report");
        assert!(!hears(1_011, 6));
    }
}
