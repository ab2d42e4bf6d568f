//! The signing key on its way to the autopilot, and which frames are believed.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | off | any | off | everything is believed |
//! | waiting | the vehicle is disarmed | installing | SETUP_SIGNING, unsigned; from now on we sign |
//! | waiting | the vehicle is armed | waiting | told once: it refuses a key now |
//! | installing | a frame of the vehicle is signed with the key | in force | recorded, told, kept |
//! | installing | no such frame for a second, fewer than five attempts | installing | SETUP_SIGNING again |
//! | installing | none after the fifth | waiting, for 10 s | recorded, told |
//! | resumed | a frame of the vehicle is signed with the key | in force | recorded, told |
//! | resumed | 5 s of its frames are not, and it is disarmed | waiting | told |
//! | in force | any frame | in force | believed only when its signature is right |
//! | in force | the flight ends and the vehicle is disarmed | off | SETUP_SIGNING with no key, signed |
//!
//! At the end the autopilot is told to forget the key, because the next flight has another one, and over
//! this link it would take a new key from the holder of the old one alone. A flight that ends armed keeps
//! the key.
//!
//! Who must sign once the key is in force: the vehicle, always; radios never do; everybody else is heard
//! when signed, and an operator's command unsigned only where the configuration allows it.
//!
//! Source: `GCS_MAVLINK::handle_setup_signing`; MAVLink common 256.

use std::sync::Arc;

use fdr_format::records::{self, KeyRotationReason};
use mavlink::dialects::ardupilotmega::{MavMessage, SETUP_SIGNING_DATA};

use super::super::vehicle::AUTOPILOT_COMPONENT;
use crate::autopilot::live::{LinkOutput, LinkOutputs, LinkRecord};
use crate::autopilot::mavlink::{
    Frame, FrameSigner, KEY_BYTES, Sender, SignatureCounts, SignatureJudge, SignatureRefusal,
    Signing,
};
use crate::link::{FC_LINK, FrameClass};
use crate::navigator::{MonotonicNs, Severity};

const ANSWER_S: f64 = 1.0;
const ATTEMPTS: u8 = 5;
const REST_S: f64 = 10.0;
const RESUME_S: f64 = 5.0;
/// Refusals are told at most this often.
const TELL_S: f64 = 5.0;
const COMMAND_INT: u32 = 75;
const COMMAND_LONG: u32 = 76;

/// How signing begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Install {
    /// The key is new: the autopilot has to be told.
    New,
    /// The key was in force when this process was started again.
    Resumed,
}

/// What a signed link begins with.
#[derive(Debug, Clone)]
pub struct SigningStart {
    /// The key at work.
    pub signing: Arc<Signing>,
    /// Where the writer finds it once it is to sign.
    pub signer: Arc<FrameSigner>,
    /// Whether the autopilot has it.
    pub install: Install,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Off,
    Waiting { told: bool, until: MonotonicNs },
    Installing { attempt: u8, at: MonotonicNs },
    Resumed { refused_since: Option<MonotonicNs> },
    InForce,
}

/// The signing of one link.
#[derive(Debug)]
pub(super) struct Security {
    start: Option<SigningStart>,
    state: State,
    judge: SignatureJudge,
    unsigned_hints: bool,
    keys: u32,
    refused_told: u64,
    told_at: Option<MonotonicNs>,
    /// Frames of others that have no signature: not ours to complain of.
    others_unsigned: u64,
}

impl Security {
    pub(super) fn new(start: Option<SigningStart>, unsigned_hints: bool) -> Self {
        let state = match &start {
            None => State::Off,
            Some(start) => match start.install {
                Install::New => State::Waiting {
                    told: false,
                    until: MonotonicNs(0),
                },
                Install::Resumed => {
                    start.signer.set(Some(Arc::clone(&start.signing)));
                    State::Resumed {
                        refused_since: None,
                    }
                }
            },
        };
        Self {
            start,
            state,
            judge: SignatureJudge::default(),
            unsigned_hints,
            keys: 0,
            refused_told: 0,
            told_at: None,
            others_unsigned: 0,
        }
    }

    /// What was judged so far.
    pub(super) fn counts(&self) -> SignatureCounts {
        self.judge.counts()
    }

    /// Whether a frame may be looked at.
    pub(super) fn admits(
        &mut self,
        frame: &Frame<'_>,
        us: Sender,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) -> bool {
        let Some(start) = &self.start else {
            return true;
        };
        let signing = Arc::clone(&start.signing);
        let of_vehicle =
            frame.sender().component == AUTOPILOT_COMPONENT && frame.sender().system == us.system;
        match self.state {
            State::Off | State::Waiting { .. } => true,
            State::Installing { .. } | State::Resumed { .. } if of_vehicle => {
                if frame.is_signed() && self.judge.judge(frame, &signing, now).is_ok() {
                    self.in_force(now, outputs);
                    return true;
                }
                if let State::Resumed { refused_since } = &mut self.state {
                    refused_since.get_or_insert(now);
                    return false;
                }
                // The autopilot may not have heard of the key yet.
                !frame.is_signed()
            }
            State::Installing { .. } | State::Resumed { .. } | State::InForce => {
                self.verdict(frame, of_vehicle, &signing, now, outputs)
            }
        }
    }

    fn verdict(
        &mut self,
        frame: &Frame<'_>,
        of_vehicle: bool,
        signing: &Signing,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) -> bool {
        let bare = !of_vehicle && !frame.is_signed();
        let command = matches!(frame.message_id(), COMMAND_INT | COMMAND_LONG);
        if bare && command && self.unsigned_hints {
            return true;
        }
        match self.judge.judge(frame, signing, now) {
            Ok(()) => true,
            Err(SignatureRefusal::Unsigned) if bare => {
                self.others_unsigned += 1;
                false
            }
            Err(_) => {
                self.tell_refusals(now, outputs);
                false
            }
        }
    }

