//! The live link to an autopilot as a machine without I/O: bytes and the time in; inputs for the navigator,
//! frames for the writer and things to record or tell out.
//!
//! | call | when |
//! |---|---|
//! | [`AutopilotLink::opened`], [`AutopilotLink::closed`] | the connection came or went |
//! | [`AutopilotLink::receive`] | bytes arrived |
//! | [`AutopilotLink::position`] | the pipeline emitted a frame |
//! | [`AutopilotLink::heed`] | the navigator said something that may be for the autopilot |
//! | [`AutopilotLink::poll`] | the time of [`AutopilotLink::next_deadline`] has come |
//! | [`AutopilotLink::next_output`] | after each of them, until it gives nothing |

use std::collections::VecDeque;

use fdr_format::{Record, records};

use super::mavlink::Sender;
use crate::link::{FrameBytes, FrameClass, Heard, OutgoingFrame, Protocol};
use crate::navigator::{Input, MonotonicNs, Output, Severity};

/// Most outputs that wait; a chunk of bytes holds fewer frames than half of it.
const OUTPUTS_MAX: usize = 512;

/// What a link machine hands out.
#[derive(Debug, Clone)]
pub enum LinkOutput {
    /// For the navigator.
    Input(Input),
    /// A frame as it arrived, for the recorder.
    Received {
        /// When.
        time: MonotonicNs,
        /// The frame.
        frame: FrameBytes,
    },
    /// For the writer.
    Send(OutgoingFrame),
    /// For the recorder.
    Record(LinkRecord),
    /// For the recorder and the ground station.
    Event(LinkEvent),
    /// The autopilot uses our signing key: keep it for a restart in flight.
    KeyInForce,
    /// The autopilot was told to forget our signing key: forget it too.
    KeyDropped,
}

/// Something about a link that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkEvent {
    /// When.
    pub time: MonotonicNs,
    /// How much it matters.
    pub severity: Severity,
    /// In words.
    pub text: String,
}

/// What a link has recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LinkRecord {
    /// How the autopilot's clock relates to ours.
    ClockSync(records::ClockSync),
    /// A signing key was installed, or could not be.
    KeyRotated(records::MavlinkSigningKeyRotated),
    /// A source set was asked for, or the answer came.
    SourceSet(records::EkfSourceSetCommand),
}

impl LinkRecord {
    /// Its record.
    #[must_use]
    pub fn record(&self) -> Record<'static> {
        match self {
            Self::ClockSync(body) => Record::ClockSync(*body),
            Self::KeyRotated(body) => Record::MavlinkSigningKeyRotated(*body),
            Self::SourceSet(body) => Record::EkfSourceSetCommand(*body),
        }
    }
}

/// One autopilot's link.
pub trait AutopilotLink: Send {
    /// What it speaks.
    fn protocol(&self) -> Protocol;

    /// The connection came about.
    fn opened(&mut self, now: MonotonicNs);

    /// The connection is gone.
    fn closed(&mut self, now: MonotonicNs);

    /// Bytes arrived.
    fn receive(&mut self, bytes: &[u8], time: MonotonicNs);

    /// The pipeline emitted this frame.
    fn position(&mut self, frame: &[u8], now: MonotonicNs);

    /// The navigator said this.
    fn heed(&mut self, output: &Output, now: MonotonicNs);

    /// Does what is due.
    fn poll(&mut self, now: MonotonicNs);

    /// When the next duty is due.
    fn next_deadline(&self) -> MonotonicNs;

    /// The flight ends in order: what the autopilot must hear last.
    fn end(&mut self, now: MonotonicNs);

    /// The next output.
    fn next_output(&mut self) -> Option<LinkOutput>;

    /// What was heard so far, for the diagnosis.
    fn heard(&self) -> Heard;

    /// Who we are to a ground station behind the autopilot; `None` when the autopilot forwards nothing.
    fn ground_route(&self) -> Option<Sender>;
}

/// Outputs that wait to be taken: bounded, the newest are lost and counted.
#[derive(Debug)]
pub struct LinkOutputs {
    queue: VecDeque<LinkOutput>,
    lost: u64,
}

impl Default for LinkOutputs {
    fn default() -> Self {
        Self {
            queue: VecDeque::with_capacity(OUTPUTS_MAX),
            lost: 0,
        }
    }
}

impl LinkOutputs {
    /// Adds one.
    pub fn push(&mut self, output: LinkOutput) {
        if self.queue.len() < OUTPUTS_MAX {
            self.queue.push_back(output);
        } else {
            self.lost += 1;
        }
    }

    /// Adds an event.
    pub fn tell(&mut self, time: MonotonicNs, severity: Severity, text: impl Into<String>) {
        self.push(LinkOutput::Event(LinkEvent {
            time,
            severity,
            text: text.into(),
        }));
    }

    /// Adds a MAVLink message to be sent.
    pub fn send(
        &mut self,
        message: &mavlink::dialects::ardupilotmega::MavMessage,
        from: Sender,
        class: FrameClass,
    ) {
        let frame = OutgoingFrame::mavlink(message, from, class);
        self.push(LinkOutput::Send(frame));
    }

    /// The oldest.
    pub fn take(&mut self) -> Option<LinkOutput> {
        self.queue.pop_front()
    }

    /// How many found no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }
}
