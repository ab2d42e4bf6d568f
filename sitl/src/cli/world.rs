//! `sitl world`: pictures of the test world, and the judge of vision on it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::Context;
use clap::{Args, Subcommand};
use companion::vision::anchor::AnchorSettings;
use sitl::ground::day::Day;
use sitl::ground::fly;
use sitl::ground::folder::{Survey, write_pairs};
use sitl::ground::judge::{self, Row};
use sitl::ground::layout::Country;
use sitl::ground::lens::Lens;
use sitl::ground::map_sheet::Map;
use sitl::ground::photograph::{Air, Photographer, Station};
use sitl::ground::scene::Scene;
use sitl::ground::tile::World;

/// What is done with the world.
#[derive(Debug, Subcommand)]
pub enum WorldCommand {
    /// Write a picture of the ground: as the map shows it, or as the camera sees it.
    Render(RenderArguments),
    /// Write photographs with their list and calibration, and the map beneath them, into a new folder.
    Frames(FramesArguments),
    /// Write pairs of a rectified frame and the map around a wrong estimate, for other matchers.
    Pairs(PairsArguments),
    /// Judge matcher and odometry over many seeded frames.
    Judge(JudgeArguments),
    /// Fly with GPS spoofed; positions come from rendered frames.
    Fly(FlyArguments),
}

/// A place in a world.
#[derive(Debug, Args)]
pub struct At {
    /// Seed of the world.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Metres north and east of the world's origin.
    #[arg(long, default_value = "0,0", value_parser = place, allow_hyphen_values = true)]
    at: [f64; 2],
}

#[derive(Debug, Args)]
pub struct RenderArguments {
    #[command(flatten)]
    place: At,
    /// As the map shows it, on another day.
    #[arg(long, conflicts_with_all = ["agl", "roll", "pitch", "yaw", "haze", "cloud"])]
    map: bool,
    /// Side of the ground that the map shows, m.
    #[arg(long, default_value_t = 500.0, requires = "map", value_parser = within::<20, 5_000>)]
    size: f64,
    /// Height of the camera above ground, m.
    #[arg(long, default_value_t = 100.0, value_parser = within::<10, 2_000>)]
    agl: f64,
    /// Roll of the camera, degrees.
    #[arg(long, default_value_t = 0.0, allow_hyphen_values = true)]
    roll: f64,
    /// Pitch of the camera, degrees.
    #[arg(long, default_value_t = 0.0, allow_hyphen_values = true)]
    pitch: f64,
    /// Yaw of the camera, degrees.
    #[arg(long, default_value_t = 0.0, allow_hyphen_values = true)]
    yaw: f64,
    /// Share of the brightness that is haze.
    #[arg(long, default_value_t = 0.08)]
    haze: f32,
    /// Share of the ground that is hidden by cloud.
    #[arg(long, default_value_t = 0.0)]
    cloud: f32,
    /// File to write, .png or .jpg.
    #[arg(short, long)]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub struct JudgeArguments {
    /// Seed of worlds, places and errors.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Frames of each row about accuracy; a third of it for each row about refusal.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    /// Only these rows, by the names of the JSON document.
    #[arg(long, value_delimiter = ',', value_parser = row)]
    rows: Vec<Row>,
    /// Threads that work [default: as many as there are processors].
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Least ratio of the peak to the second peak [default: the matcher's own].
    #[arg(long)]
    min_ratio: Option<f64>,
    /// Write one line per frame to this file.
    #[arg(long, value_name = "OUT")]
    csv: Option<PathBuf>,
    /// One JSON document on stdout instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct FramesArguments {
    /// New folder.
    dir: PathBuf,
    #[command(flatten)]
    place: At,
    /// Photos.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    count: u16,
    /// Height above ground, m.
    #[arg(long, default_value_t = 100.0, value_parser = within::<20, 1_000>)]
    agl: f64,
    /// Way between two photos, m.
    #[arg(long, default_value_t = 30.0, value_parser = within::<1, 1_000>)]
    step: f64,
}

#[derive(Debug, Args)]
pub struct PairsArguments {
    /// New folder.
    dir: PathBuf,
    /// Seed of worlds, places and errors.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Pairs; every other one is of two places.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    count: u16,
}

#[derive(Debug, Args)]
pub struct FlyArguments {
    /// Seed of world, wind, route and errors.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Length of the flight.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(4..=60))]
    minutes: u32,
    /// Height above the runway, m.
    #[arg(long, default_value_t = 200.0, value_parser = within::<60, 500>)]
    height: f64,
    /// Time between two searches of the map, s.
    #[arg(long, default_value_t = 1.0, value_parser = within::<0, 600>)]
    anchor_every: f64,
    /// One JSON document on stdout instead of the table.
    #[arg(long)]
    json: bool,
}

fn place(text: &str) -> Result<[f64; 2], String> {
    let parts: Vec<_> = text.split(',').map(str::parse::<f64>).collect();
    match parts.as_slice() {
        [Ok(north), Ok(east)] if north.abs() <= 1e6 && east.abs() <= 1e6 => Ok([*north, *east]),
        _ => Err("NORTH,EAST in metres is expected, at most 1,000 km off".to_owned()),
    }
}

fn within<const LOW: u32, const HIGH: u32>(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (f64::from(LOW)..=f64::from(HIGH)).contains(&value) => Ok(value),
        _ => Err(format!("a number from {LOW} to {HIGH} is expected")),
    }
}

