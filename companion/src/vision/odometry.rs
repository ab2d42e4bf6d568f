//! Displacement, rotation and scale between two rectified frames, with what they are worth.
//!
//! | step | what | refuses with |
//! |---|---|---|
//! | 1 | orientation correlation at half, then at quarter resolution finds the shift; doubled angles, or the other resolution, must find it too | `LowTexture`, `Disagreement` |
//! | 2 | the similarity is aligned on brightness, from coarse to fine ([`super::alignment`]) | - |
//! | 3 | held-back patches measure what is left, each for itself ([`super::patches`]) | - |
//! | 4 | where the patches do not agree (trees and houses seen from two sides), the shift of step 1 stands with its own, larger covariance, if its peak is clear | `Disagreement` |
//! | 5 | the share of ground that both see | `SmallOverlap` |
//!
//! The patches did not take part in the alignment, so their residuals say how good it really is; the
//! covariance is made of them.

use super::alignment::{Similarity, align};
use super::correlation::Correlator;
use super::north_up::NorthUp;
use super::orientation::{Angle, Gradients};
use super::patches::{self, Meter};
pub use super::registration::Registration;
use super::registration::{precise, unconfirmed};
pub use super::view::View;
use crate::navigator::FrameRefusal;

/// When a displacement is believed. The defaults are those of docs/vision.md.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OdometrySettings {
    /// Least mean gradient, brightness per pixel.
    pub min_gradient: f64,
    /// Least height of the correlation's peak, in standard deviations of all shifts: in a small window
    /// chance has few rivals, and the ratio of two peaks says little.
    pub min_significance: f64,
    /// Least ratio of the correlation's peak to its second peak, where patches confirm it.
    pub min_peak_ratio: f64,
    /// The same where they do not.
    pub min_unconfirmed_ratio: f64,
    /// Farthest that the second opinion may lie from the peak, pixels of the correlation.
    pub second_opinion_px: f64,
    /// Least share of the keyframe's ground that the frame sees.
    pub min_overlap: f64,
    /// Fewest patches with enough structure.
    pub min_patches: usize,
    /// Least share of the patches that agree.
    pub min_agreement: f64,
    /// Farthest that a patch may lie from the common motion and agree, pixels.
    pub agreement_px: f64,
    /// Largest median residual of the patches, pixels.
    pub max_residual_px: f64,
    /// Farthest that the scale may lie from that of the heights.
    pub max_scale_error: f64,
    /// Largest turn beyond the attitude's, where patches confirm it, rad.
    pub max_rotation_rad: f64,
    /// The same where they do not.
    pub max_unconfirmed_rotation_rad: f64,
    /// Rotations beyond the attitude's that are tried when none fits, to either side.
    pub rotation_steps: u32,
    /// Between two rotations.
    pub rotation_step_rad: f64,
    /// Multiplies the standard deviation that the patches give.
    pub sigma_factor: f64,
    /// Smallest standard deviation of a displacement that patches confirm, pixels.
    pub sigma_floor_px: f64,
    /// Smallest standard deviation of one that they do not, pixels of the correlation.
    pub unconfirmed_sigma_px: f64,
    /// Standard deviation of the height of what is followed there above the ground, m.
    pub canopy_sigma_m: f64,
}

impl Default for OdometrySettings {
    fn default() -> Self {
        Self {
            min_gradient: 0.6,
            min_significance: 4.5,
            min_peak_ratio: 1.2,
            min_unconfirmed_ratio: 1.45,
            second_opinion_px: 2.75,
            min_overlap: 0.3,
            min_patches: 6,
            min_agreement: 0.6,
            agreement_px: 2.5,
            max_residual_px: 1.5,
            max_scale_error: 0.12,
            max_rotation_rad: 15f64.to_radians(),
            max_unconfirmed_rotation_rad: 6f64.to_radians(),
            rotation_steps: 2,
            rotation_step_rad: 5f64.to_radians(),
            sigma_factor: 1.5,
            sigma_floor_px: 0.05,
            unconfirmed_sigma_px: 1.5,
            canopy_sigma_m: 10.0,
        }
    }
}

/// What is known of a displacement before it is measured, as the estimate has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// North and east, m.
    pub displacement_ne_m: [f64; 2],
    /// It is sought within so much of there to every side, m.
    pub window_m: f64,
}

impl Expected {
    /// The corners of the window among the shifts of a correlation whose middle is no shift.
    fn corners(&self, gsd_m: f64, reach: usize) -> ([i64; 2], [i64; 2]) {
        let [north, east] = self.displacement_ne_m;
        // Two more: a peak at the very edge has no surroundings.
        let window = (self.window_m / gsd_m).ceil() + 2.0;
        let middle = [east, -north].map(|metres| (metres / gsd_m).round() + reach as f64);
        // Out of range and NaN become the nearest integer and 0: a window that holds nothing.
        (
            middle.map(|at| (at - window) as i64),
            middle.map(|at| (at + window + 1.0) as i64),
        )
    }
}

