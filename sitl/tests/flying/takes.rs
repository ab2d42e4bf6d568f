//! What the autopilot takes from a companion that does it right.

use companion::autopilot::mavlink::Frame;
use mavlink::dialects::ardupilotmega::{GpsFixType, MavMessage};
use sitl::fake_ardupilot::{Aiding, FLAGS_GOOD, OwnReceiver};

use crate::rig::{Rig, settings};

#[test]
fn the_first_position_follows_the_first_sample_within_a_second_and_the_autopilot_takes_it() {
    let mut rig = Rig::new(&settings(""));
    rig.run(20.0);
    let counts = rig.cockpit.counts();
    let first = counts
        .first_position
        .unwrap()
        .seconds_since(counts.first_sample.unwrap());
    assert!(first <= 1.0, "first position after {first} s");
    assert!(rig.was_told("GPS 2: detected MAV"));
    assert!(rig.has_logged("the autopilot takes our positions"));
    assert_eq!(
        (rig.fake.filter().aiding(), rig.fake.flags()),
        (Aiding::Aided, FLAGS_GOOD)
    );
    assert_eq!(rig.fake.followed(), 1, "ours is the primary receiver");
    assert!(rig.fake.gps_is_healthy());
    let offset = rig.fake.filter().shown_offset().norm();
    assert!(
        offset < 10.0,
        "the autopilot believes itself {offset} m off"
    );
}

#[test]
fn positions_flow_at_ten_hertz_without_a_gap_and_keep_the_emitter_contract() {
    let mut rig = Rig::new(&settings(""));
    rig.run(10.0);
    rig.fake.own = OwnReceiver::Jammed;
    rig.run(50.0);
    let mut last = None;
    let mut count = 0;
    for (at_s, message) in rig.messages(3.0) {
        let MavMessage::GPS_INPUT(body) = message else {
            continue;
        };
        if let Some(last) = last.replace(at_s) {
            let gap: f64 = at_s - last;
            assert!((gap - 0.1).abs() < 0.005, "a gap of {gap} s");
        }
        count += 1;
        assert_eq!(body.gps_id, 1);
        assert!(body.ignore_flags.is_empty());
        assert_eq!((body.time_week, body.satellites_visible), (0, 10));
        assert!(body.horiz_accuracy >= 0.5 && body.speed_accuracy > 0.0);
        assert!(body.hdop > 0.0 && body.hdop < 2.5);
    }
    assert!((565..=575).contains(&count), "{count} positions in 57 s");
}

#[test]
fn when_gps_is_jammed_our_position_is_followed_and_degrades_by_the_table_as_its_radius_grows() {
    let mut rig = Rig::new(&settings(""));
    rig.run(20.0);
    rig.fake.own = OwnReceiver::Jammed;
    rig.run(20.0);
    assert_eq!(rig.fake.followed(), 1);
    assert_eq!(rig.fake.filter().aiding(), Aiding::Aided);
    let offset = rig.fake.filter().shown_offset().norm();
    let report = rig.fake.report(1).unwrap();
    assert!(
        offset < 3.0 * report.horiz_accuracy_m + 10.0,
        "{offset} m off at {report:?}"
    );
    rig.run(200.0);
    let mut seen = [0; 4];
    for (_, message) in rig.messages(20.0) {
        let MavMessage::GPS_INPUT(body) = message else {
            continue;
        };
        // 245 m and 500 m of the 95 % radius.
        let accuracy_m = body.horiz_accuracy;
        let expected = if accuracy_m <= 100.1 {
            3
        } else if accuracy_m <= 204.3 {
            2
        } else {
            1
        };
        assert_eq!(body.fix_type as usize, expected, "{accuracy_m} m");
        assert_eq!(expected == 1, accuracy_m == 999.0);
        seen[expected] += 1;
    }
    assert!(seen[3] > 100 && seen[2] > 10, "{seen:?}");
}

#[test]
fn our_own_echo_is_never_taken_for_the_autopilots_gps() {
    // The only receiver is ours: everything that GPS_RAW_INT says is our own output.
    let mut rig = Rig::new(&settings("[autopilot]\ngps_id = 0"));
    rig.fake.parameters.set("GPS1_TYPE", 14.0);
    rig.fake.parameters.set("GPS2_TYPE", 0.0);
    rig.fake.reboot();
    rig.run(30.0);
    assert_eq!(
        rig.cockpit.counts().positions,
        0,
        "nothing tells where we are"
    );
    let gps = fdr_format::RecordType::FC_GPS;
    assert!(!rig.out.records.contains(&gps));
}

