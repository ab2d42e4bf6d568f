//! One serial port of the fake autopilot: its framing, its signing, its streams, who was heard on it.

use std::collections::BTreeSet;

use companion::autopilot::mavlink::{
    Frame, FrameSigner, Framer, Received, Sender, SignatureJudge, Signing, finish_frame,
};
use companion::link::{FRAME_ROOM, FrameClass, OutgoingFrame};
use companion::navigator::MonotonicNs;
use mavlink::dialects::ardupilotmega::MavMessage;

use super::AUTOPILOT;

/// Routes that are learned in all on one port.
const ROUTES_MAX: usize = 20;
/// Most message intervals that differ.
const INTERVALS_MAX: usize = 10;

/// One message that is streamed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Message id.
    pub id: u32,
    /// Time between two, us.
    pub period_us: u64,
    /// When the next is due, us since boot.
    pub due_us: u64,
}

/// A port.
#[derive(Debug)]
pub struct Port {
    framer: Framer,
    judge: SignatureJudge,
    /// `MAVn_OPTIONS` bit 0: unsigned packets are taken; always so on the first port (USB).
    pub unsigned_taken: bool,
    /// `MAVn_OPTIONS` bit 1: nothing is forwarded from or to it.
    pub private: bool,
    sequence: u8,
    heard: BTreeSet<(u8, u8)>,
    /// What is streamed.
    pub intervals: Vec<Interval>,
    out: Vec<u8>,
    /// Frames that were refused for their signature.
    pub refused: u64,
}

impl Port {
    /// A port that nobody spoke on.
    #[must_use]
    pub fn new(unsigned_taken: bool, private: bool) -> Self {
        Self {
            framer: Framer::default(),
            judge: SignatureJudge::default(),
            unsigned_taken,
            private,
            sequence: 0,
            heard: BTreeSet::new(),
            intervals: Vec::new(),
            out: Vec::new(),
            refused: 0,
        }
    }

    /// Forgets what a reboot makes it forget.
    pub fn reboot(&mut self) {
        self.framer = Framer::default();
        self.judge.begin_anew();
        self.heard.clear();
        self.intervals.clear();
        self.out.clear();
    }

    /// The frames in `bytes` that are believed.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        signing: Option<&Signing>,
        now: MonotonicNs,
    ) -> Vec<(Sender, MavMessage, Vec<u8>)> {
        let mut taken = Vec::new();
        for piece in bytes.chunks(1024) {
            self.framer.push(piece);
            while let Some(received) = self.framer.receive() {
                let Received::Frame(frame) = received else {
                    continue;
                };
                if !believed(&mut self.judge, self.unsigned_taken, &frame, signing, now) {
                    self.refused += 1;
                    continue;
                }
                let sender = frame.sender();
                // Its own identity is taken for its own echo.
                if sender == AUTOPILOT {
                    continue;
                }
                if self.heard.len() < ROUTES_MAX {
                    self.heard.insert((sender.system, sender.component));
                }
                if let Ok(message) = frame.message() {
                    taken.push((sender, message, frame.bytes().to_vec()));
                }
            }
        }
        taken
    }

    /// Whether anything was heard on it: only then is something forwarded to it.
    #[must_use]
    pub fn is_routed(&self) -> bool {
        !self.heard.is_empty()
    }

    /// Whether this sender was heard on it.
    #[must_use]
    pub fn has_heard(&self, sender: Sender) -> bool {
        self.heard.contains(&(sender.system, sender.component))
    }

    /// Sends a message of the autopilot's.
    pub fn send(&mut self, message: &MavMessage, signer: &FrameSigner, now: MonotonicNs) {
        let frame = OutgoingFrame::mavlink(message, AUTOPILOT, FrameClass::Ordinary);
        let mut room = [0; FRAME_ROOM];
        let bytes = finish_frame(&frame, self.sequence, signer, now, &mut room);
        self.sequence = self.sequence.wrapping_add(1);
        self.out.extend_from_slice(bytes);
    }

    /// Passes a frame on as it is.
    pub fn forward(&mut self, frame: &[u8]) {
        self.out.extend_from_slice(frame);
    }

    /// What is to go out on it.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Sets a message's interval; whether there is one left.
    pub fn set_interval(&mut self, id: u32, period_us: Option<u64>, now_us: u64) -> bool {
        self.intervals.retain(|interval| interval.id != id);
        let Some(period_us) = period_us else {
            return true;
        };
        let mut periods: BTreeSet<_> = self.intervals.iter().map(|one| one.period_us).collect();
        periods.insert(period_us);
        if periods.len() > INTERVALS_MAX {
            return false;
        }
        self.intervals.push(Interval {
            id,
            period_us,
            due_us: now_us,
        });
        true
    }
}

fn believed(
    judge: &mut SignatureJudge,
    unsigned_taken: bool,
    frame: &Frame<'_>,
    signing: Option<&Signing>,
    now: MonotonicNs,
) -> bool {
    match signing {
        None => true,
        Some(_) if unsigned_taken && !frame.is_signed() => true,
        Some(signing) => judge.judge(frame, signing, now).is_ok(),
    }
}
