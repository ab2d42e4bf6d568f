//! Links that deliver nothing, garbage or something else: named in plain words within five seconds, survived.

use companion::autopilot::msp::{Direction, FRAME_MAX, MspFrame};
use companion::link::{FC_LINK, Notice};
use proptest::prelude::*;

use crate::rig::{MS, Rig, settings};

/// Runs a companion on bytes that are not the fake's.
fn hear(rig: &mut Rig, s: f64, mut bytes: impl FnMut(u64) -> Vec<u8>) {
    for step in 0..(s * 100.0) as u64 {
        let time = companion::navigator::MonotonicNs(rig.time().0 + step * 10 * MS);
        let heard = bytes(step);
        if !heard.is_empty() {
            rig.cockpit.bytes(FC_LINK, &heard, time, &mut rig.out);
        }
        rig.cockpit.poll(time, &mut rig.out);
    }
}

#[test]
fn silence_is_named_and_the_link_opened_anew() {
    let mut rig = Rig::new(&settings(""));
    hear(&mut rig, 5.0, |_| Vec::new());
    assert!(rig.has_logged("nothing comes; is it the right device"));
    assert!(rig.out.reconnects > 0);
}

#[test]
fn a_wrong_speed_is_named() {
    let mut rig = Rig::new(&settings(""));
    hear(&mut rig, 5.0, |step| {
        (0..20).map(|byte| (byte * 37 + step) as u8 | 1).collect()
    });
    assert!(rig.has_logged("the speed (baud) or the protocol"));
}

#[test]
fn a_wrong_protocol_is_named() {
    let mut rig = Rig::new(&settings(""));
    let answer = MspFrame {
        direction: Direction::Reply,
        flags: 0,
        command: 108,
        payload: &[0; 6],
    };
    let mut frame = [0; FRAME_MAX];
    let length = answer.encode(&mut frame).unwrap();
    hear(&mut rig, 5.0, |_| frame[..length].to_vec());
    assert!(rig.has_logged("speaks MSP, not MAVLink; set autopilot.kind = \"inav\""));
}

#[test]
fn another_vehicle_is_named() {
    let mut rig = Rig::new(&settings("[autopilot]\nsystem_id = 7"));
    rig.run(5.0);
    assert!(rig.has_logged("not the autopilot that is waited for"));
}

#[test]
fn a_link_that_comes_and_goes_is_told_once_each_and_flying_goes_on() {
    let mut rig = Rig::new(&settings(""));
    rig.run(20.0);
    let time = rig.time();
    for _ in 0..5 {
        let text = "serial:/dev/ttyX:57600: there is no such device".to_owned();
        let failed = Notice::Failed {
            link: FC_LINK,
            time,
            text,
        };
        rig.cockpit.notice(&failed, &mut rig.out);
    }
    let told = rig
        .out
        .logs
        .iter()
        .filter(|text| text.contains("no such device"));
    assert_eq!(told.count(), 1);
    assert_eq!(rig.cockpit.counts().interruptions[0], 1);
    rig.open();
    rig.run(5.0);
    assert!(rig.has_logged("the autopilot takes our positions"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_is_mixed_into_the_autopilots_bytes_flying_goes_on(
        noise in proptest::collection::vec(
            (0_u64..200, proptest::collection::vec(any::<u8>(), 1..60)), 1..20)
    ) {
        let mut rig = Rig::new(&settings(""));
        rig.run(2.0);
        for (wait_ms, bytes) in noise {
            rig.run(wait_ms as f64 * 1e-3);
            let time = rig.time();
            rig.cockpit.bytes(FC_LINK, &bytes, time, &mut rig.out);
        }
        let before = rig.cockpit.counts().positions;
        rig.run(2.0);
        prop_assert!(rig.cockpit.counts().positions >= before + 19);
    }
}
