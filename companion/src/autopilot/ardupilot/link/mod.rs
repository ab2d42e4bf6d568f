//! The live link to ArduPilot: what must be said, asked and refused beside the positions.
//!
//! | duty | where |
//! |---|---|
//! | HEARTBEAT as onboard computer, 1 Hz | here |
//! | streams asked for, again after a reboot | `streams` |
//! | its clock against ours | `timesync` |
//! | its parameters read and judged, never changed | `parameters` |
//! | another source set asked for | `source_set` |
//! | signing key installed, signatures judged | `security` |
//! | whether our positions are taken | `delivery` |
//!
//! Positions themselves are the pipeline's; here they only get the vehicle's system id.

mod delivery;
mod parameters;
mod reboot;
mod security;
mod source_set;
#[expect(
    deprecated,
    reason = "autopilots that know the old way of asking alone"
)]
mod streams;
mod timesync;

use mavlink::dialects::ardupilotmega::{
    HEARTBEAT_DATA, MavAutopilot, MavMessage, MavModeFlag, MavState, MavType,
};

pub use parameters::{ParameterFinding, judge_parameters};
pub use security::{Install, SigningStart};

use self::delivery::Delivery;
use self::parameters::ParameterCheck;
use self::reboot::BootClock;
use self::security::Security;
use self::source_set::SourceSwitch;
use self::streams::Streams;
use self::timesync::FcClock;
use super::adapter::ArduPilotAdapter;
use super::vehicle::AUTOPILOT_COMPONENT;
use crate::autopilot::live::{AutopilotLink, LinkOutput, LinkOutputs};
use crate::autopilot::mavlink::{Frame, Framer, Received, Refusal, Sender};
use crate::autopilot::msp::MspFramer;
use crate::autopilot::{AutopilotConfig, COMPANION_COMPONENT};
use crate::ground_station::Commands;
use crate::link::{FC_LINK, FrameBytes, FrameClass, Heard, OutgoingFrame, Protocol};
use crate::navigator::{EventKind, Input, MonotonicNs, Output, Severity};

const HEARTBEAT_PERIOD_NS: u64 = 1_000_000_000;
/// Duties look at the clock this often at least.
const LOOK_PERIOD_NS: u64 = 50_000_000;
/// Withdrawn positions that a clean end sends: one may be lost.
const FAREWELLS: usize = 3;
/// `lat`, `lon` and `fix_type` in a GPS_INPUT frame.
const LAT_AT: usize = 10 + 12;
const LON_AT: usize = 10 + 16;
const FIX_TYPE_AT: usize = 10 + 61;
const FIX_NONE: u8 = 1;

/// The live link to ArduPilot.
#[derive(Debug)]
pub struct ArduPilotLink {
    framer: Framer,
    /// Listens for the other protocol until MAVLink is heard.
    foreign: MspFramer,
    work: Work,
}

#[derive(Debug)]
struct Work {
    us: Sender,
    system_fixed: bool,
    open: bool,
    heard: Heard,
    adapter: ArduPilotAdapter,
    boot: BootClock,
    streams: Streams,
    clock: FcClock,
    parameters: ParameterCheck,
    sources: SourceSwitch,
    security: Security,
    delivery: Delivery,
    commands: Commands,
    armed: Option<bool>,
    heartbeat_due: MonotonicNs,
    next_look: MonotonicNs,
    last_position: Option<OutgoingFrame>,
    outputs: LinkOutputs,
}

impl ArduPilotLink {
    /// A link that has not been opened yet. `signing` is absent when nothing is to be signed.
    #[must_use]
    pub fn new(config: &AutopilotConfig, signing: Option<SigningStart>) -> Self {
        let unsigned_hints = config.unsigned_hints;
        Self {
            framer: Framer::default(),
            foreign: MspFramer::default(),
            work: Work {
                us: Sender {
                    system: config.system_id.unwrap_or(1),
                    component: COMPANION_COMPONENT,
                },
                system_fixed: config.system_id.is_some(),
                open: false,
                heard: Heard::default(),
                adapter: ArduPilotAdapter::new(config),
                boot: BootClock::default(),
                streams: Streams::new(config),
                clock: FcClock::default(),
                parameters: ParameterCheck::new(config.gps_id),
                sources: SourceSwitch::default(),
                security: Security::new(signing, unsigned_hints),
                delivery: Delivery::new(config.gps_id),
                commands: Commands::new(FC_LINK),
                armed: None,
                heartbeat_due: MonotonicNs(0),
                next_look: MonotonicNs(0),
                last_position: None,
                outputs: LinkOutputs::default(),
            },
        }
    }

