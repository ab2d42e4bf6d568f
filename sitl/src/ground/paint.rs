//! The colour of the bare ground, without what stands on it: soil, crops, grass, water, roads.

use super::day::{Crop, Day, Season};
use super::layout::{Border, Spot, Use};
use super::noise::{between, hash, noise, ramp, rehash, ripple, unit};

/// Red, green, blue, 0 to 255.
pub type Colour = [f32; 3];

const ASPHALT: Colour = [112.0, 112.0, 114.0];
const GRAVEL: Colour = [176.0, 166.0, 146.0];
const EARTH: Colour = [138.0, 116.0, 90.0];
const MARKING: Colour = [216.0, 216.0, 208.0];
const WATER: Colour = [44.0, 58.0, 62.0];
const REED: Colour = [104.0, 112.0, 62.0];
const SHOULDER: Colour = [122.0, 126.0, 82.0];

/// The ground at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ground {
    /// Its colour on the day.
    pub colour: Colour,
    /// Whether it lasts from season to season: roads, banks, tracks.
    pub lasting: bool,
}

fn changing(colour: Colour) -> Ground {
    Ground {
        colour,
        lasting: false,
    }
}

fn lasting(colour: Colour) -> Ground {
    Ground {
        colour,
        lasting: true,
    }
}

/// `from` at 0, `to` at 1.
#[must_use]
pub fn mix(from: Colour, to: Colour, share: f32) -> Colour {
    [0, 1, 2].map(|i| from[i] + share * (to[i] - from[i]))
}

/// Lighter or darker by a factor.
#[must_use]
pub fn times(colour: Colour, factor: f32) -> Colour {
    colour.map(|part| part * factor)
}

/// A place, and how far roads and rivers are.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// North of the origin, m.
    pub north: f64,
    /// East of the origin, m.
    pub east: f64,
    /// In the layout.
    pub spot: Spot<'a>,
    /// Distance to the nearest main road's middle, signed, m.
    pub road_m: f32,
    /// Distance to the nearest river's middle, signed, m.
    pub river_m: f32,
}

/// Half the width of a river, m.
#[must_use]
pub fn river_half_m(seed: u32, north: f64, east: f64) -> f32 {
    3.5 + 5.0 * noise(seed ^ 0x91, 420.0, north, east)
}

/// Colours the ground of one world on one day.
#[derive(Debug, Clone, Copy)]
pub struct Painter {
    /// Seed of the world.
    pub seed: u32,
    /// The day.
    pub day: Day,
}

impl Painter {
    fn noise(&self, salt: u32, size_m: f64, place: &Place) -> f32 {
        noise(self.seed ^ salt, size_m, place.north, place.east)
    }

    /// Fine grain that is on everything.
    fn grain(&self, place: &Place) -> f32 {
        0.6 * self.noise(0xA1 ^ self.day.salt, 0.9, place)
            + 0.4 * self.noise(0xA2 ^ self.day.salt, 2.3, place)
            - 0.5
    }

    /// The ground at a place.
    #[must_use]
    pub fn ground(&self, place: &Place) -> Ground {
        let grain = self.grain(place);
        let ground = self
            .main_road(place)
            .or_else(|| self.river(place))
            .or_else(|| self.border(place))
            .unwrap_or_else(|| self.land(place));
        Ground {
            colour: times(ground.colour, 1.0 + 0.16 * grain),
            ..ground
        }
    }

    fn main_road(&self, place: &Place) -> Option<Ground> {
        let distance = place.road_m.abs();
        // A dashed line in the middle, full lines at the sides.
        let along = ripple((place.north + place.east) as f32 / 9.0) > 0.2;
        match distance {
            d if d < 0.22 && along => Some(lasting(MARKING)),
            d if d < 3.3 => {
                let patch = self.noise(0xA3, 16.0, place);
                Some(lasting(times(ASPHALT, 0.86 + 0.26 * patch)))
            }
            d if d < 3.8 => Some(lasting(GRAVEL)),
            d if d < 6.5 => Some(lasting(times(
                SHOULDER,
                0.9 + 0.3 * self.noise(0xA4, 3.0, place),
            ))),
            _ => None,
        }
    }

    fn river(&self, place: &Place) -> Option<Ground> {
        let half = river_half_m(self.seed, place.north, place.east);
        let distance = place.river_m.abs() + 1.6 * (self.noise(0x92, 9.0, place) - 0.5);
        if distance < half {
            let deep = ramp(half - distance, 0.0, 2.5);
            let colour = mix([86.0, 88.0, 66.0], WATER, deep);
            return Some(lasting(times(
                colour,
                0.95 + 0.1 * self.noise(0x93, 14.0, place),
            )));
        }
        if distance < half + 1.6 {
            return Some(lasting(times(
                REED,
                0.7 + 0.5 * self.noise(0x94, 1.7, place),
            )));
        }
        None
    }

