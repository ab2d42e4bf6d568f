//! The map: the ground of another day, as an image provider delivers it.
//!
//! | error | size |
//! |---|---|
//! | season, sun, what is missing | [`Day::MAP`] |
//! | lean of what stands, photographed from 11 degrees beside | 0.2 m per metre of height |
//! | blur of the optics and of resampling | 0.6 m |
//! | JPEG of every sheet | quality 72 |
//! | georeferencing | up to 5 m, changing over kilometres |

use std::collections::BTreeMap;
use std::rc::Rc;

use companion::vision::image::Gray;
use companion::vision::jpeg;
use companion::vision::north_up::NorthUp;

use super::day::Day;
use super::layout::Grid;
use super::noise::noise;
use super::picture::Picture;
use super::scene::{Patch, Scene};
use super::tile::{PIXEL_M, World};

/// Side of a sheet, pixels of half a metre.
const SHEET: usize = 512;
const SHEET_M: f64 = SHEET as f64 * PIXEL_M;
/// Ground beyond a sheet that its making looks at, m.
const MARGIN_M: f64 = 12.0;
/// Lean north and east per metre of height.
const LEAN: [f32; 2] = [0.13, -0.15];
/// Largest georeferencing error, m.
pub const BIAS_MAX_M: f64 = 5.0;
const QUALITY: u8 = 72;
/// Most sheets that are kept, 1 MiB each.
const SHEETS_MAX: usize = 400;

/// A sheet as it was made, and its luminance after the JPEG.
#[derive(Debug)]
struct Sheet {
    picture: Picture,
    gray: Gray,
}

/// The map of a world, made sheet by sheet.
#[derive(Debug)]
pub struct Map {
    scene: Scene,
    sheets: BTreeMap<[i32; 2], Rc<Sheet>>,
}

impl Map {
    /// Nothing is made yet.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self {
            scene: Scene::new(world, Day::MAP),
            sheets: BTreeMap::new(),
        }
    }

    /// How far the map shows a place from where it is: north and east, m.
    #[must_use]
    pub fn bias(&self, [north, east]: [f64; 2]) -> [f64; 2] {
        let seed = self.scene.world().seed;
        // Two noises around a half seldom come near their ends; half their range is the limit.
        let part = |salt: u32| {
            let value = f64::from(noise(seed ^ salt, 1_800.0, north, east)) - 0.5;
            2.0 * BIAS_MAX_M * value
        };
        let bias = [part(0xE1), part(0xE2)];
        let length = libm::hypot(bias[0], bias[1]);
        let shorten = if length > BIAS_MAX_M {
            BIAS_MAX_M / length
        } else {
            1.0
        };
        bias.map(|part| part * shorten)
    }

    /// Where a map shows what really is at `place`.
    #[must_use]
    pub fn shows_at(&self, place: [f64; 2]) -> [f64; 2] {
        let bias = self.bias(place);
        [place[0] + bias[0], place[1] + bias[1]]
    }

    /// The map around a place in its own coordinates, `side` x `side` pixels of `gsd_m`.
    pub fn window(&mut self, centre: [f64; 2], side: usize, gsd_m: f64) -> NorthUp {
        let middle = (side as f64 - 1.0) / 2.0;
        let offsets: &[f64] = if gsd_m > 0.75 * 2.0 * PIXEL_M {
            &[-0.25, 0.25]
        } else {
            &[0.0]
        };
        let reach = (middle + 1.0) * gsd_m;
        let low = centre.map(|axis| axis - reach);
        let [bias_north, bias_east] = [0, 1].map(|axis| {
            Grid::new(low, 2.0 * reach, 20.0, |n, e| {
                self.bias([n, e])[axis] as f32
            })
        });
        let mut last: Option<([i32; 2], Rc<Sheet>)> = None;
        NorthUp::from_fn(side, side, gsd_m, |column, row| {
            let north = centre[0] + (middle - row as f64) * gsd_m;
            let east = centre[1] + (column as f64 - middle) * gsd_m;
            let north = north - f64::from(bias_north.at(north, east));
            let east = east - f64::from(bias_east.at(north, east));
            let mut sum = 0.0;
            for dn in offsets {
                for de in offsets {
                    let (north, east) = (north + dn * gsd_m, east + de * gsd_m);
                    let index = sheet_of(north, east);
                    if last.as_ref().is_none_or(|(known, _)| *known != index) {
                        last = Some((index, self.sheet(index)));
                    }
                    let [x, y] = within(north, east)
                        .map(|at| (at - 0.5).clamp(0.0, SHEET as f64 - 1.0) as f32);
                    let gray = last.as_ref().map(|(_, sheet)| &sheet.gray);
                    sum += gray.and_then(|gray| gray.sample(x, y)).unwrap_or(0.0);
                }
            }
            Some(sum / (offsets.len() * offsets.len()) as f32)
        })
    }

    /// The map as a picture, before its JPEG.
    pub fn picture(
        &mut self,
        centre: [f64; 2],
        width: usize,
        height: usize,
        gsd_m: f64,
    ) -> Picture {
        let mut rgb = Vec::with_capacity(3 * width * height);
        for row in 0..height {
            for column in 0..width {
                let north = centre[0] + ((height as f64 - 1.0) / 2.0 - row as f64) * gsd_m;
                let east = centre[1] + (column as f64 - (width as f64 - 1.0) / 2.0) * gsd_m;
                let bias = self.bias([north, east]);
                let (north, east) = (north - bias[0], east - bias[1]);
                let sheet = self.sheet(sheet_of(north, east));
                let [x, y] = within(north, east).map(|at| (at as usize).min(SHEET - 1));
                rgb.extend_from_slice(&sheet.picture.rgb[3 * (y * SHEET + x)..][..3]);
            }
        }
        Picture { width, height, rgb }
    }

    fn sheet(&mut self, index: [i32; 2]) -> Rc<Sheet> {
        if self.sheets.len() >= SHEETS_MAX && !self.sheets.contains_key(&index) {
            self.sheets.clear();
        }
        let scene = &mut self.scene;
        let sheet = self.sheets.entry(index);
        Rc::clone(sheet.or_insert_with(|| Rc::new(sheet_at(scene, index))))
    }
}

