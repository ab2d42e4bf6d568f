//! What of a flight is kept longest: positions, labels, events, and the attitude at 4 Hz.
//!
//! These records stand in the bulk stream like all others, and once more in the essential stream, whose
//! segments are dropped for their own budget only. The budget is computed from the rates here.

use fdr_format::{FRAME_OVERHEAD, RecordType};

use super::block::ALIGNMENT;
use super::ring::is_critical;

/// Least time that the essential stream reaches back, seconds: 25 hours.
pub const ESSENTIAL_SECONDS: u64 = 25 * 3600;
/// How often the essential stream is made durable: what is younger is durable in the bulk stream.
pub const ESSENTIAL_SYNC_NS: u64 = 1_000_000_000;
/// Time between two attitudes of the essential stream: 4 Hz.
const ATTITUDE_PERIOD_NS: u64 = 250_000_000;
/// Emitted positions in a second.
const POSITION_HZ: u64 = 10;
/// Events, labels and everything else that is critical, in a second of a busy flight.
const EVENT_HZ: u64 = 2;
/// Bytes of an emitted position's body, bounded from above.
const POSITION_BODY: u64 = 448;
/// Bytes of an attitude's body, bounded from above.
const ATTITUDE_BODY: u64 = 64;
/// Bytes of an event's body, bounded from above: a loss with the counts of a dozen types.
const EVENT_BODY: u64 = 384;

/// Bytes of the device that one second of the essential stream takes at most: its records and one
/// filler that aligns them.
pub const ESSENTIAL_BYTES_PER_S: u64 = POSITION_HZ * (POSITION_BODY + FRAME_OVERHEAD as u64)
    + 1_000_000_000 / ATTITUDE_PERIOD_NS * (ATTITUDE_BODY + FRAME_OVERHEAD as u64)
    + EVENT_HZ * (EVENT_BODY + FRAME_OVERHEAD as u64)
    + ALIGNMENT as u64;

/// Least budget of the essential stream: its 25 hours, the segment that is being dropped, the one being
/// written and the one made ahead of it.
#[must_use]
pub fn essential_bytes_min(segment_bytes: u64) -> u64 {
    ESSENTIAL_BYTES_PER_S * ESSENTIAL_SECONDS + 3 * segment_bytes
}

/// Chooses the records of the essential stream.
#[derive(Debug, Clone, Default)]
pub struct EssentialFilter {
    attitude_due_ns: u64,
}

impl EssentialFilter {
    /// Whether the next record, of this type and time, is one of them.
    pub fn takes(&mut self, record_type: RecordType, monotonic_ns: u64) -> bool {
        if record_type != RecordType::ATTITUDE {
            return is_critical(record_type);
        }
        if monotonic_ns < self.attitude_due_ns {
            return false;
        }
        let next = self.attitude_due_ns.saturating_add(ATTITUDE_PERIOD_NS);
        // Behind a gap the period starts anew.
        self.attitude_due_ns = if next > monotonic_ns {
            next
        } else {
            monotonic_ns.saturating_add(ATTITUDE_PERIOD_NS)
        };
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use fdr_format::{Record, records};

    use super::*;
    use crate::navigator::{
        Covariance6, Ellipse95, EmittedExternalPosition, FixType, MonotonicNs, Output, SourceLabel,
    };
    use crate::recorder::record_from_output;

    fn body_bytes(record: &Record<'_>) -> u64 {
        let mut body = [0; 1024];
        record.encode_body(&mut body).unwrap() as u64
    }

    #[test]
    fn no_record_that_the_budget_counts_is_longer_than_it_says() {
        let position = record_from_output(&Output::Position(EmittedExternalPosition {
            time: MonotonicNs(0),
            lat_rad: 0.0,
            lon_rad: 0.0,
            alt_msl_m: 0.0,
            vel_ned_mps: [0.0; 3],
            covariance: Covariance6([0.0; 21]),
            ellipse_95: Ellipse95 {
                semi_major_m: 1.0,
                semi_minor_m: 1.0,
                orientation_rad: 0.0,
            },
            horiz_accuracy_m: 1.0,
            vert_accuracy_m: 1.0,
            speed_accuracy_mps: 1.0,
            source_label: SourceLabel::DeadReckoned,
            last_satellite_anchor_age_ms: None,
            fix_type: FixType::ThreeD,
        }));
        assert!(body_bytes(&position) <= POSITION_BODY);
        let attitude = records::Attitude {
            time_ns: 0,
            roll_rad: 0.0,
            pitch_rad: 0.0,
            yaw_rad: 0.0,
            angular_rate_frd_radps: [0.0; 3],
        };
        assert!(body_bytes(&attitude.into()) <= ATTITUDE_BODY);
    }

    #[test]
    fn attitudes_of_a_hundred_hertz_are_thinned_to_four() {
        let mut filter = EssentialFilter::default();
        let taken = (0..1000)
            .filter(|index| filter.takes(RecordType::ATTITUDE, index * 10_000_000))
            .count();
        assert_eq!(taken, 40);
    }

    #[test]
    fn positions_and_events_all_go_and_bulk_records_never() {
        let mut filter = EssentialFilter::default();
        for time in 0..100 {
            assert!(filter.takes(RecordType::EMITTED_EXTERNAL_POSITION, time));
            assert!(filter.takes(RecordType::NAVIGATOR_EVENT, time));
            assert!(!filter.takes(RecordType::IMU_TRACE, time));
            assert!(!filter.takes(RecordType::RECEIVED_MAVLINK_RAW, time));
        }
    }

    #[test]
    fn the_budget_of_the_configuration_page_is_the_one_computed() {
        assert_eq!(ESSENTIAL_BYTES_PER_S * ESSENTIAL_SECONDS, 910_080_000);
    }

    #[test]
    fn twenty_five_hours_are_a_fraction_of_the_cap() {
        assert!(essential_bytes_min(64 << 20) < 2_000_000_000);
    }
}
