//! Angular rates from attitudes that follow each other: iNav tells its own to whole degrees per second.
//!
//! Roll and pitch come to a tenth of a degree, yaw to a whole one: yaw is taken over a longer span, so that
//! a step of its last digit is not a turn.

use core::f64::consts::{PI, TAU};

use libm::{cos, sin};

use crate::navigator::MonotonicNs;

/// Samples that are remembered.
const KEPT: usize = 24;
/// Span over which roll and pitch are taken, s.
const TILT_SPAN_S: f64 = 0.1;
/// Span over which yaw is taken, s.
const YAW_SPAN_S: f64 = 0.5;
/// Across a longer silence nothing is known of the rates, s.
const GAP_MAX_S: f64 = 0.3;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    time: MonotonicNs,
    /// Roll, pitch, and yaw without the step at the full circle, rad.
    angles: [f64; 3],
}

/// The latest attitudes.
#[derive(Debug, Clone, Default)]
pub struct BodyRates {
    /// The newest last.
    samples: Vec<Sample>,
}

impl BodyRates {
    /// Takes an attitude and says how fast the body turns: forward, right, down, rad/s; zero until two
    /// samples are known.
    pub fn rates(&mut self, time: MonotonicNs, roll: f64, pitch: f64, yaw: f64) -> [f64; 3] {
        let last = self.samples.last().copied();
        let fits = last.is_some_and(|last| {
            let gap = time.seconds_since(last.time);
            gap > 0.0 && gap <= GAP_MAX_S
        });
        if !fits {
            self.samples.clear();
        }
        let yaw = match self.samples.last() {
            Some(last) => last.angles[2] + nearest(yaw - last.angles[2]),
            None => yaw,
        };
        let newest = Sample {
            time,
            // Roll passes the half circle when the aircraft is upside down.
            angles: [
                self.samples
                    .last()
                    .map_or(roll, |last| last.angles[0] + nearest(roll - last.angles[0])),
                pitch,
                yaw,
            ],
        };
        if self.samples.len() == KEPT {
            self.samples.remove(0);
        }
        self.samples.push(newest);
        let euler = [
            self.slope(newest, 0, TILT_SPAN_S),
            self.slope(newest, 1, TILT_SPAN_S),
            self.slope(newest, 2, YAW_SPAN_S),
        ];
        body(euler, newest.angles[0], pitch)
    }

    /// Change per second over the youngest pair that spans `span_s`, or the widest there is.
    fn slope(&self, newest: Sample, axis: usize, span_s: f64) -> f64 {
        let from = self
            .samples
            .iter()
            .rev()
            .find(|sample| newest.time.seconds_since(sample.time) >= span_s)
            .or_else(|| self.samples.first());
        let Some(from) = from else { return 0.0 };
        let elapsed = newest.time.seconds_since(from.time);
        if elapsed > 0.0 {
            (newest.angles[axis] - from.angles[axis]) / elapsed
        } else {
            0.0
        }
    }
}

/// The same turn, less than half a circle.
fn nearest(turn: f64) -> f64 {
    turn - TAU * libm::floor((turn + PI) / TAU)
}

/// Rates of Euler angles to rates of the body.
fn body([roll_rate, pitch_rate, yaw_rate]: [f64; 3], roll: f64, pitch: f64) -> [f64; 3] {
    [
        roll_rate - yaw_rate * sin(pitch),
        pitch_rate * cos(roll) + yaw_rate * sin(roll) * cos(pitch),
        -pitch_rate * sin(roll) + yaw_rate * cos(roll) * cos(pitch),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MonotonicNs {
        MonotonicNs(ms * 1_000_000)
    }

    #[test]
    fn a_steady_turn_in_whole_degrees_is_a_steady_rate() {
        let mut rates = BodyRates::default();
        let turn_deg_s = 12.0;
        let mut told = Vec::new();
        for step in 0..200_u64 {
            let yaw_deg = (turn_deg_s * step as f64 * 0.033).round() % 360.0;
            let [_, _, yaw] = rates.rates(at(step * 33), 0.0, 0.0, yaw_deg.to_radians());
            told.push(yaw.to_degrees());
        }
        assert!(
            told[30..]
                .iter()
                .all(|rate| (rate - turn_deg_s).abs() < 2.1),
            "{told:?}"
        );
    }

    #[test]
    fn north_and_upside_down_are_no_jumps() {
        let mut rates = BodyRates::default();
        rates.rates(at(0), 3.1, 0.0, 6.2);
        let told = rates.rates(at(100), -3.1, 0.0, 0.1);
        assert!(told.iter().all(|rate| rate.abs() < 2.0), "{told:?}");
    }

    #[test]
    fn behind_a_silence_or_a_stamp_that_runs_back_nothing_is_known() {
        let mut rates = BodyRates::default();
        rates.rates(at(1000), 0.0, 0.0, 0.0);
        assert_eq!(rates.rates(at(2000), 1.0, 1.0, 1.0), [0.0; 3]);
        assert_eq!(rates.rates(at(1990), 0.0, 0.0, 0.0), [0.0; 3]);
    }
}
