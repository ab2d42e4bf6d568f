//! One square of the world as it looks from straight above on one day, with the heights of what stands
//! on it.

use super::day::Day;
use super::layout::{Blocks, Country, Grid, relief_m, river_m, road_m};
use super::objects::Canvas;
use super::paint::{Ground, Painter, Place, mix, times};
use super::settle::Land;

/// Side of a pixel, m.
pub const PIXEL_M: f64 = 0.5;
/// Pixels per side.
pub const SIDE: usize = 512;
/// Side of a tile, m.
pub const SIDE_M: f64 = PIXEL_M * SIDE as f64;
/// What stands farther away than this throws no shadow into the tile, pixels.
const MARGIN: usize = 80;
/// Heights are kept in steps of so much, m.
pub const HEIGHT_STEP_M: f32 = 0.2;
/// Side of the squares for which the share of what lasts is kept, pixels.
pub const CELL: usize = 16;

/// A world: everything follows from these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct World {
    /// Seed.
    pub seed: u32,
    /// What kind of country.
    pub country: Country,
}

/// A square of ground.
#[derive(Debug, Clone)]
pub struct Tile {
    /// Red, green, blue, height in steps; rows from the north.
    pub pixels: Vec<[u8; 4]>,
    /// Share of what lasts from season to season, per cell.
    pub lasting: Vec<f32>,
}

impl Tile {
    /// The tile whose south-west corner lies `index` sides north and east of the world's origin.
    #[must_use]
    pub fn new(world: World, day: Day, index: [i32; 2]) -> Self {
        let low = index.map(|at| f64::from(at) * SIDE_M);
        let margin_m = MARGIN as f64 * PIXEL_M;
        let outer = low.map(|at| at - margin_m);
        let outer_m = SIDE_M + 2.0 * margin_m;
        let World { seed, country } = world;
        let blocks = Blocks::around(seed, country, outer, outer.map(|at| at + outer_m));
        let far = |_: f64, _: f64| 1e3;
        let grid = |value: &dyn Fn(f64, f64) -> f32| Grid::new(outer, outer_m, 8.0, value);
        let (roads, rivers) = if country == Country::Mixed {
            (
                grid(&|north, east| road_m(seed, north, east)),
                grid(&|north, east| river_m(seed, north, east)),
            )
        } else {
            (grid(&far), grid(&far))
        };
        // Slopes towards the sun are brighter.
        let light = Grid::new(outer, outer_m, 8.0, |n, e| {
            let north = relief_m(seed, n + 4.0, e) - relief_m(seed, n - 4.0, e);
            let east = relief_m(seed, n, e + 4.0) - relief_m(seed, n, e - 4.0);
            1.0 - (north * day.sun[0] + east * day.sun[1]) / 8.0
        });
        let mut canvas = Canvas::new([outer[0] + outer_m, outer[1]], SIDE + 2 * MARGIN, PIXEL_M);
        let land = Land {
            seed,
            day,
            blocks: &blocks,
            roads: &roads,
            rivers: &rivers,
        };
        if country == Country::Mixed {
            land.settle(&mut canvas);
        }
        let shadows = shadows(&canvas, day.sun);
        let mut tile = Self {
            pixels: Vec::with_capacity(SIDE * SIDE),
            lasting: vec![0.0; (SIDE / CELL) * (SIDE / CELL)],
        };
        let painter = Painter { seed, day };
        for row in 0..SIDE {
            for column in 0..SIDE {
                let [north, east] = canvas.place(column + MARGIN, row + MARGIN);
                let index = (row + MARGIN) * canvas.side + column + MARGIN;
                let height = canvas.heights[index];
                let ground = if height > 0.0 {
                    Ground {
                        colour: canvas.colours[index],
                        lasting: true,
                    }
                } else {
                    painter.ground(&Place {
                        north,
                        east,
                        spot: blocks.at(north, east),
                        road_m: roads.at(north, east),
                        river_m: rivers.at(north, east),
                    })
                };
                let dark = mix([1.0; 3], [0.40, 0.44, 0.52], shadows[index]);
                let light = times(ground.colour, light.at(north, east));
                let [r, g, b] = [0, 1, 2].map(|i| (light[i] * dark[i]).clamp(0.0, 255.0) as u8);
                tile.pixels
                    .push([r, g, b, (height / HEIGHT_STEP_M).min(255.0) as u8]);
                let cell = (row / CELL) * (SIDE / CELL) + column / CELL;
                tile.lasting[cell] += f32::from(u8::from(ground.lasting)) / (CELL * CELL) as f32;
            }
        }
        tile
    }
}

/// How much of each pixel lies in the shadow of what stands sunwards of it, 0 to 1: rows are swept away
/// from the sun, which carries the edge of the shadow along, sinking.
fn shadows(canvas: &Canvas, sun: [f32; 3]) -> Vec<f32> {
    let side = canvas.side;
    // The sun stands in the south, rows count southwards: shadows go from row to row upwards.
    let step_columns = sun[1] / sun[0];
    let length = canvas.pixel_m as f32 * (1.0 + step_columns * step_columns).sqrt();
    let horizontal = (sun[0] * sun[0] + sun[1] * sun[1]).sqrt();
    let sink = length * sun[2] / horizontal;
    let mut shades = vec![0.0; side * side];
    let mut before = vec![0.0f32; side];
    for row in (0..side).rev() {
        let mut edge = vec![0.0f32; side];
        for column in 0..side {
            let from = column as f32 - step_columns;
            if from < 0.0 || from >= (side - 1) as f32 {
                continue;
            }
            let left = from as usize;
            let share = from - left as f32;
            let carried = before[left] + share * (before[left + 1] - before[left]) - sink;
            let height = canvas.heights[row * side + column];
            shades[row * side + column] = ((carried - height) / 0.7).clamp(0.0, 1.0);
            edge[column] = carried.max(height);
        }
        before = edge;
    }
    shades
}
