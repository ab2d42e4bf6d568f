//! The horizontal position and the autopilot's attitude error at past exposures, kept in the filter beside
//! the present ones, so that what the camera saw there can be fused when its result arrives.
//!
//! | event | effect |
//! |---|---|
//! | frame exposed | the position then joins the state (a stochastic clone) |
//! | frame exposed, no slot free | the clone that leaves the smallest hole goes, of equal ones the oldest; a keyframe never does before its time |
//! | result of a frame that was not announced | cloned late, from velocity and acceleration, at most 1 s back |
//! | clone older than the longest delay of an anchor | forgotten, unless it is the keyframe |
//! | keyframe replaced by another, or older than its own limit | an ordinary clone again |
//!
//! Source: S. Roumeliotis, J. Burdick, "Stochastic cloning", ICRA 2002.

use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use super::{
    Estimator,
    state::{CLONE, CLONES, CLONES_MAX, ErrorVector, at},
};
use crate::navigator::{geodesy::Geodetic, input::FrameExposed, units::MonotonicNs};

/// A frame without announcement is cloned at most this long after its exposure, s.
const LATE_MAX_S: f64 = 1.0;
/// Changes of acceleration that a late clone cannot know of, 1 sigma, m/s2.
const LATE_ACCELERATION_MPS2: f64 = 2.0;
/// A keyframe is kept this long, s.
const KEYFRAME_MAX_S: f64 = 60.0;
/// Frames closer in time to each other than this are the same exposure, s.
const SAME_EXPOSURE_S: f64 = 1e-3;

/// Position at one exposure, and the attitude with which its image was rectified.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct PoseClone {
    pub(super) frame: u64,
    pub(super) exposure: MonotonicNs,
    pub(super) place: Geodetic,
    pub(super) yaw_rad: f64,
    /// The autopilot's attitude error then, rad.
    pub(super) fc_attitude: Vector3<f64>,
    /// Metres per radian of latitude and of longitude there: corrections come often, and small.
    radii_m: (f64, f64),
}

impl PoseClone {
    /// North and east from here to `other`, m.
    pub(super) fn displacement_to(&self, other: Geodetic) -> [f64; 2] {
        let moved = self.place.displacement_by(self.radii_m, other);
        [moved.x, moved.y]
    }
}

/// Every exposure that is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Clones {
    pub(super) slots: [Option<PoseClone>; CLONES_MAX],
    pub(super) keyframe: Option<u64>,
}

impl Clones {
    pub(super) const fn none() -> Self {
        Self {
            slots: [None; CLONES_MAX],
            keyframe: None,
        }
    }

    /// Slot and clone of a frame.
    pub(super) fn find(&self, frame: u64, exposure: MonotonicNs) -> Option<(usize, PoseClone)> {
        self.slots.iter().enumerate().find_map(|(slot, clone)| {
            let clone = (*clone)?;
            let same = clone.exposure.seconds_since(exposure).abs() <= SAME_EXPOSURE_S;
            (clone.frame == frame && same).then_some((slot, clone))
        })
    }

    /// Moves every clone by the error that the filter found.
    pub(super) fn correct(&mut self, error: &ErrorVector) {
        for (slot, clone) in self.slots.iter_mut().enumerate() {
            if let Some(clone) = clone {
                let own = error.fixed_rows::<CLONE>(index_of(slot));
                let ne = Vector3::new(own[0], own[1], 0.0);
                clone.place = clone.place.displaced_by(clone.radii_m, ne);
                clone.fc_attitude += own.fixed_rows::<3>(CLONE_ATTITUDE);
            }
        }
    }

    fn extent(&self) -> usize {
        self.slots
            .iter()
            .rposition(Option::is_some)
            .map_or(0, |last| last + 1)
    }

    /// The slot whose clone is missed least: the one between the closest neighbours in time, and of several such
    /// the oldest, for whose match there is the least time left. Neither the newest, nor the keyframe, unless
    /// there is nothing else.
    fn least_needed(&self) -> usize {
        let newest = self
            .slots
            .iter()
            .flatten()
            .map(|clone| clone.exposure)
            .max();
        let hole_s = |clone: &PoseClone| {
            let others = || self.slots.iter().flatten().filter(|other| *other != clone);
            let before = others()
                .filter(|other| other.exposure <= clone.exposure)
                .map(|other| clone.exposure.seconds_since(other.exposure))
                .fold(f64::INFINITY, f64::min);
            let after = others()
                .filter(|other| other.exposure > clone.exposure)
                .map(|other| other.exposure.seconds_since(clone.exposure))
                .fold(f64::INFINITY, f64::min);
            before + after
        };
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(slot, clone)| Some((slot, clone.as_ref()?)))
            .filter(|(_, clone)| {
                Some(clone.exposure) != newest && Some(clone.frame) != self.keyframe
            })
            .map(|(slot, clone)| (slot, hole_s(clone), clone.exposure))
            .min_by(|a, b| a.1.total_cmp(&b.1).then(a.2.cmp(&b.2)))
            .map_or(0, |(slot, ..)| slot)
    }
}

