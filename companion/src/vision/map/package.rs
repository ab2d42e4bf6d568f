//! A package that was opened: the picture of the ground around a place, and the ground's height.

use fdr_format::FlightId;

use super::layer::{Heights, Layer, TileProblem};
use super::manifest::{Manifest, Origin};
use super::mbtiles::MbTiles;
use super::mercator::{TILE_SIDE, TileId, metres_per_pixel, pixel_of};
use crate::navigator::Geodetic;
use crate::vision::north_up::NorthUp;
use crate::vision::png::Masked;

/// Imagery that is kept decoded: 64 MiB.
const IMAGERY_TILES: usize = 1_024;
/// Heights that are kept decoded: 4 MiB.
const ELEVATION_TILES: usize = 16;
/// 1-sigma error of a flat ground at the origin's height, m, where nobody measured it.
pub const FLAT_GROUND_SIGMA_M: f64 = 30.0;
/// Georeferencing error that is assumed of a map of which nothing is known, m.
pub const UNKNOWN_BIAS_SIGMA_M: f64 = 2.5;
/// Most problems that are kept until someone asks.
const PROBLEMS_MAX: usize = 32;

/// Height of the ground at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ground {
    /// Above mean sea level, m.
    pub alt_msl_m: f64,
    /// 1-sigma error, m.
    pub sigma_m: f64,
}

/// A part of the map whose matches share one georeferencing error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapArea {
    /// Its number.
    pub number: u32,
    /// 1-sigma georeferencing error per axis, m; larger for old imagery.
    pub bias_sigma_m: f64,
}

/// The tiles that a picture was made of: a rectangle of one zoom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TilesUsed {
    /// Zoom.
    pub zoom: u8,
    /// Westernmost and easternmost column.
    pub columns: [u32; 2],
    /// Northernmost and southernmost row.
    pub rows: [u32; 2],
    /// How many of them there are not.
    pub missing: u32,
}

/// The ground around a place, as the map has it.
#[derive(Debug, Clone)]
pub struct Mosaic {
    /// Its picture.
    pub image: NorthUp,
    /// What it was made of.
    pub tiles: TilesUsed,
}

/// An open package, or a bare file of tiles.
#[derive(Debug)]
pub struct MapPackage {
    imagery: Layer<Masked>,
    elevation: Option<Layer<Heights>>,
    elevation_sigma_m: f64,
    flat: Option<f64>,
    origin: Option<Origin>,
    flight_id: Option<FlightId>,
    regions: Option<Regions>,
    problems: Vec<TileProblem>,
}

#[derive(Debug)]
struct Regions {
    manifest: Manifest,
    bias_sigmas_m: Vec<f64>,
}

impl MapPackage {
    /// A package whose manifest was checked; `bias_sigmas_m` are those of its regions, with their age.
    #[must_use]
    pub fn new(
        manifest: Manifest,
        bias_sigmas_m: Vec<f64>,
        imagery: (MbTiles, super::TileHashes),
        elevation: Option<(MbTiles, super::TileHashes)>,
    ) -> Self {
        let layer = manifest.elevation.as_ref();
        Self {
            imagery: Layer::new(imagery.0, Some(imagery.1), IMAGERY_TILES),
            elevation_sigma_m: layer.map_or(FLAT_GROUND_SIGMA_M, |layer| layer.sigma_m),
            elevation: elevation
                .map(|(file, hashes)| Layer::new(file, Some(hashes), ELEVATION_TILES)),
            flat: manifest.takeoff_origin.map(|origin| origin.alt_msl_m),
            origin: manifest.takeoff_origin,
            flight_id: manifest.flight_id,
            regions: Some(Regions {
                manifest,
                bias_sigmas_m,
            }),
            problems: Vec::new(),
        }
    }

    /// A bare file of tiles, of which nothing is known and nothing checked: for the ground only.
    #[must_use]
    pub fn bare(imagery: MbTiles) -> Self {
        Self {
            imagery: Layer::new(imagery, None, IMAGERY_TILES),
            elevation: None,
            elevation_sigma_m: FLAT_GROUND_SIGMA_M,
            flat: None,
            origin: None,
            flight_id: None,
            regions: None,
            problems: Vec::new(),
        }
    }

    /// Where the flight that it was made for begins.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The flight that it was made for.
    #[must_use]
    pub fn flight_id(&self) -> Option<FlightId> {
        self.flight_id
    }

    /// The area that a place lies in; absent where there is no map.
    #[must_use]
    pub fn area(&self, lat_rad: f64, lon_rad: f64) -> Option<MapArea> {
        let Some(regions) = &self.regions else {
            return Some(MapArea {
                number: 0,
                bias_sigma_m: UNKNOWN_BIAS_SIGMA_M,
            });
        };
        let (index, _) = regions.manifest.region_at(lat_rad, lon_rad)?;
        Some(MapArea {
            number: u32::try_from(index).ok()?,
            bias_sigma_m: *regions.bias_sigmas_m.get(index)?,
        })
    }

