//! What is drawn under the track: a map package's footprint and imagery, and a geofence.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::output::told;

/// A closed line of latitude and longitude, degrees.
pub type Ring = Vec<[f64; 2]>;

/// Most tiles that are embedded.
#[cfg(feature = "sync")]
const TILES_MAX: usize = 80;
/// Most bytes of imagery that are embedded.
#[cfg(feature = "sync")]
const TILE_BYTES_MAX: usize = 6 << 20;
/// Largest geofence that is read, and most rings of it.
const GEOFENCE_BYTES_MAX: u64 = 4 << 20;
const RINGS_MAX: usize = 200;

/// One tile of imagery.
#[derive(Debug, Serialize)]
pub struct Tile {
    pub z: u8,
    pub x: u32,
    pub y: u32,
    /// The image as a `data:` URL.
    pub url: String,
}

/// A map package as far as it is drawn.
#[derive(Debug, Default)]
pub struct MapPackage {
    pub footprints: Vec<Ring>,
    pub tiles: Vec<Tile>,
    /// Why it is not drawn, or not all of it.
    pub problem: Option<String>,
}

/// South, west, north, east, degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub south: f64,
    pub west: f64,
    pub north: f64,
    pub east: f64,
}

/// Reads the outer rings of a GeoJSON file.
pub fn geofence(path: &Path) -> anyhow::Result<Vec<Ring>> {
    let name = path.display();
    let bytes = told(fs::metadata(path), &name, "give a readable file")?.len();
    if bytes > GEOFENCE_BYTES_MAX {
        bail!("{name}: has {bytes} bytes, a geofence at most 4 MiB");
    }
    let text = told(fs::read_to_string(path), &name, "give a readable file")?;
    let document: Value = told(
        serde_json::from_str(&text),
        &name,
        "export the fence as GeoJSON polygons",
    )?;
    let mut rings = Vec::new();
    polygons(&document, 0, &mut rings);
    match rings.is_empty() {
        true => bail!("{name}: holds no polygon; export the fence as GeoJSON polygons"),
        false => Ok(rings),
    }
}

fn polygons(value: &Value, depth: usize, rings: &mut Vec<Ring>) {
    const DEPTH_MAX: usize = 8;
    if depth > DEPTH_MAX || rings.len() >= RINGS_MAX {
        return;
    }
    let members = |name: &str| value[name].as_array().into_iter().flatten();
    match value["type"].as_str() {
        Some("FeatureCollection") => {
            members("features").for_each(|one| polygons(one, depth + 1, rings));
        }
        Some("Feature") => polygons(&value["geometry"], depth + 1, rings),
        Some("GeometryCollection") => {
            members("geometries").for_each(|one| polygons(one, depth + 1, rings));
        }
        Some("Polygon") => rings.extend(members("coordinates").take(1).filter_map(ring)),
        Some("MultiPolygon") => {
            let first = members("coordinates").filter_map(|polygon| polygon.get(0));
            rings.extend(first.take(RINGS_MAX).filter_map(ring));
        }
        _ => {}
    }
}

fn ring(coordinates: &Value) -> Option<Ring> {
    let points = coordinates.as_array()?.iter().map(|point| {
        let (lon, lat) = (point.get(0)?.as_f64()?, point.get(1)?.as_f64()?);
        Some([lat, lon])
    });
    let points: Option<Ring> = points.collect();
    points.filter(|points| points.len() >= 3)
}

/// Files of a package that may hold imagery: itself, or those of its folder.
#[cfg(feature = "sync")]
fn candidates(package: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !package.is_dir() {
        return Ok(vec![package.to_owned()]);
    }
    let entries = told(
        fs::read_dir(package),
        package.display(),
        "give a readable folder",
    )?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|own| own == "mbtiles"))
        .collect();
    files.sort();
    match files.is_empty() {
        true => bail!(
            "{}: holds no .mbtiles file; give a map package",
            package.display()
        ),
        false => Ok(files),
    }
}

/// Opens the package and takes what covers `track`.
#[cfg(feature = "sync")]
pub fn package(path: &Path, track: Option<Bounds>) -> anyhow::Result<MapPackage> {
    let mut package = MapPackage::default();
    for file in candidates(path)? {
        let read = mbtiles::read(&file, track, &mut package);
        told(read, file.display(), "give a readable MBTiles file")?;
    }
    Ok(package)
}

/// Without the feature `sync` there is no SQLite to read a package with.
#[cfg(not(feature = "sync"))]
pub fn package(path: &Path, _track: Option<Bounds>) -> anyhow::Result<MapPackage> {
    let _: PathBuf = path.to_owned();
    bail!("this program was built without the feature `sync`, which reads map packages")
}

