//! The limits of a run, read from `sitl/limits.toml`, and whether they hold.

use serde::{Deserialize, Serialize};

use super::statistics::Group;

/// The file, as it was when this program was built.
const FILE: &str = include_str!("../../limits.toml");

/// All limits.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How honest covariances must be.
    pub honesty: Honesty,
    /// How rare far-off positions must be.
    pub false_position: FalsePosition,
}

/// How honest covariances must be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Honesty {
    /// Share of the truth inside the 95 % ellipse.
    pub coverage: f64,
    /// Above it the covariance is inflated.
    pub coverage_max: f64,
    /// Median 1 sigma over RMS error / sqrt(2).
    pub sharpness_max: f64,
    /// Fewer flights are not judged.
    pub flights_min: usize,
}

/// How rare far-off positions must be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FalsePosition {
    /// Share of positions more than 500 m off.
    pub p_error_gt_500m_max: f64,
    /// Share of positions more than 1 km off.
    pub p_error_gt_1km_max: f64,
}

/// One limit beside what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What is limited.
    pub name: String,
    /// Measured, in words.
    pub measured: String,
    /// Allowed, in words.
    pub allowed: String,
    /// Whether it holds.
    pub holds: bool,
}

impl Limits {
    /// The limits of `sitl/limits.toml`.
    ///
    /// # Errors
    /// When the file does not say what is expected of it.
    pub fn of_the_file() -> Result<Self, toml::de::Error> {
        toml::from_str(FILE)
    }

    /// Whether the coverage and the sharpness of `group` are honest; nothing for too few flights.
    pub fn judge_honesty(&self, name: &str, group: &Group) -> Vec<Verdict> {
        let honesty = &self.honesty;
        if group.flights < honesty.flights_min {
            return Vec::new();
        }
        let [low, high] = group.coverage_95_interval;
        let (contains, within) = (
            (low..=high).contains(&honesty.coverage),
            low >= honesty.coverage && high <= honesty.coverage_max,
        );
        vec![
            Verdict {
                name: format!("coverage, {name}"),
                measured: format!("{low:.4} to {high:.4}"),
                allowed: format!(
                    "contains {0} or lies in {0} to {1}",
                    honesty.coverage, honesty.coverage_max
                ),
                holds: contains || within,
            },
            Verdict {
                name: format!("sharpness, {name}"),
                measured: format!("{:.3}", group.sharpness),
                allowed: format!("at most {}", honesty.sharpness_max),
                holds: group.sharpness <= honesty.sharpness_max,
            },
        ]
    }

    /// Whether far-off positions are rare enough.
    pub fn judge_false_positions(&self, p_500m: f64, p_1km: f64) -> [Verdict; 2] {
        let limits = &self.false_position;
        [
            ("P(error > 500 m)", p_500m, limits.p_error_gt_500m_max),
            ("P(error > 1 km)", p_1km, limits.p_error_gt_1km_max),
        ]
        .map(|(name, measured, allowed)| Verdict {
            name: name.to_owned(),
            measured: format!("{measured:.2e}"),
            allowed: format!("at most {allowed:.0e}"),
            holds: measured <= allowed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(low: f64, high: f64, sharpness: f64, flights: usize) -> Group {
        Group {
            samples: 1_000,
            flights,
            coverage_95: 0.5 * (low + high),
            coverage_95_interval: [low, high],
            sharpness,
            nees_mean: 2.0,
            nees_median: 1.4,
            nees_six_mean: 6.0,
            error_p50_m: 1.0,
            error_p95_m: 2.0,
            error_max_m: 3.0,
            sigma_p50_m: 1.0,
        }
    }

    fn holds(group: &Group) -> Vec<bool> {
        let limits = Limits::of_the_file().unwrap();
        let verdicts = limits.judge_honesty("all", group);
        verdicts.iter().map(|verdict| verdict.holds).collect()
    }

    #[test]
    fn an_interval_around_095_or_between_095_and_099_is_honest_and_others_are_not() {
        assert_eq!(holds(&group(0.93, 0.96, 1.0, 50)), [true, true]);
        assert_eq!(holds(&group(0.96, 0.99, 1.0, 50)), [true, true]);
        assert_eq!(holds(&group(0.80, 0.94, 1.0, 50)), [false, true]);
        assert_eq!(holds(&group(0.96, 0.995, 1.0, 50)), [false, true]);
        assert_eq!(holds(&group(0.93, 0.96, 1.6, 50)), [true, false]);
    }

    #[test]
    fn few_flights_are_not_judged_and_nothing_measured_is_no_honesty() {
        assert!(holds(&group(0.1, 0.2, 9.0, 19)).is_empty());
        assert_eq!(
            holds(&group(f64::NAN, f64::NAN, f64::NAN, 50)),
            [false, false]
        );
    }

    #[test]
    fn false_positions_are_judged_by_their_share() {
        let limits = Limits::of_the_file().unwrap();
        let holds = |a, b| {
            limits
                .judge_false_positions(a, b)
                .map(|verdict| verdict.holds)
        };
        assert_eq!(holds(1e-3, 1e-4), [true, true]);
        assert_eq!(holds(1.1e-3, 1.1e-4), [false, false]);
    }
}