    fn border(&self, place: &Place) -> Option<Ground> {
        let Spot {
            border_m,
            border,
            block,
            ..
        } = place.spot;
        if block.land == Use::Lake && border != Border::Lane {
            return None;
        }
        let distance = border_m + 0.7 * (self.noise(0xA5, 11.0, place) - 0.5);
        let verge = || lasting(times(self.grass(place, 0.5), 0.9));
        match border {
            Border::Lane if distance < 1.9 => Some(lasting(times(
                mix(ASPHALT, GRAVEL, 0.35),
                0.9 + 0.2 * self.noise(0xA6, 13.0, place),
            ))),
            Border::Lane if distance < 4.2 => Some(verge()),
            Border::Track if (0.5..1.35).contains(&distance) => Some(lasting(times(
                mix(EARTH, GRAVEL, 0.6),
                0.85 + 0.3 * self.noise(0xA7, 6.0, place),
            ))),
            Border::Track if distance < 2.6 => Some(verge()),
            Border::Hedge if distance < 3.0 => Some(verge()),
            Border::Grass if distance < 1.4 => Some(verge()),
            _ => None,
        }
    }

    fn land(&self, place: &Place) -> Ground {
        match place.spot.block.land {
            Use::Arable => self.field(place),
            Use::Meadow => self.meadow(place),
            Use::Orchard => changing(self.grass(place, 0.35)),
            Use::Wood => self.forest_floor(place),
            Use::Village => self.village(place),
            Use::Lake => self.lake(place),
        }
    }

    /// Grass of a tone from 0, dry, to 1, lush.
    fn grass(&self, place: &Place, lush: f32) -> Colour {
        let season = match self.day.season {
            Season::Spring => 0.25,
            Season::LateSummer => -0.1,
        };
        let patch = self.noise(0xA8 ^ self.day.salt, 19.0, place);
        let lush = (lush + season + 0.7 * (patch - 0.5)).clamp(0.0, 1.0);
        let colour = mix([158.0, 150.0, 96.0], [84.0, 116.0, 52.0], lush);
        times(colour, 0.88 + 0.24 * self.noise(0xA9, 3.4, place))
    }

    fn field(&self, place: &Place) -> Ground {
        let Spot {
            strip,
            margin_m,
            local,
            ..
        } = place.spot;
        let [side, end] = margin_m;
        // A strip of grass between two fields here and there.
        let balk = between(strip, 0x20, -1.0, 1.1);
        if side < balk || end < balk {
            return lasting(times(self.grass(place, 0.4), 0.95));
        }
        let headland = end < 12.0;
        let row = if headland { local[0] } else { local[1] };
        let crop = self.day.crop(strip);
        let colour = self.crop(crop, strip, row, place);
        // Pairs of wheel tracks, one passage of the sprayer apart.
        let width = between(strip, 0x21, 20.0, 32.0);
        let offset = (row / width - (row / width).floor()) * width;
        let wheel = [width / 2.0 - 0.95, width / 2.0 + 0.95]
            .iter()
            .any(|track| (offset - track).abs() < 0.34);
        let marked = matches!(crop, Crop::Green | Crop::Ripe | Crop::Flower | Crop::Young);
        let colour = if wheel && marked {
            mix(colour, EARTH, 0.6)
        } else if headland && marked {
            times(colour, 0.95)
        } else {
            colour
        };
        changing(colour)
    }

    fn crop(&self, crop: Crop, strip: u32, row: f32, place: &Place) -> Colour {
        // The soil lasts, but wet and rich ground is darker without a crop and lighter with a dry one.
        let soil =
            0.65 * self.noise(0xAA, 75.0, place) + 0.35 * self.noise(0xAB, 21.0, place) - 0.5;
        let fine = self.noise(0xAC ^ self.day.salt, 5.0, place) - 0.5;
        let tone = between(strip, 0x22 ^ self.day.salt, 0.87, 1.13);
        let rows = |period: f32| ripple(row / period);
        let (base, contrast, texture) = match crop {
            Crop::Soil => ([146.0, 120.0, 94.0], -0.42, 0.07 * rows(3.0) + 0.12 * fine),
            Crop::Young => ([122.0, 124.0, 76.0], -0.36, 0.09 * rows(2.0) + 0.15 * fine),
            Crop::Green => ([78.0, 108.0, 50.0], -0.24, 0.04 * rows(6.0) + 0.16 * fine),
            Crop::Flower => ([196.0, 182.0, 62.0], 0.24, 0.03 * rows(6.0) + 0.14 * fine),
            Crop::Ripe => ([190.0, 166.0, 110.0], 0.34, 0.03 * rows(6.0) + 0.13 * fine),
            Crop::Stubble => {
                let swath = ramp(rows(7.0), 0.55, 0.9);
                ([176.0, 156.0, 112.0], 0.16, 0.12 * swath + 0.12 * fine)
            }
            Crop::Hay => ([136.0, 142.0, 82.0], 0.2, 0.1 * rows(8.0) + 0.12 * fine),
            Crop::Maize => ([70.0, 92.0, 46.0], -0.3, 0.1 * rows(1.5) + 0.14 * fine),
        };
        times(base, tone * (1.0 + contrast * soil + texture))
    }

