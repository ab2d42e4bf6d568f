//! Links: bytes over a serial port, and outside production over TCP or UDP as a connected client.
//!
//! ```text
//! device -> reader thread -> inbox (bounded) -> navigator
//! navigator -> outbox (bounded) -> writer thread -> device
//! ```
//!
//! The reader owns the connection: it opens it, notices its end, and opens it again with back-off. The
//! writer is the only one that writes, and a frame that was begun is ended before another begins.
//! Nothing listens; every connection is opened from here.

mod address;
mod backoff;
mod connection;
mod diagnosis;
mod frame;
mod inbox;
mod outbox;
mod reader;
mod writer;

pub use address::{AddressError, LinkAddress};
pub use backoff::{BACKOFF_LONGEST, BACKOFF_SHORTEST, Backoff};
pub use connection::{Connection, ReadOutcome, WriteOutcome};
pub use diagnosis::{Diagnosis, Heard, PATIENCE_S, Protocol, SILENCE_S, Verdict};
pub use frame::{FRAME_ROOM, FrameBytes, FrameClass, OutgoingFrame};
pub use inbox::{CHUNK_BYTES, Chunk, Inbox, InboxLosses, LINKS, Notice, Taken};
pub use outbox::{Outbox, OutboxLosses};
pub use reader::{Line, read_link};
pub use writer::{Finisher, Writing, write_link};

/// Number of the flight-controller link in records.
pub const FC_LINK: u8 = 0;
/// Number of the ground station's own link in records.
pub const GCS_LINK: u8 = 1;
/// Added to a link's number for bytes as they were handed to the kernel, sequence number and signature in
/// place. Without it, bytes of the flight-controller link are what the core emitted.
pub const WIRE: u8 = 0x80;
