//! GeoTIFF orthophotos: pixels by the `tiff` crate, their place from the GeoTIFF tags.
//!
//! Source: OGC 19-008r4, "GeoTIFF Standard 1.1". Grey, grey with alpha, RGB and RGBA of 8 bits are read, in
//! EPSG:4326, EPSG:3857 and WGS84 / UTM.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::raster::{Georeference, Picture, RASTER_PIXELS_MAX, Raster, System};
use super::{BuildError, io_error};
use crate::vision::png::luminance;

/// `GTModelTypeGeoKey`, `GTRasterTypeGeoKey`, `GeodeticCRSGeoKey`, `ProjectedCRSGeoKey`.
const MODEL_TYPE: u16 = 1024;
const RASTER_TYPE: u16 = 1025;
const GEODETIC_CRS: u16 = 2048;
const PROJECTED_CRS: u16 = 3072;
const PIXEL_IS_POINT: u16 = 2;

type Tiff = Decoder<BufReader<File>>;

/// Reads a GeoTIFF; absent when the TIFF says nothing of its place.
///
/// # Errors
/// When it cannot be read, or its place is given in a way that is not handled.
pub fn read_geotiff(path: &Path) -> Result<(Raster, Option<Georeference>), BuildError> {
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    let wrong = |problem: String| BuildError::Georeference {
        path: path.to_owned(),
        problem,
    };
    let damaged = |error: tiff::TiffError| wrong(format!("cannot be read as TIFF: {error}"));
    let mut limits = Limits::default();
    limits.decoding_buffer_size = 4 * RASTER_PIXELS_MAX;
    limits.intermediate_buffer_size = 4 * RASTER_PIXELS_MAX;
    let decoder = Decoder::new(BufReader::new(file)).map_err(damaged)?;
    let mut decoder = decoder.with_limits(limits);
    let georeference = georeference(&mut decoder).map_err(wrong)?;
    let raster = pixels(&mut decoder).map_err(wrong)?;
    Ok((raster, georeference))
}

impl Picture {
    /// The picture of a GeoTIFF.
    ///
    /// # Errors
    /// When it cannot be read, or says nothing of its place.
    pub fn from_geotiff(path: &Path) -> Result<Self, BuildError> {
        let wrong = |problem: String| BuildError::Georeference {
            path: path.to_owned(),
            problem,
        };
        let (raster, georeference) = read_geotiff(path)?;
        let georeference = georeference.ok_or_else(|| {
            wrong("has no GeoTIFF tags; give its corners with --corners".to_owned())
        })?;
        Self::new(raster, &georeference).map_err(wrong)
    }
}

fn pixels(decoder: &mut Tiff) -> Result<Raster, String> {
    let damaged = |error: tiff::TiffError| format!("cannot be read as TIFF: {error}");
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let (width, height) = (width as usize, height as usize);
    let count = width.saturating_mul(height);
    if count > RASTER_PIXELS_MAX {
        return Err(format!(
            "has {width} x {height} pixels, at most {RASTER_PIXELS_MAX} are handled; cut it or halve it"
        ));
    }
    let colours = decoder.colortype().map_err(damaged)?;
    let channels = match colours {
        ColorType::Gray(8) => 1,
        ColorType::GrayA(8) => 2,
        ColorType::RGB(8) | ColorType::YCbCr(8) => 3,
        ColorType::RGBA(8) => 4,
        ColorType::Multiband {
            bit_depth: 8,
            num_samples,
        } if (1..=4).contains(&num_samples) => usize::from(num_samples),
        other => {
            return Err(format!(
                "has pixels of {other:?}; grey or RGB of 8 bits, with or without alpha, are handled"
            ));
        }
    };
    let DecodingResult::U8(bytes) = decoder.read_image().map_err(damaged)? else {
        return Err("has pixels of more than 8 bits".to_owned());
    };
    if bytes.len() != count * channels {
        return Err("keeps its colours in separate planes, which are not handled".to_owned());
    }
    let pixel = |values: &[u8]| match *values {
        [grey] | [grey, _] => grey,
        [red, green, blue] | [red, green, blue, _] => luminance(red, green, blue),
        _ => 0,
    };
    let seen = match channels {
        2 | 4 => Some(
            bytes
                .chunks_exact(channels)
                .map(|pixel| pixel[channels - 1] >= 128)
                .collect(),
        ),
        _ => None,
    };
    let grey = bytes.chunks_exact(channels).map(pixel).collect();
    Raster::new(width, height, grey, seen).ok_or_else(|| format!("has {width} x {height} pixels"))
}

