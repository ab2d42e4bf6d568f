//! North-up images of the ground with a known resolution: what frames and maps become before they
//! are compared.

/// Brightness of points of the ground: rows from the north, columns from the west. Points that were
/// not seen are NaN.
#[derive(Debug, Clone)]
pub struct NorthUp {
    width: usize,
    height: usize,
    gsd_m: f64,
    pixels: Vec<f32>,
}

impl NorthUp {
    /// An image of which nothing is seen yet.
    #[must_use]
    pub fn unseen(width: usize, height: usize, gsd_m: f64) -> Self {
        Self {
            width,
            height,
            gsd_m,
            pixels: vec![f32::NAN; width * height],
        }
    }

    /// An image whose pixels are given by column and row.
    #[must_use]
    pub fn from_fn(
        width: usize,
        height: usize,
        gsd_m: f64,
        mut pixel: impl FnMut(usize, usize) -> Option<f32>,
    ) -> Self {
        let mut image = Self::unseen(width, height, gsd_m);
        for row in 0..height {
            for column in 0..width {
                if let Some(value) = pixel(column, row) {
                    image.see(column, row, value);
                }
            }
        }
        image
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

    /// Side of a pixel on the ground, m.
    #[must_use]
    pub fn gsd_m(&self) -> f64 {
        self.gsd_m
    }

    /// All pixels, row by row; NaN where nothing is seen.
    #[must_use]
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// One row, to be filled.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.pixels[row * self.width..][..self.width]
    }

    /// Sets one pixel.
    pub fn see(&mut self, column: usize, row: usize, value: f32) {
        self.pixels[row * self.width + column] = value;
    }

    /// Share of the pixels that were seen.
    #[must_use]
    pub fn seen_share(&self) -> f64 {
        let seen = self.pixels.iter().filter(|value| !value.is_nan()).count();
        seen as f64 / self.pixels.len().max(1) as f64
    }

    /// Half the size: every pixel the mean of four, not seen when one of them is not.
    #[must_use]
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut pixels = Vec::with_capacity(width * height);
        for row in 0..height {
            let upper = &self.pixels[2 * row * self.width..][..2 * width];
            let lower = &self.pixels[(2 * row + 1) * self.width..][..2 * width];
            let pairs = upper
                .as_chunks::<2>()
                .0
                .iter()
                .zip(lower.as_chunks::<2>().0);
            pixels.extend(
                pairs.map(|(top, bottom)| (top[0] + top[1] + bottom[0] + bottom[1]) * 0.25),
            );
        }
        Self {
            width,
            height,
            gsd_m: 2.0 * self.gsd_m,
            pixels,
        }
    }

    /// Brightness at pixel coordinates, bilinear; NaN where a neighbour is not seen, absent outside.
    #[must_use]
    pub fn sample(&self, x: f32, y: f32) -> Option<f32> {
        let inside =
            x >= 0.0 && y >= 0.0 && x < (self.width - 1) as f32 && y < (self.height - 1) as f32;
        if !inside {
            return None;
        }
        let (column, row) = (x as usize, y as usize);
        let (right, below) = (x - column as f32, y - row as f32);
        let first = row * self.width + column;
        let upper = &self.pixels[first..first + 2];
        let lower = &self.pixels[first + self.width..first + self.width + 2];
        let top = upper[0] + right * (upper[1] - upper[0]);
        let bottom = lower[0] + right * (lower[1] - lower[0]);
        Some(top + below * (bottom - top))
    }
}
