//! Whether the autopilot takes our positions: it repeats what its receiver of our instance delivers, latitude
//! and longitude as they were sent. A receiver of its own in our place would have others.
//!
//! | state | event | next | told |
//! |---|---|---|---|
//! | unproven | our receiver repeats one of ours | taken | INFO |
//! | unproven | fix 3 sent for 5 s and nothing repeated | refused | WARNING, with what to check |
//! | taken | fix 3 sent for 5 s and nothing repeated | refused | WARNING |
//! | refused | our receiver repeats one of ours | taken | INFO |
//!
//! The repeated values are looked at for this alone; they never become an input.

use mavlink::dialects::ardupilotmega::{GpsFixType, MavMessage};

use super::is_offered;
use crate::autopilot::live::LinkOutputs;
use crate::navigator::{MonotonicNs, Severity};

const PATIENCE_S: f64 = 5.0;
/// Positions that may be on their way back.
const SENT_MAX: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unproven,
    Taken,
    Refused,
}

/// The proof of delivery.
#[derive(Debug)]
pub(super) struct Delivery {
    gps_id: u8,
    state: State,
    /// Since when a fix that is to be used has been sent without being repeated.
    waiting_since: Option<MonotonicNs>,
    repeated: bool,
    /// Places of the last positions, degE7, the newest first.
    sent: [(i32, i32); SENT_MAX],
}

impl Delivery {
    pub(super) fn new(gps_id: u8) -> Self {
        Self {
            gps_id,
            state: State::Unproven,
            waiting_since: None,
            repeated: false,
            sent: [(0, 0); SENT_MAX],
        }
    }

    /// A position went out: its fix type and its place, degE7.
    pub(super) fn sent(&mut self, fix_type: u8, place: (i32, i32), now: MonotonicNs) {
        self.sent.rotate_right(1);
        self.sent[0] = place;
        if is_offered(fix_type) {
            self.waiting_since.get_or_insert(now);
        } else {
            self.waiting_since = None;
        }
    }

    pub(super) fn hear(&mut self, message: &MavMessage, time: MonotonicNs) {
        let (instance, fix, place) = match message {
            MavMessage::GPS_RAW_INT(body) => (0, body.fix_type, (body.lat, body.lon)),
            MavMessage::GPS2_RAW(body) => (1, body.fix_type, (body.lat, body.lon)),
            _ => return,
        };
        let fixed = fix as u8 >= GpsFixType::GPS_FIX_TYPE_3D_FIX as u8;
        if instance == self.gps_id && fixed && self.sent.contains(&place) {
            self.repeated = true;
            if self.waiting_since.is_some() {
                self.waiting_since = Some(time);
            }
        }
    }

    pub(super) fn poll(&mut self, now: MonotonicNs, outputs: &mut LinkOutputs) {
        let Some(since) = self.waiting_since else {
            self.repeated = false;
            return;
        };
        if std::mem::take(&mut self.repeated) {
            if self.state != State::Taken {
                self.state = State::Taken;
                outputs.tell(now, Severity::Info, "the autopilot takes our positions");
            }
        } else if self.state != State::Refused && now.seconds_since(since) > PATIENCE_S {
            self.state = State::Refused;
            let number = self.gps_id + 1;
            let text = format!(
                "the autopilot does not take our positions: is GPS{number}_TYPE 14 (MAVLink), and \
                 was it started anew since?"
            );
            outputs.tell(now, Severity::Warning, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autopilot::live::LinkOutput;
    use mavlink::dialects::ardupilotmega::GPS2_RAW_DATA;

    fn at(s: f64) -> MonotonicNs {
        MonotonicNs((s * 1e9) as u64)
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Repeated {
        Nothing,
        Others,
        Ours,
    }

    fn run(delivery: &mut Delivery, from_s: f64, repeated: Repeated) -> Vec<String> {
        let mut told = Vec::new();
        for step in 0..100 {
            let now = at(from_s + 0.1 * f64::from(step));
            delivery.sent(3, (step, 7), now);
            if repeated != Repeated::Nothing {
                let body = GPS2_RAW_DATA {
                    lat: step,
                    lon: if repeated == Repeated::Ours { 7 } else { 8 },
                    fix_type: GpsFixType::GPS_FIX_TYPE_3D_FIX,
                    ..GPS2_RAW_DATA::default()
                };
                delivery.hear(&MavMessage::GPS2_RAW(body), now);
            }
            let mut outputs = LinkOutputs::default();
            delivery.poll(now, &mut outputs);
            if let Some(LinkOutput::Event(event)) = outputs.take() {
                told.push(event.text);
            }
        }
        told
    }

    #[test]
    fn positions_that_are_not_repeated_are_told_once_with_what_to_check() {
        let mut delivery = Delivery::new(1);
        let told = run(&mut delivery, 10.0, Repeated::Nothing);
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("GPS2_TYPE"), "{told:?}");
        assert!(run(&mut delivery, 20.0, Repeated::Others).is_empty());
        let told = run(&mut delivery, 30.0, Repeated::Ours);
        assert_eq!(told, ["the autopilot takes our positions"]);
    }

    #[test]
    fn a_withdrawn_position_need_not_be_repeated() {
        let mut delivery = Delivery::new(0);
        let mut outputs = LinkOutputs::default();
        for step in 0..100 {
            delivery.sent(1, (0, 0), at(f64::from(step)));
            delivery.poll(at(f64::from(step)), &mut outputs);
        }
        assert!(outputs.take().is_none());
    }
}