    /// The autopilot's clock against ours.
    #[must_use]
    pub fn clock(&self) -> &FcClock {
        &self.work.clock
    }

    /// What its parameters say, once they were read.
    #[must_use]
    pub fn findings(&self) -> &[ParameterFinding] {
        self.work.parameters.findings()
    }
}

impl AutopilotLink for ArduPilotLink {
    fn protocol(&self) -> Protocol {
        Protocol::Mavlink
    }

    fn opened(&mut self, now: MonotonicNs) {
        let work = &mut self.work;
        work.open = true;
        work.heartbeat_due = now;
        work.next_look = now;
        work.streams.begin_anew();
        work.clock.begin_anew();
    }

    fn closed(&mut self, _: MonotonicNs) {
        self.work.open = false;
    }

    fn receive(&mut self, bytes: &[u8], time: MonotonicNs) {
        let work = &mut self.work;
        work.heard.bytes += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.framer.push(rest);
            rest = rest.get(taken.max(1)..).unwrap_or_default();
            loop {
                let problem = match self.framer.receive() {
                    None => break,
                    Some(Received::Refused(_)) => continue,
                    Some(Received::Frame(frame)) => work.frame(&frame, time).err(),
                };
                if let Some(refusal) = problem {
                    self.framer.refuse_message(refusal);
                }
            }
        }
        if work.heard.frames == 0 {
            listen_for_msp(&mut self.foreign, bytes, &mut work.heard);
        }
    }

    fn position(&mut self, frame: &[u8], now: MonotonicNs) {
        let work = &mut self.work;
        let Some(frame) = OutgoingFrame::of(frame, FrameClass::Position) else {
            return;
        };
        let frame = frame.from_system(work.us.system);
        if let Some((fix_type, place)) = told_in(frame.bytes()) {
            work.delivery.sent(fix_type, place, now);
        }
        work.last_position = Some(frame);
        work.outputs.push(LinkOutput::Send(frame));
    }

    fn heed(&mut self, output: &Output, now: MonotonicNs) {
        if let Output::Event(event) = output
            && let EventKind::SourceSetRequested { set } = event.kind
        {
            self.work.sources.ask(set, now);
        }
    }

    fn poll(&mut self, now: MonotonicNs) {
        let work = &mut self.work;
        if !work.open {
            work.next_look = MonotonicNs(now.0.saturating_add(LOOK_PERIOD_NS));
            return;
        }
        if now >= work.heartbeat_due {
            work.heartbeat_due = MonotonicNs(now.0.saturating_add(HEARTBEAT_PERIOD_NS));
            let us = work.us;
            work.outputs.send(&heartbeat(), us, FrameClass::Ordinary);
        }
        if let Some(system) = work.adapter.system() {
            let vehicle = Sender {
                system,
                component: AUTOPILOT_COMPONENT,
            };
            work.duties(vehicle, now);
        }
        work.next_look = MonotonicNs(now.0.saturating_add(LOOK_PERIOD_NS));
    }

    fn next_deadline(&self) -> MonotonicNs {
        self.work.next_look
    }

    fn end(&mut self, now: MonotonicNs) {
        let work = &mut self.work;
        if let Some(frame) = work.last_position.and_then(withdrawn) {
            for _ in 0..FAREWELLS {
                work.outputs.push(LinkOutput::Send(frame));
            }
        }
        if let Some(system) = work.adapter.system() {
            let disarmed = work.armed == Some(false);
            work.security
                .end(disarmed, work.us, system, now, &mut work.outputs);
        }
    }

    fn next_output(&mut self) -> Option<LinkOutput> {
        self.work.outputs.take()
    }

    fn heard(&self) -> Heard {
        self.work.heard
    }

    fn ground_route(&self) -> Option<Sender> {
        Some(self.work.us)
    }
}

impl Work {
    /// Takes one frame.
    fn frame(&mut self, frame: &Frame<'_>, time: MonotonicNs) -> Result<(), Refusal> {
        self.heard.frames += 1;
        if let Some(frame) = FrameBytes::of(frame.bytes()) {
            self.outputs.push(LinkOutput::Received { time, frame });
        }
        if !self
            .security
            .admits(frame, self.us, time, &mut self.outputs)
        {
            return Ok(());
        }
        let message = frame.message()?;
        let sender = frame.sender();
        if let Some(input) = self.adapter.handle(sender, &message, time) {
            self.input(&input);
        }
        let ours = self.adapter.system() == Some(sender.system);
        if ours && sender.component == AUTOPILOT_COMPONENT {
            self.heard.vehicle += 1;
            self.of_vehicle(sender, &message, time);
        } else if let Some(answer) = self.commands.handle(sender, &message, self.us, time) {
            if let Some(hint) = answer.hint {
                self.outputs
                    .push(LinkOutput::Input(Input::OperatorHint(hint)));
            }
            self.outputs
                .send(&answer.acknowledgement, self.us, FrameClass::Ordinary);
        }
        Ok(())
    }

