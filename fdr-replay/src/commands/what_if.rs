//! `rerun --with CONFIG`: the same inputs under another configuration, and what would have differed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use anyhow::Context;
use companion::config::Configuration;
use companion::navigator::{EmittedExternalPosition, Geodetic, Input, MonotonicNs, Output};
use companion::pipeline::{Pipeline, Product};
use companion::recorder::input_from_record;
use fdr_format::{FlightId, FlightItem, FlightReader};
use serde::Serialize;

use crate::figures::{
    Accuracy, Distribution, GroupFigures, LABEL_NAMES, Quantiles, label_index, said_fix,
};
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::table::{Columns, Table, duration, grouped};

/// Positions that are further apart than this differ.
const SAME_M: f64 = 1e-6;

/// What would have differed.
#[derive(Debug, Serialize)]
pub struct WhatIf {
    pub flight_id: FlightId,
    /// Settings that differ: name, as flown, as asked.
    settings: Vec<[String; 3]>,
    pub inputs: u64,
    /// Deadlines with a position in both.
    both: u64,
    only_as_flown: u64,
    only_as_asked: u64,
    /// Positions that differ, and where the first and the furthest of them are, seconds from the start.
    differ: u64,
    first_s: Option<f64>,
    furthest_s: Option<f64>,
    apart_m: Option<Quantiles>,
    labels_differ: u64,
    fixes_differ: u64,
    as_flown: Side,
    as_asked: Side,
    cut_short: Option<String>,
}

/// One of the two runs.
#[derive(Debug, Serialize)]
struct Side {
    positions: u64,
    /// By label.
    labels: BTreeMap<&'static str, u64>,
    radius_95_m: Option<Quantiles>,
    /// Against the receiver, where there is a comparison.
    accuracy: Option<GroupFigures>,
    /// Other outputs, by kind.
    outputs: BTreeMap<&'static str, u64>,
}

struct Run {
    pipeline: Pipeline,
    position: Option<EmittedExternalPosition>,
    latest: Option<EmittedExternalPosition>,
    positions: u64,
    labels: [u64; 3],
    radius_m: Distribution,
    accuracy: Accuracy,
    outputs: BTreeMap<&'static str, u64>,
}

impl Run {
    fn new(configuration: &Configuration) -> Self {
        Self {
            pipeline: Pipeline::new(configuration),
            position: None,
            latest: None,
            positions: 0,
            labels: [0; 3],
            radius_m: Distribution::default(),
            accuracy: Accuracy::default(),
            outputs: BTreeMap::new(),
        }
    }

    fn handle(&mut self, input: &Input) {
        self.position = None;
        let (position, outputs) = (&mut self.position, &mut self.outputs);
        let infallible: Result<(), std::convert::Infallible> =
            self.pipeline.handle(input, &mut |product| {
                if let Product::Output(output) = product {
                    match output {
                        Output::Position(own) => *position = Some(*own),
                        other => *outputs.entry(kind(other)).or_default() += 1,
                    }
                }
                Ok(())
            });
        let Ok(()) = infallible;
        if let Some(position) = self.position {
            self.positions += 1;
            self.labels[label_index(position.source_label)] += 1;
            self.radius_m.add(position.ellipse_95.semi_major_m);
            self.latest = Some(position);
        }
    }

    fn fix(&mut self, at: Geodetic, time: MonotonicNs) {
        if let Some(latest) = &self.latest {
            self.accuracy.compare(latest, at, time);
        }
    }

    fn side(self) -> Side {
        Side {
            positions: self.positions,
            labels: LABEL_NAMES.into_iter().zip(self.labels).collect(),
            radius_95_m: self.radius_m.quantiles(),
            accuracy: self.accuracy.all.figures(),
            outputs: self.outputs,
        }
    }
}

fn kind(output: &Output) -> &'static str {
    match output {
        Output::Position(_) => "positions",
        Output::LabelTransition(_) => "label transitions",
        Output::Event(_) => "events",
        Output::Blackout(_) => "blackout events",
        Output::SpoofGate(_) => "spoof gate events",
        Output::Thermal(_) => "thermal switches",
        Output::SearchWindow(_) => "search windows",
        Output::Anchor(_) => "anchor decisions",
    }
}

