//! The navigator: takes one input at a time and says what follows from it.

use super::{
    config::NavigatorConfig,
    emission,
    estimator::{self, Estimator, GpsOutcome, Leveller, Start, StartAttitude},
    gps_watch::{AfterFusion, AfterRejection, GpsWatch},
    input::{Airframe, Attitude, FcGps, GpsFix, Input},
    output::{Event, EventKind, Output, Outputs},
    units::MonotonicNs,
    validity,
};

/// Raised whenever the same inputs may give other outputs than before.
pub const CORE_VERSION: u32 = 2;

/// Positions are emitted at multiples of this period, 10 Hz.
const EMISSION_PERIOD_NS: u64 = 100_000_000;
/// Refused inputs are told at most this often.
const REFUSAL_PERIOD_S: f64 = 1.0;
/// Without any sensor for this long there is no estimate, s.
const SENSOR_SILENCE_MAX_S: f64 = 30.0;
/// The autopilot's attitude at the first fix may be this old, s.
const ATTITUDE_MAX_AGE_S: f64 = 1.0;

/// The core. Feed it every input in order, and a tick at every [`Navigator::next_deadline`].
#[derive(Debug, Clone)]
pub struct Navigator {
    config: NavigatorConfig,
    newest: Option<MonotonicNs>,
    last_sensor: Option<MonotonicNs>,
    deadline: Option<MonotonicNs>,
    attitude: Option<Attitude>,
    leveller: Leveller,
    airframe: Airframe,
    tracking: Option<Tracking>,
    was_lost: bool,
    refusal_told: Option<MonotonicNs>,
}

/// What exists once a position is known.
#[derive(Debug, Clone)]
struct Tracking {
    estimator: Estimator,
    gps: GpsWatch,
}

impl Navigator {
    /// A navigator that knows nothing yet.
    #[must_use]
    pub fn new(config: &NavigatorConfig) -> Self {
        Self {
            config: config.clone(),
            newest: None,
            last_sensor: None,
            deadline: None,
            attitude: None,
            leveller: Leveller::default(),
            airframe: Airframe::Unknown,
            tracking: None,
            was_lost: false,
            refusal_told: None,
        }
    }

