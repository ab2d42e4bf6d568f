//! What later measurements say of an earlier position: a fixed-point smoother beside the filter.
//!
//! The filter keeps a journal of what it does to its errors, and a past position follows it: it shares
//! errors with the present state (`cross`), so whatever the filter learns of itself it learns of that
//! position too. Only after landing: in flight there is no journal, and nothing here runs.
//!
//! | filter | past position |
//! |---|---|
//! | carries its errors, `x <- F x` | shared part follows, `C <- C F^T` |
//! | fuses a scalar with row `h`, innovation `v`, variance `s` | moves by `C h v / s`; `C <- C - (C h)(P h)^T / s`, `P_j <- P_j - (C h)(C h)^T / s` |
//! | makes an error state from others (a clone) | shares with it what it shares with them |
//! | begins error states anew | shares nothing with them any more |
//!
//! No matrix is inverted, unlike in the Rauch-Tung-Striebel form, and the result is the same for a linear
//! system. Source: B. Anderson, J. Moore, *Optimal Filtering*, 1979, section 7.2 (fixed-point smoothing).

use nalgebra::Vector2;

use super::{
    Estimator,
    propagation::Transition,
    state::{ErrorVector, at},
};
use crate::navigator::{geodesy::Geodetic, units::MonotonicNs};

/// One thing that the filter did to its errors.
#[derive(Debug, Clone, PartialEq)]
// The large variant is the common one.
#[allow(clippy::large_enum_variant)]
pub enum Step {
    /// Carried them forward in time.
    Carried(Transition),
    /// Fused one scalar.
    Learned {
        /// Derivative of the prediction by each error.
        row: ErrorVector,
        /// Covariance of the errors with the prediction.
        cross: ErrorVector,
        /// Measured less predicted.
        innovation: f64,
        /// Variance of the innovation, as it was fused.
        variance: f64,
        /// The innovation over its standard deviation, before an outlier's noise was widened.
        normalised: f64,
    },
    /// Made one error from others.
    Derived {
        /// The one.
        to: usize,
        /// The others, with factors.
        from: Vec<(usize, f64)>,
    },
    /// Began consecutive errors anew.
    Forgotten {
        /// First of them.
        start: usize,
        /// How many.
        count: usize,
    },
}

/// What the filter did since the journal was last read, oldest first. Read after every input it holds
/// a few dozen steps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Journal(Vec<Step>);

impl Journal {
    /// Adds one step.
    pub fn note(&mut self, step: Step) {
        self.0.push(step);
    }

    /// Every fused innovation over its standard deviation, in order.
    pub fn normalised_innovations(&self) -> impl Iterator<Item = f64> {
        self.0.iter().filter_map(|step| match step {
            Step::Learned { normalised, .. } => Some(*normalised),
            Step::Carried(_) | Step::Derived { .. } | Step::Forgotten { .. } => None,
        })
    }
}

/// An earlier position, and what later measurements say of it.
#[derive(Debug, Clone)]
pub struct Hindsight {
    /// When the aircraft was there.
    pub time: MonotonicNs,
    /// Where the filter had it then.
    pub filtered: Geodetic,
    /// How far it was moved since, north and east, m.
    pub moved_ne_m: Vector2<f64>,
    /// Covariance of its horizontal error now: north-north, north-east, east-east, m^2.
    pub covariance_m2: [f64; 3],
    /// Covariance of its error with the present state, north and east.
    cross: [ErrorVector; 2],
}

impl Hindsight {
    /// The position that `estimator` has now.
    pub fn of(estimator: &Estimator) -> Self {
        let covariance = estimator.covariance();
        let cross =
            core::array::from_fn(|axis| covariance.column(at::POSITION + axis).into_owned());
        let own = [
            covariance[(at::POSITION, at::POSITION)],
            covariance[(at::POSITION, at::POSITION + 1)],
            covariance[(at::POSITION + 1, at::POSITION + 1)],
        ];
        Self {
            time: estimator.nominal().time,
            filtered: estimator.nominal().position,
            moved_ne_m: Vector2::zeros(),
            covariance_m2: own,
            cross,
        }
    }

    /// Where the aircraft was, as well as it is known now.
    pub fn smoothed(&self) -> Geodetic {
        let [north, east] = self.moved_ne_m.into();
        self.filtered
            .displaced(nalgebra::Vector3::new(north, east, 0.0))
    }

    /// Follows the filter.
    pub fn follow(&mut self, journal: &Journal) {
        for step in &journal.0 {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Carried(transition) => {
                for cross in &mut self.cross {
                    transition.carry(cross.as_mut_slice());
                }
            }
            Step::Learned {
                row,
                cross,
                innovation,
                variance,
                ..
            } => self.learn(row, cross, *innovation, *variance),
            Step::Derived { to, from } => {
                for cross in &mut self.cross {
                    cross[*to] = from.iter().map(|(index, by)| cross[*index] * by).sum();
                }
            }
            Step::Forgotten { start, count } => {
                for cross in &mut self.cross {
                    cross.rows_mut(*start, *count).fill(0.0);
                }
            }
        }
    }

