//! From the filter's state to the position that is emitted, with the covariance it has earned.

use nalgebra::{Matrix2, Matrix3, Matrix6, Vector3};
use serde::{Deserialize, Serialize};

use super::{
    config::{NavigatorConfig, SensorNoise},
    estimator::Estimator,
    output::{EmittedExternalPosition, FixType, SourceLabel},
    units::{Covariance6, Ellipse95, MonotonicNs},
    validity,
};

/// Square root of the 95 % quantile of chi-square with two degrees of freedom.
const SIGMAS_95: f64 = 2.447_746_830_680_816;

/// What the emitted position covariance may not fall below as long as nothing absolute is fused: the
/// last one that was emitted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// North-north, north-east, east-east, down-down, m^2.
    last: Option<[f64; 4]>,
}

impl Floor {
    /// Something absolute was fused, or the ground is seen: the covariance may fall.
    pub fn release(&mut self) {
        self.last = None;
    }

    /// Widens the position block of `block` until it holds the last one (in every direction), and
    /// remembers it. Only ever adds a positive semidefinite matrix, so a covariance stays one.
    fn hold(&mut self, block: &mut Matrix6<f64>) {
        if let Some([nn, ne, ee, dd]) = self.last {
            let shrunk = Matrix2::new(nn, ne, ne, ee) - block.fixed_view::<2, 2>(0, 0);
            let lack = positive_part(&shrunk);
            for row in 0..2 {
                for column in 0..2 {
                    block[(row, column)] += lack[(row, column)];
                }
            }
            block[(2, 2)] = block[(2, 2)].max(dd);
        }
        self.last = Some([block[(0, 0)], block[(0, 1)], block[(1, 1)], block[(2, 2)]]);
    }
}

/// The part of a symmetric matrix with positive eigenvalues.
fn positive_part(matrix: &Matrix2<f64>) -> Matrix2<f64> {
    let (a, b, c) = (matrix[(0, 0)], matrix[(0, 1)], matrix[(1, 1)]);
    let mean = 0.5 * (a + c);
    let spread = libm::sqrt(0.25 * (a - c) * (a - c) + b * b);
    let (low, high) = (mean - spread, mean + spread);
    if low >= 0.0 {
        *matrix
    } else if high <= 0.0 {
        Matrix2::zeros()
    } else {
        // One of each sign: (M - low I) high / (high - low) keeps the eigenvector of `high` alone.
        (matrix - Matrix2::identity() * low) * (high / (high - low))
    }
}

/// The position at `time`, to which the estimator has been brought; `None` when its covariance is
/// not finite and positive definite, or the aircraft cannot be there, so that no dishonest figure can
/// leave. Label, anchor age and fix type are the caller's to fill in. The covariance holds `wrong_by_ne_m`, how
/// far off the position is if the map is right against it, and stays on `floor`.
pub fn position(
    estimator: &Estimator,
    time: MonotonicNs,
    config: &NavigatorConfig,
    wrong_by_ne_m: [f64; 2],
    floor: Option<&mut Floor>,
) -> Option<EmittedExternalPosition> {
    let nominal = estimator.nominal();
    let offset = estimator.shown_offset_ne_m();
    let shown = nominal
        .position
        .displaced(Vector3::new(offset.x, offset.y, 0.0));
    let mut block = covariance(estimator, &config.sensors);
    add_offset(&mut block, wrong_by_ne_m);
    if let Some(floor) = floor {
        floor.hold(&mut block);
    }
    let believable = validity::is_believable(&shown, &nominal.velocity.into());
    let finite = nominal.is_finite() && block.iter().all(|value| value.is_finite());
    if !believable || !finite || block.cholesky().is_none() {
        return None;
    }
    let ellipse_95 = ellipse(block[(0, 0)], block[(0, 1)], block[(1, 1)]);
    let velocity_block: Matrix3<f64> = block.fixed_view::<3, 3>(3, 3).into_owned();
    let position = EmittedExternalPosition {
        time,
        lat_rad: shown.lat_rad,
        lon_rad: shown.lon_rad,
        alt_msl_m: shown.alt_msl_m,
        vel_ned_mps: nominal.velocity.into(),
        covariance: upper_triangle(&block),
        ellipse_95,
        horiz_accuracy_m: ellipse_95.semi_major_m / SIGMAS_95,
        vert_accuracy_m: libm::sqrt(block[(2, 2)]),
        speed_accuracy_mps: libm::sqrt(velocity_block.symmetric_eigenvalues().max()),
        source_label: SourceLabel::DeadReckoned,
        last_satellite_anchor_age_ms: None,
        fix_type: FixType::None,
    };
    let accuracies = [
        position.horiz_accuracy_m,
        position.vert_accuracy_m,
        position.speed_accuracy_mps,
    ];
    accuracies
        .iter()
        .all(|accuracy| accuracy.is_finite())
        .then_some(position)
}