/// Runs both. Vision's results are inputs: how often it looked cannot change here.
pub fn what_if(path: &Path, with: &Path) -> anyhow::Result<(Outcome, WhatIf)> {
    let mut reader = FlightReader::open(path)?;
    let about = reader
        .description()
        .context("no readable segment header holds the configuration; see: fdr-replay verify")?
        .clone();
    let flown = Configuration::parse(&about.configuration)?;
    let asked = Configuration::load(with)?;
    let start_ns = about.clock.monotonic_ns;
    let mut comparison = Comparison {
        runs: [Run::new(&flown), Run::new(&asked)],
        start_ns,
        inputs: 0,
        both: 0,
        only: [0; 2],
        differ: 0,
        first: None,
        furthest: None,
        apart_m: Distribution::default(),
        labels_differ: 0,
        fixes_differ: 0,
    };
    let reference = said_fix(&about, &flown);
    let mut cut_short = None;
    let mut progress = Progress::new("re-running twice");
    let total = reader.bytes_total();
    loop {
        if comparison.inputs.is_multiple_of(1 << 12) {
            progress.update(reader.bytes_read(), total);
        }
        match reader.next_item()? {
            Some(FlightItem::Record { record, .. }) => {
                let record = record.decode()?;
                if let Some((at, time)) = reference(&record) {
                    comparison.runs.iter_mut().for_each(|run| run.fix(at, time));
                }
                if let Some(input) = input_from_record(&record) {
                    comparison.handle(&input);
                }
            }
            Some(FlightItem::Damage { segment, damage }) => {
                cut_short = Some(format!("segment {segment}: {damage}"));
                break;
            }
            Some(FlightItem::Refused { segment, error }) => {
                cut_short = Some(format!("segment {segment}: {error}"));
                break;
            }
            None => break,
        }
    }
    let outcome = match (comparison.is_same(), &cut_short) {
        (false, _) => Outcome::Different,
        (true, Some(_)) => Outcome::Damaged,
        (true, None) => Outcome::Clean,
    };
    let settings = settings(&flown.canonical()?, &asked.canonical()?);
    Ok((
        outcome,
        comparison.report(reader.flight_id(), settings, cut_short),
    ))
}

struct Comparison {
    runs: [Run; 2],
    start_ns: u64,
    inputs: u64,
    both: u64,
    only: [u64; 2],
    differ: u64,
    first: Option<u64>,
    furthest: Option<(u64, f64)>,
    apart_m: Distribution,
    labels_differ: u64,
    fixes_differ: u64,
}

impl Comparison {
    fn handle(&mut self, input: &Input) {
        self.inputs += 1;
        self.runs.iter_mut().for_each(|run| run.handle(input));
        match (self.runs[0].position, self.runs[1].position) {
            (Some(flown), Some(asked)) => self.compare(&flown, &asked),
            (Some(_), None) => self.only[0] += 1,
            (None, Some(_)) => self.only[1] += 1,
            (None, None) => {}
        }
    }

    fn compare(&mut self, flown: &EmittedExternalPosition, asked: &EmittedExternalPosition) {
        self.both += 1;
        let place = |position: &EmittedExternalPosition| Geodetic {
            lat_rad: position.lat_rad,
            lon_rad: position.lon_rad,
            alt_msl_m: position.alt_msl_m,
        };
        let apart_m = place(flown).displacement_to(place(asked)).xy().norm();
        self.apart_m.add(apart_m);
        if self.furthest.is_none_or(|(_, most)| apart_m > most) {
            self.furthest = Some((flown.time.0, apart_m));
        }
        self.labels_differ += u64::from(flown.source_label != asked.source_label);
        self.fixes_differ += u64::from(flown.fix_type != asked.fix_type);
        if apart_m > SAME_M || flown != asked {
            self.differ += 1;
            self.first.get_or_insert(flown.time.0);
        }
    }

    fn is_same(&self) -> bool {
        self.differ == 0 && self.only == [0, 0]
    }

    fn report(
        self,
        flight_id: FlightId,
        settings: Vec<[String; 3]>,
        cut_short: Option<String>,
    ) -> WhatIf {
        let seconds = |ns: u64| ns.saturating_sub(self.start_ns) as f64 * 1e-9;
        let [flown, asked] = self.runs;
        WhatIf {
            flight_id,
            settings,
            inputs: self.inputs,
            both: self.both,
            only_as_flown: self.only[0],
            only_as_asked: self.only[1],
            differ: self.differ,
            first_s: self.first.map(seconds),
            furthest_s: self
                .furthest
                .filter(|_| self.differ > 0)
                .map(|(at, _)| seconds(at)),
            apart_m: self.apart_m.quantiles(),
            labels_differ: self.labels_differ,
            fixes_differ: self.fixes_differ,
            as_flown: flown.side(),
            as_asked: asked.side(),
            cut_short,
        }
    }
}

