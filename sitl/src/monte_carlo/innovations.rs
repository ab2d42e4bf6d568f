//! Innovations of one sensor, each over its own standard deviation.
//!
//! Of an honest filter they have variance one and do not depend on the one before (Bar-Shalom, Li,
//! Kirubarajan, *Estimation with Applications to Tracking and Navigation*, 2001, section 5.4). A filter that
//! widens what it cannot explain, or counts lasting errors once, stays below one on purpose.

use serde::Serialize;

/// 95 % quantile of chi-square with one degree of freedom.
const CHI_SQUARE_95_ONE: f64 = 3.841_458_820_694_124;

/// Sums over innovations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Innovations {
    count: u64,
    squares: f64,
    beyond: u64,
    products: f64,
    last: f64,
}

/// What they show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Consistency {
    /// Scalars fused.
    pub scalars: u64,
    /// Mean normalised innovation squared; 1 is ideal.
    pub nis_mean: f64,
    /// Share beyond the 95 % quantile; 0.05 is ideal.
    pub beyond_95: f64,
    /// Mean product of neighbours over the mean square; 0 is white. Neighbours are the scalars of one
    /// measurement, then those of the next.
    pub autocorrelation: f64,
}

impl Innovations {
    /// Adds one, over its standard deviation.
    pub fn add(&mut self, normalised: f64) {
        let square = normalised * normalised;
        self.count += 1;
        self.squares += square;
        self.beyond += u64::from(square > CHI_SQUARE_95_ONE);
        self.products += normalised * self.last;
        self.last = normalised;
    }

    /// Adds those of another flight.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.squares += other.squares;
        self.beyond += other.beyond;
        self.products += other.products;
    }

    /// What they show; `None` without any.
    #[must_use]
    pub fn consistency(&self) -> Option<Consistency> {
        let count = self.count as f64;
        (self.count > 0).then(|| Consistency {
            scalars: self.count,
            nis_mean: self.squares / count,
            beyond_95: self.beyond as f64 / count,
            autocorrelation: self.products / self.squares,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::{Purpose, Randomness};

    #[test]
    fn white_innovations_of_the_stated_size_show_one_a_twentieth_and_nothing() {
        let mut draw = Randomness::new(1, Purpose::Gps);
        let mut halves = [Innovations::default(); 2];
        for half in &mut halves {
            (0..50_000).for_each(|_| half.add(draw.normal(1.0)));
        }
        let [mut all, other] = halves;
        all.merge(&other);
        let shown = all.consistency().unwrap();
        assert_eq!(shown.scalars, 100_000);
        assert!((shown.nis_mean - 1.0).abs() < 0.02, "{shown:?}");
        assert!((shown.beyond_95 - 0.05).abs() < 0.005, "{shown:?}");
        assert!(shown.autocorrelation.abs() < 0.02, "{shown:?}");
        assert_eq!(Innovations::default().consistency(), None);
    }
}
