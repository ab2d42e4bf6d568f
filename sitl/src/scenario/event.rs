//! What happens in a scenario, and when.

use nalgebra::Vector3;
use serde::Deserialize;

use super::script::nanoseconds;
use crate::sensors::camera::Hindrance;

/// One `[[event]]`: a time, and exactly one thing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    at_s: f64,
    until_s: Option<f64>,
    gps: Option<GpsTrouble>,
    /// The receiver says itself that something is wrong.
    gps_warns: Option<GpsWarning>,
    sight: Option<Sight>,
    map: Option<MapTrouble>,
    link: Option<LinkTrouble>,
    sensor: Option<SensorTrouble>,
    hint: Option<Hint>,
    machine: Option<MachineTrouble>,
}

/// What reaches the receiver's antenna instead of the satellites.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum GpsTrouble {
    /// Nothing.
    Jammed,
    /// The position jumps.
    Step {
        /// How far north, m.
        north_m: f64,
        /// How far east, m.
        east_m: f64,
    },
    /// The position is dragged away.
    Drag {
        /// How fast, m/s.
        speed_mps: f64,
        /// Where to, degrees clockwise from north.
        to_deg: f64,
    },
    /// The signals are recorded and sent again.
    Meacon {
        /// How much later, s.
        delay_s: f64,
    },
    /// The receiver's clock is moved; the position stays true.
    TimeJump {
        /// By how much, s.
        by_s: f64,
    },
}

/// What the autopilot says of the receiver's signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpsWarning {
    /// "GPS 1 spoofing detected".
    Spoofing,
    /// "GPS 1 jamming detected".
    Jamming,
}

/// What the camera sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// Cloud: nothing.
    Cloud,
    /// Ground that the map does not show.
    NoMap,
    /// Ground that repeats itself.
    RepeatedTexture,
    /// No frames at all: the camera is dead.
    NoFrames,
}

/// What is wrong with the map.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum MapTrouble {
    /// Its tiles lie elsewhere than they say.
    Shifted {
        /// How far north, m.
        north_m: f64,
        /// How far east, m.
        east_m: f64,
    },
}

/// What happens to the link to the autopilot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkTrouble {
    /// Nothing gets through in either direction.
    Cut,
}

/// Which of the autopilot's sensors is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum SensorTrouble {
    /// Differential pressure.
    #[serde(rename = "no-airspeed")]
    Airspeed,
    /// Accelerometer and gyroscope.
    #[serde(rename = "no-imu")]
    Imu,
    /// The autopilot's attitude.
    #[serde(rename = "no-attitude")]
    Attitude,
}

/// The operator says where the aircraft is.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// How far north of the truth, m.
    pub north_m: f64,
    /// How far east of the truth, m.
    pub east_m: f64,
    /// Stated accuracy, 1 sigma, m.
    pub accuracy_m: f64,
}

/// What happens to the companion's own machine.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum MachineTrouble {
    /// So hot, degrees Celsius.
    Hot {
        /// Hottest sensor.
        celsius: f64,
    },
    /// It slows itself down.
    Throttled,
    /// The process is killed and started again.
    Killed,
}

/// One event with its span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Happening {
    /// First moment, ns since switching on.
    pub from_ns: u64,
    /// First moment after it; the end of the flight when the file does not say.
    pub to_ns: u64,
    /// What.
    pub what: What,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// GPS signals.
    Gps(GpsTrouble),
    /// What the autopilot says of them.
    GpsWarns(GpsWarning),
    /// What the camera sees.
    Sight(Sight),
    /// The map.
    Map(MapTrouble),
    /// The link to the autopilot.
    Link(LinkTrouble),
    /// A dead sensor.
    Sensor(SensorTrouble),
    /// The operator speaks, once.
    Hint(Hint),
    /// The companion's machine.
    Machine(MachineTrouble),
}

