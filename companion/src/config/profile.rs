//! Where the program runs, and what that forbids.

use serde::{Deserialize, Serialize};

/// Where the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// In the air.
    Production,
    /// On a workstation, in a container, in CI.
    Tier1,
    /// On a Jetson on the bench.
    Tier2,
}

impl Profile {
    /// The one that this build is for.
    #[must_use]
    pub fn of_build() -> Self {
        if cfg!(feature = "production") {
            Self::Production
        } else if cfg!(feature = "tier2") {
            Self::Tier2
        } else {
            Self::Tier1
        }
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Tier1 => "tier1",
            Self::Tier2 => "tier2",
        }
    }

    /// Whether this build may fly a configuration of this profile: production flies in its own build,
    /// which alone has no listener in it, and nothing else does.
    #[must_use]
    pub fn fits_build(self) -> bool {
        (self == Self::Production) == (Self::of_build() == Self::Production)
    }
}
