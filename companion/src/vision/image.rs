//! Grey images of bounded size, and their pyramids.

use thiserror::Error;

/// Longest side of an image, pixels.
pub const MAX_SIDE: usize = 8_192;
/// Most pixels of an image: above the 20 megapixels of the nominal camera.
pub const MAX_PIXELS: usize = 32 << 20;
/// Shortest side of an image that is worth looking at, pixels.
pub const MIN_SIDE: usize = 16;

/// Why there is no image.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImageError {
    /// Outside the sizes that are handled.
    #[error(
        "image of {width} x {height} pixels: sides of {MIN_SIDE} to {MAX_SIDE} and at most {MAX_PIXELS} pixels are handled"
    )]
    Size {
        /// Pixels per row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The bytes are not as many as the size says.
    #[error("image of {width} x {height} pixels in {bytes} bytes: one byte per pixel is expected")]
    Length {
        /// Pixels per row.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes given.
        bytes: usize,
    },
    /// The JPEG cannot be decoded.
    #[error("damaged JPEG: {0}")]
    Jpeg(String),
    /// The PNG cannot be decoded.
    #[error("damaged PNG: {0}")]
    Png(String),
}

/// Whether an image may have this size.
///
/// # Errors
/// [`ImageError::Size`] when it may not.
pub fn check_size(width: usize, height: usize) -> Result<(), ImageError> {
    let sides = MIN_SIDE..=MAX_SIDE;
    if sides.contains(&width) && sides.contains(&height) && width * height <= MAX_PIXELS {
        Ok(())
    } else {
        Err(ImageError::Size { width, height })
    }
}

/// An 8-bit grey image: rows from the top, pixels from the left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gray {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Gray {
    /// An image of these pixels.
    ///
    /// # Errors
    /// When the size is not handled or does not fit the bytes.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, ImageError> {
        check_size(width, height)?;
        if pixels.len() == width * height {
            Ok(Self {
                width,
                height,
                pixels,
            })
        } else {
            Err(ImageError::Length {
                width,
                height,
                bytes: pixels.len(),
            })
        }
    }

    /// Pixels per row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The brightness at pixel coordinates (0, 0 is the centre of the first pixel), bilinear; absent
    /// outside the centres of the outermost pixels.
    #[must_use]
    pub fn sample(&self, x: f32, y: f32) -> Option<f32> {
        // Also false for NaN.
        let inside =
            x >= 0.0 && y >= 0.0 && x <= (self.width - 1) as f32 && y <= (self.height - 1) as f32;
        if !inside {
            return None;
        }
        let column = (x as usize).min(self.width - 2);
        let row = (y as usize).min(self.height - 2);
        let (right, below) = (x - column as f32, y - row as f32);
        let first = row * self.width + column;
        let upper = &self.pixels[first..first + 2];
        let lower = &self.pixels[first + self.width..first + self.width + 2];
        let mix = |pair: &[u8]| {
            let left = f32::from(pair[0]);
            left + right * (f32::from(pair[1]) - left)
        };
        let (top, bottom) = (mix(upper), mix(lower));
        Some(top + below * (bottom - top))
    }

    /// Half the size: every pixel the mean of four. An odd last row or column is left out.
    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut pixels = Vec::with_capacity(width * height);
        for row in 0..height {
            let start = 2 * row * self.width;
            let upper = &self.pixels[start..start + 2 * width];
            let lower = &self.pixels[start + self.width..start + self.width + 2 * width];
            pixels.extend(
                upper
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .zip(lower.as_chunks::<2>().0)
                    .map(|(top, bottom)| {
                        let sum = u16::from(top[0])
                            + u16::from(top[1])
                            + u16::from(bottom[0])
                            + u16::from(bottom[1]);
                        ((sum + 2) / 4) as u8
                    }),
            );
        }
        Self {
            width,
            height,
            pixels,
        }
    }
}

/// Most levels of a pyramid: the last shows 1/128 of the first.
const MAX_LEVELS: usize = 8;

/// An image at full size and halved again and again, so that it can be sampled at any coarser scale
/// without aliasing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pyramid {
    levels: Vec<Gray>,
}

impl Pyramid {
    /// Halves `image` until a side would be shorter than [`MIN_SIDE`].
    #[must_use]
    pub fn new(image: Gray) -> Self {
        let mut levels = vec![image];
        while levels.len() < MAX_LEVELS {
            let last = &levels[levels.len() - 1];
            if last.width.min(last.height) < 2 * MIN_SIDE {
                break;
            }
            let next = last.halved();
            levels.push(next);
        }
        Self { levels }
    }

    /// The image at full size.
    #[must_use]
    pub fn full(&self) -> &Gray {
        &self.levels[0]
    }

    /// The level whose pixels are nearest to `step` pixels of the full image, and its index: a pixel
    /// of level n covers 2^n x 2^n of the full image.
    #[must_use]
    pub fn level(&self, step: f64) -> (usize, &Gray) {
        let wanted = if step.is_finite() && step > 1.0 {
            libm::round(libm::log2(step)) as usize
        } else {
            0
        };
        let index = wanted.min(self.levels.len() - 1);
        (index, &self.levels[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_outside_the_limits_is_refused_by_name() {
        for (width, height) in [(0, 0), (15, 100), (8_193, 16), (8_000, 8_000)] {
            assert_eq!(
                Gray::new(width, height, Vec::new()),
                Err(ImageError::Size { width, height })
            );
        }
        assert!(matches!(
            Gray::new(16, 16, vec![0; 255]),
            Err(ImageError::Length { bytes: 255, .. })
        ));
    }

    #[test]
    fn sampling_a_ramp_gives_the_ramp_at_every_level() {
        let ramp = (0..64 * 64).map(|i| (2 * (i % 64)) as u8).collect();
        let pyramid = Pyramid::new(Gray::new(64, 64, ramp).unwrap());
        for step in [1.0, 2.0, 4.0] {
            let (index, level) = pyramid.level(step);
            assert_eq!(1 << index, step as usize);
            // Centre of a coarse pixel in full coordinates: (x + 0.5) * step - 0.5.
            let value = level.sample(5.25, 3.5).unwrap();
            let full_x = (5.25 + 0.5) * step as f32 - 0.5;
            assert!((value - 2.0 * full_x).abs() < 0.51, "{step}: {value}");
        }
    }

    #[test]
    fn nothing_is_sampled_outside_or_at_nan() {
        let image = Gray::new(16, 16, vec![7; 256]).unwrap();
        assert_eq!(image.sample(15.0, 15.0), Some(7.0));
        for (x, y) in [
            (-0.1, 3.0),
            (15.1, 3.0),
            (3.0, f32::NAN),
            (f32::INFINITY, 1.0),
        ] {
            assert_eq!(image.sample(x, y), None);
        }
    }
}
