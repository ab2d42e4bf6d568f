//! A camera over flat, made-up ground: every pixel's ray meets it.

use companion::vision::Pose;
use companion::vision::image::Gray;

/// An ideal camera.
#[derive(Debug, Clone, Copy)]
pub struct Lens {
    pub width: usize,
    pub height: usize,
    pub focal_px: f64,
}

impl Lens {
    /// Its `camera.toml`.
    pub fn toml(&self) -> String {
        let Self {
            width,
            height,
            focal_px,
        } = self;
        let (cx, cy) = (*width as f64 / 2.0, *height as f64 / 2.0);
        format!(
            "model = \"pinhole\"\nwidth = {width}\nheight = {height}\nfx = {focal_px:.1}\nfy = {focal_px:.1}\ncx = {cx:.1}\ncy = {cy:.1}\n"
        )
    }

    /// What it sees with `pose` from above `at` (north and east, m).
    pub fn photograph(&self, pose: &Pose, at: [f64; 2], ground: &dyn Fn(f64, f64) -> f64) -> Gray {
        let (sr, cr) = pose.roll_rad.sin_cos();
        let (sp, cp) = pose.pitch_rad.sin_cos();
        let (sy, cy) = pose.yaw_rad.sin_cos();
        let mut pixels = Vec::with_capacity(self.width * self.height);
        for row in 0..self.height {
            for column in 0..self.width {
                let x = (column as f64 - self.width as f64 / 2.0) / self.focal_px;
                let y = (row as f64 - self.height as f64 / 2.0) / self.focal_px;
                // Body axes: forward is the image's top, right its right edge, down into the scene.
                let (forward, right, down) = (-y, x, 1.0);
                let (right, down) = (cr * right - sr * down, sr * right + cr * down);
                let (forward, down) = (cp * forward + sp * down, cp * down - sp * forward);
                let (north, east) = (cy * forward - sy * right, sy * forward + cy * right);
                let length = pose.agl_m / down;
                let value = ground(at[0] + north * length, at[1] + east * length);
                // A little grain, the same in every run.
                let grain = ((row * 7_919 + column * 104_729) % 9) as f64 - 4.0;
                pixels.push((value + grain).clamp(0.0, 255.0) as u8);
            }
        }
        Gray::new(self.width, self.height, pixels).unwrap()
    }
}
