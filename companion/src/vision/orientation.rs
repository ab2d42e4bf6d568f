//! Directions of brightness gradients as a complex image: what is compared instead of brightness.
//!
//! A unit vector per pixel, in the direction of the gradient, at the stronger half of the pixels; zero
//! elsewhere. Lighting, haze, exposure and season change brightness and contrast, but rarely the
//! direction of an edge. With the angle doubled, an edge that turned from dark-bright to bright-dark
//! counts as the same edge: a second opinion with other weaknesses.
//!
//! Source: A. J. Fitch et al., "Orientation Correlation", BMVC 2002.

use rustfft::num_complex::Complex;

use super::north_up::NorthUp;

/// What stands for a gradient of direction phi.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Angle {
    /// exp(i phi).
    Single,
    /// exp(2 i phi): contrast reversal changes nothing.
    Doubled,
}

/// Gradients of a north-up image: a pixel whose neighbourhood is not seen has none.
#[derive(Debug)]
pub struct Gradients {
    width: usize,
    height: usize,
    vectors: Vec<Complex<f32>>,
    threshold_squared: f32,
    mean_magnitude: f32,
    seen: usize,
}

/// Share of the seen pixels that is left out as too weak.
const WEAKER_SHARE: f64 = 0.5;

impl Gradients {
    /// Sobel gradients of `image`, brightness per pixel, and their median.
    #[must_use]
    pub fn new(image: &NorthUp) -> Self {
        let (width, height) = (image.width(), image.height());
        let pixels = image.pixels();
        let mut vectors = vec![Complex::new(0.0, 0.0); width * height];
        let mut squares = Vec::with_capacity(width * height);
        let mut sum = 0.0;
        for row in 1..height.saturating_sub(1) {
            let [above, here, below] =
                [row - 1, row, row + 1].map(|row| &pixels[row * width..][..width]);
            let out = &mut vectors[row * width..][..width];
            for column in 1..width.saturating_sub(1) {
                let (left, right) = (column - 1, column + 1);
                let diagonal = (above[right] - below[left], below[right] - above[left]);
                let x = diagonal.0 + diagonal.1 + 2.0 * (here[right] - here[left]);
                let y = diagonal.1 - diagonal.0 + 2.0 * (below[column] - above[column]);
                let square = (x * x + y * y) / 64.0;
                if !square.is_nan() {
                    out[column] = Complex::new(x / 8.0, y / 8.0);
                    squares.push(square);
                    sum += square.sqrt();
                }
            }
        }
        let seen = squares.len();
        let threshold_squared = match (seen as f64 * WEAKER_SHARE) as usize {
            index if index < seen => *squares.select_nth_unstable_by(index, f32::total_cmp).1,
            _ => f32::INFINITY,
        };
        Self {
            width,
            height,
            vectors,
            threshold_squared,
            mean_magnitude: sum / seen.max(1) as f32,
            seen,
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

    /// Mean length of the gradients, brightness per pixel.
    #[must_use]
    pub fn mean_magnitude(&self) -> f32 {
        self.mean_magnitude
    }

    /// Share of the pixels that have a gradient.
    #[must_use]
    pub fn seen_share(&self) -> f64 {
        self.seen as f64 / (self.width * self.height).max(1) as f64
    }

    /// Writes the unit vectors of the stronger half row by row into the upper left corner of an image
    /// with rows of `stride`, and counts them. What is not written stays.
    pub fn write_field(&self, angle: Angle, out: &mut [Complex<f32>], stride: usize) -> usize {
        let mut count = 0;
        for (from, to) in self
            .vectors
            .chunks_exact(self.width)
            .zip(out.chunks_mut(stride))
        {
            for (vector, out) in from.iter().zip(to) {
                let square = vector.norm_sqr();
                // Strictly above zero: a flat pixel has no direction.
                *out = if square >= self.threshold_squared && square > 1e-6 {
                    count += 1;
                    match angle {
                        Angle::Single => *vector / square.sqrt(),
                        Angle::Doubled => *vector * *vector / square,
                    }
                } else {
                    Complex::new(0.0, 0.0)
                };
            }
        }
        count
    }
}
