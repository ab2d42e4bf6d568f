//! What the filter estimates: the nominal state and the layout of its error.
//!
//! The error vector has three parts: the aircraft now (`BASE` states), errors that are only
//! *considered* (their size is known, their value never estimated: Schmidt 1966), and what past exposures
//! depend on (stochastic clones: Roumeliotis & Burdick 2002): the horizontal position there, and the
//! error of the autopilot's attitude with which the image was turned north up and levelled.
//!
//! Errors add to the nominal value, except attitude, whose error is a small rotation in NED:
//! `R_true = exp(theta) R`. Source: J. Sola, "Quaternion kinematics for the error-state Kalman
//! filter", 2017, section 7 (global angular error).

use core::fmt;
use core::ops::{Deref, DerefMut};

use nalgebra::{SMatrix, SVector, UnitQuaternion, Vector2, Vector3};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
    ser::SerializeSeq,
};

use super::hindsight::{Journal, Step};
use crate::navigator::{geodesy::Geodetic, units::MonotonicNs};

/// Number of error states of the aircraft now.
pub const BASE: usize = 28;
/// Where the considered errors end and the clones begin.
pub const CLONES: usize = BASE + 4;
/// Error states of one remembered exposure: position north and east, m; the autopilot's attitude error, rad.
pub const CLONE: usize = 5;
/// Most exposures that are remembered at once: those of three frames a second for as long as a match may take
/// (5.5 s). With one less, a match that was only late would find its exposure forgotten.
pub const CLONES_MAX: usize = 17;
/// Number of error states.
pub const N: usize = CLONES + CLONE * CLONES_MAX;

/// Covariance of the error state. Rows and columns from `used` on are zero.
///
/// On the heap, set aside once: whoever reads a checkpoint passes the state through a dozen functions by value, and a
/// thread's stack holds 2 MB.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariance {
    matrix: Box<SMatrix<f64, N, N>>,
    used: usize,
    /// Kept after landing only (`hindsight.rs`).
    pub(super) journal: Option<Box<Journal>>,
}

impl Covariance {
    /// All zero, without clones.
    pub fn zeros() -> Self {
        Self {
            matrix: Box::new(SMatrix::zeros()),
            used: CLONES,
            journal: None,
        }
    }

    /// The same room, all zero and without clones again.
    pub fn cleared(mut self) -> Self {
        self.matrix.fill(0.0);
        self.used = CLONES;
        self.journal = None;
        self
    }

    /// How many rows and columns are in use.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Sets how many rows and columns are in use; those beyond must be zero.
    pub fn set_used(&mut self, used: usize) {
        self.used = used.clamp(CLONES, N);
    }

    /// All error states in `indices` get the same error more, of this variance: what they share is wrong
    /// by it.
    pub fn widen_together(&mut self, indices: impl Iterator<Item = usize> + Clone, variance: f64) {
        for row in indices.clone() {
            for column in indices.clone() {
                self.matrix[(row, column)] += variance;
            }
        }
    }

    /// The rows in use of one column.
    pub fn rows_of(&mut self, column: usize) -> &mut [f64] {
        let used = self.used;
        &mut self.matrix.as_mut_slice()[column * N..column * N + used]
    }

    /// Error states from `start` become independent of all others, with new variances.
    pub fn forget<const K: usize>(&mut self, start: usize, variances: [f64; K]) {
        for (offset, variance) in variances.into_iter().enumerate() {
            let index = start + offset;
            self.matrix.row_mut(index).fill(0.0);
            self.matrix.column_mut(index).fill(0.0);
            self.matrix[(index, index)] = variance;
        }
        self.note(|| Step::Forgotten { start, count: K });
    }

