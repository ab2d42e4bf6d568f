//! The Earth and its air: WGS84 ellipsoid, normal gravity, standard atmosphere.
//!
//! The local frame does not rotate: Coriolis and transport rates (below 0.003 m/s2 and 3e-6 rad/s at
//! the speeds flown here) are left out of both the motion and the sensors, so that the two agree.

use nalgebra::Vector3;

/// WGS84 equatorial radius, metres.
const SEMI_MAJOR_M: f64 = 6_378_137.0;
/// WGS84 first eccentricity squared.
const ECCENTRICITY_SQUARED: f64 = 6.694_379_990_141_317e-3;

/// Air density at sea level in the standard atmosphere, kg/m3; defines indicated airspeed.
pub const SEA_LEVEL_DENSITY_KGPM3: f64 = 1.225;
const SEA_LEVEL_PRESSURE_PA: f64 = 101_325.0;
const SEA_LEVEL_TEMPERATURE_K: f64 = 288.15;
const LAPSE_RATE_KPM: f64 = 0.0065;
const AIR_GAS_CONSTANT: f64 = 287.052_87;
const PRESSURE_EXPONENT: f64 = 5.255_88;

/// A place on or above the ellipsoid. Heights are above mean sea level, which in this world is the
/// ellipsoid itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Geodetic latitude, WGS84.
    pub lat_rad: f64,
    /// Longitude, WGS84.
    pub lon_rad: f64,
    /// Height above mean sea level.
    pub alt_msl_m: f64,
}

impl Place {
    /// The place `offset_ned_m` away; exact for steps that are short against the Earth's radius.
    #[must_use]
    pub fn moved(&self, offset_ned_m: &Vector3<f64>) -> Self {
        let (north_m, east_m) = self.metres_per_radian();
        Self {
            lat_rad: self.lat_rad + offset_ned_m.x / north_m,
            lon_rad: self.lon_rad + offset_ned_m.y / east_m,
            alt_msl_m: self.alt_msl_m - offset_ned_m.z,
        }
    }

    /// Metres north, east and down from `self` to `other`, to about 1 m in 10 km.
    #[must_use]
    pub fn ned_to(&self, other: &Self) -> Vector3<f64> {
        let middle = Self {
            lat_rad: 0.5 * (self.lat_rad + other.lat_rad),
            lon_rad: self.lon_rad,
            alt_msl_m: 0.5 * (self.alt_msl_m + other.alt_msl_m),
        };
        let (north_m, east_m) = middle.metres_per_radian();
        Vector3::new(
            (other.lat_rad - self.lat_rad) * north_m,
            (other.lon_rad - self.lon_rad) * east_m,
            self.alt_msl_m - other.alt_msl_m,
        )
    }

    /// Length of one radian of latitude and of longitude here, metres (radii of curvature in the
    /// meridian and in the prime vertical).
    fn metres_per_radian(&self) -> (f64, f64) {
        let sine = libm::sin(self.lat_rad);
        let shrink = 1.0 - ECCENTRICITY_SQUARED * sine * sine;
        let prime_vertical = SEMI_MAJOR_M / libm::sqrt(shrink);
        let meridian = prime_vertical * (1.0 - ECCENTRICITY_SQUARED) / shrink;
        (
            meridian + self.alt_msl_m,
            (prime_vertical + self.alt_msl_m) * libm::cos(self.lat_rad),
        )
    }

    /// Gravity here, m/s2 (Somigliana's formula on WGS84 with the free-air gradient).
    #[must_use]
    pub fn gravity_mps2(&self) -> f64 {
        let sine = libm::sin(self.lat_rad);
        let square = sine * sine;
        let surface = 9.780_325_335_9 * (1.0 + 1.931_852_652_41e-3 * square)
            / libm::sqrt(1.0 - ECCENTRICITY_SQUARED * square);
        surface - 3.086e-6 * self.alt_msl_m
    }
}

/// The air at one height of the standard atmosphere (ISO 2533), valid in the troposphere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Air {
    /// Static pressure.
    pub pressure_pa: f64,
    /// Temperature.
    pub temperature_k: f64,
    /// Density.
    pub density_kgpm3: f64,
}

impl Air {
    /// The air at `alt_msl_m`.
    #[must_use]
    pub fn at(alt_msl_m: f64) -> Self {
        let temperature_k = SEA_LEVEL_TEMPERATURE_K - LAPSE_RATE_KPM * alt_msl_m;
        let pressure_pa = SEA_LEVEL_PRESSURE_PA
            * libm::pow(temperature_k / SEA_LEVEL_TEMPERATURE_K, PRESSURE_EXPONENT);
        Self {
            pressure_pa,
            temperature_k,
            density_kgpm3: pressure_pa / (AIR_GAS_CONSTANT * temperature_k),
        }
    }

    /// The height at which the standard atmosphere has this pressure.
    #[must_use]
    pub fn pressure_altitude_m(pressure_pa: f64) -> f64 {
        let ratio = libm::pow(pressure_pa / SEA_LEVEL_PRESSURE_PA, 1.0 / PRESSURE_EXPONENT);
        SEA_LEVEL_TEMPERATURE_K / LAPSE_RATE_KPM * (1.0 - ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KYIV: Place = Place {
        lat_rad: 0.880_5,
        lon_rad: 0.532_3,
        alt_msl_m: 150.0,
    };

    #[test]
    fn moving_there_and_measuring_gives_the_same_offset() {
        for offset in [
            Vector3::new(100.0, -250.0, -40.0),
            Vector3::new(-3_000.0, 4_000.0, 200.0),
        ] {
            let measured = KYIV.ned_to(&KYIV.moved(&offset));
            assert!((measured - offset).norm() < 3.0, "{measured} for {offset}");
        }
    }

    #[test]
    fn a_degree_of_latitude_at_45_degrees_is_as_long_as_the_ellipsoid_says() {
        let south = Place {
            lat_rad: 44.5_f64.to_radians(),
            lon_rad: 0.0,
            alt_msl_m: 0.0,
        };
        let north = Place {
            lat_rad: 45.5_f64.to_radians(),
            ..south
        };
        // 111 131.8 m: WGS84 meridian arc from 44.5 to 45.5 degrees.
        assert!((south.ned_to(&north).x - 111_131.8).abs() < 1.0);
    }

    #[test]
    fn gravity_agrees_with_published_values() {
        let at = |degrees: f64| {
            Place {
                lat_rad: degrees.to_radians(),
                lon_rad: 0.0,
                alt_msl_m: 0.0,
            }
            .gravity_mps2()
        };
        assert!((at(0.0) - 9.780_325).abs() < 1e-5);
        assert!((at(45.0) - 9.806_199).abs() < 1e-5);
        assert!((at(90.0) - 9.832_185).abs() < 1e-5);
    }

    #[test]
    fn the_air_agrees_with_the_standard_atmosphere_table() {
        let air = Air::at(1_000.0);
        assert!((air.pressure_pa - 89_874.6).abs() < 5.0);
        assert!((air.temperature_k - 281.65).abs() < 0.01);
        assert!((air.density_kgpm3 - 1.1116).abs() < 2e-4);
        assert!((Air::pressure_altitude_m(air.pressure_pa) - 1_000.0).abs() < 1e-6);
    }
}