impl What {
    /// The setting that says it: two of one subject at one time contradict each other.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        match self {
            Self::Gps(_) => "gps",
            Self::GpsWarns(_) => "gps_warns",
            Self::Sight(_) => "sight",
            Self::Map(_) => "map",
            Self::Link(_) => "link",
            Self::Sensor(SensorTrouble::Airspeed) => "sensor no-airspeed",
            Self::Sensor(SensorTrouble::Imu) => "sensor no-imu",
            Self::Sensor(SensorTrouble::Attitude) => "sensor no-attitude",
            Self::Hint(_) => "hint",
            Self::Machine(_) => "machine",
        }
    }

    /// Whether it means nothing without a camera.
    #[must_use]
    pub fn needs_camera(&self) -> bool {
        matches!(self, Self::Sight(_) | Self::Map(_))
    }
}

impl Sight {
    /// What it hinders; no frame at all is none of the camera's business.
    #[must_use]
    pub fn hindrance(self) -> Option<Hindrance> {
        match self {
            Self::Cloud => Some(Hindrance::NoSight),
            Self::NoMap => Some(Hindrance::NoMap),
            Self::RepeatedTexture => Some(Hindrance::RepeatedTexture),
            Self::NoFrames => None,
        }
    }
}

impl MapTrouble {
    /// How far what it shows lies from where it says, NED, m.
    #[must_use]
    pub fn shift_ned_m(self) -> Vector3<f64> {
        match self {
            Self::Shifted { north_m, east_m } => Vector3::new(north_m, east_m, 0.0),
        }
    }
}

impl Event {
    /// The event in a flight of `duration_s`.
    pub(super) fn happening(&self, duration_s: f64) -> Result<Happening, String> {
        let said = [
            self.gps.map(What::Gps),
            self.gps_warns.map(What::GpsWarns),
            self.sight.map(What::Sight),
            self.map.map(What::Map),
            self.link.map(What::Link),
            self.sensor.map(What::Sensor),
            self.hint.map(What::Hint),
            self.machine.map(What::Machine),
        ];
        let mut said = said.into_iter().flatten();
        let what = match (said.next(), said.next()) {
            (Some(what), None) => what,
            (None, _) => {
                return Err("says nothing; give one of gps, gps_warns, sight, map, link, sensor, hint, machine".to_owned());
            }
            (Some(_), Some(_)) => {
                return Err("says two things; make two events of it".to_owned());
            }
        };
        let until_s = self.until_s.unwrap_or(duration_s);
        if !(0.0..duration_s).contains(&self.at_s) {
            return Err(format!(
                "`at_s` is {}, allowed is 0 to the end of the flight at {duration_s}",
                self.at_s
            ));
        }
        if !(until_s > self.at_s && until_s <= duration_s) {
            return Err(format!(
                "`until_s` is {until_s}, allowed is behind `at_s` ({}) and not behind the end of the flight ({duration_s})",
                self.at_s
            ));
        }
        Ok(Happening {
            from_ns: nanoseconds(self.at_s),
            to_ns: nanoseconds(until_s),
            what,
        })
    }
}

/// The events of a scenario by time.
#[derive(Debug, Clone)]
pub struct TimeLine {
    happenings: Vec<Happening>,
}

impl TimeLine {
    /// The time line of these events.
    #[must_use]
    pub fn new(happenings: &[Happening]) -> Self {
        Self {
            happenings: happenings.to_vec(),
        }
    }

    /// What is going on at `time_ns`.
    pub fn at(&self, time_ns: u64) -> impl Iterator<Item = &Happening> {
        self.happenings
            .iter()
            .filter(move |one| (one.from_ns..one.to_ns).contains(&time_ns))
    }

    /// What begins in the span that ends with `time_ns` and is `step_ns` long.
    pub fn begins(&self, time_ns: u64, step_ns: u64) -> impl Iterator<Item = &Happening> {
        self.happenings.iter().filter(move |one| {
            one.from_ns <= time_ns && one.from_ns.saturating_add(step_ns) > time_ns
        })
    }
}
