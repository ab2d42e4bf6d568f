//! Segments as bytes in memory: written and read without touching a file.

mod encoder;
mod reader;

pub use encoder::SegmentEncoder;
pub(crate) use encoder::known_types;
pub use reader::{Damage, SegmentCursor, SegmentError, SegmentReader};
