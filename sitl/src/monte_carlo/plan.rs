//! What one flight of a Monte Carlo run is: drawn from the run's seed and the flight's number alone.
//!
//! | dimension | values (share) |
//! |---|---|
//! | trajectory | transit 0.4, circuits 0.3, survey 0.3; 100 to 500 m above ground |
//! | wind at 10 m | 2 to 7 m/s, wandering by 10 to 25 % of it within 1 to 10 min, Dryden gusts |
//! | grade of each sensor | good 0.25, standard 0.5, poor 0.25, drawn one by one |
//! | GPS | trusted throughout 0.05, jammed to the end 0.35, jammed and back 0.25, step 0.12, drag-away 0.12, meaconing 0.11; half of the forgeries are noticed by the receiver |
//! | camera | 0.9 with one: clouds, holes in the map, repeated texture; a long blackout in 0.3 of them |
//!
//! Without a camera outages last 30 to 240 s: nothing bounds the error of a longer one, and no
//! requirement asks for it.

use serde::{Deserialize, Serialize};

use crate::randomness::{Purpose, Randomness};
use crate::sensors::Grade;
use crate::sensors::camera::{Hindrance, Sight};
use crate::wind::{MeanWind, WindDrift};

/// Shape of the way flown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trajectory {
    /// Kilometres straight on.
    Transit,
    /// Small circuits.
    Circuit,
    /// Parallel lines.
    Survey,
}

/// What happens to GPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// Nothing.
    Never,
    /// Jammed to the end.
    Jam,
    /// Jammed for minutes, then genuine again, and once more.
    JamAndReturn,
    /// The position jumps.
    Step,
    /// The position is dragged away gently.
    DragAway,
    /// The signals are recorded and sent again later.
    Meaconing,
}

/// Errors of one flight's sensors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Grades {
    /// Accelerometer and gyroscope.
    pub imu: Grade,
    /// The autopilot's attitude estimate.
    pub attitude: Grade,
    /// Differential pressure.
    pub airspeed: Grade,
    /// Static pressure.
    pub barometer: Grade,
    /// Satellite receiver.
    pub gps: Grade,
}

/// A span of time, nanoseconds since the flight began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First moment.
    pub from_ns: u64,
    /// First moment after it.
    pub to_ns: u64,
}

impl Span {
    fn seconds(from_s: f64, length_s: f64) -> Self {
        Self {
            from_ns: (from_s * 1e9) as u64,
            to_ns: ((from_s + length_s) * 1e9) as u64,
        }
    }

    /// Whether it holds `time_ns`.
    #[must_use]
    pub fn holds(&self, time_ns: u64) -> bool {
        (self.from_ns..self.to_ns).contains(&time_ns)
    }
}

/// How GPS is denied.
#[derive(Debug, Clone, PartialEq)]
pub struct GpsPlan {
    /// Kind.
    pub denial: Denial,
    /// When.
    pub spans: Vec<Span>,
    /// Whether the receiver says that something is wrong.
    pub noticed: bool,
    /// Step: how far. Drag-away: speed, m/s. Meaconing: delay, s.
    pub strength: f64,
    /// Step, drag-away: where to, radians clockwise from north.
    pub direction_rad: f64,
}

/// What hinders vision, and when; where spans overlap the first one counts.
#[derive(Debug, Clone, PartialEq)]
pub struct VisionPlan {
    /// The camera and its matcher.
    pub sight: Sight,
    /// Clouds, holes in the map, repeated texture.
    pub hindrances: Vec<(Span, Hindrance)>,
}

impl VisionPlan {
    /// What hinders it at `time_ns`.
    #[must_use]
    pub fn hindrance(&self, time_ns: u64) -> Hindrance {
        self.hindrances
            .iter()
            .find(|(span, _)| span.holds(time_ns))
            .map_or(Hindrance::None, |(_, hindrance)| *hindrance)
    }
}

/// One flight.
#[derive(Debug, Clone, PartialEq)]
pub struct FlightPlan {
    /// Seed of everything that is left to chance in flight.
    pub seed: u64,
    /// Length, from switching on.
    pub duration_ns: u64,
    /// Latitude and longitude of the runway, rad, and its height, m.
    pub runway: [f64; 3],
    /// Shape of the way.
    pub trajectory: Trajectory,
    /// Height above ground.
    pub height_m: f64,
    /// Length of a leg.
    pub leg_m: f64,
    /// Mean wind.
    pub wind: MeanWind,
    /// How it wanders.
    pub drift: WindDrift,
    /// Errors of the sensors.
    pub grades: Grades,
    /// What happens to GPS.
    pub gps: GpsPlan,
    /// The camera, where there is one.
    pub vision: Option<VisionPlan>,
}

