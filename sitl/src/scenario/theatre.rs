//! One scenario in flight, in process: the aircraft flies on the position that the companion gives it.
//!
//! ```text
//! aircraft -> sensors -> autopilot's voice -> framer, adapter -> pipeline -> position
//!    ^                                 camera ->                    |
//!    +--- guidance <- pilot (the autopilot's filter) <--------------+
//! ```
//!
//! No clock is read: the same script gives the same recording, byte for byte.

use std::convert::Infallible;

use companion::navigator::{
    FrameExposed, Input, OperatorHint, Output, RestartState, SystemHealth, TakeoffOrigin,
};
use companion::pipeline::{Pipeline, Product};
use mavlink::dialects::ardupilotmega::GPS_INPUT_DATA;
use nalgebra::{UnitQuaternion, Vector3};

use super::event::{GpsTrouble, GpsWarning, MachineTrouble, SensorTrouble, Sight, TimeLine, What};
use super::forger::Forger;
use super::pilot::Pilot;
use super::recording::{Recording, RecordingError};
use super::script::Script;
use super::senses::{CLOCK_OFFSET_NS, Ear, Heard, Voice, companion_time};
use super::witness::Witness;
use crate::autopilot_stream::HeadUp;
use crate::belief::Belief;
use crate::monte_carlo::plan::{Denial, FlightPlan, GpsPlan, Grades};
use crate::monte_carlo::vehicle::{STEP_NS, Vehicle};
use crate::sensors::camera::{
    Camera, Exposure, Eyes as _, FRAME_PERIOD_S, Hindrance, Sight as Eyesight,
};
use crate::sensors::{
    AirspeedSensor, AttitudeEstimate, AttitudeReading, Barometer, GpsReading, GpsReceiver, Grade,
    Imu, ImuReading,
};
use crate::truth::Moment;
use crate::wind::{MeanWind, WindDrift};
use crate::world::Place;

const ATTITUDE_STEPS: u64 = 1;
const AIR_STEPS: u64 = 5;
const GPS_STEPS: u64 = 10;
const FRAME_STEPS: u64 = 16;
const SECOND_STEPS: u64 = 50;
/// Lower than this the camera sees grass.
const CAMERA_MIN_AGL_M: f64 = 20.0;
/// The process needs this long to be there again after it was killed.
const RESTART_NS: u64 = 2_000_000_000;
/// Heat of a machine in the shade.
const COOL_C: f64 = 55.0;
/// The ground station.
const GROUND_SYSTEM: u8 = 255;
const GROUND_COMPONENT: u8 = 190;
/// Horizontal and vertical accuracy of a signed take-off origin, 1 sigma.
const ORIGIN_ACCURACY_M: [f64; 2] = [5.0, 10.0];
/// Where every scenario is flown.
const RUNWAY: [f64; 3] = [50.45, 30.5, 150.0];

// The frame period of the camera's error model is that of the steps.
const _: () = assert!(FRAME_STEPS * STEP_NS == (FRAME_PERIOD_S * 1e9) as u64);

/// How the camera of a scenario does: as the measured matchers do.
const EYES: Eyesight = Eyesight {
    grade: Grade::Standard,
    match_rate: 0.85,
    wrong_peaks: 0.002,
    wrong_registrations: 0.002,
    anchor_delay_s: 0.25,
    misjudged: 1.0,
};

/// Flies `script`, whose forgeries are stretched by `forgery`, and returns what was seen. `recording`
/// takes everything that was heard and said.
///
/// # Errors
/// When it could not be recorded.
pub fn fly(
    script: &Script,
    forgery: f64,
    recording: Option<&mut Recording>,
    progress: &mut dyn FnMut(f64),
) -> Result<Witness, RecordingError> {
    let mut theatre = Theatre::new(script, forgery, recording);
    let steps = script.duration_ns() / STEP_NS;
    for step in 0..=steps {
        theatre.step(step)?;
        if step.is_multiple_of(SECOND_STEPS) {
            progress(step as f64 / steps.max(1) as f64);
        }
    }
    theatre.witness.close();
    Ok(theatre.witness)
}

struct Sensors {
    imu: Imu,
    attitude: AttitudeEstimate,
    airspeed: AirspeedSensor,
    barometer: Barometer,
    gps: GpsReceiver,
}

