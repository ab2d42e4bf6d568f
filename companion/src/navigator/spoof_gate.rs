//! When the autopilot's own GPS may be believed.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | `Open` | good sample | `Open` | the sample is fused |
//! | `Open` | sample with a sign | `Closed` | refused, closing told |
//! | `Open` | jamming or spoofing reported, anchor disagrees | `Closed` | closing told |
//! | `Open` | anything else | `Open` | - |
//! | `Closed` | good sample, conditions missing | `Closed`, held since the first such | refused, told |
//! | `Closed` | good sample, all conditions hold | `Open` | fused, promotion told with its latency |
//! | `Closed` | sample with a sign | `Closed`, not held | refused, told |
//! | `Closed`, held | jamming or spoofing reported, anchor disagrees, samples stop or lose their fix | `Closed`, not held | restart told |
//! | `Closed`, held | anchor agrees | `Closed`, held, agreed | - |
//! | `Closed` | anything else | `Closed` | - |
//!
//! The conditions: good samples for 10 s without a break; if there is a camera, the next accepted anchor
//! agrees; this sample is a good one. A good sample has no sign: nothing reported against it, it follows
//! from the one before, and it lies within 200 m of the estimate (while open: inside the filter's gate).
//!
//! A sample is never fused while the gate is closed. The judgement of a sample is made outside
//! ([`super::gps_judge`]); this machine only remembers.

use serde::{Deserialize, Serialize};

use super::{
    behaviour::SpoofGateRules,
    output::{SpoofGateEvent, SpoofGateReason, SpoofGateStep},
    units::MonotonicNs,
};

/// Without a sample for this long the stable time is broken, s.
const SAMPLES_STOPPED_S: f64 = 1.5;

/// One judged sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When it arrived.
    pub time: MonotonicNs,
    /// Receiver instance.
    pub instance: u8,
    /// What speaks against it.
    pub sign: Option<SpoofGateReason>,
    /// Distance from the estimate, m, where there is one.
    pub distance_m: Option<f64>,
}

/// What becomes of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// To be fused.
    Fuse,
    /// To be fused, the first one after the gate was closed.
    Promote,
    /// Not to be looked at.
    Refuse,
}

/// The gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpoofGate {
    state: State,
    instance: u8,
    last_sample: Option<MonotonicNs>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum State {
    Open,
    Closed(Option<Hold>),
}

/// Good samples without a break.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Hold {
    since: MonotonicNs,
    agreed: Option<MonotonicNs>,
}