fn georeference(decoder: &mut Tiff) -> Result<Option<Georeference>, String> {
    let Some(keys) = shorts(decoder, Tag::GeoKeyDirectoryTag)? else {
        return Ok(None);
    };
    let system = system(&keys)?;
    let scale = doubles(decoder, Tag::ModelPixelScaleTag)?;
    let tie = doubles(decoder, Tag::ModelTiepointTag)?;
    let matrix = doubles(decoder, Tag::ModelTransformationTag)?;
    let mut from_pixel = match (matrix.as_deref(), tie.as_deref(), scale.as_deref()) {
        (Some(&[a, b, _, x, c, d, _, y, ..]), _, _) => [x, a, b, y, c, d],
        (None, Some(&[column, row, _, x, y, _, ..]), Some(&[across, down, ..])) => {
            [x - column * across, across, 0.0, y + row * down, 0.0, -down]
        }
        _ => {
            return Err(
                "has GeoTIFF keys, but neither a transformation nor a tie point with a scale"
                    .to_owned(),
            );
        }
    };
    if key(&keys, RASTER_TYPE) == Some(PIXEL_IS_POINT) {
        // The tie point is the middle of a pixel.
        from_pixel[0] -= 0.5 * (from_pixel[1] + from_pixel[2]);
        from_pixel[3] -= 0.5 * (from_pixel[4] + from_pixel[5]);
    }
    Ok(Some(Georeference::Affine { from_pixel, system }))
}

fn system(keys: &[u16]) -> Result<System, String> {
    let utm = |code: u16, first: u16| u8::try_from(code - first).unwrap_or_default();
    match (
        key(keys, MODEL_TYPE),
        key(keys, PROJECTED_CRS),
        key(keys, GEODETIC_CRS),
    ) {
        (_, Some(3857), _) => Ok(System::WebMercator),
        (_, Some(code @ 32601..=32660), _) => Ok(System::Utm {
            zone: utm(code, 32600),
            north: true,
        }),
        (_, Some(code @ 32701..=32760), _) => Ok(System::Utm {
            zone: utm(code, 32700),
            north: false,
        }),
        (Some(2), None, Some(4326)) => Ok(System::Geographic),
        (_, projected, geodetic) => Err(format!(
            "is in EPSG:{}; EPSG:4326, 3857 and WGS84 / UTM (32601 to 32660, 32701 to 32760) are handled; warp it with: gdalwarp -t_srs EPSG:3857",
            projected
                .or(geodetic)
                .map_or("?".to_owned(), |code| code.to_string())
        )),
    }
}

/// The value of a key that stands in the directory itself.
fn key(keys: &[u16], wanted: u16) -> Option<u16> {
    let entries = keys.as_chunks::<4>().0.iter().skip(1);
    let mut entries = entries.filter(|entry| entry[0] == wanted && entry[1] == 0);
    entries.next().map(|entry| entry[3])
}

fn shorts(decoder: &mut Tiff, tag: Tag) -> Result<Option<Vec<u16>>, String> {
    let read = |error: tiff::TiffError| format!("{tag:?}: {error}");
    let value = decoder.find_tag(tag).map_err(read)?;
    value
        .map(|value| value.into_u16_vec().map_err(read))
        .transpose()
}

fn doubles(decoder: &mut Tiff, tag: Tag) -> Result<Option<Vec<f64>>, String> {
    let read = |error: tiff::TiffError| format!("{tag:?}: {error}");
    let value = decoder.find_tag(tag).map_err(read)?;
    value
        .map(|value| value.into_f64_vec().map_err(read))
        .transpose()
}
