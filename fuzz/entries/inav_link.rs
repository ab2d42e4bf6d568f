//! What must hold for any bytes that come back from an iNav: only whole frames are ever sent, at most one in
//! 10 ms, and nothing that came becomes an input that is no number.

use companion::autopilot::inav::{COMMAND_GAP_NS, INavLink};
use companion::autopilot::live::{AutopilotLink, LinkOutput};
use companion::autopilot::msp::MspFramer;
use companion::navigator::{Input, MonotonicNs};

/// Time between two pieces.
const STEP_NS: u64 = 2_000_000;

/// The first byte says in which pieces the rest arrives.
///
/// # Panics
/// When something that must hold does not.
pub fn inav_link(bytes: &[u8]) {
    let (piece, stream) = match bytes {
        [] => (1, bytes),
        [first, rest @ ..] => (usize::from(*first) + 1, rest),
    };
    let mut link = INavLink::default();
    let mut now = MonotonicNs(0);
    link.opened(now);
    let mut last_sent = None;
    for piece in stream.chunks(piece) {
        now = now.plus_ns(STEP_NS);
        link.receive(piece, now);
        if now >= link.next_deadline() {
            link.poll(now);
        }
        while let Some(output) = link.next_output() {
            match output {
                LinkOutput::Send(frame) => {
                    assert!(is_one_frame(frame.bytes()), "{:?}", frame.bytes());
                    let apart = last_sent.map_or(u64::MAX, |last: u64| now.0 - last);
                    assert!(apart >= COMMAND_GAP_NS, "two commands within {apart} ns");
                    last_sent = Some(now.0);
                }
                LinkOutput::Input(input) => assert!(is_finite(&input), "{input:?}"),
                _ => {}
            }
        }
    }
    let (bad, unanswered) = link.failures();
    assert!(bad <= stream.len() as u64 && unanswered <= now.0 / COMMAND_GAP_NS + 1);
}

fn is_one_frame(bytes: &[u8]) -> bool {
    let mut framer = MspFramer::default();
    framer.push(bytes);
    let whole = framer.receive().is_some() && framer.receive().is_none();
    whole && framer.statistics().skipped_bytes == 0
}

fn is_finite(input: &Input) -> bool {
    match input {
        Input::Attitude(attitude) => [attitude.roll_rad, attitude.pitch_rad, attitude.yaw_rad]
            .iter()
            .chain(&attitude.angular_rate_frd_radps)
            .all(|angle| angle.is_finite()),
        Input::Barometer(barometer) => {
            barometer.static_pressure_pa.is_finite() && barometer.static_pressure_pa > 0.0
        }
        Input::AirData(air) => air.indicated_airspeed_mps.is_finite(),
        Input::FlightState(_) => true,
        _ => false,
    }
}
