//! Cross-correlation of a template with a larger search image, through the frequency domain, and the
//! peaks of the result.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::orientation::{Angle, Gradients};

/// Longest side of a transform: a window of 400 m at 1 m per pixel fits in it.
pub const MAX_TRANSFORM_SIDE: usize = 1_024;

/// The smallest side of at least `length` that is a product of 2, 3 and 5 (fast transforms exist).
#[must_use]
pub fn transform_side(length: usize) -> usize {
    let smooth = |mut n: usize| {
        for prime in [2, 3, 5] {
            while n.is_multiple_of(prime) {
                n /= prime;
            }
        }
        n == 1
    };
    // Even, because odd lengths are slower than the next even one.
    (length.max(2)..)
        .find(|n| n.is_multiple_of(2) && smooth(*n))
        .unwrap_or(length)
}

struct Plan {
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

/// The transform of a field, columns first.
pub struct Spectrum {
    width: usize,
    height: usize,
    count: usize,
    values: Vec<Complex<f32>>,
}

impl Spectrum {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Number of pixels of the field that were not zero.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

/// Transforms of any size up to the limit, with their working memory.
#[derive(Default)]
pub struct Correlator {
    plans: BTreeMap<usize, Plan>,
    image: Vec<Complex<f32>>,
    other: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Correlator {
    /// The transform of the directions of `gradients`, padded with zeros to a square of `side`; they lie
    /// `margin` pixels from its left and upper edge.
    #[must_use]
    pub fn spectrum(
        &mut self,
        gradients: &Gradients,
        angle: Angle,
        side: usize,
        margin: usize,
    ) -> Spectrum {
        let (width, height) = (side, side);
        self.image.clear();
        self.image.resize(width * height, Complex::new(0.0, 0.0));
        let count = gradients.write_field(angle, &mut self.image[margin * width + margin..], width);
        // Rows of zeros below stay zeros.
        self.transform(width, (margin + gradients.height()).min(height), true);
        let mut values = vec![Complex::new(0.0, 0.0); width * height];
        transpose(&self.image, &mut values, width, height);
        std::mem::swap(&mut self.image, &mut values);
        self.transform(height, width, true);
        std::mem::swap(&mut self.image, &mut values);
        Spectrum {
            width,
            height,
            count,
            values,
        }
    }

    /// How well the template fits at every shift of 0 to `columns` - 1 to the right and 0 to `rows` - 1
    /// down: 1 where every direction agrees, 0 for chance.
    ///
    /// Shifts are not wrapped as long as template and shift together stay inside the transform.
    #[must_use]
    pub fn correlate(
        &mut self,
        template: &Spectrum,
        search: &Spectrum,
        columns: usize,
        rows: usize,
    ) -> Surface {
        assert_eq!(template.size(), search.size());
        self.image.clear();
        let pairs = template.values.iter().zip(&search.values);
        self.image.extend(pairs.map(|(a, b)| a.conj() * b));
        self.back(search.size(), rows);
        self.surface(search.width, columns, rows, template.count, |value| {
            value.re
        })
    }

    /// Two correlations at the price of one transform: as only their real parts are wanted, one of them
    /// travels in the imaginary part.
    #[must_use]
    pub fn correlate_two(
        &mut self,
        [first, second]: [(&Spectrum, &Spectrum); 2],
        columns: usize,
        rows: usize,
    ) -> [Surface; 2] {
        let (width, height) = first.1.size();
        for spectrum in [first.0, second.0, second.1] {
            assert_eq!(spectrum.size(), (width, height));
        }
        self.image.clear();
        self.image.reserve(width * height);
        // The real part of a field is the field whose transform is half the sum of the transform and the
        // conjugate of its mirror image.
        let i = Complex::new(0.0, 1.0);
        for column in 0..width {
            let mirror = (width - column) % width;
            let lines = |column: usize| {
                [first.0, first.1, second.0, second.1]
                    .map(|spectrum| &spectrum.values[column * height..][..height])
            };
            let (here, there) = (lines(column), lines(mirror));
            #[expect(clippy::needless_range_loop, reason = "eight lines share the row")]
            for row in 0..height {
                let back = if row == 0 { 0 } else { height - row };
                let product = |of: usize| {
                    here[of][row].conj() * here[of + 1][row]
                        + there[of][back] * there[of + 1][back].conj()
                };
                self.image.push((product(0) + i * product(2)) * 0.5);
            }
        }
        self.back((width, height), rows);
        [
            self.surface(width, columns, rows, first.0.count, |value| value.re),
            self.surface(width, columns, rows, second.0.count, |value| value.im),
        ]
    }

    /// The field whose transform the image holds, columns first; only its upper `rows`.
    fn back(&mut self, (width, height): (usize, usize), rows: usize) {
        self.transform(height, width, false);
        let mut values = std::mem::take(&mut self.other);
        values.resize(width * height, Complex::new(0.0, 0.0));
        transpose(&self.image, &mut values, height, width);
        self.other = std::mem::replace(&mut self.image, values);
        self.transform(width, rows.min(height), false);
    }

    fn surface(
        &self,
        width: usize,
        columns: usize,
        rows: usize,
        count: usize,
        part: impl Fn(&Complex<f32>) -> f32,
    ) -> Surface {
        let size = self.image.len() as f32;
        let factor = 1.0 / (size * count.max(1) as f32);
        let mut scores = Vec::with_capacity(columns * rows);
        for row in self.image.chunks_exact(width).take(rows) {
            scores.extend(row[..columns].iter().map(|value| part(value) * factor));
        }
        Surface {
            columns,
            rows,
            scores,
        }
    }

    /// Transforms the first `count` rows of `length` values of the image.
    fn transform(&mut self, length: usize, count: usize, forward: bool) {
        let plan = self.plans.entry(length).or_insert_with(|| {
            let mut planner = FftPlanner::new();
            Plan {
                forward: planner.plan_fft_forward(length),
                inverse: planner.plan_fft_inverse(length),
            }
        });
        let transform = if forward {
            &plan.forward
        } else {
            &plan.inverse
        };
        let wanted = transform.get_inplace_scratch_len();
        if self.scratch.len() < wanted {
            self.scratch.resize(wanted, Complex::new(0.0, 0.0));
        }
        let rows = &mut self.image[..length * count];
        transform.process_with_scratch(rows, &mut self.scratch[..wanted]);
    }
}

/// Rows of `width` become columns; in blocks that fit the cache.
fn transpose(from: &[Complex<f32>], to: &mut [Complex<f32>], width: usize, height: usize) {
    const BLOCK: usize = 16;
    for top in (0..height).step_by(BLOCK) {
        for left in (0..width).step_by(BLOCK) {
            for column in left..(left + BLOCK).min(width) {
                let target = &mut to[column * height..][..height];
                for row in top..(top + BLOCK).min(height) {
                    target[row] = from[row * width + column];
                }
            }
        }
    }
}

/// Scores of all shifts.
#[derive(Debug, Clone)]
pub struct Surface {
    columns: usize,
    rows: usize,
    scores: Vec<f32>,
}

/// A maximum of a surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Column of the highest score.
    pub column: usize,
    /// Row of the highest score.
    pub row: usize,
    /// The score.
    pub score: f32,
}

/// A maximum between the shifts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FinePeak {
    /// Column and row.
    pub at: [f64; 2],
    /// Covariance of column and row, pixels^2: column-column, column-row, row-row.
    pub covariance: [f64; 3],
}

impl Surface {
    /// The part with these corners, the second excluded; absent when less than a peak and its
    /// surroundings is left inside.
    #[must_use]
    pub fn part(&self, from: [i64; 2], to: [i64; 2]) -> Option<(Self, [usize; 2])> {
        let inside = |at: i64, length: usize| usize::try_from(at).unwrap_or(0).min(length);
        let (left, right) = (inside(from[0], self.columns), inside(to[0], self.columns));
        let (top, bottom) = (inside(from[1], self.rows), inside(to[1], self.rows));
        if right < left + 9 || bottom < top + 9 {
            return None;
        }
        let rows = self
            .scores
            .chunks_exact(self.columns)
            .skip(top)
            .take(bottom - top);
        let part = Self {
            columns: right - left,
            rows: bottom - top,
            scores: rows.flat_map(|row| &row[left..right]).copied().collect(),
        };
        Some((part, [left, top]))
    }

