//! The ladder down: how far the autopilot may trust the position, and what it takes to come back.
//!
//! Wanted, from the facts of one emission (the first row that holds):
//!
//! | facts | wanted |
//! |---|---|
//! | position known to be wrong, or a long blackout that nothing carries | none |
//! | 95 % radius at most the first limit (245 m) | 3D |
//! | at most the second (500 m) | 2D |
//! | beyond | none |
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | any | wanted lower | one step down | at the bottom, failsafe told once |
//! | any | wanted the same | the same | - |
//! | none | wanted higher, radius a tenth inside the limit | 2D | - |
//! | 2D | 3D wanted, radius a tenth inside, below 3D for at most 5 s | 3D | - |
//! | 2D | the same, longer, and verified since with a fine accuracy | 3D | - |
//! | 2D | otherwise | 2D | - |
//! | any | no position at all | none | failsafe told once |
//!
//! One step for each emission, ten a second: the order is kept and the bottom is reached within 0.2 s.
//! *Verified* is an accepted anchor since the fix was lost (without a camera: a fused fix of the
//! autopilot's GPS with the spoof gate open). *Fine* is 7 m and 1.2 m/s for ArduPilot, which resets
//! onto a returning fix unchecked and never takes a coarser one; iNav has no such rule.
//!
//! Source: behaviour of ArduPlane 4.7 and iNav 9.1 with stated errors, measured in their simulators.

use serde::{Deserialize, Serialize};

use super::{
    behaviour::FixThresholds,
    output::{BlackoutReason, FixType},
    units::MonotonicNs,
};

/// On the way up the radius must be this share of its limit.
const UPWARD: f64 = 0.9;

/// What one emission knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Semi-major axis of the 95 % ellipse, m.
    pub radius_95_m: f64,
    /// 1-sigma horizontal accuracy, m.
    pub horiz_accuracy_m: f64,
    /// 1-sigma speed accuracy, m/s.
    pub speed_accuracy_mps: f64,
    /// The evidence says that the position is wrong.
    pub wrong: bool,
    /// A long blackout, and neither airspeed nor inertial sensor carries the position.
    pub uncarried: bool,
}

/// The ladder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FixLadder {
    fix: FixType,
    begun: bool,
    below_since: Option<MonotonicNs>,
    verified: bool,
    failsafe_told: bool,
}

impl FixLadder {
    /// Before the first position.
    #[must_use]
    pub fn new() -> Self {
        Self {
            fix: FixType::None,
            begun: false,
            below_since: None,
            verified: false,
            failsafe_told: false,
        }
    }

    /// The fix of now.
    #[must_use]
    pub fn fix(&self) -> FixType {
        self.fix
    }

    /// Time begins anew.
    pub fn begin_anew(&mut self, now: MonotonicNs) {
        self.below_since = self.below_since.map(|_| now);
    }

    /// The position was verified by evidence of its own.
    pub fn verified(&mut self) {
        self.verified = true;
    }

    /// One emission; why the position is withdrawn, when that is to be told now. `returns_unchecked`:
    /// whether the autopilot resets onto a returning fix, so that it must be a fine one.
    pub fn emit(
        &mut self,
        now: MonotonicNs,
        facts: &Facts,
        thresholds: &FixThresholds,
        returns_unchecked: bool,
    ) -> Option<BlackoutReason> {
        let (wanted, reason) = wanted(facts, thresholds, 1.0);
        if !self.begun {
            self.begun = true;
            self.fix = wanted;
        } else if wanted < self.fix {
            self.fix = one_down(self.fix);
        } else if wanted > self.fix && self.may_rise(now, facts, thresholds, returns_unchecked) {
            self.fix = one_up(self.fix);
        }
        if facts.wrong {
            self.verified = false;
        }
        self.note(now, reason)
    }

    /// There is no position to emit.
    pub fn no_position(&mut self, now: MonotonicNs) -> Option<BlackoutReason> {
        if !self.begun {
            return None;
        }
        self.fix = FixType::None;
        self.note(now, BlackoutReason::EstimateLost)
    }

