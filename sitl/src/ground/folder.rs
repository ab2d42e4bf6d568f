//! Folders for other programs: photographs as an operator has them, with the map; and pairs of rectified
//! frame and map window for matchers that are compared with ours.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use companion::vision::anchor::{AnchorMatcher, AnchorSettings};
use companion::vision::north_up::NorthUp;
use companion::vision::rectify;
use nalgebra::Vector3;

use super::judge::TEXTURED;
use super::lens::Lens;
use super::photograph::{Air, Photographer, Station};
use super::picture::Picture;
use super::tile::World;
use super::trial::{Conditions, Sector, find};
use crate::randomness::{Purpose, Randomness};
use crate::world::Place;

/// Where the world's origin lies.
pub const ORIGIN: Place = Place {
    lat_rad: 0.880_5,
    lon_rad: 0.532_3,
    alt_msl_m: 150.0,
};
/// Time of the first photo, unix, microseconds.
const FIRST_US: u64 = 1_790_000_000_000_000;
/// Time between two photos.
const PERIOD_US: u64 = 2_000_000;
/// Resolution of the map image, m per pixel.
pub const MAP_GSD_M: f64 = 0.5;

/// A line of photographs and the map beneath it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Survey {
    /// The world.
    pub world: World,
    /// Where it begins, north and east of the origin, m.
    pub at: [f64; 2],
    /// Photos.
    pub photos: usize,
    /// Height above ground, m.
    pub agl_m: f64,
    /// Way between two photos, m.
    pub step_m: f64,
}

fn create(dir: &Path) -> anyhow::Result<()> {
    let used = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if used {
        bail!("{}: not empty; name a new folder", dir.display());
    }
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be created", dir.display()))
}

fn write(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let path = dir.join(name);
    fs::write(&path, bytes).with_context(|| format!("{}: cannot be written", path.display()))
}

impl Survey {
    /// Writes photographs, `frames.csv`, `camera.toml`, `map.jpg` and `map.csv` with its corners into a
    /// new folder. Positions and attitudes are true; the map has its georeferencing error.
    ///
    /// # Errors
    /// When the folder is in use or cannot be written.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        create(dir)?;
        let photographer = Photographer::new(Lens::WIDE);
        let randomness = Randomness::new(u64::from(self.world.seed), Purpose::Camera);
        let mut sector = Sector::new(self.world, self.at, 1_000.0, photographer, randomness)?;
        let heading = sector.uniform(-core::f64::consts::PI, core::f64::consts::PI);
        let (sine, cosine) = libm::sincos(heading);
        let mut list = String::from(
            "file,time_us,lat_deg,lon_deg,alt_msl_m,agl_m,roll_deg,pitch_deg,yaw_deg\n",
        );
        let air = Air {
            noise: 3.0,
            ..sector.air(0.0)
        };
        let mut corners = [self.at, self.at];
        let level_m = self.agl_m + sector.scene.ground_m(self.at);
        for number in 0..self.photos {
            let way = number as f64 * self.step_m;
            let at = [self.at[0] + way * cosine, self.at[1] + way * sine];
            corners = extended(corners, at);
            let station = Station {
                at,
                agl_m: level_m - sector.scene.ground_m(at),
                attitude: [
                    sector.uniform(-0.06, 0.06),
                    sector.uniform(-0.04, 0.06),
                    heading + sector.uniform(-0.05, 0.05),
                ],
            };
            let picture = sector.photographer.take(&mut sector.scene, &station, &air);
            let file = format!("{number:04}.jpg");
            write(dir, &file, picture.jpeg(90)?)?;
            list.push_str(&line(&file, number, &station, &sector));
        }
        write(dir, "frames.csv", list)?;
        write(dir, "camera.toml", sector.photographer.lens.toml())?;
        self.write_map(dir, &mut sector, corners)
    }

    fn write_map(
        &self,
        dir: &Path,
        sector: &mut Sector,
        corners: [[f64; 2]; 2],
    ) -> anyhow::Result<()> {
        let margin = 2.0 * self.agl_m + 200.0;
        let [low, high] = corners;
        let side = |axis: usize| ((high[axis] - low[axis] + 2.0 * margin) / MAP_GSD_M) as usize;
        let (width, height) = (side(1), side(0));
        let centre = [0, 1].map(|axis| (low[axis] + high[axis]) / 2.0);
        let picture = sector.map.picture(centre, width, height, MAP_GSD_M);
        write(dir, "map.jpg", picture.jpeg(80)?)?;
        let mut list = String::from("corner,lat_deg,lon_deg\n");
        for (name, up, right) in [
            ("north_west", 0.5, -0.5),
            ("north_east", 0.5, 0.5),
            ("south_east", -0.5, 0.5),
            ("south_west", -0.5, -0.5),
        ] {
            let north = centre[0] + up * height as f64 * MAP_GSD_M;
            let east = centre[1] + right * width as f64 * MAP_GSD_M;
            let place = ORIGIN.moved(&Vector3::new(north, east, 0.0));
            let (lat, lon) = (place.lat_rad.to_degrees(), place.lon_rad.to_degrees());
            let _ = writeln!(list, "{name},{lat:.9},{lon:.9}");
        }
        write(dir, "map.csv", list)
    }
}

