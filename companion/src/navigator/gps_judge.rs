//! What speaks against one report of the autopilot's GPS.
//!
//! | gate | report (the first row that holds) | sign |
//! |---|---|---|
//! | any | does not follow from the one before | position jump (closed gate only) |
//! | open | inside the filter's gates | none |
//! | open | outside, further from the estimate than the jump limit | position jump |
//! | open | outside, its velocity further off than the velocity limit | velocity mismatch |
//! | open | outside, and so was the one before | position jump, or velocity mismatch if only that is outside |
//! | open | outside | none yet; the filter refuses it alone |
//! | closed, camera | further than the distance limit (200 m) from the estimate | too far |
//! | closed, no camera | further than that limit and than 2.5 sigma of the estimate | too far |
//! | closed | velocity further off than its limit and three sigma | velocity mismatch |
//! | closed | anything else | none |
//!
//! A filter's gate refuses one honest report in a thousand, so a single one just outside closes
//! nothing. Without a camera nothing but GPS bounds the error of an estimate that says itself that it may be a
//! kilometre off, so the distance limit alone would shut GPS out for good. The estimate's velocity is what airspeed,
//! wind, inertial sensor and camera make of it.

use super::{
    behaviour::SpoofGateRules, estimator::GpsJudgement, output::SpoofGateReason as Reason,
};

/// How far off a report may be without a camera, in sigmas of the estimate: its 95 % radius.
const SIGMAS_WITHOUT_CAMERA: f64 = 2.5;

/// Which gate stands before the report, and what it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Open; whether the report before was refused by the filter.
    Open {
        /// It was.
        refused: bool,
    },
    /// Closed; whether this report follows from the one before.
    Closed {
        /// It does.
        follows: bool,
        /// Whether there is a camera, whose matches bound the estimate's error.
        camera: bool,
    },
}

/// The sign, if there is one.
#[must_use]
pub fn sign(judgement: &GpsJudgement, before: Before, rules: &SpoofGateRules) -> Option<Reason> {
    match before {
        Before::Open { refused } => {
            judgement.outside?;
            let far = judgement.distance_m > rules.jump_m;
            let fast = judgement.velocity_difference_mps > rules.velocity_mps;
            match judgement.velocity_alone {
                _ if far => Some(Reason::PositionJump),
                _ if fast => Some(Reason::VelocityMismatch),
                true if refused => Some(Reason::VelocityMismatch),
                false if refused => Some(Reason::PositionJump),
                true | false => None,
            }
        }
        Before::Closed { follows: false, .. } => Some(Reason::PositionJump),
        Before::Closed {
            follows: true,
            camera,
        } => {
            let own_m = if camera {
                0.0
            } else {
                SIGMAS_WITHOUT_CAMERA * judgement.distance_sigma_m
            };
            let allowed_mps = rules.velocity_mps + 3.0 * judgement.velocity_sigma_mps;
            if judgement.distance_m > rules.distance_m.max(own_m) {
                Some(Reason::TooFar)
            } else if judgement.velocity_difference_mps > allowed_mps {
                Some(Reason::VelocityMismatch)
            } else {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgement() -> GpsJudgement {
        GpsJudgement {
            distance_m: 10.0,
            distance_sigma_m: 5.0,
            velocity_difference_mps: 1.0,
            velocity_sigma_mps: 0.5,
            outside: None,
            velocity_alone: false,
        }
    }

    #[test]
    fn one_report_just_outside_closes_nothing_and_the_next_does() {
        let rules = SpoofGateRules::default();
        let outside = GpsJudgement {
            outside: Some(15.0),
            ..judgement()
        };
        let open = |refused| Before::Open { refused };
        assert_eq!(sign(&judgement(), open(true), &rules), None);
        assert_eq!(sign(&outside, open(false), &rules), None);
        assert_eq!(
            sign(&outside, open(true), &rules),
            Some(Reason::PositionJump)
        );
        let far = GpsJudgement {
            distance_m: 51.0,
            ..outside
        };
        assert_eq!(sign(&far, open(false), &rules), Some(Reason::PositionJump));
    }

    #[test]
    fn while_closed_two_hundred_metres_and_the_report_before_decide() {
        let rules = SpoofGateRules::default();
        let closed = |follows| Before::Closed {
            follows,
            camera: true,
        };
        assert_eq!(sign(&judgement(), closed(true), &rules), None);
        assert_eq!(
            sign(&judgement(), closed(false), &rules),
            Some(Reason::PositionJump)
        );
        let far = GpsJudgement {
            distance_m: 200.1,
            ..judgement()
        };
        assert_eq!(sign(&far, closed(true), &rules), Some(Reason::TooFar));
        let lost = GpsJudgement {
            distance_m: 600.0,
            distance_sigma_m: 250.0,
            ..judgement()
        };
        let blind = Before::Closed {
            follows: true,
            camera: false,
        };
        assert_eq!(sign(&lost, closed(true), &rules), Some(Reason::TooFar));
        assert_eq!(sign(&lost, blind, &rules), None);
        assert_eq!(sign(&far, blind, &rules), Some(Reason::TooFar));
        let fast = GpsJudgement {
            velocity_difference_mps: 9.6,
            ..judgement()
        };
        assert_eq!(
            sign(&fast, closed(true), &rules),
            Some(Reason::VelocityMismatch)
        );
    }
}
