//! What is left after an alignment, measured on the blocks that were held back from it.

use nalgebra::{Matrix2, Vector2};

use super::alignment::{BLOCK, Similarity, Template, is_held_back};
use super::north_up::NorthUp;

/// Residuals of the patches that had enough structure.
#[derive(Debug, Clone)]
pub struct Meter {
    /// Patches with structure in the keyframe that the frame sees.
    pub patches: usize,
    /// Median distance of the patches from the common motion, pixels; patches that fit nowhere nearby
    /// count as far away.
    pub residual_px: f64,
    agreeing: Vec<[f64; 2]>,
    variance: f64,
}

impl Meter {
    /// Share of the patches that agree with the common motion.
    #[must_use]
    pub fn agreement(&self) -> f64 {
        self.agreeing.len() as f64 / self.patches.max(1) as f64
    }

    /// Standard deviation per axis of the common motion at a point of the keyframe, pixels: that of a
    /// similarity fitted to the agreeing patches.
    ///
    /// Neighbouring patches share their errors (relief, lens), so half of them count.
    #[must_use]
    pub fn sigma_at(&self, point: [f64; 2]) -> f64 {
        let count = self.agreeing.len().max(1) as f64;
        let mean = [0, 1].map(|i| self.agreeing.iter().map(|at| at[i]).sum::<f64>() / count);
        let square = |at: &[f64; 2]| {
            let (x, y) = (at[0] - mean[0], at[1] - mean[1]);
            x * x + y * y
        };
        let spread: f64 = self.agreeing.iter().map(square).sum();
        let share = 1.0 / count + square(&point) / spread.max(1.0);
        (2.0 * self.variance * share).sqrt()
    }
}

/// Measures every held-back block of `keyframe` in `frame`.
#[must_use]
pub fn measure(
    keyframe: &Template,
    frame: &Template,
    motion: Similarity,
    agreement_px: f64,
) -> Meter {
    let (image, other) = (keyframe.image(), frame.image());
    let mut distances = Vec::new();
    let mut agreeing = Vec::new();
    let mut squares = Vec::new();
    for row in 0..image.height() / BLOCK {
        for column in 0..image.width() / BLOCK {
            if !is_held_back(column, row) {
                continue;
            }
            let corner = [column * BLOCK, row * BLOCK];
            match residual(image, other, motion, corner) {
                Patch::NotSeen | Patch::Bare => {}
                Patch::Lost => distances.push(f64::INFINITY),
                Patch::Found(shift) => {
                    let distance = libm::hypot(shift[0], shift[1]);
                    distances.push(distance);
                    if distance <= agreement_px {
                        let middle = (image.width() - 1) as f64 / 2.0;
                        agreeing.push(corner.map(|at| at as f64 + BLOCK as f64 / 2.0 - middle));
                        squares.push(distance * distance / 2.0);
                    }
                }
            }
        }
    }
    distances.sort_by(f64::total_cmp);
    let residual_px = distances
        .get(distances.len() / 2)
        .copied()
        .unwrap_or(f64::INFINITY);
    let variance = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
    Meter {
        patches: distances.len(),
        residual_px: residual_px.min(1e3),
        agreeing,
        variance,
    }
}

/// Share of the keyframe's seen pixels that the frame sees too.
#[must_use]
pub fn overlap(keyframe: &Template, frame: &Template, motion: Similarity) -> f64 {
    let (image, other) = (keyframe.image(), frame.image());
    let motion = motion.scaled(image.width() as f64 / super::view::SIDE as f64);
    let middle = (image.width() - 1) as f64 / 2.0;
    let (mut seen, mut both) = (0u32, 0u32);
    for (index, value) in image.pixels().iter().enumerate() {
        if value.is_nan() {
            continue;
        }
        seen += 1;
        let at = [index % image.width(), index / image.width()].map(|at| at as f64 - middle);
        let [x, y] = motion.of(at);
        let there = other.sample((x + middle) as f32, (y + middle) as f32);
        both += u32::from(there.is_some_and(|value| !value.is_nan()));
    }
    f64::from(both) / f64::from(seen.max(1))
}

enum Patch {
    /// Not wholly in both images.
    NotSeen,
    /// Without structure in two directions.
    Bare,
    /// Nothing nearby looks like it.
    Lost,
    /// Found so far from where the common motion puts it, pixels.
    Found([f64; 2]),
}

