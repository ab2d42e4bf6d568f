//! A satellite receiver that reports late, can be jammed, and believes a forged signal.

use std::collections::VecDeque;

use nalgebra::Vector3;

use super::Grade;
use crate::randomness::{GaussMarkov, Purpose, Randomness};
use crate::truth::Moment;
use crate::world::Place;

/// How old a report's position and velocity are when it arrives.
pub const LAG_NS: u64 = 200_000_000;

/// One report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GpsReading {
    /// A full fix.
    Fix {
        /// Reported position.
        place: Place,
        /// Reported velocity.
        velocity_ned_mps: Vector3<f64>,
    },
    /// No fix; the receiver repeats the last position it knew, if any.
    NoFix {
        /// Last reported position.
        last: Option<Place>,
    },
}

/// What reaches the receiver's antenna.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// The satellites'.
    Genuine,
    /// Noise that drowns them.
    Jammed,
    /// A forged one, which shows this motion.
    Forged {
        /// Where the forger wants the receiver to be.
        place: Place,
        /// How fast.
        velocity_ned_mps: Vector3<f64>,
    },
}

/// The receiver.
#[derive(Debug, Clone)]
pub struct GpsReceiver {
    position_error: [GaussMarkov; 3],
    times: f64,
    randomness: Randomness,
    recent: VecDeque<Moment>,
    last: Option<Place>,
}

impl GpsReceiver {
    /// 1-sigma horizontal accuracy that the receiver states.
    pub const HORIZONTAL_ACCURACY_M: f64 = 1.8;
    /// 1-sigma vertical accuracy that the receiver states.
    pub const VERTICAL_ACCURACY_M: f64 = 3.0;
    /// 1-sigma speed accuracy that the receiver states.
    pub const SPEED_ACCURACY_MPS: f64 = 0.3;

    /// The receiver of the flight of `seed`.
    #[must_use]
    pub fn new(seed: u64, grade: Grade) -> Self {
        let times = grade.error_factor();
        let mut randomness = Randomness::new(seed, Purpose::Gps);
        let sigma = [1.2, 1.2, 2.2].map(|sigma| sigma * times);
        Self {
            position_error: sigma.map(|sigma| GaussMarkov::new(sigma, 120.0, &mut randomness)),
            times,
            randomness,
            recent: VecDeque::new(),
            last: None,
        }
    }

    /// Tells the receiver the true motion; it remembers as much as its lag needs.
    pub fn observe(&mut self, moment: Moment) {
        self.recent.push_back(moment);
        while self
            .recent
            .get(1)
            .is_some_and(|second| second.time_ns + LAG_NS <= moment.time_ns)
        {
            self.recent.pop_front();
        }
    }

    /// The report `dt_s` after the last one: the motion that `signal` showed 0.2 s ago, or none.
    pub fn read(&mut self, dt_s: f64, signal: Signal) -> GpsReading {
        let error = Vector3::from_fn(|axis, _| {
            self.position_error[axis].advance(dt_s, &mut self.randomness)
                + self.randomness.normal(0.15 * self.times)
        });
        let velocity_error = Vector3::from_fn(|_, _| self.randomness.normal(0.12 * self.times));
        let shown = match (signal, self.recent.front()) {
            (Signal::Genuine, Some(then)) => Some((then.place, then.velocity_ned_mps)),
            (
                Signal::Forged {
                    place,
                    velocity_ned_mps,
                },
                _,
            ) => Some((place, velocity_ned_mps)),
            (Signal::Genuine | Signal::Jammed, _) => None,
        };
        match shown {
            Some((place, velocity_ned_mps)) => {
                let place = place.moved(&error);
                self.last = Some(place);
                GpsReading::Fix {
                    place,
                    velocity_ned_mps: velocity_ned_mps + velocity_error,
                }
            }
            None => GpsReading::NoFix { last: self.last },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Place = Place {
        lat_rad: 0.8,
        lon_rad: 0.1,
        alt_msl_m: 100.0,
    };

    fn flying_north(receiver: &mut GpsReceiver, until_ms: u64) {
        for ms in (0..=until_ms).step_by(10) {
            receiver.observe(Moment {
                time_ns: ms * 1_000_000,
                place: START.moved(&Vector3::new(0.02 * ms as f64, 0.0, 0.0)),
                velocity_ned_mps: Vector3::new(20.0, 0.0, 0.0),
                wind_ned_mps: Vector3::zeros(),
            });
        }
    }

    #[test]
    fn a_report_is_two_tenths_of_a_second_old() {
        let seeds = 400;
        let mean = (0..seeds)
            .map(|seed| {
                let mut receiver = GpsReceiver::new(seed, Grade::Standard);
                flying_north(&mut receiver, 1_000);
                match receiver.read(0.2, Signal::Genuine) {
                    GpsReading::Fix { place, .. } => START.ned_to(&place).x,
                    GpsReading::NoFix { .. } => panic!("a fix was expected"),
                }
            })
            .sum::<f64>()
            / seeds as f64;
        // Flown 20 m; 0.2 s at 20 m/s ago it was 16 m.
        assert!((mean - 16.0).abs() < 0.3, "{mean}");
    }

    #[test]
    fn a_jammed_receiver_repeats_its_last_position_without_a_fix() {
        let mut receiver = GpsReceiver::new(1, Grade::Standard);
        flying_north(&mut receiver, 1_000);
        assert_eq!(
            receiver.clone().read(0.2, Signal::Jammed),
            GpsReading::NoFix { last: None }
        );
        let GpsReading::Fix { place, .. } = receiver.read(0.2, Signal::Genuine) else {
            panic!("a fix was expected");
        };
        assert_eq!(
            receiver.read(0.2, Signal::Jammed),
            GpsReading::NoFix { last: Some(place) }
        );
    }
}
