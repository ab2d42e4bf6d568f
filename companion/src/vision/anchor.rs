//! Where on the map a frame was taken: orientation correlation, refusal rules, and what the position
//! is worth.
//!
//! | step | what |
//! |---|---|
//! | 1 | every yaw and scale of the grid at half resolution, over the whole window; the K best go on |
//! | 2 | those at full resolution where their peaks stand; the highest wins |
//! | 3 | the winner at full resolution over the whole window, with directions and with doubled ones |
//! | 4 | the mean of both: ratio of its peak to the second peak, peak between the shifts, its covariance; both alone must have their peak there |
//! | 5 | the rules of [`AnchorRefusal`], any of which refuses the match |

use thiserror::Error;

use super::calibration::Calibration;
use super::correlation::{Correlator, FinePeak, MAX_TRANSFORM_SIDE, Peak, Surface, transform_side};
use super::image::Pyramid;
use super::north_up::NorthUp;
use super::orientation::{Angle, Field, Gradients};
use super::rectify::{Pose, rectify};

/// How frames are matched against a map. The defaults are those of docs/vision.md.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnchorSettings {
    /// Ground resolution, m per pixel.
    pub gsd_m: f64,
    /// Side of the ground that is compared, m; less when the frame shows less.
    pub template_m: f64,
    /// Yaw offsets that are tried: this many to either side.
    pub yaw_steps: u32,
    /// Between two yaw offsets.
    pub yaw_step_rad: f64,
    /// Scales that are tried to either side of 1.
    pub scale_steps: u32,
    /// Between two scales.
    pub scale_step: f64,
    /// Candidates that are judged at full resolution; fewer when the machine is hot.
    pub candidates: usize,
    /// Least ratio of the peak to the second peak.
    pub min_peak_ratio: f64,
    /// The second peak is sought outside this distance, m.
    pub second_peak_distance_m: f64,
    /// Least score.
    pub min_score: f64,
    /// Farthest that either opinion may lie from the common peak, pixels.
    pub second_opinion_px: f64,
    /// Least mean gradient of frame and of map, brightness per pixel.
    pub min_gradient: f64,
    /// Least share of the template that the frame must show.
    pub min_seen_share: f64,
    /// Multiplies the standard deviation that the correlation's shape gives.
    pub sigma_factor: f64,
    /// Smallest standard deviation of a correlation, m.
    pub sigma_floor_m: f64,
}

impl Default for AnchorSettings {
    fn default() -> Self {
        Self {
            gsd_m: 1.0,
            template_m: 120.0,
            yaw_steps: 1,
            yaw_step_rad: 6f64.to_radians(),
            scale_steps: 1,
            scale_step: 0.08,
            candidates: 3,
            min_peak_ratio: 1.45,
            second_peak_distance_m: 6.0,
            min_score: 0.08,
            second_opinion_px: 2.0,
            min_gradient: 0.6,
            min_seen_share: 0.2,
            sigma_factor: 1.0,
            sigma_floor_m: 0.3,
        }
    }
}

/// Systematic errors of a match: they last from frame to frame and do not average away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorModel {
    /// Attitude error at the exposure, per axis: moves the ground below by h sigma.
    pub attitude_sigma_rad: f64,
    /// Misalignment of the camera in the aircraft, per axis.
    pub boresight_sigma_rad: f64,
    /// Georeferencing error of the map, per axis, m.
    pub map_bias_sigma_m: f64,
    /// Height of ground and objects above the surface that was assumed, m; shifts what is seen away
    /// from straight below.
    pub relief_sigma_m: f64,
}

impl Default for ErrorModel {
    fn default() -> Self {
        Self {
            attitude_sigma_rad: 0.5f64.to_radians(),
            boresight_sigma_rad: 0.2f64.to_radians(),
            map_bias_sigma_m: 2.5,
            relief_sigma_m: 2.0,
        }
    }
}

