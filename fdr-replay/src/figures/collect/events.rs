//! Records that are events: what they put on the timeline and into the list.

use fdr_format::Record;
use fdr_format::records::{self, LifecycleEvent, SpoofGateEvent};

use super::{Collector, LIST_MAX, Loss, name_of};

impl Collector {
    /// Records that are events of the timeline.
    pub(super) fn happening(&mut self, record: &Record<'_>) {
        use records::Severity as S;
        let Some(time_ns) = record.time_ns() else {
            return;
        };
        let at = self.since(time_ns);
        let figures = &mut self.figures;
        match record {
            Record::NavigatorEvent(body) => {
                if body.kind == records::NavigatorEventKind::FcGpsRejected {
                    figures.series.gps_nis.add(at, body.value);
                }
                let text = name_of(&body.kind).replace('_', " ");
                figures.events.add(at, body.severity, "navigator", text);
            }
            Record::SourceLabelTransition(body) => {
                let severity = match body.to {
                    records::SourceLabel::DeadReckoned => S::Warning,
                    _ => S::Info,
                };
                let (to, why) = (name_of(&body.to), name_of(&body.reason));
                let text = format!("{to}: {}", why.replace('_', " "));
                figures.events.add(at, severity, "label", text);
            }
            Record::VisualBlackoutEvent(body) => self.blackout(body, at),
            Record::SpoofingPromotionEvent(body) => self.gate(body, at),
            Record::ThermalThrottleHybridSwitch(body) => {
                let hybrid = body.reason != records::ThermalReason::Recovered;
                figures.lanes.thermal.enter(at, hybrid.then_some("hybrid"));
                figures.thermal_switches.push(at);
                let text = format!(
                    "K {} to {}: {}",
                    body.from_k,
                    body.to_k,
                    name_of(&body.reason)
                );
                figures.events.add(at, S::Notice, "thermal", text);
            }
            Record::MavlinkSigningKeyRotated(body) => {
                if figures.key_rotations.len() < LIST_MAX {
                    figures.key_rotations.push((at, body.ordinal));
                }
                let taken = if body.accepted { "taken" } else { "NOT taken" };
                let text = format!(
                    "signing key {} ({}), {taken} by the autopilot",
                    body.ordinal,
                    name_of(&body.reason).replace('_', " ")
                );
                figures.events.add(at, S::Info, "signing", text);
            }
            Record::ContentHashGateFail(body) => {
                figures.gate_refusals += 1;
                let text = format!("package refused: {} {}", name_of(&body.reason), body.path);
                figures.events.add(at, S::Error, "map", text);
            }
            Record::GpsIntegrity(body) if body.state != records::GpsIntegrityState::Clean => {
                let text = format!("receiver {}: {}", body.instance, name_of(&body.state));
                figures
                    .events
                    .add(at, S::Warning, "gps", text.replace('_', " "));
            }
            Record::OperatorHint(body) => {
                let text = format!("operator's hint, {:.0} m", body.horiz_accuracy_m);
                figures.events.add(at, S::Notice, "operator", text);
            }
            Record::EkfSourceSetCommand(body) => {
                let result = body
                    .result
                    .map_or("no answer yet".to_owned(), |code| format!("result {code}"));
                let text = format!(
                    "source set {}, attempt {}: {result}",
                    body.source_set, body.attempt
                );
                figures.events.add(at, S::Notice, "autopilot", text);
            }
            Record::Log(body) => {
                figures
                    .events
                    .add(at, body.severity, body.target, body.text.to_owned());
            }
            Record::ComponentLifecycleEvent(body) => self.lifecycle(body, at),
            _ => {}
        }
    }

