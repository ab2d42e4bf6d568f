//! Whether the ground is seen, and the episode in which it is not.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | `Seeing` | nothing usable for the limit | `Dark` | entered told, with reason |
//! | `Seeing` | anything else | `Seeing` | - |
//! | `Dark` | a usable frame | `Seeing` | left told |
//! | `Dark` | a second since the last text | `Dark` | `VISUAL_BLACKOUT_IMU_ONLY` told |
//! | `Dark` | anything else | `Dark` | - |
//!
//! The limit is a second, so an episode ends and begins at most once a second. What the blackout does
//! to the label and to the fix is [`super::source_label`]'s and [`super::degradation`]'s.

use serde::{Deserialize, Serialize};

use super::{
    behaviour::SightRules,
    output::{BlackoutPhase, BlackoutReason},
    units::MonotonicNs,
    vision_watch::{Unusable, VisionWatch},
};

/// Time between two texts while it lasts, s.
const REPEAT_S: f64 = 1.0;

/// The episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blackout {
    /// A usable frame came lately, or none is expected.
    Seeing,
    /// None came for long; last told then.
    Dark(MonotonicNs),
}

impl Blackout {
    /// Takes what the camera has shown until `now`; what to tell, if anything.
    pub fn update(
        &mut self,
        now: MonotonicNs,
        vision: &VisionWatch,
        rules: &SightRules,
    ) -> Option<(BlackoutPhase, BlackoutReason)> {
        let dark = rules.enabled && vision.dark_s(now) >= rules.blackout_s;
        let reason = match vision.unusable(now, rules) {
            Unusable::NoFrames => BlackoutReason::NoFrames,
            Unusable::NoTexture => BlackoutReason::NoTexture,
            Unusable::Refused => BlackoutReason::FramesUnusable,
        };
        let (next, told) = match *self {
            Self::Seeing if dark => (Self::Dark(now), Some((BlackoutPhase::Entered, reason))),
            Self::Seeing => (Self::Seeing, None),
            Self::Dark(_) if !dark => (
                Self::Seeing,
                Some((BlackoutPhase::Left, BlackoutReason::FramesUsable)),
            ),
            Self::Dark(told) if now.seconds_since(told) >= REPEAT_S => {
                (Self::Dark(now), Some((BlackoutPhase::ImuOnly, reason)))
            }
            Self::Dark(told) => (Self::Dark(told), None),
        };
        *self = next;
        told
    }

    /// Whether it is dark.
    #[must_use]
    pub fn is_dark(self) -> bool {
        matches!(self, Self::Dark(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::navigator::input::{FrameOutcome, FrameRefusal};
    use proptest::prelude::*;

    fn rules() -> SightRules {
        SightRules {
            enabled: true,
            ..SightRules::default()
        }
    }

    #[test]
    fn without_a_camera_it_is_never_dark() {
        let mut vision = VisionWatch::new();
        vision.expect_frames(MonotonicNs(0));
        let mut blackout = Blackout::Seeing;
        let rules = SightRules::default();
        assert_eq!(
            blackout.update(MonotonicNs(u64::MAX), &vision, &rules),
            None
        );
    }

    proptest! {
        #[test]
        fn entered_and_left_alternate_and_the_texts_between_come_once_a_second(
            frames in prop::collection::vec((1u64..1_500_000_000, 0..3u8), 1..200)
        ) {
            let rules = rules();
            let mut vision = VisionWatch::new();
            let mut blackout = Blackout::Seeing;
            let (mut now, mut dark, mut last_text) = (0u64, false, 0);
            for (step, kind) in frames {
                now += step;
                match kind {
                    0 => vision.frame(MonotonicNs(now), &FrameOutcome::Refused(FrameRefusal::FirstOfSegment)),
                    1 => vision.frame(MonotonicNs(now), &FrameOutcome::Refused(FrameRefusal::LowTexture)),
                    _ => vision.expect_frames(MonotonicNs(now)),
                }
                match blackout.update(MonotonicNs(now), &vision, &rules) {
                    Some((BlackoutPhase::Entered, _)) => {
                        prop_assert!(!dark);
                        (dark, last_text) = (true, now);
                    }
                    Some((BlackoutPhase::Left, _)) => {
                        prop_assert!(dark && kind == 0);
                        dark = false;
                    }
                    Some((BlackoutPhase::ImuOnly, _)) => {
                        prop_assert!(dark && now - last_text >= 1_000_000_000);
                        last_text = now;
                    }
                    Some(_) => prop_assert!(false, "not a step of this machine"),
                    None => {}
                }
                prop_assert_eq!(blackout.is_dark(), dark);
            }
        }
    }
}
