//! The map: a signed package of tiles becomes the picture and the height of the ground around a place.
//!
//! | part | does |
//! |---|---|
//! | [`gate`] | believes a package whole or not at all: signature, hashes, paths, age |
//! | [`manifest`] | what a package says of itself |
//! | [`tile_hashes`] | the hash of every tile, compared when the tile is first used |
//! | [`MapPackage`] | an open package: mosaics, heights, areas |
//! | [`layer`], [`cache`], [`mbtiles`], [`mercator`] | tiles: checked and decoded, kept, read, computed |
//! | [`open_on_the_ground`] | a package without a signature, or a bare file of tiles |
//! | [`verify`](fn@verify) | every tile of a package, before the flight |
//! | [`build`] | makes a package, on the ground |
//! | [`date`] | the age of imagery |
//!
//! `docs/map-package.md` describes the files.

pub mod build;
pub mod cache;
mod config;
pub mod date;
pub mod gate;
pub mod layer;
pub mod manifest;
pub mod mbtiles;
pub mod mercator;
mod open;
mod package;
pub mod tile_hashes;
mod verify;

pub use config::MapConfig;
pub use gate::{Admitted, GateRefusal, GateRules, admit};
pub use layer::TileProblem;
pub use open::{OpenedMap, open_on_the_ground};
pub use package::{
    FLAT_GROUND_SIGMA_M, Ground, MapArea, MapPackage, Mosaic, TilesUsed, UNKNOWN_BIAS_SIGMA_M,
};
pub use tile_hashes::TileHashes;
pub use verify::{Verified, verify};