impl ErrorModel {
    /// Variance per axis at height `agl_m` for a template that reaches `reach_m` from below, m^2.
    #[must_use]
    pub fn variance_m2(&self, agl_m: f64, reach_m: f64) -> f64 {
        let square = |value: f64| value * value;
        // Over an upright template the shifts point all around; about a quarter of one stays.
        let relief = 0.25 * self.relief_sigma_m * reach_m / agl_m.max(1.0);
        square(agl_m * self.attitude_sigma_rad)
            + square(agl_m * self.boresight_sigma_rad)
            + square(self.map_bias_sigma_m)
            + square(relief)
    }
}

/// What a match showed, whether it was believed or not.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    /// Correlation at the peak, 0 to 1.
    pub score: f64,
    /// Peak over the second peak.
    pub peak_ratio: f64,
    /// Mean gradient of the rectified frame, brightness per pixel.
    pub frame_gradient: f64,
    /// How far the peak of directions alone, or of doubled ones alone, lies from their common one, pixels.
    pub second_opinion_px: f64,
    /// Yaw found beyond the attitude's, clockwise, rad.
    pub yaw_offset_rad: f64,
    /// Height found over the height assumed.
    pub scale: f64,
    /// Offset of the peak from the middle of the map, north and east, m.
    pub offset_ne_m: [f64; 2],
}

/// A match that all rules accept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnchorMatch {
    /// What it showed; its offset is that of the camera from the middle of the map.
    pub scores: Scores,
    /// Covariance of the correlation alone: north-north, north-east, east-east, m^2.
    pub covariance_ne_m2: [f64; 3],
    /// Half the side of the ground that was compared, m.
    pub reach_m: f64,
}

/// Why a frame gives no anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnchorRefusal {
    /// Taken too obliquely, or from no sensible height.
    #[error("attitude or height outside what can be rectified")]
    Pose,
    /// The frame shows too little of the ground around the point below.
    #[error("the frame shows too little of the ground below")]
    LittleSeen,
    /// Frame without structure: cloud, water, darkness.
    #[error("too little texture in the frame")]
    LowTexture,
    /// Map without structure or without imagery where the frame would be.
    #[error("the map does not cover the place, or shows nothing there")]
    MapCoverage,
    /// The search window is larger than what is handled.
    #[error("search window too large")]
    WindowTooLarge,
    /// The peak stands at the edge of the window: the true one may lie outside.
    #[error("the peak stands at the edge of the search window")]
    WindowClipped,
    /// The peak is hardly above chance.
    #[error("correlation too weak")]
    Weak,
    /// Another place fits nearly as well.
    #[error("another place fits nearly as well")]
    Ambiguous,
    /// The doubled angles found another place.
    #[error("the second opinion found another place")]
    SecondOpinion,
    /// The surroundings of the peak have no single top.
    #[error("the correlation has no clear top")]
    Shapeless,
}

impl AnchorRefusal {
    /// A short name for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pose => "pose",
            Self::LittleSeen => "little_seen",
            Self::LowTexture => "low_texture",
            Self::MapCoverage => "map_coverage",
            Self::WindowTooLarge => "window_too_large",
            Self::WindowClipped => "window_clipped",
            Self::Weak => "weak",
            Self::Ambiguous => "ambiguous",
            Self::SecondOpinion => "second_opinion",
            Self::Shapeless => "shapeless",
        }
    }
}

/// One of the K yaws and scales that were judged at full resolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Yaw tried beyond the attitude's, clockwise, rad.
    pub yaw_offset_rad: f64,
    /// Height tried over the height assumed.
    pub scale: f64,
    /// Highest correlation at half resolution, by which it became one of the K.
    pub coarse_score: f64,
    /// Highest correlation at full resolution, by which it is ranked.
    pub fine_score: f64,
}

/// What became of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct AnchorDecision {
    /// The match, or why there is none.
    pub outcome: Result<AnchorMatch, AnchorRefusal>,
    /// What was seen on the way, as far as it went.
    pub scores: Scores,
    /// The K candidates, best first; empty for a frame that was refused before.
    pub candidates: Vec<Ranked>,
}