/// Lines of the canonical texts that differ, with their section.
fn settings(flown: &str, asked: &str) -> Vec<[String; 3]> {
    let named = |text: &str| -> BTreeMap<String, String> {
        let mut section = String::new();
        let mut settings = BTreeMap::new();
        for line in text.lines() {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                section = format!("{name}.");
            } else if let Some((name, value)) = line.split_once(" = ") {
                settings.insert(format!("{section}{name}"), value.to_owned());
            }
        }
        settings
    };
    let (flown, asked) = (named(flown), named(asked));
    let names: std::collections::BTreeSet<&String> = flown.keys().chain(asked.keys()).collect();
    let value = |of: &BTreeMap<String, String>, name: &String| {
        of.get(name)
            .cloned()
            .unwrap_or_else(|| "not set".to_owned())
    };
    names
        .into_iter()
        .filter(|name| flown.get(*name) != asked.get(*name))
        .map(|name| [name.clone(), value(&flown, name), value(&asked, name)])
        .collect()
}

/// The comparison for people.
pub fn print(what: &WhatIf) -> io::Result<()> {
    let place = |at: Option<f64>| at.map_or("-".to_owned(), duration);
    let mut table = Table::default();
    table
        .row("flight", what.flight_id)
        .row("inputs", grouped(what.inputs));
    match what.settings.is_empty() {
        true => table.row("settings", "none differs"),
        false => table.row("settings", "as flown -> as asked"),
    };
    for [name, flown, asked] in &what.settings {
        table.row(format!("  {name}"), format!("{flown} -> {asked}"));
    }
    table
        .row("positions in both", grouped(what.both))
        .row("only as flown", grouped(what.only_as_flown))
        .row("only as asked", grouped(what.only_as_asked))
        .row("differ", grouped(what.differ))
        .row("  first", place(what.first_s))
        .row("  furthest", place(what.furthest_s))
        .row("other label", grouped(what.labels_differ))
        .row("other fix", grouped(what.fixes_differ));
    if let Some(why) = &what.cut_short {
        table.row("ended at", why);
    }
    table.print()?;
    let mut sides = Columns::new(&["", ">as flown", ">as asked"]);
    let metres = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1} m"));
    let (flown, asked) = (&what.as_flown, &what.as_asked);
    let mut row = |name: &str, of: &dyn Fn(&Side) -> String| {
        sides.row([name.to_owned(), of(flown), of(asked)])
    };
    row("positions", &|side| grouped(side.positions));
    for name in LABEL_NAMES {
        row(name, &|side| {
            grouped(side.labels.get(name).copied().unwrap_or(0))
        });
    }
    row("95 % radius, median", &|side| {
        metres(side.radius_95_m.map(|radius| radius.p50))
    });
    row("95 % radius, 95 %", &|side| {
        metres(side.radius_95_m.map(|radius| radius.p95))
    });
    row("error, median", &|side| {
        metres(side.accuracy.map(|own| own.errors_m.p50))
    });
    row("error, 95 %", &|side| {
        metres(side.accuracy.map(|own| own.errors_m.p95))
    });
    row("error, worst", &|side| {
        metres(side.accuracy.map(|own| own.errors_m.max))
    });
    row("inside the 95 % ellipse", &|side| {
        side.accuracy
            .map_or("-".to_owned(), |own| format!("{:.3}", own.coverage_95))
    });
    let kinds: std::collections::BTreeSet<&str> = flown
        .outputs
        .keys()
        .chain(asked.outputs.keys())
        .copied()
        .collect();
    for kind in kinds {
        row(kind, &|side| {
            grouped(side.outputs.get(kind).copied().unwrap_or(0))
        });
    }
    sides.print()?;
    if let Some(apart) = what.apart_m {
        Table::default()
            .row("apart, median", metres(Some(apart.p50)))
            .row("apart, 95 %", metres(Some(apart.p95)))
            .row("apart, most", metres(Some(apart.max)))
            .print()?;
    }
    Ok(())
}
