//! How well photographs and what was known before them are known.

/// How well the photographs' positions and attitudes are known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruthSigmas {
    /// Of a position, per axis, m.
    pub geotag_m: f64,
    /// Of roll and pitch at the exposure, rad.
    pub attitude_rad: f64,
    /// Of the height above what the photo shows, as a share of it.
    pub height_share: f64,
}

impl Default for TruthSigmas {
    fn default() -> Self {
        Self {
            geotag_m: 5.0,
            attitude_rad: 1f64.to_radians(),
            height_share: 0.04,
        }
    }
}

/// How well a position or a displacement is known before it is measured: the true one, changed by a
/// seeded error that is uniform within +-`error_m` north and east.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriorError {
    /// Largest error per axis, m.
    pub error_m: f64,
    /// Seed of the errors.
    pub seed: u64,
}

impl PriorError {
    /// The errors, one pair for every photo.
    pub(super) fn errors(self) -> impl FnMut() -> [f64; 2] {
        let mut random = SplitMix(self.seed);
        move || [random.next(), random.next()].map(|share| share * self.error_m)
    }
}

/// Numbers from a seed, the same on every machine: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
struct SplitMix(u64);

impl SplitMix {
    /// Uniform in [-1, 1).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_prior_fill_their_range_and_follow_their_seed() {
        let numbers = |seed| {
            let mut errors = PriorError { error_m: 1.0, seed }.errors();
            (0..2_000).flat_map(|_| errors()).collect::<Vec<_>>()
        };
        let first = numbers(1);
        assert_eq!(first, numbers(1));
        assert_ne!(first, numbers(2));
        assert!(first.iter().all(|value| (-1.0..1.0).contains(value)));
        let mean = first.iter().sum::<f64>() / 4e3;
        let square = first.iter().map(|value| value * value).sum::<f64>() / 4e3;
        assert!(mean.abs() < 0.03 && (square - 1.0 / 3.0).abs() < 0.02);
    }
}
