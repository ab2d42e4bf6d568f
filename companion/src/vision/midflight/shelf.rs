//! Tiles and thumbnails as files beside the recording, below their caps.

use std::io;
use std::path::Path;
use std::sync::Arc;

use fdr_format::records::{MidFlightTileEmitted, MidFlightTileFailed, TileFailure};
use fdr_format::{Digest, Record};

use super::maker::{FailedTile, MadeTile, TileProduct};
use crate::navigator::MonotonicNs;
use crate::recorder::{DiskVolume, SideFiles, SideKind, SideRefused};
use crate::vision::map::mercator::TileId;

/// The files of one flight.
#[derive(Debug)]
pub struct TileShelf {
    tiles: SideFiles<DiskVolume>,
    thumbnails: SideFiles<DiskVolume>,
}

/// What became of a product: its record.
#[derive(Debug, Clone, PartialEq)]
pub enum KeptTile {
    /// A tile was written.
    Emitted(MidFlightTileEmitted),
    /// None was.
    Failed {
        /// The tile.
        id: TileId,
        /// The frame.
        frame: u64,
        /// Why not.
        reason: TileFailure,
        /// When.
        time: MonotonicNs,
        /// File name of the thumbnail; empty when none was kept.
        thumbnail: String,
    },
}

impl KeptTile {
    /// Its record.
    #[must_use]
    pub fn record(&self) -> Record<'_> {
        match self {
            Self::Emitted(body) => Record::MidFlightTileEmitted(*body),
            Self::Failed {
                id,
                frame,
                reason,
                time,
                thumbnail,
            } => Record::MidFlightTileFailed(MidFlightTileFailed {
                time_ns: time.0,
                zoom: id.zoom,
                x: id.x,
                y: id.y,
                frame: *frame,
                reason: *reason,
                thumbnail,
            }),
        }
    }
}

impl TileShelf {
    /// The files of the flight in folder `flight`, with at most so many bytes of each kind.
    ///
    /// # Errors
    /// When their folders cannot be made or read.
    pub fn open(flight: &Path, tiles_bytes: u64, thumbnails_bytes: u64) -> io::Result<Self> {
        let open = |kind, bytes| SideFiles::open(Arc::new(DiskVolume), flight, kind, bytes);
        Ok(Self {
            tiles: open(SideKind::Tile, tiles_bytes)?,
            thumbnails: open(SideKind::Thumbnail, thumbnails_bytes)?,
        })
    }

    /// Keeps a product, as far as there is room.
    pub fn keep(&mut self, product: &TileProduct, now: MonotonicNs) -> KeptTile {
        match product {
            TileProduct::Made(tile) => self.keep_tile(tile, now),
            TileProduct::Failed(failed) => self.keep_failure(failed, now),
        }
    }

    fn keep_tile(&mut self, tile: &MadeTile, now: MonotonicNs) -> KeptTile {
        let TileId { zoom, x, y } = tile.id;
        let name = format!("{zoom}_{x}_{y}.png");
        match self.tiles.keep(&name, &tile.bytes, now.0) {
            Ok(()) => KeptTile::Emitted(MidFlightTileEmitted {
                time_ns: now.0,
                zoom,
                x,
                y,
                frame: tile.frame,
                parent_covariance_ne_m2: tile.covariance_ne_m2,
                quality: tile.quality,
                // A side file is at most 1 MiB long.
                bytes: tile.bytes.len() as u32,
                content: Digest(blake3::hash(&tile.bytes).into()),
            }),
            Err(refused) => KeptTile::Failed {
                id: tile.id,
                frame: tile.frame,
                reason: match refused {
                    SideRefused::Cap { .. } => TileFailure::CapReached,
                    SideRefused::Name { .. }
                    | SideRefused::TooLong { .. }
                    | SideRefused::TooSoon { .. }
                    | SideRefused::Io { .. } => TileFailure::WriteFailed,
                },
                time: now,
                thumbnail: String::new(),
            },
        }
    }

    fn keep_failure(&mut self, failed: &FailedTile, now: MonotonicNs) -> KeptTile {
        let name = format!("frame_{}.jpg", failed.frame);
        let kept = failed.thumbnail.as_ref();
        let kept = kept.is_some_and(|bytes| self.thumbnails.keep(&name, bytes, now.0).is_ok());
        KeptTile::Failed {
            id: failed.id,
            frame: failed.frame,
            reason: failed.reason,
            time: now,
            thumbnail: if kept { name } else { String::new() },
        }
    }
}
