//! Frames: every pixel's ray meets hills, roofs and crowns; then come haze, cloud, motion and noise.

use nalgebra::{Matrix3, Rotation3, Vector3};

use super::lens::Lens;
use super::noise::{hash, noise, ramp};
use super::picture::Picture;
use super::scene::{Patch, Scene};

/// Where the camera was and how it hung.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Station {
    /// North and east of the world's origin, m.
    pub at: [f64; 2],
    /// Height above the ground right below, m.
    pub agl_m: f64,
    /// Roll, pitch, yaw of the camera's nominal mounting, rad.
    pub attitude: [f64; 3],
}

/// Air and exposure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Air {
    /// Share of the brightness that is haze, 0 to 1.
    pub haze: f32,
    /// Share of the ground that is hidden by cloud, about.
    pub cloud: f32,
    /// Standard deviation of the sensor's noise, brightness.
    pub noise: f32,
    /// Way that the image moves during the exposure, pixels to the right and down.
    pub motion_px: [f32; 2],
    /// Factor on the brightness.
    pub exposure: f32,
    /// Seed of clouds and noise.
    pub seed: u32,
}

impl Air {
    /// A clear day and a good camera.
    pub const CLEAR: Self = Self {
        haze: 0.05,
        cloud: 0.0,
        noise: 2.0,
        motion_px: [0.0, 0.0],
        exposure: 1.0,
        seed: 0,
    };
}

const HAZE: [f32; 3] = [196.0, 204.0, 214.0];
const CLOUD: [f32; 3] = [236.0, 238.0, 242.0];

/// A camera whose rays are known.
#[derive(Debug, Clone)]
pub struct Photographer {
    /// Its lens.
    pub lens: Lens,
    rays: Vec<[f32; 2]>,
}

impl Photographer {
    /// Computes the rays once.
    #[must_use]
    pub fn new(lens: Lens) -> Self {
        Self {
            lens,
            rays: lens.rays(),
        }
    }

    /// Takes a frame.
    pub fn take(&self, scene: &mut Scene, station: &Station, air: &Air) -> Picture {
        let rotation = camera_to_ned(station.attitude);
        let patch = self.patch(scene, station, &rotation);
        let (cells, tallest) = patch.tallest();
        let camera_m = patch.ground_m(station.at) + station.agl_m;
        let drops = self.drops(&patch, station, &rotation, camera_m);
        let mut colours = Vec::with_capacity(self.rays.len());
        for (index, &[x, y]) in self.rays.iter().enumerate() {
            let ray = rotation * Vector3::new(f64::from(x), f64::from(y), 1.0);
            colours.push(if ray.z < 0.12 {
                HAZE
            } else {
                let slope = [ray.x / ray.z, ray.y / ray.z];
                let drop = drops.at(index % self.lens.width, index / self.lens.width);
                let place = [0, 1].map(|axis| station.at[axis] + drop * slope[axis]);
                let colour = meets_object(&patch, cells, &tallest, place, slope);
                self.through_air(colour, place, air)
            });
        }
        self.expose(colours, air)
    }

    /// How far below the camera its rays meet the hills; hills are smooth, so that every sixteenth ray of
    /// every sixteenth row is enough.
    fn drops(
        &self,
        patch: &Patch,
        station: &Station,
        rotation: &Matrix3<f64>,
        camera_m: f64,
    ) -> Drops {
        let (width, height) = (self.lens.width, self.lens.height);
        let columns = width.div_ceil(DROP_SPACING) + 1;
        let rows = height.div_ceil(DROP_SPACING) + 1;
        let mut values = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                let index = (row * DROP_SPACING).min(height - 1) * width
                    + (column * DROP_SPACING).min(width - 1);
                let [x, y] = self.rays[index];
                let ray = rotation * Vector3::new(f64::from(x), f64::from(y), 1.0);
                let deep = ray.z.max(0.12);
                let slope = [ray.x / deep, ray.y / deep];
                values.push(meets_ground(patch, station, camera_m, slope));
            }
        }
        Drops { columns, values }
    }

    /// The ground that the frame shows, at about the frame's own resolution.
    fn patch(&self, scene: &mut Scene, station: &Station, rotation: &Matrix3<f64>) -> Patch {
        let (width, height) = (self.lens.width, self.lens.height);
        let corners = [0, width - 1, (height - 1) * width, height * width - 1];
        let mut low = station.at;
        let mut high = station.at;
        for corner in corners {
            let [x, y] = self.rays[corner];
            let ray = rotation * Vector3::new(f64::from(x), f64::from(y), 1.0);
            let far = 1.1 * (station.agl_m + 30.0) / ray.z.max(0.25);
            for (axis, part) in [ray.x, ray.y].into_iter().enumerate() {
                low[axis] = low[axis].min(station.at[axis] + far * part);
                high[axis] = high[axis].max(station.at[axis] + far * part);
            }
        }
        let centre = [0, 1].map(|axis| (low[axis] + high[axis]) / 2.0);
        let reach = (high[0] - low[0]).max(high[1] - low[1]) / 2.0 + 5.0;
        let patch = scene.patch(centre, reach);
        if station.agl_m / self.lens.focal_px > 0.7 {
            patch.halved()
        } else {
            patch
        }
    }

    fn through_air(&self, colour: [f32; 3], [north, east]: [f64; 2], air: &Air) -> [f32; 3] {
        let mut out =
            [0, 1, 2].map(|i| (colour[i] + air.haze * (HAZE[i] - colour[i])) * air.exposure);
        if air.cloud > 0.0 {
            let salt = air.seed ^ 0xC10D;
            let mass = 0.55 * noise(salt, 150.0, north, east)
                + 0.3 * noise(salt ^ 1, 52.0, north, east)
                + 0.15 * noise(salt ^ 2, 17.0, north, east);
            // The middle of three noises is one half; most of it lies within 0.3.
            let level = 0.5 + 0.32 * (1.0 - 2.0 * air.cloud);
            let cover = ramp(mass, level - 0.07, level + 0.07);
            out = [0, 1, 2].map(|i| out[i] + cover * (CLOUD[i] * (0.9 + 0.15 * mass) - out[i]));
        }
        out
    }

    /// Lens shading, motion, noise, eight bits.
    fn expose(&self, mut colours: Vec<[f32; 3]>, air: &Air) -> Picture {
        for (colour, [x, y]) in colours.iter_mut().zip(&self.rays) {
            let shade = 1.0 - 0.28 * (x * x + y * y).min(1.0);
            *colour = colour.map(|part| part * shade);
        }
        let (width, height) = (self.lens.width, self.lens.height);
        let colours = moved(&colours, width, height, air.motion_px);
        let mut rgb = Vec::with_capacity(3 * colours.len());
        for (index, colour) in colours.iter().enumerate() {
            let bits = hash(air.seed, index as i32, 0x5E).to_le_bytes();
            // Four uniform bytes are nearly normal; their sum has a standard deviation of 148.
            let sum: i32 = bits.iter().map(|byte| i32::from(*byte)).sum();
            let grain = air.noise * (sum - 510) as f32 / 148.0;
            rgb.extend(colour.map(|part| (part + grain).round().clamp(0.0, 255.0) as u8));
        }
        Picture { width, height, rgb }
    }
}

