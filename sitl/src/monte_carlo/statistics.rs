//! Shares, quantiles and their intervals over flights.
//!
//! Samples of one flight depend on each other, so a flight is drawn whole: the interval of a share is
//! the 2.5 % and 97.5 % quantile over resampled sets of flights (block bootstrap, Efron and Tibshirani,
//! *An Introduction to the Bootstrap*, 1993, chapter 8).

use serde::Serialize;

use super::sample::Sample;
use crate::randomness::{Purpose, Randomness};

const RESAMPLES: usize = 1_000;

/// What one flight adds to a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    /// Samples that count.
    pub hits: u64,
    /// All samples.
    pub samples: u64,
}

/// The share of hits over all blocks; NaN without any sample.
#[must_use]
pub fn share(blocks: &[Block]) -> f64 {
    let hits: u64 = blocks.iter().map(|block| block.hits).sum();
    let samples: u64 = blocks.iter().map(|block| block.samples).sum();
    hits as f64 / samples as f64
}

/// The 95 % interval of [`share`], blocks drawn whole. Where no flight, or every sample, is a hit,
/// resampling sees no spread; the end that is not seen is then the one that as many flights without
/// the other outcome leave possible (`0.05^(1/n)`).
#[must_use]
pub fn share_interval(blocks: &[Block], seed: u64) -> [f64; 2] {
    let met: Vec<Block> = blocks
        .iter()
        .filter(|block| block.samples > 0)
        .copied()
        .collect();
    if met.is_empty() {
        return [f64::NAN; 2];
    }
    let unseen = libm::pow(0.05, 1.0 / met.len() as f64);
    if met.iter().all(|block| block.hits == 0) {
        return [0.0, 1.0 - unseen];
    }
    if met.iter().all(|block| block.hits == block.samples) {
        return [unseen, 1.0];
    }
    let mut draw = Randomness::new(seed, Purpose::Bootstrap);
    let mut shares: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let (mut hits, mut samples) = (0, 0);
            for _ in 0..met.len() {
                let index = (draw.uniform() * met.len() as f64) as usize;
                let block = met[index.min(met.len() - 1)];
                hits += block.hits;
                samples += block.samples;
            }
            hits as f64 / samples as f64
        })
        .collect();
    [quantile(&mut shares, 0.025), quantile(&mut shares, 0.975)]
}

/// The `q`-quantile (nearest rank); NaN for nothing. Sorts `values`.
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (q * values.len() as f64) as usize;
    values
        .get(rank.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

/// How honest and how good the positions of one group are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Positions judged.
    pub samples: usize,
    /// Flights with at least one of them.
    pub flights: usize,
    /// Share of the truth inside the emitted 95 % ellipse.
    pub coverage_95: f64,
    /// Its 95 % interval.
    pub coverage_95_interval: [f64; 2],
    /// Median of the stated 1 sigma over RMS error / sqrt(2).
    pub sharpness: f64,
    /// Mean normalised error squared of the horizontal position; 2 is ideal.
    pub nees_mean: f64,
    /// Its median; 1.39 is ideal. One flight that is far off does not show here.
    pub nees_median: f64,
    /// Mean normalised error squared of position and velocity; 6 is ideal.
    pub nees_six_mean: f64,
    /// Median horizontal error, m.
    pub error_p50_m: f64,
    /// 95 % quantile of the horizontal error, m.
    pub error_p95_m: f64,
    /// Largest horizontal error, m.
    pub error_max_m: f64,
    /// Median of the stated 1 sigma, m.
    pub sigma_p50_m: f64,
}

/// Collects the samples of one group, flight by flight.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    blocks: Vec<Block>,
    errors_m: Vec<f64>,
    sigmas_m: Vec<f64>,
    nees: Vec<f64>,
    nees_six_sum: f64,
}

impl Collector {
    /// A flight begins.
    pub fn next_flight(&mut self) {
        self.blocks.push(Block::default());
    }

    /// Adds a sample of the flight that began last.
    pub fn add(&mut self, sample: &Sample) {
        if let Some(block) = self.blocks.last_mut() {
            block.samples += 1;
            block.hits += u64::from(sample.inside_95());
        }
        self.errors_m.push(sample.error_m);
        self.sigmas_m.push(sample.sigma_m);
        self.nees.push(sample.nees);
        self.nees_six_sum += sample.nees_six;
    }

    /// What the samples show; `None` without any.
    #[must_use]
    pub fn finish(mut self, seed: u64) -> Option<Group> {
        let samples = self.errors_m.len();
        if samples == 0 {
            return None;
        }
        let count = samples as f64;
        let squares: f64 = self.errors_m.iter().map(|error| error * error).sum();
        let sigma_p50_m = quantile(&mut self.sigmas_m, 0.5);
        Some(Group {
            samples,
            flights: self.blocks.iter().filter(|block| block.samples > 0).count(),
            coverage_95: share(&self.blocks),
            coverage_95_interval: share_interval(&self.blocks, seed),
            sharpness: sigma_p50_m / libm::sqrt(squares / count / 2.0),
            nees_mean: self.nees.iter().sum::<f64>() / count,
            nees_median: quantile(&mut self.nees, 0.5),
            nees_six_mean: self.nees_six_sum / count,
            error_p50_m: quantile(&mut self.errors_m, 0.5),
            error_p95_m: quantile(&mut self.errors_m, 0.95),
            error_max_m: quantile(&mut self.errors_m, 1.0),
            sigma_p50_m,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(shares: &[u64]) -> Vec<Block> {
        shares
            .iter()
            .map(|hits| Block {
                hits: *hits,
                samples: 100,
            })
            .collect()
    }

    #[test]
    fn the_interval_of_flights_that_differ_is_that_of_the_flights_not_of_the_samples() {
        // Half the flights are covered throughout, half never: 100 samples each, yet only 40 draws.
        let shares: Vec<u64> = (0..40).map(|flight| 100 * (flight % 2)).collect();
        let [low, high] = share_interval(&blocks(&shares), 1);
        let expected = 1.96 * (0.25_f64 / 40.0).sqrt();
        assert!((0.5 - low - expected).abs() < 0.04, "{low}");
        assert!((high - 0.5 - expected).abs() < 0.04, "{high}");
    }

    #[test]
    fn what_never_happened_is_bounded_by_the_number_of_flights() {
        let [low, high] = share_interval(&blocks(&[0; 1_000]), 1);
        assert_eq!(low, 0.0);
        assert!((high - 3.0 / 1_000.0).abs() < 1e-4, "{high}");
        let [low, high] = share_interval(&blocks(&[100; 100]), 1);
        assert!((low - 0.97).abs() < 1e-3 && high == 1.0);
        assert!(share_interval(&[], 1)[0].is_nan());
    }

    #[test]
    fn quantiles_are_values_that_occur() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&mut values, 0.5), 3.0);
        assert_eq!(quantile(&mut values, 1.0), 4.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
