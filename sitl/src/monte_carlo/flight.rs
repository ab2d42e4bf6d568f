//! One planned flight through the navigator, without wire formats and without a recording.

use std::collections::BTreeMap;

use companion::navigator::{
    AirData, Airframe, Attitude, Barometer as Pressure, FcGps, FlightState, FrameExposed, GpsFix,
    GpsIntegrity, GpsIntegrityState, ImuSample, Input, MonotonicNs, Navigator, NavigatorConfig,
    Output, Outputs, Tick,
};
use nalgebra::{UnitQuaternion, Vector3};

use super::innovations::Innovations;
use super::plan::{Denial, FlightPlan};
use super::sample::Sample;
use super::signal::Signals;
use super::vehicle::{STEP_NS, Vehicle};
use crate::sensors::camera::{Camera, Exposure, Eyes, FRAME_PERIOD_S, Hindrance};
use crate::sensors::{
    AirspeedSensor, AttitudeEstimate, AttitudeReading, Barometer, GpsReading, GpsReceiver, Imu,
    ImuReading,
};
use crate::truth::{Moment, Track};
use crate::world::SEA_LEVEL_DENSITY_KGPM3;

const ATTITUDE_STEPS: u64 = 2;
const AIR_STEPS: u64 = 5;
const GPS_STEPS: u64 = 10;
const FRAME_STEPS: u64 = 16;
const SECOND_STEPS: u64 = 50;
/// The companion's clock against the flight's: ticks fall between the samples.
const CLOCK_OFFSET_NS: u64 = 1_007_000_000;
/// One position a second is judged: neighbours tell the same.
const JUDGED_EVERY_NS: u64 = 1_000_000_000;
/// Lower than this the camera sees grass.
const CAMERA_MIN_AGL_M: f64 = 20.0;

/// What one flight shows.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// Emitted positions against the truth, one a second.
    pub samples: Vec<Sample>,
    /// Innovations by sensor.
    pub innovations: BTreeMap<&'static str, Innovations>,
}

/// Flies `plan` and judges what the navigator of `config` says of it.
#[must_use]
pub fn fly(plan: &FlightPlan, config: &NavigatorConfig) -> Judged {
    let mut flight = Flight::new(plan, config);
    for step in 0..=plan.duration_ns / STEP_NS {
        flight.step(step);
    }
    flight.judged
}

/// Flies `plan` with these eyes instead of those that it names.
#[must_use]
pub fn fly_with<'a>(
    plan: &'a FlightPlan,
    config: &NavigatorConfig,
    eyes: impl Eyes + 'a,
) -> Judged {
    let mut flight: Flight<'a> = Flight::new(plan, config);
    flight.camera = Some(Box::new(eyes));
    for step in 0..=plan.duration_ns / STEP_NS {
        flight.step(step);
    }
    flight.judged
}

/// `config` as an engineer sets it for the aircraft of `plan`: with a camera where it has one.
#[must_use]
pub fn configured(plan: &FlightPlan, config: &NavigatorConfig) -> NavigatorConfig {
    let mut config = config.clone();
    config.sight.enabled |= plan.vision.is_some();
    config.sight.frame_period_s = FRAME_PERIOD_S;
    config
}

/// Everything that the navigator was told in a flight, ticks included, and what really happened.
#[derive(Debug, Default)]
pub struct Heard {
    /// Inputs in the order in which they were consumed.
    pub inputs: Vec<Input>,
    /// The motion, at the times of [`Heard::flight_time_ns`].
    pub truth: Track,
}

impl Heard {
    /// The time of the flight at which the companion's clock shows `time`.
    #[must_use]
    pub fn flight_time_ns(time: MonotonicNs) -> u64 {
        time.0.saturating_sub(CLOCK_OFFSET_NS)
    }
}

/// Flies `plan` and keeps what the navigator of `config` was told.
#[must_use]
pub fn listen(plan: &FlightPlan, config: &NavigatorConfig) -> Heard {
    let mut flight = Flight::new(plan, config);
    flight.heard = Some(Heard::default());
    for step in 0..=plan.duration_ns / STEP_NS {
        flight.step(step);
    }
    flight.heard.unwrap_or_default()
}

