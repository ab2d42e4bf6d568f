//! A made-up sector: its ground, a picture of it for a map, and packages of that.

use std::path::{Path, PathBuf};

use companion::navigator::Geodetic;
use companion::vision::map::build::{
    BuildOptions, Built, Corners, Georeference, Imagery, Picture, Raster, build,
};
use companion::vision::map::date::Date;
use companion::vision::map::manifest::{Origin, Region, RegionClass};
use fdr_format::SecretKey;
use nalgebra::Vector3;

/// Middle of the sector.
pub const MIDDLE_DEG: [f64; 2] = [46.8, 7.1];
/// Height of its ground.
pub const GROUND_M: f64 = 300.0;

pub fn middle() -> Geodetic {
    Geodetic {
        lat_rad: MIDDLE_DEG[0].to_radians(),
        lon_rad: MIDDLE_DEG[1].to_radians(),
        alt_msl_m: GROUND_M,
    }
}

/// The place `north` and `east` of the middle, m.
pub fn place(north: f64, east: f64) -> Geodetic {
    middle().displaced(Vector3::new(north, east, 0.0))
}

/// A picture of `size` metres (north, east) around the middle with pixels of `pixel_m`, whose brightness is
/// that of the ground.
pub fn picture(size: [f64; 2], pixel_m: f64, ground: &dyn Fn(f64, f64) -> f64) -> Picture {
    let [north, east] = size.map(|side| side / 2.0);
    let (width, height) = (
        (2.0 * east / pixel_m) as usize,
        (2.0 * north / pixel_m) as usize,
    );
    let mut pixels = Vec::with_capacity(width * height);
    for row in 0..height {
        for column in 0..width {
            let at = [
                north - (row as f64 + 0.5) * pixel_m,
                (column as f64 + 0.5) * pixel_m - east,
            ];
            pixels.push(ground(at[0], at[1]).round().clamp(0.0, 255.0) as u8);
        }
    }
    let corner = |north, east| {
        let at = place(north, east);
        [at.lat_rad.to_degrees(), at.lon_rad.to_degrees()]
    };
    let corners = [
        corner(north, -east),
        corner(north, east),
        corner(-north, east),
        corner(-north, -east),
    ];
    let raster = Raster::new(width, height, pixels, None).unwrap();
    Picture::new(raster, &Georeference::Corners(Corners(corners))).unwrap()
}

pub fn key() -> SecretKey {
    SecretKey::from_bytes(&[9; 32])
}

pub fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn region(captured: &str, class: RegionClass) -> Region {
    Region {
        name: "sector".to_owned(),
        bounds_deg: [-180.0, -85.0, 180.0, 85.0],
        captured: day(captured),
        class,
        bias_sigma_m: 2.5,
    }
}

/// Makes a package of a picture.
#[allow(dead_code, reason = "not every test begins in the middle")]
pub fn package(folder: &Path, picture: &Picture, region: Region) -> (PathBuf, Built) {
    package_from(folder, picture, region, middle())
}

/// A package whose origin, where the flight begins, is the ground at `start`.
pub fn package_from(
    folder: &Path,
    picture: &Picture,
    region: Region,
    start: Geodetic,
) -> (PathBuf, Built) {
    let package = folder.join("package");
    let built = build(&BuildOptions {
        folder: &package,
        name: "sector",
        imagery: Imagery::Picture {
            picture,
            zoom: None,
        },
        elevation: None,
        region,
        region_is_all: true,
        origin: Some(Origin {
            lat_deg: start.lat_rad.to_degrees(),
            lon_deg: start.lon_rad.to_degrees(),
            alt_msl_m: GROUND_M,
        }),
        flight_id: None,
        key: &key(),
    });
    (package, built.unwrap())
}
