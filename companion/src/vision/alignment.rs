//! Alignment of two rectified frames on their brightness: the similarity that makes one look like the
//! other.
//!
//! Inverse compositional Gauss-Newton with a Huber weight; brightness and contrast of the frame are
//! fitted in every round. Only pixels of the stronger half of the gradients take part, and of the
//! blocks that are not held back for [`super::patches`].
//!
//! Source: S. Baker, I. Matthews, "Lucas-Kanade 20 Years On", IJCV 2004.

use std::sync::OnceLock;

use nalgebra::{Matrix4, Vector4};

use super::north_up::NorthUp;

/// Side of the blocks into which a full-size view is divided, pixels.
pub const BLOCK: usize = 16;

/// Whether a block is held back from the alignment and serves to judge it: one in three.
#[must_use]
pub fn is_held_back(column: usize, row: usize) -> bool {
    (column + row).is_multiple_of(3)
}

/// z -> a z + t with complex a and t, about the middles of the images; x to the right, y down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Real part of a: scale times cosine.
    pub real: f64,
    /// Imaginary part of a: scale times sine of the clockwise turn of the content.
    pub imaginary: f64,
    /// Shift to the right.
    pub x: f64,
    /// Shift down.
    pub y: f64,
}

impl Similarity {
    /// Where a point goes.
    #[must_use]
    pub fn of(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [
            self.real * x - self.imaginary * y + self.x,
            self.imaginary * x + self.real * y + self.y,
        ]
    }

    /// Where a point came from.
    #[must_use]
    pub fn inverse_of(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (x, y) = (x - self.x, y - self.y);
        let square = self.real * self.real + self.imaginary * self.imaginary;
        [
            (self.real * x + self.imaginary * y) / square,
            (self.real * y - self.imaginary * x) / square,
        ]
    }

    /// The same motion between images of `factor` times the resolution.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            x: self.x * factor,
            y: self.y * factor,
            ..self
        }
    }

    /// This after the inverse of z -> (1 + p) z + q.
    fn after_inverse(self, [p_re, p_im, q_x, q_y]: [f64; 4]) -> Self {
        let (re, im) = (1.0 + p_re, p_im);
        let square = re * re + im * im;
        let real = (self.real * re + self.imaginary * im) / square;
        let imaginary = (self.imaginary * re - self.real * im) / square;
        Self {
            real,
            imaginary,
            x: self.x - (real * q_x - imaginary * q_y),
            y: self.y - (imaginary * q_x + real * q_y),
        }
    }
}

/// A pixel that takes part: place about the middle, brightness, gradient.
#[derive(Debug, Clone, Copy)]
struct Point {
    x: f32,
    y: f32,
    value: f32,
    gradient: [f32; 2],
}

/// An image and, once it is aligned to, its pixels that take part.
pub struct Template {
    image: NorthUp,
    points: OnceLock<Vec<Point>>,
}

/// Most points of a template: enough for a hundredth of a pixel, few enough for its time.
const MAX_POINTS: usize = 8_000;

impl Template {
    /// A template of `image`.
    #[must_use]
    pub fn new(image: NorthUp) -> Self {
        Self {
            image,
            points: OnceLock::new(),
        }
    }

    /// The image.
    #[must_use]
    pub fn image(&self) -> &NorthUp {
        &self.image
    }

    fn points(&self) -> &[Point] {
        self.points.get_or_init(|| strong_points(&self.image))
    }
}

/// The stronger half of the gradients of the blocks that are not held back.
fn strong_points(image: &NorthUp) -> Vec<Point> {
    let (width, height) = (image.width(), image.height());
    let middle = [(width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0];
    // Blocks cover the same ground at every resolution.
    let block = (BLOCK * width / super::view::SIDE).max(1);
    let pixels = image.pixels();
    let mut points = Vec::with_capacity(width * height);
    let mut squares = Vec::with_capacity(width * height);
    for row in 1..height - 1 {
        for column in 1..width - 1 {
            if is_held_back(column / block, row / block) {
                continue;
            }
            let at = row * width + column;
            let gradient = [
                (pixels[at + 1] - pixels[at - 1]) / 2.0,
                (pixels[at + width] - pixels[at - width]) / 2.0,
            ];
            let square = gradient[0] * gradient[0] + gradient[1] * gradient[1];
            let value = pixels[at];
            if !square.is_nan() && !value.is_nan() {
                squares.push(square);
                points.push(Point {
                    x: column as f32 - middle[0],
                    y: row as f32 - middle[1],
                    value,
                    gradient,
                });
            }
        }
    }
    if !squares.is_empty() {
        let index = squares.len() / 2;
        let median = *squares.select_nth_unstable_by(index, f32::total_cmp).1;
        points.retain(|point| {
            point.gradient[0] * point.gradient[0] + point.gradient[1] * point.gradient[1] >= median
        });
    }
    let stride = points.len().div_ceil(MAX_POINTS).max(1);
    points.into_iter().step_by(stride).collect()
}

/// Fewest points that determine a similarity well.
const MIN_POINTS: usize = 100;

/// A point and what the frame shows where it should be.
struct Pair<'a> {
    point: &'a Point,
    seen: f32,
}

