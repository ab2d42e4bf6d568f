//! What the frames of the camera have shown lately: whether visual odometry is healthy, and for how
//! long there was nothing usable.
//!
//! | odometry | event | next | effect |
//! |---|---|---|---|
//! | unhealthy | frame registered, fewer in a row than needed | unhealthy | one more in a row |
//! | unhealthy | frame registered, as many in a row as needed | healthy | - |
//! | unhealthy | frame refused, or none for the limit | unhealthy | the row starts again |
//! | healthy | frame registered | healthy | - |
//! | healthy | frame refused, or none for the limit | unhealthy | the row starts again |
//!
//! Several frames in a row are asked for on the way up and none on the way down: a label that leaves
//! `dead_reckoned` does not fall back with every other frame, and falls back at once.
//!
//! A frame that begins a new visual segment is usable (the ground is seen) but shows no displacement.

use serde::{Deserialize, Serialize};

use super::{
    behaviour::SightRules,
    input::{FrameOutcome, FrameRefusal},
    units::MonotonicNs,
};

/// Registered frames in a row after which odometry is healthy.
pub const HEALTHY_FRAMES: u8 = 2;

/// Why no frame is usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unusable {
    /// No frame arrives.
    NoFrames,
    /// Cloud, darkness, water.
    NoTexture,
    /// Frames arrive and none can be used, for another reason.
    Refused,
}

/// The watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VisionWatch {
    in_a_row: u8,
    last_frame: Option<MonotonicNs>,
    last_usable: Option<MonotonicNs>,
    refused: u32,
    refusal: Option<FrameRefusal>,
    /// Since when frames are to be expected, as long as none was usable.
    waiting_since: Option<MonotonicNs>,
}

impl VisionWatch {
    /// No frame so far, and none expected.
    #[must_use]
    pub fn new() -> Self {
        Self {
            in_a_row: 0,
            last_frame: None,
            last_usable: None,
            refused: 0,
            refusal: None,
            waiting_since: None,
        }
    }

    /// Frames are expected from `now` on, if they were not before.
    pub fn expect_frames(&mut self, now: MonotonicNs) {
        self.waiting_since.get_or_insert(now);
    }

    /// The result of one frame arrived.
    pub fn frame(&mut self, now: MonotonicNs, outcome: &FrameOutcome) {
        self.waiting_since.get_or_insert(now);
        self.last_frame = Some(now);
        match outcome {
            FrameOutcome::Registered(_) => {
                self.in_a_row = self.in_a_row.saturating_add(1);
                self.usable(now);
            }
            FrameOutcome::Refused(FrameRefusal::FirstOfSegment) => {
                self.in_a_row = 0;
                self.usable(now);
            }
            FrameOutcome::Refused(refusal) => {
                self.in_a_row = 0;
                self.refused = self.refused.saturating_add(1);
                self.refusal = Some(*refusal);
            }
        }
    }

    /// Time passed.
    pub fn elapsed(&mut self, now: MonotonicNs, rules: &SightRules) {
        let silent = self
            .last_frame
            .is_some_and(|last| now.seconds_since(last) >= rules.odometry_silence_s);
        if silent {
            self.in_a_row = 0;
        }
    }

    /// Whether the motion of the camera is known from frame to frame.
    #[must_use]
    pub fn odometry_healthy(&self) -> bool {
        self.in_a_row >= HEALTHY_FRAMES
    }

    /// For how long nothing was usable, s; 0 while no frame is expected.
    #[must_use]
    pub fn dark_s(&self, now: MonotonicNs) -> f64 {
        self.last_usable
            .or(self.waiting_since)
            .map_or(0.0, |since| now.seconds_since(since).max(0.0))
    }

    /// How many frames in a row were not usable; those that a silent camera owes count as well.
    #[must_use]
    pub fn dark_frames(&self, now: MonotonicNs, rules: &SightRules) -> u32 {
        let owed = libm::floor(self.dark_s(now) / rules.frame_period_s.max(1e-3));
        // A share of a century of frames: the cast cannot wrap.
        self.refused
            .max(owed.clamp(0.0, f64::from(u32::MAX)) as u32)
    }

    /// Why nothing is usable.
    #[must_use]
    pub fn unusable(&self, now: MonotonicNs, rules: &SightRules) -> Unusable {
        let silent = self
            .last_frame
            .is_none_or(|last| now.seconds_since(last) >= rules.odometry_silence_s);
        match self.refusal {
            _ if silent => Unusable::NoFrames,
            Some(FrameRefusal::LowTexture) => Unusable::NoTexture,
            Some(_) | None => Unusable::Refused,
        }
    }

    /// When the last usable frame arrived.
    #[must_use]
    pub fn last_usable(&self) -> Option<MonotonicNs> {
        self.last_usable
    }

    fn usable(&mut self, now: MonotonicNs) {
        self.last_usable = Some(now);
        self.refused = 0;
        self.refusal = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::navigator::input::Displacement;

    pub fn registered() -> FrameOutcome {
        FrameOutcome::Registered(Displacement {
            keyframe: 0,
            keyframe_exposure: MonotonicNs(0),
            displacement_ne_m: [1.0, 0.0],
            covariance_ne_m2: [0.1, 0.0, 0.1],
            agl_m: 300.0,
            rotation_rad: 0.0,
            scale: 1.0,
            overlap: 0.8,
            quality: 0.9,
        })
    }

    fn at(ms: u64) -> MonotonicNs {
        MonotonicNs(ms * 1_000_000)
    }

    #[test]
    fn one_refused_frame_ends_health_and_several_good_ones_restore_it() {
        let mut watch = VisionWatch::new();
        watch.frame(at(0), &registered());
        assert!(!watch.odometry_healthy());
        watch.frame(at(333), &registered());
        assert!(watch.odometry_healthy());
        watch.frame(at(666), &FrameOutcome::Refused(FrameRefusal::SmallOverlap));
        assert!(!watch.odometry_healthy());
        watch.frame(at(1000), &registered());
        assert!(!watch.odometry_healthy());
    }

    #[test]
    fn silence_of_the_camera_ends_health_at_the_limit() {
        let rules = SightRules::default();
        let mut watch = VisionWatch::new();
        watch.frame(at(0), &registered());
        watch.frame(at(333), &registered());
        watch.elapsed(at(712), &rules);
        assert!(watch.odometry_healthy());
        watch.elapsed(at(713), &rules);
        assert!(!watch.odometry_healthy());
    }

    #[test]
    fn a_dead_camera_owes_frames() {
        let rules = SightRules::default();
        let mut watch = VisionWatch::new();
        assert_eq!(watch.dark_frames(at(5_000), &rules), 0);
        watch.expect_frames(at(5_000));
        assert_eq!(watch.dark_frames(at(7_000), &rules), 6);
        assert_eq!(watch.unusable(at(7_000), &rules), Unusable::NoFrames);
    }
}
