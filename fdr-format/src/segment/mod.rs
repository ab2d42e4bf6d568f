//! Segments as bytes in memory: written and read without touching a file.

mod encoder;
mod reader;
mod summary;

pub use encoder::SegmentEncoder;
pub(crate) use encoder::known_types;
pub use reader::{Damage, SegmentCursor, SegmentError, SegmentReader};
pub use summary::{FOOTER_ROOM, FooterParameters, SegmentSummary};
pub(crate) use summary::{SegmentTally, chain_of, type_bit};
