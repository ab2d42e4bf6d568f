//! The service levels of `limits.toml`, which benchmarks and drills are judged by.

use serde::Deserialize;

/// What the edge spine must reach; the meaning of each stands in `limits.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most milliseconds to a durable acknowledgement, 99 of 100.
    pub acknowledge_p99_ms: f64,
    /// Least rows a second of a drain.
    pub drain_rows_per_s: f64,
    /// Most seconds from a kill to the first batch.
    pub recovery_s: f64,
    /// Least entries a second of an audit.
    pub audit_entries_per_s: f64,
    /// Most megabytes of memory.
    pub memory_mb: f64,
    /// Most seconds from the last fault until nothing waits.
    pub heal_s: f64,
}

/// On which side of its limit a figure has to lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Not above.
    AtMost(f64),
    /// Not below.
    AtLeast(f64),
}

impl Bound {
    /// Whether the figure keeps it; a figure that is none does not.
    #[must_use]
    pub fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(limit) => figure <= limit,
            Self::AtLeast(limit) => figure >= limit,
        }
    }
}

impl Limits {
    /// The limits in force: those of the file that this program was built with.
    #[must_use]
    pub fn in_force() -> Self {
        // A file that cannot be read demands what nothing can reach.
        toml::from_str(include_str!("../limits.toml")).unwrap_or(Self {
            acknowledge_p99_ms: 0.0,
            drain_rows_per_s: f64::INFINITY,
            recovery_s: 0.0,
            audit_entries_per_s: f64::INFINITY,
            memory_mb: 0.0,
            heal_s: 0.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_the_service_levels_and_no_other() {
        let own = Limits::in_force();
        assert_eq!(own.acknowledge_p99_ms, 10.0);
        assert_eq!(own.drain_rows_per_s, 50_000.0);
        assert_eq!(own.recovery_s, 5.0);
        assert_eq!(own.audit_entries_per_s, 1_000_000.0);
        assert_eq!((own.memory_mb, own.heal_s), (64.0, 30.0));
    }

    #[test]
    fn a_breach_fails_and_so_does_a_figure_that_is_none() {
        assert!(Bound::AtMost(10.0).holds(10.0) && !Bound::AtMost(10.0).holds(10.001));
        assert!(Bound::AtLeast(5e4).holds(5e4) && !Bound::AtLeast(5e4).holds(49_999.0));
        assert!(!Bound::AtMost(1.0).holds(f64::NAN) && !Bound::AtLeast(1.0).holds(f64::NAN));
    }
}
