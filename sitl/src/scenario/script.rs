//! A scenario file: what it proves, the flight, what happens when, and what must be seen.
//!
//! ```toml
//! proves = ["AC-3.5"]
//! about = "35 s without sight while GPS is forged 600 m to the east"
//! duration_s = 240.0
//!
//! [[event]]
//! at_s = 150.0
//! until_s = 185.0
//! sight = "cloud"
//!
//! [[event]]
//! at_s = 150.0
//! until_s = 185.0
//! gps = { step = { north_m = 0.0, east_m = 600.0 } }
//!
//! [[expect]]
//! from_s = 150.0
//! label = { is = "dead_reckoned", within_ms = 400 }
//! ```
//!
//! Times are seconds since switching on. Every event and every expectation says exactly one thing. A
//! file that contradicts itself is refused before anything flies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use companion::autopilot::AutopilotKind;
use companion::config::{ConfigError, Configuration};
use serde::Deserialize;

use super::claim::Expectation;
use super::event::{Event, Happening};
use crate::monte_carlo::plan::Trajectory;
use crate::sensors::camera::FRAME_PERIOD_S;

/// Largest scenario file.
const TEXT_MAX: u64 = 64 << 10;
/// Shortest flight: the aircraft is armed after 15 s.
const DURATION_MIN_S: f64 = 30.0;
/// Longest flight.
const DURATION_MAX_S: f64 = 8.0 * 3_600.0;
/// Events and expectations of one file at most.
const ENTRIES_MAX: usize = 100;
/// Largest seed: what TOML and every reader of JSON can hold exactly.
const SEED_MAX: u64 = 1 << 53;

/// One scenario.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its name: that of the file.
    pub name: String,
    /// Identifiers of the requirements that it proves.
    pub proves: Vec<String>,
    /// What it shows, in one sentence.
    pub about: String,
    /// Seed of everything that is left to chance.
    pub seed: u64,
    /// Length of the flight, from switching on.
    pub duration_s: f64,
    /// Why it does not hold yet, where it is known not to: it is flown and reported all the same.
    pub open: Option<String>,
    /// The way that is flown.
    pub flight: FlightShape,
    /// Whether there is a camera with a map.
    pub camera: bool,
    /// Whether the companion is given the signed take-off origin.
    pub origin: bool,
    /// Settings of the companion.
    pub configuration: Configuration,
    /// What happens.
    pub happenings: Vec<Happening>,
    /// What must be seen.
    pub expectations: Vec<Expectation>,
}

/// The way that is flown.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlightShape {
    /// Kind of route.
    pub route: Trajectory,
    /// Height above ground, m.
    pub height_m: f64,
    /// Length of a leg, m; circuits have their own.
    pub leg_m: f64,
    /// Mean wind at 10 m, m/s.
    pub wind_mps: f64,
    /// Where the wind blows to, degrees clockwise from north.
    pub wind_to_deg: f64,
}

impl Default for FlightShape {
    fn default() -> Self {
        Self {
            route: Trajectory::Survey,
            height_m: 150.0,
            leg_m: 2_000.0,
            wind_mps: 4.0,
            wind_to_deg: 120.0,
        }
    }
}

/// Why a scenario cannot be flown.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {source}; give a readable scenario file (.toml)")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No scenario file, or something in it is unknown.
    #[error("{path}: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: toml::de::Error,
    },
    /// The companion's settings in it are not allowed.
    #[error("{path}: [settings]: {source}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// Which.
        source: ConfigError,
    },
    /// It contradicts itself or leaves what can be flown.
    #[error("{path}: {problem}")]
    Nonsense {
        /// The file.
        path: PathBuf,
        /// What is wrong and what is allowed.
        problem: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    proves: Vec<String>,
    about: String,
    #[serde(default = "first_seed")]
    seed: u64,
    duration_s: f64,
    open: Option<String>,
    #[serde(default)]
    flight: FlightShape,
    #[serde(default)]
    camera: bool,
    #[serde(default)]
    origin: bool,
    #[serde(default)]
    settings: toml::Table,
    #[serde(default, rename = "event")]
    events: Vec<Event>,
    #[serde(rename = "expect")]
    expectations: Vec<Expectation>,
}

fn first_seed() -> u64 {
    1
}