    /// The mean of this and another of the same shifts.
    #[must_use]
    pub fn mean_with(&self, other: &Self) -> Self {
        let pairs = self.scores.iter().zip(&other.scores);
        Self {
            scores: pairs.map(|(a, b)| 0.5 * (a + b)).collect(),
            ..*self
        }
    }

    /// Root mean square of all scores.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        let square = |score: &f32| f64::from(score * score);
        let sum: f64 = self.scores.iter().map(square).sum();
        (sum / self.scores.len().max(1) as f64).sqrt()
    }

    /// The score of a shift.
    #[must_use]
    pub fn score(&self, column: usize, row: usize) -> f32 {
        self.scores[row * self.columns + column]
    }

    /// The highest score, outside a circle where one is given (its centre and radius in shifts).
    #[must_use]
    pub fn peak(&self, outside: Option<(Peak, f64)>) -> Peak {
        let mut best = Peak {
            column: 0,
            row: 0,
            score: f32::NEG_INFINITY,
        };
        for (row, scores) in self.scores.chunks_exact(self.columns).enumerate() {
            let hidden = match outside {
                Some((centre, radius)) => {
                    let down = row as f64 - centre.row as f64;
                    let half = (radius * radius - down * down).max(-1.0);
                    if half < 0.0 {
                        0..0
                    } else {
                        let half = half.sqrt() as usize;
                        centre.column.saturating_sub(half)
                            ..(centre.column + half + 1).min(self.columns)
                    }
                }
                None => 0..0,
            };
            for range in [0..hidden.start, hidden.end..self.columns] {
                for column in range {
                    if scores[column] > best.score {
                        best = Peak {
                            column,
                            row,
                            score: scores[column],
                        };
                    }
                }
            }
        }
        best
    }

