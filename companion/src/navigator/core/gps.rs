//! The autopilot's GPS: judged, let through the spoof gate or not, fused.

use super::{Navigator, tell};
use crate::navigator::{
    contradiction::Contradiction,
    estimator::{GpsJudgement, GpsOutcome},
    gps_judge::{self, Before},
    input::{FcGps, GpsFix, GpsIntegrity, GpsIntegrityState},
    output::{EventKind, Output, Outputs, SpoofGateEvent, SpoofGateReason, SpoofGateStep},
    spoof_gate::{Decision, Sample},
    units::MonotonicNs,
};

impl Navigator {
    pub(super) fn gps(&mut self, fix: &FcGps, outputs: &mut Outputs) {
        if fix.fix != GpsFix::ThreeD {
            let told = self.gate.fix_lost(fix.time);
            self.tell_gate(told, outputs);
            return;
        }
        let follows = self.gps.report(fix);
        let since_last_s = self.gps.since_fused_s(fix.time);
        let judgement = self
            .estimator
            .as_mut()
            .map(|estimator| estimator.judge_gps(fix, since_last_s));
        let sign = self.sign(judgement.as_ref(), follows);
        let outside = judgement.and_then(|judgement| judgement.outside);
        let sample = Sample {
            time: fix.time,
            instance: fix.instance,
            sign,
            distance_m: judgement.map(|judgement| judgement.distance_m),
        };
        if self.gate.is_open()
            && let Some(nis) = outside
            && !core::mem::replace(&mut self.gps_refused, true)
        {
            tell(outputs, fix.time, EventKind::FcGpsRejected { nis });
        }
        // Without an estimate no anchor can be accepted, so none is waited for.
        let anchor_needed = self.config.sight.enabled && self.estimator.is_some();
        let (decision, told) = self
            .gate
            .sample(&sample, anchor_needed, &self.config.spoof_gate);
        self.tell_gate(told, outputs);
        match decision {
            Decision::Refuse => {}
            Decision::Fuse if outside.is_some() => {}
            Decision::Fuse => self.fuse(fix, since_last_s, false, outputs),
            Decision::Promote => self.fuse(fix, since_last_s, true, outputs),
        }
    }

    fn sign(&self, judgement: Option<&GpsJudgement>, follows: bool) -> Option<SpoofGateReason> {
        let before = if self.gate.is_open() {
            Before::Open {
                refused: self.gps_refused,
            }
        } else {
            Before::Closed {
                follows,
                camera: self.config.sight.enabled,
            }
        };
        match judgement {
            Some(judgement) => gps_judge::sign(judgement, before, &self.config.spoof_gate),
            None => match before {
                Before::Closed { follows: false, .. } => Some(SpoofGateReason::PositionJump),
                Before::Closed { follows: true, .. } | Before::Open { .. } => None,
            },
        }
    }

    /// Fuses a believed fix. A promoted one that lies outside the filter's gate restarts the position:
    /// ten seconds, and an anchor where there is a camera, have spoken for it.
    fn fuse(&mut self, fix: &FcGps, since_last_s: f64, promoted: bool, outputs: &mut Outputs) {
        let Some(estimator) = &mut self.estimator else {
            self.start(fix.time, Some(fix), outputs);
            if self.estimator.is_some() {
                self.gps.fused(fix.time);
            }
            return;
        };
        if let GpsOutcome::Rejected { .. } = estimator.gps(fix, since_last_s) {
            if !promoted {
                return;
            }
            estimator.restart_from_gps(fix);
            self.standing.restarted(fix.time);
        }
        self.standing.fixed(fix.time);
        self.gps_refused = false;
        self.floor.release();
        if promoted {
            self.contradiction = Contradiction::default();
        }
        if !self.config.sight.enabled {
            self.fix.verified();
        }
        if let Some(gap_s) = self.gps.fused(fix.time) {
            tell(outputs, fix.time, EventKind::FcGpsRegained { gap_s });
        }
    }

    pub(super) fn integrity(
        &mut self,
        report: &GpsIntegrity,
        now: MonotonicNs,
        outputs: &mut Outputs,
    ) {
        let reason = match report.state {
            GpsIntegrityState::Clean => return,
            GpsIntegrityState::Jammed | GpsIntegrityState::Spoofed => SpoofGateReason::Reported,
            GpsIntegrityState::TimeJumped => SpoofGateReason::TimeJump,
        };
        let told = self.gate.reported(now, reason);
        self.tell_gate(told, outputs);
    }

    /// Tells a step of the gate, and asks the autopilot for another source set where one is configured:
    /// once when it closes and once when it opens.
    pub(super) fn tell_gate(&mut self, told: Option<SpoofGateEvent>, outputs: &mut Outputs) {
        let Some(event) = told else { return };
        outputs.push(Output::SpoofGate(event));
        let rules = &self.config.spoof_gate;
        let set = match event.step {
            SpoofGateStep::Closed => {
                self.standing.doubt_gps();
                rules.source_set_denied
            }
            SpoofGateStep::Promoted => {
                self.gps_refused = false;
                rules.source_set_trusted
            }
            SpoofGateStep::Rejected | SpoofGateStep::HoldRestarted => 0,
        };
        if set != 0 {
            tell(outputs, event.time, EventKind::SourceSetRequested { set });
        }
    }
}
