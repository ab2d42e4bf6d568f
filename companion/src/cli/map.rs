//! `companion map`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use companion::command_line::{CommandLine, FAILED, USAGE, print, tell};
use companion::recorder::read_device_key;
use companion::vision::image::ImageError;
use companion::vision::map::build::{
    BuildError, BuildOptions, Built, Corners, Georeference, Imagery, Picture, Raster, build,
};
use companion::vision::map::date::Date;
use companion::vision::map::manifest::{Origin, Region, RegionClass};
use companion::vision::map::{GateRules, verify};
use companion::vision::png::Masked;
use companion::vision::{jpeg, png};
use fdr_format::{FlightId, PublicKey};
use serde_json::json;

/// Arguments of `companion map`.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a signed map package of a GeoTIFF, of a picture with the places of its corners, or of tiles
    Build(Build),
    /// Check a map package: signature, age, files and every tile
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Build {
    /// The picture: GeoTIFF, TIFF, PNG or JPEG
    #[arg(
        value_name = "IMAGE",
        required_unless_present = "tiles",
        conflicts_with = "tiles"
    )]
    image: Option<PathBuf>,
    /// Places of the picture's corners, in the order north-west, north-east, south-east, south-west
    #[arg(long, value_name = "LAT,LON", num_args = 4, allow_hyphen_values = true, value_parser = numbers::<2>)]
    corners: Option<Vec<[f64; 2]>>,
    /// Deepest zoom to make [default: the coarsest that loses nothing of the picture]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=22), conflicts_with = "tiles")]
    zoom: Option<u8>,
    /// Take this MBTiles file for imagery
    #[arg(long, value_name = "FILE.mbtiles")]
    tiles: Option<PathBuf>,
    /// Folder of the package, which must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Secret key that signs it; made with: companion device-key new FILE
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// What people call it [default: the name of the picture]
    #[arg(long)]
    name: Option<String>,
    /// Day on which the imagery was taken, as 2026-11-28
    #[arg(long, value_name = "DATE")]
    captured: Date,
    /// How fast the ground changes
    #[arg(long, default_value = "stable")]
    class: Class,
    /// 1-sigma georeferencing error of the imagery per axis, m
    #[arg(long, value_name = "M", default_value = "2.5")]
    bias_sigma: f64,
    /// Heights of the ground: an MBTiles file of Terrarium-encoded PNG
    #[arg(long, value_name = "FILE.mbtiles")]
    elevation: Option<PathBuf>,
    /// 1-sigma error of those heights, m
    #[arg(long, value_name = "M", default_value = "5")]
    elevation_sigma: f64,
    /// Place of take-off: latitude, longitude, height above mean sea level in m
    #[arg(long, value_name = "LAT,LON,ALT", allow_hyphen_values = true, value_parser = numbers::<3>)]
    origin: Option<[f64; 3]>,
    /// The flight that it is made for
    #[arg(long, value_name = "UUID")]
    flight_id: Option<FlightId>,
    /// Print what was made as one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Class {
    Stable,
    ActiveConflict,
}

#[derive(Debug, Args)]
struct Verify {
    /// Folder of the package
    #[arg(value_name = "DIR")]
    package: PathBuf,
    /// Public key that is trusted, 64 hex digits; may be given several times
    #[arg(long, value_name = "HEX", required = true)]
    key: Vec<PublicKey>,
    /// Judge the age of the imagery on this day [default: the machine's]
    #[arg(long, value_name = "DATE")]
    today: Option<Date>,
    /// Note there that the files were found right, so that the flight need not hash them again
    #[arg(long, value_name = "FILE")]
    stamp: Option<PathBuf>,
    /// Print the findings as one JSON document
    #[arg(long)]
    json: bool,
}

/// `N` numbers with commas between them.
fn numbers<const N: usize>(text: &str) -> Result<[f64; N], String> {
    let values: Result<Vec<f64>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    let values = values
        .ok()
        .and_then(|values| <[f64; N]>::try_from(values).ok());
    values
        .filter(|values| values.iter().all(|value| value.is_finite()))
        .ok_or_else(|| format!("{N} numbers with commas between them are expected"))
}

/// Makes or checks a package.
pub fn run(line: &CommandLine, arguments: &Arguments) -> ExitCode {
    match &arguments.command {
        Command::Build(arguments) => run_build(line, arguments),
        Command::Verify(arguments) => run_verify(line, arguments),
    }
}

