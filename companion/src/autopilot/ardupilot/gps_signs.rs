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
//! back for seconds, hence the limit.
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
            ours_s <= PAUSE_S && (theirs_s - ours_s).abs() > JUMP_S
        })
    }
}