fn sheet_of(north: f64, east: f64) -> [i32; 2] {
    [north, east].map(|at| (at / SHEET_M).floor() as i32)
}

/// Column and row, in pixels from the sheet's north-western corner.
fn within(north: f64, east: f64) -> [f64; 2] {
    let part = |at: f64| at / SHEET_M - (at / SHEET_M).floor();
    [
        part(east) * SHEET as f64,
        (1.0 - part(north)) * SHEET as f64,
    ]
}

fn sheet_at(scene: &mut Scene, index: [i32; 2]) -> Sheet {
    let centre = index.map(|at| (f64::from(at) + 0.5) * SHEET_M);
    let patch = scene.patch(centre, SHEET_M / 2.0 + MARGIN_M);
    let margin = (MARGIN_M / PIXEL_M) as usize;
    let side = patch.side;
    let mut colours: Vec<[f32; 3]> = (0..side * side)
        .map(|index| leaning(&patch, index % side, index / side))
        .collect();
    blur(&mut colours, side);
    let mut rgb = Vec::with_capacity(3 * SHEET * SHEET);
    for row in margin..margin + SHEET {
        for colour in &colours[row * side + margin..][..SHEET] {
            // A little flat, and bluish, as from above the air.
            let tint = [10.0, 13.0, 20.0];
            rgb.extend([0, 1, 2].map(|i| (0.9 * colour[i] + tint[i]).clamp(0.0, 255.0) as u8));
        }
    }
    let picture = Picture {
        width: SHEET,
        height: SHEET,
        rgb,
    };
    let gray = picture
        .jpeg(QUALITY)
        .ok()
        .and_then(|bytes| jpeg::decode(&bytes).ok());
    #[allow(clippy::expect_used, reason = "of a fixed size that both handle")]
    let gray = gray.expect("a sheet is a JPEG");
    Sheet { picture, gray }
}

/// The colour at a pixel when what stands leans: the highest that leans over it hides the rest.
fn leaning(patch: &Patch, column: usize, row: usize) -> [f32; 3] {
    let (x, y) = (column as f32, row as f32);
    let per_metre = [LEAN[1] / PIXEL_M as f32, -LEAN[0] / PIXEL_M as f32];
    let mut height = 22.0;
    while height > 0.5 {
        let (px, py) = (x - height * per_metre[0], y - height * per_metre[1]);
        if patch.height_at(px, py) >= height {
            return patch.colour_at(px, py);
        }
        height -= 1.5;
    }
    patch.colour_at(x, y)
}

/// Three passes of a weighted mean of three: a standard deviation of 1.2 pixels.
fn blur(colours: &mut Vec<[f32; 3]>, side: usize) {
    for _ in 0..3 {
        let smooth = |from: &[[f32; 3]], step: usize| -> Vec<[f32; 3]> {
            (0..from.len())
                .map(|index| {
                    let before = from[index.saturating_sub(step)];
                    let after = from[(index + step).min(from.len() - 1)];
                    [0, 1, 2].map(|i| 0.5 * from[index][i] + 0.25 * (before[i] + after[i]))
                })
                .collect()
        };
        *colours = smooth(&smooth(colours, 1), side);
    }
}
