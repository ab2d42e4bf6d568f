//! What reaches the receiver's antenna at each moment of a planned flight.

use std::collections::VecDeque;

use nalgebra::Vector3;

use super::plan::{Denial, GpsPlan};
use crate::sensors::{LAG_NS, Signal};
use crate::truth::Moment;

/// Longest delay of a meaconer.
const MEMORY_NS: u64 = 61_000_000_000;

/// The signals of one flight.
#[derive(Debug, Clone)]
pub struct Signals {
    plan: GpsPlan,
    recent: VecDeque<Moment>,
}

impl Signals {
    /// The signals that `plan` asks for.
    #[must_use]
    pub fn new(plan: &GpsPlan) -> Self {
        Self {
            plan: plan.clone(),
            recent: VecDeque::new(),
        }
    }

    /// Whether the satellites are heard at `time_ns`.
    #[must_use]
    pub fn genuine(&self, time_ns: u64) -> bool {
        !self.plan.spans.iter().any(|span| span.holds(time_ns))
    }

    /// The signal now; to be asked for at the receiver's rate, in order of time.
    pub fn at(&mut self, moment: Moment) -> Signal {
        self.recent.push_back(moment);
        while self
            .recent
            .front()
            .is_some_and(|first| first.time_ns + MEMORY_NS < moment.time_ns)
        {
            self.recent.pop_front();
        }
        let begun_ns = self
            .plan
            .spans
            .iter()
            .find(|span| span.holds(moment.time_ns))
            .map(|span| span.from_ns);
        let Some(begun_ns) = begun_ns else {
            return Signal::Genuine;
        };
        let age_s = (moment.time_ns - begun_ns) as f64 * 1e-9;
        let towards = Vector3::new(
            libm::cos(self.plan.direction_rad),
            libm::sin(self.plan.direction_rad),
            0.0,
        );
        let strength = self.plan.strength;
        match self.plan.denial {
            Denial::Never | Denial::Jam | Denial::JamAndReturn => Signal::Jammed,
            Denial::Step => self.shown(LAG_NS, towards * strength, Vector3::zeros()),
            Denial::DragAway => {
                self.shown(LAG_NS, towards * (strength * age_s), towards * strength)
            }
            Denial::Meaconing => {
                let delay_ns = LAG_NS + (strength * 1e9) as u64;
                self.shown(delay_ns, Vector3::zeros(), Vector3::zeros())
            }
        }
    }

    /// The motion of `delay_ns` ago, shifted.
    fn shown(&self, delay_ns: u64, offset_m: Vector3<f64>, change_mps: Vector3<f64>) -> Signal {
        let newest = self.recent.back().map_or(0, |moment| moment.time_ns);
        let then_ns = newest.saturating_sub(delay_ns);
        let index = self
            .recent
            .partition_point(|moment| moment.time_ns < then_ns);
        self.recent
            .get(index)
            .map_or(Signal::Jammed, |then| Signal::Forged {
                place: then.place.moved(&offset_m),
                velocity_ned_mps: then.velocity_ned_mps + change_mps,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monte_carlo::plan::Span;
    use crate::world::Place;

    const START: Place = Place {
        lat_rad: 0.8,
        lon_rad: 0.1,
        alt_msl_m: 100.0,
    };

    /// Flies north at 20 m/s and returns what is shown after 40 s of a denial that began at 20 s,
    /// as metres north of where the aircraft was when the receiver measured.
    fn ahead_after_40_s(denial: Denial, strength: f64) -> Option<f64> {
        let span = Span {
            from_ns: 20_000_000_000,
            to_ns: u64::MAX,
        };
        let mut signals = Signals::new(&GpsPlan {
            denial,
            spans: vec![span],
            noticed: false,
            strength,
            direction_rad: 0.0,
        });
        let mut last = Signal::Genuine;
        let mut place = START;
        for tick in 0..=300_u64 {
            place = START.moved(&Vector3::new(4.0 * tick as f64, 0.0, 0.0));
            last = signals.at(Moment {
                time_ns: tick * 200_000_000,
                place,
                velocity_ned_mps: Vector3::new(20.0, 0.0, 0.0),
                wind_ned_mps: Vector3::zeros(),
            });
            if tick < 100 {
                assert_eq!(last, Signal::Genuine);
            }
        }
        match last {
            Signal::Forged { place: shown, .. } => Some(place.ned_to(&shown).x + 4.0),
            Signal::Genuine | Signal::Jammed => None,
        }
    }

    #[test]
    fn each_denial_shows_what_its_name_says() {
        let near = |value: Option<f64>, expected: f64| {
            value.is_some_and(|value| (value - expected).abs() < 0.1)
        };
        assert_eq!(ahead_after_40_s(Denial::Jam, 0.0), None);
        assert!(near(ahead_after_40_s(Denial::Step, 500.0), 500.0));
        assert!(near(ahead_after_40_s(Denial::DragAway, 2.0), 80.0));
        assert!(near(ahead_after_40_s(Denial::Meaconing, 10.0), -200.0));
    }
}
