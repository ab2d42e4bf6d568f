//! Pictures with a place on the Earth.

use crate::vision::map::mercator::{metres_of, place_of_metres};
use crate::vision::png::Masked;

/// Most pixels of a picture: 16 cm per pixel over 3.6 km x 3.6 km.
pub const RASTER_PIXELS_MAX: usize = 512 << 20;

/// Grey pixels of any size, row by row; those with `seen` false show nothing.
#[derive(Debug, Clone)]
pub struct Raster {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    seen: Option<Box<[bool]>>,
}

impl Raster {
    /// Pixels of this size; absent when they are not as many, or too many.
    #[must_use]
    pub fn new(
        width: usize,
        height: usize,
        pixels: Vec<u8>,
        seen: Option<Box<[bool]>>,
    ) -> Option<Self> {
        let count = width.checked_mul(height)?;
        let fits = (2..=RASTER_PIXELS_MAX).contains(&count)
            && width >= 2
            && height >= 2
            && pixels.len() == count
            && seen.as_ref().is_none_or(|seen| seen.len() == count);
        fits.then_some(Self {
            width,
            height,
            pixels,
            seen,
        })
    }

    /// Pixels per row and rows.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// Brightness at pixel coordinates ((0, 0) is the corner of the first pixel), bilinear; absent outside and
    /// where a neighbour shows nothing.
    #[must_use]
    pub fn sample(&self, [x, y]: [f64; 2]) -> Option<f64> {
        // Also false for NaN.
        let inside = x >= 0.0 && y >= 0.0 && x <= self.width as f64 && y <= self.height as f64;
        if !inside {
            return None;
        }
        let x = (x - 0.5).clamp(0.0, (self.width - 1) as f64);
        let y = (y - 0.5).clamp(0.0, (self.height - 1) as f64);
        let (column, row) = (
            (x as usize).min(self.width - 2),
            (y as usize).min(self.height - 2),
        );
        let (right, down) = (x - column as f64, y - row as f64);
        let at = |column: usize, row: usize| {
            let index = row * self.width + column;
            let seen = self.seen.as_ref().is_none_or(|seen| seen[index]);
            seen.then(|| f64::from(self.pixels[index]))
        };
        let (a, b) = (at(column, row)?, at(column + 1, row)?);
        let (c, d) = (at(column, row + 1)?, at(column + 1, row + 1)?);
        let (upper, lower) = (a + right * (b - a), c + right * (d - c));
        Some(upper + down * (lower - upper))
    }
}

impl From<Masked> for Raster {
    fn from(masked: Masked) -> Self {
        Self {
            width: masked.image.width(),
            height: masked.image.height(),
            pixels: masked.image.pixels().to_vec(),
            seen: masked.seen,
        }
    }
}

/// Latitude and longitude, degrees, of the outer corners of a picture: north-west (the first pixel's corner),
/// north-east, south-east, south-west. North-west is where the picture's first row begins, whatever its
/// direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Corners(pub [[f64; 2]; 4]);

/// How pixels and places belong together.
#[derive(Debug, Clone, PartialEq)]
pub enum Georeference {
    /// By its corners; straight lines stay straight in Web Mercator.
    Corners(Corners),
    /// An affine map from pixels to coordinates, and what those are.
    Affine {
        /// `x = a[0] + a[1] column + a[2] row`, `y = a[3] + a[4] column + a[5] row`, from the corner of the
        /// first pixel.
        from_pixel: [f64; 6],
        /// The coordinates.
        system: System,
    },
}

/// Coordinates of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Longitude and latitude, degrees, WGS84 (EPSG:4326).
    Geographic,
    /// Web Mercator, m (EPSG:3857).
    WebMercator,
    /// UTM, m, WGS84 (EPSG:32601 to 32660, 32701 to 32760).
    Utm {
        /// 1 to 60.
        zone: u8,
        /// Northern half.
        north: bool,
    },
}

/// A picture with its place on the Earth.
#[derive(Debug, Clone)]
pub struct Picture {
    raster: Raster,
    place: Placement,
}