    /// Whether a tile was found that is not what the manifest says: nothing of the package is believed.
    #[must_use]
    pub fn is_altered(&self) -> bool {
        self.imagery.is_altered() || self.elevation.as_ref().is_some_and(Layer::is_altered)
    }

    /// What went wrong since the last call; at most 32 are kept.
    pub fn take_problems(&mut self) -> Vec<TileProblem> {
        std::mem::take(&mut self.problems)
    }

    /// The ground at a place; absent where neither elevation nor origin says anything.
    pub fn ground(&mut self, lat_rad: f64, lon_rad: f64) -> Option<Ground> {
        if self.is_altered() {
            return None;
        }
        if let Some(alt_msl_m) = self.elevation_at(lat_rad, lon_rad) {
            let sigma_m = self.elevation_sigma_m;
            return Some(Ground { alt_msl_m, sigma_m });
        }
        self.flat.map(|alt_msl_m| Ground {
            alt_msl_m,
            sigma_m: FLAT_GROUND_SIGMA_M,
        })
    }

    fn elevation_at(&mut self, lat_rad: f64, lon_rad: f64) -> Option<f64> {
        let layer = self.elevation.as_mut()?;
        let zoom = *layer.file().zooms().last()?;
        let [x, y] = pixel_of(zoom, lat_rad, lon_rad).map(|at| at - 0.5);
        let (left, top) = (libm::floor(x), libm::floor(y));
        let mut height = |x: f64, y: f64| -> Option<f64> {
            let at = [x + 0.5, y + 0.5];
            let id = TileId::at(zoom, at)?;
            let tile = layer.tile(id, &mut self.problems)?;
            let [west, north] = id.corner();
            // Inside the tile: both are 0 to 255.
            let index = (at[1] - north) as usize * TILE_SIDE + (at[0] - west) as usize;
            tile.0.get(index).map(|height| f64::from(*height))
        };
        let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
        let corners = corners.map(|[right, down]| height(left + right, top + down));
        self.problems.truncate(PROBLEMS_MAX);
        let [Some(a), Some(b), Some(c), Some(d)] = corners else {
            return None;
        };
        let (right, down) = (x - left, y - top);
        let (upper, lower) = (a + right * (b - a), c + right * (d - c));
        Some(upper + down * (lower - upper))
    }

    /// The ground around `centre`, north up, `side` pixels of `gsd_m` metres each way; what the map lacks is
    /// not seen.
    pub fn mosaic(&mut self, centre: Geodetic, side: usize, gsd_m: f64) -> Mosaic {
        let zoom = self.zoom_for(centre.lat_rad, gsd_m);
        let pixel_m = metres_per_pixel(zoom, centre.lat_rad);
        let grid = Grid::new(centre, side, gsd_m, zoom, samples_for(gsd_m / pixel_m));
        let (tiles, pictures) = self.fetch(&grid);
        let pictures = Pictures {
            first: [tiles.columns[0], tiles.rows[0]],
            columns: (tiles.columns[1] - tiles.columns[0]) as usize + 1,
            pictures,
        };
        Mosaic {
            image: grid.draw(&pictures, side, gsd_m),
            tiles,
        }
    }

    /// The coarsest zoom that shows what is wanted; the deepest when none does.
    fn zoom_for(&self, lat_rad: f64, gsd_m: f64) -> u8 {
        let zooms = self.imagery.file().zooms();
        let fine = |zoom: &&u8| metres_per_pixel(**zoom, lat_rad) <= 1.1 * gsd_m;
        let deepest = zooms.last().copied().unwrap_or_default();
        zooms.iter().find(fine).copied().unwrap_or(deepest)
    }

    fn fetch(&mut self, grid: &Grid) -> (TilesUsed, Vec<Option<std::sync::Arc<Masked>>>) {
        let mut tiles = grid.tiles();
        let mut pictures = Vec::new();
        let altered = self.is_altered();
        for y in tiles.rows[0]..=tiles.rows[1] {
            for x in tiles.columns[0]..=tiles.columns[1] {
                let id = TileId::new(tiles.zoom, x, y).filter(|_| !altered);
                let tile = id.and_then(|id| self.imagery.tile(id, &mut self.problems));
                tiles.missing += u32::from(tile.is_none());
                pictures.push(tile);
            }
        }
        self.problems.truncate(PROBLEMS_MAX);
        if self.imagery.is_altered() {
            pictures.fill(None);
        }
        (tiles, pictures)
    }
}

/// Most tiles along a side of a mosaic.
const GRID_TILES_MAX: u32 = 32;