/// Where the errors of a slot's clone start in the error vector.
pub(super) const fn index_of(slot: usize) -> usize {
    CLONES + CLONE * slot
}

/// Where, among them, that of the autopilot's attitude starts.
pub(super) const CLONE_ATTITUDE: usize = 2;

impl Estimator {
    /// Whether the covariance is that of the aircraft now and of the exposures remembered.
    pub(in crate::navigator) fn is_coherent(&self) -> bool {
        self.covariance.used() == index_of(self.clones.extent())
    }

    /// A frame is being taken.
    pub fn frame_exposed(&mut self, frame: &FrameExposed) {
        self.remember(frame.frame, frame.exposure, frame.time);
    }

    /// Remembers the position at `exposure`, to which the estimate is brought first when it is not there
    /// yet. `None` when the exposure is too long past, or after `now`, which no exposure can be.
    pub(super) fn remember(
        &mut self,
        frame: u64,
        exposure: MonotonicNs,
        now: MonotonicNs,
    ) -> Option<(usize, PoseClone)> {
        if let Some(known) = self.clones.find(frame, exposure) {
            return Some(known);
        }
        let late_s = self.nominal.time.seconds_since(exposure);
        if late_s > LATE_MAX_S || exposure > now {
            return None;
        }
        self.advance(exposure);
        self.forget_old();
        let free = self.clones.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            let slot = self.clones.least_needed();
            self.drop_clone(slot);
            slot
        });
        let clone = self.clone_at(frame, exposure, late_s.max(0.0), slot);
        Some((slot, clone))
    }

    fn clone_at(
        &mut self,
        frame: u64,
        exposure: MonotonicNs,
        late_s: f64,
        slot: usize,
    ) -> PoseClone {
        let back = self.nominal.velocity * -late_s + self.acceleration * (0.5 * late_s * late_s);
        let place = self.nominal.position.displaced(back);
        let clone = PoseClone {
            frame,
            exposure,
            place,
            yaw_rad: self.nominal.attitude.euler_angles().2,
            fc_attitude: self.nominal.fc_attitude,
            radii_m: place.metres_per_radian(),
        };
        self.clones.slots[slot] = Some(clone);
        self.covariance.set_used(index_of(self.clones.extent()));
        let unknown = 0.5 * LATE_ACCELERATION_MPS2 * late_s * late_s;
        for axis in 0..2 {
            let from = [(at::POSITION + axis, 1.0), (at::VELOCITY + axis, -late_s)];
            self.covariance
                .derive(index_of(slot) + axis, &from, unknown * unknown);
        }
        for axis in 0..3 {
            let to = index_of(slot) + CLONE_ATTITUDE + axis;
            self.covariance
                .derive(to, &[(at::FC_ATTITUDE + axis, 1.0)], 0.0);
        }
        self.let_scale_wander(exposure);
        clone
    }

    /// The height above ground is a frame's own, so its error changes from frame to frame, not between.
    fn let_scale_wander(&mut self, exposure: MonotonicNs) {
        let since_s = self
            .scale_of
            .map_or(0.0, |last| exposure.seconds_since(last).max(0.0));
        let density = self.config.process.visual_scale;
        self.covariance[(at::VISUAL_SCALE, at::VISUAL_SCALE)] += density * density * since_s;
        self.scale_of = self.scale_of.max(Some(exposure));
    }

    /// `frame` is what displacements are measured from until another one is.
    pub(super) fn hold_keyframe(&mut self, frame: u64) {
        self.clones.keyframe = Some(frame);
    }

    fn forget_old(&mut self) {
        let now = self.nominal.time;
        let limit_s = self.config.vision.anchor_delay_max_s;
        for slot in 0..CLONES_MAX {
            let Some(clone) = &self.clones.slots[slot] else {
                continue;
            };
            let held = self.clones.keyframe == Some(clone.frame);
            let limit_s = if held { KEYFRAME_MAX_S } else { limit_s };
            if now.seconds_since(clone.exposure) > limit_s {
                self.drop_clone(slot);
            }
        }
    }

    fn drop_clone(&mut self, slot: usize) {
        self.covariance.forget(index_of(slot), [0.0; CLONE]);
        self.clones.slots[slot] = None;
        self.covariance.set_used(index_of(self.clones.extent()));
    }

    /// Past exposures say nothing of a position that begins anew.
    pub(super) fn forget_clones(&mut self) {
        for slot in 0..CLONES_MAX {
            self.drop_clone(slot);
        }
        self.clones = Clones::none();
    }
}
