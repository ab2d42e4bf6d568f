//! The flight of these tests, and what is heard of it.

use companion::navigator::{
    AnchorVerdict, BlackoutPhase, EmittedExternalPosition, EventKind, FrameOutcome, FrameRefusal,
    Geodetic, Input, MonotonicNs, Navigator, NavigatorConfig, Output, Outputs, SatelliteAnchor,
    SourceLabel, SpoofGateStep, Tick,
};
use nalgebra::Vector3;

use crate::weaving_flight::{Flight, Track, anchors, odometry, sensors};

/// What the camera shows at one moment.
#[derive(Clone, Copy, PartialEq)]
pub enum Sight {
    Clear,
    Refused(FrameRefusal),
    NoFrame,
}

pub const CLOUD: Sight = Sight::Refused(FrameRefusal::LowTexture);

pub fn seconds(time: MonotonicNs) -> f64 {
    time.0 as f64 * 1e-9
}

pub fn at(t: f64) -> MonotonicNs {
    MonotonicNs((t * 1e9) as u64)
}

pub fn config() -> NavigatorConfig {
    let mut config = NavigatorConfig::default();
    config.sight.enabled = true;
    // The simulated wing needs no angle of attack.
    config.initial.lift_slope_mean_m = 0.0;
    config
}

/// A flight with a camera; results come 60 ms after the exposure.
pub struct World {
    pub track: Track,
    pub inputs: Vec<Input>,
}

impl World {
    pub fn new(
        flight: &Flight,
        sight: impl Fn(f64) -> Sight,
        edit_anchor: impl Fn(f64, &Track, &mut SatelliteAnchor),
    ) -> Self {
        let track = Track::new(flight.seconds + 1);
        let sensors = sensors(flight, &track);
        let mut inputs = Vec::new();
        let results = odometry(flight, &track, &sensors).into_iter();
        for (mut result, mut anchor) in results.zip(anchors(flight, &track, &sensors)) {
            let t = seconds(result.exposure);
            let seen = sight(t);
            if seen == Sight::NoFrame {
                continue;
            }
            result.time = result.exposure.plus_ns(60_000_000);
            anchor.time = result.time;
            if let Sight::Refused(reason) = seen {
                result.outcome = FrameOutcome::Refused(reason);
            }
            inputs.push(Input::VisualOdometry(result));
            if seen == Sight::Clear {
                edit_anchor(t, &track, &mut anchor);
                inputs.push(Input::SatelliteAnchor(anchor));
            }
        }
        inputs.extend(sensors);
        inputs.sort_by_key(Input::time);
        Self { track, inputs }
    }

    pub fn seen(flight: &Flight, sight: impl Fn(f64) -> Sight) -> Self {
        Self::new(flight, sight, |_, _, _| {})
    }

    pub fn insert(&mut self, input: Input) {
        let at = self
            .inputs
            .partition_point(|other| other.time() <= input.time());
        self.inputs.insert(at, input);
    }

    pub fn error_m(&self, position: &EmittedExternalPosition) -> f64 {
        self.track
            .at(position.time)
            .displacement_to(place(position))
            .xy()
            .norm()
    }
}

pub fn place(position: &EmittedExternalPosition) -> Geodetic {
    Geodetic {
        lat_rad: position.lat_rad,
        lon_rad: position.lon_rad,
        alt_msl_m: position.alt_msl_m,
    }
}

/// Everything said, each with the time at which it was.
pub fn fly(navigator: &mut Navigator, inputs: &[Input]) -> Vec<(MonotonicNs, Output)> {
    let mut outputs = Outputs::default();
    let mut all = Vec::new();
    let mut now = MonotonicNs(0);
    let mut take = |now: MonotonicNs, outputs: &Outputs| {
        all.extend(outputs.iter().map(|output| (now, *output)));
    };
    for input in inputs {
        while let Some(due) = navigator.next_deadline().filter(|due| *due <= input.time()) {
            now = now.max(due);
            navigator.handle(&Input::Tick(Tick { time: due }), &mut outputs);
            take(now, &outputs);
        }
        now = now.max(input.time());
        navigator.handle(input, &mut outputs);
        take(now, &outputs);
    }
    all
}

pub fn flown(world: &World, config: &NavigatorConfig) -> Vec<(MonotonicNs, Output)> {
    fly(&mut Navigator::new(config), &world.inputs)
}

pub fn positions(said: &[(MonotonicNs, Output)]) -> Vec<EmittedExternalPosition> {
    said.iter()
        .filter_map(|(_, output)| match output {
            Output::Position(position) => Some(*position),
            _ => None,
        })
        .collect()
}

/// Labels with the time from which they hold.
pub fn labels(said: &[(MonotonicNs, Output)]) -> Vec<(f64, SourceLabel)> {
    said.iter()
        .filter_map(|(now, output)| match output {
            Output::LabelTransition(transition) => Some((seconds(*now), transition.to)),
            _ => None,
        })
        .collect()
}

pub fn phases(said: &[(MonotonicNs, Output)], wanted: BlackoutPhase) -> Vec<f64> {
    said.iter()
        .filter_map(|(now, output)| match output {
            Output::Blackout(event) if event.phase == wanted => Some(seconds(*now)),
            _ => None,
        })
        .collect()
}

pub fn events(said: &[(MonotonicNs, Output)], wanted: impl Fn(&EventKind) -> bool) -> Vec<f64> {
    said.iter()
        .filter_map(|(now, output)| match output {
            Output::Event(event) if wanted(&event.kind) => Some(seconds(*now)),
            _ => None,
        })
        .collect()
}

pub fn gate(said: &[(MonotonicNs, Output)], wanted: SpoofGateStep) -> Vec<f64> {
    said.iter()
        .filter_map(|(now, output)| match output {
            Output::SpoofGate(event) if event.step == wanted => Some(seconds(*now)),
            _ => None,
        })
        .collect()
}

pub fn verdicts(said: &[(MonotonicNs, Output)]) -> Vec<AnchorVerdict> {
    said.iter()
        .filter_map(|(_, output)| match output {
            Output::Anchor(verdict) => Some(*verdict),
            _ => None,
        })
        .collect()
}

pub fn ninety_seconds() -> Flight {
    Flight {
        seconds: 90,
        ..Flight::default()
    }
}

/// GPS all the way; from `from` on it lies `offset_m` east of the truth and moves away at 5 m/s.
pub fn spoofed(world: &mut World, from: f64, until: f64, offset_m: f64) {
    for input in &mut world.inputs {
        let Input::FcGps(fix) = input else { continue };
        let t = seconds(fix.time);
        if (from..until).contains(&t) {
            let moved = Vector3::new(0.0, offset_m + 5.0 * (t - from), 0.0);
            let spoofed = Geodetic {
                lat_rad: fix.lat_rad,
                lon_rad: fix.lon_rad,
                alt_msl_m: fix.alt_msl_m,
            }
            .displaced(moved);
            (fix.lat_rad, fix.lon_rad) = (spoofed.lat_rad, spoofed.lon_rad);
        }
    }
}
