//! The camera: a pinhole with radial and tangential distortion, and how it sits in the aircraft.
//!
//! Camera axes: x to the right edge of the image, y to its bottom edge, z into the scene. Nominal
//! mounting: z down through the floor, the image's top edge to the nose; the mounting angles turn the
//! camera from there in the order yaw, pitch, roll, as an aircraft turns from north.
//!
//! Source of the distortion model: D. C. Brown, "Decentering distortion of lenses", 1966, in the form
//! and with the coefficient names of OpenCV (`k1 k2 p1 p2 k3`).

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::image::{ImageError, check_size};

/// Why a calibration cannot be used.
#[derive(Debug, Error)]
pub enum CalibrationError {
    /// Not the calibration file that is expected.
    #[error("not a camera calibration: line {line}: {problem}")]
    Syntax {
        /// Line, 1-based.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A value outside its range.
    #[error("camera calibration: {name} = {value}, allowed is {allowed}")]
    Value {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        allowed: &'static str,
    },
    /// Only the pinhole model is known.
    #[error("camera calibration: model = \"{0}\", allowed is \"pinhole\"")]
    Model(String),
    /// The image size is not handled.
    #[error("camera calibration: {0}")]
    Size(#[from] ImageError),
    /// The lens would show one direction at two places.
    #[error(
        "camera calibration: the distortion folds the image over inside its own corner ({x:.0}, {y:.0}): k1 k2 p1 p2 k3 contradict the image size"
    )]
    Folds {
        /// Pixel column of the corner.
        x: f64,
        /// Pixel row of the corner.
        y: f64,
    },
}

/// `camera.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibrationFile {
    model: String,
    width: usize,
    height: usize,
    fx: f64,
    fy: f64,
    cx: f64,
    cy: f64,
    #[serde(default)]
    k1: f64,
    #[serde(default)]
    k2: f64,
    #[serde(default)]
    p1: f64,
    #[serde(default)]
    p2: f64,
    #[serde(default)]
    k3: f64,
    #[serde(default)]
    mount_roll_deg: f64,
    #[serde(default)]
    mount_pitch_deg: f64,
    #[serde(default)]
    mount_yaw_deg: f64,
}

/// A camera that was checked: every value in range, the distortion invertible over the image.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    focal_px: [f64; 2],
    centre_px: [f64; 2],
    radial: [f64; 3],
    tangential: [f64; 2],
    camera_to_body: Matrix3<f64>,
    max_radius: f64,
}

impl Calibration {
    /// Reads `camera.toml`.
    ///
    /// # Errors
    /// When it is not one, or its values contradict each other or the image.
    pub fn parse(text: &str) -> Result<Self, CalibrationError> {
        let file: CalibrationFile = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        if file.model != "pinhole" {
            return Err(CalibrationError::Model(file.model));
        }
        check_size(file.width, file.height)?;
        check_values(&file)?;
        let mut camera = Self {
            width: file.width,
            height: file.height,
            focal_px: [file.fx, file.fy],
            centre_px: [file.cx, file.cy],
            radial: [file.k1, file.k2, file.k3],
            tangential: [file.p1, file.p2],
            camera_to_body: mounting(&file),
            max_radius: f64::INFINITY,
        };
        camera.max_radius = camera.radius_of_the_corners()?;
        Ok(camera)
    }

    /// Rotation that takes camera axes to body axes (forward, right, down).
    #[must_use]
    pub fn camera_to_body(&self) -> &Matrix3<f64> {
        &self.camera_to_body
    }

    /// Angle that one pixel in the middle covers, rad.
    #[must_use]
    pub fn pixel_angle_rad(&self) -> f64 {
        2.0 / (self.focal_px[0] + self.focal_px[1])
    }

    /// Shorter and longer side of the ground that an upright camera sees, per metre of height.
    #[must_use]
    pub fn footprint_per_metre(&self) -> (f64, f64) {
        let across = self.width as f64 / self.focal_px[0];
        let along = self.height as f64 / self.focal_px[1];
        (across.min(along), across.max(along))
    }

