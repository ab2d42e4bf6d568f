//! How an estimate begins, and how it ends.

use super::{Navigator, deadline_after, tell};
use crate::navigator::{
    config::NavigatorConfig,
    contradiction::Contradiction,
    estimator::{self, Covariance, Estimator, Leveller, Start, StartAttitude},
    gps_track::GpsTrack,
    input::FcGps,
    no_estimate::NoEstimate,
    output::{EventKind, Outputs, PositionSource},
    standing::Standing,
    takeoff_origin::FirstPosition,
    thermal::ThermalPolicy,
    units::MonotonicNs,
    vision_watch::VisionWatch,
};

/// Without any sensor for this long there is no estimate, s.
const SENSOR_SILENCE_MAX_S: f64 = 30.0;
/// The autopilot's attitude at the first position may be this old, s.
const ATTITUDE_MAX_AGE_S: f64 = 1.0;

impl Navigator {
    /// Time begins, or begins anew: what was measured in earlier times cannot be put beside what
    /// comes now.
    pub(super) fn begin(&mut self, now: MonotonicNs) {
        self.deadline = Some(deadline_after(now));
        self.last_sensor = None;
        self.refusal_told = None;
        self.aircraft.attitude = None;
        self.aircraft.leveller = Leveller::default();
        self.aircraft.last_imu = None;
        self.aircraft.last_airspeed = None;
        self.gps = GpsTrack::new();
        self.gps_refused = false;
        self.gate.begin_anew();
        self.vision = VisionWatch::new();
        self.fix.begin_anew(now);
        self.anchored = None;
        self.checkpoint_due = None;
        self.no_estimate = match self.no_estimate {
            NoEstimate::Idle | NoEstimate::Present => self.no_estimate,
            NoEstimate::Missing(_) => NoEstimate::Missing(now),
            NoEstimate::Engaged(_) => NoEstimate::Engaged(now),
        };
        self.thermal = match self.thermal {
            ThermalPolicy::Full => ThermalPolicy::Full,
            ThermalPolicy::Hybrid(_) => ThermalPolicy::Hybrid(None),
        };
    }

    /// Begins an estimate with the best of what was given from outside, as soon as there is an
    /// attitude to begin with.
    pub(super) fn try_start(&mut self, now: MonotonicNs, outputs: &mut Outputs) {
        if self.estimator.is_none() && self.origin.is_filled() {
            self.start(now, None, outputs);
        }
    }

    /// Begins an estimate; `gps` is a fix of the autopilot's that may be believed.
    pub(super) fn start(&mut self, now: MonotonicNs, gps: Option<&FcGps>, outputs: &mut Outputs) {
        let fresh = self
            .aircraft
            .attitude
            .filter(|attitude| now.seconds_since(attitude.time).abs() <= ATTITUDE_MAX_AGE_S);
        let Some(first) = self.origin.best(now, gps) else {
            return;
        };
        let [north, east] = first.velocity_ne_mps.unwrap_or_default();
        let velocity = [north, east, 0.0];
        let best = StartAttitude::best(fresh, &self.aircraft.leveller, now, velocity);
        let Some(attitude) = best else { return };
        let start = match gps {
            Some(fix) if first.source == PositionSource::FcGps => {
                Start::at_fix(&self.config, fix, attitude)
            }
            Some(_) | None => start_at(&self.config, &first, attitude),
        };
        self.origin.clear();
        let room = self.spare.take().unwrap_or_else(Covariance::zeros);
        let mut estimator = Estimator::start(&self.config, &start, room);
        estimator.set_airframe(self.aircraft.airframe);
        self.estimator = Some(estimator);
        self.last_sensor = Some(now);
        self.forget_evidence();
        self.standing = Standing::begin(now);
        let source = first.source;
        let kind = if self.was_lost {
            EventKind::EstimatorRecovered { source }
        } else {
            EventKind::EstimatorInitialised { source }
        };
        self.was_lost = false;
        tell(outputs, now, kind);
    }

    /// What was said of one estimate says nothing of the next.
    fn forget_evidence(&mut self) {
        self.anchored = None;
        self.contradiction = Contradiction::default();
        self.floor.release();
    }

    /// An estimate that is not sound any more is given up at once, not emitted.
    pub(super) fn end_if_unsound(&mut self, now: MonotonicNs, outputs: &mut Outputs) {
        let sound = self.estimator.as_ref().is_none_or(|estimator| {
            estimator.nominal().is_finite() && estimator::is_sound(estimator.covariance())
        });
        if !sound {
            self.lose(now, outputs);
        }
    }

    /// After a hole in time no carrier is left that the estimate could have followed; after a long
    /// silence of every sensor nothing is left of it.
    pub(super) fn end_if_stale(&mut self, now: MonotonicNs, outputs: &mut Outputs) {
        let silent = self
            .last_sensor
            .is_some_and(|last| now.seconds_since(last) > SENSOR_SILENCE_MAX_S);
        let stale = self.estimator.as_ref().is_some_and(|estimator| {
            now.seconds_since(estimator.nominal().time) > estimator::GAP_MAX_S
        });
        if stale || (silent && self.estimator.is_some()) {
            self.lose(now, outputs);
        }
    }

    pub(super) fn lose(&mut self, time: MonotonicNs, outputs: &mut Outputs) {
        self.spare = self.estimator.take().map(Estimator::into_covariance);
        self.was_lost = true;
        self.forget_evidence();
        tell(outputs, time, EventKind::EstimatorLost);
    }
}

/// A start at a position that is not the autopilot's GPS.
fn start_at(config: &NavigatorConfig, first: &FirstPosition, attitude: StartAttitude) -> Start {
    let initial = &config.initial;
    let [north, east] = first.velocity_ne_mps.unwrap_or_default();
    let speed_sigma = match first.velocity_ne_mps {
        Some(_) => first.speed_accuracy_mps.max(initial.velocity_mps),
        None => initial.unreported_velocity_mps,
    };
    Start {
        time: first.time,
        place: first.place,
        place_sigma_m: [
            first.horiz_accuracy_m,
            first.horiz_accuracy_m,
            first.vert_accuracy_m,
        ],
        velocity_ned_mps: [north, east, 0.0],
        velocity_sigma_mps: [speed_sigma, speed_sigma, initial.vertical_velocity_mps],
        attitude,
    }
}
