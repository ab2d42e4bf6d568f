//! `rerun --at TIME`: one emitted position, what went into it, and why its label was what it was.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use anyhow::Context;
use companion::config::Configuration;
use companion::pipeline::{Pipeline, Product};
use companion::recorder::input_from_record;
use fdr_format::records::{
    AnchorOutcome, BlackoutPhase, EmittedExternalPosition, GpsFix, NavigatorEventKind,
    SourceLabelTransition, SpoofGateEvent, SpoofingPromotionEvent, VisualBlackoutEvent,
};
use fdr_format::{FlightItem, FlightReader, RawRecord, Record, RecordType, Selection};
use serde::Serialize;

use crate::figures::name_of;
use crate::table::{Columns, Table, duration, grouped};

/// How far back is looked where there is no anchor, ms.
const WINDOW_MS: u64 = 30_000;
/// Longest stretch that is looked at, ms; checkpoints come every 10 s.
const WINDOW_MAX_MS: u64 = 600_000;
const CHECKPOINTS_MS: u64 = 11_000;
/// A position holds until the next one is due.
const POSITION_MS: u64 = 1_000;

/// The explanation.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The position's time, seconds from the start of the flight.
    at_s: f64,
    /// As it was emitted.
    position: EmittedExternalPosition,
    lat_deg: f64,
    lon_deg: f64,
    /// Whether the re-run gives the same position, bit for bit; `None` when no checkpoint lies in front.
    recomputed_identically: Option<bool>,
    /// Where the inputs below begin, seconds from the start of the flight.
    since_s: f64,
    /// What lies there.
    since: &'static str,
    inputs: BTreeMap<String, InputCount>,
    gates: Vec<Gate>,
    label: LabelReason,
}

/// Inputs of one kind.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct InputCount {
    count: u64,
    /// Age of the last one when the position was emitted.
    last_age_s: f64,
}

/// A gate, and what it did.
#[derive(Debug, Serialize)]
struct Gate {
    gate: &'static str,
    passed: u64,
    failed: u64,
    /// Failures by reason, or the state.
    detail: String,
}

/// Why the label was what it was.
#[derive(Debug, Serialize)]
struct LabelReason {
    label: String,
    /// The last change of the label, and the reason that was recorded with it.
    changed_s: Option<f64>,
    reason: Option<String>,
    /// The conditions of the labels as they stood.
    evidence: Vec<Evidence>,
}

#[derive(Debug, Serialize)]
struct Evidence {
    condition: String,
    holds: bool,
}

/// Explains the position that was in force `at_s` seconds from the start of the flight.
pub fn explain(path: &Path, at_s: f64) -> anyhow::Result<Explanation> {
    let reader = FlightReader::open(path)?;
    let about = reader
        .description()
        .context("no readable segment header holds the configuration; see: fdr-replay verify")?
        .clone();
    let configuration = Configuration::parse(&about.configuration)?;
    let start_ns = about.clock.monotonic_ns;
    let at_ns = start_ns.saturating_add((at_s.max(0.0) * 1e9) as u64);
    let position = position_at(path, at_ns)?
        .with_context(|| format!("no position was in force {at_s} s from the start; list them with: fdr-replay cat -t EmittedExternalPosition"))?;
    let anchored_ns = position
        .last_satellite_anchor_age_ms
        .map(|age| position.time_ns.saturating_sub(u64::from(age) * 1_000_000));
    let position_ms = position.time_ns / 1_000_000;
    let least_ms = position_ms.saturating_sub(WINDOW_MAX_MS);
    let (since_ms, since) = match anchored_ns {
        Some(ns) if ns / 1_000_000 >= least_ms => (ns / 1_000_000, "the last accepted map match"),
        Some(_) => (least_ms, "ten minutes before: the last map match is older"),
        None => (
            position_ms.saturating_sub(WINDOW_MS),
            "half a minute before: no map match was accepted yet",
        ),
    };
    let state = State::before(path, position_ms)?;
    let mut window = Window::new(&configuration, &position, since_ms, start_ns);
    window.read(path)?;
    let seconds = |ns: u64| ns.saturating_sub(start_ns) as f64 * 1e-9;
    Ok(Explanation {
        at_s: seconds(position.time_ns),
        lat_deg: position.lat_rad.to_degrees(),
        lon_deg: position.lon_rad.to_degrees(),
        recomputed_identically: window.recomputed,
        since_s: seconds(since_ms * 1_000_000),
        since,
        gates: window.gates(&state),
        label: label(&position, &state, &window, &configuration, start_ns),
        inputs: window.inputs,
        position,
    })
}

