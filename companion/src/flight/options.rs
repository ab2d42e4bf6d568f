//! What to fly with.

use std::path::PathBuf;

use super::error::FlightError;
use crate::config::Configuration;
use crate::link::LinkAddress;

/// What to fly with.
#[derive(Debug, Clone, PartialEq)]
pub struct FlightOptions {
    /// Settings.
    pub configuration: Configuration,
    /// Everything but sending.
    pub dry_run: bool,
}

/// What must be set to fly, taken out of the settings.
#[derive(Debug, Clone)]
pub(super) struct Needed {
    pub(super) autopilot: LinkAddress,
    pub(super) recordings: PathBuf,
}

impl FlightOptions {
    /// What must be set to fly.
    ///
    /// # Errors
    /// Names the setting that is missing.
    pub(super) fn needed(&self) -> Result<Needed, FlightError> {
        let missing = |setting, example| FlightError::Missing { setting, example };
        let configuration = &self.configuration;
        let autopilot = configuration.autopilot.address.clone().ok_or(missing(
            "autopilot.address",
            "\"serial:/dev/ttyTHS1:921600\"",
        ))?;
        let recordings = configuration
            .recorder
            .folder
            .clone()
            .ok_or(missing("recorder.folder", "\"/var/lib/gps-denied/fdr\""))?;
        Ok(Needed {
            autopilot,
            recordings,
        })
    }
}
