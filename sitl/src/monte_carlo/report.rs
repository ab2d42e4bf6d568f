//! What a Monte Carlo run showed.

use std::collections::BTreeMap;

use companion::navigator::{FixType, SourceLabel};
use serde::Serialize;

use super::flight::Judged;
use super::innovations::{Consistency, Innovations};
use super::limits::{Limits, Verdict};
use super::plan::{Denial, FlightPlan};
use super::sample::Sample;
use super::statistics::{Block, Collector, Group, share, share_interval};

/// Flights named as the worst.
const WORST: usize = 5;

/// Ends of the anchor-age bins, s.
const AGE_BINS_S: [(f64, &str); 7] = [
    (1.0, "0-1 s"),
    (3.0, "1-3 s"),
    (10.0, "3-10 s"),
    (30.0, "10-30 s"),
    (100.0, "30-100 s"),
    (300.0, "100-300 s"),
    (f64::INFINITY, "over 300 s"),
];
const NO_ANCHOR: &str = "no anchor yet";

/// One flight that was flown.
#[derive(Debug, Clone)]
pub struct Flown {
    /// Its number in the run.
    pub number: u64,
    /// What it was.
    pub plan: FlightPlan,
    /// What it showed.
    pub judged: Judged,
}

/// What a run showed. The same seed, flights and length give the same report, whatever the machine or
/// the number of threads.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Seed of the run.
    pub seed: u64,
    /// Flights flown.
    pub flights: usize,
    /// Number of the first of them.
    pub first: u64,
    /// Length of each.
    pub minutes: u32,
    /// Positions judged, one a second.
    pub samples: usize,
    /// Share of the truth inside the emitted 95 % ellipse.
    pub coverage_95: f64,
    /// Its 95 % interval, flights drawn whole.
    pub coverage_95_interval: [f64; 2],
    /// The same by label.
    pub coverage_by_label: BTreeMap<&'static str, Group>,
    /// The same by age of the last anchor, youngest first.
    pub coverage_by_anchor_age: Vec<Named>,
    /// The same by what else differs, for whoever looks for a cause; not judged.
    pub coverage_by_circumstance: BTreeMap<String, Group>,
    /// Share of the positions under each label.
    pub label_occupancy: BTreeMap<&'static str, f64>,
    /// Degrees of freedom of `nees_mean`.
    pub nees_degrees_of_freedom: u32,
    /// Mean normalised error squared of the horizontal position.
    pub nees_mean: f64,
    /// Its median.
    pub nees_median: f64,
    /// Innovations that were fused, by sensor.
    pub nis_by_sensor: BTreeMap<&'static str, Consistency>,
    /// Median horizontal error, m.
    pub error_p50_m: f64,
    /// 95 % quantile of the horizontal error, m.
    pub error_p95_m: f64,
    /// Largest horizontal error, m.
    pub error_max_m: f64,
    /// Median of the stated 1 sigma over RMS error / sqrt(2).
    pub sharpness: f64,
    /// Share of positions more than 500 m off, withdrawn ones included.
    pub p_error_gt_500m: f64,
    /// Its 95 % interval.
    pub p_error_gt_500m_interval: [f64; 2],
    /// Share of positions more than 1 km off, withdrawn ones included.
    pub p_error_gt_1km: f64,
    /// Its 95 % interval.
    pub p_error_gt_1km_interval: [f64; 2],
    /// Share of positions offered to the autopilot (fix 2 or 3) that are more than 500 m off.
    pub p_offered_error_gt_500m: f64,
    /// Its 95 % interval.
    pub p_offered_error_gt_500m_interval: [f64; 2],
    /// Share of positions offered to the autopilot that are more than 1 km off.
    pub p_offered_error_gt_1km: f64,
    /// Its 95 % interval.
    pub p_offered_error_gt_1km_interval: [f64; 2],
    /// Share of positions offered to the autopilot.
    pub offered: f64,
    /// Flights with the largest errors; `--first N --flights 1` flies one again.
    pub worst_flights: Vec<Worst>,
    /// Every limit of `sitl/limits.toml` beside what was measured.
    pub limits: Vec<Verdict>,
    /// Whether all of them hold.
    pub within_limits: bool,
}

/// A group with its name, where order matters.
#[derive(Debug, Clone, Serialize)]
pub struct Named {
    /// Name of the bin.
    pub bin: &'static str,
    /// What it holds.
    #[serde(flatten)]
    pub group: Group,
}

/// One of the worst flights.
#[derive(Debug, Clone, Serialize)]
pub struct Worst {
    /// Number in the run.
    pub number: u64,
    /// What happened to GPS.
    pub denial: Denial,
    /// Whether it had a camera.
    pub camera: bool,
    /// Share of the truth inside the 95 % ellipse.
    pub coverage_95: f64,
    /// Largest horizontal error, m.
    pub error_max_m: f64,
    /// Stated 1 sigma then, m.
    pub sigma_then_m: f64,
}