/// A flight under way.
#[derive(Debug)]
struct Flight<'a> {
    plan: &'a FlightPlan,
    vehicle: Vehicle,
    before: Moment,
    sensors: Sensors,
    signals: Signals,
    camera: Option<Box<dyn Eyes + 'a>>,
    attitude: AttitudeReading,
    imu: Option<ImuReading>,
    /// Results of vision under way, by the time of arrival, latest first.
    pending: Vec<Input>,
    navigator: Navigator,
    outputs: Outputs,
    judged: Judged,
    heard: Option<Heard>,
}

#[derive(Debug)]
struct Sensors {
    imu: Imu,
    attitude: AttitudeEstimate,
    airspeed: AirspeedSensor,
    barometer: Barometer,
    gps: GpsReceiver,
}

impl<'a> Flight<'a> {
    fn new(plan: &'a FlightPlan, config: &NavigatorConfig) -> Self {
        let (seed, grades) = (plan.seed, &plan.grades);
        let vehicle = Vehicle::new(plan);
        let before = vehicle.moment();
        Self {
            plan,
            before,
            sensors: Sensors {
                imu: Imu::new(seed, grades.imu),
                attitude: AttitudeEstimate::new(seed, grades.attitude),
                airspeed: AirspeedSensor::new(seed, grades.airspeed),
                barometer: Barometer::new(seed, grades.barometer),
                gps: GpsReceiver::new(seed, grades.gps),
            },
            signals: Signals::new(&plan.gps),
            camera: plan.vision.as_ref().map(|vision| -> Box<dyn Eyes> {
                Box::new(Camera::new(seed, vision.sight, before.place))
            }),
            vehicle,
            attitude: AttitudeReading {
                roll_rad: 0.0,
                pitch_rad: 0.0,
                yaw_rad: 0.0,
            },
            imu: None,
            pending: Vec::new(),
            navigator: Navigator::new(&configured(plan, config)),
            outputs: Outputs::default(),
            judged: Judged::default(),
            heard: None,
        }
    }

    fn step(&mut self, step: u64) {
        let moment = self.vehicle.moment();
        let now = companion_time(moment.time_ns);
        self.catch_up(now, &moment);
        let due = |period: u64| step.is_multiple_of(period);
        if let Some(reading) = self.imu {
            self.tell(&imu_input(now, &reading), &moment);
        }
        if due(SECOND_STEPS) {
            self.state(now, &moment);
        }
        if due(ATTITUDE_STEPS) {
            self.attitude(now, &moment);
        }
        if due(AIR_STEPS) {
            self.air(now, &moment);
        }
        if due(GPS_STEPS) {
            self.gps(now, &moment);
        }
        if due(FRAME_STEPS) {
            self.frame(step / FRAME_STEPS, now, &moment);
        }
        if let Some(heard) = &mut self.heard {
            heard.truth.push(moment);
        }
        self.before = moment;
        let (force, rate) = self.vehicle.advance();
        self.sensors.imu.feel(&force, &rate);
        self.imu = Some(self.sensors.imu.read(STEP_NS as f64 * 1e-9).1);
    }

    /// Ticks and results of vision that are due by `now`, in order of time.
    fn catch_up(&mut self, now: MonotonicNs, moment: &Moment) {
        loop {
            let deadline = self.navigator.next_deadline().filter(|due| *due <= now);
            let arrived = self
                .pending
                .last()
                .map(Input::time)
                .filter(|time| *time <= now);
            match (deadline, arrived) {
                (Some(deadline), arrived) if arrived.is_none_or(|time| deadline < time) => {
                    self.tell(&Input::Tick(Tick { time: deadline }), moment);
                }
                (_, Some(_)) => {
                    if let Some(input) = self.pending.pop() {
                        self.tell(&input, moment);
                    }
                }
                _ => return,
            }
        }
    }

