//! Where what lies: blocks of land with a use, divided into strips; the lines between them; roads and
//! rivers that follow the contours of smooth noise.
//!
//! Blocks are the cells of a jittered grid (Voronoi), slightly bent. Every block has its own direction,
//! along which it is divided into strips: fields, or the lots of a village. All of it follows from the
//! seed and the place.

use super::noise::{between, hash, noise, rehash, unit};

/// Mean distance between two blocks, m.
const BLOCK_M: f64 = 340.0;
/// Largest bend of the blocks' borders, m.
const BEND_M: f64 = 34.0;

/// What kind of country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Country {
    /// Fields, woods, villages, water.
    #[default]
    Mixed,
    /// Tilled fields without borders, roads, trees or houses.
    Bare,
    /// Open water.
    Water,
}

/// What a block is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Crops.
    Arable,
    /// Grass.
    Meadow,
    /// Fruit trees in rows.
    Orchard,
    /// Trees.
    Wood,
    /// Houses.
    Village,
    /// Water with a shore.
    Lake,
}

/// What runs between two blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// Nothing but grass.
    Grass,
    /// Bushes and trees.
    Hedge,
    /// Two wheel marks.
    Track,
    /// A narrow paved road.
    Lane,
}

/// A block.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// North and east of the world's origin, m.
    pub centre: [f64; 2],
    /// Bits of its own.
    pub id: u32,
    /// What it is used for.
    pub land: Use,
    /// Cosine and sine of its direction, clockwise from north.
    pub along: [f32; 2],
    /// Width and length of its strips, m.
    pub strip_m: [f32; 2],
}

/// A place in the layout.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// Its block.
    pub block: &'a Block,
    /// Distance to the border of the block, m.
    pub border_m: f32,
    /// What runs there.
    pub border: Border,
    /// Metres along and across the block's direction.
    pub local: [f32; 2],
    /// Bits of the strip's own.
    pub strip: u32,
    /// Distance to the side and to the end of the strip, m.
    pub margin_m: [f32; 2],
}

/// The blocks around a rectangle.
#[derive(Debug)]
pub struct Blocks {
    first: [i32; 2],
    columns: usize,
    blocks: Vec<Block>,
    /// How far places are bent north and east, m.
    bend: [Grid; 2],
}

impl Blocks {
    /// The blocks of every place between the corners, which are north and east in metres.
    #[must_use]
    pub fn around(seed: u32, country: Country, low: [f64; 2], high: [f64; 2]) -> Self {
        let cell = |at: f64| (at / BLOCK_M).floor() as i32;
        let first = [cell(low[0] - BEND_M) - 1, cell(low[1] - BEND_M) - 1];
        let last = [cell(high[0] + BEND_M) + 1, cell(high[1] + BEND_M) + 1];
        let blocks = (first[0]..=last[0])
            .flat_map(|row| {
                (first[1]..=last[1]).map(move |column| block(seed, country, row, column))
            })
            .collect();
        let columns = (last[1] - first[1] + 1) as usize;
        let side_m = (high[0] - low[0]).max(high[1] - low[1]);
        let bend = [0xB1, 0xB2].map(|salt| {
            Grid::new(low, side_m, 8.0, |north, east| {
                (noise(seed ^ salt, 160.0, north, east) - 0.5) * BEND_M as f32
            })
        });
        Self {
            first,
            columns,
            blocks,
            bend,
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Block] {
        &self.blocks
    }

    /// Where a place would lie if nothing were bent.
    fn bent(&self, north: f64, east: f64) -> [f64; 2] {
        let [bend_north, bend_east] = &self.bend;
        [
            north + f64::from(bend_north.at(north, east)),
            east + f64::from(bend_east.at(north, east)),
        ]
    }

    /// The place that would lie at `plan` if nothing were bent.
    #[must_use]
    pub fn unbent(&self, plan: [f64; 2]) -> [f64; 2] {
        let mut at = plan;
        for _ in 0..5 {
            let [north, east] = self.bent(at[0], at[1]);
            at = [at[0] + plan[0] - north, at[1] + plan[1] - east];
        }
        at
    }

    /// What lies at a place, which must be between the corners.
    #[must_use]
    pub fn at(&self, north: f64, east: f64) -> Spot<'_> {
        let [bent_north, bent_east] = self.bent(north, east);
        let row = (bent_north / BLOCK_M).floor() as i32 - self.first[0];
        let column = (bent_east / BLOCK_M).floor() as i32 - self.first[1];
        let rows = self.blocks.len() / self.columns;
        let row = (row.max(1) as usize).min(rows - 2);
        let column = (column.max(1) as usize).min(self.columns - 2);
        let mut nearest = [(f64::INFINITY, 0usize); 2];
        for r in row - 1..=row + 1 {
            for c in column - 1..=column + 1 {
                let index = r * self.columns + c;
                let [n, e] = self.blocks[index].centre;
                let square =
                    (n - bent_north) * (n - bent_north) + (e - bent_east) * (e - bent_east);
                if square < nearest[0].0 {
                    nearest = [(square, index), nearest[0]];
                } else if square < nearest[1].0 {
                    nearest[1] = (square, index);
                }
            }
        }
        let [block, other] = nearest.map(|(_, index)| &self.blocks[index]);
        let apart = [0, 1].map(|axis| block.centre[axis] - other.centre[axis]);
        let apart = (apart[0] * apart[0] + apart[1] * apart[1]).sqrt();
        let border_m = ((nearest[1].0 - nearest[0].0) / (2.0 * apart)) as f32;
        spot(block, other, border_m, [bent_north, bent_east])
    }
}

