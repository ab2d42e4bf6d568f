//! The track of a flight as it is known after landing: every position moved by what was measured during
//! the following minutes.
//!
//! The recorded inputs go through the same core as in flight; beside it run the positions of the last
//! `lag_s` seconds, one every `period_s`, each a fixed-point smoother on the filter's own steps (AC-4.5).
//! A position leaves when it is as old as the lag, or when the filter ends or begins anew, behind which
//! nothing can be learned of it. It never leaves for the autopilot: this code is not part of the flight.
//!
//! | event | effect |
//! |---|---|
//! | tick at a multiple of the period | the present position joins |
//! | any step of the filter | all waiting positions follow it |
//! | a position is older than the lag | it leaves |
//! | the filter ends or begins anew; end of the recording | all leave |
//!
//! Memory: `lag_s / period_s` positions of 1.2 kB, at most [`WAITING_MAX`].

mod flight;

use std::collections::VecDeque;

use serde::Serialize;

pub use flight::{SmoothError, Smoothing, smooth_flight};

use crate::navigator::{
    EmittedExternalPosition, Hindsight, Input, MonotonicNs, Navigator, NavigatorConfig, Output,
    Outputs,
};

/// Most positions that wait at once.
pub const WAITING_MAX: u64 = 3_600;

/// How far to look ahead, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    lag_ns: u64,
    period_ns: u64,
}

/// Why a smoother cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "a lag of {lag_s} s at one position every {period_s} s: allowed are a period of 0.1 to 60 s, a lag of at least the period, and at most {WAITING_MAX} positions within it"
)]
pub struct SettingsError {
    lag_s: f64,
    period_s: f64,
}

impl Settings {
    /// Looks `lag_s` ahead of positions that are `period_s` apart.
    ///
    /// # Errors
    /// When that is too little, too much or no number.
    pub fn new(lag_s: f64, period_s: f64) -> Result<Self, SettingsError> {
        let waiting = lag_s / period_s;
        let allowed =
            (0.1..=60.0).contains(&period_s) && (1.0..=WAITING_MAX as f64).contains(&waiting);
        // Both numbers are positive and small here.
        allowed
            .then_some(Self {
                lag_ns: (lag_s * 1e9) as u64,
                period_ns: (period_s * 10.0) as u64 * 100_000_000,
            })
            .ok_or(SettingsError { lag_s, period_s })
    }
}

/// One position, as it was emitted in flight and as it is known now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SmoothedPosition {
    /// When the aircraft was there, on the recording's clock.
    pub time_ns: u64,
    /// Smoothed latitude, WGS84.
    pub lat_rad: f64,
    /// Smoothed longitude, WGS84.
    pub lon_rad: f64,
    /// Covariance of the smoothed position: north-north, north-east, east-east, m^2. Errors that all
    /// measurements had in common are part of it.
    pub covariance_m2: [f64; 3],
    /// Latitude that was emitted.
    pub emitted_lat_rad: f64,
    /// Longitude that was emitted.
    pub emitted_lon_rad: f64,
    /// 1 sigma that was emitted.
    pub emitted_horiz_accuracy_m: f64,
    /// How far into the future it looked.
    pub lag_s: f64,
}

/// A position that waits.
#[derive(Debug)]
struct Waiting {
    hindsight: Hindsight,
    emitted: EmittedExternalPosition,
}

/// The smoother. Takes the inputs of a flight in the order in which the core consumed them.
#[derive(Debug)]
pub struct Smoother {
    settings: Settings,
    lasting_m2: f64,
    navigator: Navigator,
    outputs: Outputs,
    waiting: VecDeque<Waiting>,
    newest: MonotonicNs,
}

impl Smoother {
    /// A smoother at the start of a flight that was flown with `config`.
    #[must_use]
    pub fn new(config: &NavigatorConfig, settings: Settings) -> Self {
        let lasting = config.sensors.gps_lasting_horizontal_m;
        Self {
            settings,
            lasting_m2: lasting * lasting,
            navigator: Navigator::new(config),
            outputs: Outputs::default(),
            waiting: VecDeque::new(),
            newest: MonotonicNs(0),
        }
    }

    /// Takes one input; `done` hears every position that leaves, in order of time.
    pub fn handle(&mut self, input: &Input, done: &mut impl FnMut(SmoothedPosition)) {
        self.navigator.handle(input, &mut self.outputs);
        self.newest = self.newest.max(input.time());
        let journal = self
            .navigator
            .estimator_mut()
            .and_then(|estimator| estimator.take_journal());
        match journal {
            Some(journal) => {
                for waiting in &mut self.waiting {
                    waiting.hindsight.follow(&journal);
                }
            }
            // No filter, or one that has just begun.
            None => self.finish(done),
        }
        while self.oldest_is_due() {
            self.release(done);
        }
        self.keep_the_present();
    }

    /// The recording ends here: all positions leave.
    pub fn finish(&mut self, done: &mut impl FnMut(SmoothedPosition)) {
        while !self.waiting.is_empty() {
            self.release(done);
        }
    }

    fn oldest_is_due(&self) -> bool {
        self.waiting.front().is_some_and(|oldest| {
            oldest.hindsight.time.plus_ns(self.settings.lag_ns) <= self.newest
        })
    }

    fn keep_the_present(&mut self) {
        let emitted = self.outputs.iter().find_map(|output| match output {
            Output::Position(position) => Some(*position),
            _ => None,
        });
        let Some(emitted) =
            emitted.filter(|position| position.time.0.is_multiple_of(self.settings.period_ns))
        else {
            return;
        };
        if let Some(estimator) = self.navigator.estimator_mut() {
            self.waiting.push_back(Waiting {
                hindsight: Hindsight::of(estimator),
                emitted,
            });
        }
    }

    fn release(&mut self, done: &mut impl FnMut(SmoothedPosition)) {
        let Some(Waiting { hindsight, emitted }) = self.waiting.pop_front() else {
            return;
        };
        let place = hindsight.smoothed();
        let [nn, ne, ee] = hindsight.covariance_m2;
        done(SmoothedPosition {
            time_ns: hindsight.time.0,
            lat_rad: place.lat_rad,
            lon_rad: place.lon_rad,
            covariance_m2: [nn + self.lasting_m2, ne, ee + self.lasting_m2],
            emitted_lat_rad: emitted.lat_rad,
            emitted_lon_rad: emitted.lon_rad,
            emitted_horiz_accuracy_m: emitted.horiz_accuracy_m,
            lag_s: self.newest.seconds_since(hindsight.time),
        });
    }
}
