//! Camera, map and operator.

use nalgebra::Vector2;

use super::{Navigator, tell};
use crate::navigator::{
    contradiction::{Contradiction, Finding, Sighting},
    estimator::{AnchorOutcome, AnchorRefusal, HintOutcome},
    geodesy::Geodetic,
    input::{OperatorHint, SatelliteAnchor, VisualOdometry},
    output::{AnchorVerdict, EventKind, Output, Outputs},
    units::MonotonicNs,
};

/// GPS and a match may differ by this beyond their own accuracies, m: what is not known of the receiver's delay,
/// at cruise, and what tilt and map leave unsaid.
const GPS_SLACK_M: f64 = 10.0;

impl Navigator {
    pub(super) fn odometry(&mut self, result: &VisualOdometry, now: MonotonicNs) {
        self.vision.frame(now, &result.outcome);
        self.with_estimator(|estimator| {
            estimator.odometry(result);
        });
    }

    pub(super) fn anchor(
        &mut self,
        anchor: &SatelliteAnchor,
        now: MonotonicNs,
        outputs: &mut Outputs,
    ) {
        let Some(estimator) = &mut self.estimator else {
            return;
        };
        let outcome = estimator.anchor(anchor);
        let (refusal, nis, innovation_ne_m) = match outcome {
            AnchorOutcome::Accepted {
                nis,
                innovation_ne_m,
                ..
            } => (None, Some(nis), Some(innovation_ne_m)),
            AnchorOutcome::Refused {
                reason,
                nis,
                innovation_ne_m,
            } => (Some(reason), nis, innovation_ne_m),
        };
        outputs.push(Output::Anchor(AnchorVerdict {
            time: now,
            frame: anchor.frame,
            exposure: anchor.exposure,
            refusal,
            lat_rad: anchor.lat_rad,
            lon_rad: anchor.lon_rad,
            innovation_ne_m,
            nis,
            score: anchor.score,
            peak_ratio: anchor.peak_ratio,
        }));
        match outcome {
            AnchorOutcome::Accepted {
                confirmed_over_m, ..
            } => self.anchor_accepted(anchor, confirmed_over_m, now, outputs),
            AnchorOutcome::Refused {
                reason: AnchorRefusal::OutsideGate,
                nis: Some(nis),
                innovation_ne_m: Some(offset_ne_m),
            } => {
                let [north, east] = offset_ne_m;
                let sighting = Sighting {
                    exposure: anchor.exposure,
                    offset_ne_m,
                    sigma_m: libm::sqrt((north * north + east * east) / nis),
                };
                self.anchor_outside(anchor, &sighting, now, outputs);
            }
            AnchorOutcome::Refused { .. } => {}
        }
    }

    /// A match that contradicts the position. A series of them speaks for or against GPS as well as one that was
    /// accepted, and the position may have to yield to it.
    fn anchor_outside(
        &mut self,
        anchor: &SatelliteAnchor,
        sighting: &Sighting,
        now: MonotonicNs,
        outputs: &mut Outputs,
    ) {
        match self.contradiction.outside(sighting, &self.standing) {
            Finding::Nothing => {}
            Finding::Wrong => tell(outputs, now, EventKind::PositionWrong),
            Finding::Yields(offset_ne_m) => {
                self.with_estimator(|estimator| estimator.yield_to(offset_ne_m));
                self.standing.yielded();
            }
        }
        if self.contradiction.is_wrong() {
            self.compare_with_gps(anchor, now, outputs);
        }
    }

    fn anchor_accepted(
        &mut self,
        anchor: &SatelliteAnchor,
        confirmed_over_m: Option<f64>,
        now: MonotonicNs,
        outputs: &mut Outputs,
    ) {
        self.standing.anchored(anchor.exposure, confirmed_over_m);
        // Matches come late and in any order; the freshest exposure counts.
        self.anchored = self.anchored.max(Some(anchor.exposure));
        self.contradiction = Contradiction::default();
        self.floor.release();
        self.fix.verified();
        let estimated = self.estimated();
        if let Some(window) = self.relocalisation.anchored(now, estimated.as_ref()) {
            outputs.push(Output::SearchWindow(window));
        }
        self.compare_with_gps(anchor, now, outputs);
    }

    fn compare_with_gps(
        &mut self,
        anchor: &SatelliteAnchor,
        now: MonotonicNs,
        outputs: &mut Outputs,
    ) {
        if let Some((agrees, distance_m)) = self.agreement_with_gps(anchor) {
            let told = self.gate.anchor(now, agrees, distance_m);
            self.tell_gate(told, outputs);
        }
    }

    /// Whether a match and the GPS track agree, and their distance, m; `None` when no report is
    /// near the exposure.
    fn agreement_with_gps(&self, anchor: &SatelliteAnchor) -> Option<(bool, f64)> {
        // A report shows where the receiver was a delay ago.
        let delay_s = self.estimator.as_ref()?.nominal().gps_delay;
        let reported = anchor.exposure.plus_ns((delay_s * 1e9) as u64);
        let fixed = self.gps.at(reported)?;
        let matched = Geodetic {
            lat_rad: anchor.lat_rad,
            lon_rad: anchor.lon_rad,
            alt_msl_m: fixed.place.alt_msl_m,
        };
        let offset = matched.displacement_to(fixed.place);
        let distance_m = libm::sqrt(Vector2::new(offset.x, offset.y).norm_squared());
        let [nn, _, ee] = anchor.covariance_ne_m2;
        let (bias, gps) = (anchor.map_bias_sigma_m, fixed.horiz_accuracy_m);
        let tilt = anchor.agl_m * self.config.vision.camera_tilt_rad;
        let sigma = libm::sqrt(nn.max(ee) + bias * bias + tilt * tilt + gps * gps);
        Some((distance_m <= 3.0 * sigma + GPS_SLACK_M, distance_m))
    }

    pub(super) fn hint(&mut self, hint: &OperatorHint, now: MonotonicNs, outputs: &mut Outputs) {
        if let Some(estimator) = &mut self.estimator
            && let HintOutcome::Fused { .. } = estimator.hint(hint)
        {
            self.floor.release();
        }
        let estimated = self.estimated();
        let window = self.relocalisation.hint(hint, estimated.as_ref());
        tell(outputs, now, EventKind::OperatorHintTaken);
        outputs.push(Output::SearchWindow(window));
    }
}