    /// Tells of refusals: the first at once, more now and then.
    fn tell_refusals(&mut self, now: MonotonicNs, outputs: &mut LinkOutputs) {
        let early = |at: MonotonicNs| now.seconds_since(at) < TELL_S;
        let refused = self.counts().refused() - self.others_unsigned;
        if refused == self.refused_told || self.told_at.is_some_and(early) {
            return;
        }
        let count = refused - self.refused_told;
        self.refused_told = refused;
        self.told_at = Some(now);
        let text = format!("{count} frames with bad signatures were refused");
        outputs.tell(now, Severity::Warning, text);
    }

    fn in_force(&mut self, now: MonotonicNs, outputs: &mut LinkOutputs) {
        self.state = State::InForce;
        self.keys += 1;
        self.record(true, now, outputs);
        outputs.push(LinkOutput::KeyInForce);
        outputs.tell(now, Severity::Info, "MAVLink signing key is in force");
    }

    fn record(&self, accepted: bool, now: MonotonicNs, outputs: &mut LinkOutputs) {
        let resumed = self
            .start
            .as_ref()
            .is_some_and(|start| start.install == Install::Resumed);
        outputs.push(LinkOutput::Record(LinkRecord::KeyRotated(
            records::MavlinkSigningKeyRotated {
                time_ns: now.0,
                link: FC_LINK,
                ordinal: self.keys.max(1),
                reason: if resumed {
                    KeyRotationReason::Restart
                } else {
                    KeyRotationReason::FlightStart
                },
                accepted,
            },
        )));
    }

    /// What the vehicle says of it.
    pub(super) fn hear(&mut self, message: &MavMessage) {
        let MavMessage::STATUSTEXT(status) = message else {
            return;
        };
        let text = status.text.to_str().unwrap_or_default();
        if let State::Installing { at, .. } = self.state
            && text.contains("setup signing when armed")
        {
            self.state = State::Waiting {
                told: false,
                until: MonotonicNs(at.0.saturating_add((REST_S * 1e9) as u64)),
            };
        }
    }

    pub(super) fn poll(
        &mut self,
        armed: Option<bool>,
        us: Sender,
        system: u8,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        if self.refused_told < self.counts().refused() {
            self.tell_refusals(now, outputs);
        }
        match (self.state, armed) {
            (State::Off | State::InForce, _) | (State::Waiting { .. }, None) => {}
            (State::Waiting { until, .. }, _) if now < until => {}
            (State::Waiting { .. }, Some(false)) => self.install(1, us, system, now, outputs),
            (State::Waiting { told, until }, Some(true)) => {
                self.state = State::Waiting { told: true, until };
                if !told {
                    let text =
                        "the autopilot is armed and takes no signing key: the link is unsigned";
                    outputs.tell(now, Severity::Warning, text);
                }
            }
            (State::Installing { attempt, at }, _) => {
                if now.seconds_since(at) < ANSWER_S {
                    return;
                }
                if attempt < ATTEMPTS {
                    self.install(attempt + 1, us, system, now, outputs);
                    return;
                }
                self.stop_signing();
                self.record(false, now, outputs);
                self.state = State::Waiting {
                    told: true,
                    until: MonotonicNs(now.0.saturating_add((REST_S * 1e9) as u64)),
                };
                let text = "the autopilot does not take the signing key: it holds another one; forget \
                            that over USB";
                outputs.tell(now, Severity::Error, text);
            }
            (State::Resumed { refused_since }, armed) => {
                let long = |since| now.seconds_since(since) > RESUME_S;
                if refused_since.is_some_and(long) && armed == Some(false) {
                    self.stop_signing();
                    self.state = State::Waiting {
                        told: false,
                        until: now,
                    };
                    let text =
                        "the signing key that was kept is not the autopilot's: it gets it anew";
                    outputs.tell(now, Severity::Warning, text);
                }
            }
        }
    }

    fn stop_signing(&mut self) {
        if let Some(start) = &mut self.start {
            start.signer.set(None);
            start.install = Install::New;
        }
        self.judge.begin_anew();
    }

    fn install(
        &mut self,
        attempt: u8,
        us: Sender,
        system: u8,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        let Some(start) = &self.start else { return };
        let signing = &start.signing;
        let message = MavMessage::SETUP_SIGNING(SETUP_SIGNING_DATA {
            initial_timestamp: signing.clock().ticks(now),
            target_system: system,
            target_component: AUTOPILOT_COMPONENT,
            secret_key: *signing.key().secret_bytes(),
        });
        outputs.send(&message, us, FrameClass::InstallsKey);
        start.signer.set(Some(Arc::clone(signing)));
        self.state = State::Installing { attempt, at: now };
    }

    /// The flight ends.
    pub(super) fn end(
        &mut self,
        disarmed: bool,
        us: Sender,
        system: u8,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        if self.state != State::InForce || !disarmed {
            return;
        }
        self.state = State::Off;
        let message = MavMessage::SETUP_SIGNING(SETUP_SIGNING_DATA {
            initial_timestamp: 0,
            target_system: system,
            target_component: AUTOPILOT_COMPONENT,
            secret_key: [0; KEY_BYTES],
        });
        outputs.send(&message, us, FrameClass::Ordinary);
        outputs.push(LinkOutput::KeyDropped);
        outputs.tell(now, Severity::Info, "MAVLink signing key was dropped");
    }
}
