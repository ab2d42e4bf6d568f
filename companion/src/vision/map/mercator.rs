//! Web Mercator tiles: which tile shows a place, and which place a pixel of a tile shows.
//!
//! Pixels of a zoom level count from the north-western corner of the world, the first one's corner at
//! (0, 0). Latitudes are WGS84's, taken as those of a sphere: that is what EPSG:3857 does. Distances on
//! the ground are never taken from it, but from latitude and longitude.

use std::fmt;

use core::f64::consts::{PI, TAU};

/// Pixels along the side of a tile.
pub const TILE_SIDE: usize = 256;
/// Deepest zoom that is handled: 4 cm per pixel at the equator.
pub const ZOOM_MAX: u8 = 22;
/// The square that Web Mercator shows ends here, rad.
const LAT_MAX_RAD: f64 = 1.484_422_229_745_332_4;
/// Length of the equator over one turn, m.
const EQUATOR_M: f64 = TAU * 6_378_137.0;

/// One tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Zoom: 2^zoom tiles around the equator.
    pub zoom: u8,
    /// Column, from 180 degrees west.
    pub x: u32,
    /// Row, from the north. MBTiles count from the south; that is the reader's matter.
    pub y: u32,
}

impl TileId {
    /// The tile, when there is one of these numbers.
    #[must_use]
    pub fn new(zoom: u8, x: u32, y: u32) -> Option<Self> {
        let count = 1u32.checked_shl(u32::from(zoom))?;
        (zoom <= ZOOM_MAX && x < count && y < count).then_some(Self { zoom, x, y })
    }

    /// The tile that holds this pixel of its zoom.
    #[must_use]
    pub fn at(zoom: u8, [x, y]: [f64; 2]) -> Option<Self> {
        let side = TILE_SIDE as f64;
        let (x, y) = (libm::floor(x / side), libm::floor(y / side));
        // Also false for NaN.
        let inside = x >= 0.0 && y >= 0.0 && x < 4e9 && y < 4e9;
        inside
            .then(|| Self::new(zoom, x as u32, y as u32))
            .flatten()
    }

    /// Pixel of its north-western corner.
    #[must_use]
    pub fn corner(self) -> [f64; 2] {
        [self.x, self.y].map(|count| f64::from(count) * TILE_SIDE as f64)
    }

    /// Row from the south, as MBTiles count.
    #[must_use]
    pub fn tms_row(self) -> u32 {
        (1u32 << self.zoom) - 1 - self.y
    }

    /// West, south, east, north, degrees.
    #[must_use]
    pub fn bounds_deg(self) -> [f64; 4] {
        let [x, y] = self.corner();
        let side = TILE_SIDE as f64;
        let (north, west) = place_of(self.zoom, [x, y]);
        let (south, east) = place_of(self.zoom, [x + side, y + side]);
        [west, south, east, north].map(f64::to_degrees)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.zoom, self.x, self.y)
    }
}

/// Pixel coordinates of a place at `zoom`; latitudes beyond the square's end count as its end.
#[must_use]
pub fn pixel_of(zoom: u8, lat_rad: f64, lon_rad: f64) -> [f64; 2] {
    let world = world_px(zoom);
    let lat = lat_rad.clamp(-LAT_MAX_RAD, LAT_MAX_RAD);
    let y = 0.5 - libm::asinh(libm::tan(lat)) / TAU;
    [(lon_rad / TAU + 0.5) * world, y * world]
}

/// Latitude and longitude of a pixel at `zoom`, rad.
#[must_use]
pub fn place_of(zoom: u8, [x, y]: [f64; 2]) -> (f64, f64) {
    let world = world_px(zoom);
    let lat = libm::atan(libm::sinh((0.5 - y / world) * TAU));
    (lat, x / world * TAU - PI)
}

/// Side of a pixel on the ground, m, to half a per cent.
#[must_use]
pub fn metres_per_pixel(zoom: u8, lat_rad: f64) -> f64 {
    EQUATOR_M * libm::cos(lat_rad.clamp(-LAT_MAX_RAD, LAT_MAX_RAD)) / world_px(zoom)
}

/// Web Mercator coordinates (EPSG:3857), m, to latitude and longitude, rad.
#[must_use]
pub fn place_of_metres([east, north]: [f64; 2]) -> (f64, f64) {
    let lat = libm::atan(libm::sinh(north / EQUATOR_M * TAU));
    (lat, east / EQUATOR_M * TAU)
}

/// Latitude and longitude, rad, to Web Mercator coordinates (EPSG:3857), m.
#[must_use]
pub fn metres_of(lat_rad: f64, lon_rad: f64) -> [f64; 2] {
    let lat = lat_rad.clamp(-LAT_MAX_RAD, LAT_MAX_RAD);
    [lon_rad, libm::asinh(libm::tan(lat))].map(|angle| angle / TAU * EQUATOR_M)
}

fn world_px(zoom: u8) -> f64 {
    TILE_SIDE as f64 * f64::from(1u32 << zoom.min(ZOOM_MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// The tile numbers of the OpenStreetMap wiki's worked example ("Slippy map tilenames").
    #[test]
    fn a_place_lies_in_the_tile_that_others_compute() {
        let (lat, lon) = (35.6590699_f64.to_radians(), 139.7006793_f64.to_radians());
        let tile = TileId::at(18, pixel_of(18, lat, lon)).unwrap();
        assert_eq!((tile.x, tile.y), (232_798, 103_246));
        assert_eq!(tile.tms_row(), 262_143 - 103_246);
        let [west, south, east, north] = tile.bounds_deg();
        assert!(west <= 139.7006793 && 139.7006793 <= east);
        assert!(south <= 35.6590699 && 35.6590699 <= north);
    }

    #[test]
    fn a_place_and_its_pixel_are_each_others_inverse() {
        for (lat, lon) in [(0.0, 0.0), (0.8, -2.9), (-1.2, 3.0)] {
            let (again_lat, again_lon) = place_of(19, pixel_of(19, lat, lon));
            assert!((again_lat - lat).abs() < 1e-12 && (again_lon - lon).abs() < 1e-12);
            let (again_lat, again_lon) = place_of_metres(metres_of(lat, lon));
            assert!((again_lat - lat).abs() < 1e-12 && (again_lon - lon).abs() < 1e-12);
        }
        assert_eq!(TileId::at(3, [f64::NAN, 0.0]), None);
        assert_eq!(TileId::at(3, [-1.0, 0.0]), None);
        assert_eq!(TileId::new(3, 8, 0), None);
        assert_eq!(TileId::new(40, 0, 0), None);
    }
}
