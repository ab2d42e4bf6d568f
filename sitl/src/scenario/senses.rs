//! What the companion hears of the flight, in order of time: an ArduPilot's byte stream through our own
//! framer and adapter, or the values that iNav is polled for; and beside them the camera.

use companion::autopilot::AutopilotKind;
use companion::autopilot::ardupilot::ArduPilotAdapter;
use companion::autopilot::mavlink::{Framer, Received};
use companion::config::Configuration;
use companion::navigator::{
    AirData, Airframe, Attitude, Barometer as Pressure, FlightState, Input, MonotonicNs,
};
use nalgebra::Vector3;

use crate::autopilot_stream::{AutopilotStream, FLIGHT_BEGINS_UNIX_US, HeadUp};
use crate::sensors::{AttitudeReading, GpsReading, ImuReading, PressureReading};
use crate::world::SEA_LEVEL_DENSITY_KGPM3;

/// The companion's clock shows this when the flight begins.
pub const CLOCK_OFFSET_NS: u64 = 1_007_000_000;

/// One thing heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A frame of the autopilot.
    Frame(Vec<u8>),
    /// A value, without a wire.
    Value(Input),
}

/// The time on the companion's clock at `time_ns` of the flight.
#[must_use]
pub fn companion_time(time_ns: u64) -> MonotonicNs {
    MonotonicNs(time_ns + CLOCK_OFFSET_NS)
}

/// The autopilot's voice.
#[derive(Debug)]
pub enum Voice {
    /// ArduPilot streams MAVLink.
    ArduPilot(Box<AutopilotStream>),
    /// iNav is polled; it has no inertial data worth the name and its receiver is ours.
    INav(Vec<(u64, Input)>),
}

impl Voice {
    /// The voice of an autopilot in the flight of `seed`.
    #[must_use]
    pub fn new(kind: AutopilotKind, seed: u64) -> Self {
        match kind {
            AutopilotKind::ArduPilot => Self::ArduPilot(Box::new(AutopilotStream::new(seed))),
            AutopilotKind::INav => Self::INav(Vec::new()),
        }
    }

    /// Once a second: armed or not.
    pub fn state(&mut self, time_ns: u64, armed: bool, time_known: bool) {
        match self {
            Self::ArduPilot(stream) => stream.heartbeat(time_ns, armed, time_known),
            Self::INav(values) => {
                let time = companion_time(time_ns);
                let airframe = Airframe::FixedWing;
                values.push((
                    time.0,
                    Input::FlightState(FlightState {
                        time,
                        armed,
                        airframe,
                    }),
                ));
            }
        }
    }

    /// An inertial sample.
    pub fn imu(&mut self, time_ns: u64, reading: &ImuReading) {
        match self {
            Self::ArduPilot(stream) => stream.imu(time_ns, reading),
            Self::INav(_) => {}
        }
    }

    /// The autopilot's attitude.
    pub fn attitude(&mut self, time_ns: u64, reading: &AttitudeReading, rate: &Vector3<f64>) {
        match self {
            Self::ArduPilot(stream) => stream.attitude(time_ns, reading, rate),
            Self::INav(values) => {
                let time = companion_time(time_ns);
                // Over MSP roll and pitch come in tenths of a degree, yaw in whole ones.
                let rounded = |radians: f64, per_degree: f64| {
                    ((radians.to_degrees() * per_degree).round() / per_degree).to_radians()
                };
                values.push((
                    time.0,
                    Input::Attitude(Attitude {
                        time,
                        roll_rad: rounded(reading.roll_rad, 10.0),
                        pitch_rad: rounded(reading.pitch_rad, 10.0),
                        yaw_rad: rounded(reading.yaw_rad, 1.0),
                        angular_rate_frd_radps: (*rate).into(),
                    }),
                ));
            }
        }
    }

    /// Static and, where the sensor lives, differential pressure.
    pub fn air(
        &mut self,
        time_ns: u64,
        pressure: &PressureReading,
        differential_pa: Option<f64>,
        head_up: &HeadUp,
    ) {
        match self {
            // A dead sensor reads nothing, and ArduPilot goes on sending that.
            Self::ArduPilot(stream) => {
                stream.air(time_ns, pressure, differential_pa.unwrap_or(0.0), head_up);
            }
            Self::INav(values) => {
                let time = companion_time(time_ns);
                let static_pressure = Pressure {
                    time,
                    static_pressure_pa: pressure.static_pressure_pa,
                    temperature_k: pressure.temperature_k,
                };
                values.push((time.0, Input::Barometer(static_pressure)));
                let air = differential_pa.map(|differential_pa| AirData {
                    time,
                    indicated_airspeed_mps: libm::sqrt(
                        2.0 * differential_pa.max(0.0) / SEA_LEVEL_DENSITY_KGPM3,
                    ),
                });
                values.extend(air.map(|air| (time.0, Input::AirData(air))));
            }
        }
    }

    /// The autopilot's own receiver; iNav has none beside ours.
    pub fn gps(&mut self, time_ns: u64, receiver_ns: u64, reading: &GpsReading) {
        match self {
            Self::ArduPilot(stream) => stream.gps(time_ns, receiver_ns, reading),
            Self::INav(_) => {}
        }
    }

    /// A status text; iNav has none.
    pub fn text(&mut self, time_ns: u64, text: &str) {
        match self {
            Self::ArduPilot(stream) => stream.text(time_ns, text),
            Self::INav(_) => {}
        }
    }

    /// What was said since the last call, by the time of arrival on the companion's clock.
    pub fn take(&mut self) -> Vec<(u64, Heard)> {
        match self {
            Self::ArduPilot(stream) => stream
                .take()
                .into_iter()
                .map(|frame| {
                    let since_us = frame.stamp_us.saturating_sub(FLIGHT_BEGINS_UNIX_US);
                    (
                        companion_time(since_us * 1_000).0,
                        Heard::Frame(frame.bytes),
                    )
                })
                .collect(),
            Self::INav(values) => core::mem::take(values)
                .into_iter()
                .map(|(time_ns, input)| (time_ns, Heard::Value(input)))
                .collect(),
        }
    }
}

/// Our end of the link.
#[derive(Debug)]
pub struct Ear {
    framer: Framer,
    adapter: ArduPilotAdapter,
}

impl Ear {
    /// The ear of a companion with these settings.
    #[must_use]
    pub fn new(configuration: &Configuration) -> Self {
        Self {
            framer: Framer::default(),
            adapter: ArduPilotAdapter::new(&configuration.autopilot),
        }
    }

    /// The inputs in a frame that arrived at `time`.
    pub fn hear(&mut self, bytes: &[u8], time: MonotonicNs) -> Vec<Input> {
        let mut inputs = Vec::new();
        let mut left = bytes;
        while !left.is_empty() {
            let taken = self.framer.push(left);
            left = &left[taken..];
            while let Some(received) = self.framer.receive() {
                let Received::Frame(frame) = received else {
                    continue;
                };
                if let Ok(message) = frame.message() {
                    inputs.extend(self.adapter.handle(frame.sender(), &message, time));
                }
            }
        }
        inputs
    }
}
