//! What was seen in a scenario: every position against the truth, everything said, every byte's time.

use super::word::Word;
use crate::monte_carlo::sample::Sample;
use crate::truth::{Moment, Track};
use companion::navigator::{AnchorVerdict, EmittedExternalPosition, FixType, Output, SourceLabel};

/// One emitted position against the truth. Times count from switching on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    /// When it was valid.
    pub time_ns: u64,
    /// Horizontal distance from the truth.
    pub error_m: f64,
    /// Whether the truth lay inside the 95 % ellipse.
    pub covered: bool,
    /// Semi-major axis of the 95 % ellipse.
    pub radius_95_m: f64,
    /// Evidence.
    pub label: SourceLabel,
    /// How far the autopilot may trust it.
    pub fix: FixType,
    /// Latitude and longitude to the last bit.
    pub lat_lon_bits: [u64; 2],
}

/// How far the position had drifted when an anchor came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drifted {
    /// When the anchor was accepted.
    pub time_ns: u64,
    /// Distance of the anchor from where the estimate had been carried.
    pub off_m: f64,
    /// Distance flown since the anchor before.
    pub flown_m: f64,
}

/// Everything seen in one flight.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    /// Emitted positions in order of time.
    pub positions: Vec<Sighting>,
    /// What was said, and when.
    pub words: Vec<(u64, Word)>,
    /// When positions left for the autopilot.
    pub sent_ns: Vec<u64>,
    /// Distance of the true place from the leg that is flown, once a second.
    pub off_route_m: Vec<(u64, f64)>,
    /// Drift between consecutive anchors.
    pub drifts: Vec<Drifted>,
    /// What really happened.
    pub truth: Track,
    said: Vec<EmittedExternalPosition>,
    last_anchor_ns: Option<u64>,
    offset_ns: u64,
}

/// Drift over less than this is the noise of two matches.
const DRIFT_FLOWN_MIN_M: f64 = 100.0;

impl Witness {
    /// A witness whose clock began `offset_ns` before the companion's.
    #[must_use]
    pub fn new(offset_ns: u64) -> Self {
        Self {
            offset_ns,
            ..Self::default()
        }
    }

    /// Takes down the motion.
    pub fn motion(&mut self, moment: Moment) {
        self.truth.push(moment);
    }

    /// Takes down what the companion said.
    pub fn output(&mut self, output: &Output) {
        match output {
            Output::Position(position) => self.said.push(*position),
            Output::Anchor(verdict) => self.anchor(verdict),
            _ => {}
        }
        if let Some(word) = Word::of(output) {
            let time_ns = time_of(output).saturating_sub(self.offset_ns);
            self.words.push((time_ns, word));
        }
    }

    /// Takes down that bytes left for the autopilot, at `time_ns` of the companion's clock.
    pub fn sent(&mut self, time_ns: u64) {
        self.sent_ns.push(time_ns.saturating_sub(self.offset_ns));
    }

    fn anchor(&mut self, verdict: &AnchorVerdict) {
        let (None, Some([north, east])) = (verdict.refusal, verdict.innovation_ne_m) else {
            return;
        };
        let time_ns = verdict.exposure.0.saturating_sub(self.offset_ns);
        if let Some(before) = self.last_anchor_ns.replace(time_ns) {
            let flown_m = self.truth.distance_m(before, time_ns);
            if flown_m >= DRIFT_FLOWN_MIN_M {
                self.drifts.push(Drifted {
                    time_ns,
                    off_m: libm::hypot(north, east),
                    flown_m,
                });
            }
        }
    }

    /// The end of the flight: every position is held against the truth of its time.
    pub fn close(&mut self) {
        for position in core::mem::take(&mut self.said) {
            let time_ns = position.time.0.saturating_sub(self.offset_ns);
            if let Some(moment) = self.truth.at(time_ns) {
                self.positions.extend(sighting(time_ns, &position, &moment));
            }
        }
    }
}

/// `None` for a covariance that is not positive definite, which the core never emits.
fn sighting(time_ns: u64, position: &EmittedExternalPosition, moment: &Moment) -> Option<Sighting> {
    let sample = Sample::of(position, moment, false)?;
    Some(Sighting {
        time_ns,
        error_m: sample.error_m,
        covered: sample.inside_95(),
        radius_95_m: position.ellipse_95.semi_major_m,
        label: position.source_label,
        fix: position.fix_type,
        lat_lon_bits: [position.lat_rad.to_bits(), position.lon_rad.to_bits()],
    })
}

fn time_of(output: &Output) -> u64 {
    match output {
        Output::Position(position) => position.time,
        Output::LabelTransition(transition) => transition.time,
        Output::Event(event) => event.time,
        Output::Blackout(event) => event.time,
        Output::SpoofGate(event) => event.time,
        Output::Thermal(switch) => switch.time,
        Output::SearchWindow(window) => window.time,
        Output::Anchor(verdict) => verdict.time,
    }
    .0
}
