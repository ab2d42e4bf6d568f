//! Emitted positions against the autopilot's receiver: errors, and how often the stated ellipse held.

use companion::navigator::{EmittedExternalPosition, Geodetic, MonotonicNs};
use companion::replay::compare_with_fix;
use serde::Serialize;

use super::LABELS;
use super::distribution::{Distribution, Quantiles};

/// Upper ends of the bins of anchor age, s, and their names; a last bin takes those without anchor.
pub const AGE_BINS: [(f64, &str); 4] = [
    (3.0, "up to 3 s"),
    (30.0, "3 to 30 s"),
    (120.0, "30 to 120 s"),
    (f64::INFINITY, "older"),
];
/// Error that AC-NEW-4 calls a false position, m.
pub const FALSE_M: f64 = 500.0;
/// Error that it calls a grossly false one, m.
pub const GROSS_M: f64 = 1000.0;

/// One group of compared positions.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Horizontal errors, m.
    pub errors_m: Distribution,
    /// Those inside the stated 95 % ellipse.
    pub inside: u64,
    /// Beyond 500 m.
    pub beyond_500_m: u64,
    /// Beyond 1 km.
    pub beyond_1_km: u64,
}

/// What a table shows of a group.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GroupFigures {
    /// Errors, m.
    #[serde(flatten)]
    pub errors_m: Quantiles,
    /// Share inside the stated 95 % ellipse.
    pub coverage_95: f64,
    /// Beyond 500 m.
    pub beyond_500_m: u64,
    /// Beyond 1 km.
    pub beyond_1_km: u64,
}

impl Group {
    fn add(&mut self, error_m: f64, inside: bool) {
        self.errors_m.add(error_m);
        self.inside += u64::from(inside);
        self.beyond_500_m += u64::from(error_m > FALSE_M);
        self.beyond_1_km += u64::from(error_m > GROSS_M);
    }

    /// Its figures; `None` when nothing was compared.
    pub fn figures(&self) -> Option<GroupFigures> {
        let errors_m = self.errors_m.quantiles()?;
        Some(GroupFigures {
            errors_m,
            coverage_95: self.inside as f64 / errors_m.count as f64,
            beyond_500_m: self.beyond_500_m,
            beyond_1_km: self.beyond_1_km,
        })
    }
}

/// All groups of a flight.
#[derive(Debug, Clone, Default)]
pub struct Accuracy {
    /// Every comparison.
    pub all: Group,
    /// By label, in the order of [`LABELS`].
    pub labels: [Group; LABELS.len()],
    /// By anchor age, in the order of [`AGE_BINS`]; the last one has no anchor.
    pub ages: [Group; AGE_BINS.len() + 1],
}

impl Accuracy {
    /// Compares a fix with the last position before it; the error, where that is young enough.
    pub fn compare(
        &mut self,
        position: &EmittedExternalPosition,
        fix: Geodetic,
        time: MonotonicNs,
    ) -> Option<f64> {
        let (error_m, inside) = compare_with_fix(position, fix, time)?;
        self.all.add(error_m, inside);
        self.labels[super::label_index(position.source_label)].add(error_m, inside);
        let age_s = position
            .last_satellite_anchor_age_ms
            .map(|ms| f64::from(ms) * 1e-3);
        let bin = age_s.and_then(|age| AGE_BINS.iter().position(|(end, _)| age <= *end));
        self.ages[bin.unwrap_or(AGE_BINS.len())].add(error_m, inside);
        Some(error_m)
    }
}
