//! MAVLink 1 and 2 framing over any byte stream: whole frames out, every refusal counted.
//!
//! The `mavlink` crate parses payloads and knows the checksum seed of each message, but its reader
//! hides what it throws away. Here nothing is thrown away in silence: a frame that fails is refused
//! with a reason, the bytes skipped while looking for the next one are counted, and gaps in the
//! sequence numbers are counted per sender.
//!
//! Source: <https://mavlink.io/en/guide/serialization.html>.

mod checksum;
mod frame;
mod framer;
mod refusal;
mod scan;
mod sequence;
mod signing;
mod statistics;

pub use frame::{Frame, Sender, Version};
pub use framer::{FRAMER_CAPACITY, Framer, Received};
pub use refusal::{Refusal, RefusalCounts};
pub use sequence::{SENDERS_MAX, SenderSequence, SequenceCounts};
pub use signing::{
    FrameSigner, KEY_BYTES, NEW_STREAM_TICKS, STREAMS_MAX, SignatureCounts, SignatureJudge,
    SignatureRefusal, Signing, SigningClock, SigningKey, TICK_NS, finish_frame,
};
pub use statistics::LinkStatistics;

pub(crate) use scan::{Cursor, Step};
