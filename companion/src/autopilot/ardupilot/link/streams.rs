//! Asking ArduPilot for its messages, one request at a time; by default it sends almost none.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | asking n | due | waiting n | SET_MESSAGE_INTERVAL |
//! | waiting n | acknowledged | asking n + 1 | - |
//! | waiting n | refused, or three times no answer | asking n + 1 | its old-style stream is asked for |
//! | waiting n | no answer for half a second | asking n | - |
//! | asking, none left | - | asked | - |
//! | asked | attitude or inertial samples stay away for 3 s | asking 0 | - |
//! | any | the autopilot was started anew, or the link | asking 0 | - |
//!
//! The answer does not say which message it is about, hence one at a time. ArduPilot has ten different
//! intervals for each link; here are five.
//!
//! Source: `GCS_MAVLINK::set_message_interval`; MAVLink common 66, 511.

use mavlink::dialects::ardupilotmega::{
    COMMAND_ACK_DATA, COMMAND_LONG_DATA, MavCmd, MavDataStream, MavMessage, MavResult,
    REQUEST_DATA_STREAM_DATA,
};

use crate::autopilot::AutopilotConfig;
use crate::autopilot::live::LinkOutputs;
use crate::autopilot::mavlink::Sender;
use crate::link::FrameClass;
use crate::navigator::MonotonicNs;

const ANSWER_S: f64 = 0.5;
const ATTEMPTS: u8 = 3;
/// Without these samples for so long the requests were forgotten.
const MISSING_S: f64 = 3.0;
/// They are repeated at most this often.
const REPEAT_S: f64 = 5.0;

#[derive(Debug, Clone, Copy)]
struct Wanted {
    id: u32,
    hz: u16,
    stream: MavDataStream,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Asking {
        next: usize,
        attempt: u8,
    },
    Waiting {
        on: usize,
        attempt: u8,
        since: MonotonicNs,
    },
    Asked {
        at: MonotonicNs,
    },
}

/// The requests.
#[derive(Debug)]
pub(super) struct Streams {
    wanted: [Wanted; 11],
    state: State,
    last_attitude: Option<MonotonicNs>,
    last_imu: Option<MonotonicNs>,
}

impl Streams {
    pub(super) fn new(config: &AutopilotConfig) -> Self {
        use MavDataStream as S;
        let wanted = |id, hz, stream| Wanted { id, hz, stream };
        let rates = &config.rates;
        let slow = 1;
        Self {
            // What a position needs comes first.
            wanted: [
                wanted(30, rates.attitude_hz, S::MAV_DATA_STREAM_EXTRA1),
                wanted(27, rates.imu_hz, S::MAV_DATA_STREAM_RAW_SENSORS),
                wanted(24, rates.gps_hz, S::MAV_DATA_STREAM_EXTENDED_STATUS),
                wanted(124, rates.gps_hz, S::MAV_DATA_STREAM_EXTENDED_STATUS),
                wanted(74, rates.air_hz, S::MAV_DATA_STREAM_EXTRA2),
                wanted(29, rates.air_hz, S::MAV_DATA_STREAM_RAW_SENSORS),
                wanted(116, rates.imu_hz, S::MAV_DATA_STREAM_RAW_SENSORS),
                wanted(1, slow, S::MAV_DATA_STREAM_EXTENDED_STATUS),
                wanted(2, slow, S::MAV_DATA_STREAM_EXTRA3),
                wanted(193, slow, S::MAV_DATA_STREAM_EXTRA3),
                wanted(33, slow, S::MAV_DATA_STREAM_POSITION),
            ],
            state: State::Asking {
                next: 0,
                attempt: 0,
            },
            last_attitude: None,
            last_imu: None,
        }
    }

    pub(super) fn begin_anew(&mut self) {
        self.state = State::Asking {
            next: 0,
            attempt: 0,
        };
        self.last_attitude = None;
        self.last_imu = None;
    }

    pub(super) fn hear(&mut self, message: &MavMessage, time: MonotonicNs) {
        match message {
            MavMessage::ATTITUDE(_) => self.last_attitude = Some(time),
            MavMessage::RAW_IMU(_) | MavMessage::SCALED_IMU2(_) => self.last_imu = Some(time),
            _ => {}
        }
    }

    pub(super) fn acknowledged(&mut self, answer: &COMMAND_ACK_DATA, now: MonotonicNs) {
        if answer.command != MavCmd::MAV_CMD_SET_MESSAGE_INTERVAL {
            return;
        }
        let State::Waiting { on, .. } = self.state else {
            return;
        };
        self.state = match answer.result {
            MavResult::MAV_RESULT_ACCEPTED => self.after(on, now),
            // Asked for in the old way when it is looked at next.
            _ => State::Waiting {
                on,
                attempt: ATTEMPTS,
                since: MonotonicNs(0),
            },
        };
    }

    fn after(&self, on: usize, now: MonotonicNs) -> State {
        if on + 1 < self.wanted.len() {
            State::Asking {
                next: on + 1,
                attempt: 0,
            }
        } else {
            State::Asked { at: now }
        }
    }

    pub(super) fn poll(
        &mut self,
        us: Sender,
        vehicle: Sender,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        match self.state {
            State::Asking { next, attempt } => {
                let Some(wanted) = self.wanted.get(next) else {
                    self.state = State::Asked { at: now };
                    return;
                };
                outputs.send(&interval(wanted, vehicle), us, FrameClass::Ordinary);
                self.state = State::Waiting {
                    on: next,
                    attempt: attempt + 1,
                    since: now,
                };
            }
            State::Waiting { on, attempt, since } => {
                if now.seconds_since(since) < ANSWER_S {
                    return;
                }
                if attempt < ATTEMPTS {
                    self.state = State::Asking { next: on, attempt };
                    return;
                }
                if let Some(wanted) = self.wanted.get(on) {
                    outputs.send(&old_style(wanted, vehicle), us, FrameClass::Ordinary);
                }
                self.state = self.after(on, now);
            }
            State::Asked { at } => {
                let missing = |last: Option<MonotonicNs>| {
                    last.is_none_or(|last| now.seconds_since(last) > MISSING_S)
                };
                let lost = missing(self.last_attitude) || missing(self.last_imu);
                if lost && now.seconds_since(at) > REPEAT_S {
                    self.begin_anew();
                }
            }
        }
    }
}

fn interval(wanted: &Wanted, vehicle: Sender) -> MavMessage {
    MavMessage::COMMAND_LONG(COMMAND_LONG_DATA {
        param1: wanted.id as f32,
        param2: 1e6 / f32::from(wanted.hz.max(1)),
        command: MavCmd::MAV_CMD_SET_MESSAGE_INTERVAL,
        target_system: vehicle.system,
        target_component: vehicle.component,
        ..COMMAND_LONG_DATA::default()
    })
}

fn old_style(wanted: &Wanted, vehicle: Sender) -> MavMessage {
    MavMessage::REQUEST_DATA_STREAM(REQUEST_DATA_STREAM_DATA {
        req_message_rate: wanted.hz,
        target_system: vehicle.system,
        target_component: vehicle.component,
        req_stream_id: wanted.stream,
        start_stop: 1,
    })
}
