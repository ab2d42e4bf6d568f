//! What stands where: trees of woods, hedges, banks and gardens; houses, barns and cars of villages.

use super::day::Day;
use super::layout::{Block, Blocks, Border, Grid, Spot, Use};
use super::noise::{between, hash, noise, rehash, unit};
use super::objects::{Building, Canvas, Tree};
use super::paint::{Colour, LOT_M, lot, river_half_m};

/// Mean distance between two trees of a wood, m.
const TREE_M: f64 = 5.6;

const ROOFS: [Colour; 6] = [
    [168.0, 92.0, 68.0],
    [150.0, 78.0, 60.0],
    [110.0, 106.0, 106.0],
    [84.0, 82.0, 86.0],
    [172.0, 166.0, 158.0],
    [136.0, 112.0, 92.0],
];
const CARS: [Colour; 4] = [
    [228.0, 228.0, 230.0],
    [40.0, 42.0, 48.0],
    [150.0, 40.0, 36.0],
    [120.0, 128.0, 140.0],
];

/// Everything about one piece of ground that its inhabitants ask for.
pub struct Land<'a> {
    /// Seed of the world.
    pub seed: u32,
    /// The day.
    pub day: Day,
    /// The blocks.
    pub blocks: &'a Blocks,
    /// Signed distance to the main road.
    pub roads: &'a Grid,
    /// Signed distance to the river.
    pub rivers: &'a Grid,
}