/// How many samples make one pixel, along each side: the map's pixels are averaged, not skipped.
fn samples_for(ratio: f64) -> usize {
    // A ratio that is no number becomes 1.
    (libm::round(ratio) as usize).clamp(1, 8)
}

/// Where the samples of a mosaic lie in the pixels of a zoom. Latitude depends on the row alone and
/// longitude on the column alone.
struct Grid {
    zoom: u8,
    samples: usize,
    xs: Vec<f64>,
    ys: Vec<f64>,
}

impl Grid {
    fn new(centre: Geodetic, side: usize, gsd_m: f64, zoom: u8, samples: usize) -> Self {
        let (meridian, parallel) = centre.metres_per_radian();
        let count = side * samples;
        let middle = (count as f64 - 1.0) / 2.0;
        let step_m = gsd_m / samples as f64;
        let offset = |index: usize| (index as f64 - middle) * step_m;
        let x = |index| {
            let lon_rad = centre.lon_rad + offset(index) / parallel;
            pixel_of(zoom, centre.lat_rad, lon_rad)[0]
        };
        let y = |index| {
            let lat_rad = centre.lat_rad - offset(index) / meridian;
            pixel_of(zoom, lat_rad, centre.lon_rad)[1]
        };
        Self {
            zoom,
            samples,
            xs: (0..count).map(x).collect(),
            ys: (0..count).map(y).collect(),
        }
    }

    /// The tiles that it touches, with half a pixel around for what is between two pixels.
    fn tiles(&self) -> TilesUsed {
        let last = (1u32 << self.zoom) - 1;
        let range = |values: &[f64]| {
            let tile = |value: f64| {
                let tile = libm::floor(value / TILE_SIDE as f64);
                tile.clamp(0.0, f64::from(last)) as u32
            };
            let first = tile(values.first().copied().unwrap_or_default() - 0.5);
            let end = tile(values.last().copied().unwrap_or_default() + 0.5);
            [
                first,
                end.clamp(first, first.saturating_add(GRID_TILES_MAX)),
            ]
        };
        TilesUsed {
            zoom: self.zoom,
            columns: range(&self.xs),
            rows: range(&self.ys),
            missing: 0,
        }
    }

    fn draw(&self, pictures: &Pictures, side: usize, gsd_m: f64) -> NorthUp {
        let mut image = NorthUp::unseen(side, side, gsd_m);
        let share = 1.0 / (self.samples * self.samples) as f32;
        for row in 0..side {
            let ys = &self.ys[row * self.samples..][..self.samples];
            for column in 0..side {
                let xs = &self.xs[column * self.samples..][..self.samples];
                let mut sum = 0.0;
                for y in ys {
                    for x in xs {
                        // NaN, which is not seen, makes the sum NaN.
                        sum += pictures.sample(*x, *y);
                    }
                }
                image.see(column, row, sum * share);
            }
        }
        image
    }
}

/// The tiles of a rectangle, as one picture.
struct Pictures {
    first: [u32; 2],
    columns: usize,
    pictures: Vec<Option<std::sync::Arc<Masked>>>,
}

impl Pictures {
    /// Brightness at pixel coordinates of the zoom, bilinear; NaN where a neighbour is not seen.
    fn sample(&self, x: f64, y: f64) -> f32 {
        // Relative to the rectangle's corner; pixel centres lie at halves.
        let side = TILE_SIDE as f64;
        let x = x - f64::from(self.first[0]) * side - 0.5;
        let y = y - f64::from(self.first[1]) * side - 0.5;
        let (left, top) = (libm::floor(x), libm::floor(y));
        let (right, down) = ((x - left) as f32, (y - top) as f32);
        let at = |dx: f64, dy: f64| self.pixel(left + dx, top + dy);
        let (a, b, c, d) = (at(0.0, 0.0), at(1.0, 0.0), at(0.0, 1.0), at(1.0, 1.0));
        let (upper, lower) = (a + right * (b - a), c + right * (d - c));
        upper + down * (lower - upper)
    }

    fn pixel(&self, x: f64, y: f64) -> f32 {
        if x < 0.0 || y < 0.0 {
            return f32::NAN;
        }
        // Not negative, and far below 2^53.
        let (x, y) = (x as usize, y as usize);
        let column = x / TILE_SIDE;
        if column >= self.columns {
            return f32::NAN;
        }
        let tile = self.pictures.get(y / TILE_SIDE * self.columns + column);
        let Some(Some(tile)) = tile else {
            return f32::NAN;
        };
        let index = y % TILE_SIDE * TILE_SIDE + x % TILE_SIDE;
        if tile.seen.as_ref().is_some_and(|seen| !seen[index]) {
            return f32::NAN;
        }
        f32::from(tile.image.pixels()[index])
    }
}
