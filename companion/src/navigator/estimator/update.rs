//! The measurement update, one scalar at a time.
//!
//! A vector measurement whose noise is diagonal is a sequence of scalars; no matrix is inverted and
//! the covariance stays symmetric by construction. Considered errors widen what a measurement may
//! say, but no measurement changes them or their size (Schmidt, "Application of state-space methods to
//! navigation problems", 1966).

use super::{
    hindsight::Step,
    state::{BASE, CLONES, Covariance, ErrorVector},
};

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

/// Most scalars of one measurement.
const SCALARS_MAX: usize = 5;
/// The errors that are only considered.
const CONSIDERED: core::ops::Range<usize> = BASE..CLONES;

/// Error mean and covariance between the first and the last scalar of one measurement.
///
/// The covariance is written once, at the end: until then each scalar's share of it is kept as a vector
/// whose outer product is to be subtracted.
#[derive(Debug)]
pub struct Update<'a> {
    covariance: &'a mut Covariance,
    error: ErrorVector,
    shares: [ErrorVector; SCALARS_MAX],
    count: usize,
}

impl<'a> Update<'a> {
    /// Starts from a covariance and a zero error.
    pub fn new(covariance: &'a mut Covariance) -> Self {
        Self {
            covariance,
            error: ErrorVector::zeros(),
            shares: [ErrorVector::zeros(); SCALARS_MAX],
            count: 0,
        }
    }

    /// Fuses one scalar whose normalised innovation squared is at most `gate`; beyond it, its noise
    /// is widened until it lies on the gate, so that an outlier pulls, but gently. Returns the
    /// normalised innovation squared before widening.
    pub fn fuse_widened(&mut self, scalar: &Scalar, gate: f64) -> f64 {
        let (cross, s) = self.project(scalar);
        let innovation = scalar.innovation - scalar.row.dot(&self.error);
        let nis = innovation * innovation / s;
        let normalised = innovation / libm::sqrt(s);
        let s = s * (nis / gate).max(1.0);
        self.covariance.note(|| Step::Learned {
            row: scalar.row,
            cross,
            innovation,
            variance: s,
            normalised,
        });
        self.take(&cross, innovation, s);
        nis
    }

    /// Fuses one scalar as it is.
    pub fn fuse(&mut self, scalar: &Scalar) {
        self.fuse_widened(scalar, f64::INFINITY);
    }

    /// The error found; to be moved into the nominal state.
    pub fn finish(mut self) -> ErrorVector {
        self.write();
        self.error
    }

    /// Covariance between the state and the measurement, and the innovation's variance, as the scalars
    /// before have left them.
    fn project(&self, scalar: &Scalar) -> (ErrorVector, f64) {
        let mut cross = cross_covariance(self.covariance, &scalar.row);
        let considered_row = scalar.row.fixed_rows::<{ CLONES - BASE }>(BASE);
        for share in &self.shares[..self.count] {
            let known = share.dot(&scalar.row);
            let considered = share
                .fixed_rows::<{ CLONES - BASE }>(BASE)
                .dot(&considered_row);
            let before = cross.fixed_rows::<{ CLONES - BASE }>(BASE).into_owned();
            cross -= share * known;
            // Between two considered errors nothing has changed.
            let mut block = cross.fixed_rows_mut::<{ CLONES - BASE }>(BASE);
            block.copy_from(&before);
            block -= share.fixed_rows::<{ CLONES - BASE }>(BASE) * (known - considered);
        }
        let s = scalar.row.dot(&cross) + scalar.variance;
        (cross, s)
    }

    fn take(&mut self, cross: &ErrorVector, innovation: f64, s: f64) {
        if self.count == SCALARS_MAX {
            self.write();
        }
        let inverse = 1.0 / s;
        self.error += cross * (innovation * inverse);
        self.error
            .fixed_rows_mut::<{ CLONES - BASE }>(BASE)
            .fill(0.0);
        // Scaled so that the product of two elements is the same from both sides.
        self.shares[self.count] = cross * libm::sqrt(inverse);
        self.count += 1;
    }

    /// Subtracts what the scalars have taken from the covariance.
    fn write(&mut self) {
        match self.count {
            0 => {}
            1 => subtract::<1>(self.covariance, &self.shares),
            2 => subtract::<2>(self.covariance, &self.shares),
            3 => subtract::<3>(self.covariance, &self.shares),
            4 => subtract::<4>(self.covariance, &self.shares),
            _ => subtract::<5>(self.covariance, &self.shares),
        }
        self.count = 0;
    }
}

/// Subtracts the outer products of the first `K` shares; the block between considered errors stays.
fn subtract<const K: usize>(covariance: &mut Covariance, shares: &[ErrorVector; SCALARS_MAX]) {
    let shares: [&[f64]; K] = core::array::from_fn(|index| shares[index].as_slice());
    for column in 0..covariance.used() {
        let factors: [f64; K] = core::array::from_fn(|index| shares[index][column]);
        if factors.iter().all(|factor| *factor == 0.0) {
            continue;
        }
        let rows = covariance.rows_of(column);
        let kept: [f64; CLONES - BASE] = core::array::from_fn(|index| rows[BASE + index]);
        let shares = shares.map(|share| &share[..rows.len()]);
        for row in 0..rows.len() {
            let mut taken = shares[0][row] * factors[0];
            for index in 1..K {
                taken += shares[index][row] * factors[index];
            }
            rows[row] -= taken;
        }
        if CONSIDERED.contains(&column) {
            rows[CONSIDERED].copy_from_slice(&kept);
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