    /// Makes error state `to` a linear combination of others, with independent noise of its own.
    pub fn derive(&mut self, to: usize, from: &[(usize, f64)], variance: f64) {
        let mut column = ErrorVector::zeros();
        for &(index, factor) in from {
            column += self.matrix.column(index) * factor;
        }
        column[to] = from
            .iter()
            .map(|&(index, factor)| column[index] * factor)
            .sum::<f64>()
            + variance;
        self.matrix.set_column(to, &column);
        self.matrix.set_row(to, &column.transpose());
        self.note(|| Step::Derived {
            to,
            from: from.to_vec(),
        });
    }

    /// Tells the journal, where one is kept.
    pub(super) fn note(&mut self, step: impl FnOnce() -> Step) {
        if let Some(journal) = &mut self.journal {
            journal.note(step());
        }
    }
}

/// How many numbers the lower triangle of the first `used` rows holds.
const fn triangle(used: usize) -> usize {
    used * (used + 1) / 2
}

/// The lower triangle of the states in use, row by row: the other half is the same, and the rest is zero.
impl Serialize for Covariance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(triangle(self.used)))?;
        for row in 0..self.used {
            for column in 0..=row {
                sequence.serialize_element(&self.matrix[(row, column)])?;
            }
        }
        sequence.end()
    }
}

impl<'de> Deserialize<'de> for Covariance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(TriangleVisitor)
    }
}

struct TriangleVisitor;

impl<'de> Visitor<'de> for TriangleVisitor {
    type Value = Covariance;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the lower triangle of a covariance")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Covariance, A::Error> {
        let mut covariance = Covariance::zeros();
        let mut rows = 0;
        'rows: while rows < N {
            for column in 0..=rows {
                match sequence.next_element::<f64>()? {
                    Some(value) => {
                        covariance.matrix[(rows, column)] = value;
                        covariance.matrix[(column, rows)] = value;
                    }
                    None if column == 0 => break 'rows,
                    None => return Err(A::Error::invalid_length(triangle(rows) + column, &self)),
                }
            }
            rows += 1;
        }
        let left = sequence.next_element::<f64>()?.is_some();
        if rows < CLONES || left {
            return Err(A::Error::invalid_length(triangle(rows), &self));
        }
        covariance.used = rows;
        Ok(covariance)
    }
}

impl Deref for Covariance {
    type Target = SMatrix<f64, N, N>;

    fn deref(&self) -> &Self::Target {
        &self.matrix
    }
}

impl DerefMut for Covariance {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.matrix
    }
}

/// One value per error state.
pub type ErrorVector = SVector<f64, N>;

/// Where each quantity's error starts in the error vector.
pub mod at {
    /// Position, NED, 3, m.
    pub const POSITION: usize = 0;
    /// Velocity, NED, 3, m/s.
    pub const VELOCITY: usize = 3;
    /// Attitude, small rotation in NED, 3, rad.
    pub const ATTITUDE: usize = 6;
    /// Gyroscope bias, FRD, 3, rad/s.
    pub const GYRO_BIAS: usize = 9;
    /// Accelerometer bias, FRD, 3, m/s2.
    pub const ACCEL_BIAS: usize = 12;
    /// Mean wind, north and east, 2, m/s.
    pub const WIND: usize = 15;
    /// Gust on top of it, north and east, 2, m/s.
    pub const GUST: usize = 17;
    /// Measured over true airspeed, less one.
    pub const AIRSPEED_SCALE: usize = 19;
    /// The autopilot's attitude error, small rotation in NED, 3, rad.
    pub const FC_ATTITUDE: usize = 20;
    /// Pressure altitude less height above mean sea level, m.
    pub const BARO_BIAS: usize = 23;
    /// Angle of attack without load, rad.
    pub const ZERO_LIFT_ALPHA: usize = 24;
    /// Angle of attack times airspeed squared per load, m.
    pub const LIFT_SLOPE: usize = 25;
    /// Delay of the satellite receiver, s.
    pub const GPS_DELAY: usize = 26;
    /// Length of a visual displacement over the true one, less one: error of the height above ground.
    pub const VISUAL_SCALE: usize = 27;
    /// Considered: georeferencing error of the map, north and east, in units of its own sigma.
    pub const MAP_BIAS: usize = 28;
    /// Considered: tilt of the camera against what is reported, as the offset that it gives the ground
    /// point below, north and east, in units of its own sigma.
    pub const CAMERA_TILT: usize = 30;
}