struct Theatre<'a> {
    script: &'a Script,
    time_line: TimeLine,
    forger: Forger,
    vehicle: Vehicle,
    pilot: Pilot,
    sensors: Sensors,
    camera: Option<Camera>,
    belief: Belief,
    imu: Option<ImuReading>,
    reported: AttitudeReading,
    voice: Voice,
    /// What is under way to the companion, by the time of arrival.
    under_way: Vec<(u64, Heard)>,
    companion: Companion<'a>,
    witness: Witness,
}

/// The program under test.
struct Companion<'a> {
    ear: Ear,
    pipeline: Pipeline,
    /// The process is not there until then, on its own clock.
    dead_until_ns: Option<u64>,
    last_position: Option<companion::navigator::EmittedExternalPosition>,
    recording: Option<&'a mut Recording>,
}

impl<'a> Theatre<'a> {
    fn new(script: &'a Script, forgery: f64, recording: Option<&'a mut Recording>) -> Self {
        let seed = script.seed;
        let vehicle = Vehicle::new(&plan(script));
        let runway = vehicle.moment().place;
        Self {
            script,
            time_line: TimeLine::new(&script.happenings),
            forger: Forger::new(&script.happenings, forgery),
            vehicle,
            pilot: Pilot::new(script.autopilot(), seed),
            sensors: Sensors {
                imu: Imu::new(seed, Grade::Standard),
                attitude: AttitudeEstimate::new(seed, Grade::Standard),
                airspeed: AirspeedSensor::new(seed, Grade::Standard),
                barometer: Barometer::new(seed, Grade::Standard),
                gps: GpsReceiver::new(seed, Grade::Standard),
            },
            camera: script.camera.then(|| Camera::new(seed, EYES, runway)),
            belief: Belief::default(),
            imu: None,
            reported: AttitudeReading {
                roll_rad: 0.0,
                pitch_rad: 0.0,
                yaw_rad: 0.0,
            },
            voice: Voice::new(script.autopilot(), seed),
            under_way: Vec::new(),
            companion: Companion {
                ear: Ear::new(&script.configuration),
                pipeline: Pipeline::new(&script.configuration),
                dead_until_ns: None,
                last_position: None,
                recording,
            },
            witness: Witness::new(CLOCK_OFFSET_NS),
        }
    }

    fn step(&mut self, step: u64) -> Result<(), RecordingError> {
        let moment = self.vehicle.moment();
        let time_ns = moment.time_ns;
        let due = |period: u64| step.is_multiple_of(period);
        self.witness.motion(moment);
        if step == 1 && self.script.origin {
            self.origin(&moment);
        }
        if due(SECOND_STEPS) {
            let off_route = self.vehicle.off_route_m();
            self.witness
                .off_route_m
                .extend(off_route.map(|metres| (time_ns, metres)));
            self.voice.state(time_ns, self.vehicle.armed(), step > 0);
            self.health(time_ns);
        }
        if let Some(reading) = self.imu
            && !self.is_dead(SensorTrouble::Imu, time_ns)
        {
            self.voice.imu(time_ns, &reading);
        }
        if due(ATTITUDE_STEPS) {
            self.attitude(time_ns);
        }
        if due(AIR_STEPS) {
            self.air(time_ns);
        }
        if due(GPS_STEPS) {
            self.gps(&moment);
        }
        if due(FRAME_STEPS) {
            self.frame(step / FRAME_STEPS, &moment);
        }
        self.once(&moment);
        self.listen(time_ns)?;
        let believed = self.pilot.advance(STEP_NS as f64 * 1e-9, &moment);
        let (force, rate) = self.vehicle.advance_believing(&believed);
        self.sensors.imu.feel(&force, &rate);
        self.imu = Some(self.sensors.imu.read(STEP_NS as f64 * 1e-9).1);
        Ok(())
    }

    fn is_dead(&self, sensor: SensorTrouble, time_ns: u64) -> bool {
        self.time_line
            .at(time_ns)
            .any(|one| one.what == What::Sensor(sensor))
    }

    fn attitude(&mut self, time_ns: u64) {
        let dt_s = (ATTITUDE_STEPS * STEP_NS) as f64 * 1e-9;
        self.reported = self
            .sensors
            .attitude
            .read(&self.vehicle.aircraft.attitude, dt_s);
        if self.is_dead(SensorTrouble::Attitude, time_ns) {
            return;
        }
        let rate = self
            .imu
            .map_or_else(Vector3::zeros, |imu| imu.angular_rate_frd_radps);
        self.voice.attitude(time_ns, &self.reported, &rate);
    }