    /// The pixel that shows `direction` (camera axes); absent behind the camera and beyond the part of
    /// the lens that the calibration describes.
    #[must_use]
    pub fn project(&self, direction: Vector3<f64>) -> Option<[f64; 2]> {
        // Nothing closer to the image plane than 6 degrees is ground.
        if direction.z < 0.1 * direction.norm() {
            return None;
        }
        let (x, y) = (direction.x / direction.z, direction.y / direction.z);
        if x * x + y * y > self.max_radius * self.max_radius {
            return None;
        }
        let [x, y] = self.distort(x, y);
        Some([
            self.focal_px[0] * x + self.centre_px[0],
            self.focal_px[1] * y + self.centre_px[1],
        ])
    }

    fn distort(&self, x: f64, y: f64) -> [f64; 2] {
        let r2 = x * x + y * y;
        let radial = 1.0 + r2 * (self.radial[0] + r2 * (self.radial[1] + r2 * self.radial[2]));
        let [p1, p2] = self.tangential;
        [
            x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
            y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
        ]
    }

    /// The undistorted radius that reaches the farthest corner, a little more than is needed. Up to
    /// there the distorted radius must grow.
    fn radius_of_the_corners(&self) -> Result<f64, CalibrationError> {
        let mut farthest = ([0.0, 0.0], 0.0);
        for x in [0.0, self.width as f64] {
            for y in [0.0, self.height as f64] {
                let reach = libm::hypot(
                    (x - self.centre_px[0]) / self.focal_px[0],
                    (y - self.centre_px[1]) / self.focal_px[1],
                );
                if reach > farthest.1 {
                    farthest = ([x, y], reach);
                }
            }
        }
        let [k1, k2, k3] = self.radial;
        let step = farthest.1 / 256.0;
        let mut radius = 0.0;
        // A barrel lens bends the corner out to at most four times its image radius.
        for _ in 0..1024 {
            let r2 = radius * radius;
            let slope = 1.0 + r2 * (3.0 * k1 + r2 * (5.0 * k2 + r2 * 7.0 * k3));
            if slope < 0.05 {
                break;
            }
            if radius * (1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))) >= farthest.1 {
                return Ok(1.02 * radius);
            }
            radius += step;
        }
        let [x, y] = farthest.0;
        Err(CalibrationError::Folds { x, y })
    }
}

fn syntax(text: &str, error: &toml::de::Error) -> CalibrationError {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    CalibrationError::Syntax {
        line: 1 + text.as_bytes()[..start]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
        problem: error.message().replace('\n', " "),
    }
}

fn check_values(file: &CalibrationFile) -> Result<(), CalibrationError> {
    let (width, height) = (file.width as f64, file.height as f64);
    let in_range = |name, value: f64, low: f64, high: f64, allowed| {
        if value.is_finite() && value >= low && value <= high {
            Ok(())
        } else {
            Err(CalibrationError::Value {
                name,
                value,
                allowed,
            })
        }
    };
    let longest = width.max(height);
    for (name, focal) in [("fx", file.fx), ("fy", file.fy)] {
        let allowed = "0.3 to 30 times the image's longer side, in pixels";
        in_range(name, focal, 0.3 * longest, 30.0 * longest, allowed)?;
    }
    let inside = "a pixel in the middle half of the image";
    in_range("cx", file.cx, 0.25 * width, 0.75 * width, inside)?;
    in_range("cy", file.cy, 0.25 * height, 0.75 * height, inside)?;
    for (name, value) in [("k1", file.k1), ("k2", file.k2), ("k3", file.k3)] {
        in_range(name, value, -5.0, 5.0, "-5 to 5")?;
    }
    for (name, value) in [("p1", file.p1), ("p2", file.p2)] {
        in_range(name, value, -0.1, 0.1, "-0.1 to 0.1")?;
    }
    for (name, value) in [
        ("mount_roll_deg", file.mount_roll_deg),
        ("mount_pitch_deg", file.mount_pitch_deg),
    ] {
        in_range(
            name,
            value,
            -30.0,
            30.0,
            "-30 to 30 degrees from straight down",
        )?;
    }
    let turn = "-180 to 180 degrees";
    in_range("mount_yaw_deg", file.mount_yaw_deg, -180.0, 180.0, turn)
}

