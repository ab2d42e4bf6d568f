//! Notices an accident, so that the ring stops before it eats what led to it.
//!
//! | state | impact-like acceleration | disarmed, or nothing heard of the autopilot for 2 s | 10 s after the impact |
//! |---|---|---|---|
//! | calm | shaken | calm | - |
//! | shaken | shaken, from this moment on | **frozen**, told once | calm |
//! | frozen | frozen | frozen | frozen |
//!
//! Driven by the records themselves and by the time; a landing that looks like an accident costs
//! nothing but the ring's oldest-first rule.

use fdr_format::{Record, RecordType};

/// How long after an impact its consequence counts.
const AFTERMATH_NS: u64 = 10_000_000_000;
/// Silence of the autopilot that counts as loss of its link.
const SILENCE_NS: u64 = 2_000_000_000;

/// Why the ring was frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreezeReason {
    /// An impact, and the vehicle disarmed.
    ImpactThenDisarm,
    /// An impact, and the autopilot fell silent.
    ImpactThenSilence,
    /// Somebody asked for it.
    Command,
}

impl FreezeReason {
    /// Its word in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ImpactThenDisarm => "impact_then_disarm",
            Self::ImpactThenSilence => "impact_then_link_loss",
            Self::Command => "command",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calm,
    Shaken { at_ns: u64 },
    Frozen,
}

/// Watches records go by.
#[derive(Debug, Clone)]
pub struct FreezeDetector {
    state: State,
    impact_mps2: f64,
    heard_ns: u64,
    armed: bool,
}

impl FreezeDetector {
    /// One that takes a specific force of at least `impact_mps2` for an impact.
    #[must_use]
    pub fn new(impact_mps2: f64) -> Self {
        Self {
            state: State::Calm,
            impact_mps2,
            heard_ns: 0,
            armed: false,
        }
    }

    /// Sees a record; says so when the ring is to be frozen.
    #[inline]
    pub fn record(
        &mut self,
        record_type: RecordType,
        monotonic_ns: u64,
        body: &[u8],
    ) -> Option<FreezeReason> {
        let silence = match record_type {
            RecordType::IMU_TRACE
            | RecordType::FLIGHT_STATE
            | RecordType::RECEIVED_MAVLINK_RAW
            | RecordType::RECEIVED_MSP2_RAW => {
                let silence = self.passes(monotonic_ns);
                self.heard_ns = self.heard_ns.max(monotonic_ns);
                silence
            }
            _ => return None,
        };
        let disarm = match record_type {
            RecordType::IMU_TRACE | RecordType::FLIGHT_STATE => {
                self.look_into(record_type, monotonic_ns, body)
            }
            _ => None,
        };
        silence.or(disarm)
    }

    /// Sees the time pass; says so when the ring is to be frozen.
    pub fn passes(&mut self, now_ns: u64) -> Option<FreezeReason> {
        let State::Shaken { at_ns } = self.state else {
            return None;
        };
        let lost_ns = self.heard_ns.saturating_add(SILENCE_NS);
        if now_ns >= lost_ns && lost_ns <= at_ns.saturating_add(AFTERMATH_NS) {
            self.state = State::Frozen;
            return Some(FreezeReason::ImpactThenSilence);
        }
        if now_ns > at_ns.saturating_add(AFTERMATH_NS) {
            self.state = State::Calm;
        }
        None
    }

    /// Begins anew after the ring was thawed.
    pub fn reset(&mut self) {
        self.state = State::Calm;
    }

    fn look_into(
        &mut self,
        record_type: RecordType,
        monotonic_ns: u64,
        body: &[u8],
    ) -> Option<FreezeReason> {
        match Record::decode(record_type, body) {
            Ok(Record::ImuTrace(sample)) => {
                let [x, y, z] = sample.specific_force_frd_mps2;
                let squared = x * x + y * y + z * z;
                if squared >= self.impact_mps2 * self.impact_mps2 && self.state != State::Frozen {
                    self.state = State::Shaken {
                        at_ns: monotonic_ns,
                    };
                }
                None
            }
            Ok(Record::FlightState(state)) => {
                let disarmed = self.armed && !state.armed;
                self.armed = state.armed;
                if disarmed && matches!(self.state, State::Shaken { .. }) {
                    self.state = State::Frozen;
                    return Some(FreezeReason::ImpactThenDisarm);
                }
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use fdr_format::records::{Airframe, FlightState, ImuTrace};

    use super::*;

    const S: u64 = 1_000_000_000;

    fn see(detector: &mut FreezeDetector, record: &Record<'_>, time: u64) -> Option<FreezeReason> {
        let mut body = [0; 256];
        let length = record.encode_body(&mut body).unwrap();
        detector.record(record.record_type(), time, &body[..length])
    }

    fn imu(detector: &mut FreezeDetector, force: f64, time: u64) -> Option<FreezeReason> {
        let record = ImuTrace {
            time_ns: time,
            specific_force_frd_mps2: [0.0, force, 0.0],
            angular_rate_frd_radps: [0.0; 3],
        };
        see(detector, &record.into(), time)
    }

    fn armed(detector: &mut FreezeDetector, armed: bool, time: u64) -> Option<FreezeReason> {
        let record = FlightState {
            time_ns: time,
            armed,
            airframe: Airframe::FixedWing,
        };
        see(detector, &record.into(), time)
    }

    #[test]
    fn an_impact_and_a_disarm_within_ten_seconds_freeze_the_ring_once() {
        let mut detector = FreezeDetector::new(60.0);
        armed(&mut detector, true, 0);
        assert_eq!(imu(&mut detector, 80.0, S), None);
        for tenth in 0..100 {
            assert_eq!(imu(&mut detector, 9.8, S + tenth * S / 10), None);
        }
        let frozen = armed(&mut detector, false, 11 * S);
        assert_eq!(frozen, Some(FreezeReason::ImpactThenDisarm));
        assert_eq!(imu(&mut detector, 80.0, 12 * S), None);
        assert_eq!(detector.passes(60 * S), None);
    }

    #[test]
    fn a_disarm_later_than_that_or_without_an_impact_does_not() {
        let mut detector = FreezeDetector::new(60.0);
        armed(&mut detector, true, 0);
        imu(&mut detector, 80.0, S);
        for second in 2..15 {
            assert_eq!(imu(&mut detector, 9.8, second * S), None);
        }
        assert_eq!(armed(&mut detector, false, 15 * S), None);
        let mut calm = FreezeDetector::new(60.0);
        armed(&mut calm, true, 0);
        imu(&mut calm, 59.0, S);
        assert_eq!(armed(&mut calm, false, 2 * S), None);
    }

    #[test]
    fn an_impact_and_a_silent_autopilot_freeze_the_ring() {
        let mut detector = FreezeDetector::new(60.0);
        armed(&mut detector, true, 0);
        imu(&mut detector, 200.0, S);
        imu(&mut detector, 9.8, 2 * S);
        assert_eq!(detector.passes(3 * S), None);
        let frozen = detector.passes(4 * S);
        assert_eq!(frozen, Some(FreezeReason::ImpactThenSilence));
    }

    #[test]
    fn a_launch_that_is_flown_away_from_does_not_freeze_the_ring() {
        let mut detector = FreezeDetector::new(60.0);
        armed(&mut detector, true, 0);
        imu(&mut detector, 120.0, S);
        for tenth in 10..400 {
            assert_eq!(imu(&mut detector, 9.8, tenth * S / 10), None);
        }
        assert_eq!(detector.passes(45 * S), None);
    }
}
