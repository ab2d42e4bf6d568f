//! Everything an engineer may set: one TOML file, one section per concern, checked before anything is
//! opened. `docs/configuration.md` describes every setting.

mod check;
mod profile;
mod ranges;
mod unknown;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::autopilot::AutopilotConfig;
use crate::ground_station::GroundConfig;
use crate::health::HealthConfig;
use crate::navigator::NavigatorConfig;
use crate::observability::{LogConfig, MetricsConfig};
use crate::recorder::RecorderConfig;
use crate::vision::map::MapConfig;

pub use profile::Profile;
pub use ranges::{RANGES, Range};

/// Largest configuration file: what a segment header takes.
const TEXT_MAX: u64 = 64 << 10;

/// The whole configuration of a flight. Recorded with every flight, because a re-run needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Configuration {
    /// Where the program runs.
    pub profile: Profile,
    /// The flight-controller link.
    pub autopilot: AutopilotConfig,
    /// What the ground station hears.
    pub ground_station: GroundConfig,
    /// The flight data recorder.
    pub recorder: RecorderConfig,
    /// Where the state of the machine is read.
    pub health: HealthConfig,
    /// The program's log.
    pub log: LogConfig,
    /// The metrics endpoint of the bench.
    pub metrics: MetricsConfig,
    /// The map.
    pub map: MapConfig,
    /// The estimation core.
    pub navigator: NavigatorConfig,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            profile: Profile::of_build(),
            autopilot: AutopilotConfig::default(),
            ground_station: GroundConfig::default(),
            recorder: RecorderConfig::default(),
            health: HealthConfig::default(),
            log: LogConfig::default(),
            metrics: MetricsConfig::default(),
            map: MapConfig::default(),
            navigator: NavigatorConfig::default(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {source}; give a readable TOML file of at most 64 KiB")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is no TOML, or a setting is unknown or of the wrong type.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A setting does not exist.
    #[error("{source}{hint}")]
    Unknown {
        /// Where.
        source: Box<toml::de::Error>,
        /// What was probably meant.
        hint: String,
    },
    /// A setting has a value that is not allowed.
    #[error("setting `{setting}` is {value}, allowed is {allowed}")]
    NotAllowed {
        /// Its name, sections included.
        setting: String,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// The configuration cannot be written as text.
    #[error("the configuration cannot be written as TOML: {0}")]
    Text(#[from] toml::ser::Error),
    /// Something is wrong in a file.
    #[error("{path}: {problem}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// What.
        problem: Box<ConfigError>,
    },
}

impl Configuration {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// When it cannot be read or anything in it is not allowed; the error names file and setting.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_bounded(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|problem| ConfigError::InFile {
            path: path.to_owned(),
            problem: Box::new(problem),
        })
    }

    /// Reads and checks a configuration text. Settings that it does not name keep their defaults.
    ///
    /// # Errors
    /// When anything in it is not allowed; the error names the setting.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let configuration: Self = toml::from_str(text).map_err(unknown::explained)?;
        check::check(&configuration)?;
        Ok(configuration)
    }

    /// Every setting with its value, as recorded. Reading it back gives the same configuration, bit
    /// for bit.
    ///
    /// # Errors
    /// When a setting cannot be written as text.
    pub fn canonical(&self) -> Result<String, ConfigError> {
        Ok(toml::to_string(self)?)
    }
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(TEXT_MAX + 1)
        .read_to_string(&mut text)?;
    if read as u64 > TEXT_MAX {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}
