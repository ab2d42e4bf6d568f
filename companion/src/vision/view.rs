//! A frame made ready to be registered: rectified, at three resolutions, with what is compared of it.

use std::sync::OnceLock;

use super::alignment::Template;
use super::calibration::Calibration;
use super::correlation::{Correlator, Spectrum};
use super::image::Pyramid;
use super::north_up::NorthUp;
use super::orientation::{Angle, Gradients};
use super::rectify::{Pose, rectify};
use crate::navigator::FrameRefusal;

/// Side of the rectified frames, pixels.
pub(super) const SIDE: usize = 288;

/// A frame made ready to be compared.
pub struct View {
    pub(super) full: Template,
    pub(super) half: Template,
    pub(super) quarter: Template,
    pub(super) gradients: [Gradients; 2],
    pub(super) agl_m: f64,
    /// Transforms of the view as a keyframe, by level and angle: a keyframe meets many frames.
    sought: [[OnceLock<Spectrum>; 2]; 2],
}

impl View {
    /// Ground resolution at which a frame taken with `pose` fills a view, m per pixel.
    #[must_use]
    pub fn gsd_m(camera: &Calibration, pose: &Pose) -> f64 {
        let (shorter, longer) = camera.footprint_per_metre();
        pose.agl_m * libm::hypot(shorter, longer) / SIDE as f64
    }

    /// Rectifies a frame to `gsd_m`.
    ///
    /// # Errors
    /// [`FrameRefusal::PoorImage`] when it was taken too obliquely or from no sensible height.
    pub fn new(
        frame: &Pyramid,
        camera: &Calibration,
        pose: &Pose,
        gsd_m: f64,
    ) -> Result<Self, FrameRefusal> {
        if pose.is_usable(camera) {
            let image = rectify(frame, camera, pose, SIDE, SIDE, gsd_m);
            Ok(Self::of(image, pose.agl_m))
        } else {
            Err(FrameRefusal::PoorImage)
        }
    }

    fn of(image: NorthUp, agl_m: f64) -> Self {
        let half = image.halved();
        let quarter = half.halved();
        Self {
            gradients: [Gradients::new(&half), Gradients::new(&quarter)],
            full: Template::new(image),
            half: Template::new(half),
            quarter: Template::new(quarter),
            agl_m,
            sought: Default::default(),
        }
    }

    /// Mean gradient at half resolution, brightness per pixel: how much there is to see.
    #[must_use]
    pub fn mean_gradient(&self) -> f64 {
        f64::from(self.gradients[0].mean_magnitude())
    }

    pub(super) fn image_at(&self, level: usize) -> &NorthUp {
        match level {
            0 => self.half.image(),
            _ => self.quarter.image(),
        }
    }

    /// Farthest shift that is looked at on a level, pixels.
    pub(super) fn reach(&self, level: usize) -> usize {
        self.gradients[level].width() / 2
    }

    /// The transform in which frames are sought; their shifts count from its margin.
    pub(super) fn sought(
        &self,
        level: usize,
        angle: Angle,
        correlator: &mut Correlator,
    ) -> &Spectrum {
        self.sought[level][angle as usize].get_or_init(|| {
            let gradients = &self.gradients[level];
            let reach = self.reach(level);
            correlator.spectrum(gradients, angle, gradients.width() + reach, reach)
        })
    }

    /// Side of a pixel on the ground, m.
    #[must_use]
    pub fn resolution_m(&self) -> f64 {
        self.full.image().gsd_m()
    }
}

// It halves twice to an even side.
const _: () = assert!(SIDE.is_multiple_of(8));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::correlation::transform_side;

    #[test]
    fn the_transforms_have_fast_lengths() {
        for level in [2, 4] {
            let side = SIDE / level * 3 / 2;
            assert_eq!(transform_side(side), side);
        }
    }
}