impl Land<'_> {
    /// Puts everything that stands on the canvas there.
    pub fn settle(&self, canvas: &mut Canvas) {
        let side_m = canvas.side as f64 * canvas.pixel_m;
        let low = [canvas.corner[0] - side_m, canvas.corner[1]];
        let cell = |at: f64| (at / TREE_M).floor() as i32;
        for row in cell(low[0]) - 1..=cell(low[0] + side_m) + 1 {
            for column in cell(low[1]) - 1..=cell(low[1] + side_m) + 1 {
                if let Some(tree) = self.tree(row, column) {
                    tree.stamp(canvas, &self.day, self.seed);
                }
            }
        }
        for block in self.blocks.all() {
            if block.land == Use::Village {
                self.village(block, low, side_m, canvas);
            }
        }
    }

    fn is_free(&self, north: f64, east: f64, room_m: f32) -> bool {
        self.roads.at(north, east).abs() > 5.0 + room_m
            && self.rivers.at(north, east).abs()
                > river_half_m(self.seed, north, east) + 1.0 + 0.6 * room_m
    }

    /// The tree of one cell of the grid on which all trees stand, if there is one.
    fn tree(&self, row: i32, column: i32) -> Option<Tree> {
        let id = hash(self.seed ^ 0x7EE, column, row);
        let north = (f64::from(row) + f64::from(between(id, 1, 0.1, 0.9))) * TREE_M;
        let east = (f64::from(column) + f64::from(between(id, 2, 0.1, 0.9))) * TREE_M;
        let spot = self.blocks.at(north, east);
        let (density, radius, height) = self.growth(&spot, north, east)?;
        if unit(rehash(id, 3)) >= density || !self.is_free(north, east, 0.5) {
            return None;
        }
        // In a wood single trees are not missed; where they stand alone they are.
        if density < 0.9 && !self.day.shows(id) {
            return None;
        }
        let size = between(id, 4, 0.72, 1.2);
        let stand = noise(self.seed ^ 0x7F, 140.0, north, east);
        Some(Tree {
            centre: [north, east],
            radius_m: radius * size,
            height_m: height * size * between(id, 5, 0.85, 1.15),
            conifer: height > 8.0 && stand + between(id, 6, -0.25, 0.25) < 0.36,
            tone: 0.75 * unit(rehash(id, 7)) + 0.25 * stand,
        })
    }

    /// How many cells hold a tree, and how large: radius and height, m.
    fn growth(&self, spot: &Spot, north: f64, east: f64) -> Option<(f32, f32, f32)> {
        let river = self.rivers.at(north, east).abs() - river_half_m(self.seed, north, east);
        if (1.5..9.0).contains(&river) && noise(self.seed ^ 0x7A, 60.0, north, east) > 0.45 {
            return Some((0.6, 3.0, 11.0));
        }
        if spot.border == Border::Hedge && spot.border_m < 2.6 {
            let gap = noise(self.seed ^ 0x7B, 38.0, north, east);
            return (gap > 0.3).then_some((0.92, 2.6, if gap > 0.62 { 9.5 } else { 3.6 }));
        }
        if spot.border == Border::Lane && (3.4..5.0).contains(&spot.border_m) {
            let row_of_trees = unit(rehash(spot.block.id, 0x40)) < 0.3;
            return row_of_trees.then_some((0.5, 2.7, 9.0));
        }
        let [side, end] = spot.margin_m;
        match spot.block.land {
            Use::Wood => {
                let edge = spot.border_m - 4.0 - 9.0 * noise(self.seed ^ 0x7C, 34.0, north, east);
                let glade = noise(self.seed ^ 0x7D, 95.0, north, east) > 0.8;
                let felled = unit(rehash(spot.strip, self.day.salt ^ 0x41)) < 0.05;
                let ride = side.min(end) < 3.0;
                (edge > 0.0 && !glade && !ride && !felled).then_some((0.97, 3.5, 16.0))
            }
            Use::Meadow => {
                let copse = noise(self.seed ^ 0x7E, 55.0, north, east) > 0.84;
                Some(if copse {
                    (0.7, 2.7, 8.0)
                } else {
                    (0.012, 3.2, 9.0)
                })
            }
            Use::Orchard => {
                let rows = spot.local[1] / 9.0;
                let in_row = (rows - rows.floor() - 0.5).abs() < 0.24;
                (in_row && spot.border_m > 5.0).then_some((0.93, 1.9, 4.0))
            }
            Use::Village => {
                let garden = side.min(end) > 15.0;
                Some((if garden { 0.2 } else { 0.02 }, 2.3, 6.5))
            }
            Use::Arable => (side < 1.3).then_some((0.05, 2.4, 6.0)),
            Use::Lake => {
                let shore =
                    spot.border_m - 16.0 - 26.0 * noise(self.seed ^ 0xB4, 60.0, north, east);
                (-9.0..-3.5).contains(&shore).then_some((0.4, 2.8, 9.0))
            }
        }
    }

    fn village(&self, block: &Block, low: [f64; 2], side_m: f64, canvas: &mut Canvas) {
        let reach = 300.0f32;
        let [width, _] = block.strip_m;
        let lots = (reach / LOT_M) as i32;
        let streets = (reach / width) as i32;
        for street in -streets..=streets {
            for column in -lots..=lots {
                for side in [-1.0f32, 1.0] {
                    let local = [
                        (column as f32 + 0.5) * LOT_M,
                        street as f32 * width + side * 14.0,
                    ];
                    let [north, east] = self.outside(block, local);
                    let near = north > low[0] - 20.0
                        && north < low[0] + side_m + 20.0
                        && east > low[1] - 20.0
                        && east < low[1] + side_m + 20.0;
                    if near {
                        self.lot(block, local, canvas);
                    }
                }
            }
        }
    }

    /// North and east of a place that is given along and across a block's direction.
    fn outside(&self, block: &Block, [along, across]: [f32; 2]) -> [f64; 2] {
        let [cosine, sine] = block.along;
        self.blocks.unbent([
            block.centre[0] + f64::from(cosine * along - sine * across),
            block.centre[1] + f64::from(sine * along + cosine * across),
        ])
    }

    /// Whether the place belongs to the block, well inside, with no street under it.
    fn is_plot(&self, block: &Block, at: [f64; 2], room_m: f32) -> bool {
        let spot = self.blocks.at(at[0], at[1]);
        spot.block.id == block.id
            && spot.border_m > 3.0 + room_m
            && spot.margin_m[0].min(spot.margin_m[1]) > 2.5 + room_m
            && self.is_free(at[0], at[1], room_m)
    }

    fn lot(&self, block: &Block, local: [f32; 2], canvas: &mut Canvas) {
        let id = lot(local, block.strip_m[0], block.id).id;
        if unit(rehash(id, 1)) > 0.88 || !self.day.shows(id) {
            return;
        }
        let side = if local[1] > (local[1] / block.strip_m[0]).round() * block.strip_m[0] {
            1.0
        } else {
            -1.0
        };
        let barn = unit(rehash(id, 2)) < 0.09;
        let half_m = if barn {
            [between(id, 3, 7.0, 9.5), between(id, 4, 5.0, 7.0)]
        } else {
            [between(id, 3, 4.2, 6.4), between(id, 4, 3.4, 4.8)]
        };
        let back = between(id, 5, -2.5, 3.0);
        let middle = [local[0] + between(id, 6, -1.5, 2.5), local[1] + side * back];
        let centre = self.outside(block, middle);
        if !self.is_plot(block, centre, half_m[0].max(half_m[1])) {
            return;
        }
        // Gable to the street, or the ridge along it.
        let along = if unit(rehash(id, 7)) < 0.35 {
            [-block.along[1], block.along[0]]
        } else {
            block.along
        };
        let eaves = between(id, 8, 3.0, 5.5);
        let flat = unit(rehash(id, 9)) < 0.1;
        let roof = ROOFS[(rehash(id, 10) % 6) as usize];
        let house = Building {
            centre,
            along,
            half_m,
            height_m: [
                eaves,
                if flat {
                    eaves
                } else {
                    eaves + 0.75 * half_m[1]
                },
            ],
            colour: roof.map(|part| part * between(id, 11, 0.85, 1.15)),
        };
        house.stamp(canvas, &self.day, self.seed);
        self.shed_and_car(block, local, side, id, canvas);
    }

    fn shed_and_car(
        &self,
        block: &Block,
        local: [f32; 2],
        side: f32,
        id: u32,
        canvas: &mut Canvas,
    ) {
        let shed_at = self.outside(
            block,
            [
                local[0] + between(id, 20, -7.0, 7.0),
                local[1] + side * 13.0,
            ],
        );
        if unit(rehash(id, 21)) < 0.6 && self.is_plot(block, shed_at, 2.0) {
            Building {
                centre: shed_at,
                along: block.along,
                half_m: [between(id, 22, 1.5, 3.0), 1.6],
                height_m: [2.2, 2.8],
                colour: ROOFS[(rehash(id, 23) % 6) as usize],
            }
            .stamp(canvas, &self.day, self.seed);
        }
        // Cars stand elsewhere every day.
        let today = rehash(id, self.day.salt ^ 0x51);
        let car_at = self.outside(
            block,
            [
                local[0] - 7.6,
                local[1] - side * between(today, 1, 5.0, 9.0),
            ],
        );
        if unit(today) < 0.45 {
            Building {
                centre: car_at,
                along: [-block.along[1], block.along[0]],
                half_m: [2.2, 0.9],
                height_m: [1.4, 1.5],
                colour: CARS[(today % 4) as usize],
            }
            .stamp(canvas, &self.day, self.seed);
        }
    }
}