/// Rotation from camera axes (right, down in the image, into the scene) to north, east, down.
fn camera_to_ned([roll, pitch, yaw]: [f64; 3]) -> Matrix3<f64> {
    let nominal = Matrix3::new(0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0);
    Rotation3::from_euler_angles(roll, pitch, yaw).matrix() * nominal
}

/// Spacing of the rays that are followed to the hills, pixels.
const DROP_SPACING: usize = 16;

/// How far below the camera rays meet the ground, m.
struct Drops {
    columns: usize,
    values: Vec<f64>,
}

impl Drops {
    fn at(&self, column: usize, row: usize) -> f64 {
        let first = row / DROP_SPACING * self.columns + column / DROP_SPACING;
        let share = |at: usize| (at % DROP_SPACING) as f64 / DROP_SPACING as f64;
        let (right, down) = (share(column), share(row));
        let mix = |first: usize| {
            let [left, next] = [self.values[first], self.values[first + 1]];
            left + right * (next - left)
        };
        let (top, bottom) = (mix(first), mix(first + self.columns));
        top + down * (bottom - top)
    }
}

/// How far below the camera a ray meets the hills: what lies higher is met sooner.
fn meets_ground(patch: &Patch, station: &Station, camera_m: f64, slope: [f64; 2]) -> f64 {
    let mut drop = station.agl_m;
    for _ in 0..4 {
        let at = [0, 1].map(|axis| station.at[axis] + drop * slope[axis]);
        drop = camera_m - f64::from(patch.relief_at(at[0], at[1]));
    }
    drop
}

/// The colour that a ray shows which would meet the ground at `place`: on its way down it may meet a
/// crown or a roof first. `slope` is the way north and east per metre of descent.
fn meets_object(
    patch: &Patch,
    cells: usize,
    tallest: &[f32],
    place: [f64; 2],
    slope: [f64; 2],
) -> [f32; 3] {
    let [x, y] = patch.pixel_of(place[0], place[1]);
    let cell = |at: f32| ((at.max(0.0) as usize) / Patch::CELL).min(cells - 1);
    let highest = tallest[cell(y) * cells + cell(x)];
    if highest > 0.0 {
        let per_metre =
            [slope[1] / patch.pixel_m, -slope[0] / patch.pixel_m].map(|part| part as f32);
        let steep = (per_metre[0] * per_metre[0] + per_metre[1] * per_metre[1]).sqrt();
        // Half a pixel, but at most so many steps.
        let step = (0.7 / steep.max(1e-3)).clamp(highest / 48.0, highest);
        let mut height = highest;
        while height > 0.0 {
            let (px, py) = (x - height * per_metre[0], y - height * per_metre[1]);
            let stands = patch.height_at(px, py);
            if stands >= height {
                // What is met far below its top is met at its side.
                let side = 1.0 - 0.3 * ramp(stands - height, 1.5, 4.0);
                return patch.colour_at(px, py).map(|part| part * side);
            }
            height -= step;
        }
    }
    patch.colour_at(x, y)
}

/// The image moved during its exposure: the mean of several places along the way.
fn moved(colours: &[[f32; 3]], width: usize, height: usize, motion: [f32; 2]) -> Vec<[f32; 3]> {
    let length = (motion[0] * motion[0] + motion[1] * motion[1]).sqrt();
    if length < 0.5 {
        return colours.to_vec();
    }
    let samples = (length.ceil() as i32 + 1).min(9);
    let offsets: Vec<[i64; 2]> = (0..samples)
        .map(|i| {
            let share = i as f32 / (samples - 1) as f32 - 0.5;
            motion.map(|part| (part * share).round() as i64)
        })
        .collect();
    let mut out = Vec::with_capacity(colours.len());
    for row in 0..height as i64 {
        for column in 0..width as i64 {
            let mut sum = [0.0; 3];
            for [right, down] in &offsets {
                let r = (row + down).clamp(0, height as i64 - 1) as usize;
                let c = (column + right).clamp(0, width as i64 - 1) as usize;
                let colour = colours[r * width + c];
                sum = [0, 1, 2].map(|i| sum[i] + colour[i]);
            }
            out.push(sum.map(|part| part / samples as f32));
        }
    }
    out
}
