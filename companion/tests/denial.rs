//! Inside a denial window nothing that GPS reaches may reach a position: those fields are corrupted in
//! real logs, and the emitted positions stay bit-identical.
//!
//! What counts as reached by GPS is listed here a second time, from the definition of denial and not
//! from the code that masks.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;

use companion::autopilot::mavlink::{Frame, Version};
use companion::autopilot::tlog::{Entry, TlogReader};
use mavlink::dialects::ardupilotmega::{GpsFixType, MavMessage};
use support::command::{file, replay, sound_recording};
use support::{flights, frame_v1, frame_v2, straight_flight};

/// `message` with every field that GPS reaches made wrong; `None` when GPS does not reach it.
fn corrupted(message: MavMessage) -> Option<MavMessage> {
    use MavMessage as M;
    Some(match message {
        M::GPS_RAW_INT(mut gps) => {
            gps.fix_type = GpsFixType::GPS_FIX_TYPE_RTK_FIXED;
            (gps.lat, gps.lon, gps.alt) = (gps.lat + 30_000, gps.lon - 30_000, 1_000_000);
            (gps.vel, gps.cog, gps.h_acc, gps.satellites_visible) = (4_000, 12_345, 10, 30);
            M::GPS_RAW_INT(gps)
        }
        M::GPS2_RAW(mut gps) => {
            (gps.lat, gps.lon, gps.alt) = (gps.lat + 30_000, gps.lon - 30_000, 1_000_000);
            M::GPS2_RAW(gps)
        }
        M::GLOBAL_POSITION_INT(mut position) => {
            (position.lat, position.lon) = (position.lat + 30_000, position.lon - 30_000);
            (position.alt, position.vx, position.vy, position.vz) = (9_000_000, 4_000, -4_000, 500);
            (position.relative_alt, position.hdg) = (77, 1);
            M::GLOBAL_POSITION_INT(position)
        }
        M::LOCAL_POSITION_NED(mut position) => {
            (position.x, position.y, position.z) = (1e4, -1e4, 1e3);
            (position.vx, position.vy, position.vz) = (50.0, -50.0, 9.0);
            M::LOCAL_POSITION_NED(position)
        }
        M::AHRS(mut ahrs) => {
            (ahrs.omegaIx, ahrs.error_rp, ahrs.error_yaw) = (9.0, 9.0, 9.0);
            M::AHRS(ahrs)
        }
        M::AHRS2(mut ahrs) => {
            (ahrs.lat, ahrs.lng, ahrs.altitude, ahrs.yaw) = (1, 2, 3.0, 1.0);
            M::AHRS2(ahrs)
        }
        M::AHRS3(mut ahrs) => {
            (ahrs.lat, ahrs.lng, ahrs.altitude, ahrs.yaw) = (1, 2, 3.0, 1.0);
            M::AHRS3(ahrs)
        }
        M::EKF_STATUS_REPORT(mut report) => {
            report.velocity_variance = 9.0;
            report.pos_horiz_variance = 9.0;
            M::EKF_STATUS_REPORT(report)
        }
        M::VFR_HUD(mut hud) => {
            (hud.groundspeed, hud.alt, hud.climb) = (77.0, 7_777.0, -33.0);
            M::VFR_HUD(hud)
        }
        _ => return None,
    })
}

fn rewritten(frame: &Frame<'_>, message: &MavMessage) -> Vec<u8> {
    let (sender, sequence) = (frame.sender(), frame.sequence());
    match frame.version() {
        Version::V1 => frame_v1(sender.system, sender.component, sequence, message),
        Version::V2 => frame_v2(sender.system, sender.component, sequence, message),
    }
}

/// `log` with everything that GPS reaches made wrong between `start_s` and `end_s`.
fn with_wrong_gps(log: &[u8], start_s: f64, end_s: f64) -> (Vec<u8>, usize) {
    let mut reader = TlogReader::new(log);
    let (mut bytes, mut changed, mut start_us) = (Vec::new(), 0, None);
    while let Some(entry) = reader.next_entry().unwrap() {
        let Entry::Frame { time_us, frame, .. } = entry else {
            continue;
        };
        let since_s = (time_us - *start_us.get_or_insert(time_us)) as f64 * 1e-6;
        let wrong = frame
            .message()
            .ok()
            .filter(|_| (start_s..end_s).contains(&since_s))
            .and_then(corrupted);
        bytes.extend(time_us.to_be_bytes());
        match wrong {
            Some(message) => {
                changed += 1;
                bytes.extend(rewritten(&frame, &message));
            }
            None => bytes.extend(frame.bytes()),
        }
    }
    (bytes, changed)
}

/// The positions that a replay of `bytes` emits, as bytes.
fn positions(folder: &Path, name: &str, bytes: &[u8], more: &[&str]) -> Vec<u8> {
    let log = file(folder, name, bytes);
    let out = folder.join(format!("{name}.jsonl"));
    let mut arguments = vec!["--positions", out.to_str().unwrap()];
    arguments.extend(more);
    let run = replay(&log, folder, &arguments);
    assert_eq!(run.code, 0, "{run}");
    sound_recording(&run.json());
    std::fs::read(out).unwrap()
}

fn gps_does_not_reach_a_denied_position(log: &[u8], start_s: f64, end_s: f64) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Both logs are written anew, so that only the corrupted fields differ.
    let (clean, _) = with_wrong_gps(log, 0.0, 0.0);
    let (wrong, changed) = with_wrong_gps(log, start_s, end_s);
    assert!(changed > 50, "only {changed} messages to corrupt");
    let window = format!("{start_s}:{end_s}");
    let denied = ["--deny-gps", &window];
    let expected = positions(folder, "clean", &clean, &denied);
    assert!(!expected.is_empty());
    assert_eq!(
        positions(folder, "wrong", &wrong, &denied),
        expected,
        "GPS reached a position inside {window}"
    );
    assert_ne!(
        positions(folder, "wrong-trusted", &wrong, &[]),
        positions(folder, "clean-trusted", &clean, &[]),
        "the corruption must matter where GPS is not denied"
    );
}

#[test]
fn gps_does_not_reach_a_denied_position_in_a_built_flight() {
    gps_does_not_reach_a_denied_position(&straight_flight(60).bytes, 20.0, 40.0);
}

#[test]
fn gps_does_not_reach_a_denied_position_in_the_real_flights() {
    for (name, start_s, end_s) in [
        ("thor75.tlog", 300.0, 360.0),
        ("proto09.tlog", 200.0, 260.0),
        ("swiss1.tlog", 60.0, 80.0),
    ] {
        if let Some(bytes) = flights::bytes(name) {
            gps_does_not_reach_a_denied_position(&bytes, start_s, end_s);
        }
    }
}

#[test]
fn gps_does_not_reach_a_denied_position_of_a_copter_that_reports_its_filters() {
    if let Some(mut bytes) = flights::bytes("copter_radio_link.tlog") {
        // Its last frame is cut.
        bytes.truncate(2_723_821);
        gps_does_not_reach_a_denied_position(&bytes, 600.0, 660.0);
    }
}
