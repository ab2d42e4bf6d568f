//! Universal Transverse Mercator on WGS84, to a millimetre.
//!
//! Source: C. F. F. Karney, "Transverse Mercator with an accuracy of a few nanometers", J. Geodesy 85, 2011,
//! equations 7 to 36: Krueger's series to the fourth order in the third flattening.

use nalgebra::Complex;

const SEMI_MAJOR_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
const SCALE: f64 = 0.9996;
const FALSE_EASTING_M: f64 = 500_000.0;
const FALSE_NORTHING_SOUTH_M: f64 = 10_000_000.0;

/// Third flattening.
const N: f64 = FLATTENING / (2.0 - FLATTENING);
const N2: f64 = N * N;
const N3: f64 = N2 * N;
const N4: f64 = N3 * N;
/// Radius of the sphere whose quarter meridian is the ellipsoid's.
const RECTIFYING_M: f64 = SEMI_MAJOR_M / (1.0 + N) * (1.0 + N2 / 4.0 + N4 / 64.0);
const ALPHA: [f64; 4] = [
    N / 2.0 - 2.0 * N2 / 3.0 + 5.0 * N3 / 16.0 + 41.0 * N4 / 180.0,
    13.0 * N2 / 48.0 - 3.0 * N3 / 5.0 + 557.0 * N4 / 1440.0,
    61.0 * N3 / 240.0 - 103.0 * N4 / 140.0,
    49_561.0 * N4 / 161_280.0,
];
const BETA: [f64; 4] = [
    N / 2.0 - 2.0 * N2 / 3.0 + 37.0 * N3 / 96.0 - N4 / 360.0,
    N2 / 48.0 + N3 / 15.0 - 437.0 * N4 / 1440.0,
    17.0 * N3 / 480.0 - 37.0 * N4 / 840.0,
    4_397.0 * N4 / 161_280.0,
];

/// Easting and northing, m, of a place.
pub fn from_geodetic(zone: u8, north: bool, lat_rad: f64, lon_rad: f64) -> [f64; 2] {
    let lon = lon_rad - central_meridian_rad(zone);
    let tau = conformal(libm::tan(lat_rad));
    let start = Complex::new(
        libm::atan2(tau, libm::cos(lon)),
        libm::asinh(libm::sin(lon) / libm::hypot(tau, libm::cos(lon))),
    );
    let place = start + series(&ALPHA, start);
    [
        FALSE_EASTING_M + SCALE * RECTIFYING_M * place.im,
        false_northing(north) + SCALE * RECTIFYING_M * place.re,
    ]
}

/// Latitude and longitude, rad, of an easting and northing.
pub fn to_geodetic(zone: u8, north: bool, [easting, northing]: [f64; 2]) -> (f64, f64) {
    let place = Complex::new(
        (northing - false_northing(north)) / (SCALE * RECTIFYING_M),
        (easting - FALSE_EASTING_M) / (SCALE * RECTIFYING_M),
    );
    let start = place - series(&BETA, place);
    let (sinh, cos) = (libm::sinh(start.im), libm::cos(start.re));
    let conformal_tau = libm::sin(start.re) / libm::hypot(sinh, cos);
    let mut tau = conformal_tau;
    // Newton; the third step is below a nanometre already.
    for _ in 0..4 {
        let difference = conformal_tau - conformal(tau);
        let e2 = FLATTENING * (2.0 - FLATTENING);
        let slope = (1.0 - e2) * libm::hypot(1.0, conformal(tau)) * libm::hypot(1.0, tau)
            / (1.0 + (1.0 - e2) * tau * tau);
        tau += difference / slope;
    }
    let lon = libm::atan2(sinh, cos) + central_meridian_rad(zone);
    (libm::atan(tau), lon)
}

/// Tangent of the conformal latitude from that of the geodetic.
fn conformal(tau: f64) -> f64 {
    let e = libm::sqrt(FLATTENING * (2.0 - FLATTENING));
    let sigma = libm::sinh(e * libm::atanh(e * tau / libm::hypot(1.0, tau)));
    tau * libm::hypot(1.0, sigma) - sigma * libm::hypot(1.0, tau)
}

fn series(coefficients: &[f64; 4], at: Complex<f64>) -> Complex<f64> {
    let mut sum = Complex::new(0.0, 0.0);
    for (coefficient, order) in coefficients.iter().zip([2.0, 4.0, 6.0, 8.0]) {
        let (sine, cosine) = libm::sincos(order * at.re);
        let (sinh, cosh) = (libm::sinh(order * at.im), libm::cosh(order * at.im));
        sum += Complex::new(sine * cosh, cosine * sinh) * *coefficient;
    }
    sum
}

fn central_meridian_rad(zone: u8) -> f64 {
    (6.0 * f64::from(zone) - 183.0).to_radians()
}

fn false_northing(north: bool) -> f64 {
    if north { 0.0 } else { FALSE_NORTHING_SOUTH_M }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with pyproj 3.7.2: `Transformer.from_crs(4326, 32632, always_xy=True).transform(7.1, 46.8)` and so on.
    #[test]
    fn places_are_where_proj_puts_them() {
        for (zone, north, lat, lon, easting, northing) in PROJ {
            let [e, n] = from_geodetic(zone, north, f64::to_radians(lat), f64::to_radians(lon));
            assert!(
                (e - easting).abs() < 2e-3 && (n - northing).abs() < 2e-3,
                "{e} {n}"
            );
            let (back_lat, back_lon) = to_geodetic(zone, north, [easting, northing]);
            assert!((back_lat.to_degrees() - lat).abs() < 2e-8);
            assert!((back_lon.to_degrees() - lon).abs() < 2e-8);
        }
    }

    const PROJ: [(u8, bool, f64, f64, f64, f64); 6] = [
        (32, true, 46.8, 7.1, 355_014.906_5, 5_184_691.938_0),
        (32, true, 46.8, 11.9, 721_289.700_0, 5_187_023.322_2),
        (33, true, 0.001, 14.2, 410_977.117_5, 110.540_9),
        (
            56,
            false,
            -33.8568,
            151.2153,
            334_900.569_7,
            6_252_288.752_9,
        ),
        (15, true, 46.77, -92.1, 568_715.916_2, 5_179_998.802_1),
        (1, true, 70.5, -179.2, 418_053.954_5, 7_823_116.639_1),
    ];
}