/// Up to this height the ground is compared as the settings say, m.
const NEAR_M: f64 = 125.0;
/// At most so much coarser from higher up.
const COARSEST: f64 = 2.0;

/// Matches frames against maps; keeps its transforms and memory from frame to frame.
pub struct AnchorMatcher {
    settings: AnchorSettings,
    correlator: Correlator,
}

struct Candidate {
    pose: Pose,
    yaw_offset_rad: f64,
    scale: f64,
    /// At half resolution.
    peak: Peak,
}

/// The candidate that won.
struct Best {
    candidate: Candidate,
    gradients: Gradients,
    score: f32,
}

impl AnchorMatcher {
    /// A matcher with these settings.
    #[must_use]
    pub fn new(settings: AnchorSettings) -> Self {
        Self {
            settings,
            correlator: Correlator::default(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &AnchorSettings {
        &self.settings
    }

    /// From now on frames are taken from about `agl_m` above ground: from higher up more ground is
    /// compared, at a resolution that keeps the number of pixels and the time.
    pub fn adapt(&mut self, agl_m: f64) {
        let defaults = AnchorSettings::default();
        let times = (agl_m / NEAR_M).clamp(1.0, COARSEST);
        self.settings.gsd_m = defaults.gsd_m * times;
        self.settings.template_m = defaults.template_m * times;
        self.settings.second_peak_distance_m = defaults.second_peak_distance_m * times;
    }

    /// From now on `candidates` yaws and scales are judged at full resolution: 3, and 2 when the machine is
    /// hot.
    pub fn set_candidates(&mut self, candidates: usize) {
        self.settings.candidates = candidates;
    }

    /// Side of the template, pixels; a multiple of 4, so that it halves to an even number.
    #[must_use]
    pub fn template_px(&self) -> usize {
        (self.settings.template_m / self.settings.gsd_m / 4.0).round() as usize * 4
    }

    /// Side of the map that a search of `window_m` to all sides needs, pixels.
    #[must_use]
    pub fn map_px(&self, window_m: f64) -> usize {
        let window = (window_m / self.settings.gsd_m / 2.0).ceil() as usize * 2;
        self.template_px() + 2 * window
    }

    /// Finds `frame`, taken with `pose`, in `map`: north-up, centred on the estimated position, as large
    /// as [`Self::map_px`] says, with the settings' resolution.
    pub fn locate(
        &mut self,
        frame: &Pyramid,
        camera: &Calibration,
        pose: &Pose,
        map: &NorthUp,
    ) -> AnchorDecision {
        let mut scores = Scores::default();
        let mut candidates = Vec::new();
        let outcome = self.search(frame, camera, pose, map, (&mut scores, &mut candidates));
        candidates.sort_by(|a, b| b.fine_score.total_cmp(&a.fine_score));
        AnchorDecision {
            outcome,
            scores,
            candidates,
        }
    }

    fn search(
        &mut self,
        frame: &Pyramid,
        camera: &Calibration,
        pose: &Pose,
        map: &NorthUp,
        (scores, ranked): (&mut Scores, &mut Vec<Ranked>),
    ) -> Result<AnchorMatch, AnchorRefusal> {
        let settings = self.settings;
        if !pose.is_usable(camera) {
            return Err(AnchorRefusal::Pose);
        }
        let side = self.template_px();
        let window = map.width().saturating_sub(side);
        let transform = transform_side(map.width().max(map.height()));
        if transform > MAX_TRANSFORM_SIDE || window < 4 || map.height() != map.width() {
            return Err(AnchorRefusal::WindowTooLarge);
        }
        let first = Gradients::new(&rectify(frame, camera, pose, side, side, settings.gsd_m));
        scores.frame_gradient = f64::from(first.mean_magnitude());
        if first.seen_share() < settings.min_seen_share {
            return Err(AnchorRefusal::LittleSeen);
        }
        if scores.frame_gradient < settings.min_gradient {
            return Err(AnchorRefusal::LowTexture);
        }
        let map_gradients = Gradients::new(map);
        if f64::from(map_gradients.mean_magnitude()) < settings.min_gradient
            || map_gradients.seen_share() < 0.5
        {
            return Err(AnchorRefusal::MapCoverage);
        }
        let candidates = self.coarse(frame, camera, pose, map);
        let Some(best) = self.best(frame, camera, candidates, &map_gradients.field(), ranked)
        else {
            return Err(AnchorRefusal::Shapeless);
        };
        self.judge(&best, &map_gradients, map, scores)
    }

    /// All yaws and scales at half resolution; the K with the highest peaks.
    fn coarse(
        &mut self,
        frame: &Pyramid,
        camera: &Calibration,
        pose: &Pose,
        map: &NorthUp,
    ) -> Vec<Candidate> {
        let settings = self.settings;
        let half = map.halved();
        let side = self.template_px() / 2;
        let transform = transform_side(half.width());
        let shifts = half.width() - side + 1;
        let search = Gradients::new(&half);
        let search = self
            .correlator
            .spectrum(&search, Angle::Single, transform, 0);
        let mut templates = Vec::new();
        let steps = |count: u32| -i64::from(count)..=i64::from(count);
        for yaw in steps(settings.yaw_steps) {
            for scale in steps(settings.scale_steps) {
                let yaw_offset_rad = yaw as f64 * settings.yaw_step_rad;
                let scale = 1.0 + scale as f64 * settings.scale_step;
                let pose = pose.varied(yaw_offset_rad, scale);
                let image = rectify(frame, camera, &pose, side, side, 2.0 * settings.gsd_m);
                let gradients = Gradients::new(&image);
                let template = self
                    .correlator
                    .spectrum(&gradients, Angle::Single, transform, 0);
                templates.push((pose, yaw_offset_rad, scale, template));
            }
        }
        let mut candidates = Vec::with_capacity(templates.len());
        for pair in templates.chunks(2) {
            // A last one without a partner is its own.
            let both = [&pair[0], &pair[pair.len() - 1]];
            let surfaces = self.correlator.correlate_two(
                both.map(|(.., template)| (template, &search)),
                shifts,
                shifts,
            );
            let found = pair.iter().zip(surfaces);
            candidates.extend(
                found.map(|((pose, yaw_offset_rad, scale, _), surface)| Candidate {
                    pose: *pose,
                    yaw_offset_rad: *yaw_offset_rad,
                    scale: *scale,
                    peak: surface.peak(None),
                }),
            );
        }
        candidates.sort_by(|a, b| b.peak.score.total_cmp(&a.peak.score));
        candidates.truncate(settings.candidates.max(1));
        candidates
    }

    /// The candidate that fits best at full resolution, where half resolution saw it; each is noted in `ranked`.
    fn best(
        &self,
        frame: &Pyramid,
        camera: &Calibration,
        candidates: Vec<Candidate>,
        search: &Field,
        ranked: &mut Vec<Ranked>,
    ) -> Option<Best> {
        let side = self.template_px();
        let mut best: Option<Best> = None;
        for candidate in candidates {
            let gsd_m = self.settings.gsd_m;
            let image = rectify(frame, camera, &candidate.pose, side, side, gsd_m);
            let gradients = Gradients::new(&image);
            let field = gradients.field();
            let around = |at: usize| (2 * at).saturating_sub(1)..=2 * at + 1;
            let score = around(candidate.peak.row)
                .flat_map(|row| around(candidate.peak.column).map(move |column| [column, row]))
                .map(|shift| field.score_in(search, shift))
                .fold(0.0, f32::max);
            ranked.push(Ranked {
                yaw_offset_rad: candidate.yaw_offset_rad,
                scale: candidate.scale,
                coarse_score: f64::from(candidate.peak.score),
                fine_score: f64::from(score),
            });
            if best.as_ref().is_none_or(|best| score > best.score) {
                best = Some(Best {
                    candidate,
                    gradients,
                    score,
                });
            }
        }
        best
    }

    fn judge(
        &mut self,
        best: &Best,
        map_gradients: &Gradients,
        map: &NorthUp,
        scores: &mut Scores,
    ) -> Result<AnchorMatch, AnchorRefusal> {
        let settings = self.settings;
        let side = self.template_px();
        let window = map.width() - side;
        let opinions = self.surfaces(best, map_gradients, window + 1);
        let surface = opinions[0].mean_with(&opinions[1]);
        let peak = surface.peak(None);
        let distance = settings.second_peak_distance_m / settings.gsd_m;
        let second = surface.peak(Some((peak, distance)));
        scores.score = f64::from(peak.score);
        scores.peak_ratio = f64::from(peak.score) / f64::from(second.score).max(1e-3);
        scores.yaw_offset_rad = best.candidate.yaw_offset_rad;
        scores.scale = best.candidate.scale;
        let fine = surface.refine(peak);
        let at = fine.map_or([peak.column as f64, peak.row as f64], |fine| fine.at);
        let middle = window as f64 / 2.0;
        scores.offset_ne_m = [middle - at[1], at[0] - middle].map(|part| part * settings.gsd_m);
        scores.second_opinion_px = opinions
            .iter()
            .map(|opinion| opinion.peak(None))
            .map(|own| libm::hypot(own.column as f64 - at[0], own.row as f64 - at[1]))
            .fold(0.0, f64::max);
        if surface.is_at_the_edge(peak, 2) {
            return Err(AnchorRefusal::WindowClipped);
        }
        if seen_around(map, peak, side) < 0.95 {
            return Err(AnchorRefusal::MapCoverage);
        }
        if scores.score < settings.min_score {
            return Err(AnchorRefusal::Weak);
        }
        if scores.peak_ratio < settings.min_peak_ratio {
            return Err(AnchorRefusal::Ambiguous);
        }
        let Some(FinePeak { covariance, .. }) = fine else {
            return Err(AnchorRefusal::Shapeless);
        };
        // Three quarters of a pixel more: as far as a whole-pixel peak may lie from the fine one without
        // contradicting it.
        if scores.second_opinion_px > settings.second_opinion_px + 0.75 {
            return Err(AnchorRefusal::SecondOpinion);
        }
        let factor = settings.sigma_factor * settings.sigma_factor;
        let scale = settings.gsd_m * settings.gsd_m * factor;
        let floor = settings.sigma_floor_m * settings.sigma_floor_m;
        let [columns, mixed, rows] = covariance;
        Ok(AnchorMatch {
            scores: *scores,
            // Rows count southwards.
            covariance_ne_m2: [
                rows * scale + floor,
                -mixed * scale,
                columns * scale + floor,
            ],
            reach_m: side as f64 * settings.gsd_m / 2.0,
        })
    }

    /// All shifts of the winner at full resolution, and the second opinion on them.
    fn surfaces(&mut self, best: &Best, map: &Gradients, shifts: usize) -> [Surface; 2] {
        let transform = transform_side(map.width());
        let [first, second] = [Angle::Single, Angle::Doubled].map(|angle| {
            [&best.gradients, map]
                .map(|gradients| self.correlator.spectrum(gradients, angle, transform, 0))
        });
        let pairs = [&first, &second].map(|[template, search]| (template, search));
        self.correlator.correlate_two(pairs, shifts, shifts)
    }
}

/// Share of the map that is seen where the template lies.
fn seen_around(map: &NorthUp, peak: Peak, side: usize) -> f64 {
    let rows = map
        .pixels()
        .chunks_exact(map.width())
        .skip(peak.row)
        .take(side);
    let seen: usize = rows
        .map(|row| {
            let part = &row[peak.column..peak.column + side];
            part.iter().filter(|value| !value.is_nan()).count()
        })
        .sum();
    seen as f64 / (side * side) as f64
}