    fn may_rise(
        &self,
        now: MonotonicNs,
        facts: &Facts,
        thresholds: &FixThresholds,
        returns_unchecked: bool,
    ) -> bool {
        let (inside, _) = wanted(facts, thresholds, UPWARD);
        if inside <= self.fix {
            return false;
        }
        let withdrawn = self
            .below_since
            .is_some_and(|since| now.seconds_since(since) > thresholds.withdrawn_after_s);
        let fine = !returns_unchecked
            || facts.horiz_accuracy_m <= thresholds.return_horiz_accuracy_m
                && facts.speed_accuracy_mps <= thresholds.return_speed_accuracy_mps;
        match self.fix {
            FixType::None => true,
            FixType::TwoD => !withdrawn || (self.verified && fine),
            FixType::ThreeD => false,
        }
    }

    fn note(&mut self, now: MonotonicNs, reason: BlackoutReason) -> Option<BlackoutReason> {
        if self.fix == FixType::ThreeD {
            self.below_since = None;
            self.verified = false;
        } else {
            self.below_since.get_or_insert(now);
        }
        let told = self.fix == FixType::None && !self.failsafe_told;
        self.failsafe_told = self.fix == FixType::None;
        told.then_some(reason)
    }
}

fn wanted(facts: &Facts, thresholds: &FixThresholds, share: f64) -> (FixType, BlackoutReason) {
    let (three_d_m, two_d_m) = thresholds.radii_m();
    let fix = if facts.wrong {
        return (FixType::None, BlackoutReason::EstimateLost);
    } else if facts.uncarried {
        return (FixType::None, BlackoutReason::Duration);
    } else if facts.radius_95_m <= three_d_m * share {
        FixType::ThreeD
    } else if facts.radius_95_m <= two_d_m * share {
        FixType::TwoD
    } else {
        FixType::None
    };
    (fix, BlackoutReason::RadiusLimit)
}

fn one_down(fix: FixType) -> FixType {
    match fix {
        FixType::ThreeD => FixType::TwoD,
        FixType::TwoD | FixType::None => FixType::None,
    }
}

