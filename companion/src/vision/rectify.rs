//! A frame as it would look from straight above, north up, at a wanted ground resolution.
//!
//! One inverse warp undistorts, removes the attitude and scales: every pixel of the result is a point
//! of flat ground, whose direction from the camera is turned into camera axes and projected through
//! the lens. The mapping is smooth, so it is computed at the nodes of a grid and interpolated between
//! them; brightness comes from the pyramid level whose pixels are about as large as the wanted ones.

use nalgebra::{Matrix3, Vector3};

use super::calibration::{Calibration, rotation};
use super::image::Pyramid;
use super::north_up::NorthUp;

/// Spacing of the nodes at which the mapping is computed, pixels of the result.
const NODE_SPACING: usize = 8;
/// Farthest from straight down that a camera may look, rad: beyond it the far part of the ground is
/// seen too obliquely, and the height's error grows into the position.
pub const MAX_TILT_RAD: f64 = 0.7;

/// Attitude and height of the aircraft at the exposure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Roll, right wing down positive.
    pub roll_rad: f64,
    /// Pitch, nose up positive.
    pub pitch_rad: f64,
    /// Yaw against true north, clockwise positive.
    pub yaw_rad: f64,
    /// Height of the camera above the ground below it, m.
    pub agl_m: f64,
}

impl Pose {
    /// Whether a camera so mounted looks down steeply enough, from a height that makes sense.
    #[must_use]
    pub fn is_usable(&self, camera: &Calibration) -> bool {
        let axis = self.camera_to_ned(camera) * Vector3::z();
        let height = self.agl_m.is_finite() && self.agl_m >= 5.0 && self.agl_m <= 10_000.0;
        // Also false for NaN.
        height && self.yaw_rad.is_finite() && axis.z >= libm::cos(MAX_TILT_RAD)
    }

    /// The same with yaw turned by `yaw_rad` and the height multiplied by `scale`.
    #[must_use]
    pub fn varied(self, yaw_rad: f64, scale: f64) -> Self {
        Self {
            yaw_rad: self.yaw_rad + yaw_rad,
            agl_m: self.agl_m * scale,
            ..self
        }
    }

    fn camera_to_ned(&self, camera: &Calibration) -> Matrix3<f64> {
        rotation(self.roll_rad, self.pitch_rad, self.yaw_rad) * camera.camera_to_body()
    }
}

/// Warps `frame` to a north-up image of `width` x `height` pixels of `gsd_m` metres whose middle is the
/// ground straight below the camera. What the frame does not show is marked as not seen.
#[must_use]
pub fn rectify(
    frame: &Pyramid,
    camera: &Calibration,
    pose: &Pose,
    width: usize,
    height: usize,
    gsd_m: f64,
) -> NorthUp {
    let step = gsd_m / (pose.agl_m * camera.pixel_angle_rad());
    let (index, level) = frame.level(step);
    let shrink = 1.0 / (1u32 << index) as f64;
    let from_ned = pose.camera_to_ned(camera).transpose();
    let node = |column: usize, row: usize| -> Option<[f32; 2]> {
        let east = (column as f64 - (width - 1) as f64 / 2.0) * gsd_m;
        let north = ((height - 1) as f64 / 2.0 - row as f64) * gsd_m;
        let direction = from_ned * Vector3::new(north, east, pose.agl_m);
        let [x, y] = camera.project(direction)?;
        Some([
            ((x + 0.5) * shrink - 0.5) as f32,
            ((y + 0.5) * shrink - 0.5) as f32,
        ])
    };
    let columns = width.div_ceil(NODE_SPACING) + 1;
    let row_of_nodes = |row: usize| -> Vec<Option<[f32; 2]>> {
        (0..columns)
            .map(|column| node(column * NODE_SPACING, row))
            .collect()
    };
    let mut out = NorthUp::unseen(width, height, gsd_m);
    let mut upper = row_of_nodes(0);
    for top in (0..height).step_by(NODE_SPACING) {
        let lower = row_of_nodes(top + NODE_SPACING);
        for left in 0..width.div_ceil(NODE_SPACING) {
            let corners = [upper[left], upper[left + 1], lower[left], lower[left + 1]];
            let [Some(a), Some(b), Some(c), Some(d)] = corners else {
                continue;
            };
            let columns = left * NODE_SPACING..((left + 1) * NODE_SPACING).min(width);
            for row in top..(top + NODE_SPACING).min(height) {
                let down = (row - top) as f32 / NODE_SPACING as f32;
                let start = [a[0] + down * (c[0] - a[0]), a[1] + down * (c[1] - a[1])];
                let end = [b[0] + down * (d[0] - b[0]), b[1] + down * (d[1] - b[1])];
                let slope = [
                    (end[0] - start[0]) / NODE_SPACING as f32,
                    (end[1] - start[1]) / NODE_SPACING as f32,
                ];
                for column in columns.clone() {
                    let along = (column - columns.start) as f32;
                    let x = start[0] + along * slope[0];
                    let y = start[1] + along * slope[1];
                    if let Some(value) = level.sample(x, y) {
                        out.see(column, row, value);
                    }
                }
            }
        }
        upper = lower;
    }
    out
}