fn spot<'a>(block: &'a Block, other: &Block, border_m: f32, at: [f64; 2]) -> Spot<'a> {
    let offset = [0, 1].map(|axis| (at[axis] - block.centre[axis]) as f32);
    let [cosine, sine] = block.along;
    let local = [
        cosine * offset[0] + sine * offset[1],
        cosine * offset[1] - sine * offset[0],
    ];
    let [width, length] = block.strip_m;
    let across = (local[1] / width).floor();
    // The ends of neighbouring strips do not meet.
    let shift = length * unit(hash(block.id, across as i32, 7));
    let along = ((local[0] + shift) / length).floor();
    let within = |at: f32, size: f32| (at * size).min(size - at * size);
    Spot {
        block,
        border_m,
        border: border(block, other),
        local,
        strip: hash(block.id, along as i32, across as i32),
        margin_m: [
            within(local[1] / width - across, width),
            within((local[0] + shift) / length - along, length),
        ],
    }
}

fn border(block: &Block, other: &Block) -> Border {
    // The same from both sides.
    let draw = unit(rehash(block.id ^ other.id, 0xED6E));
    let village = block.land == Use::Village || other.land == Use::Village;
    match draw {
        _ if village && draw < 0.75 => Border::Lane,
        d if d < 0.30 => Border::Hedge,
        d if d < 0.58 => Border::Track,
        d if d < 0.80 => Border::Lane,
        _ => Border::Grass,
    }
}

fn block(seed: u32, country: Country, row: i32, column: i32) -> Block {
    let id = hash(seed ^ 0xB10C, column, row);
    let centre = [
        (f64::from(row) + f64::from(between(id, 1, 0.12, 0.88))) * BLOCK_M,
        (f64::from(column) + f64::from(between(id, 2, 0.12, 0.88))) * BLOCK_M,
    ];
    // Neighbours lie roughly the same way, as old field systems do.
    let region = noise(seed ^ 0xD1, 2_400.0, centre[0], centre[1]);
    let direction = 3.0 * region + between(id, 3, -0.35, 0.35);
    let (sine, cosine) = libm::sincosf(direction);
    let land = match country {
        Country::Mixed => land_use(seed, id, centre),
        Country::Bare => Use::Arable,
        Country::Water => Use::Lake,
    };
    let strip_m = match land {
        Use::Arable => [between(id, 4, 45.0, 150.0), between(id, 5, 170.0, 420.0)],
        Use::Meadow => [between(id, 4, 70.0, 180.0), between(id, 5, 120.0, 300.0)],
        Use::Village => [between(id, 4, 64.0, 78.0), between(id, 5, 110.0, 170.0)],
        Use::Orchard | Use::Wood | Use::Lake => {
            [between(id, 4, 90.0, 160.0), between(id, 5, 150.0, 320.0)]
        }
    };
    Block {
        centre,
        id,
        land,
        along: [cosine, sine],
        strip_m,
    }
}