/// The filter's own covariance, what every fix it ever fused had in common and it cannot see, and how
/// far the shown position still lies from the estimate.
fn covariance(estimator: &Estimator, sensors: &SensorNoise) -> Matrix6<f64> {
    let mut block: Matrix6<f64> = estimator.covariance().fixed_view::<6, 6>(0, 0).into_owned();
    let (horizontal, vertical) = (
        sensors.gps_lasting_horizontal_m,
        sensors.gps_lasting_vertical_m,
    );
    for (axis, sigma) in [horizontal, horizontal, vertical].into_iter().enumerate() {
        block[(axis, axis)] += sigma * sigma;
    }
    add_offset(&mut block, estimator.shown_offset_ne_m().into());
    block
}

/// A possible error of that much is one sigma of an error in that direction.
fn add_offset(block: &mut Matrix6<f64>, offset_ne_m: [f64; 2]) {
    for (row, north_or_east) in offset_ne_m.iter().enumerate() {
        for (column, other) in offset_ne_m.iter().enumerate() {
            block[(row, column)] += north_or_east * other;
        }
    }
}

/// Semi-major axis of the horizontal 95 % ellipse, m, as it would be emitted now.
pub fn radius_95_m(estimator: &Estimator, sensors: &SensorNoise) -> f64 {
    let block = covariance(estimator, sensors);
    ellipse(block[(0, 0)], block[(0, 1)], block[(1, 1)]).semi_major_m
}

/// Square root of the largest eigenvalue of the velocity covariance, m/s.
pub fn speed_accuracy_mps(estimator: &Estimator) -> f64 {
    let block: Matrix3<f64> = estimator.covariance().fixed_view::<3, 3>(3, 3).into_owned();
    libm::sqrt(block.symmetric_eigenvalues().max())
}

fn upper_triangle(block: &Matrix6<f64>) -> Covariance6 {
    let mut values = [0.0; 21];
    let mut next = 0;
    for row in 0..6 {
        for column in row..6 {
            values[next] = block[(row, column)];
            next += 1;
        }
    }
    Covariance6(values)
}

/// The 95 % ellipse of a horizontal covariance (`nn`, `ne`, `ee`).
fn ellipse(nn: f64, ne: f64, ee: f64) -> Ellipse95 {
    let mean = 0.5 * (nn + ee);
    let half_difference = 0.5 * (nn - ee);
    let spread = libm::sqrt(half_difference * half_difference + ne * ne);
    let angle = 0.5 * libm::atan2(ne, half_difference);
    Ellipse95 {
        semi_major_m: SIGMAS_95 * libm::sqrt(mean + spread),
        semi_minor_m: SIGMAS_95 * libm::sqrt((mean - spread).max(0.0)),
        orientation_rad: if angle < 0.0 {
            angle + core::f64::consts::PI
        } else {
            angle
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ellipse_of_an_eastward_spread_points_east() {
        let ellipse = ellipse(1.0, 0.0, 9.0);
        assert!((ellipse.semi_major_m - 3.0 * SIGMAS_95).abs() < 1e-12);
        assert!((ellipse.semi_minor_m - SIGMAS_95).abs() < 1e-12);
        assert!((ellipse.orientation_rad - core::f64::consts::FRAC_PI_2).abs() < 1e-12);
    }

    #[test]
    fn a_positive_correlation_turns_the_ellipse_north_east() {
        let ellipse = ellipse(4.0, 3.0, 4.0);
        assert!((ellipse.orientation_rad - core::f64::consts::FRAC_PI_4).abs() < 1e-12);
        assert!((ellipse.semi_major_m - 7f64.sqrt() * SIGMAS_95).abs() < 1e-12);
    }

    #[test]
    fn the_floor_is_never_left_and_costs_no_more_than_it_must() {
        let mut floor = Floor::default();
        let mut first = Matrix6::identity() * 4.0;
        floor.hold(&mut first);
        let mut second =
            Matrix6::from_diagonal(&nalgebra::Vector6::new(9.0, 1.0, 1.0, 1.0, 1.0, 1.0));
        second[(0, 1)] = 0.5;
        second[(1, 0)] = 0.5;
        floor.hold(&mut second);
        let gained = second.fixed_view::<2, 2>(0, 0) - Matrix2::identity() * 4.0;
        assert!(gained.symmetric_eigenvalues().min() > -1e-12, "{gained}");
        assert!(second.cholesky().is_some());
        assert!((second[(0, 0)] - 9.0).abs() < 0.1 && second[(2, 2)] == 4.0);
        floor.release();
        let mut third = Matrix6::identity();
        floor.hold(&mut third);
        assert_eq!(third, Matrix6::identity());
    }
}