fn row(text: &str) -> Result<Row, String> {
    let names = Row::ALL.map(|row| (serde_json::json!(row), row));
    let known = names.iter().find(|(name, _)| name == text);
    known.map(|(_, row)| *row).ok_or_else(|| {
        let names: Vec<_> = names.iter().map(|(name, _)| name.to_string()).collect();
        format!("known are {}", names.join(", "))
    })
}

/// Does it.
///
/// # Errors
/// When a picture cannot be written.
pub fn run(command: &WorldCommand) -> anyhow::Result<ExitCode> {
    match command {
        WorldCommand::Render(arguments) => render(arguments),
        WorldCommand::Frames(arguments) => {
            let FramesArguments {
                dir,
                place,
                count,
                agl,
                step,
            } = arguments;
            let survey = Survey {
                world: mixed(place.seed),
                at: place.at,
                photos: usize::from(*count),
                agl_m: *agl,
                step_m: *step,
            };
            survey.write(dir)?;
            Ok(ExitCode::SUCCESS)
        }
        WorldCommand::Pairs(arguments) => {
            write_pairs(&arguments.dir, arguments.seed, usize::from(arguments.count))?;
            Ok(ExitCode::SUCCESS)
        }
        WorldCommand::Judge(arguments) => run_judge(arguments),
        WorldCommand::Fly(arguments) => {
            let options = fly::Options {
                seed: arguments.seed,
                minutes: arguments.minutes,
                spoofed_from_s: 180.0,
                height_m: arguments.height,
                anchor_every_s: arguments.anchor_every,
            };
            super::show(arguments.json, &fly::run(&options)?, fly::render)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn mixed(seed: u32) -> World {
    World {
        seed,
        country: Country::Mixed,
    }
}

fn render(arguments: &RenderArguments) -> anyhow::Result<ExitCode> {
    let RenderArguments { place, out, .. } = arguments;
    let world = mixed(place.seed);
    let picture = if arguments.map {
        let pixels = (arguments.size / 0.5) as usize;
        Map::new(world).picture(place.at, pixels, pixels, 0.5)
    } else {
        let station = Station {
            at: place.at,
            agl_m: arguments.agl,
            attitude: [arguments.roll, arguments.pitch, arguments.yaw].map(f64::to_radians),
        };
        let air = Air {
            haze: arguments.haze,
            cloud: arguments.cloud,
            ..Air::CLEAR
        };
        Photographer::new(Lens::WIDE).take(&mut Scene::new(world, Day::FLIGHT), &station, &air)
    };
    picture.save(out)?;
    Ok(ExitCode::SUCCESS)
}

fn run_judge(arguments: &JudgeArguments) -> anyhow::Result<ExitCode> {
    let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let defaults = AnchorSettings::default();
    let options = judge::Options {
        seed: arguments.seed,
        frames: arguments.frames as usize,
        threads: arguments.threads.unwrap_or(processors),
        rows: match arguments.rows.as_slice() {
            [] => Row::ALL.to_vec(),
            some => some.to_vec(),
        },
        settings: AnchorSettings {
            min_peak_ratio: arguments.min_ratio.unwrap_or(defaults.min_peak_ratio),
            ..defaults
        },
    };
    let report = judge::run(&options, |done, of| {
        super::overwrite(&format!("{done} of {of} sectors"));
    })?;
    super::overwrite("");
    if let Some(path) = &arguments.csv {
        std::fs::write(path, judge::csv(&report))
            .with_context(|| format!("--csv: {}: cannot be written", path.display()))?;
    }
    super::show(arguments.json, &report, judge::render)?;
    Ok(ExitCode::SUCCESS)
}
