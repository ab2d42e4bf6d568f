//! JPEG to grey, with the size known and limited before memory is taken, and grey to JPEG.

use jpeg_encoder::{ColorType, Encoder};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::image::{Gray, ImageError, MAX_SIDE, check_size};

/// Longest JPEG that is read, bytes.
pub const MAX_JPEG_BYTES: usize = 64 << 20;

/// Decodes a JPEG to its luminance.
///
/// # Errors
/// When it is not a JPEG, is damaged or cut short, or has a size that is not handled.
pub fn decode(bytes: &[u8]) -> Result<Gray, ImageError> {
    if bytes.len() > MAX_JPEG_BYTES {
        let problem = format!("{} bytes, {MAX_JPEG_BYTES} are the limit", bytes.len());
        return Err(ImageError::Jpeg(problem));
    }
    // Strict: a camera's or a map's JPEG that is cut short would otherwise be filled with grey, and
    // grey is not what was there.
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let damaged = |error: zune_jpeg::errors::DecodeErrors| {
        // Some of the decoder's messages end in a line break.
        ImageError::Jpeg(error.to_string().replace('\n', " ").trim().to_owned())
    };
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| ImageError::Jpeg("no size in its header".to_owned()))?;
    check_size(width, height)?;
    if !bytes[bytes.len().saturating_sub(64)..]
        .windows(2)
        .any(|pair| pair == [0xff, 0xd9])
    {
        return Err(ImageError::Jpeg("no end marker: cut short".to_owned()));
    }
    let pixels = decoder.decode().map_err(damaged)?;
    Gray::new(width, height, pixels)
}

/// Encodes a grey image; `quality` is 1 to 100.
///
/// # Errors
/// When the encoder says so.
pub fn encode(image: &Gray, quality: u8) -> Result<Vec<u8>, ImageError> {
    let failed = |error: String| ImageError::Jpeg(error);
    // Sides of a `Gray` fit.
    let side = |side: usize| u16::try_from(side).map_err(|error| failed(error.to_string()));
    let (width, height) = (side(image.width())?, side(image.height())?);
    let mut bytes = Vec::new();
    let encoder = Encoder::new(&mut bytes, quality);
    let encoded = encoder.encode(image.pixels(), width, height, ColorType::Luma);
    encoded.map_err(|error| failed(error.to_string()))?;
    Ok(bytes)
}