impl SpoofGate {
    /// Open: before anything speaks against it, the autopilot's GPS is believed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Open,
            instance: 0,
            last_sample: None,
        }
    }

    /// Whether samples are fused.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// One sample; what becomes of it and what to tell. `vision`: whether an anchor must agree.
    pub fn sample(
        &mut self,
        sample: &Sample,
        vision: bool,
        rules: &SpoofGateRules,
    ) -> (Decision, Option<SpoofGateEvent>) {
        self.instance = sample.instance;
        self.last_sample = Some(sample.time);
        let time = sample.time;
        match (self.state, sample.sign) {
            (State::Open, None) => (Decision::Fuse, None),
            (State::Open, Some(reason)) => {
                self.state = State::Closed(None);
                let told = self.told(time, SpoofGateStep::Closed, reason, 0.0, sample.distance_m);
                (Decision::Refuse, Some(told))
            }
            (State::Closed(hold), Some(reason)) => {
                self.state = State::Closed(None);
                let (step, stable_s) = match hold {
                    Some(hold) => (SpoofGateStep::HoldRestarted, stable_s(hold, time)),
                    None => (SpoofGateStep::Rejected, 0.0),
                };
                let told = self.told(time, step, reason, stable_s, sample.distance_m);
                (Decision::Refuse, Some(told))
            }
            (State::Closed(hold), None) => {
                let hold = hold.unwrap_or(Hold {
                    since: time,
                    agreed: None,
                });
                self.good_sample(sample, hold, vision, rules)
            }
        }
    }

    fn good_sample(
        &mut self,
        sample: &Sample,
        hold: Hold,
        vision: bool,
        rules: &SpoofGateRules,
    ) -> (Decision, Option<SpoofGateEvent>) {
        let (time, stable_s) = (sample.time, stable_s(hold, sample.time));
        let agreed = if vision {
            hold.agreed
        } else {
            Some(hold.since)
        };
        let missing = match agreed {
            _ if stable_s < rules.stable_s => Some(SpoofGateReason::HoldRunning),
            None => Some(SpoofGateReason::AnchorAwaited),
            Some(_) => None,
        };
        if let Some(reason) = missing {
            self.state = State::Closed(Some(hold));
            let rejected = SpoofGateStep::Rejected;
            let told = self.told(time, rejected, reason, stable_s, sample.distance_m);
            return (Decision::Refuse, Some(told));
        }
        self.state = State::Open;
        let reason = SpoofGateReason::AllConditionsHold;
        let mut told = self.told(
            time,
            SpoofGateStep::Promoted,
            reason,
            stable_s,
            sample.distance_m,
        );
        let since_agreed_s = time.seconds_since(agreed.unwrap_or(hold.since));
        let latency_s = (stable_s - rules.stable_s).min(since_agreed_s).max(0.0);
        told.promotion_latency_ms = Some(super::source_label::age_ms(latency_s));
        (Decision::Promote, Some(told))
    }

    /// The autopilot or its receiver reported jamming or spoofing, or the sample's clock jumped.
    pub fn reported(
        &mut self,
        now: MonotonicNs,
        reason: SpoofGateReason,
    ) -> Option<SpoofGateEvent> {
        self.against(now, reason, None)
    }

    /// The samples lost their fix.
    pub fn fix_lost(&mut self, now: MonotonicNs) -> Option<SpoofGateEvent> {
        match self.state {
            State::Closed(Some(_)) => self.against(now, SpoofGateReason::FixLost, None),
            State::Open | State::Closed(None) => None,
        }
    }

    /// Time passed.
    pub fn elapsed(&mut self, now: MonotonicNs) -> Option<SpoofGateEvent> {
        let stopped = self
            .last_sample
            .is_some_and(|last| now.seconds_since(last) > SAMPLES_STOPPED_S);
        if stopped { self.fix_lost(now) } else { None }
    }

    /// An anchor was accepted; `distance_m` of the GPS track at its exposure, and whether that is
    /// within what both may be off.
    pub fn anchor(
        &mut self,
        now: MonotonicNs,
        agrees: bool,
        distance_m: f64,
    ) -> Option<SpoofGateEvent> {
        if !agrees {
            return self.against(now, SpoofGateReason::AnchorDisagrees, Some(distance_m));
        }
        if let State::Closed(Some(hold)) = &mut self.state {
            hold.agreed.get_or_insert(now);
        }
        None
    }

    /// Time begins anew: a closed gate stays closed, and nothing holds yet.
    pub fn begin_anew(&mut self) {
        self.last_sample = None;
        if let State::Closed(hold) = &mut self.state {
            *hold = None;
        }
    }

    fn against(
        &mut self,
        now: MonotonicNs,
        reason: SpoofGateReason,
        distance_m: Option<f64>,
    ) -> Option<SpoofGateEvent> {
        let (step, stable_s) = match self.state {
            State::Open => (SpoofGateStep::Closed, 0.0),
            State::Closed(Some(hold)) => (SpoofGateStep::HoldRestarted, stable_s(hold, now)),
            State::Closed(None) => return None,
        };
        self.state = State::Closed(None);
        Some(self.told(now, step, reason, stable_s, distance_m))
    }

    fn told(
        &self,
        time: MonotonicNs,
        step: SpoofGateStep,
        reason: SpoofGateReason,
        stable_s: f64,
        distance_m: Option<f64>,
    ) -> SpoofGateEvent {
        SpoofGateEvent {
            time,
            step,
            reason,
            gps_instance: self.instance,
            distance_m,
            stable_ms: super::source_label::age_ms(stable_s),
            promotion_latency_ms: None,
        }
    }
}