fn each(
    path: &Path,
    selection: Selection,
    mut take: impl FnMut(&RawRecord<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut reader = FlightReader::open(path)?;
    reader.select(selection);
    while let Some(item) = reader.next_item()? {
        if let FlightItem::Record { record, .. } = item {
            take(&record)?;
        }
    }
    Ok(())
}

/// The last position that was valid at that time.
fn position_at(path: &Path, at_ns: u64) -> anyhow::Result<Option<EmittedExternalPosition>> {
    let mut found = None;
    let at_ms = at_ns / 1_000_000;
    let selection = Selection {
        types: vec![RecordType::EMITTED_EXTERNAL_POSITION],
        from_ms: Some(at_ms.saturating_sub(POSITION_MS)),
        to_ms: Some(at_ms + POSITION_MS),
        ..Selection::default()
    };
    each(path, selection, |raw| {
        if let Ok(Record::EmittedExternalPosition(body)) = raw.decode()
            && body.time_ns <= at_ns
        {
            found = Some(body);
        }
        Ok(())
    })?;
    Ok(found)
}

/// What was in force when the position was emitted.
#[derive(Debug, Default)]
struct State {
    gate: Option<SpoofingPromotionEvent>,
    closed_by: Option<SpoofingPromotionEvent>,
    blackout: Option<VisualBlackoutEvent>,
    transition: Option<SourceLabelTransition>,
}

impl State {
    fn before(path: &Path, ms: u64) -> anyhow::Result<Self> {
        let mut state = Self::default();
        let selection = Selection {
            types: vec![
                RecordType::SPOOFING_PROMOTION_EVENT,
                RecordType::VISUAL_BLACKOUT_EVENT,
                RecordType::SOURCE_LABEL_TRANSITION,
            ],
            to_ms: Some(ms),
            ..Selection::default()
        };
        each(path, selection, |raw| {
            match raw.decode() {
                Ok(Record::SpoofingPromotionEvent(body)) => {
                    if body.event == SpoofGateEvent::Closed {
                        state.closed_by = Some(body);
                    }
                    state.gate = Some(body);
                }
                Ok(Record::VisualBlackoutEvent(body)) => state.blackout = Some(body),
                Ok(Record::SourceLabelTransition(body)) => state.transition = Some(body),
                _ => {}
            }
            Ok(())
        })?;
        Ok(state)
    }

    fn gate_is_open(&self) -> bool {
        self.gate
            .is_none_or(|last| last.event == SpoofGateEvent::Promoted)
    }

    fn in_blackout(&self) -> bool {
        self.blackout
            .is_some_and(|last| last.phase != BlackoutPhase::Left)
    }
}

/// The stretch in front of the position.
struct Window<'c> {
    configuration: &'c Configuration,
    position: &'c EmittedExternalPosition,
    since_ms: u64,
    start_ns: u64,
    pipeline: Option<Pipeline>,
    recomputed: Option<bool>,
    inputs: BTreeMap<String, InputCount>,
    fixes: u64,
    no_fixes: u64,
    gps_rejected: u64,
    last_nis: Option<f64>,
    refused_inputs: u64,
    anchors: BTreeMap<String, u64>,
    accepted: u64,
    frames_refused: BTreeMap<String, u64>,
    frames_used: u64,
    last_frame_ns: Option<u64>,
    spoof_rejections: BTreeMap<String, u64>,
}

impl<'c> Window<'c> {
    fn new(
        configuration: &'c Configuration,
        position: &'c EmittedExternalPosition,
        since_ms: u64,
        start_ns: u64,
    ) -> Self {
        Self {
            configuration,
            position,
            since_ms,
            start_ns,
            pipeline: None,
            recomputed: None,
            inputs: BTreeMap::new(),
            fixes: 0,
            no_fixes: 0,
            gps_rejected: 0,
            last_nis: None,
            refused_inputs: 0,
            anchors: BTreeMap::new(),
            accepted: 0,
            frames_refused: BTreeMap::new(),
            frames_used: 0,
            last_frame_ns: None,
            spoof_rejections: BTreeMap::new(),
        }
    }

    fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let from_ms = self.since_ms.saturating_sub(CHECKPOINTS_MS);
        // From the start of the flight on no checkpoint is needed.
        if from_ms <= self.start_ns / 1_000_000 {
            self.pipeline = Some(Pipeline::new(self.configuration));
        }
        let selection = Selection {
            from_ms: Some(from_ms),
            to_ms: Some(self.position.time_ns / 1_000_000 + POSITION_MS),
            ..Selection::default()
        };
        each(path, selection, |raw| self.take(raw))
    }

    fn take(&mut self, raw: &RawRecord<'_>) -> anyhow::Result<()> {
        let record = raw.decode()?;
        if let (Record::Checkpoint(checkpoint), None) = (&record, &self.pipeline) {
            self.pipeline = Pipeline::from_checkpoint(checkpoint.bytes.0).ok();
        }
        let in_time = record
            .time_ns()
            .is_some_and(|time| time <= self.position.time_ns);
        let Some(input) = input_from_record(&record) else {
            if in_time && raw.monotonic_ms >= self.since_ms {
                self.outcome(&record);
            }
            return Ok(());
        };
        let (position, recomputed) = (self.position, &mut self.recomputed);
        if let Some(pipeline) = &mut self.pipeline {
            let infallible: Result<(), std::convert::Infallible> =
                pipeline.handle(&input, &mut |product| {
                    if let (Product::Output(_), Record::EmittedExternalPosition(own)) =
                        (product, product.record())
                        && own.time_ns == position.time_ns
                    {
                        *recomputed = Some(own == *position);
                    }
                    Ok(())
                });
            let Ok(()) = infallible;
        }
        if in_time && raw.monotonic_ms >= self.since_ms {
            self.input(raw, &record);
        }
        Ok(())
    }

    fn input(&mut self, raw: &RawRecord<'_>, record: &Record<'_>) {
        let time_ns = record.time_ns().unwrap_or(0);
        let input = self.inputs.entry(raw.record_type.to_string()).or_default();
        input.count += 1;
        input.last_age_s = self.position.time_ns.saturating_sub(time_ns) as f64 * 1e-9;
        match record {
            Record::FcGps(body) if body.fix == GpsFix::ThreeD => self.fixes += 1,
            Record::FcGps(_) => self.no_fixes += 1,
            Record::VisualOdometry(_) => {
                self.frames_used += 1;
                self.last_frame_ns = Some(time_ns);
            }
            Record::VisualOdometryRefused(body) => {
                *self
                    .frames_refused
                    .entry(name_of(&body.reason))
                    .or_default() += 1;
            }
            _ => {}
        }
    }

    fn outcome(&mut self, record: &Record<'_>) {
        match record {
            Record::AnchorDecision(body) if body.outcome == AnchorOutcome::Accepted => {
                self.accepted += 1;
            }
            Record::AnchorDecision(body) => {
                *self.anchors.entry(name_of(&body.outcome)).or_default() += 1;
            }
            Record::NavigatorEvent(body) if body.kind == NavigatorEventKind::FcGpsRejected => {
                self.gps_rejected += 1;
                self.last_nis = Some(body.value);
            }
            Record::NavigatorEvent(body) if body.kind == NavigatorEventKind::InputRefused => {
                self.refused_inputs += 1;
            }
            Record::SpoofingPromotionEvent(body) if body.event == SpoofGateEvent::Rejected => {
                *self
                    .spoof_rejections
                    .entry(name_of(&body.reason))
                    .or_default() += 1;
            }
            _ => {}
        }
    }

    fn gates(&self, state: &State) -> Vec<Gate> {
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        let listed = |counts: &BTreeMap<String, u64>| {
            let listed = counts.iter().map(|(name, count)| format!("{name} {count}"));
            listed.collect::<Vec<_>>().join(", ")
        };
        let spoofed = sum(&self.spoof_rejections);
        let passed = if state.gate_is_open() {
            self.fixes.saturating_sub(spoofed)
        } else {
            0
        };
        let spoof_state = match (state.gate_is_open(), state.closed_by) {
            (true, _) => "open".to_owned(),
            (false, closed) => {
                let why = closed.map_or("unknown".to_owned(), |by| name_of(&by.reason));
                format!("closed: {why}; {}", listed(&self.spoof_rejections))
            }
        };
        vec![
            Gate {
                gate: "input is finite, in range, in order",
                passed: self
                    .inputs
                    .values()
                    .map(|input| input.count)
                    .sum::<u64>()
                    .saturating_sub(self.refused_inputs),
                failed: self.refused_inputs,
                detail: String::new(),
            },
            Gate {
                gate: "FC GPS has a 3D fix",
                passed: self.fixes,
                failed: self.no_fixes,
                detail: String::new(),
            },
            Gate {
                gate: "spoof gate",
                passed,
                failed: self.fixes - passed,
                detail: spoof_state,
            },
            Gate {
                gate: "FC GPS innovation",
                passed: passed.saturating_sub(self.gps_rejected),
                failed: self.gps_rejected,
                detail: self
                    .last_nis
                    .map_or(String::new(), |nis| format!("last NIS {nis:.1}")),
            },
            Gate {
                gate: "camera frame shows a displacement",
                passed: self.frames_used,
                failed: sum(&self.frames_refused),
                detail: listed(&self.frames_refused),
            },
            Gate {
                gate: "map match",
                passed: self.accepted,
                failed: sum(&self.anchors),
                detail: listed(&self.anchors),
            },
        ]
    }
}

