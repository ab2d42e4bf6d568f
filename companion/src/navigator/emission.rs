//! From the filter's state to the position that is emitted, with the covariance it has earned.

use nalgebra::{Matrix3, Matrix6, Vector3};

use super::{
    config::{FixThresholds, NavigatorConfig, SensorNoise},
    estimator::Estimator,
    output::{EmittedExternalPosition, FixType, SourceLabel},
    units::{Covariance6, Ellipse95, MonotonicNs},
    validity,
};

/// Square root of the 95 % quantile of chi-square with two degrees of freedom.
const SIGMAS_95: f64 = 2.447_746_830_680_816;

/// The position at `time`, to which the estimator has been brought; `None` when its covariance is
/// not finite and positive definite, or the aircraft cannot be there, so that no dishonest figure can
/// leave.
pub fn position(
    estimator: &Estimator,
    time: MonotonicNs,
    config: &NavigatorConfig,
) -> Option<EmittedExternalPosition> {
    let nominal = estimator.nominal();
    let offset = estimator.shown_offset_ne_m();
    let shown = nominal
        .position
        .displaced(Vector3::new(offset.x, offset.y, 0.0));
    let block = covariance(estimator, &config.sensors);
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
        fix_type: fix_type(ellipse_95.semi_major_m, &config.fix),
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
    let offset = estimator.shown_offset_ne_m();
    for (row, north_or_east) in offset.iter().enumerate() {
        for (column, other) in offset.iter().enumerate() {
            block[(row, column)] += north_or_east * other;
        }
    }
    block
}

fn fix_type(radius_95_m: f64, thresholds: &FixThresholds) -> FixType {
    if radius_95_m <= thresholds.three_d_max_radius_m {
        FixType::ThreeD
    } else if radius_95_m <= thresholds.two_d_max_radius_m {
        FixType::TwoD
    } else {
        FixType::None
    }
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
    fn the_fix_type_falls_with_the_radius() {
        let thresholds = FixThresholds::default();
        assert_eq!(fix_type(245.0, &thresholds), FixType::ThreeD);
        assert_eq!(fix_type(245.1, &thresholds), FixType::TwoD);
        assert_eq!(fix_type(500.1, &thresholds), FixType::None);
    }
}
