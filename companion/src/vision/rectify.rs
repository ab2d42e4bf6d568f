//! A frame as it would look from straight above, north up, at a wanted ground resolution.
//!
//! One inverse warp undistorts, removes the attitude and scales: every pixel of the result is a point
//! of flat ground, whose direction from the camera is turned into camera axes and projected through
//! the lens. The mapping is smooth, so it is computed at the nodes of a grid and interpolated between
//! them; brightness comes from the pyramid level whose pixels are about as large as the wanted ones.

use nalgebra::{Matrix3, Vector3};

use super::calibration::{Calibration, rotation};
use super::image::{Gray, Pyramid};
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
            Cell {
                corners: [a, b, c, d],
            }
            .fill(level, &mut out, [left * NODE_SPACING, top]);
        }
        upper = lower;
    }
    out
}

/// The places in the frame of four neighbouring nodes: left and right, of the upper and the lower row.
struct Cell {
    corners: [[f32; 2]; 4],
}

impl Cell {
    /// Fills the pixels between the nodes, of which the first lies at `corner` (column, row).
    fn fill(&self, level: &Gray, out: &mut NorthUp, [first, top]: [usize; 2]) {
        let count = NODE_SPACING.min(out.width() - first);
        let [a, b, c, d] = self.corners;
        // What lies between four places of a rectangle lies in it.
        let inside = self.corners.iter().all(|[x, y]| {
            *x >= 0.0
                && *y >= 0.0
                && *x < (level.width() - 1) as f32 - 0.01
                && *y < (level.height() - 1) as f32 - 0.01
        });
        for row in top..(top + NODE_SPACING).min(out.height()) {
            let down = (row - top) as f32 / NODE_SPACING as f32;
            let start = [a[0] + down * (c[0] - a[0]), a[1] + down * (c[1] - a[1])];
            let end = [b[0] + down * (d[0] - b[0]), b[1] + down * (d[1] - b[1])];
            let slope = [0, 1].map(|i| (end[i] - start[i]) / NODE_SPACING as f32);
            let pixels = &mut out.row_mut(row)[first..first + count];
            if inside {
                sample_inside(level, start, slope, pixels);
                continue;
            }
            for (along, pixel) in pixels.iter_mut().enumerate() {
                let [x, y] = [0, 1].map(|i| start[i] + along as f32 * slope[i]);
                if let Some(value) = level.sample(x, y) {
                    *pixel = value;
                }
            }
        }
    }
}

/// Samples along a line that lies inside the image, in fixed point: 16 bits behind the point for the
/// place, 8 for the weights.
fn sample_inside(level: &Gray, start: [f32; 2], slope: [f32; 2], out: &mut [f32]) {
    const ONE: f32 = 65_536.0;
    // Half a step of the weights, which are cut off.
    let [mut x, mut y] = start.map(|at| (at * ONE) as i32 + 128);
    let [step_x, step_y] = slope.map(|step| (step * ONE) as i32);
    let (width, pixels) = (level.width(), level.pixels());
    for out in out {
        // Wrapping, because nothing here can: the checks would take longer than the work.
        let first = ((y >> 16) as usize)
            .wrapping_mul(width)
            .wrapping_add((x >> 16) as usize);
        let (Some(upper), Some(lower)) = (
            pixels.get(first..first.wrapping_add(2)),
            pixels.get(first.wrapping_add(width)..first.wrapping_add(width).wrapping_add(2)),
        ) else {
            continue;
        };
        let (right, below) = ((x >> 8) & 255, (y >> 8) & 255);
        let mix = |pair: &[u8]| {
            let left = i32::from(pair[0]);
            let rise = i32::from(pair[1]).wrapping_sub(left);
            (left << 8).wrapping_add(right.wrapping_mul(rise))
        };
        let top = mix(upper);
        let rise = mix(lower).wrapping_sub(top);
        let value = (top << 8).wrapping_add(below.wrapping_mul(rise));
        *out = value as f32 * (1.0 / ONE);
        (x, y) = (x.wrapping_add(step_x), y.wrapping_add(step_y));
    }
}
