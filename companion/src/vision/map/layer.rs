//! One layer of a package: its file, the hashes of its tiles, and what was decoded lately.
//!
//! | a tile | becomes |
//! |---|---|
//! | not in the file, nor in the table of hashes | missing |
//! | in the table and not in the file, not in the table, or with another hash | the layer is altered: no tile of it is believed any more |
//! | with the right hash, or of a layer without hashes, and it cannot be decoded | missing, and told |
//! | otherwise | what it shows |

use std::sync::Arc;

use fdr_format::records::{ContentHashGateFail, GateFailure};
use fdr_format::{Digest, Record};

use super::cache::TileCache;
use super::mbtiles::{MbTiles, MbTilesError};
use super::mercator::{TILE_SIDE, TileId};
use super::tile_hashes::TileHashes;
use crate::vision::image::ImageError;
use crate::vision::jpeg;
use crate::vision::png::{self, Masked};

/// Something that is wrong with a map in flight.
#[derive(Debug, thiserror::Error)]
pub enum TileProblem {
    /// The file is damaged.
    #[error("{0}")]
    File(#[from] MbTilesError),
    /// A tile is not what the manifest says.
    #[error("tile {id} is not what the manifest says: no tile of the package is believed any more")]
    Altered {
        /// The tile.
        id: TileId,
        /// The hash in the table; absent when the tile is not in it.
        expected: Option<Digest>,
        /// The hash of what was found; absent when there is no such tile.
        found: Option<Digest>,
    },
    /// A tile cannot be decoded.
    #[error("tile {id}: {source}")]
    Undecodable {
        /// The tile.
        id: TileId,
        /// Why.
        source: ImageError,
    },
    /// A tile has another size than tiles have.
    #[error("tile {id} has {width} x {height} pixels, {TILE_SIDE} x {TILE_SIDE} are expected")]
    Size {
        /// The tile.
        id: TileId,
        /// Pixels per row.
        width: usize,
        /// Rows.
        height: usize,
    },
}

impl TileProblem {
    /// The record of a tile that is not what the manifest says; the other problems have none.
    #[must_use]
    pub fn record(&self, time_ns: u64) -> Option<Record<'static>> {
        let Self::Altered {
            expected, found, ..
        } = self
        else {
            return None;
        };
        Some(Record::ContentHashGateFail(ContentHashGateFail {
            time_ns,
            reason: GateFailure::Hash,
            expected: *expected,
            found: *found,
            path: "a tile, when it was first used",
        }))
    }
}

/// What a tile can become.
pub trait Decoded: Sized {
    /// Decodes the bytes of tile `id`.
    ///
    /// # Errors
    /// When they cannot be decoded or are of another size.
    fn decode(id: TileId, bytes: &[u8]) -> Result<Self, TileProblem>;
}

/// A layer whose tiles become `T`.
#[derive(Debug)]
pub struct Layer<T> {
    file: MbTiles,
    hashes: Option<TileHashes>,
    cache: TileCache<T>,
    altered: bool,
}

impl<T: Decoded> Layer<T> {
    /// A layer of which at most `capacity` tiles are kept decoded. Without `hashes` nothing is checked.
    #[must_use]
    pub fn new(file: MbTiles, hashes: Option<TileHashes>, capacity: usize) -> Self {
        Self {
            file,
            hashes,
            cache: TileCache::new(capacity),
            altered: false,
        }
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> &MbTiles {
        &self.file
    }

    /// Whether a tile was found that is not what the manifest says.
    #[must_use]
    pub fn is_altered(&self) -> bool {
        self.altered
    }

    /// A tile, checked when it is first used. What is wrong with it is told once, to `problems`.
    pub fn tile(&mut self, id: TileId, problems: &mut Vec<TileProblem>) -> Option<Arc<T>> {
        if self.altered {
            return None;
        }
        if let Some(known) = self.cache.get(id) {
            return known;
        }
        let tile = match self.read(id) {
            Ok(tile) => tile.map(Arc::new),
            Err(problem) => {
                self.altered |= matches!(problem, TileProblem::Altered { .. });
                problems.push(problem);
                None
            }
        };
        self.cache.put(id, tile.clone());
        tile
    }

    fn read(&self, id: TileId) -> Result<Option<T>, TileProblem> {
        let bytes = self.file.tile(id)?;
        if let Some(hashes) = &self.hashes {
            let expected = hashes.get(id);
            let found = bytes.as_deref().map(digest_of);
            if expected != found {
                return Err(TileProblem::Altered {
                    id,
                    expected,
                    found,
                });
            }
        }
        bytes.map(|bytes| T::decode(id, &bytes)).transpose()
    }
}

/// The hash that a table holds for these bytes.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest(blake3::hash(bytes).into())
}

/// Grey imagery.
impl Decoded for Masked {
    fn decode(id: TileId, bytes: &[u8]) -> Result<Self, TileProblem> {
        let undecodable = |source| TileProblem::Undecodable { id, source };
        let tile = if bytes.starts_with(b"\x89PNG") {
            png::decode(bytes).map_err(undecodable)?
        } else {
            let image = jpeg::decode(bytes).map_err(undecodable)?;
            Masked { image, seen: None }
        };
        check_size(id, tile.image.width(), tile.image.height())?;
        Ok(tile)
    }
}

/// Heights above mean sea level, m, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Heights(pub Box<[f32]>);

/// Terrarium: red x 256 + green + blue / 256 - 32768 metres.
impl Decoded for Heights {
    fn decode(id: TileId, bytes: &[u8]) -> Result<Self, TileProblem> {
        let undecodable = |source| TileProblem::Undecodable { id, source };
        let tile = png::decode_rgb(bytes).map_err(undecodable)?;
        check_size(id, tile.width, tile.height)?;
        let pixels = tile.pixels.as_chunks::<3>().0.iter();
        let height = |[red, green, blue]: &[u8; 3]| {
            f32::from(*red) * 256.0 + f32::from(*green) + f32::from(*blue) / 256.0 - 32_768.0
        };
        Ok(Self(pixels.map(height).collect()))
    }
}

fn check_size(id: TileId, width: usize, height: usize) -> Result<(), TileProblem> {
    if (width, height) == (TILE_SIDE, TILE_SIDE) {
        Ok(())
    } else {
        Err(TileProblem::Size { id, width, height })
    }
}
