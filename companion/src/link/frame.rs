//! Frames on their way to a link.

use mavlink::dialects::ardupilotmega::MavMessage;
use mavlink::{MAVLinkV2MessageRaw, MavHeader};

use crate::autopilot::mavlink::Sender;

/// Longest frame: MAVLink 2 with a full payload and a signature.
pub const FRAME_ROOM: usize = 10 + 255 + 2 + 13;

/// How a writer treats a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameClass {
    /// A position: goes in front of everything that waits, and a newer one takes its place.
    Position,
    /// Anything else: in order; the oldest is lost when too many wait.
    Ordinary,
    /// As ordinary, but never signed with the key that it installs.
    InstallsKey,
}

/// The bytes of one frame.
#[derive(Debug, Clone, Copy)]
pub struct FrameBytes {
    bytes: [u8; FRAME_ROOM],
    length: u16,
}

impl FrameBytes {
    /// A frame of these bytes; what is longer than [`FRAME_ROOM`] is no frame.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let mut frame = Self {
            bytes: [0; FRAME_ROOM],
            length: u16::try_from(bytes.len()).ok()?,
        };
        frame.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(frame)
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// One frame as a protocol machine made it. On MAVLink the writer puts sequence number and signature in.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingFrame {
    frame: FrameBytes,
    class: FrameClass,
}

impl OutgoingFrame {
    /// A frame of these bytes; what is longer than [`FRAME_ROOM`] is no frame.
    #[must_use]
    pub fn of(bytes: &[u8], class: FrameClass) -> Option<Self> {
        FrameBytes::of(bytes).map(|frame| Self { frame, class })
    }

    /// The MAVLink 2 frame of a message.
    #[must_use]
    pub fn mavlink(message: &MavMessage, from: Sender, class: FrameClass) -> Self {
        let mut raw = MAVLinkV2MessageRaw::new();
        let header = MavHeader {
            system_id: u32::from(from.system),
            component_id: from.component,
            sequence: 0,
        };
        raw.serialize_message(header, message);
        let made = raw.raw_bytes();
        let mut frame = FrameBytes {
            bytes: [0; FRAME_ROOM],
            length: made.len().min(FRAME_ROOM) as u16,
        };
        // No message is longer than the room.
        for (to, from) in frame.bytes.iter_mut().zip(made) {
            *to = *from;
        }
        Self { frame, class }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.frame.as_slice()
    }

    /// The same frame from another MAVLink system.
    #[must_use]
    pub fn from_system(mut self, system: u8) -> Self {
        self.frame.bytes[5] = system;
        self
    }

    /// How a writer treats it.
    #[must_use]
    pub fn class(&self) -> FrameClass {
        self.class
    }
}
