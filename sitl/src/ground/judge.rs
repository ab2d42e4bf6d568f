//! The matcher and the odometry over many seeded frames, judged by the figures of the requirement.
//!
//! | row | what is different | judged |
//! |---|---|---|
//! | `agl100` | textured ground, prior +-36 m, attitude 0.5 degrees | accepted within 12 m, median, false |
//! | `agl500` | 500 m above ground | accepted within 20 m, median |
//! | `prior120` | prior +-120 m | accepted within 12 m |
//! | `yaw6` | yaw wrong by 6 degrees | accepted within 12 m |
//! | `bare`, `water`, `cloud` | nothing to see | false |
//! | `wrong_map`, `elsewhere`, `far` | another world's map; 2 to 6 km, 50 km off | any that is accepted is false |
//! | `odometry` | pairs with an overlap of at least 60 % | share of the way, refusals |
//!
//! Errors are against the position at which the map itself would show the aircraft; NEES is against the
//! true one, so that the map's bias has to be in the stated uncertainty.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use companion::vision::anchor::{AnchorMatcher, AnchorSettings, ErrorModel, Scores};
use companion::vision::odometry::{Odometry, OdometrySettings};
use serde::Serialize;

use super::layout::Country;
use super::lens::Lens;
use super::map_sheet::Map;
use super::noise::hash;
use super::photograph::Photographer;
use super::tile::World;
use super::trial::{Conditions, Sector, find, register};
use crate::randomness::{Purpose, Randomness};

/// Frames that are taken over one piece of country.
const FRAMES_PER_SECTOR: usize = 25;
/// Side of such a piece, m.
const SECTOR_M: f64 = 700.0;
/// Least share of what lasts around a place that is called textured.
pub const TEXTURED: f64 = 0.15;
/// An anchor farther off is false.
const FALSE_M: f64 = 30.0;
/// So is one beyond this many of its own standard deviations.
const FALSE_SIGMAS: f64 = 5.0;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "explained in the module's table")]
pub enum Row {
    Agl100,
    Agl500,
    Prior120,
    Yaw6,
    Bare,
    Water,
    Cloud,
    WrongMap,
    Elsewhere,
    Far,
    Odometry,
}

impl Row {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Agl100,
        Self::Agl500,
        Self::Prior120,
        Self::Yaw6,
        Self::Bare,
        Self::Water,
        Self::Cloud,
        Self::WrongMap,
        Self::Elsewhere,
        Self::Far,
        Self::Odometry,
    ];

    fn conditions(self) -> Conditions {
        let nominal = Conditions::NOMINAL;
        match self {
            Self::Agl500 => Conditions {
                agl_m: 500.0,
                ..nominal
            },
            Self::Prior120 => Conditions {
                prior_m: 120.0,
                window_m: 150.0,
                ..nominal
            },
            Self::Yaw6 => Conditions {
                yaw_error_rad: 6f64.to_radians(),
                ..nominal
            },
            Self::Cloud => Conditions {
                cloud: 0.93,
                ..nominal
            },
            _ => nominal,
        }
    }

    fn country(self) -> Country {
        match self {
            Self::Bare => Country::Bare,
            Self::Water => Country::Water,
            _ => Country::Mixed,
        }
    }

    /// How far from the place the map is that is searched instead, m.
    fn astray_m(self, sector: &mut Sector) -> f64 {
        match self {
            Self::Elsewhere => sector.uniform(2_000.0, 6_000.0),
            Self::Far => 50_000.0,
            _ => 0.0,
        }
    }

    /// Whether the map that is searched shows another place.
    fn is_astray(self) -> bool {
        matches!(self, Self::WrongMap | Self::Elsewhere | Self::Far)
    }
}

/// What is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Seed of worlds, places and errors.
    pub seed: u64,
    /// Frames of each row that is about accuracy; a third of it for each row that is about refusal.
    pub frames: usize,
    /// Threads that work.
    pub threads: NonZeroUsize,
    /// Rows.
    pub rows: Vec<Row>,
    /// Settings of the matcher.
    pub settings: AnchorSettings,
}

/// What one frame gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Why it was refused.
    pub refusal: Option<&'static str>,
    /// Against the map, m; share of the way for odometry.
    pub error: f64,
    /// Accepted and false.
    pub is_false: bool,
    /// Mean square error over variance, per axis.
    pub nees: f64,
    /// Time of the matcher.
    pub ms: f64,
    /// What the matcher saw.
    pub scores: Scores,
}

