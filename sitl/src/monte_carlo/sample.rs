//! One emitted position against the truth.

use companion::navigator::{EmittedExternalPosition, FixType, SourceLabel};
use nalgebra::{Matrix2, Matrix6, Vector2, Vector6};

use crate::truth::Moment;
use crate::world::Place;

/// 95 % quantile of chi-square with two degrees of freedom: the emitted ellipse.
const CHI_SQUARE_95_TWO: f64 = 5.991_464_547_107_979;

/// How one emitted position compares with the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Horizontal error, m.
    pub error_m: f64,
    /// Stated 1 sigma along the longest axis, m.
    pub sigma_m: f64,
    /// Normalised estimation error squared of the horizontal position, two degrees of freedom.
    pub nees: f64,
    /// The same of position and velocity, six degrees of freedom.
    pub nees_six: f64,
    /// Evidence behind it.
    pub label: SourceLabel,
    /// Age of the last accepted anchor.
    pub anchor_age_ms: Option<u32>,
    /// How far the autopilot may trust it.
    pub fix: FixType,
    /// Whether the satellites are heard.
    pub gps_genuine: bool,
}

impl Sample {
    /// Compares `position` with what happened; `None` for a covariance that is not positive definite.
    #[must_use]
    pub fn of(
        position: &EmittedExternalPosition,
        truth: &Moment,
        gps_genuine: bool,
    ) -> Option<Self> {
        let believed = Place {
            lat_rad: position.lat_rad,
            lon_rad: position.lon_rad,
            alt_msl_m: position.alt_msl_m,
        };
        let offset = believed.ned_to(&truth.place);
        let speed = truth.velocity_ned_mps - nalgebra::Vector3::from(position.vel_ned_mps);
        let covariance = &position.covariance;
        let horizontal = Matrix2::from_fn(|row, column| covariance.at(row, column));
        let both = Matrix6::from_fn(|row, column| covariance.at(row, column));
        let error = Vector2::new(offset.x, offset.y);
        let error_six = Vector6::new(offset.x, offset.y, offset.z, speed.x, speed.y, speed.z);
        Some(Self {
            error_m: error.norm(),
            sigma_m: position.horiz_accuracy_m,
            nees: error.dot(&horizontal.cholesky()?.solve(&error)),
            nees_six: error_six.dot(&both.cholesky()?.solve(&error_six)),
            label: position.source_label,
            anchor_age_ms: position.last_satellite_anchor_age_ms,
            fix: position.fix_type,
            gps_genuine,
        })
    }

    /// Whether the emitted 95 % ellipse holds the truth.
    #[must_use]
    pub fn inside_95(&self) -> bool {
        self.nees <= CHI_SQUARE_95_TWO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use companion::navigator::{Covariance6, Ellipse95, MonotonicNs};
    use nalgebra::Vector3;

    const PLACE: Place = Place {
        lat_rad: 0.8,
        lon_rad: 0.1,
        alt_msl_m: 100.0,
    };

    /// A position with 1 sigma of 3 m north, 4 m east and 1 (m, m/s) else.
    fn position() -> EmittedExternalPosition {
        let mut covariance = [0.0; 21];
        for (index, variance) in [
            (0, 9.0),
            (6, 16.0),
            (11, 1.0),
            (15, 1.0),
            (18, 1.0),
            (20, 1.0),
        ] {
            covariance[index] = variance;
        }
        EmittedExternalPosition {
            time: MonotonicNs(0),
            lat_rad: PLACE.lat_rad,
            lon_rad: PLACE.lon_rad,
            alt_msl_m: PLACE.alt_msl_m,
            vel_ned_mps: [10.0, 0.0, 0.0],
            covariance: Covariance6(covariance),
            ellipse_95: Ellipse95 {
                semi_major_m: 9.8,
                semi_minor_m: 7.3,
                orientation_rad: 1.57,
            },
            horiz_accuracy_m: 4.0,
            vert_accuracy_m: 1.0,
            speed_accuracy_mps: 1.0,
            source_label: SourceLabel::DeadReckoned,
            last_satellite_anchor_age_ms: None,
            fix_type: FixType::ThreeD,
        }
    }

    fn truth(offset: Vector3<f64>) -> Moment {
        Moment {
            time_ns: 0,
            place: PLACE.moved(&offset),
            velocity_ned_mps: Vector3::new(10.0, 0.0, 2.0),
            wind_ned_mps: Vector3::zeros(),
        }
    }

    #[test]
    fn errors_are_weighed_by_the_covariance_axis_by_axis() {
        let sample = Sample::of(&position(), &truth(Vector3::new(6.0, 4.0, 0.0)), true).unwrap();
        assert!((sample.error_m - 52f64.sqrt()).abs() < 1e-3);
        assert!((sample.nees - (4.0 + 1.0)).abs() < 1e-3);
        assert!((sample.nees_six - (4.0 + 1.0 + 4.0)).abs() < 1e-3);
        assert!(sample.inside_95());
        let far = Sample::of(&position(), &truth(Vector3::new(7.4, 0.0, 0.0)), true).unwrap();
        assert!(!far.inside_95());
    }
}
