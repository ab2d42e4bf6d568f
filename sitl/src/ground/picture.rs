//! Colour pictures and their files.

use std::path::Path;

use anyhow::{Context, bail};
use companion::vision::image::{Gray, ImageError};

/// Red, green and blue bytes, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Three bytes per pixel.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Its luminance (ITU-R BT.601, as JPEG has it).
    ///
    /// # Errors
    /// When the size is one that the companion does not handle.
    pub fn gray(&self) -> Result<Gray, ImageError> {
        let luminance = |pixel: &[u8; 3]| {
            let [r, g, b] = pixel.map(u32::from);
            ((19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16) as u8
        };
        let pixels = self.rgb.as_chunks::<3>().0.iter().map(luminance).collect();
        Gray::new(self.width, self.height, pixels)
    }

    /// The picture as a JPEG.
    ///
    /// # Errors
    /// When it is too large for one.
    pub fn jpeg(&self, quality: u8) -> anyhow::Result<Vec<u8>> {
        let size = [self.width, self.height].map(u16::try_from);
        let [Ok(width), Ok(height)] = size else {
            bail!(
                "{} x {} pixels are too many for a JPEG",
                self.width,
                self.height
            );
        };
        let mut bytes = Vec::new();
        jpeg_encoder::Encoder::new(&mut bytes, quality).encode(
            &self.rgb,
            width,
            height,
            jpeg_encoder::ColorType::Rgb,
        )?;
        Ok(bytes)
    }

    /// Writes it: PNG or JPEG, as the name's ending says.
    ///
    /// # Errors
    /// When the ending is another, or the file cannot be written.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let bytes = match ending {
            Some("png") => self.png()?,
            Some("jpg" | "jpeg") => self.jpeg(88)?,
            _ => bail!("{}: name it .png or .jpg", path.display()),
        };
        std::fs::write(path, bytes)
            .with_context(|| format!("{}: cannot be written", path.display()))
    }

    fn png(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let size = [self.width, self.height].map(u32::try_from);
        let [Ok(width), Ok(height)] = size else {
            bail!(
                "{} x {} pixels are too many for a PNG",
                self.width,
                self.height
            );
        };
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.rgb)?;
        Ok(bytes)
    }
}
