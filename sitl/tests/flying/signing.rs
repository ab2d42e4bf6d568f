//! Signing: the key's way to the autopilot, what is refused, what survives a restart in flight.

use companion::autopilot::ardupilot::Install;
use companion::autopilot::mavlink::Frame;
use companion::link::FC_LINK;
use mavlink::dialects::ardupilotmega::MavMessage;
use sitl::fake_ardupilot::{Aiding, COMPANION};

use crate::rig::{Rig, settings};

const TICKS_IN_AN_HOUR: u64 = 360_000_000;
const TODAY: u64 = 36_000_000_000_000;

fn signed_rig() -> Rig {
    Rig::signed(
        &settings("[autopilot]\nsigning = true"),
        TODAY,
        Install::New,
    )
}

fn is_signed(bytes: &[u8]) -> bool {
    Frame::parse(bytes).unwrap().is_signed()
}

#[test]
fn a_fresh_key_is_installed_before_arming_and_everything_is_signed_from_then_on() {
    let mut rig = signed_rig();
    rig.run(20.0);
    assert!(rig.fake.signing().is_some());
    assert_eq!(rig.out.rotations, [true]);
    assert_eq!(rig.out.kept, [true]);
    assert_eq!(
        rig.fake.filter().aiding(),
        Aiding::Aided,
        "signed positions are taken"
    );
    assert_eq!(rig.fake.ports[COMPANION].refused, 0);
    let unsigned = rig
        .sent
        .iter()
        .rev()
        .take(100)
        .filter(|(_, bytes)| !is_signed(bytes));
    assert_eq!(unsigned.count(), 0);
}

#[test]
fn the_key_is_in_no_record_and_leaves_in_one_kind_of_frame_alone() {
    let mut rig = signed_rig();
    rig.run(10.0);
    let key = [7; 32];
    let carriers = rig
        .sent
        .iter()
        .filter(|(_, bytes)| bytes.windows(32).any(|part| part == key));
    for (_, bytes) in carriers {
        let message = Frame::parse(bytes).unwrap().message().unwrap();
        assert!(matches!(message, MavMessage::SETUP_SIGNING(_)));
    }
    assert!(rig.out.logs.iter().all(|text| !text.contains("0707")));
    // The radio never hears it.
    let heard = rig
        .radio
        .iter()
        .any(|(_, _, message)| matches!(message, MavMessage::SETUP_SIGNING(_)));
    assert!(!heard);
}

#[test]
fn an_armed_autopilot_gets_no_key_until_it_is_disarmed() {
    let mut rig = signed_rig();
    rig.fake.armed = true;
    rig.run(10.0);
    assert!(rig.fake.signing().is_none());
    assert!(rig.has_logged("takes no signing key"));
    rig.fake.armed = false;
    rig.run(5.0);
    assert!(rig.fake.signing().is_some());
    assert_eq!(rig.out.rotations, [true]);
}

#[test]
fn whichever_clock_is_an_hour_ahead_both_sides_go_on_believing_each_other() {
    for (theirs, ours) in [
        (TODAY + TICKS_IN_AN_HOUR, TODAY),
        (TODAY, TODAY + TICKS_IN_AN_HOUR),
    ] {
        let mut rig = signed_rig();
        rig.run(10.0);
        rig.fake.armed = true;
        rig.fake.set_signing_clock(theirs);
        rig.restart(ours);
        rig.run(5.0);
        let heard = rig.cockpit.counts().heard[0].vehicle;
        rig.run(5.0);
        assert!(
            rig.cockpit.counts().heard[0].vehicle > heard + 500,
            "theirs {theirs}, ours {ours}"
        );
        let refused = rig.fake.ports[COMPANION].refused;
        rig.run(5.0);
        assert_eq!(rig.fake.ports[COMPANION].refused, refused);
    }
}

#[test]
fn a_process_that_is_started_again_while_armed_goes_on_signed() {
    let mut rig = signed_rig();
    rig.run(20.0);
    rig.fake.armed = true;
    rig.run(1.0);
    rig.restart(TODAY + 3_000_000);
    rig.run(5.0);
    assert_eq!(rig.out.rotations, [true, true]);
    let setups = rig.messages(21.5);
    assert!(
        !setups
            .iter()
            .any(|(_, message)| matches!(message, MavMessage::SETUP_SIGNING(_)))
    );
    assert!(
        rig.sent
            .iter()
            .rev()
            .take(50)
            .all(|(_, bytes)| is_signed(bytes))
    );
    assert_eq!(rig.fake.filter().aiding(), Aiding::Aided);
}

#[test]
fn forged_repeated_and_unsigned_frames_of_the_vehicle_are_refused_and_told_within_half_a_second() {
    let mut rig = signed_rig();
    rig.run(10.0);
    let (signer, now) = (rig.signer.clone(), rig.time());
    let attitude = companion::link::OutgoingFrame::mavlink(
        &MavMessage::ATTITUDE(Default::default()),
        sitl::fake_ardupilot::AUTOPILOT,
        companion::link::FrameClass::Ordinary,
    );
    let mut room = [0; companion::link::FRAME_ROOM];
    let honest = companion::autopilot::mavlink::finish_frame(&attitude, 0, &signer, now, &mut room);
    let mut forged = honest.to_vec();
    *forged.last_mut().unwrap() ^= 0xFF;
    let attitudes = |rig: &Rig| {
        let kind = fdr_format::RecordType::ATTITUDE;
        rig.out
            .records
            .iter()
            .filter(|known| **known == kind)
            .count()
    };
    let before = attitudes(&rig);
    for bytes in [&forged[..], attitude.bytes()] {
        rig.cockpit.bytes(FC_LINK, bytes, now, &mut rig.out);
    }
    assert_eq!(attitudes(&rig), before, "not one of them became an input");
    rig.run(0.5);
    assert!(rig.has_logged("bad signatures were refused"));
}

#[test]
fn what_radios_make_is_heard_unsigned() {
    let mut rig = signed_rig();
    rig.run(10.0);
    let radio = companion::link::OutgoingFrame::mavlink(
        &MavMessage::RADIO_STATUS(Default::default()),
        companion::autopilot::mavlink::Sender {
            system: 51,
            component: 68,
        },
        companion::link::FrameClass::Ordinary,
    );
    let now = rig.time();
    rig.cockpit.bytes(FC_LINK, radio.bytes(), now, &mut rig.out);
    rig.run(1.0);
    assert!(!rig.has_logged("bad signatures"));
}

#[test]
fn at_the_end_on_the_ground_the_key_is_dropped_and_the_next_flight_installs_its_own() {
    let mut rig = signed_rig();
    rig.run(10.0);
    let time = rig.time();
    rig.cockpit.end(time, &mut rig.out);
    rig.run(0.1);
    assert!(rig.fake.signing().is_none());
    assert_eq!(rig.out.kept, [true, false]);
}

#[test]
fn at_an_end_while_armed_the_key_stays() {
    let mut rig = signed_rig();
    rig.run(10.0);
    rig.fake.armed = true;
    rig.run(2.0);
    let time = rig.time();
    rig.cockpit.end(time, &mut rig.out);
    rig.run(0.1);
    assert!(rig.fake.signing().is_some());
    assert_eq!(rig.out.kept, [true]);
}

#[test]
fn an_autopilot_that_holds_another_key_is_named_as_the_trouble() {
    let mut rig = signed_rig();
    rig.fake.hold_key([9; 32], TODAY);
    rig.run(10.0);
    assert!(rig.has_logged("does not take the signing key"));
    assert_eq!(rig.out.rotations.first(), Some(&false));
}
