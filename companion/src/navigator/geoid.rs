//! Height of mean sea level above the WGS84 ellipsoid.
//!
//! A grid of EGM2008 undulations every three degrees, interpolated bilinearly: 15 kB that tell the
//! difference of up to 107 m to a few metres. Heights above mean sea level are what autopilots and
//! barometers speak; radii of curvature and gravity are a matter of the ellipsoid.
//!
//! Source: NGA, EGM2008 (public domain), sampled by NGA's own program as the crate `egm2008` 0.1.0
//! (BSD-3-Clause) carries it; here in centimetres, 16 bits, little-endian, from the south pole north and from
//! 180 degrees west eastwards, both meridians of 180 degrees included.

const GRID: &[u8; ROWS * COLUMNS * 2] = include_bytes!("egm2008_3deg.bin");
const ROWS: usize = 61;
const COLUMNS: usize = 121;
const STEP_RAD: f64 = 3.0 * core::f64::consts::PI / 180.0;

/// Mean sea level above the ellipsoid, m, at a latitude in [-pi/2, pi/2] and a longitude in [-pi, pi];
/// what lies beyond counts as the border.
#[must_use]
pub fn undulation_m(lat_rad: f64, lon_rad: f64) -> f64 {
    let (row, north) = cell((lat_rad + core::f64::consts::FRAC_PI_2) / STEP_RAD, ROWS);
    let (column, east) = cell((lon_rad + core::f64::consts::PI) / STEP_RAD, COLUMNS);
    let along = |row: usize| {
        let (west_m, east_m) = (node_m(row, column), node_m(row, column + 1));
        west_m + (east_m - west_m) * east
    };
    let (south_m, north_m) = (along(row), along(row + 1));
    south_m + (north_m - south_m) * north
}

/// The cell that a coordinate counted in steps lies in, and how far into it, 0 to 1.
fn cell(steps: f64, nodes: usize) -> (usize, f64) {
    let last = nodes - 2;
    // A number that is none becomes 0 here.
    let index = (libm::floor(steps).max(0.0) as usize).min(last);
    (index, (steps - index as f64).clamp(0.0, 1.0))
}

fn node_m(row: usize, column: usize) -> f64 {
    let at = 2 * (row * COLUMNS + column);
    f64::from(i16::from_le_bytes([GRID[at], GRID[at + 1]])) * 0.01
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_deg(lat: f64, lon: f64) -> f64 {
        undulation_m(lat.to_radians(), lon.to_radians())
    }

    /// The check values that NGA publishes with its EGM96 program; EGM2008 differs from them by less than
    /// a metre, the interpolation by more.
    #[test]
    fn published_undulations_are_met_to_a_few_metres() {
        let published = [
            (38.628_155, -90.220_845, -31.628),
            (-14.621_217, -54.978_886, -2.969),
            (46.874_319, 102.448_729, -43.575),
            (-23.617_446, 133.874_712, 15.871),
            (38.625_473, -0.000_5, 50.066),
            (-0.466_744, 0.002_3, 17.329),
        ];
        for (lat, lon, expected) in published {
            let found = at_deg(lat, lon);
            let off = (found - expected).abs();
            assert!(off < 5.0, "{lat}, {lon}: {found}, published {expected}");
        }
    }

    #[test]
    fn the_deepest_sea_level_lies_south_of_india() {
        assert!((at_deg(4.7, 78.8) + 106.9).abs() < 5.0);
    }

    #[test]
    fn the_date_line_and_the_poles_are_no_edges() {
        for lat in [-90.0, -37.0, 0.0, 61.5, 90.0] {
            assert!((at_deg(lat, 180.0) - at_deg(lat, -180.0)).abs() < 1e-9);
        }
        assert!((at_deg(90.0, 12.0) - 14.90).abs() < 0.01);
        assert!((at_deg(-90.0, 77.0) + 30.15).abs() < 0.01);
    }

    #[test]
    fn no_number_is_out_of_bounds() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            let _ = undulation_m(odd, 0.3);
            let _ = undulation_m(0.3, odd);
        }
    }
}