/// Collects flights, in order, into a report.
#[derive(Debug, Default)]
pub struct Reporter {
    all: Collector,
    labels: BTreeMap<&'static str, Collector>,
    ages: BTreeMap<usize, Collector>,
    circumstances: BTreeMap<String, Collector>,
    over_500m: Vec<Block>,
    over_1km: Vec<Block>,
    offered: Vec<Block>,
    offered_over_500m: Vec<Block>,
    offered_over_1km: Vec<Block>,
    worst: Vec<Worst>,
    innovations: BTreeMap<&'static str, Innovations>,
    flights: usize,
}

impl Reporter {
    /// Adds one flight.
    pub fn add(&mut self, flown: &Flown) {
        self.flights += 1;
        self.all.next_flight();
        let keys = circumstances(&flown.plan);
        let collectors = self.labels.values_mut().chain(self.ages.values_mut());
        for collector in collectors.chain(self.circumstances.values_mut()) {
            collector.next_flight();
        }
        for sample in &flown.judged.samples {
            self.all.add(sample);
            of(&mut self.labels, name(sample.label)).add(sample);
            of(&mut self.ages, age_bin(sample.anchor_age_ms)).add(sample);
            of(&mut self.circumstances, gps_now(sample).to_owned()).add(sample);
            for key in &keys {
                of(&mut self.circumstances, key.clone()).add(sample);
            }
        }
        let samples = &flown.judged.samples;
        self.over_500m.push(count(samples, |s| s.error_m > 500.0));
        self.over_1km.push(count(samples, |s| s.error_m > 1_000.0));
        self.offered.push(count(samples, is_offered));
        let offered: Vec<Sample> = samples.iter().filter(|s| is_offered(s)).copied().collect();
        self.offered_over_500m
            .push(count(&offered, |s| s.error_m > 500.0));
        self.offered_over_1km
            .push(count(&offered, |s| s.error_m > 1_000.0));
        for (sensor, innovations) in &flown.judged.innovations {
            self.innovations
                .entry(sensor)
                .or_default()
                .merge(innovations);
        }
        self.remember_if_bad(flown);
    }

    fn remember_if_bad(&mut self, flown: &Flown) {
        let inside = count(&flown.judged.samples, Sample::inside_95);
        let worst = flown
            .judged
            .samples
            .iter()
            .max_by(|a, b| a.error_m.total_cmp(&b.error_m));
        let Some(worst) = worst else { return };
        self.worst.push(Worst {
            number: flown.number,
            denial: flown.plan.gps.denial,
            camera: flown.plan.vision.is_some(),
            coverage_95: share(&[inside]),
            error_max_m: worst.error_m,
            sigma_then_m: worst.sigma_m,
        });
        self.worst
            .sort_by(|a, b| b.error_max_m.total_cmp(&a.error_max_m));
        self.worst.truncate(WORST);
    }

    /// What all flights show; `None` when not one position was emitted.
    #[must_use]
    pub fn finish(self, seed: u64, first: u64, minutes: u32, limits: &Limits) -> Option<Report> {
        let all = self.all.finish(seed)?;
        let coverage_by_label: BTreeMap<_, _> = self
            .labels
            .into_iter()
            .filter_map(|(name, collector)| Some((name, collector.finish(seed)?)))
            .collect();
        let coverage_by_anchor_age: Vec<_> = self
            .ages
            .into_iter()
            .filter_map(|(bin, collector)| {
                Some(Named {
                    bin: AGE_BINS_S.get(bin).map_or(NO_ANCHOR, |(_, name)| name),
                    group: collector.finish(seed)?,
                })
            })
            .collect();
        let (p_500m, p_1km) = (share(&self.over_500m), share(&self.over_1km));
        let mut verdicts = limits.judge_honesty("all positions", &all);
        for (name, group) in &coverage_by_label {
            verdicts.extend(limits.judge_honesty(name, group));
        }
        for named in &coverage_by_anchor_age {
            let name = format!("anchor age {}", named.bin);
            verdicts.extend(limits.judge_honesty(&name, &named.group));
        }
        let (offered_500m, offered_1km) = (
            share(&self.offered_over_500m),
            share(&self.offered_over_1km),
        );
        verdicts.extend(limits.judge_false_positions(p_500m, p_1km));
        Some(Report {
            seed,
            flights: self.flights,
            first,
            minutes,
            samples: all.samples,
            coverage_95: all.coverage_95,
            coverage_95_interval: all.coverage_95_interval,
            label_occupancy: coverage_by_label
                .iter()
                .map(|(name, group)| (*name, group.samples as f64 / all.samples as f64))
                .collect(),
            coverage_by_label,
            coverage_by_anchor_age,
            coverage_by_circumstance: self
                .circumstances
                .into_iter()
                .filter_map(|(name, collector)| Some((name, collector.finish(seed)?)))
                .collect(),
            nees_degrees_of_freedom: 2,
            nees_mean: all.nees_mean,
            nees_median: all.nees_median,
            nis_by_sensor: self
                .innovations
                .into_iter()
                .filter_map(|(sensor, innovations)| Some((sensor, innovations.consistency()?)))
                .collect(),
            error_p50_m: all.error_p50_m,
            error_p95_m: all.error_p95_m,
            error_max_m: all.error_max_m,
            sharpness: all.sharpness,
            p_error_gt_500m: p_500m,
            p_error_gt_500m_interval: share_interval(&self.over_500m, seed),
            p_error_gt_1km: p_1km,
            p_error_gt_1km_interval: share_interval(&self.over_1km, seed),
            p_offered_error_gt_500m: offered_500m,
            p_offered_error_gt_500m_interval: share_interval(&self.offered_over_500m, seed),
            p_offered_error_gt_1km: offered_1km,
            p_offered_error_gt_1km_interval: share_interval(&self.offered_over_1km, seed),
            offered: share(&self.offered),
            worst_flights: self.worst,
            within_limits: verdicts.iter().all(|verdict| verdict.holds),
            limits: verdicts,
        })
    }
}

