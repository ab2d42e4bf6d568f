//! What happens because time passes: emission, and everything that follows from silence.

use super::{CHECKPOINT_PERIOD_NS, Navigator, deadline_after, tell};
use crate::navigator::{
    degradation::Facts,
    emission,
    no_estimate::Fallback,
    output::{
        BlackoutEvent, BlackoutPhase, BlackoutReason, EmittedExternalPosition, EventKind, FixType,
        Output, Outputs,
    },
    relocalisation::Estimated,
    source_label::{Evidence, age_ms},
    units::MonotonicNs,
};

/// A sensor that is silent for longer does not carry the position, s.
const CARRIER_MAX_AGE_S: f64 = 1.0;

impl Navigator {
    /// A tick that comes late stands for now: the position emitted is never one of the past.
    pub(super) fn tick(&mut self, time: MonotonicNs, outputs: &mut Outputs) {
        if self.deadline.is_some_and(|deadline| time < deadline) {
            return;
        }
        self.deadline = Some(deadline_after(time));
        self.tell_unavailable_gate(time, outputs);
        if self.gps.lost(time, self.config.gates.gps_lost_s) {
            tell(outputs, time, EventKind::FcGpsLost);
        }
        let told = self.gate.elapsed(time);
        self.tell_gate(told, outputs);
        self.observe(time, outputs);
        self.emit(time, outputs);
        let estimated = self.estimated();
        if let Some(window) = self.relocalisation.elapsed(time, estimated.as_ref()) {
            outputs.push(Output::SearchWindow(window));
        }
        if self.checkpoint_due.is_none_or(|due| time >= due) {
            self.checkpoint_due = Some(time.plus_ns(CHECKPOINT_PERIOD_NS));
            self.checkpoint_now = true;
        }
    }

    fn tell_unavailable_gate(&mut self, time: MonotonicNs, outputs: &mut Outputs) {
        if !self.autopilot.gps_watchable && !core::mem::replace(&mut self.gate_told, true) {
            tell(outputs, time, EventKind::SpoofGateUnavailable);
        }
    }

    fn emit(&mut self, time: MonotonicNs, outputs: &mut Outputs) {
        let Some(estimator) = &mut self.estimator else {
            if let Some(reason) = self.fix.no_position(time) {
                self.failsafe(time, reason, f64::INFINITY, outputs);
            }
            return;
        };
        estimator.advance(time);
        if self.fix.fix() < FixType::ThreeD {
            // Nobody follows a withdrawn position, so it need not creep towards the estimate.
            estimator.settle();
        }
        let dark = self.blackout.is_dark();
        let floor = if dark { Some(&mut self.floor) } else { None };
        let wrong_by = self.contradiction.wrong_by_ne_m().unwrap_or_default();
        let emitted = emission::position(estimator, time, &self.config, wrong_by, floor);
        let Some(mut position) = emitted else {
            self.lose(time, outputs);
            if let Some(reason) = self.fix.no_position(time) {
                self.failsafe(time, reason, f64::INFINITY, outputs);
            }
            return;
        };
        if !dark {
            self.floor.release();
        }
        let facts = self.facts(time, &position);
        let unchecked = self.autopilot.returns_unchecked;
        if let Some(reason) = self.fix.emit(time, &facts, &self.config.fix, unchecked) {
            self.failsafe(time, reason, facts.radius_95_m, outputs);
        }
        position.source_label = self.label.label();
        position.last_satellite_anchor_age_ms = self.anchor_age_s(time).map(age_ms);
        position.fix_type = self.fix.fix();
        outputs.push(Output::Position(position));
    }