    fn learn(&mut self, row: &ErrorVector, cross: &ErrorVector, innovation: f64, variance: f64) {
        let [north, east] = [0, 1].map(|axis| self.cross[axis].dot(row));
        self.moved_ne_m += Vector2::new(north, east) * (innovation / variance);
        for (own, share) in self.cross.iter_mut().zip([north, east]) {
            own.axpy(-share / variance, cross, 1.0);
        }
        let learned = [north * north, north * east, east * east];
        for (own, learned) in self.covariance_m2.iter_mut().zip(learned) {
            *own -= learned / variance;
        }
    }
}

impl Estimator {
    /// What the filter did since this was last asked; `None` the first time, from which on it is noted.
    pub fn take_journal(&mut self) -> Option<Journal> {
        self.covariance
            .journal
            .replace(Box::default())
            .map(|journal| *journal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::navigator::{
        config::NavigatorConfig,
        estimator::{Covariance, Start, StartAttitude, clones::index_of},
        input::{AirData, Airframe, Attitude, Barometer, FcGps, FrameExposed, GpsFix, ImuSample},
    };

    const START_NS: u64 = 1_000_000_000;

    fn at_ms(ms: u64) -> MonotonicNs {
        MonotonicNs(START_NS + ms * 1_000_000)
    }

    fn attitude(ms: u64) -> Attitude {
        Attitude {
            time: at_ms(ms),
            roll_rad: 0.3,
            pitch_rad: 0.05,
            yaw_rad: -0.9 + 0.0002 * ms as f64,
            angular_rate_frd_radps: [0.0, 0.06, 0.19],
        }
    }

    fn fix(ms: u64, offset: f64) -> FcGps {
        FcGps {
            time: at_ms(ms),
            instance: 0,
            fix: GpsFix::ThreeD,
            lat_rad: 0.79 + 1e-8 * ms as f64 + offset / 6.4e6,
            lon_rad: -1.63,
            alt_msl_m: 340.0,
            velocity_ne_mps: Some([9.0, -12.0]),
            horiz_accuracy_m: None,
            vert_accuracy_m: None,
            speed_accuracy_mps: None,
            satellites: None,
        }
    }

    fn flying() -> Estimator {
        let config = NavigatorConfig::default();
        let start = Start::at_fix(&config, &fix(0, 0.0), StartAttitude::Reported(attitude(0)));
        let mut estimator = Estimator::start(&config, &start, Covariance::zeros());
        estimator.set_airframe(Airframe::FixedWing);
        estimator
    }

    /// Two seconds of flight with every sensor and, at its end, a fix some metres aside.
    fn fly_on(estimator: &mut Estimator, from_ms: u64) {
        for ms in (from_ms..from_ms + 2_000).step_by(20) {
            estimator.imu(&ImuSample {
                time: at_ms(ms),
                specific_force_frd_mps2: [0.3, 0.1, -10.2],
                angular_rate_frd_radps: [0.0, 0.06, 0.19],
            });
            if ms.is_multiple_of(100) {
                estimator.attitude(&attitude(ms));
                estimator.air_data(&AirData {
                    time: at_ms(ms),
                    indicated_airspeed_mps: 15.5,
                });
                estimator.barometer(&Barometer {
                    time: at_ms(ms),
                    static_pressure_pa: 97_300.0,
                    temperature_k: 290.0,
                });
            }
        }
        estimator.gps(&fix(from_ms + 2_000, 4.0), 2.0);
    }

    /// A clone in the filter is the same past position, smoothed by the same measurements in another way.
    #[test]
    fn hindsight_is_what_a_clone_in_the_filter_is() {
        let mut estimator = flying();
        fly_on(&mut estimator, 0);
        let exposure = at_ms(2_000);
        assert!(estimator.take_journal().is_none());
        estimator.frame_exposed(&FrameExposed {
            time: exposure,
            frame: 7,
            exposure,
        });
        estimator.take_journal();
        let mut hindsight = Hindsight::of(&estimator);
        let before = hindsight.covariance_m2;
        fly_on(&mut estimator, 2_020);
        hindsight.follow(&estimator.take_journal().unwrap());
        let (slot, clone) = estimator.clones.find(7, exposure).unwrap();
        let apart = hindsight.smoothed().displacement_to(clone.place);
        assert!(
            hindsight.moved_ne_m.norm() > 0.02,
            "{}",
            hindsight.moved_ne_m
        );
        assert!(apart.xy().norm() < 1e-6, "{apart}");
        let index = index_of(slot);
        for (own, place) in hindsight
            .covariance_m2
            .into_iter()
            .zip([(0, 0), (0, 1), (1, 1)])
        {
            let of_the_clone = estimator.covariance()[(index + place.0, index + place.1)];
            assert!((own - of_the_clone).abs() < 1e-9 * (1.0 + of_the_clone.abs()));
        }
        assert!(hindsight.covariance_m2[0] < before[0]);
    }

    #[test]
    fn a_position_learns_nothing_from_a_filter_that_began_anew() {
        let mut estimator = flying();
        fly_on(&mut estimator, 0);
        estimator.take_journal();
        let mut hindsight = Hindsight::of(&estimator);
        estimator.restart_from_gps(&fix(2_100, 500.0));
        hindsight.follow(&estimator.take_journal().unwrap());
        let known = hindsight.moved_ne_m;
        estimator.gps(&fix(2_300, 510.0), 0.2);
        hindsight.follow(&estimator.take_journal().unwrap());
        assert!((hindsight.moved_ne_m - known).norm() < 1e-3);
    }
}
