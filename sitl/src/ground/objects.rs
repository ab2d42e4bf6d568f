//! What stands on the ground: trees, bushes, houses, cars. Each is stamped as heights and colours.

use super::day::{Day, Season};
use super::noise::{noise, ramp};
use super::paint::{Colour, mix, times};

/// Heights above the ground and colours of what stands there, on a raster whose rows count southwards.
#[derive(Debug)]
pub struct Canvas {
    /// North edge and west edge, m.
    pub corner: [f64; 2],
    /// Pixels per side.
    pub side: usize,
    /// Side of a pixel, m.
    pub pixel_m: f64,
    /// Height above the ground, m.
    pub heights: Vec<f32>,
    /// Colour where something stands.
    pub colours: Vec<Colour>,
}

impl Canvas {
    /// Empty ground.
    #[must_use]
    pub fn new(corner: [f64; 2], side: usize, pixel_m: f64) -> Self {
        Self {
            corner,
            side,
            pixel_m,
            heights: vec![0.0; side * side],
            colours: vec![[0.0; 3]; side * side],
        }
    }

    /// North and east of the middle of a pixel, m.
    #[must_use]
    pub fn place(&self, column: usize, row: usize) -> [f64; 2] {
        [
            self.corner[0] - (row as f64 + 0.5) * self.pixel_m,
            self.corner[1] + (column as f64 + 0.5) * self.pixel_m,
        ]
    }

    /// Stamps what `shape` says of the places within `reach_m` of `centre`, given as metres north and
    /// east of it: height and colour. What is lower than what stands there already stays hidden.
    fn stamp(
        &mut self,
        centre: [f64; 2],
        reach_m: f32,
        shape: impl Fn(f32, f32) -> Option<(f32, Colour)>,
    ) {
        let row = (self.corner[0] - centre[0]) / self.pixel_m - 0.5;
        let column = (centre[1] - self.corner[1]) / self.pixel_m - 0.5;
        let reach = f64::from(reach_m) / self.pixel_m;
        let range = |middle: f64| {
            let low = (middle - reach).ceil().max(0.0) as usize;
            let high = (middle + reach).floor() + 1.0;
            low..(high.max(0.0) as usize).min(self.side)
        };
        for r in range(row) {
            for c in range(column) {
                let north = ((row - r as f64) * self.pixel_m) as f32;
                let east = ((c as f64 - column) * self.pixel_m) as f32;
                let index = r * self.side + c;
                if let Some((height, colour)) = shape(north, east)
                    && height > self.heights[index]
                {
                    self.heights[index] = height;
                    self.colours[index] = colour;
                }
            }
        }
    }
}

/// A tree or a bush.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tree {
    /// North and east, m.
    pub centre: [f64; 2],
    /// Radius of the crown, m.
    pub radius_m: f32,
    /// Height of the top, m.
    pub height_m: f32,
    /// Needles instead of leaves.
    pub conifer: bool,
    /// 0 to 1: what makes one tree's green differ from another's.
    pub tone: f32,
}

impl Tree {
    fn colour(&self, day: &Day) -> Colour {
        let (young, old): (Colour, Colour) = match (self.conifer, day.season) {
            (true, _) => ([44.0, 66.0, 44.0], [56.0, 80.0, 52.0]),
            (false, Season::Spring) => ([112.0, 124.0, 74.0], [142.0, 140.0, 98.0]),
            (false, Season::LateSummer) => ([58.0, 82.0, 40.0], [88.0, 106.0, 52.0]),
        };
        mix(young, old, self.tone)
    }

    /// Stamps it as it looks under the day's sun.
    pub fn stamp(&self, canvas: &mut Canvas, day: &Day, seed: u32) {
        let colour = self.colour(day);
        let [north, east] = self.centre;
        canvas.stamp(self.centre, self.radius_m, |dn, de| {
            let leaves = noise(
                seed ^ 0x11,
                1.3,
                north + f64::from(dn),
                east + f64::from(de),
            ) - 0.5;
            // Crowns are no circles.
            let q = (dn * dn + de * de) / (self.radius_m * self.radius_m) + 0.5 * leaves;
            if q >= 0.95 {
                return None;
            }
            let dome = (1.0 - q.max(0.0)).sqrt();
            let height = if self.conifer {
                self.height_m * (0.35 + 0.65 * dome * dome)
            } else {
                self.height_m * (0.6 + 0.4 * dome)
            };
            let normal = [dn / self.radius_m, de / self.radius_m, 0.35 + dome];
            let length =
                (normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]).sqrt();
            let lit = (0..3).map(|i| normal[i] * day.sun[i]).sum::<f32>() / length;
            let light = 0.42 + 0.72 * lit.max(0.0) + 0.5 * leaves;
            Some((height, times(colour, light)))
        });
    }
}

/// A building: gable roof, or flat where eaves and ridge are equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Building {
    /// North and east, m.
    pub centre: [f64; 2],
    /// Cosine and sine of the ridge's direction, clockwise from north.
    pub along: [f32; 2],
    /// Half the length along the ridge and half the width, m.
    pub half_m: [f32; 2],
    /// Height of eaves and ridge, m.
    pub height_m: [f32; 2],
    /// Of the roof.
    pub colour: Colour,
}

impl Building {
    /// Stamps it as it looks under the day's sun.
    pub fn stamp(&self, canvas: &mut Canvas, day: &Day, seed: u32) {
        let [length, width] = self.half_m;
        let [eaves, ridge] = self.height_m;
        let [cosine, sine] = self.along;
        let pitch = (ridge - eaves) / width;
        let [north, east] = self.centre;
        canvas.stamp(
            self.centre,
            (length * length + width * width).sqrt(),
            |dn, de| {
                let (a, b) = (cosine * dn + sine * de, cosine * de - sine * dn);
                if a.abs() > length || b.abs() > width {
                    return None;
                }
                let down = if b < 0.0 { -1.0 } else { 1.0 };
                // The slope's normal, in north, east, up.
                let normal = [-sine * pitch * down, cosine * pitch * down, 1.0];
                let size = (1.0 + pitch * pitch).sqrt();
                let lit = (0..3).map(|i| normal[i] * day.sun[i]).sum::<f32>() / size;
                let worn = noise(
                    seed ^ 0x12,
                    2.2,
                    north + f64::from(dn),
                    east + f64::from(de),
                ) - 0.5;
                let top = 0.12 * ramp(0.45 - b.abs(), 0.0, 0.3) * ramp(pitch, 0.0, 0.1);
                let light = 0.38 + 0.82 * lit.max(0.0) + 0.12 * worn + top;
                Some((
                    eaves + (ridge - eaves) * (1.0 - b.abs() / width),
                    times(self.colour, light),
                ))
            },
        );
    }
}