/// Least mean square gradient along the weaker direction, (brightness per pixel)^2.
const MIN_STRUCTURE: f64 = 0.3;
/// Farthest that a patch is followed, pixels.
const REACH_PX: f64 = 4.0;
/// Least correlation of a patch where it was found.
const MIN_CORRELATION: f64 = 0.6;

fn residual(image: &NorthUp, other: &NorthUp, motion: Similarity, corner: [usize; 2]) -> Patch {
    let width = image.width();
    let middle = (width - 1) as f64 / 2.0;
    let pixels = image.pixels();
    let mut values = [0.0f32; BLOCK * BLOCK];
    let mut gradients = [[0.0f32; 2]; BLOCK * BLOCK];
    let mut normal = Matrix2::<f64>::zeros();
    for row in 0..BLOCK {
        for column in 0..BLOCK {
            let (x, y) = (corner[0] + column, corner[1] + row);
            if x == 0 || y == 0 || x + 1 >= width || y + 1 >= image.height() {
                continue;
            }
            let at = y * width + x;
            let gx = (pixels[at + 1] - pixels[at - 1]) / 2.0;
            let gy = (pixels[at + width] - pixels[at - width]) / 2.0;
            if gx.is_nan() || gy.is_nan() || pixels[at].is_nan() {
                return Patch::NotSeen;
            }
            let index = row * BLOCK + column;
            values[index] = pixels[at];
            gradients[index] = [gx, gy];
            let (gx, gy) = (f64::from(gx), f64::from(gy));
            normal += Matrix2::new(gx * gx, gx * gy, gx * gy, gy * gy);
        }
    }
    let count = (BLOCK * BLOCK) as f64;
    let (mean, difference) = (
        normal.trace() / 2.0,
        (normal[(0, 0)] - normal[(1, 1)]) / 2.0,
    );
    let weaker = mean - libm::hypot(difference, normal[(0, 1)]);
    if weaker < MIN_STRUCTURE * count {
        return Patch::Bare;
    }
    let Some(inverse) = normal.try_inverse() else {
        return Patch::Bare;
    };
    let mut shift = Vector2::zeros();
    let mut seen = [0.0f32; BLOCK * BLOCK];
    for _ in 0..4 {
        for (index, seen) in seen.iter_mut().enumerate() {
            let x = (corner[0] + index % BLOCK) as f64 - middle + shift[0];
            let y = (corner[1] + index / BLOCK) as f64 - middle + shift[1];
            let [x, y] = motion.of([x, y]);
            match other.sample((x + middle) as f32, (y + middle) as f32) {
                Some(value) if !value.is_nan() => *seen = value,
                _ => return Patch::NotSeen,
            }
        }
        let Some((gain, offset, _)) = fit(&values, &seen) else {
            return Patch::Lost;
        };
        let mut right = Vector2::zeros();
        for ((value, gradient), seen) in values.iter().zip(&gradients).zip(&seen) {
            let error = f64::from(gain * seen + offset - value);
            right += Vector2::new(f64::from(gradient[0]), f64::from(gradient[1])) * error;
        }
        let step: Vector2<f64> = inverse * right;
        shift -= step;
        if shift.norm() > REACH_PX {
            return Patch::Lost;
        }
        if step.norm() < 0.01 {
            break;
        }
    }
    match fit(&values, &seen) {
        Some((.., correlation)) if correlation >= MIN_CORRELATION => {
            Patch::Found([shift[0], shift[1]])
        }
        _ => Patch::Lost,
    }
}

/// Gain and offset that make `seen` look like `values`, and their correlation.
fn fit(values: &[f32], seen: &[f32]) -> Option<(f32, f32, f64)> {
    let count = values.len() as f64;
    let mut sums = [0.0f64; 5];
    for (value, seen) in values.iter().zip(seen) {
        let (value, seen) = (f64::from(*value), f64::from(*seen));
        let terms = [value, seen, value * value, seen * seen, value * seen];
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    let [value, seen, value2, seen2, product] = sums.map(|sum| sum / count);
    let (variance, seen_variance) = (value2 - value * value, seen2 - seen * seen);
    if variance < 1e-3 || seen_variance < 1e-3 {
        return None;
    }
    let gain = (variance / seen_variance).sqrt();
    let correlation = (product - value * seen) / (variance * seen_variance).sqrt();
    Some((gain as f32, (value - gain * seen) as f32, correlation))
}