/// The collector of `key`, which has begun a flight at least.
fn of<K: Ord>(collectors: &mut BTreeMap<K, Collector>, key: K) -> &mut Collector {
    collectors.entry(key).or_insert_with(|| {
        let mut collector = Collector::default();
        collector.next_flight();
        collector
    })
}

fn count(samples: &[Sample], is_hit: impl Fn(&Sample) -> bool) -> Block {
    Block {
        hits: samples.iter().filter(|sample| is_hit(sample)).count() as u64,
        samples: samples.len() as u64,
    }
}

/// Whether the autopilot may use it: a 2D or 3D fix.
fn is_offered(sample: &Sample) -> bool {
    sample.fix != FixType::None
}

fn age_bin(age_ms: Option<u32>) -> usize {
    age_ms.map_or(AGE_BINS_S.len(), |age_ms| {
        let age_s = f64::from(age_ms) * 1e-3;
        AGE_BINS_S.partition_point(|(end_s, _)| *end_s <= age_s)
    })
}

/// Name of a label, as in the requirements.
#[must_use]
pub fn name(label: SourceLabel) -> &'static str {
    match label {
        SourceLabel::DeadReckoned => "dead_reckoned",
        SourceLabel::VisualPropagated => "visual_propagated",
        SourceLabel::SatelliteAnchored => "satellite_anchored",
    }
}

fn gps_now(sample: &Sample) -> &'static str {
    if sample.gps_genuine {
        "gps now: genuine"
    } else {
        "gps now: denied"
    }
}

/// What kind of flight this is, in words.
fn circumstances(plan: &FlightPlan) -> Vec<String> {
    let camera = if plan.vision.is_some() { "yes" } else { "no" };
    vec![
        format!("denial: {:?}", plan.gps.denial),
        format!("trajectory: {:?}", plan.trajectory),
        format!("camera: {camera}"),
        format!("imu: {:?}", plan.grades.imu),
        format!("attitude: {:?}", plan.grades.attitude),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(error_m: f64, age_ms: Option<u32>) -> Sample {
        Sample {
            error_m,
            sigma_m: 10.0,
            nees: error_m * error_m / 100.0,
            nees_six: 6.0,
            label: SourceLabel::DeadReckoned,
            anchor_age_ms: age_ms,
            fix: FixType::ThreeD,
            gps_genuine: true,
        }
    }

    fn flown(number: u64, samples: Vec<Sample>) -> Flown {
        Flown {
            number,
            plan: FlightPlan::draw(1, number, 4),
            judged: Judged {
                samples,
                ..Judged::default()
            },
        }
    }

    #[test]
    fn a_report_counts_what_it_was_given() {
        let limits = Limits::of_the_file().unwrap();
        let mut reporter = Reporter::default();
        for number in 0..30 {
            let samples = vec![
                sample(5.0, Some(500)),
                sample(30.0, Some(2_999)),
                sample(600.0, None),
            ];
            reporter.add(&flown(number, samples));
        }
        let report = reporter.finish(1, 0, 4, &limits).unwrap();
        assert_eq!((report.flights, report.samples), (30, 90));
        assert!((report.coverage_95 - 1.0 / 3.0).abs() < 1e-12);
        assert!((report.p_error_gt_500m - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(report.p_error_gt_1km, 0.0);
        let bins: Vec<_> = report
            .coverage_by_anchor_age
            .iter()
            .map(|b| b.bin)
            .collect();
        assert_eq!(bins, ["0-1 s", "1-3 s", NO_ANCHOR]);
        assert_eq!(report.coverage_by_anchor_age[0].group.coverage_95, 1.0);
        assert_eq!(report.coverage_by_anchor_age[1].group.coverage_95, 0.0);
        assert_eq!(report.label_occupancy["dead_reckoned"], 1.0);
        assert!(!report.within_limits);
        assert_eq!(report.worst_flights.len(), WORST);
    }

    #[test]
    fn a_run_without_a_single_position_has_no_report() {
        let limits = Limits::of_the_file().unwrap();
        let mut reporter = Reporter::default();
        reporter.add(&flown(0, Vec::new()));
        assert!(reporter.finish(1, 0, 4, &limits).is_none());
    }
}
