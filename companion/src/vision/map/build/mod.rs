//! Makes a package: a georeferenced picture, or tiles that exist, become imagery with its hashes and a signed
//! manifest. Work for the ground.

#[cfg(feature = "map-build")]
mod geotiff;
mod raster;
mod tiles;
#[cfg(feature = "map-build")]
mod utm;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fdr_format::{Digest, FlightId, SecretKey};

use super::gate::layer_entries;
use super::layer::{Decoded, Heights, TileProblem, digest_of};
use super::manifest::{
    ElevationFiles, MANIFEST_FILE, Manifest, ManifestError, Origin, Region, SIGNATURE_FILE, sign,
};
use super::mbtiles::{MbTiles, MbTilesError};
use super::mercator::{TileId, ZOOM_MAX, metres_per_pixel};
use super::tile_hashes::TileHashes;
use crate::vision::image::ImageError;
use crate::vision::png::Masked;

#[cfg(feature = "map-build")]
pub use geotiff::read_geotiff;
pub use raster::{Corners, Georeference, Picture, Raster, System};
pub use tiles::write_tiles;

const IMAGERY_FILE: &str = "imagery.mbtiles";
const IMAGERY_HASHES: &str = "imagery.tiles";
const ELEVATION_FILE: &str = "elevation.mbtiles";
const ELEVATION_HASHES: &str = "elevation.tiles";

/// Where the imagery of a package comes from.
#[derive(Debug)]
pub enum Imagery<'a> {
    /// A picture with its place on the Earth; `zoom` is the deepest to make, chosen when absent.
    Picture {
        /// It.
        picture: &'a Picture,
        /// Deepest zoom.
        zoom: Option<u8>,
    },
    /// A file of tiles, which is copied.
    Tiles(&'a Path),
}

/// What a package is to be.
#[derive(Debug)]
pub struct BuildOptions<'a> {
    /// Its folder, which must not exist.
    pub folder: &'a Path,
    /// What people call it.
    pub name: &'a str,
    /// The picture of the ground.
    pub imagery: Imagery<'a>,
    /// A Terrarium-encoded MBTiles file and its 1-sigma error, m.
    pub elevation: Option<(&'a Path, f64)>,
    /// What the imagery is worth. A region without bounds covers everything.
    pub region: Region,
    /// Whether the region's bounds are to be those of the imagery.
    pub region_is_all: bool,
    /// Where the flight begins.
    pub origin: Option<Origin>,
    /// The flight.
    pub flight_id: Option<FlightId>,
    /// Whose word it is.
    pub key: &'a SecretKey,
}

/// A package that was made.
#[derive(Debug)]
pub struct Built {
    /// Its manifest.
    pub manifest: Manifest,
    /// Tiles of its imagery.
    pub tiles: usize,
    /// Zooms of its imagery.
    pub zooms: Vec<u8>,
    /// Side of a pixel of the deepest, on the ground, m.
    pub pixel_m: f64,
}

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Tiles cannot be read or written.
    #[error(transparent)]
    Tiles(#[from] MbTilesError),
    /// A tile that is to be in the package is none that could be used.
    #[error("{path}: {source}")]
    Tile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<TileProblem>,
    },
    /// The picture cannot be read.
    #[error("{path}: {source}")]
    Image {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ImageError,
    },
    /// The picture's place on the Earth is not known, or makes no sense.
    #[error("{path}: {problem}")]
    Georeference {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The manifest would be refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A tile cannot be encoded.
    #[error("a tile cannot be encoded: {0}")]
    Encode(String),
}

/// Reads a GeoTIFF, which a program that flies does not.
///
/// # Errors
/// Always.
#[cfg(not(feature = "map-build"))]
pub fn read_geotiff(path: &Path) -> Result<(Raster, Option<Georeference>), BuildError> {
    Err(BuildError::Georeference {
        path: path.to_owned(),
        problem: "neither PNG nor JPEG, and this program was built to fly and reads no GeoTIFF: make the \
                  package with the program of the ground"
            .to_owned(),
    })
}

/// Makes a package. What was begun when it fails is removed.
///
/// # Errors
/// When anything cannot be read, is no map, or cannot be written; also when the folder exists.
pub fn build(options: &BuildOptions<'_>) -> Result<Built, BuildError> {
    let folder = options.folder;
    fs::create_dir(folder).map_err(|source| io_error(folder, source))?;
    let built = fill(options);
    if built.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_dir_all(folder);
    }
    built
}