/// Compares views; keeps its transforms and memory from frame to frame.
pub struct Odometry {
    settings: OdometrySettings,
    correlator: Correlator,
}

impl Odometry {
    /// Odometry with these settings.
    #[must_use]
    pub fn new(settings: OdometrySettings) -> Self {
        Self {
            settings,
            correlator: Correlator::default(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &OdometrySettings {
        &self.settings
    }

    /// The motion from `keyframe` to `frame`, which have the same resolution.
    ///
    /// # Errors
    /// Why there is none.
    pub fn register(
        &mut self,
        keyframe: &View,
        frame: &View,
        expected: Option<&Expected>,
    ) -> Result<Registration, FrameRefusal> {
        let settings = self.settings;
        for view in [keyframe, frame] {
            if f64::from(view.gradients[0].mean_magnitude()) < settings.min_gradient {
                return Err(FrameRefusal::LowTexture);
            }
        }
        let start = self
            .start(keyframe, frame, expected)
            .ok_or(FrameRefusal::Disagreement)?;
        let seen = |motion| {
            let overlap = patches::overlap(&keyframe.quarter, &frame.quarter, motion);
            if overlap < settings.min_overlap {
                Err(FrameRefusal::SmallOverlap)
            } else {
                Ok(overlap)
            }
        };
        if let Some((motion, meter)) = confirmed(keyframe, frame, &start, &settings) {
            return Ok(precise(keyframe, motion, seen(motion)?, &meter, &settings));
        }
        if start.ratio < settings.min_unconfirmed_ratio
            || start.turn.abs() > settings.max_unconfirmed_rotation_rad
        {
            return Err(FrameRefusal::Disagreement);
        }
        let overlap = seen(start.motion)?;
        Ok(unconfirmed(keyframe, &start, overlap, &settings))
    }

    /// The shift by correlation: at half resolution, and where nothing stands out there, at a quarter,
    /// which sees the outlines of what looks different from two sides.
    fn start(
        &mut self,
        keyframe: &View,
        frame: &View,
        expected: Option<&Expected>,
    ) -> Option<Start> {
        let half = self.start_at(0, keyframe, frame, expected);
        if let Some(start) = half
            && start.seconded
            && start.ratio >= self.settings.min_unconfirmed_ratio
        {
            return half;
        }
        let quarter = self.start_at(1, keyframe, frame, expected);
        if let (Some(half), Some(quarter)) = (half, quarter) {
            let [a, b] = [half, quarter].map(|start| start.motion.inverse_of([0.0, 0.0]));
            // Pixels of the full view; the correlation's are twice as large.
            if libm::hypot(a[0] - b[0], a[1] - b[1]) <= 2.0 * self.settings.second_opinion_px {
                return Some(if half.ratio > quarter.ratio {
                    half
                } else {
                    quarter
                });
            }
        }
        [half, quarter]
            .into_iter()
            .flatten()
            .filter(|start| start.seconded)
            .max_by(|a, b| a.ratio.total_cmp(&b.ratio))
    }

    /// The same at one resolution; rotations are tried only when it does not fit without.
    fn start_at(
        &mut self,
        level: usize,
        keyframe: &View,
        frame: &View,
        expected: Option<&Expected>,
    ) -> Option<Start> {
        let settings = self.settings;
        let factor = (2 << level) as f64;
        let reach = keyframe.reach(level);
        let corners =
            expected.map(|expected| expected.corners(keyframe.resolution_m() * factor, reach));
        let mut best = self.attempt(level, keyframe, frame, 0.0, corners)?;
        if best.ratio < settings.min_unconfirmed_ratio {
            for step in 1..=settings.rotation_steps {
                let turn = f64::from(step) * settings.rotation_step_rad;
                for turn in [turn, -turn] {
                    let attempt = self.attempt(level, keyframe, frame, turn, corners)?;
                    if attempt.score > best.score {
                        best = attempt;
                    }
                }
            }
        }
        if best.ratio < settings.min_peak_ratio {
            return None;
        }
        let floor = settings.unconfirmed_sigma_px * settings.unconfirmed_sigma_px;
        Some(Start {
            motion: start_of(best.shift, best.turn).scaled(factor),
            ratio: best.ratio,
            turn: best.turn,
            seconded: best.opinion_apart <= settings.second_opinion_px,
            variance_px2: (best.variance + floor) * factor * factor,
        })
    }

    /// The best shift of the frame, turned by `turn`, with a second opinion on doubled angles; absent when
    /// the window holds no shift.
    fn attempt(
        &mut self,
        level: usize,
        keyframe: &View,
        frame: &View,
        turn: f64,
        corners: Option<([i64; 2], [i64; 2])>,
    ) -> Option<Attempt> {
        let turned;
        let gradients = if turn == 0.0 {
            &frame.gradients[level]
        } else {
            turned = Gradients::new(&turned_by(frame.image_at(level), turn));
            &turned
        };
        let reach = keyframe.reach(level);
        let side = gradients.width() + reach;
        let shifts = 2 * reach + 1;
        let templates = [Angle::Single, Angle::Doubled]
            .map(|angle| self.correlator.spectrum(gradients, angle, side, 0));
        let searches = [Angle::Single, Angle::Doubled]
            .map(|angle| keyframe.sought(level, angle, &mut self.correlator));
        let pairs = [0, 1].map(|of| (&templates[of], searches[of]));
        let [whole, opinion] = self.correlator.correlate_two(pairs, shifts, shifts);
        let chance = whole.deviation();
        let (surface, opinion, corner) = match corners {
            Some((from, to)) => {
                let (part, corner) = whole.part(from, to)?;
                (part, opinion.part(from, to)?.0, corner)
            }
            None => (whole, opinion, [0, 0]),
        };
        let peak = surface.peak(None);
        let second = surface.peak(Some((peak, 4.0)));
        let fine = surface.refine(peak);
        let at = fine.map_or([peak.column as f64, peak.row as f64], |fine| fine.at);
        let other = opinion.peak(None);
        let other = opinion
            .refine(other)
            .map_or([other.column as f64, other.row as f64], |fine| fine.at);
        let least = self.settings.min_significance;
        Some(Attempt {
            turn,
            score: peak.score,
            ratio: if fine.is_some() && f64::from(peak.score) >= least * chance {
                f64::from(peak.score) / f64::from(second.score).max(1e-3)
            } else {
                // Chance, or a peak without a top, or one at the edge, is none.
                0.0
            },
            shift: [0, 1].map(|axis| at[axis] + corner[axis] as f64 - reach as f64),
            opinion_apart: libm::hypot(other[0] - at[0], other[1] - at[1]),
            variance: fine.map_or(0.0, |fine| fine.covariance[0].max(fine.covariance[2])),
        })
    }
}

/// The best shift at one rotation.
struct Attempt {
    turn: f64,
    score: f32,
    ratio: f64,
    shift: [f64; 2],
    /// How far from it the second opinion lies, pixels.
    opinion_apart: f64,
    variance: f64,
}

/// Where the alignment begins, pixels of the full view.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) motion: Similarity,
    ratio: f64,
    turn: f64,
    /// Whether doubled angles found the same.
    seconded: bool,
    pub(super) variance_px2: f64,
}

/// `image` turned about its middle so that its content turns clockwise by `turn`.
fn turned_by(image: &NorthUp, turn: f64) -> NorthUp {
    let (sine, cosine) = libm::sincos(turn);
    let middle = (image.width() - 1) as f64 / 2.0;
    NorthUp::from_fn(
        image.width(),
        image.height(),
        image.gsd_m(),
        |column, row| {
            let (x, y) = (column as f64 - middle, row as f64 - middle);
            image.sample(
                (cosine * x + sine * y + middle) as f32,
                (cosine * y - sine * x + middle) as f32,
            )
        },
    )
}

/// The frame, turned clockwise by `turn`, lies in the keyframe at `shift`: the mapping from keyframe to
/// frame.
fn start_of(shift: [f64; 2], turn: f64) -> Similarity {
    // keyframe = turned + shift, turned = R(turn) frame: frame = R(-turn) (keyframe - shift).
    let (sine, cosine) = libm::sincos(turn);
    Similarity {
        real: cosine,
        imaginary: -sine,
        x: -(cosine * shift[0] + sine * shift[1]),
        y: -(cosine * shift[1] - sine * shift[0]),
    }
}

/// The aligned motion, if the held-back patches agree with it.
fn confirmed(
    keyframe: &View,
    frame: &View,
    start: &Start,
    settings: &OdometrySettings,
) -> Option<(Similarity, Meter)> {
    let quarter = align(
        &keyframe.quarter,
        &frame.quarter,
        start.motion.scaled(0.25),
        8,
    )?;
    let half = align(&keyframe.half, &frame.half, quarter.scaled(2.0), 6)?;
    let motion = align(&keyframe.full, &frame.full, half.scaled(2.0), 6)?;
    let turn = libm::atan2(motion.imaginary, motion.real).abs();
    let scale = libm::hypot(motion.real, motion.imaginary);
    if turn > settings.max_rotation_rad || (scale - 1.0).abs() > settings.max_scale_error {
        return None;
    }
    let meter = patches::measure(&keyframe.full, &frame.full, motion, settings.agreement_px);
    let agree = meter.patches >= settings.min_patches
        && meter.agreement() >= settings.min_agreement
        && meter.residual_px <= settings.max_residual_px;
    agree.then_some((motion, meter))
}
