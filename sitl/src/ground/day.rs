//! The day on which the ground is looked at: season, sun, and what has changed.

use super::noise::{rehash, unit};

/// Part of the year, as far as crops and leaves show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Season {
    /// Winter crops green, rapeseed in flower, much bare soil, young leaves.
    Spring,
    /// Cereals ripe or cut, maize high, leaves dark.
    LateSummer,
}

/// What a field shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crop {
    /// Tilled soil.
    Soil,
    /// Rows of young plants on soil.
    Young,
    /// Closed green.
    Green,
    /// Yellow flowers.
    Flower,
    /// Ripe cereal.
    Ripe,
    /// Cut, with swaths.
    Stubble,
    /// Mown grass.
    Hay,
    /// Maize.
    Maize,
}

/// One day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// Tells what stands and grows on this day from what does on others.
    pub salt: u32,
    /// Crops and leaves.
    pub season: Season,
    /// Towards the sun: north, east, up; a unit vector. The sun is never in the north.
    pub sun: [f32; 3],
    /// Share of the objects that are missing on this day.
    pub missing: f32,
}

impl Day {
    /// The day of the flight: late summer, afternoon.
    pub const FLIGHT: Self = Self {
        salt: 0x0F11,
        season: Season::LateSummer,
        // Azimuth 215 degrees, 41 degrees high.
        sun: [-0.618_2, -0.432_9, 0.656_1],
        missing: 0.04,
    };

    /// The day on which the map was photographed: spring, before noon.
    pub const MAP: Self = Self {
        salt: 0x3A9B,
        season: Season::Spring,
        // Azimuth 148 degrees, 47 degrees high.
        sun: [-0.578_4, 0.361_4, 0.731_4],
        missing: 0.06,
    };

    /// Whether an object stands on this day.
    #[must_use]
    pub fn shows(&self, object: u32) -> bool {
        unit(rehash(object, self.salt)) >= self.missing
    }

    /// What grows on a strip of arable land.
    #[must_use]
    pub fn crop(&self, strip: u32) -> Crop {
        let draw = unit(rehash(strip, self.salt ^ 0xC0));
        match self.season {
            Season::Spring => match draw {
                d if d < 0.28 => Crop::Soil,
                d if d < 0.50 => Crop::Young,
                d if d < 0.80 => Crop::Green,
                d if d < 0.92 => Crop::Flower,
                _ => Crop::Hay,
            },
            Season::LateSummer => match draw {
                d if d < 0.18 => Crop::Soil,
                d if d < 0.42 => Crop::Ripe,
                d if d < 0.68 => Crop::Stubble,
                d if d < 0.84 => Crop::Maize,
                d if d < 0.94 => Crop::Green,
                _ => Crop::Hay,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suns_are_directions_and_stand_in_the_south() {
        for day in [Day::FLIGHT, Day::MAP] {
            let [north, east, up] = day.sun;
            assert!((north * north + east * east + up * up - 1.0).abs() < 1e-3);
            assert!(north < 0.0 && up > 0.0 && (east / north).abs() < 1.5);
        }
    }
}
