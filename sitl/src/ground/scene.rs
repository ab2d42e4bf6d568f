//! The world on one day, made tile by tile when it is looked at.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::day::Day;
use super::layout::{Grid, relief_m};
use super::tile::{CELL, HEIGHT_STEP_M, PIXEL_M, SIDE, SIDE_M, Tile, World};

/// Most tiles that are kept, 1 MiB each.
const TILES_MAX: usize = 160;

/// The world on one day.
#[derive(Debug)]
pub struct Scene {
    world: World,
    day: Day,
    tiles: BTreeMap<[i32; 2], (Rc<Tile>, u64)>,
    asked: u64,
}

impl Scene {
    /// Nothing is made yet.
    #[must_use]
    pub fn new(world: World, day: Day) -> Self {
        Self {
            world,
            day,
            tiles: BTreeMap::new(),
            asked: 0,
        }
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> World {
        self.world
    }

    /// One tile; the one that was not asked for the longest goes when there are too many.
    pub fn tile(&mut self, index: [i32; 2]) -> Rc<Tile> {
        self.asked += 1;
        if let Some((tile, used)) = self.tiles.get_mut(&index) {
            *used = self.asked;
            return Rc::clone(tile);
        }
        if self.tiles.len() >= TILES_MAX {
            let oldest = self.tiles.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(index, _)| *index) {
                self.tiles.remove(&oldest);
            }
        }
        let tile = Rc::new(Tile::new(self.world, self.day, index));
        self.tiles.insert(index, (Rc::clone(&tile), self.asked));
        tile
    }

    /// The ground within `reach_m` north, south, east and west of a place.
    pub fn patch(&mut self, centre: [f64; 2], reach_m: f64) -> Patch {
        let side = (2.0 * reach_m / PIXEL_M).ceil() as usize;
        // Pixels count from the north and the west; whole pixels, so that nothing is resampled.
        let north = ((centre[0] + reach_m) / PIXEL_M).ceil() as i64;
        let west = ((centre[1] - reach_m) / PIXEL_M).floor() as i64;
        let mut pixels = vec![[0; 4]; side * side];
        for row in 0..side {
            let from_south = north - 1 - row as i64;
            let tile_row = from_south.div_euclid(SIDE as i64);
            let within_row = SIDE - 1 - from_south.rem_euclid(SIDE as i64) as usize;
            let mut column = 0;
            while column < side {
                let east = west + column as i64;
                let tile_column = east.div_euclid(SIDE as i64);
                let within_column = east.rem_euclid(SIDE as i64) as usize;
                let count = (SIDE - within_column).min(side - column);
                let tile = self.tile([tile_row as i32, tile_column as i32]);
                let from = &tile.pixels[within_row * SIDE + within_column..][..count];
                pixels[row * side + column..][..count].copy_from_slice(from);
                column += count;
            }
        }
        let corner = [north as f64 * PIXEL_M, west as f64 * PIXEL_M];
        let seed = self.world.seed;
        let low = [corner[0] - side as f64 * PIXEL_M, corner[1]];
        let relief = Grid::new(low, side as f64 * PIXEL_M, 8.0, |n, e| relief_m(seed, n, e));
        Patch {
            corner,
            pixel_m: PIXEL_M,
            side,
            pixels,
            relief,
            seed,
        }
    }

    /// Share of the square of `side_m` around a place that lasts from season to season: roads, houses,
    /// trees, banks. It says how much there is to find on a map, whatever does the finding.
    pub fn lasting_share(&mut self, centre: [f64; 2], side_m: f64) -> f64 {
        let cell_m = CELL as f64 * PIXEL_M;
        let per_tile = (SIDE / CELL) as i64;
        let cells = (side_m / cell_m).round().max(1.0) as i64;
        let first = centre.map(|at| ((at - side_m / 2.0) / cell_m).round() as i64);
        let mut sum = 0.0;
        for row in first[0]..first[0] + cells {
            for column in first[1]..first[1] + cells {
                let tile = self.tile([
                    row.div_euclid(per_tile) as i32,
                    column.div_euclid(per_tile) as i32,
                ]);
                let from_north = per_tile - 1 - row.rem_euclid(per_tile);
                let index = from_north * per_tile + column.rem_euclid(per_tile);
                sum += f64::from(tile.lasting[index as usize]);
            }
        }
        sum / (cells * cells) as f64
    }

    /// Height of the ground above the world's level, m.
    #[must_use]
    pub fn ground_m(&self, [north, east]: [f64; 2]) -> f64 {
        f64::from(relief_m(self.world.seed, north, east))
    }
}

