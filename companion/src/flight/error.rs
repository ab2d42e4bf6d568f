//! Why a flight cannot be flown, or did not end in order.

use std::io;

use crate::config::ConfigError;
use crate::recorder::{KeyError, RecorderError};

/// Why a flight cannot be flown, or did not end in order.
#[derive(Debug, thiserror::Error)]
pub enum FlightError {
    /// A setting is missing.
    #[error("setting `{setting}` is missing; to fly, set it, such as {setting} = {example}")]
    Missing {
        /// Its name.
        setting: &'static str,
        /// What it could be.
        example: &'static str,
    },
    /// The configuration cannot be recorded.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// There is no recorder, and without one no flight.
    #[error("{0}; without a recorder there is no flight")]
    NoRecorder(RecorderError),
    /// The flight was flown and its recording did not end in order.
    #[error(transparent)]
    Recording(RecorderError),
    /// The device's key cannot be read.
    #[error("recorder.device_key: {0}")]
    DeviceKey(#[from] KeyError),
    /// The machine does not say what it must.
    #[error("{what}: {source}")]
    Machine {
        /// What was asked.
        what: &'static str,
        /// Why it did not answer.
        source: io::Error,
    },
    /// A thread ended before its time.
    #[error("the `{0}` thread failed; the recording is valid up to there")]
    Thread(&'static str),
}

impl FlightError {
    /// Whether the machine is not fit to fly: nothing was sent.
    #[must_use]
    pub fn is_unfit(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::NoRecorder(_) | Self::DeviceKey(_) => true,
            Self::Configuration(_)
            | Self::Recording(_)
            | Self::Machine { .. }
            | Self::Thread(_) => false,
        }
    }
}