    fn air(&mut self, time_ns: u64) {
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
        self.belief.hear_pressure(dt_s, pressure.static_pressure_pa);
        let (_, _, heading_rad) = aircraft.attitude.euler_angles();
        let head_up = HeadUp {
            ground_speed_mps: self.belief.ground_speed_mps(),
            alt_msl_m: self.belief.alt_msl_m(),
            climb_mps: self.belief.climb_mps(),
            heading_rad,
            throttle: 0.5,
        };
        let alive = !self.is_dead(SensorTrouble::Airspeed, time_ns);
        self.voice.air(
            time_ns,
            &pressure,
            alive.then_some(differential_pa),
            &head_up,
        );
    }

    fn gps(&mut self, moment: &Moment) {
        let time_ns = moment.time_ns;
        self.sensors.gps.observe(*moment);
        let trouble = self.time_line.at(time_ns).find_map(|one| match one.what {
            What::Gps(trouble) => Some(trouble),
            _ => None,
        });
        let signal = self.forger.signal(*moment);
        let reading = self
            .sensors
            .gps
            .read((GPS_STEPS * STEP_NS) as f64 * 1e-9, signal);
        self.belief.hear_gps(&reading);
        let fix = match reading {
            GpsReading::Fix {
                place,
                velocity_ned_mps,
            } => Some((place, velocity_ned_mps)),
            GpsReading::NoFix { .. } => None,
        };
        self.pilot.hear_own(time_ns, fix);
        let jump_s = match trouble {
            Some(GpsTrouble::TimeJump { by_s }) => by_s,
            _ => 0.0,
        };
        let receiver_ns = time_ns.saturating_add_signed((jump_s * 1e9) as i64);
        self.voice.gps(time_ns, receiver_ns, &reading);
    }

    fn frame(&mut self, frame: u64, moment: &Moment) {
        let Some(camera) = &mut self.camera else {
            return;
        };
        let time_ns = moment.time_ns;
        let sight = self.time_line.at(time_ns).find_map(|one| match one.what {
            What::Sight(sight) => Some(sight),
            _ => None,
        });
        let agl_m = self.vehicle.aircraft.height_m();
        let hindrance = match sight {
            Some(Sight::NoFrames) => return,
            _ if agl_m < CAMERA_MIN_AGL_M => Hindrance::NoSight,
            Some(sight) => sight.hindrance().unwrap_or(Hindrance::NoSight),
            None => Hindrance::None,
        };
        let now = companion_time(time_ns);
        let reported = &self.reported;
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
        let shift = self.time_line.at(time_ns).find_map(|one| match one.what {
            What::Map(trouble) => Some(trouble.shift_ned_m()),
            _ => None,
        });
        let anchor = anchor.map(|anchor| {
            let place = Place {
                lat_rad: anchor.lat_rad,
                lon_rad: anchor.lon_rad,
                alt_msl_m: 0.0,
            };
            let place = place.moved(&shift.unwrap_or_default());
            companion::navigator::SatelliteAnchor {
                lat_rad: place.lat_rad,
                lon_rad: place.lon_rad,
                ..anchor
            }
        });
        let exposed = FrameExposed {
            time: now,
            frame,
            exposure: now,
        };
        self.tell(Input::FrameExposed(exposed));
        self.tell(Input::VisualOdometry(odometry));
        if let Some(anchor) = anchor {
            self.tell(Input::SatelliteAnchor(anchor));
        }
    }

    /// A value that reaches the companion without a wire, at the time it carries.
    fn tell(&mut self, input: Input) {
        self.under_way.push((input.time().0, Heard::Value(input)));
    }

    /// The signed take-off origin: the runway, as it was surveyed.
    fn origin(&mut self, moment: &Moment) {
        self.tell(Input::TakeoffOrigin(TakeoffOrigin {
            time: companion_time(moment.time_ns),
            lat_rad: moment.place.lat_rad,
            lon_rad: moment.place.lon_rad,
            alt_msl_m: moment.place.alt_msl_m,
            horiz_accuracy_m: ORIGIN_ACCURACY_M[0],
            vert_accuracy_m: ORIGIN_ACCURACY_M[1],
        }));
    }

