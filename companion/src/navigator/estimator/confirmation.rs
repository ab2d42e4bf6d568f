//! Whether successive matches confirm each other: one peak alone never moves an uncertain position.
//!
//! Two candidates agree when the aircraft moved between their exposures as the estimate says it did, so
//! that both lie equally far off the estimate.
//!
//! | candidates before | new candidate | next | verdict |
//! |---|---|---|---|
//! | none | any | one | waiting |
//! | some | agrees with fewer than two of the last four, at least one | added | waiting |
//! | some | agrees with none | added, the oldest goes when four are kept | contradicted |
//! | some | agrees with two or more of the last four | none | confirmed (three of five) |
//! | older than 30 s | - | forgotten | - |

use serde::{Deserialize, Serialize};

use crate::navigator::units::MonotonicNs;

/// How many earlier candidates are kept.
const KEPT: usize = 4;
/// How many of them must agree with a new one.
const AGREEING: usize = 2;
/// How long a candidate is kept, s.
const AGE_MAX_S: f64 = 30.0;
/// How far the estimate may drift against the ground between two exposures, m/s.
const DRIFT_MPS: f64 = 1.0;
/// Largest normalised difference of two candidates that agree, squared (2 degrees of freedom, 99 %).
const AGREEMENT_NIS: f64 = 9.21;

/// A plausible match that waits for company.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Candidate {
    pub(super) exposure: MonotonicNs,
    /// Match less estimate, corrections since the start of the estimate added back.
    pub(super) offset_ne_m: [f64; 2],
    pub(super) variance_m2: f64,
}

/// What a new candidate and those before it say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Enough of them agree.
    Confirmed,
    /// Not enough of them yet.
    Waiting,
    /// None of the earlier ones agrees.
    Contradicted,
}

/// The candidates that wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Confirmation {
    pub(super) kept: [Option<Candidate>; KEPT],
}

impl Confirmation {
    pub(super) const fn none() -> Self {
        Self { kept: [None; KEPT] }
    }

    pub(super) fn offer(&mut self, candidate: Candidate) -> Verdict {
        for slot in &mut self.kept {
            let age_s = slot.map_or(0.0, |old| candidate.exposure.seconds_since(old.exposure));
            if age_s.abs() > AGE_MAX_S {
                *slot = None;
            }
        }
        // The same exposure twice is one opinion.
        let others = || {
            let same = |old: &&Candidate| old.exposure == candidate.exposure;
            self.kept.iter().flatten().filter(move |old| !same(old))
        };
        let agreeing = others().filter(|old| agree(old, &candidate)).count();
        let any = others().next().is_some();
        if agreeing >= AGREEING {
            self.forget();
            return Verdict::Confirmed;
        }
        self.keep(candidate);
        if any && agreeing == 0 {
            Verdict::Contradicted
        } else {
            Verdict::Waiting
        }
    }

    pub(super) fn forget(&mut self) {
        self.kept = [None; KEPT];
    }

    fn keep(&mut self, candidate: Candidate) {
        let oldest = |slot: &&mut Option<Candidate>| slot.map(|old| old.exposure);
        if let Some(slot) = self.kept.iter_mut().min_by_key(oldest) {
            *slot = Some(candidate);
        }
    }
}

fn agree(a: &Candidate, b: &Candidate) -> bool {
    let drift_m = DRIFT_MPS * a.exposure.seconds_since(b.exposure).abs();
    let variance = a.variance_m2 + b.variance_m2 + drift_m * drift_m;
    let [north, east] = [0, 1].map(|axis| a.offset_ne_m[axis] - b.offset_ne_m[axis]);
    (north * north + east * east) / variance <= AGREEMENT_NIS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(second: u64, north_m: f64) -> Candidate {
        Candidate {
            exposure: MonotonicNs(second * 1_000_000_000),
            offset_ne_m: [north_m, 5.0],
            variance_m2: 9.0,
        }
    }

    #[test]
    fn the_third_match_that_agrees_confirms() {
        let mut confirmation = Confirmation::none();
        assert_eq!(confirmation.offer(candidate(1, 40.0)), Verdict::Waiting);
        assert_eq!(confirmation.offer(candidate(2, 43.0)), Verdict::Waiting);
        assert_eq!(confirmation.offer(candidate(3, 41.0)), Verdict::Confirmed);
    }

    #[test]
    fn wrong_peaks_among_good_ones_do_not_keep_them_from_agreeing() {
        let mut confirmation = Confirmation::none();
        confirmation.offer(candidate(1, 40.0));
        assert_eq!(
            confirmation.offer(candidate(2, -70.0)),
            Verdict::Contradicted
        );
        assert_eq!(confirmation.offer(candidate(3, 42.0)), Verdict::Waiting);
        assert_eq!(
            confirmation.offer(candidate(4, 130.0)),
            Verdict::Contradicted
        );
        assert_eq!(confirmation.offer(candidate(5, 39.0)), Verdict::Confirmed);
    }

    #[test]
    fn peaks_that_scatter_never_confirm() {
        let mut confirmation = Confirmation::none();
        for second in 0..200 {
            // Steps of a golden angle over 300 m: no two of five close together.
            let north = (second as f64 * 0.618_034).fract() * 300.0;
            let verdict = confirmation.offer(candidate(second, north));
            assert_ne!(verdict, Verdict::Confirmed, "second {second}");
        }
    }

    #[test]
    fn one_exposure_told_three_times_is_one_opinion() {
        let mut confirmation = Confirmation::none();
        for _ in 0..5 {
            assert_eq!(confirmation.offer(candidate(1, 40.0)), Verdict::Waiting);
        }
    }
}
