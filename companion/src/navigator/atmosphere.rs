//! The standard atmosphere below 11 km: height from pressure, true from indicated airspeed.
//!
//! Source: ICAO Doc 7488 (International Standard Atmosphere, troposphere).

const SEA_LEVEL_PRESSURE_PA: f64 = 101_325.0;
const SEA_LEVEL_TEMPERATURE_K: f64 = 288.15;
const LAPSE_K_PER_M: f64 = 6.5e-3;
/// g M / (R L).
const EXPONENT: f64 = 5.255_879_7;

/// Height in the standard atmosphere at which `pressure_pa` prevails, m.
#[must_use]
pub fn pressure_altitude_m(pressure_pa: f64) -> f64 {
    let ratio = libm::pow(pressure_pa / SEA_LEVEL_PRESSURE_PA, 1.0 / EXPONENT);
    SEA_LEVEL_TEMPERATURE_K / LAPSE_K_PER_M * (1.0 - ratio)
}

/// True airspeed over indicated airspeed at a pressure altitude: the square root of the density ratio.
#[must_use]
pub fn true_over_indicated(pressure_altitude_m: f64) -> f64 {
    let temperature_ratio = 1.0 - LAPSE_K_PER_M / SEA_LEVEL_TEMPERATURE_K * pressure_altitude_m;
    libm::pow(temperature_ratio.clamp(0.5, 1.2), -0.5 * (EXPONENT - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabulated_pressures_give_their_heights() {
        // ICAO Doc 7488, table 1.
        for (height_m, pressure_pa) in [(0.0, 101_325.0), (1_000.0, 89_874.6), (5_000.0, 54_019.9)]
        {
            let found = pressure_altitude_m(pressure_pa);
            assert!((found - height_m).abs() < 0.5, "{height_m} m: {found}");
        }
    }

    #[test]
    fn thin_air_makes_the_airspeed_sensor_read_low() {
        assert!((true_over_indicated(0.0) - 1.0).abs() < 1e-12);
        // Density at 3,000 m is 0.90912 kg/m3, at sea level 1.225.
        assert!((true_over_indicated(3_000.0) - (1.225f64 / 0.909_12).sqrt()).abs() < 1e-4);
    }
}
