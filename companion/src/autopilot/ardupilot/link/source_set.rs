//! Asking ArduPilot for another set of position sources (`MAV_CMD_SET_EKF_SOURCE_SET`).
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | idle | a set is asked for | wanted | an older wish is forgotten |
//! | wanted | parameters not read yet, or the last request less than 5 s ago | wanted | - |
//! | wanted | the set's parameters make no position | idle | refused, and told |
//! | wanted | otherwise | sent | command, recorded |
//! | sent | accepted | idle | recorded |
//! | sent | refused | idle | recorded, told |
//! | sent | no answer for half a second, fewer than five attempts | sent | command again, recorded |
//! | sent | no answer to the fifth | idle | told |
//!
//! An accepted set proves nothing: ArduPilot accepts an empty one. Hence the parameters first.
//!
//! Source: `GCS_MAVLINK::handle_command_set_ekf_source_set`.

use fdr_format::records;
use mavlink::dialects::ardupilotmega::{
    COMMAND_ACK_DATA, COMMAND_LONG_DATA, MavCmd, MavMessage, MavResult,
};

use super::parameters::ParameterCheck;
use crate::autopilot::live::{LinkOutput, LinkOutputs, LinkRecord};
use crate::autopilot::mavlink::Sender;
use crate::link::{FC_LINK, FrameClass};
use crate::navigator::{MonotonicNs, Severity};

const ANSWER_S: f64 = 0.5;
const ATTEMPTS: u8 = 5;
/// Between two requests lies at least this.
const BETWEEN_S: f64 = 5.0;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum State {
    #[default]
    Idle,
    Wanted {
        set: u8,
    },
    Sent {
        set: u8,
        attempt: u8,
        at: MonotonicNs,
    },
}

/// The requests.
#[derive(Debug, Default)]
pub(super) struct SourceSwitch {
    state: State,
    last: Option<MonotonicNs>,
}

impl SourceSwitch {
    /// The navigator asks for `set`, 1 to 3.
    pub(super) fn ask(&mut self, set: u8, _: MonotonicNs) {
        self.state = State::Wanted { set };
    }

    pub(super) fn poll(
        &mut self,
        parameters: Option<&ParameterCheck>,
        us: Sender,
        vehicle: Sender,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        match self.state {
            State::Idle => {}
            State::Wanted { set } => {
                let Some(parameters) = parameters else { return };
                let early = |last| now.seconds_since(last) < BETWEEN_S;
                if self.last.is_some_and(early) {
                    return;
                }
                if let Some(problem) = parameters.source_set_problem(set) {
                    self.state = State::Idle;
                    let text = format!("source set {set} is not asked for: {problem}");
                    outputs.tell(now, Severity::Warning, text);
                    return;
                }
                self.last = Some(now);
                self.send(set, 1, us, vehicle, now, outputs);
            }
            State::Sent { set, attempt, at } => {
                if now.seconds_since(at) < ANSWER_S {
                    return;
                }
                if attempt < ATTEMPTS {
                    self.send(set, attempt + 1, us, vehicle, now, outputs);
                } else {
                    self.state = State::Idle;
                    let text = format!("the autopilot does not answer: source set {set}");
                    outputs.tell(now, Severity::Warning, text);
                }
            }
        }
    }

    fn send(
        &mut self,
        set: u8,
        attempt: u8,
        us: Sender,
        vehicle: Sender,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        let command = MavMessage::COMMAND_LONG(COMMAND_LONG_DATA {
            param1: f32::from(set),
            command: MavCmd::MAV_CMD_SET_EKF_SOURCE_SET,
            target_system: vehicle.system,
            target_component: vehicle.component,
            confirmation: attempt - 1,
            ..COMMAND_LONG_DATA::default()
        });
        outputs.send(&command, us, FrameClass::Ordinary);
        self.state = State::Sent {
            set,
            attempt,
            at: now,
        };
        record(set, attempt, None, vehicle, now, outputs);
    }

    pub(super) fn acknowledged(
        &mut self,
        answer: &COMMAND_ACK_DATA,
        us: Sender,
        vehicle: Sender,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        let State::Sent { set, attempt, .. } = self.state else {
            return;
        };
        // Trees before the target fields send zeros.
        let for_us = [0, us.system].contains(&answer.target_system)
            && [0, us.component].contains(&answer.target_component);
        if answer.command != MavCmd::MAV_CMD_SET_EKF_SOURCE_SET || !for_us {
            return;
        }
        self.state = State::Idle;
        let result = answer.result as u8;
        record(set, attempt, Some(result), vehicle, now, outputs);
        if answer.result != MavResult::MAV_RESULT_ACCEPTED {
            let text = format!("the autopilot refused source set {set} (MAV_RESULT {result})");
            outputs.tell(now, Severity::Warning, text);
        }
    }
}

fn record(
    source_set: u8,
    attempt: u8,
    result: Option<u8>,
    vehicle: Sender,
    now: MonotonicNs,
    outputs: &mut LinkOutputs,
) {
    outputs.push(LinkOutput::Record(LinkRecord::SourceSet(
        records::EkfSourceSetCommand {
            time_ns: now.0,
            link: FC_LINK,
            target_system: vehicle.system,
            target_component: vehicle.component,
            source_set,
            attempt,
            result,
        },
    )));
}