fn fill(options: &BuildOptions<'_>) -> Result<Built, BuildError> {
    let folder = options.folder;
    let path = folder.join(IMAGERY_FILE);
    match options.imagery {
        Imagery::Picture { picture, zoom } => {
            let zoom = zoom.unwrap_or_else(|| zoom_of(picture)).min(ZOOM_MAX);
            write_tiles(&path, options.name, picture, zoom)?;
        }
        Imagery::Tiles(from) => copy(from, &path)?,
    }
    let (file, tiles) = hash_tiles::<Masked>(&path, &folder.join(IMAGERY_HASHES))?;
    let bounds = file.bounds_deg()?;
    let zooms = file.zooms().to_vec();
    let imagery = layer_entries(folder, IMAGERY_FILE, IMAGERY_HASHES);
    let imagery = imagery.map_err(|source| io_error(folder, source))?;
    let mut manifest = Manifest::new(options.name, bounds, imagery);
    if let Some((from, sigma_m)) = options.elevation {
        let path = folder.join(ELEVATION_FILE);
        copy(from, &path)?;
        hash_tiles::<Heights>(&path, &folder.join(ELEVATION_HASHES))?;
        let files = layer_entries(folder, ELEVATION_FILE, ELEVATION_HASHES);
        let files = files.map_err(|source| io_error(folder, source))?;
        manifest.elevation = Some(ElevationFiles {
            tiles: files.tiles,
            hashes: files.hashes,
            sigma_m,
        });
    }
    let mut region = options.region.clone();
    if options.region_is_all {
        region.bounds_deg = bounds;
    }
    manifest.regions.push(region);
    manifest.takeoff_origin = options.origin;
    manifest.flight_id = options.flight_id;
    sign_manifest(folder, &manifest, options.key)?;
    let [_, south, _, north] = bounds;
    let middle_rad = (0.5 * (south + north)).to_radians();
    Ok(Built {
        manifest,
        tiles,
        pixel_m: metres_per_pixel(zooms.last().copied().unwrap_or_default(), middle_rad),
        zooms,
    })
}

/// Writes manifest and signature into the package's folder.
///
/// # Errors
/// When the manifest would be refused, or a file cannot be written.
pub fn sign_manifest(
    folder: &Path,
    manifest: &Manifest,
    key: &SecretKey,
) -> Result<(), BuildError> {
    let bytes = manifest.to_bytes();
    Manifest::parse(&bytes)?;
    let signature = format!("{}\n", sign(&bytes, key));
    for (name, content) in [
        (MANIFEST_FILE, &bytes),
        (SIGNATURE_FILE, &signature.into_bytes()),
    ] {
        let path = folder.join(name);
        fs::write(&path, content).map_err(|source| io_error(&path, source))?;
    }
    Ok(())
}

/// The coarsest zoom that loses nothing of the picture.
fn zoom_of(picture: &Picture) -> u8 {
    let ([lat_rad, _], pixel_m) = picture.middle();
    let fine = |zoom: &u8| metres_per_pixel(*zoom, lat_rad) <= 1.05 * pixel_m;
    (0..=ZOOM_MAX).find(fine).unwrap_or(ZOOM_MAX)
}

fn copy(from: &Path, to: &Path) -> Result<(), BuildError> {
    let copied = fs::copy(from, to).map(|_| ());
    copied.map_err(|source| io_error(from, source))
}

/// Checks and hashes every tile of a file, and writes the table.
fn hash_tiles<T: Decoded>(path: &Path, table: &Path) -> Result<(MbTiles, usize), BuildError> {
    let file = MbTiles::open(path)?;
    let mut hashes: Vec<(TileId, Digest)> = Vec::new();
    let mut problem = None;
    file.for_each(|id, bytes| {
        hashes.push((id, digest_of(bytes)));
        if problem.is_none() {
            problem = T::decode(id, bytes).err();
        }
    })?;
    if let Some(source) = problem {
        return Err(BuildError::Tile {
            path: path.to_owned(),
            source: Box::new(source),
        });
    }
    let count = hashes.len();
    let hashes = TileHashes::new(hashes).ok_or_else(|| BuildError::Georeference {
        path: path.to_owned(),
        problem: "holds a tile twice".to_owned(),
    })?;
    fs::write(table, hashes.write()).map_err(|source| io_error(table, source))?;
    Ok((file, count))
}

fn io_error(path: &Path, source: io::Error) -> BuildError {
    BuildError::Io {
        path: path.to_owned(),
        source,
    }
}
