//! Everything an engineer may set: one TOML file, one section per concern, checked before anything is
//! opened. `docs/configuration.md` describes every setting.

mod check;
mod ranges;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::autopilot::AutopilotConfig;
use crate::navigator::NavigatorConfig;
use crate::recorder::RecorderConfig;

pub use ranges::{RANGES, Range};

/// Largest configuration file: what a segment header takes.
const TEXT_MAX: u64 = 64 << 10;

/// The whole configuration of a flight. Recorded with every flight, because a re-run needs it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Configuration {
    /// The flight-controller link.
    pub autopilot: AutopilotConfig,
    /// The flight data recorder.
    pub recorder: RecorderConfig,
    /// The estimation core.
    pub navigator: NavigatorConfig,
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
        let configuration: Self = toml::from_str(text)?;
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