    fn input(&mut self, input: &Input) {
        if let Input::FlightState(state) = input {
            self.armed = Some(state.armed);
            if !self.system_fixed
                && let Some(system) = self.adapter.system()
            {
                self.us.system = system;
            }
        }
        self.outputs.push(LinkOutput::Input(*input));
    }

    fn of_vehicle(&mut self, sender: Sender, message: &MavMessage, time: MonotonicNs) {
        if self.boot.rebooted(message) {
            self.outputs.tell(
                time,
                Severity::Warning,
                "the autopilot was started anew; streams are asked for again",
            );
            self.streams.begin_anew();
            self.clock.begin_anew();
            self.parameters.begin_anew();
        }
        self.streams.hear(message, time);
        if let MavMessage::TIMESYNC(answer) = message {
            self.clock.answer(answer, time, &mut self.outputs);
        }
        if let MavMessage::PARAM_VALUE(value) = message {
            self.parameters.hear(value);
        }
        if let MavMessage::COMMAND_ACK(answer) = message {
            self.streams.acknowledged(answer, time);
            self.sources
                .acknowledged(answer, self.us, sender, time, &mut self.outputs);
        }
        self.delivery.hear(message, time);
        self.security.hear(message);
    }

    /// What is due towards a vehicle that was heard.
    fn duties(&mut self, vehicle: Sender, now: MonotonicNs) {
        let (us, outputs) = (self.us, &mut self.outputs);
        self.security
            .poll(self.armed, us, vehicle.system, now, outputs);
        self.streams.poll(us, vehicle, now, outputs);
        self.clock.poll(us, now, outputs);
        self.parameters.poll(us, vehicle, now, outputs);
        let known = self.parameters.is_done().then_some(&self.parameters);
        self.sources.poll(known, us, vehicle, now, outputs);
        self.delivery.poll(now, outputs);
    }
}

/// Fix type and place, degE7, in a GPS_INPUT frame.
fn told_in(frame: &[u8]) -> Option<(u8, (i32, i32))> {
    let number = |at: usize| {
        let bytes = frame.get(at..at + 4)?.try_into().ok()?;
        Some(i32::from_le_bytes(bytes))
    };
    Some((*frame.get(FIX_TYPE_AT)?, (number(LAT_AT)?, number(LON_AT)?)))
}

fn listen_for_msp(foreign: &mut MspFramer, bytes: &[u8], heard: &mut Heard) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = foreign.push(rest);
        rest = rest.get(taken.max(1)..).unwrap_or_default();
        while foreign.receive().is_some() {
            heard.foreign += 1;
        }
    }
}

fn heartbeat() -> MavMessage {
    MavMessage::HEARTBEAT(HEARTBEAT_DATA {
        custom_mode: 0,
        mavtype: MavType::MAV_TYPE_ONBOARD_CONTROLLER,
        autopilot: MavAutopilot::MAV_AUTOPILOT_INVALID,
        base_mode: MavModeFlag::empty(),
        system_status: MavState::MAV_STATE_ACTIVE,
        mavlink_version: 3,
    })
}

/// The same position, not to be used: the last word of a companion that ends.
fn withdrawn(position: OutgoingFrame) -> Option<OutgoingFrame> {
    let frame = Frame::parse(position.bytes());
    let message = frame.ok()?.message().ok()?;
    let MavMessage::GPS_INPUT(mut data) = message else {
        return None;
    };
    data.fix_type = mavlink::dialects::ardupilotmega::GpsFixType::GPS_FIX_TYPE_NO_FIX;
    data.horiz_accuracy = super::gps_input::HORIZ_ACCURACY_WITHDRAWN_M;
    let from = Sender {
        system: *position.bytes().get(5)?,
        component: COMPANION_COMPONENT,
    };
    let message = MavMessage::GPS_INPUT(data);
    Some(OutgoingFrame::mavlink(&message, from, FrameClass::Ordinary))
}

/// Whether a fix type in a sent GPS_INPUT asks to be used.
const fn is_offered(fix_type: u8) -> bool {
    fix_type > FIX_NONE + 1
}