    fn health(&mut self, time_ns: u64) {
        let machine = self.time_line.at(time_ns).find_map(|one| match one.what {
            What::Machine(trouble) => Some(trouble),
            _ => None,
        });
        let temperature_c = match machine {
            Some(MachineTrouble::Hot { celsius }) => celsius,
            _ => COOL_C,
        };
        self.tell(Input::SystemHealth(SystemHealth {
            time: companion_time(time_ns),
            cpu_percent: 30.0,
            gpu_percent: None,
            temperature_c: Some(temperature_c),
            throttled: machine == Some(MachineTrouble::Throttled),
            ram_used_bytes: 1 << 30,
            ram_total_bytes: 8 << 30,
            vram_used_bytes: None,
            vram_total_bytes: None,
            nvm_free_bytes: 200_000_000_000,
            nvm_total_bytes: 256_000_000_000,
        }));
    }

    /// Events that happen once, when their time begins.
    fn once(&mut self, moment: &Moment) {
        let beginning: Vec<What> = self
            .time_line
            .begins(moment.time_ns, STEP_NS)
            .map(|one| one.what)
            .collect();
        for what in beginning {
            match what {
                What::GpsWarns(warning) => {
                    let text = match warning {
                        GpsWarning::Spoofing => "GPS 1: spoofing detected",
                        GpsWarning::Jamming => "GPS 1: jamming detected",
                    };
                    self.voice.text(moment.time_ns, text);
                }
                What::Hint(hint) => {
                    let place = moment
                        .place
                        .moved(&Vector3::new(hint.north_m, hint.east_m, 0.0));
                    self.tell(Input::OperatorHint(OperatorHint {
                        time: companion_time(moment.time_ns),
                        link: 1,
                        sender_system: GROUND_SYSTEM,
                        sender_component: GROUND_COMPONENT,
                        lat_rad: place.lat_rad,
                        lon_rad: place.lon_rad,
                        horiz_accuracy_m: hint.accuracy_m,
                        age_s: None,
                    }));
                }
                What::Machine(MachineTrouble::Killed) => {
                    self.companion.kill(companion_time(moment.time_ns).0);
                }
                What::Gps(_)
                | What::Sight(_)
                | What::Map(_)
                | What::Link(_)
                | What::Sensor(_)
                | What::Machine(_) => {}
            }
        }
    }

    /// Everything that has arrived at the companion by the end of this step.
    fn listen(&mut self, time_ns: u64) -> Result<(), RecordingError> {
        let cut = self
            .time_line
            .at(time_ns)
            .any(|one| matches!(one.what, What::Link(_)));
        let said = self.voice.take();
        if !cut {
            self.under_way.extend(said);
        }
        self.under_way.sort_by_key(|(time_ns, _)| *time_ns);
        let end_ns = companion_time(time_ns + STEP_NS).0;
        let arrived = self
            .under_way
            .partition_point(|(time_ns, _)| *time_ns < end_ns);
        let arrived: Vec<_> = self.under_way.drain(..arrived).collect();
        let mut said = Vec::new();
        for (arrival_ns, heard) in arrived {
            self.companion
                .hear(self.script, arrival_ns, heard, &mut said)?;
        }
        for (sent_ns, output) in said {
            match output {
                Said::Output(output) => self.witness.output(&output),
                Said::Sent if cut => {}
                Said::Sent => self.sent(sent_ns),
            }
        }
        Ok(())
    }

    /// The position that was just sent reaches the autopilot, which repeats it.
    fn sent(&mut self, sent_ns: u64) {
        self.witness.sent(sent_ns);
        let Some(position) = self.companion.last_position else {
            return;
        };
        let time_ns = sent_ns.saturating_sub(CLOCK_OFFSET_NS);
        self.pilot.hear_ours(time_ns, &position);
        if let Voice::ArduPilot(stream) = &mut self.voice {
            let message: GPS_INPUT_DATA = companion::autopilot::ardupilot::gps_input(&position, 1);
            stream.echo(self.vehicle.moment().time_ns, &message);
        }
    }
}

/// What the companion did, in order.
enum Said {
    Output(Box<Output>),
    Sent,
}