/// Seed of flight `number` of the run of `seed` (SplitMix64's finaliser over both).
fn flight_seed(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

impl FlightPlan {
    /// Flight `number` of the run of `seed`, `minutes` long.
    #[must_use]
    pub fn draw(seed: u64, number: u64, minutes: u32) -> Self {
        let seed = flight_seed(seed, number);
        let mut draw = Randomness::new(seed, Purpose::Plan);
        let minutes_s = 60.0 * f64::from(minutes);
        let trajectory = pick(
            &mut draw,
            &[
                (0.4, Trajectory::Transit),
                (0.3, Trajectory::Circuit),
                (0.3, Trajectory::Survey),
            ],
        );
        let with_camera = draw.uniform() < 0.9;
        Self {
            seed,
            duration_ns: u64::from(minutes) * 60_000_000_000,
            runway: [
                draw.between(-60.0_f64, 65.0).to_radians(),
                draw.between(-179.0_f64, 179.0).to_radians(),
                draw.between(0.0, 600.0),
            ],
            trajectory,
            height_m: draw.between(100.0, 500.0),
            leg_m: draw.between(1_500.0, 6_000.0),
            wind: MeanWind {
                speed_at_10_m_mps: draw.between(2.0, 7.0),
                blows_to_rad: draw.between(0.0, core::f64::consts::TAU),
            },
            drift: WindDrift {
                share: draw.between(0.1, 0.25),
                time_s: draw.between(60.0, 600.0),
            },
            grades: Grades {
                imu: grade(&mut draw),
                attitude: grade(&mut draw),
                airspeed: grade(&mut draw),
                barometer: grade(&mut draw),
                gps: grade(&mut draw),
            },
            gps: gps(&mut draw, minutes_s, with_camera),
            vision: with_camera.then(|| vision(&mut draw, minutes_s)),
        }
    }
}

fn pick<T: Copy>(draw: &mut Randomness, choices: &[(f64, T)]) -> T {
    let mut left = draw.uniform();
    for (share, choice) in choices {
        if left < *share {
            return *choice;
        }
        left -= share;
    }
    choices[choices.len() - 1].1
}

fn grade(draw: &mut Randomness) -> Grade {
    pick(
        draw,
        &[
            (0.25, Grade::Good),
            (0.5, Grade::Standard),
            (0.25, Grade::Poor),
        ],
    )
}

/// Genuine GPS lasts for at least two minutes after switching on, 15 s of which on the ground.
fn gps(draw: &mut Randomness, minutes_s: f64, with_camera: bool) -> GpsPlan {
    let denial = if with_camera {
        pick(
            draw,
            &[
                (0.05, Denial::Never),
                (0.35, Denial::Jam),
                (0.25, Denial::JamAndReturn),
                (0.12, Denial::Step),
                (0.12, Denial::DragAway),
                (0.11, Denial::Meaconing),
            ],
        )
    } else {
        Denial::JamAndReturn
    };
    let begins_s = draw.between(0.1, 0.3) * minutes_s;
    let spans = match denial {
        Denial::Never => Vec::new(),
        Denial::Jam => vec![Span::seconds(begins_s, minutes_s)],
        Denial::JamAndReturn => returns(draw, begins_s, minutes_s),
        Denial::Step | Denial::DragAway | Denial::Meaconing => {
            let length_s = if draw.uniform() < 0.5 {
                minutes_s
            } else {
                draw.between(60.0, 300.0)
            };
            vec![Span::seconds(begins_s, length_s)]
        }
    };
    GpsPlan {
        denial,
        spans,
        noticed: draw.uniform() < 0.5,
        strength: match denial {
            Denial::Step => 150.0 * libm::pow(20.0, draw.uniform()),
            Denial::DragAway => draw.between(0.5, 5.0),
            Denial::Meaconing => draw.between(2.0, 60.0),
            Denial::Never | Denial::Jam | Denial::JamAndReturn => 0.0,
        },
        direction_rad: draw.between(0.0, core::f64::consts::TAU),
    }
}

fn returns(draw: &mut Randomness, begins_s: f64, minutes_s: f64) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut from_s = begins_s;
    while from_s < minutes_s {
        let length_s = draw.between(30.0, 240.0);
        spans.push(Span::seconds(from_s, length_s));
        from_s += length_s + draw.between(60.0, 180.0);
    }
    spans
}