fn stable_s(hold: Hold, now: MonotonicNs) -> f64 {
    now.seconds_since(hold.since).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(ms: u64, sign: Option<SpoofGateReason>) -> Sample {
        Sample {
            time: MonotonicNs(ms * 1_000_000),
            instance: 0,
            sign,
            distance_m: Some(3.0),
        }
    }

    fn at(ms: u64) -> MonotonicNs {
        MonotonicNs(ms * 1_000_000)
    }

    #[test]
    fn ten_good_seconds_and_an_anchor_promote_with_the_latency_of_one_sample() {
        let rules = SpoofGateRules::default();
        let mut gate = SpoofGate::new();
        gate.reported(at(0), SpoofGateReason::Reported);
        let mut promoted = None;
        for step in 0..200u64 {
            let ms = 100 + step * 200;
            if step == 60 {
                gate.anchor(at(ms - 50), true, 4.0);
            }
            if let (Decision::Promote, Some(told)) = gate.sample(&sample(ms, None), true, &rules) {
                promoted.get_or_insert((ms, told));
            }
        }
        let (ms, told) = promoted.unwrap();
        assert_eq!(ms, 100 + 60 * 200);
        assert_eq!(told.promotion_latency_ms, Some(50));
        assert_eq!(told.stable_ms, 12_000);
    }

    #[test]
    fn an_anchor_from_before_the_stable_time_does_not_count() {
        let rules = SpoofGateRules::default();
        let mut gate = SpoofGate::new();
        gate.reported(at(0), SpoofGateReason::Reported);
        gate.anchor(at(50), true, 4.0);
        for step in 0..300 {
            let (decision, _) = gate.sample(&sample(100 + step * 200, None), true, &rules);
            assert_eq!(decision, Decision::Refuse);
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Good,
        Bad,
        Reported,
        FixLost,
        Anchor(bool),
        Time,
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Step, u8)>> {
        let step = prop_oneof![
            12 => Just(Step::Good),
            1 => Just(Step::Bad),
            1 => Just(Step::Reported),
            1 => Just(Step::FixLost),
            2 => any::<bool>().prop_map(Step::Anchor),
            2 => Just(Step::Time),
        ];
        prop::collection::vec((0u64..2_000, step, 1u8..80), 1..60)
    }

    proptest! {
        /// The conditions are kept by a second, slower book: lists of everything since the last break.
        #[test]
        fn nothing_is_fused_while_closed_and_promotion_needs_all_conditions(
            steps in steps(), vision in any::<bool>()
        ) {
            let rules = SpoofGateRules::default();
            let mut gate = SpoofGate::new();
            let mut now = 0;
            let (mut open, mut good, mut agreed) = (true, Vec::<u64>::new(), false);
            let mut last_sample = None::<u64>;
            for (gap, step, repeat) in steps {
                now += gap;
                for _ in 0..repeat {
                    now += 200;
                    let broken = match step {
                        Step::Good => {
                            let (decision, told) = gate.sample(&sample(now, None), vision, &rules);
                            last_sample = Some(now);
                            if open {
                                prop_assert_eq!((decision, told), (Decision::Fuse, None));
                            } else {
                                good.push(now);
                                let held = now - good[0] >= 10_000 && (agreed || !vision);
                                let expected = if held { Decision::Promote } else { Decision::Refuse };
                                prop_assert_eq!(decision, expected);
                                prop_assert!(told.is_some(), "every rejection and promotion is told");
                                open = held;
                            }
                            false
                        }
                        Step::Bad => {
                            let bad = sample(now, Some(SpoofGateReason::PositionJump));
                            let (decision, told) = gate.sample(&bad, vision, &rules);
                            last_sample = Some(now);
                            prop_assert_eq!(decision, Decision::Refuse);
                            prop_assert!(told.is_some());
                            open = false;
                            true
                        }
                        Step::Reported => {
                            gate.reported(at(now), SpoofGateReason::Reported);
                            open = false;
                            true
                        }
                        Step::FixLost => {
                            gate.fix_lost(at(now));
                            true
                        }
                        Step::Anchor(agrees) => {
                            gate.anchor(at(now), agrees, 10.0);
                            agreed |= agrees && !open && !good.is_empty();
                            open &= agrees;
                            !agrees
                        }
                        Step::Time => {
                            gate.elapsed(at(now));
                            last_sample.is_some_and(|last| now - last > 1_500)
                        }
                    };
                    if broken || open {
                        good.clear();
                        agreed = false;
                    }
                    prop_assert_eq!(gate.is_open(), open);
                }
            }
        }
    }
}
