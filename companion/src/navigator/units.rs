//! Quantities whose unit or frame a bare number would hide.

use serde::{Deserialize, Serialize};

/// Time since an arbitrary start that never runs back, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct MonotonicNs(pub u64);

impl MonotonicNs {
    /// Seconds from `earlier` to `self`; negative when `self` is the earlier one.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        if self >= earlier {
            (self.0 - earlier.0) as f64 * 1e-9
        } else {
            -((earlier.0 - self.0) as f64 * 1e-9)
        }
    }

    /// This time and `ns` nanoseconds more; stops at the end of the range.
    #[must_use]
    pub fn plus_ns(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }
}

/// Upper triangle, row by row, of the symmetric 6x6 covariance of position error (north, east, down;
/// metres) and velocity error (north, east, down; m/s).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Covariance6(pub [f64; 21]);

impl Covariance6 {
    /// Element at `row` and `column`, both 0..=5; the matrix is symmetric.
    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> f64 {
        let (row, column) = if row <= column {
            (row, column)
        } else {
            (column, row)
        };
        self.0[row * 6 - row * (row + 1) / 2 + column]
    }

    /// The position block, row by row, square metres, axes north, east, down.
    #[must_use]
    pub fn position_ned_m2(&self) -> [[f64; 3]; 3] {
        core::array::from_fn(|row| core::array::from_fn(|column| self.at(row, column)))
    }
}

/// The horizontal ellipse that holds the true position with a probability of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ellipse95 {
    /// Semi-major axis, metres.
    pub semi_major_m: f64,
    /// Semi-minor axis, metres.
    pub semi_minor_m: f64,
    /// Direction of the semi-major axis, radians clockwise from north, in [0, pi).
    pub orientation_rad: f64,
}
