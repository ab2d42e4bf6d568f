//! Why a frame was not used, and how often.

use serde::Serialize;

/// Why a frame was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The checksum does not match: damaged, or built from another definition of the message.
    BadCrc,
    /// The message id is not in the dialect, so that the checksum cannot be checked.
    UnknownMessage,
    /// The frame asks for a protocol feature that this reader does not know (incompatibility flags).
    UnsupportedFlags,
    /// The checksum holds, but a field carries a value that its enumeration does not have.
    InvalidEnum,
    /// The checksum holds, but the payload does not fit the message's definition.
    Unparsable,
    /// No frame begins where one should, or one that claims more bytes than there are.
    NotAFrame,
}

/// How often each [`Refusal`] happened. Counters stop at the end of their range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RefusalCounts {
    /// See [`Refusal::BadCrc`].
    pub bad_crc: u64,
    /// See [`Refusal::UnknownMessage`].
    pub unknown_message: u64,
    /// See [`Refusal::UnsupportedFlags`].
    pub unsupported_flags: u64,
    /// See [`Refusal::InvalidEnum`].
    pub invalid_enum: u64,
    /// See [`Refusal::Unparsable`].
    pub unparsable: u64,
    /// See [`Refusal::NotAFrame`].
    pub not_a_frame: u64,
}

impl RefusalCounts {
    /// Counts one refusal.
    pub fn count(&mut self, refusal: Refusal) {
        let counter = match refusal {
            Refusal::BadCrc => &mut self.bad_crc,
            Refusal::UnknownMessage => &mut self.unknown_message,
            Refusal::UnsupportedFlags => &mut self.unsupported_flags,
            Refusal::InvalidEnum => &mut self.invalid_enum,
            Refusal::Unparsable => &mut self.unparsable,
            Refusal::NotAFrame => &mut self.not_a_frame,
        };
        *counter = counter.saturating_add(1);
    }

    /// All refusals together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_reason()
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Each reason's name, as reports print it, with its count.
    #[must_use]
    pub fn by_reason(&self) -> [(&'static str, u64); 6] {
        [
            ("bad_crc", self.bad_crc),
            ("unknown_message", self.unknown_message),
            ("unsupported_flags", self.unsupported_flags),
            ("invalid_enum", self.invalid_enum),
            ("unparsable", self.unparsable),
            ("not_a_frame", self.not_a_frame),
        ]
    }
}
