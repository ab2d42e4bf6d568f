//! Settings of the health reader.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of the health reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthConfig {
    /// Where the kernel's `sysfs` is mounted.
    pub sysfs: PathBuf,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            sysfs: PathBuf::from("/sys"),
        }
    }
}