    fn blackout(&mut self, body: &records::VisualBlackoutEvent, at: u64) {
        use records::BlackoutPhase as Phase;
        let severity = match body.phase {
            Phase::Entered | Phase::ImuOnly | Phase::Left => records::Severity::Notice,
            Phase::RelocalisationRequested => records::Severity::Warning,
            Phase::Failsafe => records::Severity::Critical,
        };
        match body.phase {
            Phase::Entered | Phase::ImuOnly | Phase::RelocalisationRequested => {
                self.in_blackout = true;
            }
            Phase::Left => self.in_blackout = false,
            Phase::Failsafe => {}
        }
        let lane = &mut self.figures.lanes.blackout;
        // A position may be withdrawn without a blackout, and is so until one is offered again.
        match (body.phase, lane.state()) {
            (Phase::Failsafe, _) => lane.enter(at, Some("failsafe")),
            (_, Some("failsafe")) => lane.reach(at),
            _ => lane.enter(at, self.in_blackout.then_some("blackout")),
        }
        let text = format!(
            "{}: {} (95 % radius {:.0} m)",
            name_of(&body.phase).replace('_', " "),
            name_of(&body.reason).replace('_', " "),
            body.radius_95_m
        );
        self.figures.events.add(at, severity, "blackout", text);
    }

    fn gate(&mut self, body: &records::SpoofingPromotionEvent, at: u64) {
        let why = name_of(&body.reason).replace('_', " ");
        let figures = &mut self.figures;
        let (text, severity) = match body.event {
            SpoofGateEvent::Closed => {
                self.gate_closed = true;
                figures.lanes.gate.enter(at, Some("closed"));
                (format!("gate closed: {why}"), records::Severity::Warning)
            }
            SpoofGateEvent::Rejected => {
                figures.lanes.gate.reach(at);
                (format!("GPS rejected: {why}"), records::Severity::Notice)
            }
            SpoofGateEvent::HoldRestarted => {
                (format!("hold restarted: {why}"), records::Severity::Info)
            }
            SpoofGateEvent::Promoted => {
                self.gate_closed = false;
                figures.lanes.gate.enter(at, None);
                if let Some(ms) = body.promotion_latency_ms {
                    figures.promotions_ms.add(f64::from(ms));
                    if figures
                        .promotion_slowest
                        .is_none_or(|(_, slowest)| ms > slowest)
                    {
                        figures.promotion_slowest = Some((at, ms));
                    }
                }
                ("GPS promoted".to_owned(), records::Severity::Info)
            }
        };
        figures.events.add(at, severity, "spoof gate", text);
    }

    fn lifecycle(&mut self, body: &records::ComponentLifecycleEvent<'_>, at: u64) {
        let figures = &mut self.figures;
        let lane = &mut figures.lanes.recorder;
        match body.event {
            LifecycleEvent::FdrDegraded => lane.enter(at, Some("degraded")),
            LifecycleEvent::FdrFrozen => lane.enter(at, Some("frozen")),
            LifecycleEvent::FdrResumed | LifecycleEvent::FdrThawed => lane.enter(at, None),
            LifecycleEvent::FdrSegmentDropped | LifecycleEvent::FdrRecordsRefused => {
                let records = body.counts.iter().map(|count| count.count).sum();
                figures.records_lost += records;
                if figures.losses.len() < LIST_MAX {
                    let cause = body.cause.to_owned();
                    figures.losses.push(Loss {
                        time_ns: at,
                        cause,
                        records,
                    });
                }
            }
            LifecycleEvent::Failed => {
                if figures.component_failures.len() < LIST_MAX {
                    let text = format!("{}: {} {}", body.component, body.cause, body.text);
                    figures.component_failures.push((at, text));
                }
            }
            LifecycleEvent::Started
            | LifecycleEvent::Stopped
            | LifecycleEvent::Restarted
            | LifecycleEvent::FdrSegmentRecovered
            | LifecycleEvent::FdrSegmentPinned => {}
        }
        let parts = [
            name_of(&body.event).replace('_', " "),
            body.cause.to_owned(),
            body.text.to_owned(),
        ];
        let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        figures
            .events
            .add(at, body.severity, body.component, said.join(": "));
    }
}
