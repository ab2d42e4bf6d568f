//! A picture as tiles.

use std::path::Path;

use super::BuildError;
use super::raster::Picture;
use crate::vision::image::{Gray, ImageError};
use crate::vision::jpeg;
use crate::vision::map::mbtiles::MbTilesWriter;
use crate::vision::map::mercator::{TILE_SIDE, TileId, metres_per_pixel, pixel_of, place_of};
use crate::vision::png::{self, Masked};

/// Zooms above the deepest: enough for a camera at 1 km.
const OVERVIEWS: u8 = 4;
const JPEG_QUALITY: u8 = 92;
/// Most tiles of one zoom: a sector of 400 km2 at 0.3 m has some 70,000.
const TILES_MAX: u64 = 1 << 20;

/// Writes the picture as an MBTiles file with its deepest zoom `zoom` and four above it. Tiles that show the
/// picture only in part are PNG with transparency, the others JPEG.
///
/// # Errors
/// When the file exists or cannot be written, or the picture has no tiles.
pub fn write_tiles(path: &Path, name: &str, picture: &Picture, zoom: u8) -> Result<(), BuildError> {
    let writer = MbTilesWriter::create(path)?;
    let first = zoom.saturating_sub(OVERVIEWS);
    let [south, north, west, east] = picture.extent().map(f64::to_degrees);
    for (key, value) in [
        ("name", name),
        ("format", "jpg"),
        ("type", "baselayer"),
        ("version", "1"),
        ("description", "made by companion map build"),
        ("minzoom", first.to_string().as_str()),
        ("maxzoom", zoom.to_string().as_str()),
        (
            "bounds",
            format!("{west:.7},{south:.7},{east:.7},{north:.7}").as_str(),
        ),
    ] {
        writer.metadata(key, value)?;
    }
    let mut written = 0u64;
    for zoom in first..=zoom {
        for_each_tile(path, picture, zoom, |id| {
            if let Some(bytes) = tile(picture, id)? {
                written += 1;
                writer.tile(id, &bytes)?;
            }
            Ok(())
        })?;
    }
    if written == 0 {
        return Err(BuildError::Georeference {
            path: path.to_owned(),
            problem: "the picture shows nothing on any tile".to_owned(),
        });
    }
    Ok(writer.finish()?)
}

fn for_each_tile(
    path: &Path,
    picture: &Picture,
    zoom: u8,
    mut each: impl FnMut(TileId) -> Result<(), BuildError>,
) -> Result<(), BuildError> {
    let wrong = |problem: String| BuildError::Georeference {
        path: path.to_owned(),
        problem,
    };
    let [south, north, west, east] = picture.extent();
    let corner = |lat, lon| {
        let id = TileId::at(zoom, pixel_of(zoom, lat, lon));
        id.ok_or_else(|| {
            wrong("the picture leaves the part of the Earth that Web Mercator shows".to_owned())
        })
    };
    let (first, last) = (corner(north, west)?, corner(south, east)?);
    let count = u64::from(last.x - first.x + 1) * u64::from(last.y - first.y + 1);
    if count > TILES_MAX {
        let text = format!(
            "the picture would need {count} tiles at zoom {zoom}, {TILES_MAX} are the limit; give a smaller --zoom"
        );
        return Err(wrong(text));
    }
    for x in first.x..=last.x {
        for y in first.y..=last.y {
            each(TileId { zoom, x, y })?;
        }
    }
    Ok(())
}

/// The bytes of a tile; absent where the picture shows nothing of it.
fn tile(picture: &Picture, id: TileId) -> Result<Option<Vec<u8>>, BuildError> {
    let (pixels, seen) = draw(picture, id);
    if !seen.contains(&true) {
        return Ok(None);
    }
    let encode = |error: ImageError| BuildError::Encode(format!("{id}: {error}"));
    let image = Gray::new(TILE_SIDE, TILE_SIDE, pixels).map_err(encode)?;
    let bytes = if seen.contains(&false) {
        let seen = Some(seen.into_boxed_slice());
        png::encode(&Masked { image, seen }, &[])
    } else {
        jpeg::encode(&image, JPEG_QUALITY)
    };
    bytes.map(Some).map_err(encode)
}

fn draw(picture: &Picture, id: TileId) -> (Vec<u8>, Vec<bool>) {
    let [left, top] = id.corner();
    let (lat, _) = place_of(id.zoom, [left + 128.0, top + 128.0]);
    let (_, pixel_m) = picture.middle();
    let ratio = metres_per_pixel(id.zoom, lat) / pixel_m;
    let samples = (ratio.round() as usize).clamp(1, 32);
    let offsets: Vec<f64> = (0..samples)
        .map(|index| (index as f64 + 0.5) / samples as f64)
        .collect();
    let mut pixels = Vec::with_capacity(TILE_SIDE * TILE_SIDE);
    let mut seen = Vec::with_capacity(TILE_SIDE * TILE_SIDE);
    for row in 0..TILE_SIDE {
        for column in 0..TILE_SIDE {
            let mut sum = Some(0.0);
            for down in &offsets {
                for right in &offsets {
                    let at = [left + column as f64 + right, top + row as f64 + down];
                    let (lat, lon) = place_of(id.zoom, at);
                    let value = picture.raster().sample(picture.pixel_of(lat, lon));
                    sum = sum.zip(value).map(|(sum, value)| sum + value);
                }
            }
            let count = (samples * samples) as f64;
            // A mean of bytes is one.
            pixels.push(sum.map_or(0, |sum| (sum / count).round() as u8));
            seen.push(sum.is_some());
        }
    }
    (pixels, seen)
}