/// Figures of one row.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Frames, or pairs.
    pub frames: usize,
    /// Share of them that was accepted.
    pub accepted: f64,
    /// Share of them that was accepted within 12 m.
    pub within_12m: f64,
    /// The same within 20 m.
    pub within_20m: f64,
    /// Accepted and false.
    pub false_anchors: usize,
    /// Median error of the accepted, m; for odometry the share of the way.
    pub error_median: f64,
    /// 95 % of the accepted are better.
    pub error_p95: f64,
    /// Error over stated uncertainty, squared, per axis: 1 when it is right.
    pub nees_per_axis: f64,
    /// Median time per frame.
    pub ms_median: f64,
    /// How often each reason refused.
    pub refusals: BTreeMap<String, usize>,
}

impl Figures {
    fn of(samples: &[Sample]) -> Self {
        let frames = samples.len();
        let share = |count: usize| count as f64 / frames.max(1) as f64;
        let accepted: Vec<_> = samples
            .iter()
            .filter(|sample| sample.refusal.is_none())
            .collect();
        let within = |limit: f64| share(accepted.iter().filter(|s| s.error <= limit).count());
        let mut refusals = BTreeMap::new();
        for reason in samples.iter().filter_map(|sample| sample.refusal) {
            *refusals.entry(reason.to_owned()).or_default() += 1;
        }
        let quantile = |value: &dyn Fn(&Sample) -> f64, of: &[&Sample], part: f64| {
            let mut values: Vec<_> = of.iter().map(|sample| value(sample)).collect();
            values.sort_by(f64::total_cmp);
            let rank = (part * values.len() as f64).ceil() as usize;
            values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
        };
        let all: Vec<_> = samples.iter().collect();
        Self {
            frames,
            accepted: share(accepted.len()),
            within_12m: within(12.0),
            within_20m: within(20.0),
            false_anchors: accepted.iter().filter(|sample| sample.is_false).count(),
            error_median: quantile(&|s| s.error, &accepted, 0.5),
            error_p95: quantile(&|s| s.error, &accepted, 0.95),
            nees_per_axis: accepted.iter().map(|s| s.nees).sum::<f64>()
                / accepted.len().max(1) as f64,
            ms_median: quantile(&|s| s.ms, &all, 0.5),
            refusals,
        }
    }
}

/// The table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Seed.
    pub seed: u64,
    /// Figures by row.
    pub rows: BTreeMap<Row, Figures>,
    /// Every frame, row by row.
    #[serde(skip)]
    pub samples: BTreeMap<Row, Vec<Sample>>,
}

/// Judges; `done` hears how many pieces of work are finished, and of how many.
///
/// # Errors
/// When the companion refuses the camera.
pub fn run(options: &Options, done: impl Fn(usize, usize) + Sync) -> anyhow::Result<Report> {
    let work: Vec<(Row, usize, usize)> = options
        .rows
        .iter()
        .flat_map(|&row| {
            let refusal = !matches!(
                row,
                Row::Agl100 | Row::Agl500 | Row::Prior120 | Row::Yaw6 | Row::Odometry
            );
            let frames = if refusal {
                options.frames.div_ceil(3)
            } else {
                options.frames
            };
            (0..frames.div_ceil(FRAMES_PER_SECTOR)).map(move |sector| {
                let left = frames - sector * FRAMES_PER_SECTOR;
                (row, sector, left.min(FRAMES_PER_SECTOR))
            })
        })
        .collect();
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let samples: Mutex<Vec<(usize, Row, Vec<Sample>)>> = Mutex::new(Vec::new());
    let photographer = Photographer::new(Lens::WIDE);
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let worker = || -> anyhow::Result<()> {
            let mut matcher = AnchorMatcher::new(options.settings);
            while let Some((row, number, frames)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                let job = Job {
                    row: *row,
                    number: *number,
                    frames: *frames,
                    seed: options.seed,
                };
                let found = job.run(&photographer, &mut matcher)?;
                samples
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .push((*number, *row, found));
                done(finished.fetch_add(1, Ordering::Relaxed) + 1, work.len());
            }
            Ok(())
        };
        let threads: Vec<_> = (0..options.threads.get())
            .map(|_| scope.spawn(worker))
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(outcome) => outcome?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })?;
    let mut samples = samples
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    // In an order that threads do not decide.
    samples.sort_by_key(|(number, row, _)| (*row, *number));
    let mut rows: BTreeMap<Row, Vec<Sample>> = BTreeMap::new();
    for (_, row, found) in samples {
        rows.entry(row).or_default().extend(found);
    }
    Ok(Report {
        seed: options.seed,
        rows: rows
            .iter()
            .map(|(row, samples)| (*row, Figures::of(samples)))
            .collect(),
        samples: rows,
    })
}