/// The best estimate at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nominal {
    /// When it is valid.
    pub time: MonotonicNs,
    /// Position.
    pub position: Geodetic,
    /// Velocity, NED, m/s.
    pub velocity: Vector3<f64>,
    /// Body FRD to NED.
    pub attitude: UnitQuaternion<f64>,
    /// Gyroscope bias, FRD, rad/s.
    pub gyro_bias: Vector3<f64>,
    /// Accelerometer bias, FRD, m/s2.
    pub accel_bias: Vector3<f64>,
    /// Mean wind, the direction it blows to, m/s.
    pub wind: Vector2<f64>,
    /// Gust on top of it, m/s.
    pub gust: Vector2<f64>,
    /// Measured over true airspeed, less one.
    pub airspeed_scale: f64,
    /// The autopilot's attitude error, rad.
    pub fc_attitude: Vector3<f64>,
    /// Pressure altitude less height above mean sea level, m.
    pub baro_bias: f64,
    /// Angle of attack without load, rad.
    pub zero_lift_alpha: f64,
    /// Angle of attack times airspeed squared per load, m.
    pub lift_slope: f64,
    /// Delay of the satellite receiver, s.
    pub gps_delay: f64,
    /// Length of a visual displacement over the true one, less one.
    pub visual_scale: f64,
}

impl Nominal {
    /// Moves the estimate by an error the filter has found.
    pub fn correct(&mut self, error: &ErrorVector) {
        let three = |at: usize| Vector3::new(error[at], error[at + 1], error[at + 2]);
        let two = |at: usize| Vector2::new(error[at], error[at + 1]);
        self.position = self.position.displaced(three(at::POSITION));
        self.velocity += three(at::VELOCITY);
        self.attitude = UnitQuaternion::from_scaled_axis(three(at::ATTITUDE)) * self.attitude;
        self.gyro_bias += three(at::GYRO_BIAS);
        self.accel_bias += three(at::ACCEL_BIAS);
        self.wind += two(at::WIND);
        self.gust += two(at::GUST);
        self.airspeed_scale += error[at::AIRSPEED_SCALE];
        self.fc_attitude += three(at::FC_ATTITUDE);
        self.baro_bias += error[at::BARO_BIAS];
        self.zero_lift_alpha += error[at::ZERO_LIFT_ALPHA];
        self.lift_slope += error[at::LIFT_SLOPE];
        self.gps_delay += error[at::GPS_DELAY];
        self.visual_scale += error[at::VISUAL_SCALE];
    }

    /// Velocity of the aircraft against the air, NED, m/s. The air does not rise or sink.
    #[must_use]
    pub fn air_velocity(&self) -> Vector3<f64> {
        let wind = self.wind + self.gust;
        self.velocity - Vector3::new(wind.x, wind.y, 0.0)
    }

    /// Whether every number is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        let scalars = [
            self.position.lat_rad,
            self.position.lon_rad,
            self.position.alt_msl_m,
            self.airspeed_scale,
            self.baro_bias,
            self.zero_lift_alpha,
            self.lift_slope,
            self.gps_delay,
            self.visual_scale,
        ];
        scalars.iter().all(|value| value.is_finite())
            && self.attitude.coords.iter().all(|value| value.is_finite())
            && [
                self.velocity,
                self.gyro_bias,
                self.accel_bias,
                self.fc_attitude,
            ]
            .iter()
            .all(|vector| vector.iter().all(|value| value.is_finite()))
            && [self.wind, self.gust]
                .iter()
                .all(|vector| vector.iter().all(|v| v.is_finite()))
    }
}
