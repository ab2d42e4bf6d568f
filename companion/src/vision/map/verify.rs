//! Everything of a package, tile by tile: what a flight checks when it first uses a tile, done before it.

use std::path::Path;

use fdr_format::records::GateFailure;
use fdr_format::{Digest, PublicKey};
use serde::Serialize;

use super::gate::{GateRefusal, GateRules, admit};
use super::layer::{Decoded, Heights, digest_of};
use super::manifest::LayerFiles;
use super::mbtiles::MbTiles;
use super::tile_hashes::TileHashes;
use crate::vision::png::Masked;

/// A package of which every tile was checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// Whose signature it bears.
    pub signer: PublicKey,
    /// What people call it.
    pub name: String,
    /// Tiles of imagery.
    pub imagery_tiles: usize,
    /// Tiles of elevation.
    pub elevation_tiles: usize,
    /// West, south, east, north, degrees.
    pub bounds_deg: [f64; 4],
    /// Regions that are used with a larger error, for their age.
    pub downgraded: Vec<String>,
}

/// Checks a package, every tile included.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(package: &Path, rules: &GateRules<'_>) -> Result<Verified, GateRefusal> {
    let admitted = admit(package, rules)?;
    let refusal = |reason, file: &str, text: String| GateRefusal {
        package: package.into(),
        reason,
        file: file.into(),
        expected: None,
        found: None,
        text: text.into(),
    };
    let manifest = admitted.manifest;
    let signer = admitted.signer.ok_or_else(|| {
        let text = "no key is trusted: nothing can be verified".to_owned();
        refusal(
            GateFailure::Signature,
            super::manifest::SIGNATURE_FILE,
            text,
        )
    })?;
    let imagery_tiles = check::<Masked>(package, &manifest.imagery, &refusal)?;
    let elevation_tiles = match &manifest.elevation {
        None => 0,
        Some(layer) => {
            let files = LayerFiles {
                tiles: layer.tiles.clone(),
                hashes: layer.hashes.clone(),
            };
            check::<Heights>(package, &files, &refusal)?
        }
    };
    Ok(Verified {
        signer,
        name: manifest.name,
        imagery_tiles,
        elevation_tiles,
        bounds_deg: manifest.bounds_deg,
        downgraded: admitted.downgraded,
    })
}

type Refuse<'a> = &'a dyn Fn(GateFailure, &str, String) -> GateRefusal;

fn check<T: Decoded>(
    package: &Path,
    layer: &LayerFiles,
    refusal: Refuse<'_>,
) -> Result<usize, GateRefusal> {
    let name = &layer.tiles.file;
    let unreadable = |text: String| refusal(GateFailure::Unreadable, name, text);
    let table = std::fs::read(package.join(&layer.hashes.file));
    let table = table.map_err(|error| unreadable(format!("{}: {error}", layer.hashes.file)))?;
    let table =
        TileHashes::read(&table).ok_or_else(|| unreadable("no table of hashes".to_owned()))?;
    let file = MbTiles::open(&package.join(name)).map_err(|error| unreadable(error.to_string()))?;
    let mut count = 0;
    let mut wrong: Option<(GateFailure, Option<Digest>, Option<Digest>, String)> = None;
    file.for_each(|id, bytes| {
        count += 1;
        if wrong.is_some() {
            return;
        }
        let (expected, found) = (table.get(id), digest_of(bytes));
        if expected != Some(found) {
            let text = format!("tile {id} is not what the manifest says");
            wrong = Some((GateFailure::Hash, expected, Some(found), text));
        } else if let Err(problem) = T::decode(id, bytes) {
            wrong = Some((GateFailure::Unreadable, None, None, problem.to_string()));
        }
    })
    .map_err(|error| unreadable(error.to_string()))?;
    if wrong.is_none() && count != table.len() {
        let text = format!("{count} tiles are there, {} were signed", table.len());
        wrong = Some((GateFailure::Hash, None, None, text));
    }
    match wrong {
        None => Ok(count),
        Some((reason, expected, found, text)) => Err(GateRefusal {
            expected,
            found,
            ..refusal(reason, name, text)
        }),
    }
}