/// The similarity that takes `keyframe` to `frame`, from a start that is right to about two pixels;
/// absent when too little is seen, or when it does not settle in `rounds`.
#[must_use]
pub fn align(
    keyframe: &Template,
    frame: &Template,
    start: Similarity,
    rounds: usize,
) -> Option<Similarity> {
    let mut motion = start;
    let mut pairs = Vec::with_capacity(keyframe.points().len());
    let reach = keyframe.image.width() as f64 / 2.0;
    for _ in 0..rounds {
        collect(keyframe, &frame.image, motion, &mut pairs);
        if pairs.len() < MIN_POINTS {
            return None;
        }
        let step = gauss_newton(&pairs)?;
        motion = motion.after_inverse(step);
        let moved = libm::hypot(step[2], step[3]) + reach * libm::hypot(step[0], step[1]);
        let scale = libm::hypot(motion.real, motion.imaginary);
        if !moved.is_finite() || moved > 0.2 * reach || !(0.7..=1.4).contains(&scale) {
            return None;
        }
        if moved < 0.005 {
            break;
        }
    }
    Some(motion)
}

fn collect<'a>(
    keyframe: &'a Template,
    frame: &NorthUp,
    motion: Similarity,
    pairs: &mut Vec<Pair<'a>>,
) {
    pairs.clear();
    let middle = [
        (frame.width() - 1) as f32 / 2.0 + motion.x as f32,
        (frame.height() - 1) as f32 / 2.0 + motion.y as f32,
    ];
    let (real, imaginary) = (motion.real as f32, motion.imaginary as f32);
    for point in keyframe.points() {
        let x = real * point.x - imaginary * point.y + middle[0];
        let y = imaginary * point.x + real * point.y + middle[1];
        if let Some(seen) = frame.sample(x, y).filter(|seen| !seen.is_nan()) {
            pairs.push(Pair { point, seen });
        }
    }
}

/// One step: the similarity about which the keyframe would have to be moved to look more like what is
/// seen.
fn gauss_newton(pairs: &[Pair]) -> Option<[f64; 4]> {
    let (gain, offset) = brightness(pairs)?;
    let residual = |pair: &Pair| gain * pair.seen + offset - pair.point.value;
    let mean = pairs.iter().map(|pair| residual(pair).abs()).sum::<f32>() / pairs.len() as f32;
    // 1.345 standard deviations; the mean absolute value of a normal variable is 0.8 of one.
    let limit = (1.345 * 1.25 * mean).max(1e-3);
    let mut normal = [0.0f32; 10];
    let mut right = [0.0f32; 4];
    let mut matrix = Matrix4::<f64>::zeros();
    let mut vector = Vector4::<f64>::zeros();
    // Sums of some hundred single-precision terms lose nothing; of ten thousand they would.
    for chunk in pairs.chunks(256) {
        for pair in chunk {
            let error = residual(pair);
            let weight = (limit / error.abs().max(1e-6)).min(1.0);
            let Point {
                x,
                y,
                gradient: [gx, gy],
                ..
            } = *pair.point;
            let row = [gx * x + gy * y, gy * x - gx * y, gx, gy];
            let mut at = 0;
            for i in 0..4 {
                let weighted = weight * row[i];
                right[i] += weighted * error;
                for value in &row[i..] {
                    normal[at] += weighted * value;
                    at += 1;
                }
            }
        }
        let mut at = 0;
        for i in 0..4 {
            vector[i] += f64::from(std::mem::take(&mut right[i]));
            for j in i..4 {
                let value = f64::from(std::mem::take(&mut normal[at]));
                matrix[(i, j)] += value;
                if i != j {
                    matrix[(j, i)] += value;
                }
                at += 1;
            }
        }
    }
    let step = matrix.cholesky()?.solve(&vector);
    Some([step[0], step[1], step[2], step[3]])
}

/// Gain and offset that give what is seen the keyframe's mean and spread.
fn brightness(pairs: &[Pair]) -> Option<(f32, f32)> {
    let count = pairs.len() as f64;
    let mut sums = [0.0f64; 4];
    for pair in pairs {
        let (seen, value) = (f64::from(pair.seen), f64::from(pair.point.value));
        sums[0] += seen;
        sums[1] += value;
        sums[2] += seen * seen;
        sums[3] += value * value;
    }
    let [seen, value, seen2, value2] = sums.map(|sum| sum / count);
    let (seen_variance, variance) = (seen2 - seen * seen, value2 - value * value);
    if seen_variance < 1e-3 || variance < 1e-3 {
        return None;
    }
    let gain = (variance / seen_variance).sqrt().clamp(0.1, 10.0);
    Some((gain as f32, (value - gain * seen) as f32))
}
