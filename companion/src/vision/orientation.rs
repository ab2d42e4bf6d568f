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
        let mut lengths = Lengths::default();
        let mut squares = vec![0.0f32; width.saturating_sub(2)];
        for row in 1..height.saturating_sub(1) {
            let [above, here, below] =
                [row - 1, row, row + 1].map(|row| &pixels[row * width..][..width]);
            let out = &mut vectors[row * width + 1..][..squares.len()];
            let windows = above.windows(3).zip(here.windows(3)).zip(below.windows(3));
            for ((((above, here), below), out), square) in
                windows.zip(out.iter_mut()).zip(&mut squares)
            {
                let (falls, rises) = (above[2] - below[0], below[2] - above[0]);
                let x = (falls + rises + 2.0 * (here[2] - here[0])) / 8.0;
                let y = (rises - falls + 2.0 * (below[1] - above[1])) / 8.0;
                *out = Complex::new(x, y);
                *square = x * x + y * y;
            }
            for (square, out) in squares.iter().zip(out) {
                if square.is_nan() {
                    *out = Complex::new(0.0, 0.0);
                } else {
                    lengths.add(*square);
                }
            }
        }
        Self {
            width,
            height,
            vectors,
            threshold_squared: lengths.square_above(WEAKER_SHARE),
            mean_magnitude: lengths.sum / lengths.count.max(1) as f32,
            seen: lengths.count,
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

    /// The unit vectors of the stronger half.
    #[must_use]
    pub fn field(&self) -> Field {
        let mut values = vec![Complex::new(0.0, 0.0); self.width * self.height];
        let count = self.write_field(Angle::Single, &mut values, self.width);
        Field {
            width: self.width,
            height: self.height,
            count,
            values,
        }
    }

    /// Writes the unit vectors of the stronger half row by row into the upper left corner of an image
    /// with rows of `stride`, and counts them. What is not written stays.
    pub fn write_field(&self, angle: Angle, out: &mut [Complex<f32>], stride: usize) -> usize {
        // Strictly above zero: a flat pixel has no direction.
        let threshold = self.threshold_squared.max(1e-6);
        let mut count = 0;
        for (from, to) in self
            .vectors
            .chunks_exact(self.width)
            .zip(out.chunks_mut(stride))
        {
            for (vector, out) in from.iter().zip(to) {
                let square = vector.norm_sqr();
                let strong = square >= threshold;
                count += usize::from(strong);
                *out = match angle {
                    Angle::Single => vector * if strong { 1.0 / square.sqrt() } else { 0.0 },
                    Angle::Doubled => vector * vector * if strong { 1.0 / square } else { 0.0 },
                };
            }
        }
        count
    }
}

/// Unit vectors, zero where the image has no clear direction.
#[derive(Debug)]
pub struct Field {
    width: usize,
    height: usize,
    count: usize,
    values: Vec<Complex<f32>>,
}

impl Field {
    /// How well this fits into `search` at a shift to the right and down, as a correlation has it: 1
    /// where every direction agrees. At shifts at which it does not lie inside, 0.
    #[must_use]
    pub fn score_in(&self, search: &Self, [column, row]: [usize; 2]) -> f32 {
        if column + self.width > search.width || row + self.height > search.height {
            return 0.0;
        }
        let rows = self.values.chunks_exact(self.width);
        let there = search.values.chunks_exact(search.width).skip(row);
        let sum: f32 = rows
            .zip(there)
            .map(|(here, there)| agreement(here, &there[column..column + self.width]))
            .sum();
        sum / self.count.max(1) as f32
    }
}

/// Sum of the scalar products of two rows of vectors.
fn agreement(a: &[Complex<f32>], b: &[Complex<f32>]) -> f32 {
    // Sums side by side, for registers that hold several numbers.
    let mut sums = [0.0f32; 8];
    let (a_parts, a_rest) = a.as_chunks::<4>();
    let (b_parts, b_rest) = b.as_chunks::<4>();
    for (a, b) in a_parts.iter().zip(b_parts) {
        for i in 0..4 {
            sums[2 * i] += a[i].re * b[i].re;
            sums[2 * i + 1] += a[i].im * b[i].im;
        }
    }
    let rest = a_rest.iter().zip(b_rest);
    sums.iter().sum::<f32>() + rest.map(|(a, b)| a.re * b.re + a.im * b.im).sum::<f32>()
}

/// How many gradients have which length, counted by the leading bits of its square.
struct Lengths {
    counts: Vec<u32>,
    count: usize,
    sum: f32,
}

/// Bits of a number that are not counted apart: what is left tells lengths apart to 1.6 %.
const BITS_LEFT_OUT: u32 = 18;

impl Default for Lengths {
    fn default() -> Self {
        Self {
            // Squares are not negative.
            counts: vec![0; 1 << (31 - BITS_LEFT_OUT)],
            count: 0,
            sum: 0.0,
        }
    }
}

impl Lengths {
    fn add(&mut self, square: f32) {
        self.counts[(square.to_bits() >> BITS_LEFT_OUT) as usize] += 1;
        self.count += 1;
        self.sum += square.sqrt();
    }

    /// The square that about this share of them does not reach.
    fn square_above(&self, share: f64) -> f32 {
        let mut left = (self.count as f64 * share) as usize;
        for (bits, count) in self.counts.iter().enumerate() {
            match left.checked_sub(*count as usize) {
                Some(fewer) => left = fewer,
                None => return f32::from_bits((bits as u32) << BITS_LEFT_OUT),
            }
        }
        f32::INFINITY
    }
}