fn label(
    position: &EmittedExternalPosition,
    state: &State,
    window: &Window<'_>,
    configuration: &Configuration,
    start_ns: u64,
) -> LabelReason {
    let sight = &configuration.navigator.sight;
    let fresh_ms = (sight.anchor_fresh_s * 1e3) as u32;
    let age_ms = position.last_satellite_anchor_age_ms;
    let silent_s = window
        .last_frame_ns
        .map(|last| position.time_ns.saturating_sub(last) as f64 * 1e-9);
    let evidence = vec![
        Evidence {
            condition: format!(
                "a map match was accepted at most {} s ago ({})",
                sight.anchor_fresh_s,
                age_ms.map_or("none yet".to_owned(), |ms| format!(
                    "{:.1} s",
                    f64::from(ms) * 1e-3
                ))
            ),
            holds: age_ms.is_some_and(|ms| ms <= fresh_ms),
        },
        Evidence {
            condition: format!(
                "visual odometry spoke within {} s ({})",
                sight.odometry_silence_s,
                silent_s.map_or("silent".to_owned(), |silent| format!("{silent:.2} s ago"))
            ),
            holds: silent_s.is_some_and(|silent| silent <= sight.odometry_silence_s),
        },
        Evidence {
            condition: "not in a visual blackout".to_owned(),
            holds: !state.in_blackout(),
        },
    ];
    LabelReason {
        label: name_of(&position.source_label),
        changed_s: state
            .transition
            .map(|last| last.time_ns.saturating_sub(start_ns) as f64 * 1e-9),
        reason: state.transition.map(|last| name_of(&last.reason)),
        evidence,
    }
}

/// The explanation for people.
pub fn print(explanation: &Explanation) -> io::Result<()> {
    let position = &explanation.position;
    let mut table = Table::default();
    table
        .row(
            "position",
            format!("{:.7}, {:.7}", explanation.lat_deg, explanation.lon_deg),
        )
        .row("at", duration(explanation.at_s))
        .row(
            "95 % ellipse",
            format!(
                "{:.1} m x {:.1} m",
                position.ellipse_semi_major_m, position.ellipse_semi_minor_m
            ),
        )
        .row("fix offered", name_of(&position.fix_type))
        .row("label", &explanation.label.label);
    if let (Some(changed), Some(reason)) = (explanation.label.changed_s, &explanation.label.reason)
    {
        table.row(
            "  since",
            format!("{}: {}", duration(changed), reason.replace('_', " ")),
        );
    }
    for evidence in &explanation.label.evidence {
        let holds = if evidence.holds { "yes" } else { "no" };
        table.row(format!("  {holds}"), &evidence.condition);
    }
    let recomputed = match explanation.recomputed_identically {
        Some(true) => "identical, bit for bit",
        Some(false) => "DIFFERENT: another version of the core, or altered",
        None => "not possible: no checkpoint lies in front",
    };
    table
        .row("re-run", recomputed)
        .row(
            "inputs since",
            format!("{} ({})", duration(explanation.since_s), explanation.since),
        )
        .print()?;
    let mut inputs = Columns::new(&["", "input", ">count", ">last, s before"]);
    for (name, input) in &explanation.inputs {
        let age = format!("{:.3}", input.last_age_s);
        inputs.row([String::new(), name.clone(), grouped(input.count), age]);
    }
    inputs.print()?;
    let mut gates = Columns::new(&["", "gate", ">passed", ">failed", "detail"]);
    for gate in &explanation.gates {
        gates.row([
            String::new(),
            gate.gate.to_owned(),
            grouped(gate.passed),
            grouped(gate.failed),
            gate.detail.replace('_', " "),
        ]);
    }
    gates.print()
}

/// A time of the flight: seconds, or as the report shows it.
pub fn time_of(at: &str) -> Result<f64, String> {
    let parts: Result<Vec<f64>, _> = at.split(':').map(str::parse::<f64>).collect();
    let seconds = match parts.as_deref() {
        Ok(&[seconds]) => seconds,
        Ok(&[minutes, seconds]) => minutes * 60.0 + seconds,
        Ok(&[hours, minutes, seconds]) => hours * 3600.0 + minutes * 60.0 + seconds,
        _ => f64::NAN,
    };
    match seconds.is_finite() && seconds >= 0.0 {
        true => Ok(seconds),
        false => {
            Err("write seconds from the start of the flight, such as 321.5, or 5:21.5".to_owned())
        }
    }
}
