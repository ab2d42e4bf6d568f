//! What reaches a ground station behind the autopilot's radio, and what an operator may ask from there.

use std::collections::BTreeMap;

use mavlink::dialects::ardupilotmega::{
    COMMAND_INT_DATA, HEARTBEAT_DATA, MavAutopilot, MavCmd, MavMessage, MavModeFlag, MavResult,
    MavState, MavType,
};
use sitl::fake_ardupilot::{COMPANION, OwnReceiver};

use crate::rig::{OPERATOR, Rig, settings};

fn greeting() -> MavMessage {
    MavMessage::HEARTBEAT(HEARTBEAT_DATA {
        custom_mode: 0,
        mavtype: MavType::MAV_TYPE_GCS,
        autopilot: MavAutopilot::MAV_AUTOPILOT_INVALID,
        base_mode: MavModeFlag::empty(),
        system_status: MavState::MAV_STATE_ACTIVE,
        mavlink_version: 3,
    })
}

fn of_companion(rig: &Rig) -> Vec<(u64, &MavMessage)> {
    let radio = rig.radio.iter();
    radio
        .filter(|(_, sender, _)| sender.component == 191)
        .map(|(at, _, message)| (*at, message))
        .collect()
}

#[test]
fn texts_and_values_reach_the_radio_once_the_ground_station_has_spoken() {
    let mut rig = Rig::new(&settings(""));
    rig.run(5.0);
    let early = of_companion(&rig);
    let only = early
        .iter()
        .all(|(_, message)| matches!(message, MavMessage::HEARTBEAT(_)));
    assert!(
        only,
        "nothing but heartbeats is forwarded to a port that never spoke"
    );
    rig.operator_says(&greeting());
    rig.fake.own = OwnReceiver::Spoofed([400.0, 0.0]);
    rig.run(30.0);
    let mut values: BTreeMap<String, usize> = BTreeMap::new();
    let mut texts = Vec::new();
    for (at, message) in of_companion(&rig) {
        match message {
            MavMessage::NAMED_VALUE_FLOAT(body) => {
                *values
                    .entry(body.name.to_str().unwrap().to_owned())
                    .or_default() += 1;
            }
            MavMessage::STATUSTEXT(body) => {
                texts.push((at, body.severity, body.text.to_str().unwrap().to_owned()));
            }
            MavMessage::GPS_RAW_INT(_) => {
                panic!("through the autopilot a second receiver would show")
            }
            _ => {}
        }
    }
    for name in ["H_ACC_M", "V_ACC_M", "VIO_HEALTH", "ANCHOR_S", "SRC_LBL"] {
        let count = values[name];
        assert!((29..=31).contains(&count), "{name}: {count} in 30 s");
    }
    let text = texts
        .iter()
        .find(|(_, _, text)| text.contains("not believed"));
    assert!(
        text.is_some_and(|(_, _, text)| text.starts_with("GPS-DENIED: ")),
        "{texts:?}"
    );
    let mut last: BTreeMap<u8, u64> = BTreeMap::new();
    for (at, severity, text) in &texts {
        if text.starts_with("GPS-DENIED: ")
            && let Some(before) = last.insert(*severity as u8, *at)
        {
            assert!(
                at - before >= 990_000_000,
                "two texts of one severity within a second"
            );
        }
    }
}

#[test]
fn the_echo_of_positions_is_on_the_radio_unless_the_companions_port_is_private() {
    for private in [false, true] {
        let mut rig = Rig::new(&settings(""));
        rig.fake.ports[COMPANION].private = private;
        rig.operator_says(&greeting());
        rig.run(20.0);
        let echo = of_companion(&rig);
        let echo = echo
            .iter()
            .filter(|(_, message)| matches!(message, MavMessage::GPS_INPUT(_)));
        let count = echo.count();
        assert_eq!(count == 0, private, "{count} GPS_INPUT on the radio");
        let texts = of_companion(&rig);
        let texts = texts
            .iter()
            .filter(|(_, message)| matches!(message, MavMessage::STATUSTEXT(_)));
        assert_eq!(
            texts.count() == 0,
            private,
            "private alone also stops our texts"
        );
    }
}

#[test]
fn an_operators_hint_comes_through_the_radio_moves_the_window_and_is_acknowledged() {
    let mut rig = Rig::new(&settings("[navigator.sight]\nenabled = true"));
    rig.operator_says(&greeting());
    rig.run(20.0);
    let truth = rig.fake.truth().place;
    rig.operator_says(&MavMessage::COMMAND_INT(COMMAND_INT_DATA {
        param2: f32::NAN,
        param3: 100.0,
        x: (truth.lat_rad.to_degrees() * 1e7) as i32,
        y: (truth.lon_rad.to_degrees() * 1e7) as i32,
        command: MavCmd::MAV_CMD_EXTERNAL_POSITION_ESTIMATE,
        target_system: 1,
        target_component: 191,
        ..COMMAND_INT_DATA::default()
    }));
    rig.run(2.0);
    assert!(
        rig.out
            .records
            .contains(&fdr_format::RecordType::OPERATOR_HINT)
    );
    assert!(
        rig.out
            .records
            .contains(&fdr_format::RecordType::SEARCH_WINDOW)
    );
    let acknowledged = rig.radio.iter().any(|(_, sender, message)| {
        let MavMessage::COMMAND_ACK(body) = message else {
            return false;
        };
        sender.component == 191
            && body.target_system == OPERATOR.system
            && body.command == MavCmd::MAV_CMD_EXTERNAL_POSITION_ESTIMATE
            && body.result == MavResult::MAV_RESULT_ACCEPTED
    });
    assert!(acknowledged);
}
