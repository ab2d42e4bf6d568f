//! Per-photo results and their totals.

use serde::Serialize;

/// When an accepted position counts as false.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Beyond this error, m.
    pub error_m: f64,
    /// Or beyond so many of its own standard deviations.
    pub sigmas: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            error_m: 30.0,
            sigmas: 5.0,
        }
    }
}

/// The radius that holds 95 % of a circular normal distribution, in standard deviations per axis.
const RADIUS_95: f64 = 2.448;

/// What an accepted photo gave, against what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Judged {
    /// Result north and east of the truth, m.
    pub error_ne_m: [f64; 2],
    /// Horizontal error, m.
    pub error_m: f64,
    /// Standard deviation per axis: what is stated, and the truth's own, m.
    pub sigma_m: f64,
    /// Whether it is false.
    pub is_false: bool,
    /// Whether the truth lies in the stated 95 % ellipse.
    pub covered: bool,
}

/// Judges an error against its standard deviation per axis.
#[must_use]
pub fn judge(error_ne_m: [f64; 2], sigma_m: f64, rule: Rule) -> Judged {
    let error_m = libm::hypot(error_ne_m[0], error_ne_m[1]);
    Judged {
        error_ne_m,
        error_m,
        sigma_m,
        is_false: error_m > rule.error_m || error_m > rule.sigmas * sigma_m,
        covered: error_m <= RADIUS_95 * sigma_m,
    }
}

/// What became of one photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrameResult {
    /// File name.
    pub file: String,
    /// Accepted, or the reason of the refusal.
    pub outcome: Result<Judged, String>,
    /// Position found, degrees; absent for a refusal and for odometry.
    pub lat_lon_deg: Option<[f64; 2]>,
    /// Correlation at the peak, or quality of the displacement.
    pub score: f64,
    /// Peak over second peak; 0 for odometry.
    pub peak_ratio: f64,
    /// Time for the photo without decoding it, ms.
    pub ms: f64,
}

/// Totals; shares are of all frames.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Photos, or pairs of photos, that were judged.
    pub frames: usize,
    /// Share that was accepted.
    pub accepted_share: f64,
    /// Share that was accepted and lies within 12 m.
    pub accepted_within_12m_share: f64,
    /// Accepted and false.
    pub false_anchors: usize,
    /// Median error of the accepted, m.
    pub error_median_m: Option<f64>,
    /// 95 % of the accepted are better, m.
    pub error_p95_m: Option<f64>,
    /// Share of the accepted whose stated 95 % ellipse holds the truth.
    pub coverage_95: Option<f64>,
    /// Mean square error over variance, 1 when the stated uncertainty is right.
    pub nees_per_axis: Option<f64>,
    /// Median time per frame, ms.
    pub ms_median: Option<f64>,
}

impl Figures {
    /// Sums up.
    #[must_use]
    pub fn of(results: &[FrameResult]) -> Self {
        let accepted: Vec<_> = results
            .iter()
            .filter_map(|result| result.outcome.as_ref().ok())
            .collect();
        let frames = results.len();
        let share = |count: usize| count as f64 / frames.max(1) as f64;
        let count =
            |rule: &dyn Fn(&Judged) -> bool| accepted.iter().filter(|judged| rule(judged)).count();
        let mut errors: Vec<_> = accepted.iter().map(|judged| judged.error_m).collect();
        let mut times: Vec<_> = results.iter().map(|result| result.ms).collect();
        let mean = |value: &dyn Fn(&Judged) -> f64| {
            let sum: f64 = accepted.iter().map(|judged| value(judged)).sum();
            (!accepted.is_empty()).then(|| sum / accepted.len() as f64)
        };
        Self {
            frames,
            accepted_share: share(accepted.len()),
            accepted_within_12m_share: share(count(&|judged| judged.error_m <= 12.0)),
            false_anchors: count(&|judged| judged.is_false),
            error_median_m: quantile(&mut errors, 0.5),
            error_p95_m: quantile(&mut errors, 0.95),
            coverage_95: mean(&|judged| f64::from(u8::from(judged.covered))),
            nees_per_axis: mean(&|judged| {
                let ratio = judged.error_m / judged.sigma_m;
                ratio * ratio / 2.0
            }),
            ms_median: quantile(&mut times, 0.5),
        }
    }
}

/// The smallest value that is not below `share` of all.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(error_m: Option<f64>, ms: f64) -> FrameResult {
        FrameResult {
            file: String::new(),
            outcome: error_m
                .map(|error| judge([error, 0.0], 4.0, Rule::default()))
                .ok_or_else(|| "weak".to_owned()),
            lat_lon_deg: None,
            score: 0.0,
            peak_ratio: 0.0,
            ms,
        }
    }

    #[test]
    fn shares_are_of_all_frames_and_errors_of_the_accepted() {
        let results = [
            result(Some(2.0), 1.0),
            result(Some(11.0), 2.0),
            result(Some(25.0), 3.0),
            result(None, 4.0),
        ];
        let figures = Figures::of(&results);
        assert_eq!(figures.frames, 4);
        assert_eq!(figures.accepted_share, 0.75);
        assert_eq!(figures.accepted_within_12m_share, 0.5);
        // 25 m are within 30 m, but 6 standard deviations.
        assert_eq!(figures.false_anchors, 1);
        assert_eq!(figures.error_median_m, Some(11.0));
        assert_eq!(figures.error_p95_m, Some(25.0));
        // 2.448 x 4 m hold only the first.
        assert_eq!(figures.coverage_95, Some(1.0 / 3.0));
        assert_eq!(figures.ms_median, Some(2.0));
    }

    #[test]
    fn of_nothing_there_are_no_figures() {
        let figures = Figures::of(&[]);
        assert_eq!((figures.accepted_share, figures.error_p95_m), (0.0, None));
    }
}
