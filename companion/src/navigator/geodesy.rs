//! The Earth: WGS84 radii, gravity and small displacements, all through `libm`.
//!
//! Source: NIMA TR8350.2 (WGS84); Somigliana's formula for normal gravity with the free-air term.

use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use super::geoid::undulation_m;

/// Equatorial radius, m.
const SEMI_MAJOR_M: f64 = 6_378_137.0;
/// First eccentricity squared.
const ECCENTRICITY_SQUARED: f64 = 6.694_379_990_141_317e-3;

/// A point over the Earth. Its height is above mean sea level, as autopilots and barometers speak of it;
/// the ellipsoid's figures are taken at the height above the ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Geodetic {
    /// Geodetic latitude, in (-pi/2, pi/2).
    pub lat_rad: f64,
    /// Longitude, in [-pi, pi).
    pub lon_rad: f64,
    /// Height above mean sea level, m.
    pub alt_msl_m: f64,
}

impl Geodetic {
    /// The point that lies `ned_m` (north, east, down) from here; exact for displacements that are
    /// small against the Earth.
    #[must_use]
    pub fn displaced(self, ned_m: Vector3<f64>) -> Self {
        self.displaced_by(self.metres_per_radian(), ned_m)
    }

    /// The same with [`Geodetic::metres_per_radian`] of a place close by.
    #[must_use]
    pub fn displaced_by(self, (meridian, parallel): (f64, f64), ned_m: Vector3<f64>) -> Self {
        let lon_rad = self.lon_rad + ned_m.y / parallel;
        Self {
            lat_rad: self.lat_rad + ned_m.x / meridian,
            lon_rad: wrap_pi(lon_rad),
            alt_msl_m: self.alt_msl_m - ned_m.z,
        }
    }

    /// North, east, down from `self` to `other`, m.
    #[must_use]
    pub fn displacement_to(self, other: Self) -> Vector3<f64> {
        self.displacement_by(self.metres_per_radian(), other)
    }

    /// The same with [`Geodetic::metres_per_radian`] of a place close by.
    #[must_use]
    pub fn displacement_by(self, (meridian, parallel): (f64, f64), other: Self) -> Vector3<f64> {
        Vector3::new(
            (other.lat_rad - self.lat_rad) * meridian,
            wrap_pi(other.lon_rad - self.lon_rad) * parallel,
            self.alt_msl_m - other.alt_msl_m,
        )
    }

    /// Metres per radian of latitude and of longitude here.
    #[must_use]
    pub fn metres_per_radian(self) -> (f64, f64) {
        let sine = libm::sin(self.lat_rad);
        // A pole has no east: one centimetre from it the parallel is still 6e-2 m per radian.
        let cosine = libm::cos(self.lat_rad).max(1e-8);
        let w2 = 1.0 - ECCENTRICITY_SQUARED * sine * sine;
        let normal = SEMI_MAJOR_M / libm::sqrt(w2);
        let meridian = normal * (1.0 - ECCENTRICITY_SQUARED) / w2;
        let height = self.alt_ellipsoid_m();
        (meridian + height, (normal + height) * cosine)
    }

    /// Height above the ellipsoid, m.
    #[must_use]
    pub fn alt_ellipsoid_m(self) -> f64 {
        self.alt_msl_m + undulation_m(self.lat_rad, self.lon_rad)
    }

    /// Normal gravity here, m/s2, downwards.
    #[must_use]
    pub fn gravity_mps2(self) -> f64 {
        let sine2 = {
            let sine = libm::sin(self.lat_rad);
            sine * sine
        };
        let surface = 9.780_325_335_9 * (1.0 + 0.001_931_852_652_41 * sine2)
            / libm::sqrt(1.0 - ECCENTRICITY_SQUARED * sine2);
        surface - 3.086e-6 * self.alt_ellipsoid_m()
    }
}

/// `angle` brought into [-pi, pi).
#[must_use]
pub fn wrap_pi(angle: f64) -> f64 {
    let turns = libm::floor((angle + core::f64::consts::PI) / core::f64::consts::TAU);
    angle - turns * core::f64::consts::TAU
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At a height above the ellipsoid.
    fn at(lat_deg: f64, lon_deg: f64, alt_ellipsoid_m: f64) -> Geodetic {
        let (lat_rad, lon_rad) = (lat_deg.to_radians(), lon_deg.to_radians());
        Geodetic {
            lat_rad,
            lon_rad,
            alt_msl_m: alt_ellipsoid_m - undulation_m(lat_rad, lon_rad),
        }
    }

    /// Length of one degree, WGS84: Snyder, "Map Projections: A Working Manual", 1987, table 2 is for
    /// Clarke 1866; these are the same integrals for WGS84.
    #[test]
    fn one_degree_is_as_long_as_the_ellipsoid_makes_it() {
        let north = at(44.5, 10.0, 0.0).displacement_to(at(45.5, 10.0, 0.0)).x;
        let middle = at(45.0, 10.0, 0.0).metres_per_radian().0 * 1f64.to_radians();
        assert!(
            (middle - 111_131.78).abs() < 0.5,
            "meridian degree at 45: {middle}"
        );
        assert!((north - middle).abs() < 20.0);
        let east = at(45.0, 10.0, 0.0).displacement_to(at(45.0, 11.0, 0.0)).y;
        assert!(
            (east - 78_846.81).abs() < 0.1,
            "parallel degree at 45: {east}"
        );
    }

    #[test]
    fn going_and_measuring_the_way_agree_to_a_millimetre_over_a_kilometre() {
        for (lat, lon) in [(45.3, -93.2), (-35.3, 149.1), (0.0, 0.0), (70.0, 179.999)] {
            let start = at(lat, lon, 280.0);
            let way = Vector3::new(700.0, -700.0, 50.0);
            let back = start.displacement_to(start.displaced(way));
            assert!((back - way).norm() < 1e-3, "{back}");
        }
    }

    #[test]
    fn the_date_line_is_no_edge() {
        let step = at(10.0, 179.9999, 0.0).displaced(Vector3::new(0.0, 100.0, 0.0));
        assert!(step.lon_rad < 0.0);
        assert!((at(10.0, 179.9999, 0.0).displacement_to(step).y - 100.0).abs() < 1e-6);
    }

    #[test]
    fn gravity_is_that_of_the_pole_the_equator_and_the_height() {
        assert!((at(0.0, 0.0, 0.0).gravity_mps2() - 9.780_325).abs() < 1e-5);
        assert!((at(90.0, 0.0, 0.0).gravity_mps2() - 9.832_185).abs() < 1e-5);
        assert!((at(45.0, 0.0, 1000.0).gravity_mps2() - 9.803_113).abs() < 1e-4);
    }
}