fn land_use(seed: u32, id: u32, [north, east]: [f64; 2]) -> Use {
    let wood = noise(seed ^ 0xF0, 1_400.0, north, east);
    let people = noise(seed ^ 0xF1, 900.0, north, east);
    let draw = unit(rehash(id, 0x1A9D));
    if people > 0.82 || (people > 0.7 && draw < 0.3) {
        return Use::Village;
    }
    if wood > 0.68 || (wood > 0.5 && draw < 0.35) || draw < 0.05 {
        return Use::Wood;
    }
    match draw {
        d if d < 0.66 => Use::Arable,
        d if d < 0.86 => Use::Meadow,
        d if d < 0.93 => Use::Orchard,
        d if d < 0.96 => Use::Lake,
        _ => Use::Village,
    }
}

/// A smooth quantity at the nodes of a grid over a square, interpolated between them.
#[derive(Debug)]
pub struct Grid {
    low: [f64; 2],
    step_m: f64,
    side: usize,
    values: Vec<f32>,
}

impl Grid {
    /// `value` at every `step_m` of the square of `side_m` north and east of `low`.
    #[must_use]
    pub fn new(low: [f64; 2], side_m: f64, step_m: f64, value: impl Fn(f64, f64) -> f32) -> Self {
        let side = (side_m / step_m).ceil() as usize + 2;
        let mut values = Vec::with_capacity(side * side);
        for row in 0..side {
            for column in 0..side {
                values.push(value(
                    low[0] + row as f64 * step_m,
                    low[1] + column as f64 * step_m,
                ));
            }
        }
        Self {
            low,
            step_m,
            side,
            values,
        }
    }

    /// The quantity at a place of the square; beyond it that at its edge.
    #[must_use]
    pub fn at(&self, north: f64, east: f64) -> f32 {
        let last = (self.side - 2) as f64 + 0.999;
        let y = ((north - self.low[0]) / self.step_m).clamp(0.0, last);
        let x = ((east - self.low[1]) / self.step_m).clamp(0.0, last);
        let (row, column) = (y as usize, x as usize);
        let (up, right) = ((y - row as f64) as f32, (x - column as f64) as f32);
        let first = row * self.side + column;
        let lower = &self.values[first..first + 2];
        let upper = &self.values[first + self.side..first + self.side + 2];
        let low = lower[0] + right * (lower[1] - lower[0]);
        let high = upper[0] + right * (upper[1] - upper[0]);
        low + up * (high - low)
    }
}

/// Distance to the nearest line on which a smooth noise is one half, m; 1,000 far from it.
fn contour(salt: u32, size_m: f64, north: f64, east: f64) -> f32 {
    let level = |n: f64, e: f64| {
        noise(salt, size_m, n, e) - 0.5 + 0.035 * (noise(salt ^ 0x77, 0.11 * size_m, n, e) - 0.5)
    };
    let here = level(north, east);
    let slope = [
        (level(north + 4.0, east) - level(north - 4.0, east)) / 8.0,
        (level(north, east + 4.0) - level(north, east - 4.0)) / 8.0,
    ];
    let steep = (slope[0] * slope[0] + slope[1] * slope[1]).sqrt();
    (here / steep.max(1e-5)).clamp(-1e3, 1e3)
}

/// Signed distance to the nearest river, m.
#[must_use]
pub fn river_m(seed: u32, north: f64, east: f64) -> f32 {
    contour(seed ^ 0x71, 2_300.0, north, east)
}

/// Signed distance to the nearest main road, m.
#[must_use]
pub fn road_m(seed: u32, north: f64, east: f64) -> f32 {
    contour(seed ^ 0x72, 2_900.0, north, east)
}

/// Height of the ground above the world's level, m: hills of some 30 m.
#[must_use]
pub fn relief_m(seed: u32, north: f64, east: f64) -> f32 {
    26.0 * noise(seed ^ 0x81, 1_100.0, north, east)
        + 8.0 * noise(seed ^ 0x82, 330.0, north, east)
        + 1.5 * noise(seed ^ 0x83, 90.0, north, east)
}