fn vision(draw: &mut Randomness, minutes_s: f64) -> VisionPlan {
    let sight = Sight {
        grade: grade(draw),
        match_rate: draw.between(0.5, 0.9),
        wrong_peaks: pick(draw, &[(0.4, 0.002), (0.4, 0.01), (0.2, 0.03)]),
        wrong_registrations: pick(draw, &[(0.5, 0.001), (0.5, 0.01)]),
        anchor_delay_s: 0.15 * libm::pow(10.0, draw.uniform()),
        misjudged: draw.between(0.8, 1.25),
    };
    let mut hindrances = Vec::new();
    if draw.uniform() < 0.3 {
        let from_s = draw.between(0.3, 0.8) * minutes_s;
        let span = Span::seconds(from_s, draw.between(30.0, 180.0));
        hindrances.push((span, Hindrance::NoSight));
    }
    recurring(
        draw,
        minutes_s,
        240.0,
        (3.0, 40.0),
        Hindrance::NoSight,
        &mut hindrances,
    );
    recurring(
        draw,
        minutes_s,
        300.0,
        (20.0, 200.0),
        Hindrance::NoMap,
        &mut hindrances,
    );
    if draw.uniform() < 0.2 {
        let every_s = 500.0;
        let length_s = (5.0, 20.0);
        recurring(
            draw,
            minutes_s,
            every_s,
            length_s,
            Hindrance::RepeatedTexture,
            &mut hindrances,
        );
    }
    VisionPlan { sight, hindrances }
}

/// Spans that begin at random, `every_s` apart in the mean.
fn recurring(
    draw: &mut Randomness,
    minutes_s: f64,
    every_s: f64,
    length_s: (f64, f64),
    hindrance: Hindrance,
    to: &mut Vec<(Span, Hindrance)>,
) {
    let mut from_s = 0.0;
    loop {
        from_s -= every_s * libm::log(1.0 - draw.uniform());
        if from_s >= minutes_s {
            return;
        }
        let length = draw.between(length_s.0, length_s.1);
        to.push((Span::seconds(from_s, length), hindrance));
        from_s += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_flight_follows_from_seed_and_number_alone() {
        assert_eq!(FlightPlan::draw(1, 7, 20), FlightPlan::draw(1, 7, 20));
        assert_ne!(FlightPlan::draw(1, 7, 20), FlightPlan::draw(1, 8, 20));
        assert_ne!(FlightPlan::draw(1, 7, 20), FlightPlan::draw(2, 7, 20));
    }

    #[test]
    fn every_kind_of_flight_comes_in_its_share() {
        let plans: Vec<_> = (0..4_000)
            .map(|number| FlightPlan::draw(3, number, 20))
            .collect();
        let share = |of: &dyn Fn(&FlightPlan) -> bool| {
            plans.iter().filter(|plan| of(plan)).count() as f64 / plans.len() as f64
        };
        assert!((share(&|plan| plan.trajectory == Trajectory::Transit) - 0.4).abs() < 0.03);
        assert!((share(&|plan| plan.vision.is_none()) - 0.1).abs() < 0.02);
        assert!((share(&|plan| plan.gps.denial == Denial::Jam) - 0.9 * 0.35).abs() < 0.03);
        let mut denials = BTreeMap::new();
        for plan in &plans {
            *denials.entry(plan.gps.denial).or_insert(0) += 1;
        }
        assert!(denials.len() == 6 && denials.values().all(|count| *count > 100));
    }

    #[test]
    fn gps_is_genuine_for_two_minutes_and_outages_without_a_camera_are_bounded() {
        for number in 0..1_000 {
            let plan = FlightPlan::draw(4, number, 20);
            for span in &plan.gps.spans {
                assert!(span.from_ns >= 120_000_000_000);
                if plan.vision.is_none() {
                    assert!(span.to_ns - span.from_ns <= 240_000_000_000);
                }
            }
        }
    }
}