/// From places to pixels.
#[derive(Debug, Clone)]
enum Placement {
    /// Homography from Web Mercator metres, relative to `origin`, to pixels; row by row.
    Homography { origin: [f64; 2], matrix: [f64; 9] },
    /// Inverse of an affine map.
    Affine { to_pixel: [f64; 6], system: System },
}

impl Picture {
    /// Puts a picture in its place.
    ///
    /// # Errors
    /// When the place makes no sense: corners in a line or out of order, values that are no numbers.
    pub fn new(raster: Raster, georeference: &Georeference) -> Result<Self, String> {
        let place = match georeference {
            Georeference::Corners(corners) => by_corners(raster.size(), corners)?,
            Georeference::Affine { from_pixel, system } => Placement::Affine {
                to_pixel: inverse(from_pixel)?,
                system: *system,
            },
        };
        let picture = Self { raster, place };
        let (_, pixel_m) = picture.middle();
        // Also false for NaN.
        if pixel_m > 0.01 && pixel_m < 100.0 {
            Ok(picture)
        } else {
            Err(format!(
                "its pixels would be {pixel_m:.3} m wide; 0.01 to 100 m are allowed"
            ))
        }
    }

    /// The pixels.
    #[must_use]
    pub fn raster(&self) -> &Raster {
        &self.raster
    }

    /// Pixel coordinates of a place.
    #[must_use]
    pub fn pixel_of(&self, lat_rad: f64, lon_rad: f64) -> [f64; 2] {
        match &self.place {
            Placement::Homography { origin, matrix } => {
                let [east, north] = metres_of(lat_rad, lon_rad);
                project(matrix, [east - origin[0], north - origin[1]])
            }
            Placement::Affine { to_pixel, system } => {
                let [x, y] = coordinates(*system, lat_rad, lon_rad);
                let a = to_pixel;
                [a[0] + a[1] * x + a[2] * y, a[3] + a[4] * x + a[5] * y]
            }
        }
    }

    /// Latitude and longitude, rad, of its middle, and the side of its pixels there, m.
    #[must_use]
    pub fn middle(&self) -> ([f64; 2], f64) {
        let [width, height] = self.raster.size().map(|side| side as f64 / 2.0);
        let place = self.place_of([width, height]);
        // A ten-millionth of a radian is two thirds of a metre.
        let step = 1e-7;
        let [x, y] = self.pixel_of(place[0], place[1]);
        let [x_north, y_north] = self.pixel_of(place[0] + step, place[1]);
        let pixels = libm::hypot(x_north - x, y_north - y);
        (place, step * 6_371_000.0 / pixels)
    }

    /// Latitude and longitude, rad, of pixel coordinates.
    #[must_use]
    pub fn place_of(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (lat_rad, lon_rad) = match &self.place {
            Placement::Homography { origin, matrix } => {
                let back = adjugate(matrix);
                let [east, north] = project(&back, [x, y]);
                place_of_metres([east + origin[0], north + origin[1]])
            }
            Placement::Affine { to_pixel, system } => {
                // It was inverted before: it has an inverse.
                let a = inverse(to_pixel).unwrap_or([f64::NAN; 6]);
                let at = [a[0] + a[1] * x + a[2] * y, a[3] + a[4] * x + a[5] * y];
                place(*system, at)
            }
        };
        [lat_rad, lon_rad]
    }

    /// South, north, west, east of its corners, rad.
    #[must_use]
    pub fn extent(&self) -> [f64; 4] {
        let [width, height] = self.raster.size().map(|side| side as f64);
        let corners = [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]];
        let places = corners.map(|corner| self.place_of(corner));
        let least = |axis: usize| {
            places
                .iter()
                .map(|place| place[axis])
                .fold(f64::INFINITY, f64::min)
        };
        let most = |axis: usize| {
            let values = places.iter().map(|place| place[axis]);
            values.fold(f64::NEG_INFINITY, f64::max)
        };
        [least(0), most(0), least(1), most(1)]
    }
}