// Places are found in tiles by whole pixels.
const _: () = assert!(SIDE_M == PIXEL_M * SIDE as f64);

/// A square raster of ground.
#[derive(Debug)]
pub struct Patch {
    /// North edge and west edge, m.
    pub corner: [f64; 2],
    /// Side of a pixel, m.
    pub pixel_m: f64,
    /// Pixels per side.
    pub side: usize,
    /// Red, green, blue, height in steps.
    pub pixels: Vec<[u8; 4]>,
    relief: Grid,
    seed: u32,
}

impl Patch {
    /// Half the resolution: colours are averaged, heights the highest.
    #[must_use]
    pub fn halved(self) -> Self {
        let side = self.side / 2;
        let mut pixels = Vec::with_capacity(side * side);
        for row in 0..side {
            for column in 0..side {
                let first = 2 * row * self.side + 2 * column;
                let four = [first, first + 1, first + self.side, first + self.side + 1]
                    .map(|index| self.pixels[index]);
                let mean = |part: usize| {
                    (four.iter().map(|pixel| u16::from(pixel[part])).sum::<u16>() / 4) as u8
                };
                let height = four.iter().map(|pixel| pixel[3]).max().unwrap_or(0);
                pixels.push([mean(0), mean(1), mean(2), height]);
            }
        }
        Self {
            pixel_m: 2.0 * self.pixel_m,
            side,
            pixels,
            ..self
        }
    }

    /// Pixel coordinates of a place: (0, 0) is the centre of the north-western pixel.
    #[must_use]
    pub fn pixel_of(&self, north: f64, east: f64) -> [f32; 2] {
        [
            ((east - self.corner[1]) / self.pixel_m - 0.5) as f32,
            ((self.corner[0] - north) / self.pixel_m - 0.5) as f32,
        ]
    }

    /// Height of the ground above the world's level, m.
    #[must_use]
    pub fn relief_at(&self, north: f64, east: f64) -> f32 {
        self.relief.at(north, east)
    }

    /// The same, of a place outside as well.
    #[must_use]
    pub fn ground_m(&self, [north, east]: [f64; 2]) -> f64 {
        f64::from(relief_m(self.seed, north, east))
    }

    /// Height of what stands at a pixel, m; 0 outside.
    #[must_use]
    pub fn height_at(&self, x: f32, y: f32) -> f32 {
        let (column, row) = ((x + 0.5) as usize, (y + 0.5) as usize);
        if x < 0.0 || y < 0.0 || column >= self.side || row >= self.side {
            return 0.0;
        }
        f32::from(self.pixels[row * self.side + column][3]) * HEIGHT_STEP_M
    }

    /// Colour between the pixels; at the edge that of the edge.
    #[must_use]
    pub fn colour_at(&self, x: f32, y: f32) -> [f32; 3] {
        let last = (self.side - 2) as f32 + 0.999;
        let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
        let (column, row) = (x as usize, y as usize);
        let (right, down) = (x - column as f32, y - row as f32);
        let first = row * self.side + column;
        let upper = &self.pixels[first..first + 2];
        let lower = &self.pixels[first + self.side..first + self.side + 2];
        [0, 1, 2].map(|part| {
            let at = |pixel: &[u8; 4]| f32::from(pixel[part]);
            let top = at(&upper[0]) + right * (at(&upper[1]) - at(&upper[0]));
            let bottom = at(&lower[0]) + right * (at(&lower[1]) - at(&lower[0]));
            top + down * (bottom - top)
        })
    }

    /// For squares of [`Patch::CELL`] pixels, the greatest height within one square of them, m.
    #[must_use]
    pub fn tallest(&self) -> (usize, Vec<f32>) {
        let cells = self.side.div_ceil(Self::CELL);
        let mut own = vec![0u8; cells * cells];
        for (index, pixel) in self.pixels.iter().enumerate() {
            let (row, column) = (index / self.side, index % self.side);
            let cell = &mut own[(row / Self::CELL) * cells + column / Self::CELL];
            *cell = (*cell).max(pixel[3]);
        }
        let mut around = vec![0.0f32; cells * cells];
        for row in 0..cells {
            for column in 0..cells {
                let mut most = 0;
                for r in row.saturating_sub(1)..(row + 2).min(cells) {
                    for c in column.saturating_sub(1)..(column + 2).min(cells) {
                        most = most.max(own[r * cells + c]);
                    }
                }
                around[row * cells + column] = f32::from(most) * HEIGHT_STEP_M;
            }
        }
        (cells, around)
    }

    /// Side of the squares of [`Patch::tallest`], pixels.
    pub const CELL: usize = 24;
}
