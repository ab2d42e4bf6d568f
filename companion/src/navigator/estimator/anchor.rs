//! A match against the map, as a measurement on the clone of its exposure.
//!
//! | uncertainty at the exposure | match | effect |
//! |---|---|---|
//! | any | outside the chi-square gate, or peak too low | refused, whatever its company |
//! | at most the confirmation limit | inside the gate | fused |
//! | more | inside the gate, not yet confirmed by its company | kept as a candidate |
//! | more | inside the gate, confirmed | fused |
//!
//! A large covariance lets nearly every peak pass the gate, so the second and third opinion come from
//! the matches themselves (`confirmation.rs`). Whether a whole series outside the gate is believed is decided in
//! `contradiction.rs`.
//!
//! The error of the map and the tilt of the camera are the same from match to match. They are considered,
//! not estimated: their part of the variance stays however many matches come.

use super::{
    Estimator,
    clones::{CLONE_ATTITUDE, PoseClone, index_of},
    confirmation::{Candidate, Verdict},
    state::at,
    update::{Scalar, Update, decorrelated, pair_nis},
};
use crate::navigator::{geodesy::Geodetic, input::SatelliteAnchor};

/// What became of a match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AnchorOutcome {
    /// It moved the estimate.
    Accepted {
        /// Normalised innovation squared, two degrees of freedom.
        nis: f64,
        /// Match less estimate at the exposure, north and east, m.
        innovation_ne_m: [f64; 2],
        /// 1 sigma of the estimate before, m, when it was so large that other matches had to confirm this one.
        confirmed_over_m: Option<f64>,
    },
    /// It did not.
    Refused {
        /// Why.
        reason: AnchorRefusal,
        /// Normalised innovation squared, where it was computed.
        nis: Option<f64>,
        /// Match less estimate at the exposure, north and east, where the exposure is known, m.
        innovation_ne_m: Option<[f64; 2]>,
    },
}

/// Why a match did not move the estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnchorRefusal {
    /// The best peak does not stand out.
    LowPeakRatio,
    /// Outside the chi-square gate.
    OutsideGate,
    /// Plausible, but the position is so uncertain that other matches must agree first.
    Unconfirmed,
    /// Plausible, but it contradicts the matches before it.
    SequenceDisagrees,
    /// Its exposure is not remembered any more.
    TooLate,
}

impl Estimator {
    /// Fuses a match if it is believed.
    pub fn anchor(&mut self, anchor: &SatelliteAnchor) -> AnchorOutcome {
        let Some((slot, clone)) = self.remember(anchor.frame, anchor.exposure, anchor.time) else {
            return refused(AnchorRefusal::TooLate, None, None);
        };
        let scalars = self.anchor_scalars(anchor, slot, &clone);
        let innovation = clone.displacement_to(matched(anchor, &clone));
        let nis = pair_nis(&self.covariance, &scalars[0], &scalars[1]);
        let refuse = |reason| refused(reason, Some(nis), Some(innovation));
        if anchor.peak_ratio < self.config.vision.peak_ratio_min {
            return refuse(AnchorRefusal::LowPeakRatio);
        }
        if nis.is_nan() || nis > self.config.gates.anchor_nis {
            return refuse(AnchorRefusal::OutsideGate);
        }
        let sigma_m = self.sigma_at(slot);
        let uncertain = sigma_m > self.config.vision.confirm_above_m;
        if uncertain {
            match self.confirmation.offer(self.candidate(anchor, innovation)) {
                Verdict::Confirmed => {}
                Verdict::Waiting => return refuse(AnchorRefusal::Unconfirmed),
                Verdict::Contradicted => return refuse(AnchorRefusal::SequenceDisagrees),
            }
        }
        self.confirmation.forget();
        let mut update = Update::new(&mut self.covariance);
        scalars.iter().for_each(|scalar| update.fuse(scalar));
        let error = update.finish();
        self.correct(&error);
        AnchorOutcome::Accepted {
            nis,
            innovation_ne_m: innovation,
            confirmed_over_m: uncertain.then_some(sigma_m),
        }
    }