fn one_up(fix: FixType) -> FixType {
    match fix {
        FixType::None => FixType::TwoD,
        FixType::TwoD | FixType::ThreeD => FixType::ThreeD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(radius_95_m: f64) -> Facts {
        Facts {
            radius_95_m,
            horiz_accuracy_m: radius_95_m / 2.448,
            speed_accuracy_mps: 0.5,
            wrong: false,
            uncarried: false,
        }
    }

    /// Emits every 100 ms for `seconds`; the fix at the end.
    fn emit(ladder: &mut FixLadder, from_ms: u64, seconds: u64, facts: &Facts) -> FixType {
        for step in 0..seconds * 10 {
            let now = MonotonicNs((from_ms + step * 100) * 1_000_000);
            ladder.emit(now, facts, &FixThresholds::default(), true);
        }
        ladder.fix()
    }

    #[test]
    fn the_fix_falls_with_the_radius() {
        for (radius_m, fix) in [
            (245.0, FixType::ThreeD),
            (245.1, FixType::TwoD),
            (500.0, FixType::TwoD),
            (500.1, FixType::None),
        ] {
            assert_eq!(emit(&mut FixLadder::new(), 0, 1, &facts(radius_m)), fix);
        }
    }

    #[test]
    fn the_original_ladder_is_a_preset() {
        let thresholds = FixThresholds {
            preset: super::super::behaviour::LadderPreset::Original,
            ..FixThresholds::default()
        };
        let mut ladder = FixLadder::new();
        ladder.emit(MonotonicNs(0), &facts(99.0), &thresholds, true);
        assert_eq!(ladder.fix(), FixType::ThreeD);
        ladder.emit(MonotonicNs(1), &facts(101.0), &thresholds, true);
        assert_eq!(ladder.fix(), FixType::TwoD);
    }

    #[test]
    fn a_short_withdrawal_ends_by_itself_a_long_one_only_verified_and_fine() {
        let mut ladder = FixLadder::new();
        emit(&mut ladder, 0, 1, &facts(10.0));
        assert_eq!(emit(&mut ladder, 1_000, 4, &facts(300.0)), FixType::TwoD);
        assert_eq!(emit(&mut ladder, 5_000, 1, &facts(200.0)), FixType::ThreeD);
        assert_eq!(emit(&mut ladder, 6_000, 6, &facts(300.0)), FixType::TwoD);
        assert_eq!(emit(&mut ladder, 12_000, 9, &facts(10.0)), FixType::TwoD);
        ladder.verified();
        let coarse = facts(7.1 * 2.448);
        assert_eq!(emit(&mut ladder, 21_000, 9, &coarse), FixType::TwoD);
        let fast = Facts {
            speed_accuracy_mps: 1.3,
            ..facts(10.0)
        };
        assert_eq!(emit(&mut ladder, 30_000, 9, &fast), FixType::TwoD);
        assert_eq!(emit(&mut ladder, 39_000, 1, &facts(10.0)), FixType::ThreeD);
    }

    #[test]
    fn a_wrong_position_is_withdrawn_within_two_emissions() {
        let mut ladder = FixLadder::new();
        emit(&mut ladder, 0, 1, &facts(10.0));
        let wrong = Facts {
            wrong: true,
            ..facts(10.0)
        };
        let thresholds = FixThresholds::default();
        assert_eq!(
            ladder.emit(MonotonicNs(1_000_000_000), &wrong, &thresholds, true),
            None
        );
        let told = ladder.emit(MonotonicNs(1_100_000_000), &wrong, &thresholds, true);
        assert_eq!(told, Some(BlackoutReason::EstimateLost));
        assert_eq!(ladder.fix(), FixType::None);
    }

    proptest! {
        #[test]
        fn the_ladder_is_walked_step_by_step_and_a_long_withdrawal_ends_only_verified(
            sequence in prop::collection::vec(
                (0.1..900.0f64, 0.1..3.0f64, any::<bool>(), 0..12u8, 1u64..20), 1..300
            )
        ) {
            let thresholds = FixThresholds::default();
            let mut ladder = FixLadder::new();
            let (mut now, mut below_since, mut verified, mut before) = (0u64, None, false, None);
            for (radius_95_m, speed, uncarried, event, repeat) in sequence {
                for _ in 0..repeat {
                    now += 100_000_000;
                    if event == 0 {
                        ladder.verified();
                        verified = true;
                    }
                    if event == 1 {
                        ladder.no_position(MonotonicNs(now));
                    } else {
                        let facts = Facts {
                            radius_95_m,
                            horiz_accuracy_m: radius_95_m / 2.448,
                            speed_accuracy_mps: speed,
                            wrong: event == 2,
                            uncarried: uncarried && event == 3,
                        };
                        ladder.emit(MonotonicNs(now), &facts, &thresholds, true);
                        if let Some(before) = before {
                            let both = [before, ladder.fix()];
                            prop_assert!(
                                !both.contains(&FixType::None) || !both.contains(&FixType::ThreeD)
                            );
                            if before != FixType::ThreeD && ladder.fix() == FixType::ThreeD {
                                let long = below_since.is_some_and(|since| now - since > 5_000_000_000);
                                let fine = facts.horiz_accuracy_m <= 7.0 && speed <= 1.2;
                                prop_assert!(!long || (verified && fine));
                            }
                        }
                    }
                    if ladder.fix() == FixType::ThreeD || !ladder.begun {
                        (below_since, verified) = (None, false);
                    } else {
                        below_since.get_or_insert(now);
                    }
                    before = ladder.begun.then_some(ladder.fix());
                }
            }
        }
    }
}
