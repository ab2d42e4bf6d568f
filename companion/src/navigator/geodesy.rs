//! The Earth: WGS84 radii, gravity and small displacements, all through `libm`.
//!
//! Source: NIMA TR8350.2 (WGS84); Somigliana's formula for normal gravity with the free-air term.

use nalgebra::Vector3;

/// Equatorial radius, m.
const SEMI_MAJOR_M: f64 = 6_378_137.0;
/// First eccentricity squared.
const ECCENTRICITY_SQUARED: f64 = 6.694_379_990_141_317e-3;

/// A point over the ellipsoid. Height above mean sea level stands in for height above the ellipsoid:
/// the geoid's 100 m change the radii by less than 2e-5.
#[derive(Debug, Clone, Copy, PartialEq)]
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
        let (meridian, parallel) = self.metres_per_radian();
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
        let (meridian, parallel) = self.metres_per_radian();
        Vector3::new(
            (other.lat_rad - self.lat_rad) * meridian,
            wrap_pi(other.lon_rad - self.lon_rad) * parallel,
            self.alt_msl_m - other.alt_msl_m,
        )
    }

    /// Metres per radian of latitude and of longitude here.
    fn metres_per_radian(self) -> (f64, f64) {
        let sine = libm::sin(self.lat_rad);
        // A pole has no east: one centimetre from it the parallel is still 6e-2 m per radian.
        let cosine = libm::cos(self.lat_rad).max(1e-8);
        let w2 = 1.0 - ECCENTRICITY_SQUARED * sine * sine;
        let normal = SEMI_MAJOR_M / libm::sqrt(w2);
        let meridian = normal * (1.0 - ECCENTRICITY_SQUARED) / w2;
        (
            meridian + self.alt_msl_m,
            (normal + self.alt_msl_m) * cosine,
        )
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
        surface - 3.086e-6 * self.alt_msl_m
    }
}

/// `angle` brought into [-pi, pi).
#[must_use]
pub fn wrap_pi(angle: f64) -> f64 {
    let turns = libm::floor((angle + core::f64::consts::PI) / core::f64::consts::TAU);
    angle - turns * core::f64::consts::TAU
}
