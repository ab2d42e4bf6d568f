//! Tiles made in flight: what the camera saw of the ground, put where the map says it is, for the next flight.
//!
//! | frame | becomes |
//! |---|---|
//! | matched, the anchor fused by the navigator, known to 6 m (1 sigma, map error included) | every tile that it shows whole, once a flight |
//! | matched, and the navigator refuses the anchor, or it is known less well | a failure, `NotAnchored` |
//! | not matched | a failure, with the reason |
//! | tile that the shelf refuses | a failure, `CapReached` or `WriteFailed` |
//!
//! A failure leaves a thumbnail, at most one in ten seconds. Tiles lie in the flight's own folder, below their
//! cap, as PNG that carry their provenance; nothing of this flight reads them again.

mod maker;
mod shelf;

pub use maker::{FailedTile, MadeTile, TileMaker, TileProduct};
pub use shelf::{KeptTile, TileShelf};
