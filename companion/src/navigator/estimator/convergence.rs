//! How the position that is shown follows the estimate: never in a step, at a bounded rate.
//!
//! Autopilots react badly to jumps (iNav gives up its return home, ArduPilot resets beyond 25 m). What a
//! correction moves the estimate by becomes an offset of the shown position, which then shrinks at a fixed
//! rate. The covariance that is shown contains the offset, so it says all the while how far off the shown
//! position may be.

use nalgebra::Vector2;
use serde::{Deserialize, Serialize};

/// Shown position less estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Convergence {
    pub(super) offset_ne_m: Vector2<f64>,
}

impl Convergence {
    pub(super) fn settled() -> Self {
        Self {
            offset_ne_m: Vector2::zeros(),
        }
    }

    /// The estimate moved; the shown position stays.
    pub(super) fn absorb(&mut self, correction_ne_m: Vector2<f64>) {
        self.offset_ne_m -= correction_ne_m;
    }

    /// The shown position moves towards the estimate by at most `step_m`.
    pub(super) fn shrink(&mut self, step_m: f64) {
        let length = libm::sqrt(self.offset_ne_m.norm_squared());
        if length <= step_m {
            self.offset_ne_m = Vector2::zeros();
        } else {
            self.offset_ne_m *= 1.0 - step_m / length;
        }
    }
}