fn run_build(line: &CommandLine, arguments: &Build) -> ExitCode {
    let key = match read_device_key(&arguments.key) {
        Ok(key) => key,
        Err(error) => return line.fail(format!("--key: {error}"), FAILED),
    };
    let picture = match arguments
        .image
        .as_deref()
        .map(|path| picture(path, arguments))
    {
        Some(Err(error)) => return line.fail(error, FAILED),
        Some(Ok(picture)) => Some(picture),
        None => None,
    };
    let source = arguments.image.as_ref().or(arguments.tiles.as_ref());
    let stem = source.and_then(|path| path.file_stem());
    let stem = stem.map_or("map".into(), |stem| stem.to_string_lossy());
    let name = arguments.name.as_deref().unwrap_or(&stem);
    let imagery = match (&picture, &arguments.tiles) {
        (Some(picture), _) => Imagery::Picture {
            picture,
            zoom: arguments.zoom,
        },
        (None, Some(tiles)) => Imagery::Tiles(tiles),
        (None, None) => return line.fail("IMAGE or --tiles is needed", USAGE),
    };
    let elevation = arguments.elevation.as_deref();
    let built = build(&BuildOptions {
        folder: &arguments.out,
        name,
        imagery,
        elevation: elevation.map(|path| (path, arguments.elevation_sigma)),
        region: Region {
            name: name.to_owned(),
            bounds_deg: [-180.0, -85.0, 180.0, 85.0],
            captured: arguments.captured,
            class: match arguments.class {
                Class::Stable => RegionClass::Stable,
                Class::ActiveConflict => RegionClass::ActiveConflict,
            },
            bias_sigma_m: arguments.bias_sigma,
        },
        region_is_all: true,
        origin: arguments
            .origin
            .map(|[lat_deg, lon_deg, alt_msl_m]| Origin {
                lat_deg,
                lon_deg,
                alt_msl_m,
            }),
        flight_id: arguments.flight_id,
        key: &key,
    });
    match built {
        Ok(built) => report_built(arguments, &built, key.public()),
        Err(error) => line.fail(error, FAILED),
    }
}

fn report_built(arguments: &Build, built: &Built, key: PublicKey) -> ExitCode {
    let [west, south, east, north] = built.manifest.bounds_deg;
    if arguments.origin.is_none() {
        tell(
            "note: without --origin the ground's height is not known where there is no --elevation",
        );
    }
    let (first, last) = (built.zooms.first(), built.zooms.last());
    let printed = if arguments.json {
        let document = json!({
            "package": arguments.out,
            "tiles": built.tiles,
            "zooms": built.zooms,
            "pixel_m": built.pixel_m,
            "bounds_deg": built.manifest.bounds_deg,
            "public_key": key,
        });
        print(&format!("{document:#}\n"))
    } else {
        print(&format!(
            "{}\n{} tiles, zoom {} to {}, {:.2} m per pixel\nwest {west:.5}, south {south:.5}, east {east:.5}, north {north:.5}\npublic key {key}\n",
            arguments.out.display(),
            built.tiles,
            first.copied().unwrap_or_default(),
            last.copied().unwrap_or_default(),
            built.pixel_m,
        ))
    };
    code_of(printed)
}

/// A picture with its place on the Earth.
fn picture(path: &Path, arguments: &Build) -> Result<Picture, BuildError> {
    let wrong = |problem: String| BuildError::Georeference {
        path: path.to_owned(),
        problem,
    };
    let (raster, own) = read_picture(path)?;
    let corners = arguments.corners.as_deref();
    let corners = corners.and_then(|corners| <[[f64; 2]; 4]>::try_from(corners).ok());
    let georeference = match (corners, own) {
        (Some(corners), _) => Georeference::Corners(Corners(corners)),
        (None, Some(own)) => own,
        (None, None) => {
            return Err(wrong(
                "says nothing of its place; give it with --corners".to_owned(),
            ));
        }
    };
    Picture::new(raster, &georeference).map_err(wrong)
}

fn read_picture(path: &Path) -> Result<(Raster, Option<Georeference>), BuildError> {
    let bytes = std::fs::read(path).map_err(|source| BuildError::Io {
        path: path.to_owned(),
        source,
    })?;
    let undecodable = |source: ImageError| BuildError::Image {
        path: path.to_owned(),
        source,
    };
    if bytes.starts_with(b"\x89PNG") {
        let picture = png::decode(&bytes).map_err(undecodable)?;
        return Ok((picture.into(), None));
    }
    if bytes.starts_with(&[0xff, 0xd8]) {
        let image = jpeg::decode(&bytes).map_err(undecodable)?;
        return Ok((Masked { image, seen: None }.into(), None));
    }
    drop(bytes);
    companion::vision::map::build::read_geotiff(path)
}

fn run_verify(line: &CommandLine, arguments: &Verify) -> ExitCode {
    let rules = GateRules {
        trusted: &arguments.key,
        today: arguments.today.unwrap_or_else(Date::today),
        stamp: arguments.stamp.as_deref(),
    };
    let verified = match verify(&arguments.package, &rules) {
        Ok(verified) => verified,
        Err(refusal) => return line.fail(refusal, FAILED),
    };
    for text in &verified.downgraded {
        tell(&format!("warning: {text}"));
    }
    let printed = if arguments.json {
        print(&format!("{:#}\n", json!(verified)))
    } else {
        print(&format!(
            "{}\nsigned by {}\n{} tiles of imagery and {} of elevation are what was signed\n",
            arguments.package.display(),
            verified.signer,
            verified.imagery_tiles,
            verified.elevation_tiles,
        ))
    };
    code_of(printed)
}

fn code_of(printed: std::io::Result<()>) -> ExitCode {
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}