    /// One input to the navigator; what it says is judged. `moment` is the motion now or, for a tick,
    /// at the end of the step that holds it.
    fn tell(&mut self, input: &Input, moment: &Moment) {
        self.navigator.handle(input, &mut self.outputs);
        if let Some(heard) = &mut self.heard {
            heard.inputs.push(*input);
        }
        if let Some(sensor) = sensor(input) {
            let innovations = self.judged.innovations.entry(sensor).or_default();
            self.navigator
                .take_innovations(&mut |normalised| innovations.add(normalised));
        }
        for output in self.outputs.iter() {
            let Output::Position(position) = output else {
                continue;
            };
            if let Some(eyes) = &mut self.camera {
                eyes.hear(position);
            }
            if !position.time.0.is_multiple_of(JUDGED_EVERY_NS) {
                continue;
            }
            let time_ns = position.time.0 - CLOCK_OFFSET_NS;
            let truth = between(&self.before, moment, time_ns);
            let genuine = self.signals.genuine(time_ns);
            self.judged
                .samples
                .extend(Sample::of(position, &truth, genuine));
        }
    }

    fn state(&mut self, now: MonotonicNs, moment: &Moment) {
        let state = FlightState {
            time: now,
            armed: self.vehicle.armed(),
            airframe: Airframe::FixedWing,
        };
        self.tell(&Input::FlightState(state), moment);
        let noticed = self.plan.gps.noticed && !self.signals.genuine(moment.time_ns);
        let state = match self.plan.gps.denial {
            _ if !noticed => GpsIntegrityState::Clean,
            Denial::Never | Denial::Jam | Denial::JamAndReturn => GpsIntegrityState::Jammed,
            Denial::Step | Denial::DragAway | Denial::Meaconing => GpsIntegrityState::Spoofed,
        };
        let report = GpsIntegrity {
            time: now,
            instance: 0,
            state,
        };
        self.tell(&Input::GpsIntegrity(report), moment);
    }

    fn attitude(&mut self, now: MonotonicNs, moment: &Moment) {
        let dt_s = (ATTITUDE_STEPS * STEP_NS) as f64 * 1e-9;
        let reading = self
            .sensors
            .attitude
            .read(&self.vehicle.aircraft.attitude, dt_s);
        self.attitude = reading;
        let rate = self
            .imu
            .map_or_else(Vector3::zeros, |imu| imu.angular_rate_frd_radps);
        let input = Attitude {
            time: now,
            roll_rad: reading.roll_rad,
            pitch_rad: reading.pitch_rad,
            yaw_rad: reading.yaw_rad,
            angular_rate_frd_radps: rate.into(),
        };
        self.tell(&Input::Attitude(input), moment);
    }

    fn air(&mut self, now: MonotonicNs, moment: &Moment) {
        let dt_s = (AIR_STEPS * STEP_NS) as f64 * 1e-9;
        let aircraft = &self.vehicle.aircraft;
        let alt_msl_m = aircraft.place.alt_msl_m;
        let pressure = self
            .sensors
            .barometer
            .read(dt_s, alt_msl_m, aircraft.true_airspeed_mps());
        let differential_pa = self
            .sensors
            .airspeed
            .read(alt_msl_m, aircraft.air_velocity_frd_mps().x);
        let pressure = Pressure {
            time: now,
            static_pressure_pa: pressure.static_pressure_pa,
            temperature_k: pressure.temperature_k,
        };
        self.tell(&Input::Barometer(pressure), moment);
        let air = AirData {
            time: now,
            indicated_airspeed_mps: libm::sqrt(
                2.0 * differential_pa.max(0.0) / SEA_LEVEL_DENSITY_KGPM3,
            ),
        };
        self.tell(&Input::AirData(air), moment);
    }