    /// Whether a peak stands so close to the edge that its surroundings are not known.
    #[must_use]
    pub fn is_at_the_edge(&self, peak: Peak, margin: usize) -> bool {
        peak.column < margin
            || peak.row < margin
            || peak.column + margin >= self.columns
            || peak.row + margin >= self.rows
    }

    /// The peak between the shifts, from the parabola through its neighbours, and how well it stands:
    /// the slope that the rest of the surface has by chance, times the inverse of the peak's curvature.
    /// Absent where the neighbours do not form a peak.
    #[must_use]
    pub fn refine(&self, peak: Peak) -> Option<FinePeak> {
        if self.is_at_the_edge(peak, 1) {
            return None;
        }
        let at = |dx: isize, dy: isize| {
            f64::from(self.score(
                peak.column.wrapping_add_signed(dx),
                peak.row.wrapping_add_signed(dy),
            ))
        };
        let slope = [(at(1, 0) - at(-1, 0)) / 2.0, (at(0, 1) - at(0, -1)) / 2.0];
        let xx = 2.0 * at(0, 0) - at(1, 0) - at(-1, 0);
        let yy = 2.0 * at(0, 0) - at(0, 1) - at(0, -1);
        let xy = -(at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4.0;
        let determinant = xx * yy - xy * xy;
        if xx <= 0.0 || yy <= 0.0 || determinant <= 1e-3 * xx * yy {
            return None;
        }
        // The inverse of the curvature.
        let [a, b, c] = [yy / determinant, -xy / determinant, xx / determinant];
        let shift = [a * slope[0] + b * slope[1], b * slope[0] + c * slope[1]];
        if shift[0].abs() > 1.0 || shift[1].abs() > 1.0 {
            return None;
        }
        let [p, q, r] = self.slope_noise(peak);
        let first = [a * p + b * q, a * q + b * r];
        let second = [b * p + c * q, b * q + c * r];
        Some(FinePeak {
            at: [peak.column as f64 + shift[0], peak.row as f64 + shift[1]],
            covariance: [
                first[0] * a + first[1] * b,
                first[0] * b + first[1] * c,
                second[0] * b + second[1] * c,
            ],
        })
    }

    /// Mean square slope of the surface away from the peak.
    fn slope_noise(&self, peak: Peak) -> [f64; 3] {
        let mut sums = [0.0f64; 3];
        let mut count = 0.0f64;
        for row in 1..self.rows.saturating_sub(1) {
            for column in 1..self.columns.saturating_sub(1) {
                if row.abs_diff(peak.row) < 6 && column.abs_diff(peak.column) < 6 {
                    continue;
                }
                let x = (self.score(column + 1, row) - self.score(column - 1, row)) / 2.0;
                let y = (self.score(column, row + 1) - self.score(column, row - 1)) / 2.0;
                sums[0] += f64::from(x * x);
                sums[1] += f64::from(x * y);
                sums[2] += f64::from(y * y);
                count += 1.0;
            }
        }
        sums.map(|sum| sum / count.max(1.0))
    }
}
