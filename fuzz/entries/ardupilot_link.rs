//! Any bytes on the live links: no panic, nothing sent that is no frame, no position that was not emitted.

use std::sync::Arc;

use companion::autopilot::AutopilotConfig;
use companion::autopilot::ardupilot::{ArduPilotLink, Install, SigningStart};
use companion::autopilot::live::{AutopilotLink, LinkOutput};
use companion::autopilot::mavlink::{
    Frame, FrameSigner, Sender, Signing, SigningClock, SigningKey,
};
use companion::ground_station::{GroundConfig, GroundLink};
use companion::navigator::MonotonicNs;

const GPS_INPUT: u32 = 232;
const STEP_NS: u64 = 20_000_000;

/// The first byte says in which pieces the rest arrives, and whether frames are signed.
///
/// # Panics
/// When something that must hold does not.
pub fn ardupilot_link(bytes: &[u8]) {
    let Some((first, stream)) = bytes.split_first() else {
        return;
    };
    let piece = usize::from(first >> 1) + 1;
    let signing = (first & 1 != 0).then(signing);
    let mut link = ArduPilotLink::new(&AutopilotConfig::default(), signing);
    let us = Sender {
        system: 1,
        component: 191,
    };
    let mut ground = GroundLink::new(&GroundConfig::default(), us, true);
    let mut now = MonotonicNs(1_000_000_000);
    link.opened(now);
    ground.opened(now);
    for piece in stream.chunks(piece) {
        now = MonotonicNs(now.0 + STEP_NS);
        link.receive(piece, now);
        ground.receive(piece, now);
        link.poll(now);
        ground.poll(now, None);
        while let Some(output) = link.next_output() {
            check(&output, stream.len());
        }
        while let Some(output) = ground.next_output() {
            check(&output, stream.len());
        }
    }
    link.end(now);
    while let Some(output) = link.next_output() {
        check(&output, stream.len());
    }
    assert!(link.heard().bytes as usize == stream.len());
}

fn signing() -> SigningStart {
    let key = SigningKey::from_bytes(&[1; 32]);
    let clock = SigningClock::starting_at(1, MonotonicNs(0));
    SigningStart {
        signing: Arc::new(Signing::new(key, 0, clock)),
        signer: Arc::new(FrameSigner::default()),
        install: Install::New,
    }
}

fn check(output: &LinkOutput, heard: usize) {
    match output {
        LinkOutput::Send(frame) => {
            let Ok(frame) = Frame::parse(frame.bytes()) else {
                panic!("what is sent is no frame");
            };
            assert!(frame.message().is_ok(), "what is sent is a message");
            assert!(frame.message_id() != GPS_INPUT, "no position was emitted");
        }
        LinkOutput::Received { frame, .. } => assert!(frame.as_slice().len() <= heard),
        LinkOutput::Input(input) => assert!(input.time() > MonotonicNs(0)),
        LinkOutput::Event(_)
        | LinkOutput::Record(_)
        | LinkOutput::KeyInForce
        | LinkOutput::KeyDropped => {}
    }
}
