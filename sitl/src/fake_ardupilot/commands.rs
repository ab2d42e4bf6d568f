//! What the fake does with what it is told and asked.
//!
//! | message | effect |
//! |---|---|
//! | GPS_INPUT | the receiver of that instance, where it is one of ours |
//! | TIMESYNC request | answer: `ts1` as it came, `tc1` time since boot |
//! | PARAM_REQUEST_READ, PARAM_REQUEST_LIST | PARAM_VALUE, where there is such a name |
//! | SET_MESSAGE_INTERVAL | accepted; denied for an unknown message, param 3 set, too many intervals |
//! | REQUEST_DATA_STREAM | the messages of that stream at that rate |
//! | SET_EKF_SOURCE_SET | 1 to 3 accepted, anything else denied |
//! | SETUP_SIGNING | key installed on all ports, dropped when all zero; refused while armed |
//! | a command to another component | none |

use std::sync::Arc;

use companion::autopilot::mavlink::{
    KEY_BYTES, NEW_STREAM_TICKS, Sender, Signing, SigningClock, SigningKey,
};
use mavlink::dialects::ardupilotmega::{
    COMMAND_ACK_DATA, COMMAND_LONG_DATA, MavCmd, MavDataStream, MavMessage, MavParamType,
    MavResult, MavSeverity, PARAM_VALUE_DATA, SETUP_SIGNING_DATA,
};

use super::{AUTOPILOT, FakeArduPilot};

impl FakeArduPilot {
    pub(super) fn handle(&mut self, port: usize, sender: Sender, message: &MavMessage) {
        match message {
            MavMessage::GPS_INPUT(packet) => {
                let now_us = self.boot_us();
                let receivers = self.ours.iter_mut().flatten();
                let told: Vec<_> = receivers
                    .filter_map(|receiver| receiver.packet(packet, now_us))
                    .collect();
                for text in told {
                    self.tell(MavSeverity::MAV_SEVERITY_INFO, &text);
                }
            }
            MavMessage::TIMESYNC(request) if request.tc1 == 0 => {
                let answer = self.timesync_answer(request.ts1);
                self.send(port, &answer);
            }
            MavMessage::PARAM_REQUEST_READ(request)
                if request.target_system == AUTOPILOT.system =>
            {
                let name = request.param_id.to_str().unwrap_or_default().to_owned();
                self.send_parameter(port, &name);
            }
            MavMessage::PARAM_REQUEST_LIST(request)
                if request.target_system == AUTOPILOT.system =>
            {
                let names: Vec<_> = self
                    .parameters
                    .iter()
                    .map(|(name, _)| name.to_owned())
                    .collect();
                for name in names {
                    self.send_parameter(port, &name);
                }
            }
            MavMessage::REQUEST_DATA_STREAM(request)
                if request.target_system == AUTOPILOT.system =>
            {
                let hz = if request.start_stop == 0 {
                    0
                } else {
                    request.req_message_rate
                };
                for id in of_stream(request.req_stream_id) {
                    let period_us = 1_000_000_u64.checked_div(u64::from(hz));
                    let now_us = self.boot_us();
                    self.ports[port].set_interval(*id, period_us, now_us);
                }
            }
            MavMessage::COMMAND_LONG(command)
                if command.target_system == AUTOPILOT.system
                    && command.target_component == AUTOPILOT.component =>
            {
                let result = self.command(port, command);
                let answer = MavMessage::COMMAND_ACK(COMMAND_ACK_DATA {
                    command: command.command,
                    result,
                    progress: 0,
                    result_param2: 0,
                    target_system: sender.system,
                    target_component: sender.component,
                });
                self.send(port, &answer);
            }
            MavMessage::SETUP_SIGNING(setup) if setup.target_system == AUTOPILOT.system => {
                self.setup_signing(setup);
            }
            _ => {}
        }
    }

    fn command(&mut self, port: usize, command: &COMMAND_LONG_DATA) -> MavResult {
        match command.command {
            MavCmd::MAV_CMD_SET_MESSAGE_INTERVAL => self.set_interval(port, command),
            MavCmd::MAV_CMD_SET_EKF_SOURCE_SET => match command.param1 {
                1.0 | 2.0 | 3.0 => {
                    self.source_set = command.param1 as u8;
                    MavResult::MAV_RESULT_ACCEPTED
                }
                _ => MavResult::MAV_RESULT_DENIED,
            },
            _ => MavResult::MAV_RESULT_UNSUPPORTED,
        }
    }

    fn set_interval(&mut self, port: usize, command: &COMMAND_LONG_DATA) -> MavResult {
        let id = command.param1 as u32;
        let wanted = command.param2;
        if command.param3 != 0.0 || !self.streams(id) || wanted < -1.0 {
            return MavResult::MAV_RESULT_DENIED;
        }
        let period_us = match wanted {
            -1.0 => None,
            0.0 => Some(1_000_000),
            wanted => Some((wanted as u64).clamp(1_000, 60_000_000)),
        };
        let now_us = self.boot_us();
        if self.ports[port].set_interval(id, period_us, now_us) {
            MavResult::MAV_RESULT_ACCEPTED
        } else {
            MavResult::MAV_RESULT_DENIED
        }
    }

    fn send_parameter(&mut self, port: usize, name: &str) {
        let (Some(param_value), Some(index)) =
            (self.parameters.get(name), self.parameters.index(name))
        else {
            return;
        };
        let value = MavMessage::PARAM_VALUE(PARAM_VALUE_DATA {
            param_value,
            param_count: self.parameters.iter().len() as u16,
            param_index: index as u16,
            param_id: name.into(),
            param_type: MavParamType::MAV_PARAM_TYPE_REAL32,
        });
        self.send(port, &value);
    }

    fn setup_signing(&mut self, setup: &SETUP_SIGNING_DATA) {
        if self.armed {
            let text = "ERROR: Won't setup signing when armed";
            self.tell(MavSeverity::MAV_SEVERITY_ERROR, text);
            return;
        }
        self.signing =
            (setup.secret_key != [0; KEY_BYTES] || setup.initial_timestamp != 0).then(|| {
                let key = SigningKey::from_bytes(&setup.secret_key);
                // Loading a key adds a minute.
                let ticks = setup.initial_timestamp.saturating_add(NEW_STREAM_TICKS);
                Arc::new(Signing::new(
                    key,
                    1,
                    SigningClock::starting_at(ticks, self.now),
                ))
            });
        self.signer.set(self.signing.clone());
    }
}

fn of_stream(stream: MavDataStream) -> &'static [u32] {
    match stream {
        MavDataStream::MAV_DATA_STREAM_RAW_SENSORS => &[27, 29],
        MavDataStream::MAV_DATA_STREAM_EXTENDED_STATUS => &[1, 24, 124],
        MavDataStream::MAV_DATA_STREAM_POSITION => &[33],
        MavDataStream::MAV_DATA_STREAM_EXTRA1 => &[30],
        MavDataStream::MAV_DATA_STREAM_EXTRA2 => &[74],
        MavDataStream::MAV_DATA_STREAM_EXTRA3 => &[2, 193],
        MavDataStream::MAV_DATA_STREAM_ALL => &[1, 2, 24, 27, 29, 30, 33, 74, 124, 193],
        _ => &[],
    }
}