    /// When the next tick is due; `None` before the first input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<MonotonicNs> {
        self.deadline
    }

    /// Takes one input. `outputs` is cleared first and then holds what the input caused, in order.
    pub fn handle(&mut self, input: &Input, outputs: &mut Outputs) {
        outputs.clear();
        let newest = self.newest.unwrap_or(input.time());
        if !validity::is_usable(input, newest) {
            self.refuse(newest, outputs);
            return;
        }
        let now = newest.max(input.time());
        self.newest = Some(now);
        self.deadline.get_or_insert_with(|| deadline_after(now));
        self.end_if_stale(now, outputs);
        if input.is_sensor() {
            self.last_sensor = Some(now);
        }
        self.consume(input, now, outputs);
        self.check(now, outputs);
    }

    /// The filter, where there is one, for whoever smooths after landing.
    pub(crate) fn estimator_mut(&mut self) -> Option<&mut Estimator> {
        self.tracking
            .as_mut()
            .map(|tracking| &mut tracking.estimator)
    }

    fn consume(&mut self, input: &Input, now: MonotonicNs, outputs: &mut Outputs) {
        match input {
            Input::FcGps(fix) => self.gps(fix, outputs),
            Input::Tick(_) => self.tick(now, outputs),
            Input::Attitude(sample) => {
                self.attitude = Some(*sample);
                self.with_estimator(|estimator| estimator.attitude(sample));
            }
            Input::FlightState(state) => {
                self.airframe = state.airframe;
                self.with_estimator(|estimator| estimator.set_airframe(state.airframe));
            }
            Input::FrameExposed(frame) => {
                self.with_estimator(|estimator| estimator.frame_exposed(frame));
            }
            Input::VisualOdometry(result) => self.with_estimator(|estimator| {
                estimator.odometry(result);
            }),
            Input::SatelliteAnchor(anchor) => self.with_estimator(|estimator| {
                estimator.anchor(anchor);
            }),
            Input::OperatorHint(hint) => self.with_estimator(|estimator| {
                estimator.hint(hint);
            }),
            Input::TakeoffOrigin(_)
            | Input::TrustedState(_)
            | Input::RestartState(_)
            | Input::GpsIntegrity(_)
            | Input::SystemHealth(_) => {}
            Input::Imu(sample) => {
                self.leveller.hear(sample);
                self.with_estimator(|estimator| estimator.imu(sample));
            }
            Input::AirData(sample) => self.with_estimator(|estimator| estimator.air_data(sample)),
            Input::Barometer(sample) => {
                self.with_estimator(|estimator| estimator.barometer(sample));
            }
        }
    }

    fn with_estimator(&mut self, act: impl FnOnce(&mut Estimator)) {
        if let Some(tracking) = &mut self.tracking {
            act(&mut tracking.estimator);
        }
    }

    fn gps(&mut self, fix: &FcGps, outputs: &mut Outputs) {
        if fix.fix != GpsFix::ThreeD {
            return;
        }
        let Some(tracking) = &mut self.tracking else {
            self.start(fix, outputs);
            return;
        };
        let since_last_s = tracking.gps.since_fused_s(fix.time);
        let told = match tracking.estimator.gps(fix, since_last_s) {
            GpsOutcome::Fused => match tracking.gps.fused(fix) {
                AfterFusion::Nothing => None,
                AfterFusion::Regained(gap_s) => Some(EventKind::FcGpsRegained { gap_s }),
            },
            GpsOutcome::Rejected { nis } => {
                match tracking
                    .gps
                    .rejected(fix, self.config.gates.gps_reacquire_s)
                {
                    AfterRejection::Nothing => None,
                    AfterRejection::Tell => Some(EventKind::FcGpsRejected { nis }),
                    AfterRejection::Believe => {
                        tracking.estimator.restart_from_gps(fix);
                        tracking.gps.fused(fix);
                        Some(EventKind::FcGpsRegained {
                            gap_s: since_last_s,
                        })
                    }
                }
            }
        };
        if let Some(kind) = told {
            outputs.push(Output::Event(Event {
                time: fix.time,
                kind,
            }));
        }
    }

    fn start(&mut self, fix: &FcGps, outputs: &mut Outputs) {
        let fresh = self
            .attitude
            .filter(|attitude| fix.time.seconds_since(attitude.time) <= ATTITUDE_MAX_AGE_S);
        let [north, east] = fix.velocity_ne_mps.unwrap_or_default();
        let best = StartAttitude::best(fresh, &self.leveller, fix.time, [north, east, 0.0]);
        let Some(attitude) = best else { return };
        let start = Start::at_fix(&self.config, fix, attitude);
        let mut estimator = Estimator::start(&self.config, &start);
        estimator.set_airframe(self.airframe);
        self.tracking = Some(Tracking {
            estimator,
            gps: GpsWatch::start(fix),
        });
        let kind = if self.was_lost {
            EventKind::EstimatorRecovered
        } else {
            EventKind::EstimatorInitialised
        };
        self.was_lost = false;
        outputs.push(Output::Event(Event {
            time: fix.time,
            kind,
        }));
    }

    /// A tick that comes late stands for now: the position emitted is never one of the past.
    fn tick(&mut self, time: MonotonicNs, outputs: &mut Outputs) {
        if self.deadline.is_some_and(|deadline| time < deadline) {
            return;
        }
        self.deadline = Some(deadline_after(time));
        let Some(tracking) = &mut self.tracking else {
            return;
        };
        if tracking.gps.lost(time, self.config.gates.gps_lost_s) {
            outputs.push(Output::Event(Event {
                time,
                kind: EventKind::FcGpsLost,
            }));
        }
        tracking.estimator.advance(time);
        match emission::position(&tracking.estimator, time, &self.config) {
            Some(position) => outputs.push(Output::Position(position)),
            None => self.lose(time, outputs),
        }
    }

    /// An estimate that is not sound any more is given up at once, not emitted.
    fn check(&mut self, now: MonotonicNs, outputs: &mut Outputs) {
        let sound = self.tracking.as_ref().is_none_or(|tracking| {
            tracking.estimator.nominal().is_finite()
                && estimator::is_sound(tracking.estimator.covariance())
        });
        if !sound {
            self.lose(now, outputs);
        }
    }

    /// After a hole in time no carrier is left that the estimate could have followed; after a long
    /// silence of every sensor nothing is left of it.
    fn end_if_stale(&mut self, now: MonotonicNs, outputs: &mut Outputs) {
        let silent = self
            .last_sensor
            .is_some_and(|last| now.seconds_since(last) > SENSOR_SILENCE_MAX_S);
        let stale = self.tracking.as_ref().is_some_and(|tracking| {
            now.seconds_since(tracking.estimator.nominal().time) > estimator::GAP_MAX_S
        });
        if stale || (silent && self.tracking.is_some()) {
            self.lose(now, outputs);
        }
    }

    fn lose(&mut self, time: MonotonicNs, outputs: &mut Outputs) {
        self.tracking = None;
        self.was_lost = true;
        outputs.push(Output::Event(Event {
            time,
            kind: EventKind::EstimatorLost,
        }));
    }

    fn refuse(&mut self, now: MonotonicNs, outputs: &mut Outputs) {
        let told = self
            .refusal_told
            .is_some_and(|last| now.seconds_since(last) < REFUSAL_PERIOD_S);
        if !told {
            self.refusal_told = Some(now);
            outputs.push(Output::Event(Event {
                time: now,
                kind: EventKind::InputRefused,
            }));
        }
    }
}

/// The first multiple of the emission period after `time`.
fn deadline_after(time: MonotonicNs) -> MonotonicNs {
    MonotonicNs(
        (time.0 / EMISSION_PERIOD_NS)
            .saturating_add(1)
            .saturating_mul(EMISSION_PERIOD_NS),
    )
}