fn mounting(file: &CalibrationFile) -> Matrix3<f64> {
    let nominal = Matrix3::new(0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0);
    rotation(
        file.mount_roll_deg.to_radians(),
        file.mount_pitch_deg.to_radians(),
        file.mount_yaw_deg.to_radians(),
    ) * nominal
}

/// Rotation of the yaw-pitch-roll order: takes body axes to the axes that the angles count from.
pub(super) fn rotation(roll: f64, pitch: f64, yaw: f64) -> Matrix3<f64> {
    let ((sr, cr), (sp, cp), (sy, cy)) =
        (libm::sincos(roll), libm::sincos(pitch), libm::sincos(yaw));
    Matrix3::new(
        cp * cy,
        sr * sp * cy - cr * sy,
        cr * sp * cy + sr * sy,
        cp * sy,
        sr * sp * sy + cr * cy,
        cr * sp * sy - sr * cy,
        -sp,
        sr * cp,
        cr * cp,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(more: &str) -> String {
        format!(
            "model = \"pinhole\"\nwidth = 1000\nheight = 750\nfx = 726.0\nfy = 726.0\ncx = 500.0\ncy = 375.0\n{more}"
        )
    }

    #[test]
    fn a_calibration_that_contradicts_itself_names_the_setting() {
        let broken = [
            (text("k1 = -2.0"), "folds"),
            (text("k1 = 7.0"), "k1 = 7"),
            (text("mount_pitch_deg = 45.0"), "mount_pitch_deg = 45"),
            (text("colour = 3"), "colour"),
            (text("").replace("fx = 726.0", "fx = 12.0"), "fx = 12"),
            (text("").replace("fx = 726.0", "fx = nan"), "fx = NaN"),
            (text("").replace("cx = 500.0", "cx = 990.0"), "cx = 990"),
            (text("").replace("1000", "100000"), "100000 x 750"),
            (text("").replace("pinhole", "fisheye"), "fisheye"),
        ];
        for (text, part) in broken {
            let error = Calibration::parse(&text).unwrap_err().to_string();
            assert!(error.contains(part), "no {part:?} in {error:?}");
        }
    }

    #[test]
    fn straight_down_is_the_middle_and_the_nose_is_up_in_the_image() {
        let camera = Calibration::parse(&text("")).unwrap();
        let to_camera = camera.camera_to_body().transpose();
        assert_eq!(
            camera.project(to_camera * Vector3::new(0.0, 0.0, 1.0)),
            Some([500.0, 375.0])
        );
        let ahead = camera
            .project(to_camera * Vector3::new(0.1, 0.0, 1.0))
            .unwrap();
        assert!(ahead[1] < 375.0 - 70.0 && (ahead[0] - 500.0).abs() < 1e-9);
        let right = camera
            .project(to_camera * Vector3::new(0.0, 0.1, 1.0))
            .unwrap();
        assert!(right[0] > 500.0 + 70.0);
        assert_eq!(camera.project(Vector3::new(0.0, 0.0, -1.0)), None);
    }

    #[test]
    fn a_mounting_yaw_turns_the_image_the_other_way() {
        let camera = Calibration::parse(&text("mount_yaw_deg = 90.0")).unwrap();
        let to_camera = camera.camera_to_body().transpose();
        // The image's top edge points to the right wing: what lies right of the aircraft is up.
        let right = camera
            .project(to_camera * Vector3::new(0.0, 0.1, 1.0))
            .unwrap();
        assert!(right[1] < 375.0 - 70.0 && (right[0] - 500.0).abs() < 1e-9);
    }
}
