//! Which evidence carries the position: one table, one state machine.
//!
//! | evidence (the first row that holds) | label |
//! |---|---|
//! | no estimate, blackout, or odometry unhealthy | `dead_reckoned` |
//! | anchor accepted, its age at most the limit | `satellite_anchored` |
//! | anchor accepted at some time, odometry healthy | `visual_propagated` |
//! | nothing else | `dead_reckoned` |
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | any | evidence for the same label | the same | - |
//! | any | evidence for another label | that one | the transition is told with its reason |
//!
//! The hysteresis stands in front of it: odometry is healthy only after several good frames in a row
//! ([`super::vision_watch`]), so the label leaves `dead_reckoned` slowly and enters it at once; an
//! anchor is fresh for seconds, so the other two do not change at frame rate.

use serde::{Deserialize, Serialize};

use super::{
    output::{SourceLabel, SourceLabelTransition, TransitionReason},
    units::MonotonicNs,
};

/// What the label follows from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// A position is known.
    pub estimate: bool,
    /// Nothing usable from the camera for long.
    pub blackout: bool,
    /// Motion is known from frame to frame.
    pub odometry_healthy: bool,
    /// Age of the last accepted anchor, s, since the estimate exists; from its exposure.
    pub anchor_age_s: Option<f64>,
}

/// The label of now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelMachine {
    label: SourceLabel,
    started: bool,
}

impl LabelMachine {
    /// Begins `dead_reckoned`, untold.
    #[must_use]
    pub fn new() -> Self {
        Self {
            label: SourceLabel::DeadReckoned,
            started: false,
        }
    }

    /// The label of now.
    #[must_use]
    pub fn label(&self) -> SourceLabel {
        self.label
    }

    /// Takes the evidence of `now`; the transition, if there is one. The first estimate of the flight
    /// is told as a transition too.
    pub fn update(
        &mut self,
        now: MonotonicNs,
        evidence: &Evidence,
        anchor_fresh_s: f64,
    ) -> Option<SourceLabelTransition> {
        let (label, reason) = judge(evidence, anchor_fresh_s);
        let from = self.label;
        let first = evidence.estimate && !self.started;
        self.started |= evidence.estimate;
        if label == from && !first {
            return None;
        }
        self.label = label;
        Some(SourceLabelTransition {
            time: now,
            from,
            to: label,
            reason: if first && label == from {
                TransitionReason::Start
            } else {
                reason
            },
            last_satellite_anchor_age_ms: evidence.anchor_age_s.map(age_ms),
        })
    }
}

/// An age in whole milliseconds; stops at the end of the range.
pub fn age_ms(age_s: f64) -> u32 {
    (age_s.max(0.0) * 1e3).min(f64::from(u32::MAX)) as u32
}

fn judge(evidence: &Evidence, anchor_fresh_s: f64) -> (SourceLabel, TransitionReason) {
    if !evidence.estimate {
        return (SourceLabel::DeadReckoned, TransitionReason::EstimateLost);
    }
    if evidence.blackout {
        return (SourceLabel::DeadReckoned, TransitionReason::Blackout);
    }
    if !evidence.odometry_healthy {
        return (SourceLabel::DeadReckoned, TransitionReason::OdometryLost);
    }
    match evidence.anchor_age_s {
        Some(age_s) if age_s <= anchor_fresh_s => (
            SourceLabel::SatelliteAnchored,
            TransitionReason::AnchorAccepted,
        ),
        Some(_) => (SourceLabel::VisualPropagated, TransitionReason::AnchorStale),
        None => (SourceLabel::DeadReckoned, TransitionReason::OdometryLost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT_S: f64 = 3.0;

    fn evidence() -> impl Strategy<Value = Evidence> {
        (
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            proptest::option::of(0.0..10.0f64),
        )
            .prop_map(
                |(estimate, blackout, odometry_healthy, anchor_age_s)| Evidence {
                    estimate,
                    blackout,
                    odometry_healthy,
                    anchor_age_s,
                },
            )
    }

    proptest! {
        #[test]
        fn no_sequence_gives_an_anchored_label_without_a_fresh_accepted_anchor(
            sequence in prop::collection::vec(evidence(), 1..100)
        ) {
            let mut machine = LabelMachine::new();
            for (step, evidence) in sequence.iter().enumerate() {
                let before = machine.label();
                let told = machine.update(MonotonicNs(step as u64), evidence, LIMIT_S);
                prop_assert!(told.is_some() || machine.label() == before);
                if let Some(told) = told {
                    prop_assert_eq!((told.from, told.to), (before, machine.label()));
                }
                let fresh = evidence.anchor_age_s.is_some_and(|age| age <= LIMIT_S);
                let sees = evidence.estimate && !evidence.blackout && evidence.odometry_healthy;
                match machine.label() {
                    SourceLabel::SatelliteAnchored => prop_assert!(sees && fresh),
                    SourceLabel::VisualPropagated => {
                        prop_assert!(sees && !fresh && evidence.anchor_age_s.is_some());
                    }
                    SourceLabel::DeadReckoned => {
                        prop_assert!(!sees || evidence.anchor_age_s.is_none());
                    }
                }
            }
        }
    }
}
