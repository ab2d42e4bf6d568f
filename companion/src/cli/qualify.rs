//! `companion qualify`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use companion::command_line::{CommandLine, FAILED, print, tell};
use companion::vision::anchor::AnchorSettings;
use companion::vision::map::open_on_the_ground;
use companion::vision::odometry::OdometrySettings;
use companion::vision::photos::PhotoFolder;
use companion::vision::qualify::anchors::qualify_anchors;
use companion::vision::qualify::odometry::qualify_odometry;
use companion::vision::qualify::{Figures, FrameResult, PriorError, TruthSigmas};
use fdr_format::PublicKey;
use serde_json::json;

/// Arguments of `companion qualify`.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Arguments {
    /// Folder with JPEGs, frames.csv and camera.toml; see docs/vision.md
    #[arg(long, value_name = "DIR")]
    frames: PathBuf,
    /// Judge a map: every photo is sought in it. A package's folder, or an MBTiles file
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "odometry",
        conflicts_with = "odometry"
    )]
    map: Option<PathBuf>,
    /// Public key whose signature the package must bear, 64 hex digits; may be given several times
    #[arg(long, value_name = "HEX", requires = "map")]
    map_key: Vec<PublicKey>,
    /// Judge the odometry: every photo is registered against the one before it
    #[arg(long)]
    odometry: bool,
    /// Largest error of what is known beforehand, north and east, m
    #[arg(long, value_name = "M", value_parser = within::<0, 1_000>)]
    prior_error: f64,
    /// Seed of those errors
    #[arg(long, value_name = "S")]
    seed: u64,
    /// 1-sigma error of the photos' positions, per axis, m
    #[arg(long, value_name = "M", default_value = "5", value_parser = within::<0, 100>)]
    geotag_sigma: f64,
    /// 1-sigma error of the photos' roll and pitch, degrees
    #[arg(long, value_name = "DEG", default_value = "1", value_parser = within::<0, 10>)]
    attitude_sigma: f64,
    /// Write one line per photo to this file, which must not exist
    #[arg(long, value_name = "OUT")]
    csv: Option<PathBuf>,
    /// Print the figures as one JSON document
    #[arg(long)]
    json: bool,
}

/// A number from `LOW` to `HIGH`.
fn within<const LOW: u32, const HIGH: u32>(text: &str) -> Result<f64, String> {
    let allowed = f64::from(LOW)..=f64::from(HIGH);
    match text.parse() {
        Ok(value) if allowed.contains(&value) => Ok(value),
        _ => Err(format!("a number from {LOW} to {HIGH} is expected")),
    }
}

/// Judges the photos and prints what came of it.
pub fn run(line: &CommandLine, arguments: &Arguments) -> ExitCode {
    match qualify(arguments) {
        Ok(results) => {
            let figures = Figures::of(&results);
            let report = if arguments.json {
                format!("{:#}\n", json!(figures))
            } else {
                text(&results, &figures)
            };
            match print(&report) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::from(FAILED),
            }
        }
        Err(message) => line.fail(message, FAILED),
    }
}

/// Says how many photos cannot be judged.
fn tell_unknown(folder: &PhotoFolder) {
    let photos = folder.photos();
    let unknown = photos.iter().filter(|photo| photo.pose().is_none()).count();
    if unknown > 0 {
        tell(&format!(
            "note: {unknown} of {} photos have no agl_m or no yaw_deg and are refused",
            photos.len()
        ));
    }
}

fn qualify(arguments: &Arguments) -> Result<Vec<FrameResult>, String> {
    let folder = PhotoFolder::open(&arguments.frames).map_err(|error| error.to_string())?;
    let prior = PriorError {
        error_m: arguments.prior_error,
        seed: arguments.seed,
    };
    let sigmas = TruthSigmas {
        geotag_m: arguments.geotag_sigma,
        attitude_rad: arguments.attitude_sigma.to_radians(),
        ..TruthSigmas::default()
    };
    let results = match &arguments.map {
        None => {
            tell_unknown(&folder);
            let settings = OdometrySettings::default();
            qualify_odometry(&folder, settings, prior, sigmas, |_| {})
        }
        Some(path) => {
            let opened = open_on_the_ground(path, &arguments.map_key);
            let mut map = opened.map_err(|refusal| format!("--map: {refusal}"))?;
            for text in &map.warnings {
                tell(&format!("warning: --map: {text}"));
            }
            tell_unknown(&folder);
            let settings = AnchorSettings::default();
            qualify_anchors(
                &folder,
                &mut map.package,
                settings,
                prior,
                sigmas,
                |result, problems| {
                    for problem in problems {
                        tell(&format!("warning: {}: {problem}", result.file));
                    }
                },
            )
        }
    };
    let results = results.map_err(|error| error.to_string())?;
    if let Some(path) = &arguments.csv {
        write_csv(path, &results).map_err(|error| format!("--csv: {}: {error}", path.display()))?;
    }
    Ok(results)
}

fn write_csv(path: &Path, results: &[FrameResult]) -> std::io::Result<()> {
    let mut text = String::from(
        "file,outcome,lat_deg,lon_deg,error_north_m,error_east_m,error_m,sigma_m,false,score,peak_ratio,ms\n",
    );
    for result in results {
        let file = &result.file;
        let (score, ratio, ms) = (result.score, result.peak_ratio, result.ms);
        let place = result.lat_lon_deg;
        let place = place.map_or(",".to_owned(), |[lat, lon]| format!("{lat:.7},{lon:.7}"));
        let (outcome, judged) = match &result.outcome {
            Ok(judged) => {
                let [north, east] = judged.error_ne_m;
                let (error, sigma, wrong) = (judged.error_m, judged.sigma_m, judged.is_false);
                let judged = format!("{north:.3},{east:.3},{error:.3},{sigma:.3},{wrong}");
                ("accepted", judged)
            }
            Err(reason) => (reason.as_str(), ",,,,".to_owned()),
        };
        text.push_str(&format!(
            "{file},{outcome},{place},{judged},{score:.3},{ratio:.3},{ms:.3}\n"
        ));
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

fn text(results: &[FrameResult], figures: &Figures) -> String {
    let mut text = format!(
        "{:<24}{:>18}{:>10}{:>10}{:>9}{:>8}\n",
        "photo", "outcome", "error m", "sigma m", "score", "ms"
    );
    for result in results {
        let (outcome, error, sigma) = match &result.outcome {
            Ok(judged) => (
                if judged.is_false { "FALSE" } else { "accepted" },
                format!("{:.1}", judged.error_m),
                format!("{:.1}", judged.sigma_m),
            ),
            Err(reason) => (reason.as_str(), "-".to_owned(), "-".to_owned()),
        };
        text.push_str(&format!(
            "{:<24}{outcome:>18}{error:>10}{sigma:>10}{:>9.2}{:>8.1}\n",
            result.file, result.score, result.ms
        ));
    }
    let metres = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1} m"));
    let share = |value: f64| format!("{:.1} %", 1e2 * value);
    let rows = [
        ("photos", figures.frames.to_string()),
        ("accepted", share(figures.accepted_share)),
        (
            "accepted within 12 m",
            share(figures.accepted_within_12m_share),
        ),
        ("false", figures.false_anchors.to_string()),
        ("median error", metres(figures.error_median_m)),
        ("95 % are better than", metres(figures.error_p95_m)),
        (
            "truth in 95 % ellipse",
            figures.coverage_95.map_or("-".to_owned(), share),
        ),
    ];
    text.push('\n');
    for (name, value) in rows {
        text.push_str(&format!("{name:<24}{value:>10}\n"));
    }
    text
}