impl Script {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// When it cannot be read, or anything in it is unknown, out of range or contradictory.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let read = || -> std::io::Result<String> {
            if std::fs::metadata(path)?.len() > TEXT_MAX {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            std::fs::read_to_string(path)
        };
        let text = read().map_err(|source| ScriptError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    /// Reads the text of a scenario; `path` gives its name and stands in errors.
    ///
    /// # Errors
    /// As [`Script::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ScriptError> {
        let text: Text = toml::from_str(text).map_err(|source| ScriptError::Syntax {
            path: path.to_owned(),
            source,
        })?;
        let nonsense = |problem: String| ScriptError::Nonsense {
            path: path.to_owned(),
            problem,
        };
        if !(DURATION_MIN_S..=DURATION_MAX_S).contains(&text.duration_s) {
            return Err(nonsense(format!(
                "`duration_s` is {}, allowed is {DURATION_MIN_S} to {DURATION_MAX_S}",
                text.duration_s
            )));
        }
        let mut configuration =
            settings(&text.settings).map_err(|source| ScriptError::Settings {
                path: path.to_owned(),
                source,
            })?;
        configuration.navigator.sight.enabled = text.camera;
        configuration.navigator.sight.frame_period_s = FRAME_PERIOD_S;
        let happenings = text
            .events
            .iter()
            .enumerate()
            .map(|(index, event)| {
                event
                    .happening(text.duration_s)
                    .map_err(|problem| nonsense(format!("event {}: {problem}", index + 1)))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let script = Self {
            name: name.into_owned(),
            proves: text.proves,
            about: text.about,
            seed: text.seed,
            duration_s: text.duration_s,
            open: text.open,
            flight: text.flight,
            camera: text.camera,
            origin: text.origin,
            configuration,
            happenings,
            expectations: text.expectations,
        };
        script.check().map_err(nonsense)?;
        Ok(script)
    }

    fn check(&self) -> Result<(), String> {
        if self.proves.is_empty() {
            return Err("`proves` is empty; name the requirement that it proves".to_owned());
        }
        if self.expectations.is_empty() {
            return Err("it expects nothing; add an [[expect]]".to_owned());
        }
        if self.happenings.len() > ENTRIES_MAX || self.expectations.len() > ENTRIES_MAX {
            return Err(format!("more than {ENTRIES_MAX} events or expectations"));
        }
        if self.seed > SEED_MAX {
            return Err(format!(
                "`seed` is {}, allowed is 0 to {SEED_MAX}",
                self.seed
            ));
        }
        self.check_flight()?;
        for (index, expectation) in self.expectations.iter().enumerate() {
            expectation
                .check(self.duration_s)
                .map_err(|problem| format!("expectation {}: {problem}", index + 1))?;
        }
        self.check_time_line()
    }

    fn check_flight(&self) -> Result<(), String> {
        let flight = &self.flight;
        let ranges = [
            ("flight.height_m", flight.height_m, 60.0, 1_000.0),
            ("flight.leg_m", flight.leg_m, 800.0, 20_000.0),
            ("flight.wind_mps", flight.wind_mps, 0.0, 10.0),
            ("flight.wind_to_deg", flight.wind_to_deg, 0.0, 360.0),
        ];
        for (name, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return Err(format!("`{name}` is {value}, allowed is {low} to {high}"));
            }
        }
        Ok(())
    }

    /// Two events that claim the same thing at the same time contradict each other.
    fn check_time_line(&self) -> Result<(), String> {
        for (index, one) in self.happenings.iter().enumerate() {
            for (other_index, other) in self.happenings.iter().enumerate().skip(index + 1) {
                let overlap = one.from_ns < other.to_ns && other.from_ns < one.to_ns;
                if overlap && one.what.subject() == other.what.subject() {
                    return Err(format!(
                        "events {} and {} both say what `{}` is at the same time; end the first before the second begins",
                        index + 1,
                        other_index + 1,
                        one.what.subject()
                    ));
                }
            }
            if one.what.needs_camera() && !self.camera {
                return Err(format!(
                    "event {} speaks of `{}`, but `camera` is not set to true",
                    index + 1,
                    one.what.subject()
                ));
            }
        }
        Ok(())
    }

    /// The autopilot that is flown with.
    #[must_use]
    pub fn autopilot(&self) -> AutopilotKind {
        self.configuration.autopilot.kind
    }

    /// Length in nanoseconds.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        nanoseconds(self.duration_s)
    }
}

/// The companion's settings: those of the file over the defaults.
fn settings(table: &toml::Table) -> Result<Configuration, ConfigError> {
    Configuration::parse(&toml::to_string(table)?)
}

/// Seconds as nanoseconds.
pub(super) fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// All scenario files of a folder, in order of name.
///
/// # Errors
/// When the folder or a file in it cannot be read, or two files prove nothing different by name.
pub fn load_all(folder: &Path) -> Result<Vec<Script>, ScriptError> {
    let read_error = |source| ScriptError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut paths = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(read_error)? {
        let path = entry.map_err(read_error)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.insert(path);
        }
    }
    paths.iter().map(|path| Script::load(path)).collect()
}