#[test]
fn an_autopilot_that_is_started_anew_is_asked_for_its_streams_again() {
    let mut rig = Rig::new(&settings(""));
    rig.run(20.0);
    let before = rig.cockpit.counts().heard[0].vehicle;
    rig.fake.reboot();
    rig.run(3.0);
    assert!(rig.has_logged("the autopilot was started anew"));
    rig.run(17.0);
    let heard = rig.cockpit.counts().heard[0].vehicle - before;
    assert!(heard > 15 * 150, "{heard} messages in 20 s with a reboot");
    assert_eq!(
        rig.fake.filter().aiding(),
        Aiding::Aided,
        "it starts on ours again"
    );
}

#[test]
fn its_clock_that_wraps_after_49_days_is_no_reboot() {
    let mut rig = Rig::new(&settings(""));
    rig.fake.set_boot_offset_ms(u32::MAX - 10_000);
    rig.run(30.0);
    assert!(!rig.has_logged("started anew"));
    assert_eq!(rig.fake.filter().aiding(), Aiding::Aided);
}

#[test]
fn its_clock_is_known_to_a_millisecond() {
    let mut rig = Rig::new(&settings(""));
    rig.run(10.0);
    let offset_ns = rig.out.clock_offset_ns.unwrap();
    let truth_ns = rig.time().0 as i64 - (rig.fake.boot_us() * 1_000) as i64;
    assert!(
        (offset_ns - truth_ns).abs() <= 1_500_000,
        "{offset_ns} is not {truth_ns}"
    );
}

#[test]
fn a_source_set_is_asked_for_once_an_episode_after_its_parameters_were_read() {
    let text = "[navigator.spoof_gate]\nsource_set_denied = 2\nsource_set_trusted = 1";
    let mut rig = Rig::new(&settings(text));
    rig.run(20.0);
    assert_eq!(rig.out.source_sets, []);
    rig.fake.own = OwnReceiver::Spoofed([300.0, 0.0]);
    rig.run(20.0);
    assert_eq!(rig.out.source_sets, [(2, 1, None), (2, 1, Some(0))]);
    assert_eq!(rig.fake.source_set(), 2);
}

#[test]
fn a_source_set_without_a_position_is_not_asked_for() {
    let text = "[navigator.spoof_gate]\nsource_set_denied = 3";
    let mut rig = Rig::new(&settings(text));
    rig.run(20.0);
    rig.fake.own = OwnReceiver::Spoofed([300.0, 0.0]);
    rig.run(20.0);
    assert_eq!(rig.out.source_sets, []);
    assert_eq!(rig.fake.source_set(), 1);
    assert!(rig.has_logged("EK3_SRC3_POSXY is 0"));
}

#[test]
fn an_autopilot_that_does_not_answer_is_asked_five_times_and_no_more() {
    let text = "[navigator.spoof_gate]\nsource_set_denied = 2";
    let mut rig = Rig::new(&settings(text));
    rig.run(20.0);
    rig.mute = true;
    rig.fake.own = OwnReceiver::Spoofed([300.0, 0.0]);
    rig.run(20.0);
    let attempts: Vec<_> = rig
        .out
        .source_sets
        .iter()
        .map(|(_, attempt, _)| *attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    assert!(rig.has_logged("does not answer: source set 2"));
}

#[test]
fn parameters_that_are_set_wrongly_are_named_and_left_alone() {
    let mut rig = Rig::new(&settings(""));
    rig.fake.parameters.set("GPS2_TYPE", 1.0);
    rig.fake.parameters.set("GPS_AUTO_SWITCH", 1.0);
    let before = rig.fake.parameters.clone();
    rig.fake.reboot();
    rig.run(30.0);
    assert!(rig.has_logged("GPS2_TYPE is 1, must be 14"));
    assert!(rig.has_logged("GPS_AUTO_SWITCH is 1"));
    assert!(rig.has_logged("the autopilot does not take our positions"));
    assert_eq!(rig.fake.parameters, before);
}

#[test]
fn a_companion_that_ends_says_so_with_a_packet() {
    let mut rig = Rig::new(&settings(""));
    rig.run(20.0);
    let time = rig.time();
    rig.cockpit.end(time, &mut rig.out);
    let last = rig.out.frames.iter().filter_map(|frame| {
        match Frame::parse(frame.bytes()).ok()?.message().ok()? {
            MavMessage::GPS_INPUT(body) => Some(body),
            _ => None,
        }
    });
    let last: Vec<_> = last.collect();
    assert_eq!(last.len(), 3);
    for body in last {
        assert_eq!(body.fix_type, GpsFixType::GPS_FIX_TYPE_NO_FIX);
        assert_eq!(body.horiz_accuracy, 999.0);
    }
}