fn coordinates(system: System, lat_rad: f64, lon_rad: f64) -> [f64; 2] {
    match system {
        System::Geographic => [lon_rad.to_degrees(), lat_rad.to_degrees()],
        System::WebMercator => metres_of(lat_rad, lon_rad),
        #[cfg(feature = "map-build")]
        System::Utm { zone, north } => super::utm::from_geodetic(zone, north, lat_rad, lon_rad),
        #[cfg(not(feature = "map-build"))]
        System::Utm { .. } => [f64::NAN; 2],
    }
}

fn place(system: System, [x, y]: [f64; 2]) -> (f64, f64) {
    match system {
        System::Geographic => (y.to_radians(), x.to_radians()),
        System::WebMercator => place_of_metres([x, y]),
        #[cfg(feature = "map-build")]
        System::Utm { zone, north } => super::utm::to_geodetic(zone, north, [x, y]),
        #[cfg(not(feature = "map-build"))]
        System::Utm { .. } => (f64::NAN, f64::NAN),
    }
}

fn inverse(a: &[f64; 6]) -> Result<[f64; 6], String> {
    let determinant = a[1] * a[5] - a[2] * a[4];
    // Also false for NaN.
    if !(determinant.abs() > 1e-30 && a.iter().all(|value| value.is_finite())) {
        return Err("its pixels have no size on the ground".to_owned());
    }
    let (b1, b2) = (a[5] / determinant, -a[2] / determinant);
    let (b4, b5) = (-a[4] / determinant, a[1] / determinant);
    Ok([
        -b1 * a[0] - b2 * a[3],
        b1,
        b2,
        -b4 * a[0] - b5 * a[3],
        b4,
        b5,
    ])
}

