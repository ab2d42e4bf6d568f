//! What an engineer may set of the map.

use std::path::PathBuf;

use fdr_format::PublicKey;
use serde::{Deserialize, Serialize};

/// The map of a flight.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MapConfig {
    /// Folder of the package; without one there are no anchors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<PathBuf>,
    /// Public keys of those whose packages are believed.
    pub trusted_keys: Vec<PublicKey>,
    /// Where it is noted that the files were found right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp: Option<PathBuf>,
}