fn extended([low, high]: [[f64; 2]; 2], at: [f64; 2]) -> [[f64; 2]; 2] {
    [
        [0, 1].map(|axis| low[axis].min(at[axis])),
        [0, 1].map(|axis| high[axis].max(at[axis])),
    ]
}

fn line(file: &str, number: usize, station: &Station, sector: &Sector) -> String {
    let height = station.agl_m + sector.scene.ground_m(station.at);
    let place = ORIGIN.moved(&Vector3::new(station.at[0], station.at[1], -height));
    let time_us = FIRST_US + number as u64 * PERIOD_US;
    let [roll, pitch, yaw] = station.attitude.map(f64::to_degrees);
    // The list allows -180 to 180.
    let yaw = yaw - 360.0 * ((yaw + 180.0) / 360.0).floor();
    format!(
        "{file},{time_us},{:.9},{:.9},{:.2},{:.2},{roll:.3},{pitch:.3},{yaw:.3}\n",
        place.lat_rad.to_degrees(),
        place.lon_rad.to_degrees(),
        place.alt_msl_m,
        station.agl_m,
    )
}

/// Side of the ground of a pair's frame, m.
const PAIR_FRAME_M: f64 = 120.0;
/// Resolution of pairs, m per pixel.
const PAIR_GSD_M: f64 = 0.5;

/// Writes `frames` pairs of a rectified frame and the map around a wrong estimate, half of them of another
/// place, with the true offset and what our matcher said: `pairs.csv`, `NNNN-frame.png`, `NNNN-map.png`.
///
/// # Errors
/// When the folder is in use or cannot be written.
pub fn write_pairs(dir: &Path, seed: u32, frames: usize) -> anyhow::Result<()> {
    create(dir)?;
    let conditions = Conditions::NOMINAL;
    let mut matcher = AnchorMatcher::new(AnchorSettings::default());
    let mut list =
        String::from("pair,elsewhere,north_m,east_m,accepted,ours_north_m,ours_east_m,ratio\n");
    let photographer = Photographer::new(Lens::WIDE);
    let mut sector = None;
    for number in 0..frames {
        if number % 20 == 0 {
            let world = World {
                seed: seed.wrapping_add(number as u32),
                ..World::default()
            };
            let randomness = Randomness::new(u64::from(world.seed), Purpose::Camera);
            sector = Some(Sector::new(
                world,
                [0.0, 0.0],
                1_000.0,
                photographer.clone(),
                randomness,
            )?);
        }
        let Some(sector) = &mut sector else { continue };
        let at = sector.place(TEXTURED);
        let bias = sector.bias(&conditions);
        let air = sector.air(0.0);
        let station = sector.station(at, conditions.agl_m);
        let shot = sector.shoot(station, &bias, &air)?;
        let elsewhere = number % 2 == 1;
        let astray = if elsewhere { 3_000.0 } else { 0.0 };
        let shown = sector.map.shows_at(at);
        let prior = shown
            .map(|axis| axis + astray + sector.uniform(-conditions.prior_m, conditions.prior_m));
        let calibration = &sector.calibration;
        let matched = find(
            &mut matcher,
            calibration,
            &shot,
            &mut sector.map,
            prior,
            conditions.window_m,
        );
        let side = (PAIR_FRAME_M / PAIR_GSD_M) as usize;
        let frame = rectify(&shot.frame, calibration, &shot.told, side, side, PAIR_GSD_M);
        let map_side = ((PAIR_FRAME_M + 2.0 * conditions.window_m) / PAIR_GSD_M) as usize;
        let map = sector.map.window(prior, map_side, PAIR_GSD_M);
        gray(&frame).save(&dir.join(format!("{number:04}-frame.png")))?;
        gray(&map).save(&dir.join(format!("{number:04}-map.png")))?;
        let scores = matched.decision.scores;
        let _ = writeln!(
            list,
            "{number:04},{},{:.3},{:.3},{},{:.3},{:.3},{:.3}",
            u8::from(elsewhere),
            shown[0] - prior[0],
            shown[1] - prior[1],
            u8::from(matched.decision.outcome.is_ok()),
            scores.offset_ne_m[0],
            scores.offset_ne_m[1],
            scores.peak_ratio,
        );
    }
    write(dir, "pairs.csv", list)
}

/// What is not seen becomes black.
fn gray(image: &NorthUp) -> Picture {
    Picture {
        width: image.width(),
        height: image.height(),
        rgb: image
            .pixels()
            .iter()
            .flat_map(|value| [value.round().clamp(0.0, 255.0) as u8; 3])
            .collect(),
    }
}