/// The frames of one piece of country.
struct Job {
    row: Row,
    number: usize,
    frames: usize,
    seed: u64,
}

impl Job {
    fn run(
        &self,
        photographer: &Photographer,
        matcher: &mut AnchorMatcher,
    ) -> anyhow::Result<Vec<Sample>> {
        let bits = hash(
            self.seed as u32 ^ 0x5EC7,
            self.number as i32,
            self.row as i32,
        );
        let world = World {
            seed: bits,
            country: self.row.country(),
        };
        let centre = [0x11, 0x22].map(|salt| {
            let offset = hash(bits ^ salt, 1, 1) % 20_000;
            f64::from(offset) - 10_000.0
        });
        let randomness =
            Randomness::new(u64::from(bits) << 20 | self.number as u64, Purpose::Camera);
        let mut sector = Sector::new(world, centre, SECTOR_M, photographer.clone(), randomness)?;
        if self.row == Row::Odometry {
            return self.pairs(&mut sector);
        }
        let mut wrong_map = Map::new(World {
            seed: bits ^ 0xFFFF,
            ..world
        });
        (0..self.frames)
            .map(|_| self.frame(&mut sector, &mut wrong_map, matcher))
            .collect()
    }

    fn frame(
        &self,
        sector: &mut Sector,
        wrong_map: &mut Map,
        matcher: &mut AnchorMatcher,
    ) -> anyhow::Result<Sample> {
        let conditions = self.row.conditions();
        let least = if self.row.country() == Country::Mixed {
            TEXTURED
        } else {
            0.0
        };
        let at = sector.place(least);
        let bias = sector.bias(&conditions);
        let air = sector.air(conditions.cloud);
        let station = sector.station(at, conditions.agl_m);
        let mut shot = sector.shoot(station, &bias, &air)?;
        let side = if sector.uniform(-1.0, 1.0) < 0.0 {
            -1.0
        } else {
            1.0
        };
        shot.told.yaw_rad += side * conditions.yaw_error_rad;
        let shown = sector.map.shows_at(at);
        let astray = self.row.astray_m(sector);
        let direction = sector.uniform(0.0, core::f64::consts::TAU);
        let (east, north) = libm::sincos(direction);
        let prior = [
            shown[0] + astray * north + sector.uniform(-conditions.prior_m, conditions.prior_m),
            shown[1] + astray * east + sector.uniform(-conditions.prior_m, conditions.prior_m),
        ];
        let map = if self.row == Row::WrongMap {
            wrong_map
        } else {
            &mut sector.map
        };
        let matched = find(
            matcher,
            &sector.calibration,
            &shot,
            map,
            prior,
            conditions.window_m,
        );
        let (ms, scores) = (matched.ms, matched.decision.scores);
        let error = libm::hypot(matched.map_error_m[0], matched.map_error_m[1]);
        Ok(match &matched.decision.outcome {
            Err(refusal) => Sample {
                refusal: Some(refusal.name()),
                error,
                is_false: false,
                nees: 0.0,
                ms,
                scores,
            },
            Ok(found) => {
                let [nn, ne, ee] = found.covariance_ne_m2;
                let model = ErrorModel::default().variance_m2(shot.told.agl_m, found.reach_m);
                let nees = normalised([nn + model, ne, ee + model], matched.error_m);
                Sample {
                    refusal: None,
                    error,
                    is_false: self.row.is_astray()
                        || error > FALSE_M
                        || nees > FALSE_SIGMAS * FALSE_SIGMAS / 2.0,
                    nees,
                    ms,
                    scores,
                }
            }
        })
    }