    fn facts(&self, time: MonotonicNs, position: &EmittedExternalPosition) -> Facts {
        let fresh = |last: Option<MonotonicNs>| {
            last.is_some_and(|last| time.seconds_since(last) <= CARRIER_MAX_AGE_S)
        };
        let carried = fresh(self.aircraft.last_imu) || fresh(self.aircraft.last_airspeed);
        let long = self.vision.dark_s(time) > self.config.sight.uncarried_s;
        Facts {
            radius_95_m: position.ellipse_95.semi_major_m,
            horiz_accuracy_m: position.horiz_accuracy_m,
            speed_accuracy_mps: position.speed_accuracy_mps,
            wrong: self.contradiction.is_wrong(),
            uncarried: self.blackout.is_dark() && long && !carried,
        }
    }

    fn failsafe(
        &self,
        time: MonotonicNs,
        reason: BlackoutReason,
        radius_95_m: f64,
        outputs: &mut Outputs,
    ) {
        let event = self.blackout_event(time, BlackoutPhase::Failsafe, reason, radius_95_m);
        outputs.push(Output::Blackout(event));
    }

    /// What follows from what is known now, after every input.
    pub(super) fn observe(&mut self, now: MonotonicNs, outputs: &mut Outputs) {
        let rules = &self.config.sight;
        let flying = self.aircraft.armed != Some(false);
        if rules.enabled && self.estimator.is_some() && flying {
            self.vision.expect_frames(now);
        }
        self.vision.elapsed(now, rules);
        if let Some((phase, reason)) = self.blackout.update(now, &self.vision, rules) {
            let event = self.blackout_event(now, phase, reason, self.radius_95_m());
            outputs.push(Output::Blackout(event));
        }
        self.ask_operator(now, outputs);
        let evidence = Evidence {
            estimate: self.estimator.is_some(),
            blackout: self.blackout.is_dark(),
            odometry_healthy: self.vision.odometry_healthy(),
            anchor_age_s: self.anchor_age_s(now),
        };
        let fresh_s = self.config.sight.anchor_fresh_s;
        if let Some(transition) = self.label.update(now, &evidence, fresh_s) {
            outputs.push(Output::LabelTransition(transition));
        }
        let armed = self.aircraft.armed == Some(true);
        match self
            .no_estimate
            .update(now, self.estimator.is_some(), armed)
        {
            Some(Fallback::Engaged) => tell(outputs, now, EventKind::NoEstimateEngaged),
            Some(Fallback::Recovered(gap_s)) => {
                tell(outputs, now, EventKind::NoEstimateRecovered { gap_s });
            }
            None => {}
        }
    }

    fn ask_operator(&mut self, now: MonotonicNs, outputs: &mut Outputs) {
        let rules = &self.config.sight;
        let (dark_s, frames) = (self.vision.dark_s(now), self.vision.dark_frames(now, rules));
        if self.relocalisation.ask(dark_s, frames, rules) {
            let event = self.blackout_event(
                now,
                BlackoutPhase::RelocalisationRequested,
                BlackoutReason::Duration,
                self.radius_95_m(),
            );
            outputs.push(Output::Blackout(event));
        }
    }

    fn blackout_event(
        &self,
        time: MonotonicNs,
        phase: BlackoutPhase,
        reason: BlackoutReason,
        radius_95_m: f64,
    ) -> BlackoutEvent {
        BlackoutEvent {
            time,
            phase,
            reason,
            last_usable_frame: self.vision.last_usable(),
            radius_95_m,
            last_satellite_anchor_age_ms: self.anchor_age_s(time).map(age_ms),
        }
    }

    fn radius_95_m(&self) -> f64 {
        self.estimator.as_ref().map_or(f64::INFINITY, |estimator| {
            emission::radius_95_m(estimator, &self.config.sensors)
        })
    }

    fn anchor_age_s(&self, now: MonotonicNs) -> Option<f64> {
        self.anchored
            .map(|exposure| now.seconds_since(exposure).max(0.0))
    }

    pub(super) fn estimated(&self) -> Option<Estimated> {
        self.estimator.as_ref().map(|estimator| Estimated {
            place: estimator.nominal().position,
            speed_accuracy_mps: emission::speed_accuracy_mps(estimator),
        })
    }
}