/// The homography that takes the corners to those of the picture.
///
/// Source: P. Heckbert, "Fundamentals of texture mapping and image warping", 1989, section 2.2.3: unit square
/// to quadrilateral, inverted through the adjugate.
fn by_corners(size: [usize; 2], corners: &Corners) -> Result<Placement, String> {
    let metres = corners
        .0
        .map(|[lat, lon]| metres_of(lat.to_radians(), lon.to_radians()));
    let origin = metres[0];
    let [p0, p1, p2, p3] = metres.map(|[east, north]| [east - origin[0], north - origin[1]]);
    let cross = |a: [f64; 2], b: [f64; 2], c: [f64; 2]| {
        (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    };
    // Clockwise from above, as the corners of a picture that is not mirrored are.
    let turns = [(p0, p1, p2), (p1, p2, p3), (p2, p3, p0), (p3, p0, p1)];
    if !turns.iter().all(|(a, b, c)| cross(*a, *b, *c) < -1e-6) {
        return Err(
            "the corners make no picture; give LAT,LON of its north-west, north-east, south-east and \
             south-west corner, in this order"
                .to_owned(),
        );
    }
    let [dx1, dy1] = [p1[0] - p2[0], p1[1] - p2[1]];
    let [dx2, dy2] = [p3[0] - p2[0], p3[1] - p2[1]];
    let [sx, sy] = [p0[0] - p1[0] + p2[0] - p3[0], p0[1] - p1[1] + p2[1] - p3[1]];
    let determinant = dx1 * dy2 - dx2 * dy1;
    let g = (sx * dy2 - dx2 * sy) / determinant;
    let h = (dx1 * sy - sx * dy1) / determinant;
    let square = [
        p1[0] - p0[0] + g * p1[0],
        p3[0] - p0[0] + h * p3[0],
        p0[0],
        p1[1] - p0[1] + g * p1[1],
        p3[1] - p0[1] + h * p3[1],
        p0[1],
        g,
        h,
        1.0,
    ];
    let mut matrix = adjugate(&square);
    let [width, height] = size.map(|side| side as f64);
    for column in 0..3 {
        matrix[column] *= width;
        matrix[3 + column] *= height;
    }
    Ok(Placement::Homography { origin, matrix })
}

fn adjugate(m: &[f64; 9]) -> [f64; 9] {
    [
        m[4] * m[8] - m[5] * m[7],
        m[2] * m[7] - m[1] * m[8],
        m[1] * m[5] - m[2] * m[4],
        m[5] * m[6] - m[3] * m[8],
        m[0] * m[8] - m[2] * m[6],
        m[2] * m[3] - m[0] * m[5],
        m[3] * m[7] - m[4] * m[6],
        m[1] * m[6] - m[0] * m[7],
        m[0] * m[4] - m[1] * m[3],
    ]
}

fn project(m: &[f64; 9], [x, y]: [f64; 2]) -> [f64; 2] {
    let w = m[6] * x + m[7] * y + m[8];
    [
        (m[0] * x + m[1] * y + m[2]) / w,
        (m[3] * x + m[4] * y + m[5]) / w,
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn raster() -> Raster {
        Raster::new(400, 300, vec![7; 120_000], None).unwrap()
    }

    #[test]
    fn corners_are_where_they_were_said_to_be() {
        let corners = Corners([
            [46.803, 7.1],
            [46.8035, 7.106],
            [46.8005, 7.1062],
            [46.8, 7.1004],
        ]);
        let picture = Picture::new(raster(), &Georeference::Corners(corners)).unwrap();
        let wanted = [[0.0, 0.0], [400.0, 0.0], [400.0, 300.0], [0.0, 300.0]];
        for (corner, wanted) in corners.0.iter().zip(wanted) {
            let [x, y] = picture.pixel_of(corner[0].to_radians(), corner[1].to_radians());
            assert!(
                (x - wanted[0]).abs() < 1e-5 && (y - wanted[1]).abs() < 1e-5,
                "{x} {y}"
            );
            let [lat, lon] = picture.place_of(wanted).map(f64::to_degrees);
            assert!((lat - corner[0]).abs() < 1e-9 && (lon - corner[1]).abs() < 1e-9);
        }
        let (_, pixel_m) = picture.middle();
        assert!((pixel_m - 1.1).abs() < 0.15, "{pixel_m}");
    }

    #[test]
    fn corners_that_make_no_picture_are_refused() {
        let good = [[46.803, 7.1], [46.803, 7.106], [46.8, 7.106], [46.8, 7.1]];
        let swapped = [good[1], good[0], good[2], good[3]];
        let mirrored = [good[1], good[0], good[3], good[2]];
        let line = [good[0], good[1], [46.803, 7.11], [46.803, 7.12]];
        let far = [[50.0, 7.1], [50.0, 17.106], [46.8, 17.106], [46.8, 7.1]];
        let nan = [[f64::NAN, 7.1], good[1], good[2], good[3]];
        for corners in [swapped, mirrored, line, far, nan] {
            let placed = Picture::new(raster(), &Georeference::Corners(Corners(corners)));
            assert!(placed.is_err(), "{corners:?}");
        }
    }

    #[test]
    fn an_affine_map_goes_both_ways() {
        for (system, from_pixel) in [
            (System::Geographic, [7.1, 1.3e-5, 0.0, 46.8, 0.0, -9e-6]),
            (
                System::WebMercator,
                [790_000.0, 1.0, 0.1, 5_900_000.0, 0.1, -1.0],
            ),
            (
                System::Utm {
                    zone: 32,
                    north: true,
                },
                [355_000.0, 0.5, 0.0, 5_183_000.0, 0.0, -0.5],
            ),
        ] {
            let georeference = Georeference::Affine { from_pixel, system };
            let picture = Picture::new(raster(), &georeference).unwrap();
            for pixel in [[0.0, 0.0], [399.0, 20.0], [13.5, 287.25]] {
                let [lat, lon] = picture.place_of(pixel);
                let [x, y] = picture.pixel_of(lat, lon);
                assert!(
                    (x - pixel[0]).abs() < 1e-4 && (y - pixel[1]).abs() < 1e-4,
                    "{system:?}"
                );
            }
        }
        let flat = Georeference::Affine {
            from_pixel: [7.1, 0.0, 0.0, 46.8, 0.0, -9e-6],
            system: System::Geographic,
        };
        assert!(Picture::new(raster(), &flat).is_err());
    }
}
