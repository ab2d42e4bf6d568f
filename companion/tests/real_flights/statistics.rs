//! The honesty rule's figures: medians, coverage with a block bootstrap over windows, sharpness.

/// Middle value.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which `share` of them lie, interpolated between neighbours.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() - 1) as f64 * share;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

/// One comparison of an emitted position with the truth.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    pub error_m: f64,
    pub sigma_m: f64,
    pub inside_95: bool,
}

/// Coverage and sharpness over windows.
#[derive(Debug, Clone, Copy)]
pub struct Honesty {
    /// Share of comparisons inside the emitted 95 % ellipse.
    pub coverage: f64,
    /// Its 95 % interval, windows drawn whole.
    pub interval: (f64, f64),
    /// Median 1 sigma over (RMS error / sqrt 2): at most 1.5 by the honesty rule.
    pub sharpness: f64,
}

const RESAMPLES: usize = 2000;

impl Honesty {
    pub fn of(windows: &[Vec<Comparison>]) -> Self {
        let all: Vec<Comparison> = windows.iter().flatten().copied().collect();
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % windows.len()
        };
        let resampled: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let drawn: Vec<Comparison> = (0..windows.len())
                    .flat_map(|_| windows[draw()].iter().copied())
                    .collect();
                coverage(&drawn)
            })
            .collect();
        let mean_square = all.iter().map(|c| c.error_m * c.error_m).sum::<f64>() / all.len() as f64;
        let sigmas: Vec<f64> = all.iter().map(|c| c.sigma_m).collect();
        Self {
            coverage: coverage(&all),
            interval: (quantile(&resampled, 0.025), quantile(&resampled, 0.975)),
            sharpness: median(&sigmas) / (mean_square / 2.0).sqrt(),
        }
    }
}

fn coverage(comparisons: &[Comparison]) -> f64 {
    comparisons.iter().filter(|c| c.inside_95).count() as f64 / comparisons.len() as f64
}