    fn pairs(&self, sector: &mut Sector) -> anyhow::Result<Vec<Sample>> {
        let conditions = self.row.conditions();
        let mut odometry = Odometry::new(OdometrySettings::default());
        (0..self.frames)
            .map(|_| {
                let at = sector.place(TEXTURED);
                let bias = sector.bias(&conditions);
                let air = sector.air(0.0);
                let first = sector.station(at, conditions.agl_m);
                // The shorter side of the frame is 0.96 of the height on the ground.
                let way = sector.uniform(0.15, 0.36) * first.agl_m;
                let direction = first.attitude[2] + sector.uniform(-0.3, 0.3);
                let (sine, cosine) = libm::sincos(direction);
                let moved = [way * cosine, way * sine];
                let mut second =
                    sector.station([at[0] + moved[0], at[1] + moved[1]], conditions.agl_m);
                second.attitude[2] = first.attitude[2] + sector.uniform(-0.1, 0.1);
                // The aircraft flies level, the ground does not.
                let rise = sector.scene.ground_m(second.at) - sector.scene.ground_m(at);
                second.agl_m = first.agl_m - rise;
                let shots = [
                    sector.shoot(first, &bias, &air)?,
                    sector.shoot(second, &bias, &air)?,
                ];
                let begun = Instant::now();
                let found = register(&mut odometry, &sector.calibration, &shots[0], &shots[1]);
                let ms = begun.elapsed().as_secs_f64() * 1e3;
                Ok(found.map_or(
                    Sample {
                        refusal: Some("refused"),
                        error: 0.0,
                        is_false: false,
                        nees: 0.0,
                        ms,
                        scores: Scores::default(),
                    },
                    |found| {
                        let error = [0, 1].map(|i| found.displacement_ne_m[i] - moved[i]);
                        let length = libm::hypot(error[0], error[1]);
                        // Height and heading err along and across alike; jitter of two attitudes.
                        let turned = conditions.attitude_sigma_rad;
                        let scale = conditions.height_sigma;
                        let lasting = way * way * (turned * turned + scale * scale) / 2.0;
                        let jitter = first.agl_m * 0.05_f64.to_radians();
                        let variance = found.variance_m2 + lasting + 2.0 * jitter * jitter;
                        let nees = length * length / (2.0 * variance);
                        Sample {
                            refusal: None,
                            error: length / way,
                            is_false: nees > FALSE_SIGMAS * FALSE_SIGMAS / 2.0,
                            nees,
                            ms,
                            scores: Scores::default(),
                        }
                    },
                ))
            })
            .collect()
    }
}

/// Half the square of an error over its covariance.
fn normalised([nn, ne, ee]: [f64; 3], [north, east]: [f64; 2]) -> f64 {
    let determinant = nn * ee - ne * ne;
    (north * (ee * north - ne * east) + east * (nn * east - ne * north)) / determinant / 2.0
}

/// One line per frame.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut text =
        String::from("row,outcome,error,false,nees,ms,score,ratio,opinion_px,gradient,yaw,scale\n");
    for (row, samples) in &report.samples {
        for sample in samples {
            let Scores {
                score,
                peak_ratio,
                second_opinion_px,
                frame_gradient,
                yaw_offset_rad,
                scale,
                ..
            } = sample.scores;
            text.push_str(&format!(
                "{row:?},{},{:.4},{},{:.4},{:.3},{score:.4},{peak_ratio:.4},{second_opinion_px:.2},{frame_gradient:.3},{yaw_offset_rad:.3},{scale:.3}\n",
                sample.refusal.unwrap_or("accepted"),
                sample.error,
                sample.is_false,
                sample.nees,
                sample.ms,
            ));
        }
    }
    text
}

/// The table for people.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = format!(
        "{:<12}{:>7}{:>10}{:>8}{:>8}{:>7}{:>9}{:>9}{:>7}{:>8}\n",
        "", "frames", "accepted", "<= 12 m", "<= 20 m", "false", "median", "p95", "NEES", "ms"
    );
    for (row, figures) in &report.rows {
        let name = format!("{row:?}");
        let Figures {
            frames,
            false_anchors,
            nees_per_axis,
            ms_median,
            ..
        } = figures;
        let percent = |share: f64| format!("{:.1} %", 1e2 * share);
        let error = |value: f64| match row {
            Row::Odometry => percent(value),
            _ => format!("{value:.2} m"),
        };
        text.push_str(&format!(
            "{name:<12}{frames:>7}{:>10}{:>8}{:>8}{false_anchors:>7}{:>9}{:>9}{nees_per_axis:>7.2}{ms_median:>8.1}\n",
            percent(figures.accepted),
            percent(figures.within_12m),
            percent(figures.within_20m),
            error(figures.error_median),
            error(figures.error_p95),
        ));
        if !figures.refusals.is_empty() {
            let reasons: Vec<_> = figures
                .refusals
                .iter()
                .map(|(reason, count)| format!("{reason} {count}"))
                .collect();
            text.push_str(&format!("{:<12}refused: {}\n", "", reasons.join(", ")));
        }
    }
    text
}
