//! The camera's optics: which way the ray of every pixel goes.

use companion::vision::calibration::{Calibration, CalibrationError};

/// Size, focal length and distortion (Brown's, with OpenCV's coefficients).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lens {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Focal length, pixels.
    pub focal_px: f64,
    /// k1, k2.
    pub radial: [f64; 2],
    /// p1, p2.
    pub tangential: [f64; 2],
}

impl Lens {
    /// A small wide camera with visible barrel distortion.
    pub const WIDE: Self = Self {
        width: 640,
        height: 480,
        focal_px: 500.0,
        radial: [-0.11, 0.025],
        tangential: [0.0008, -0.0005],
    };

    /// The same field of view with fewer pixels.
    pub const SMALL: Self = Self {
        width: 384,
        height: 288,
        focal_px: 300.0,
        ..Self::WIDE
    };

    /// The file `camera.toml` that describes it.
    #[must_use]
    pub fn toml(&self) -> String {
        let Self {
            width,
            height,
            focal_px,
            radial: [k1, k2],
            tangential: [p1, p2],
        } = self;
        let (cx, cy) = (*width as f64 / 2.0, *height as f64 / 2.0);
        format!(
            "model = \"pinhole\"\nwidth = {width}\nheight = {height}\nfx = {focal_px:?}\nfy = {focal_px:?}\n\
             cx = {cx:?}\ncy = {cy:?}\nk1 = {k1:?}\nk2 = {k2:?}\np1 = {p1:?}\np2 = {p2:?}\n"
        )
    }

    /// The calibration that the companion reads from that file.
    ///
    /// # Errors
    /// When the lens is one that the companion refuses.
    pub fn calibration(&self) -> Result<Calibration, CalibrationError> {
        Calibration::parse(&self.toml())
    }

    /// The rays of all pixels, row by row: to the right and down, per unit of depth.
    #[must_use]
    pub fn rays(&self) -> Vec<[f32; 2]> {
        let middle = [self.width as f64 / 2.0, self.height as f64 / 2.0];
        let mut rays = Vec::with_capacity(self.width * self.height);
        for row in 0..self.height {
            for column in 0..self.width {
                let seen = [
                    (column as f64 - middle[0]) / self.focal_px,
                    (row as f64 - middle[1]) / self.focal_px,
                ];
                rays.push(self.undistorted(seen).map(|part| part as f32));
            }
        }
        rays
    }

    /// The ray that is seen at a distorted place: the model turned round by iteration.
    fn undistorted(&self, seen: [f64; 2]) -> [f64; 2] {
        let [k1, k2] = self.radial;
        let [p1, p2] = self.tangential;
        let [mut x, mut y] = seen;
        for _ in 0..12 {
            let r2 = x * x + y * y;
            let radial = 1.0 + r2 * (k1 + r2 * k2);
            let dx = 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x);
            let dy = p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y;
            (x, y) = ((seen[0] - dx) / radial, (seen[1] - dy) / radial);
        }
        [x, y]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    #[test]
    fn the_companion_projects_every_ray_back_to_its_pixel() {
        let lens = Lens::WIDE;
        let calibration = lens.calibration().unwrap();
        for (index, [x, y]) in lens.rays().into_iter().enumerate().step_by(997) {
            let [column, row] = calibration
                .project(Vector3::new(f64::from(x), f64::from(y), 1.0))
                .unwrap();
            let wanted = [(index % lens.width) as f64, (index / lens.width) as f64];
            assert!((column - wanted[0]).abs() < 0.01 && (row - wanted[1]).abs() < 0.01);
        }
    }
}
