//! How good a sensor is of its kind.

use serde::Serialize;

/// Grade of a sensor: a factor on all of its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Selected and calibrated.
    Good,
    /// As it comes in a consumer autopilot.
    Standard,
    /// Cheap, badly mounted or old.
    Poor,
}

impl Grade {
    /// What its errors are multiplied by.
    #[must_use]
    pub fn error_factor(self) -> f64 {
        match self {
            Self::Good => 0.5,
            Self::Standard => 1.0,
            Self::Poor => 2.0,
        }
    }
}
