//! What a registration of two frames is worth.

use super::alignment::Similarity;
use super::odometry::{OdometrySettings, Start};
use super::patches::Meter;
use super::view::View;

/// The motion between two frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Registration {
    /// Displacement of the camera north and east, m, with the scale of the keyframe's height.
    pub displacement_ne_m: [f64; 2],
    /// Variance per axis as the images show it, m^2.
    pub variance_m2: f64,
    /// Standard deviation along the displacement of what may stand between camera and ground, m: where
    /// no patches confirm that the ground is flat, it may be crowns or roofs that were followed, and they
    /// pass faster than the ground. 0 where they do.
    pub canopy_sigma_m: f64,
    /// Turn of the camera that the images show beyond the attitude, clockwise, rad.
    pub rotation_rad: f64,
    /// Size of the ground in the later image over that in the earlier one.
    pub scale: f64,
    /// Share of the keyframe's ground that the frame sees.
    pub overlap: f64,
    /// Quality, 0 to 1.
    pub quality: f64,
    /// Median residual of the held-back patches, pixels; absent where they did not confirm the
    /// displacement.
    pub residual_px: Option<f64>,
    /// The mapping from keyframe to frame, pixels of the views about their middles.
    pub motion: Similarity,
}

impl Registration {
    /// Covariance of the displacement: north-north, north-east, east-east, m^2.
    #[must_use]
    pub fn covariance_ne_m2(&self) -> [f64; 3] {
        let [north, east] = self.displacement_ne_m;
        let length = libm::hypot(north, east).max(1e-9);
        let [north, east] = [north, east].map(|part| part / length * self.canopy_sigma_m);
        [
            self.variance_m2 + north * north,
            north * east,
            self.variance_m2 + east * east,
        ]
    }

    /// Mean variance per axis, m^2.
    #[must_use]
    pub fn mean_variance_m2(&self) -> f64 {
        self.variance_m2 + self.canopy_sigma_m * self.canopy_sigma_m / 2.0
    }
}

/// A motion that patches confirm.
pub(super) fn precise(
    keyframe: &View,
    motion: Similarity,
    overlap: f64,
    meter: &Meter,
    settings: &OdometrySettings,
) -> Registration {
    // The point below the camera is the middle of both views.
    let sigma_px = settings.sigma_factor * meter.sigma_at(motion.inverse_of([0.0, 0.0]));
    let floor = settings.sigma_floor_px * settings.sigma_floor_px;
    let sharpness = 1.0 / (1.0 + meter.residual_px);
    let quality = meter.agreement() * sharpness * (overlap / 0.5).min(1.0);
    Registration {
        quality: quality.clamp(0.0, 1.0),
        residual_px: Some(meter.residual_px),
        ..registration(keyframe, motion, overlap, sigma_px * sigma_px + floor)
    }
}

/// Quality of a displacement that no patch confirms.
const UNCONFIRMED_QUALITY: f64 = 0.2;

/// A shift that no patch confirms.
pub(super) fn unconfirmed(
    keyframe: &View,
    start: &Start,
    overlap: f64,
    settings: &OdometrySettings,
) -> Registration {
    let found = registration(keyframe, start.motion, overlap, start.variance_px2);
    let [north, east] = found.displacement_ne_m;
    // What stands so high passes as if the camera were lower by that much.
    let below = (keyframe.agl_m - settings.canopy_sigma_m).max(0.5 * keyframe.agl_m);
    Registration {
        quality: UNCONFIRMED_QUALITY * (overlap / 0.5).min(1.0),
        canopy_sigma_m: libm::hypot(north, east) * settings.canopy_sigma_m / below,
        ..found
    }
}

fn registration(
    keyframe: &View,
    motion: Similarity,
    overlap: f64,
    variance_px2: f64,
) -> Registration {
    let gsd_m = keyframe.resolution_m();
    let below = motion.inverse_of([0.0, 0.0]);
    Registration {
        displacement_ne_m: [-below[1] * gsd_m, below[0] * gsd_m],
        variance_m2: variance_px2 * gsd_m * gsd_m,
        canopy_sigma_m: 0.0,
        // Content that turned counter-clockwise means a camera that turned clockwise.
        rotation_rad: -libm::atan2(motion.imaginary, motion.real),
        scale: libm::hypot(motion.real, motion.imaginary),
        overlap,
        quality: 0.0,
        residual_px: None,
        motion,
    }
}