/// Imagery in SQLite: rows count from the south, as TMS has them.
#[cfg(feature = "sync")]
mod mbtiles {
    use rusqlite::{Connection, OpenFlags, OptionalExtension};

    use super::*;

    /// Deepest zoom that is looked for.
    const ZOOM_MAX: u8 = 22;

    pub fn read(
        file: &Path,
        track: Option<Bounds>,
        package: &mut MapPackage,
    ) -> anyhow::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(file, flags)?;
        let said = |name: &str| {
            let query = "SELECT value FROM metadata WHERE name = ?1";
            database
                .query_row(query, [name], |row| row.get::<_, String>(0))
                .optional()
        };
        // Heights are no imagery.
        let terrarium = said("encoding")?.is_some_and(|encoding| encoding == "terrarium");
        if let Some(bounds) = said("bounds")?.and_then(|text| parse_bounds(&text)) {
            let Bounds {
                south,
                west,
                north,
                east,
            } = bounds;
            let ring = vec![[south, west], [south, east], [north, east], [north, west]];
            if !package.footprints.contains(&ring) {
                package.footprints.push(ring);
            }
        }
        if let (Some(track), false) = (track, terrarium) {
            let found = tiles(&database, track)?;
            package.tiles.extend(found);
        }
        Ok(())
    }

    fn parse_bounds(text: &str) -> Option<Bounds> {
        let numbers: Option<Vec<f64>> = text
            .split(',')
            .map(|part| part.trim().parse().ok())
            .collect();
        match numbers?.as_slice() {
            &[west, south, east, north] => Some(Bounds {
                south,
                west,
                north,
                east,
            }),
            _ => None,
        }
    }

    /// The deepest zoom whose tiles over the track are few enough.
    fn tiles(database: &Connection, track: Bounds) -> anyhow::Result<Vec<Tile>> {
        let query = "SELECT min(zoom_level), max(zoom_level) FROM tiles";
        let (least, most): (Option<u8>, Option<u8>) =
            database.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(least), Some(most)) = (least, most) else {
            return Ok(Vec::new());
        };
        for zoom in (least..=most.min(ZOOM_MAX)).rev() {
            let (x0, y0) = tile_of(track.north, track.west, zoom);
            let (x1, y1) = tile_of(track.south, track.east, zoom);
            let count = u64::from(x1 - x0 + 1) * u64::from(y1 - y0 + 1);
            if count > TILES_MAX as u64 {
                continue;
            }
            let mut found = Vec::new();
            let mut bytes = 0;
            for (x, y) in (y0..=y1).flat_map(|y| (x0..=x1).map(move |x| (x, y))) {
                let image = image(database, zoom, x, y)?;
                bytes += image.as_ref().map_or(0, Vec::len);
                found.extend(image.and_then(|image| tile(zoom, x, y, &image)));
            }
            if bytes <= TILE_BYTES_MAX {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    fn image(database: &Connection, zoom: u8, x: u32, y: u32) -> anyhow::Result<Option<Vec<u8>>> {
        let query = "SELECT tile_data FROM tiles WHERE zoom_level = ?1 AND tile_column = ?2 AND tile_row = ?3";
        let row = (1u32 << zoom) - 1 - y;
        let found = database.query_row(query, (zoom, x, row), |row| row.get::<_, Vec<u8>>(0));
        Ok(found.optional()?)
    }

    fn tile(z: u8, x: u32, y: u32, image: &[u8]) -> Option<Tile> {
        Some(Tile {
            z,
            x,
            y,
            url: image_url(image)?,
        })
    }

    /// Column and row from the north of the tile that holds a place.
    fn tile_of(lat: f64, lon: f64, zoom: u8) -> (u32, u32) {
        let size = f64::from(1u32 << zoom);
        let sine = lat.to_radians().sin().clamp(-0.9999, 0.9999);
        let x = (lon + 180.0) / 360.0;
        let y = 0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * std::f64::consts::PI);
        let clamp = |part: f64| (part * size).clamp(0.0, size - 1.0) as u32;
        (clamp(x), clamp(y))
    }
}

/// An image as a `data:` URL; `None` for what is no image of a known kind.
pub fn image_url(image: &[u8]) -> Option<String> {
    let kind = match image {
        [0xFF, 0xD8, ..] => "jpeg",
        [0x89, b'P', b'N', b'G', ..] => "png",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "webp",
        _ => return None,
    };
    Some(format!(
        "data:image/{kind};base64,{}",
        STANDARD.encode(image)
    ))
}