impl Companion<'_> {
    fn kill(&mut self, now_ns: u64) {
        self.dead_until_ns = Some(now_ns + RESTART_NS);
    }

    fn hear(
        &mut self,
        script: &Script,
        arrival_ns: u64,
        heard: Heard,
        said: &mut Vec<(u64, Said)>,
    ) -> Result<(), RecordingError> {
        let now = companion::navigator::MonotonicNs(arrival_ns);
        if let Some(until_ns) = self.dead_until_ns {
            if arrival_ns < until_ns {
                return Ok(());
            }
            self.dead_until_ns = None;
            self.start_again(script, now, said)?;
        }
        let Self {
            ear,
            pipeline,
            last_position,
            recording,
            ..
        } = self;
        let mut sink = Sink {
            last_position,
            recording,
            said,
            now_ns: arrival_ns,
        };
        pipeline.advance_to(now, &mut |product| sink.take(&product))?;
        match heard {
            Heard::Frame(bytes) => {
                sink.raw(&bytes)?;
                for input in ear.hear(&bytes, now) {
                    pipeline.handle(&input, &mut |product| sink.take(&product))?;
                }
            }
            Heard::Value(input) => {
                pipeline.handle(&input, &mut |product| sink.take(&product))?;
            }
        }
        Ok(())
    }

    /// A new process with nothing but the last recorded position.
    fn start_again(
        &mut self,
        script: &Script,
        now: companion::navigator::MonotonicNs,
        said: &mut Vec<(u64, Said)>,
    ) -> Result<(), RecordingError> {
        self.ear = Ear::new(&script.configuration);
        self.pipeline = Pipeline::new(&script.configuration);
        // The re-run of a recording knows one pipeline: a killed flight is judged, not recorded.
        self.recording = None;
        let Some(position) = self.last_position else {
            return Ok(());
        };
        let state = RestartState {
            time: now,
            lat_rad: position.lat_rad,
            lon_rad: position.lon_rad,
            alt_msl_m: position.alt_msl_m,
            velocity_ned_mps: position.vel_ned_mps,
            horiz_accuracy_m: position.horiz_accuracy_m,
            vert_accuracy_m: position.vert_accuracy_m,
            age_s: now.seconds_since(position.time),
        };
        let Ok(()) =
            self.pipeline
                .handle::<Infallible>(&Input::RestartState(state), &mut |product| {
                    if let Product::Output(output) = product {
                        said.push((now.0, Said::Output(Box::new(*output))));
                    }
                    Ok(())
                });
        Ok(())
    }
}

/// Where the pipeline's products go.
struct Sink<'s, 'a> {
    last_position: &'s mut Option<companion::navigator::EmittedExternalPosition>,
    recording: &'s mut Option<&'a mut Recording>,
    said: &'s mut Vec<(u64, Said)>,
    now_ns: u64,
}

impl Sink<'_, '_> {
    fn raw(&mut self, bytes: &[u8]) -> Result<(), RecordingError> {
        match self.recording {
            Some(recording) => recording.raw(bytes, self.now_ns),
            None => Ok(()),
        }
    }

    fn take(&mut self, product: &Product<'_>) -> Result<(), RecordingError> {
        match product {
            Product::Output(output) => {
                if let Output::Position(position) = output {
                    *self.last_position = Some(*position);
                }
                self.said
                    .push((self.now_ns, Said::Output(Box::new(**output))));
            }
            Product::SentFcBytes { time, .. } => self.said.push((time.0, Said::Sent)),
            Product::Input(_) | Product::Checkpoint { .. } => {}
        }
        match self.recording {
            Some(recording) => recording.append(&product.record(), self.now_ns),
            None => Ok(()),
        }
    }
}

/// The way that the vehicle flies; GPS and camera are the scenario's own.
fn plan(script: &Script) -> FlightPlan {
    let [lat_deg, lon_deg, alt_msl_m] = RUNWAY;
    FlightPlan {
        seed: script.seed,
        duration_ns: script.duration_ns(),
        runway: [lat_deg.to_radians(), lon_deg.to_radians(), alt_msl_m],
        trajectory: script.flight.route,
        height_m: script.flight.height_m,
        leg_m: script.flight.leg_m,
        wind: MeanWind {
            speed_at_10_m_mps: script.flight.wind_mps,
            blows_to_rad: script.flight.wind_to_deg.to_radians(),
        },
        drift: WindDrift::default(),
        grades: Grades {
            imu: Grade::Standard,
            attitude: Grade::Standard,
            airspeed: Grade::Standard,
            barometer: Grade::Standard,
            gps: Grade::Standard,
        },
        gps: GpsPlan {
            denial: Denial::Never,
            spans: Vec::new(),
            noticed: false,
            strength: 0.0,
            direction_rad: 0.0,
        },
        vision: None,
    }
}
