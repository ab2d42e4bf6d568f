//! PNG to grey with its transparent parts, PNG to colours, and grey to PNG; the size is known and limited
//! before memory is taken.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Encoder, Limits, Transformations};

use super::image::{Gray, ImageError, check_size};

/// Longest PNG that is read, bytes.
pub const MAX_PNG_BYTES: usize = 256 << 20;
/// Memory that a decoder may take beside the pixels.
const DECODER_BYTES: usize = 64 << 20;

/// Grey pixels, and which of them show something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The pixels.
    pub image: Gray,
    /// Which pixels are opaque; absent when all are.
    pub seen: Option<Box<[bool]>>,
}

/// An image with three bytes per pixel: red, green, blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// All pixels, row by row.
    pub pixels: Vec<u8>,
}

/// Decodes to luminance; what is less than half opaque is not seen.
///
/// # Errors
/// When it is not a PNG, is damaged or cut short, or has a size that is not handled.
pub fn decode(bytes: &[u8]) -> Result<Masked, ImageError> {
    let raw = Raw::read(bytes)?;
    let (width, height) = (raw.width, raw.height);
    let mut pixels = Vec::with_capacity(width * height);
    let mut seen = Vec::new();
    for pixel in raw.bytes.chunks_exact(raw.channels) {
        match *pixel {
            [grey] => pixels.push(grey),
            [grey, alpha] => {
                pixels.push(grey);
                seen.push(alpha >= 128);
            }
            [red, green, blue] => pixels.push(luminance(red, green, blue)),
            [red, green, blue, alpha] => {
                pixels.push(luminance(red, green, blue));
                seen.push(alpha >= 128);
            }
            _ => {}
        }
    }
    let whole = seen.iter().all(|seen| *seen);
    Ok(Masked {
        image: Gray::new(width, height, pixels)?,
        seen: (!whole).then(|| seen.into_boxed_slice()),
    })
}

/// Decodes to colours.
///
/// # Errors
/// When it is not a PNG with three colours, is damaged or cut short, or has a size that is not handled.
pub fn decode_rgb(bytes: &[u8]) -> Result<Rgb, ImageError> {
    let raw = Raw::read(bytes)?;
    if raw.channels < 3 {
        return Err(ImageError::Png("no colours in it".to_owned()));
    }
    let colours = raw.bytes.chunks_exact(raw.channels);
    Ok(Rgb {
        width: raw.width,
        height: raw.height,
        pixels: colours
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect(),
    })
}

/// Encodes grey pixels; those that are not seen are transparent. `texts` are keywords (Latin-1, up to 79
/// characters) and what they say.
///
/// # Errors
/// When a keyword is none.
pub fn encode(image: &Masked, texts: &[(&str, &str)]) -> Result<Vec<u8>, ImageError> {
    let grey = &image.image;
    let bytes = match &image.seen {
        None => grey.pixels().to_vec(),
        Some(seen) => {
            let pairs = grey.pixels().iter().zip(seen);
            pairs
                .flat_map(|(grey, seen)| if *seen { [*grey, 255] } else { [0, 0] })
                .collect()
        }
    };
    let channels = if image.seen.is_some() {
        ColorType::GrayscaleAlpha
    } else {
        ColorType::Grayscale
    };
    let failed = |error: png::EncodingError| ImageError::Png(error.to_string());
    let mut out = Vec::new();
    // Sides of a `Gray` fit.
    let mut encoder = Encoder::new(&mut out, grey.width() as u32, grey.height() as u32);
    encoder.set_color(channels);
    encoder.set_depth(BitDepth::Eight);
    for (keyword, text) in texts {
        let added = encoder.add_itxt_chunk((*keyword).to_owned(), (*text).to_owned());
        added.map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&bytes).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

struct Raw {
    width: usize,
    height: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Raw {
    fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        if bytes.len() > MAX_PNG_BYTES {
            let problem = format!("{} bytes, {MAX_PNG_BYTES} are the limit", bytes.len());
            return Err(ImageError::Png(problem));
        }
        let damaged = |error: png::DecodingError| ImageError::Png(error.to_string());
        let limits = Limits {
            bytes: DECODER_BYTES,
        };
        let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
        decoder.set_transformations(Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(damaged)?;
        let (width, height) = reader.info().size();
        // A `u32` fits.
        let (width, height) = (width as usize, height as usize);
        check_size(width, height)?;
        let length = reader.output_buffer_size();
        let length = length.ok_or_else(|| ImageError::Png("too large".to_owned()))?;
        let mut out = vec![0; length];
        let frame = reader.next_frame(&mut out).map_err(damaged)?;
        reader.finish().map_err(damaged)?;
        out.truncate(frame.buffer_size());
        let channels = frame.color_type.samples();
        if frame.bit_depth != BitDepth::Eight || out.len() != width * height * channels {
            return Err(ImageError::Png("pixels of another size".to_owned()));
        }
        Ok(Self {
            width,
            height,
            channels,
            bytes: out,
        })
    }
}

/// Luminance of ITU-R BT.601, as JPEG has it.
pub(super) fn luminance(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    ((sum + 500) / 1000) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_was_encoded_is_decoded_with_its_unseen_parts() {
        let pixels: Vec<u8> = (0..=255).cycle().take(64 * 32).collect();
        let whole = Masked {
            image: Gray::new(64, 32, pixels.clone()).unwrap(),
            seen: None,
        };
        let bytes = encode(&whole, &[("source", "frame 7")]).unwrap();
        assert_eq!(decode(&bytes).unwrap(), whole);
        let seen: Box<[bool]> = (0..64 * 32).map(|index| index % 3 > 0).collect();
        let part = Masked {
            image: whole.image.clone(),
            seen: Some(seen.clone()),
        };
        let again = decode(&encode(&part, &[]).unwrap()).unwrap();
        assert_eq!(again.seen, Some(seen.clone()));
        let kept = |image: &Gray| -> Vec<u8> {
            let pairs = image.pixels().iter().zip(&seen);
            pairs.filter(|pair| *pair.1).map(|pair| *pair.0).collect()
        };
        assert_eq!(kept(&again.image), kept(&part.image));
    }

    #[test]
    fn a_cut_or_damaged_png_is_refused_in_one_line() {
        let image = Masked {
            image: Gray::new(64, 64, (0..4096).map(|n| (n * 37 % 251) as u8).collect()).unwrap(),
            seen: None,
        };
        let bytes = encode(&image, &[]).unwrap();
        for length in (0..bytes.len() - 12).step_by(7) {
            let error = decode(&bytes[..length]).unwrap_err().to_string();
            assert!(!error.contains('\n'), "{error}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            if let Ok(found) = decode(&damaged) {
                assert_eq!(found, image, "byte {at} changed the image unnoticed");
            }
        }
        assert!(decode_rgb(&bytes).is_err());
    }
}
