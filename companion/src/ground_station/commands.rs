//! What an operator may ask of us: to search around a place (`MAV_CMD_EXTERNAL_POSITION_ESTIMATE`, 43003).
//!
//! | command to us | answer | effect |
//! |---|---|---|
//! | 43003, a place on earth, accuracy sensible or not given | accepted | hint for the navigator |
//! | 43003, anything else | denied | - |
//! | any other | unsupported | - |
//! | to somebody else | none | - |
//!
//! COMMAND_INT carries the place in 1e-7 degrees, COMMAND_LONG in degrees as f32, some metres coarse.
//!
//! Source: MAVLink common, `MAV_CMD` 43003: param 1 time of sending, 2 age of the estimate (s), 3 accuracy
//! (m, 1 sigma), 5 and 6 the place.

use mavlink::dialects::ardupilotmega::{COMMAND_ACK_DATA, MavCmd, MavMessage, MavResult};

use crate::autopilot::mavlink::Sender;
use crate::navigator::{MonotonicNs, OperatorHint};

/// Accuracy of an estimate that comes without one, m.
const ACCURACY_UNKNOWN_M: f64 = 500.0;
/// Most accurate estimate that a person has, m.
const ACCURACY_MIN_M: f64 = 5.0;
/// Beyond this an estimate says nothing, m.
const ACCURACY_MAX_M: f64 = 100_000.0;
/// Oldest estimate, s.
const AGE_MAX_S: f64 = 600.0;

/// Our answer to a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// For the sender.
    pub acknowledgement: MavMessage,
    /// For the navigator.
    pub hint: Option<OperatorHint>,
}

/// The commands of one link.
#[derive(Debug, Clone, Copy)]
pub struct Commands {
    link: u8,
}

struct Asked {
    command: MavCmd,
    target: Sender,
    age_s: f64,
    accuracy_m: f64,
    lat_deg: f64,
    lon_deg: f64,
}

impl Commands {
    /// The commands that arrive on link `link`.
    #[must_use]
    pub fn new(link: u8) -> Self {
        Self { link }
    }

    /// The answer to a message, when it is a command to us.
    #[must_use]
    pub fn handle(
        &self,
        sender: Sender,
        message: &MavMessage,
        us: Sender,
        time: MonotonicNs,
    ) -> Option<Answer> {
        let asked = asked(message)?;
        if asked.target != us {
            return None;
        }
        let hint = (asked.command == MavCmd::MAV_CMD_EXTERNAL_POSITION_ESTIMATE)
            .then(|| self.hint(sender, &asked, time));
        let result = match &hint {
            None => MavResult::MAV_RESULT_UNSUPPORTED,
            Some(None) => MavResult::MAV_RESULT_DENIED,
            Some(Some(_)) => MavResult::MAV_RESULT_ACCEPTED,
        };
        Some(Answer {
            acknowledgement: MavMessage::COMMAND_ACK(COMMAND_ACK_DATA {
                command: asked.command,
                result,
                progress: 0,
                result_param2: 0,
                target_system: sender.system,
                target_component: sender.component,
            }),
            hint: hint.flatten(),
        })
    }

    fn hint(&self, sender: Sender, asked: &Asked, time: MonotonicNs) -> Option<OperatorHint> {
        let on_earth = asked.lat_deg.abs() <= 90.0
            && asked.lon_deg.abs() <= 180.0
            // Fields that nobody filled in.
            && (asked.lat_deg, asked.lon_deg) != (0.0, 0.0);
        let given = |value: f64| (!value.is_nan() && value != 0.0).then_some(value);
        let accuracy_m = given(asked.accuracy_m).unwrap_or(ACCURACY_UNKNOWN_M);
        let age_s = given(asked.age_s);
        let sensible = (0.0..=ACCURACY_MAX_M).contains(&accuracy_m)
            && age_s.is_none_or(|age_s| (0.0..=AGE_MAX_S).contains(&age_s));
        (on_earth && sensible).then(|| OperatorHint {
            time,
            link: self.link,
            sender_system: sender.system,
            sender_component: sender.component,
            lat_rad: asked.lat_deg.to_radians(),
            lon_rad: asked.lon_deg.to_radians(),
            horiz_accuracy_m: accuracy_m.max(ACCURACY_MIN_M),
            age_s,
        })
    }
}

fn asked(message: &MavMessage) -> Option<Asked> {
    Some(match message {
        MavMessage::COMMAND_INT(body) => Asked {
            command: body.command,
            target: Sender {
                system: body.target_system,
                component: body.target_component,
            },
            age_s: f64::from(body.param2),
            accuracy_m: f64::from(body.param3),
            lat_deg: f64::from(body.x) * 1e-7,
            lon_deg: f64::from(body.y) * 1e-7,
        },
        MavMessage::COMMAND_LONG(body) => Asked {
            command: body.command,
            target: Sender {
                system: body.target_system,
                component: body.target_component,
            },
            age_s: f64::from(body.param2),
            accuracy_m: f64::from(body.param3),
            lat_deg: f64::from(body.param5),
            lon_deg: f64::from(body.param6),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mavlink::dialects::ardupilotmega::COMMAND_INT_DATA;

    const US: Sender = Sender {
        system: 1,
        component: 191,
    };
    const OPERATOR: Sender = Sender {
        system: 255,
        component: 190,
    };

    fn command(
        change: impl FnOnce(&mut COMMAND_INT_DATA),
    ) -> Option<(MavResult, Option<OperatorHint>)> {
        let mut body = COMMAND_INT_DATA {
            param2: f32::NAN,
            param3: 150.0,
            x: 504_500_000,
            y: 305_000_000,
            command: MavCmd::MAV_CMD_EXTERNAL_POSITION_ESTIMATE,
            target_system: 1,
            target_component: 191,
            ..COMMAND_INT_DATA::default()
        };
        change(&mut body);
        let answer = Commands::new(1).handle(
            OPERATOR,
            &MavMessage::COMMAND_INT(body),
            US,
            MonotonicNs(5),
        )?;
        let MavMessage::COMMAND_ACK(ack) = answer.acknowledgement else {
            panic!("an acknowledgement");
        };
        assert_eq!((ack.target_system, ack.target_component), (255, 190));
        Some((ack.result, answer.hint))
    }

    #[test]
    fn a_hint_becomes_an_input_and_is_acknowledged() {
        let (result, hint) = command(|_| {}).unwrap();
        let hint = hint.unwrap();
        assert_eq!(result, MavResult::MAV_RESULT_ACCEPTED);
        assert!((hint.lat_rad - 50.45_f64.to_radians()).abs() < 1e-9);
        assert_eq!((hint.horiz_accuracy_m, hint.age_s), (150.0, None));
        assert_eq!((hint.link, hint.sender_system), (1, 255));
    }

    #[test]
    fn what_is_no_place_is_denied_what_is_no_hint_unsupported_and_what_is_not_ours_left_alone() {
        for refused in [
            command(|body| body.x = 910_000_000),
            command(|body| (body.x, body.y) = (0, 0)),
            command(|body| body.param3 = -1.0),
            command(|body| body.param2 = 1e9),
            command(|body| body.param3 = f32::INFINITY),
        ] {
            assert_eq!(refused, Some((MavResult::MAV_RESULT_DENIED, None)));
        }
        let other = command(|body| body.command = MavCmd::MAV_CMD_COMPONENT_ARM_DISARM);
        assert_eq!(other, Some((MavResult::MAV_RESULT_UNSUPPORTED, None)));
        assert_eq!(command(|body| body.target_component = 1), None);
        assert_eq!(command(|body| body.target_system = 2), None);
    }
}