    /// The position may be wrong by `offset_ne_m`, and everything that was led along with it: the covariance of
    /// the position and of all exposures grows together until that offset is a matter of one sigma.
    pub fn yield_to(&mut self, offset_ne_m: [f64; 2]) {
        let [north, east] = offset_ne_m;
        let slots = self.clones.slots.iter().enumerate();
        let remembered = slots.filter_map(|(slot, clone)| clone.map(|_| index_of(slot)));
        let positions = core::iter::once(at::POSITION).chain(remembered);
        for axis in 0..2 {
            let all = positions.clone().map(move |index| index + axis);
            self.covariance
                .widen_together(all, north * north + east * east);
        }
    }

    pub(super) fn anchor_scalars(
        &self,
        anchor: &SatelliteAnchor,
        slot: usize,
        clone: &PoseClone,
    ) -> [Scalar; 2] {
        let vision = &self.config.vision;
        let innovation = clone.displacement_to(matched(anchor, clone));
        // What the autopilot's attitude takes for straight down points aside by its own error.
        let tilt = &clone.fc_attitude;
        let aside = [-tilt.y, tilt.x].map(|angle| angle * anchor.agl_m);
        let own = index_of(slot) + CLONE_ATTITUDE;
        let by_tilt = [(own + 1, -anchor.agl_m), (own, anchor.agl_m)];
        let lasting_tilt = anchor.agl_m * vision.camera_tilt_rad;
        let changing = anchor.agl_m * vision.camera_tilt_change_rad;
        let [nn, ne, ee] = anchor.covariance_ne_m2;
        let extra = changing * changing + vision.anchor_floor_m * vision.anchor_floor_m;
        let scalars = core::array::from_fn(|axis| {
            let (tilt, lever_m) = by_tilt[axis];
            Scalar::new(innovation[axis] - aside[axis], 0.0)
                .by(index_of(slot) + axis, 1.0)
                .by(tilt, lever_m)
                .by(at::MAP_BIAS + axis, anchor.map_bias_sigma_m)
                .by(at::CAMERA_TILT + axis, lasting_tilt)
        });
        decorrelated(scalars, [nn + extra, ne, ee + extra])
    }

    fn candidate(&self, anchor: &SatelliteAnchor, innovation: [f64; 2]) -> Candidate {
        let [nn, _, ee] = anchor.covariance_ne_m2;
        let changing = anchor.agl_m * self.config.vision.camera_tilt_change_rad;
        let floor = self.config.vision.anchor_floor_m;
        Candidate {
            exposure: anchor.exposure,
            offset_ne_m: core::array::from_fn(|axis| innovation[axis] + self.corrected_ne_m[axis]),
            variance_m2: nn.max(ee) + changing * changing + floor * floor,
        }
    }

    /// 1 sigma along the worst direction of a clone's position, m.
    fn sigma_at(&self, slot: usize) -> f64 {
        let index = index_of(slot);
        let block = self.covariance.fixed_view::<2, 2>(index, index);
        let (nn, ne, ee) = (block[(0, 0)], block[(0, 1)], block[(1, 1)]);
        let half = 0.5 * (nn - ee);
        libm::sqrt(0.5 * (nn + ee) + libm::sqrt(half * half + ne * ne))
    }
}

fn refused(
    reason: AnchorRefusal,
    nis: Option<f64>,
    innovation_ne_m: Option<[f64; 2]>,
) -> AnchorOutcome {
    AnchorOutcome::Refused {
        reason,
        nis,
        innovation_ne_m,
    }
}

/// Where the match says the aircraft was, at the height of the clone.
fn matched(anchor: &SatelliteAnchor, clone: &PoseClone) -> Geodetic {
    Geodetic {
        lat_rad: anchor.lat_rad,
        lon_rad: anchor.lon_rad,
        alt_msl_m: clone.place.alt_msl_m,
    }
}
