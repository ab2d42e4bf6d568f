//! A replay sealed by a device, judged as an operator judges it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use companion::config::Configuration;
use companion::recorder::make_device_key;
use companion::replay::{DenialWindows, ReplayOptions, replay};
use mavlink::dialects::ardupilotmega::{
    ATTITUDE_DATA, GPS_RAW_INT_DATA, GpsFixType, HEARTBEAT_DATA, MavAutopilot, MavMessage,
    MavModeFlag, MavState, MavType,
};
use mavlink::{MAVLinkV2MessageRaw, MavHeader};
use serde_json::Value;

/// Ten seconds of a plane that flies north at 15 m/s.
fn log() -> Vec<u8> {
    let mut log = Vec::new();
    for tenth in 0..100_u64 {
        let messages = [
            MavMessage::HEARTBEAT(HEARTBEAT_DATA {
                custom_mode: 0,
                mavtype: MavType::MAV_TYPE_FIXED_WING,
                autopilot: MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA,
                base_mode: MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED,
                system_status: MavState::MAV_STATE_ACTIVE,
                mavlink_version: 3,
            }),
            MavMessage::ATTITUDE(ATTITUDE_DATA::default()),
            MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
                lat: 480_000_000 + (tenth as i32 * 135),
                lon: 110_000_000,
                alt: 300_000,
                eph: 100,
                epv: 100,
                vel: 1500,
                fix_type: GpsFixType::GPS_FIX_TYPE_3D_FIX,
                satellites_visible: 12,
                ..GPS_RAW_INT_DATA::default()
            }),
        ];
        for (number, message) in messages.iter().enumerate() {
            let header = MavHeader {
                system_id: 1,
                component_id: 1,
                sequence: (tenth * 3 + number as u64) as u8,
            };
            let mut raw = MAVLinkV2MessageRaw::new();
            raw.serialize_message(header, message);
            let stamp_us = 1_700_000_000_000_000 + tenth * 100_000;
            log.extend(stamp_us.to_be_bytes());
            log.extend(raw.raw_bytes());
        }
    }
    log
}

fn verify(flight: &Path, more: &[&str]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
        .args(["verify", "--json"])
        .args(more)
        .arg(flight)
        .output()
        .unwrap();
    let verdict = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), verdict)
}

#[test]
fn a_replay_with_a_device_key_is_sealed_by_this_device_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let [key, other] = ["device.key", "other.key"].map(|name| folder.path().join(name));
    let device = make_device_key(&key).unwrap().public().to_string();
    let other = make_device_key(&other).unwrap().public().to_string();
    let path = folder.path().join("flight.tlog");
    std::fs::write(&path, log()).unwrap();
    let mut configuration = Configuration::default();
    configuration.recorder.device_key = Some(key);
    let options = ReplayOptions {
        log: path,
        fdr: folder.path().join("fdr"),
        flight_id: None,
        windows: DenialWindows::default(),
        positions: None,
        configuration,
    };
    let replayed = replay(&options, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(replayed.problem.is_none(), "{:?}", replayed.problem);
    let flight = replayed.summary.flight_dir;

    let (code, verdict) = verify(&flight, &["--device-key", &device]);
    assert_eq!(code, 0, "{verdict}");
    assert_eq!(verdict["seal"]["state"], "sealed", "{verdict}");
    assert_eq!(verdict["seal"]["device_key"], device.as_str());
    let (code, verdict) = verify(&flight, &["--device-key", &other]);
    assert_eq!(code, 4, "{verdict}");
}
