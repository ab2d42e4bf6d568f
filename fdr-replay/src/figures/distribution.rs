//! Distribution of a figure in constant memory: logarithmic buckets, 1.2 % wide.

use serde::Serialize;

/// Buckets of one decade.
const PER_DECADE: f64 = 200.0;
/// Exponent of the least value that has a bucket of its own; what is less counts as 0.
const LEAST_EXPONENT: f64 = -4.0;
/// Decades above it; what is greater falls into the last bucket.
const DECADES: usize = 11;
const BUCKETS: usize = DECADES * PER_DECADE as usize + 1;
/// Points of a curve that is drawn.
const CURVE_POINTS: usize = 160;

/// How often which magnitude occurred. Values below 0 and such as are not finite are not counted.
#[derive(Debug, Clone)]
pub struct Distribution {
    buckets: Box<[u64]>,
    count: u64,
    sum: f64,
    least: f64,
    greatest: f64,
}

/// What a table shows of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// How many values.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median, at most 1.2 % too high, as the others.
    pub p50: f64,
    /// 95 % lie below.
    pub p95: f64,
    /// 99 % lie below.
    pub p99: f64,
    /// The greatest value, exact.
    pub max: f64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS].into_boxed_slice(),
            count: 0,
            sum: 0.0,
            least: f64::INFINITY,
            greatest: 0.0,
        }
    }
}

impl Distribution {
    /// Counts a value.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() || value < 0.0 {
            return;
        }
        self.buckets[bucket(value)] += 1;
        self.count += 1;
        self.sum += value;
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The value that `share` of all values do not exceed; `None` without a value.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Some(upper_bound(index).clamp(self.least, self.greatest));
            }
        }
        None
    }

    /// The usual ones; `None` without a value.
    pub fn quantiles(&self) -> Option<Quantiles> {
        Some(Quantiles {
            count: self.count,
            mean: self.sum / self.count as f64,
            p50: self.quantile(0.5)?,
            p95: self.quantile(0.95)?,
            p99: self.quantile(0.99)?,
            max: self.greatest,
        })
    }

    /// The cumulative distribution: values, and the share of all that does not exceed each.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let mut points = Vec::new();
        let (mut seen, mut drawn) = (0u64, -1.0);
        for (index, &count) in self.buckets.iter().enumerate() {
            seen += count;
            let share = seen as f64 / self.count.max(1) as f64;
            if count > 0 && (share - drawn > 1.0 / CURVE_POINTS as f64 || seen == self.count) {
                points.push((upper_bound(index).clamp(self.least, self.greatest), share));
                drawn = share;
            }
        }
        points
    }
}

fn bucket(value: f64) -> usize {
    let place = (value.log10() - LEAST_EXPONENT) * PER_DECADE;
    // A negative number becomes 0, one that is too great the last bucket.
    (place.ceil().max(0.0) as usize).min(BUCKETS - 1)
}

fn upper_bound(index: usize) -> f64 {
    match index {
        0 => 0.0,
        _ => 10f64.powf(LEAST_EXPONENT + index as f64 / PER_DECADE),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn quantiles_are_at_most_one_bucket_too_high_and_never_too_low() {
        let mut found = Distribution::default();
        (1..=10_000).for_each(|value| found.add(f64::from(value) * 0.01));
        for share in [0.1, 0.5, 0.95, 0.99] {
            let (true_one, said) = (share * 100.0, found.quantile(share).unwrap());
            assert!(
                (true_one..true_one * 1.013).contains(&said),
                "{share}: {said}"
            );
        }
        assert_eq!(found.quantiles().unwrap().max, 100.0);
    }

    #[test]
    fn nothing_is_none_and_what_is_no_number_is_not_counted() {
        let mut none = Distribution::default();
        none.add(f64::NAN);
        none.add(-1.0);
        assert_eq!((none.quantiles(), none.curve().len()), (None, 0));
        none.add(0.0);
        assert_eq!(none.quantile(0.5), Some(0.0));
    }
}