    fn gps(&mut self, now: MonotonicNs, moment: &Moment) {
        self.sensors.gps.observe(*moment);
        let signal = self.signals.at(*moment);
        let dt_s = (GPS_STEPS * STEP_NS) as f64 * 1e-9;
        let times = self.plan.grades.gps.error_factor();
        let input = match self.sensors.gps.read(dt_s, signal) {
            GpsReading::Fix {
                place,
                velocity_ned_mps,
            } => FcGps {
                time: now,
                instance: 0,
                fix: GpsFix::ThreeD,
                lat_rad: place.lat_rad,
                lon_rad: place.lon_rad,
                alt_msl_m: place.alt_msl_m,
                velocity_ne_mps: Some([velocity_ned_mps.x, velocity_ned_mps.y]),
                horiz_accuracy_m: Some(GpsReceiver::HORIZONTAL_ACCURACY_M * times),
                vert_accuracy_m: Some(GpsReceiver::VERTICAL_ACCURACY_M * times),
                speed_accuracy_mps: Some(GpsReceiver::SPEED_ACCURACY_MPS * times),
                satellites: Some(14),
            },
            GpsReading::NoFix { last } => FcGps {
                time: now,
                instance: 0,
                fix: GpsFix::None,
                lat_rad: last.map_or(0.0, |place| place.lat_rad),
                lon_rad: last.map_or(0.0, |place| place.lon_rad),
                alt_msl_m: last.map_or(0.0, |place| place.alt_msl_m),
                velocity_ne_mps: None,
                horiz_accuracy_m: None,
                vert_accuracy_m: None,
                speed_accuracy_mps: None,
                satellites: Some(0),
            },
        };
        self.tell(&Input::FcGps(input), moment);
    }

    fn frame(&mut self, frame: u64, now: MonotonicNs, moment: &Moment) {
        let agl_m = self.vehicle.aircraft.height_m();
        let (Some(camera), Some(vision)) = (&mut self.camera, &self.plan.vision) else {
            return;
        };
        let hindrance = if agl_m < CAMERA_MIN_AGL_M {
            Hindrance::NoSight
        } else {
            vision.hindrance(moment.time_ns)
        };
        let reported = &self.attitude;
        let exposure = Exposure {
            frame,
            time: now,
            place: moment.place,
            agl_m,
            attitude: self.vehicle.aircraft.attitude,
            reported: UnitQuaternion::from_euler_angles(
                reported.roll_rad,
                reported.pitch_rad,
                reported.yaw_rad,
            ),
        };
        let (odometry, anchor) = camera.take(exposure, hindrance);
        self.pending.push(Input::VisualOdometry(odometry));
        self.pending.extend(anchor.map(Input::SatelliteAnchor));
        self.pending
            .sort_by_key(|input| core::cmp::Reverse(input.time()));
        let exposed = FrameExposed {
            time: now,
            frame,
            exposure: now,
        };
        self.tell(&Input::FrameExposed(exposed), moment);
    }
}

// The frame period of the camera's error model is that of the harness.
const _: () = assert!(FRAME_STEPS * STEP_NS == (FRAME_PERIOD_S * 1e9) as u64);

/// Name of what an input measures, where it is something to fuse. Inertial samples only carry.
fn sensor(input: &Input) -> Option<&'static str> {
    match input {
        Input::Attitude(_) => Some("attitude"),
        Input::AirData(_) => Some("airflow"),
        Input::Barometer(_) => Some("pressure"),
        Input::FcGps(_) => Some("gps"),
        Input::VisualOdometry(_) => Some("odometry"),
        Input::SatelliteAnchor(_) => Some("anchor"),
        _ => None,
    }
}

fn companion_time(time_ns: u64) -> MonotonicNs {
    MonotonicNs(time_ns + CLOCK_OFFSET_NS)
}

fn imu_input(time: MonotonicNs, reading: &ImuReading) -> Input {
    Input::Imu(ImuSample {
        time,
        specific_force_frd_mps2: reading.specific_force_frd_mps2.into(),
        angular_rate_frd_radps: reading.angular_rate_frd_radps.into(),
    })
}

/// The motion at `time_ns`, on the straight line between two moments.
fn between(from: &Moment, to: &Moment, time_ns: u64) -> Moment {
    let length_ns = to.time_ns.saturating_sub(from.time_ns);
    if length_ns == 0 {
        return *to;
    }
    let share = (time_ns as f64 - from.time_ns as f64) / length_ns as f64;
    Moment {
        time_ns,
        place: from.place.moved(&(from.place.ned_to(&to.place) * share)),
        velocity_ned_mps: from.velocity_ned_mps.lerp(&to.velocity_ned_mps, share),
        wind_ned_mps: from.wind_ned_mps.lerp(&to.wind_ned_mps, share),
    }
}
