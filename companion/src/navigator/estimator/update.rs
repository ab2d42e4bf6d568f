//! The measurement update, one scalar at a time.
//!
//! A vector measurement whose noise is diagonal is a sequence of scalars; no matrix is inverted and
//! the covariance stays symmetric by construction. Considered errors widen what a measurement may
//! say, but no measurement changes them or their size (Schmidt, "Application of state-space methods to
//! navigation problems", 1966).

use super::state::{BASE, CLONES, Covariance, ErrorVector};

/// One scalar measurement, linearised.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// Measured less predicted.
    pub innovation: f64,
    /// Derivative of the prediction by each error state.
    pub row: ErrorVector,
    /// Variance of the measurement noise.
    pub variance: f64,
}

impl Scalar {
    /// A measurement that no state explains yet.
    #[must_use]
    pub fn new(innovation: f64, sigma: f64) -> Self {
        Self {
            innovation,
            row: ErrorVector::zeros(),
            variance: sigma * sigma,
        }
    }

    /// Adds the derivative by error state `index`.
    #[must_use]
    pub fn by(mut self, index: usize, derivative: f64) -> Self {
        self.row[index] += derivative;
        self
    }

    /// Adds derivatives by the consecutive error states that start at `index`.
    #[must_use]
    pub fn by_each<const K: usize>(mut self, index: usize, derivatives: [f64; K]) -> Self {
        for (offset, derivative) in derivatives.into_iter().enumerate() {
            self.row[index + offset] += derivative;
        }
        self
    }
}

/// Covariance between the state and what a measurement predicts.
fn cross_covariance(covariance: &Covariance, row: &ErrorVector) -> ErrorVector {
    let mut cross = ErrorVector::zeros();
    for (index, factor) in row.iter().enumerate() {
        if *factor != 0.0 {
            cross += covariance.column(index) * *factor;
        }
    }
    cross
}

/// Normalised innovation squared of one scalar, one degree of freedom.
pub fn nis(covariance: &Covariance, scalar: &Scalar) -> f64 {
    let s = scalar.row.dot(&cross_covariance(covariance, &scalar.row)) + scalar.variance;
    scalar.innovation * scalar.innovation / s
}

/// Normalised innovation squared of two scalars with independent noise, two degrees of freedom.
pub fn pair_nis(covariance: &Covariance, first: &Scalar, second: &Scalar) -> f64 {
    let (a, b) = (first, second);
    let cross = [a, b].map(|scalar| cross_covariance(covariance, &scalar.row));
    let s_aa = a.row.dot(&cross[0]) + a.variance;
    let s_ab = a.row.dot(&cross[1]);
    let s_bb = b.row.dot(&cross[1]) + b.variance;
    let determinant = s_aa * s_bb - s_ab * s_ab;
    let (x, y) = (a.innovation, b.innovation);
    (s_bb * x * x - 2.0 * s_ab * x * y + s_aa * y * y) / determinant
}

/// Error mean and covariance between the first and the last scalar of one measurement.
#[derive(Debug)]
pub struct Update<'a> {
    covariance: &'a mut Covariance,
    error: ErrorVector,
}

impl<'a> Update<'a> {
    /// Starts from a covariance and a zero error.
    pub fn new(covariance: &'a mut Covariance) -> Self {
        Self {
            covariance,
            error: ErrorVector::zeros(),
        }
    }

    /// Fuses one scalar whose normalised innovation squared is at most `gate`; beyond it, its noise
    /// is widened until it lies on the gate, so that an outlier pulls, but gently. Returns the
    /// normalised innovation squared before widening.
    pub fn fuse_widened(&mut self, scalar: &Scalar, gate: f64) -> f64 {
        let (gain_times_s, s) = self.project(scalar);
        let innovation = scalar.innovation - scalar.row.dot(&self.error);
        let nis = innovation * innovation / s;
        self.apply(&gain_times_s, innovation, s * (nis / gate).max(1.0));
        nis
    }

    /// Fuses one scalar as it is.
    pub fn fuse(&mut self, scalar: &Scalar) {
        self.fuse_widened(scalar, f64::INFINITY);
    }

    /// The error found; to be moved into the nominal state.
    pub fn finish(self) -> ErrorVector {
        self.error
    }

    /// Covariance between the state and the measurement, and the innovation's variance.
    fn project(&self, scalar: &Scalar) -> (ErrorVector, f64) {
        let cross = cross_covariance(self.covariance, &scalar.row);
        let s = scalar.row.dot(&cross) + scalar.variance;
        (cross, s)
    }

    fn apply(&mut self, cross: &ErrorVector, innovation: f64, s: f64) {
        let inverse = 1.0 / s;
        let considered = BASE..CLONES;
        self.error += cross * (innovation * inverse);
        self.error
            .fixed_rows_mut::<{ CLONES - BASE }>(BASE)
            .fill(0.0);
        // Scaled so that the product of two elements is the same from both sides.
        let scaled = cross * libm::sqrt(inverse);
        for column in 0..self.covariance.used() {
            let factor = scaled[column];
            if factor == 0.0 {
                continue;
            }
            let rows = self.covariance.rows_of(column);
            let kept: [f64; CLONES - BASE] = core::array::from_fn(|index| rows[BASE + index]);
            for (value, share) in rows.iter_mut().zip(scaled.iter()) {
                *value -= share * factor;
            }
            if considered.contains(&column) {
                rows[considered.clone()].copy_from_slice(&kept);
            }
        }
    }
}

/// Two scalars whose noise has the covariance `nn, ne, ee`, as two with independent noise.
pub fn decorrelated([north, east]: [Scalar; 2], [nn, ne, ee]: [f64; 3]) -> [Scalar; 2] {
    let share = ne / nn;
    let north = Scalar {
        variance: nn,
        ..north
    };
    let east = Scalar {
        innovation: east.innovation - share * north.innovation,
        row: east.row - north.row * share,
        variance: ee - share * ne,
    };
    [north, east]
}