    fn meadow(&self, place: &Place) -> Ground {
        let strip = place.spot.strip;
        let colour = self.grass(place, between(strip, 0x23, 0.15, 0.75));
        // Paths of animals and people wander.
        let path = self.noise(0xAD, 85.0, place) - 0.5;
        if path.abs() < 0.006 && unit(rehash(strip, 0x24)) < 0.7 {
            return lasting(mix(colour, EARTH, 0.65));
        }
        let [side, end] = place.spot.margin_m;
        if side.min(end) < 0.7 && unit(rehash(strip, 0x25)) < 0.5 {
            return lasting(times(colour, 0.62));
        }
        let mown = unit(rehash(strip, 0x26 ^ self.day.salt)) < 0.3;
        let stripes = if mown {
            0.06 * ripple(place.spot.local[1] / 9.0)
        } else {
            0.0
        };
        changing(times(colour, 1.0 + stripes))
    }

    fn forest_floor(&self, place: &Place) -> Ground {
        let [side, end] = place.spot.margin_m;
        if side.min(end) < 1.8 {
            return lasting(times(
                mix(EARTH, GRAVEL, 0.35),
                0.85 + 0.3 * self.noise(0xAE, 4.0, place),
            ));
        }
        let green = self.noise(0xAF, 8.0, place);
        let colour = mix([84.0, 70.0, 48.0], [78.0, 96.0, 50.0], green);
        changing(times(colour, 0.8 + 0.3 * self.noise(0xB0, 2.0, place)))
    }

    fn village(&self, place: &Place) -> Ground {
        let Spot {
            margin_m,
            local,
            block,
            strip,
            ..
        } = place.spot;
        let [side, end] = margin_m;
        let street = side.min(end);
        match street {
            d if d < 2.6 => {
                return lasting(times(ASPHALT, 0.9 + 0.25 * self.noise(0xB3, 14.0, place)));
            }
            d if d < 3.8 => return lasting([158.0, 154.0, 148.0]),
            _ => {}
        }
        let lot = lot(local, block.strip_m[0], block.id);
        let drive = (lot.across_m - 3.4).abs() < 1.5 && lot.deep_m < 13.0;
        if drive && unit(rehash(lot.id, 0x31)) < 0.8 {
            let paved = between(lot.id, 0x32, 0.75, 1.1);
            return lasting(times(GRAVEL, paved));
        }
        // Beds behind some houses.
        let beds = lot.deep_m > 22.0 && unit(rehash(lot.id, 0x33)) < 0.35;
        if beds {
            let kind = hash(lot.id ^ self.day.salt, (lot.across_m / 3.0) as i32, 5);
            return changing(mix(EARTH, self.grass(place, 0.6), unit(kind)));
        }
        let lush = between(lot.id, 0x34, 0.1, 0.9);
        let mown = between(strip ^ lot.id, 0x35 ^ self.day.salt, 0.88, 1.1);
        changing(times(self.grass(place, lush), mown))
    }

    fn lake(&self, place: &Place) -> Ground {
        let shore = place.spot.border_m - 16.0 - 26.0 * self.noise(0xB4, 60.0, place);
        if shore > 0.0 || !shore.is_finite() {
            let deep = ramp(shore, 0.0, 7.0);
            let wind = 0.05 * (self.noise(0xB5 ^ self.day.salt, 38.0, place) - 0.5);
            return Ground {
                colour: times(mix([92.0, 92.0, 70.0], WATER, deep), 1.0 + wind),
                lasting: shore < 3.0,
            };
        }
        if shore > -4.0 {
            return lasting(times(REED, 0.7 + 0.5 * self.noise(0xB6, 2.0, place)));
        }
        changing(self.grass(place, 0.6))
    }
}

/// A lot of a village, on either side of its street.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lot {
    /// Bits of its own.
    pub id: u32,
    /// Metres from its left side, seen from the street.
    pub across_m: f32,
    /// Metres from the street's middle.
    pub deep_m: f32,
    /// Its middle along the street.
    pub middle: f32,
    /// Middle of the street, across the block, and on which side of it the lot lies.
    pub street: f32,
    /// 1 or -1.
    pub side: f32,
}

/// Width of a lot, m.
pub const LOT_M: f32 = 22.0;

/// The lot at a place in a village whose streets lie `width_m` apart.
#[must_use]
pub fn lot(local: [f32; 2], width_m: f32, block: u32) -> Lot {
    let street = (local[1] / width_m).round();
    let from_street = local[1] - street * width_m;
    let side = if from_street < 0.0 { -1.0 } else { 1.0 };
    let column = (local[0] / LOT_M).floor();
    Lot {
        id: hash(block ^ 0x107, column as i32, (2.0 * street + side) as i32),
        across_m: local[0] - column * LOT_M,
        deep_m: from_street.abs(),
        middle: (column + 0.5) * LOT_M,
        street: street * width_m,
        side,
    }
}
