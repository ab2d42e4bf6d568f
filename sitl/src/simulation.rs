//! One simulated flight: aircraft, wind, sensors and fake autopilot, stepped together.
//!
//! A flight is a function of its [`Scenario`]: the same scenario gives the same log, byte for byte,
//! on every machine.

use crate::aircraft::{Aircraft, Command, SURVEY_WING};
use crate::autopilot_stream::{AutopilotStream, HeadUp};
use crate::belief::Belief;
use crate::flight_control::FlightControl;
use crate::randomness::{Purpose, Randomness};
use crate::route::Route;
use crate::sensors::{
    AirspeedSensor, AttitudeEstimate, Barometer, GpsReceiver, Grade, Imu, ImuReading, Signal,
};
use crate::truth::{Moment, Track};
use crate::wind::{MeanWind, Wind, WindDrift};
use crate::world::Place;

/// Step of the simulation.
pub const STEP_NS: u64 = 2_500_000;
const IMU_PERIOD_NS: u64 = 10_000_000;
const ATTITUDE_PERIOD_NS: u64 = 20_000_000;
const AIR_PERIOD_NS: u64 = 100_000_000;
const GPS_PERIOD_NS: u64 = 200_000_000;
const HEARTBEAT_PERIOD_NS: u64 = 1_000_000_000;
const TRUTH_PERIOD_NS: u64 = 50_000_000;
/// The aircraft stands for this long before its motor is armed.
const ARMED_AT_NS: u64 = 15_000_000_000;

/// Everything that decides how a flight goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    /// Seed of everything that is left to chance.
    pub seed: u64,
    /// Length of the flight, from switching on.
    pub duration_ns: u64,
    /// From when on the satellite receiver is jammed; it never recovers.
    pub gps_lost_at_ns: u64,
    /// Where the runway is.
    pub runway: Place,
    /// Mean wind.
    pub wind: MeanWind,
}

impl Scenario {
    /// A flight of `minutes` whose GPS is jammed half-way, over open country, in a moderate wind
    /// whose strength and direction the seed decides.
    #[must_use]
    pub fn jammed_half_way(seed: u64, minutes: u32) -> Self {
        let mut randomness = Randomness::new(seed, Purpose::Scenario);
        let duration_ns = u64::from(minutes) * 60_000_000_000;
        Self {
            seed,
            duration_ns,
            gps_lost_at_ns: duration_ns / 2,
            runway: Place {
                lat_rad: 50.45_f64.to_radians(),
                lon_rad: 30.5_f64.to_radians(),
                alt_msl_m: 150.0,
            },
            wind: MeanWind {
                speed_at_10_m_mps: randomness.between(3.0, 6.0),
                blows_to_rad: randomness.between(0.0, core::f64::consts::TAU),
            },
        }
    }

    /// Flies it; `progress` hears the simulated time about once a simulated second.
    pub fn fly(&self, mut progress: impl FnMut(u64)) -> Flight {
        let mut simulation = Simulation::new(self);
        for step in 0..=self.duration_ns / STEP_NS {
            let time_ns = step * STEP_NS;
            simulation.report(time_ns);
            simulation.advance(time_ns);
            if time_ns.is_multiple_of(HEARTBEAT_PERIOD_NS) {
                progress(time_ns);
            }
        }
        Flight {
            log: simulation.stream.into_log(),
            truth: simulation.truth,
            ideal_imu: simulation.ideal_imu,
        }
    }
}

/// What a flight leaves behind.
#[derive(Debug, Clone)]
pub struct Flight {
    /// The autopilot's byte stream as a `.tlog`.
    pub log: Vec<u8>,
    /// What really happened, 20 times a second.
    pub truth: Track,
    /// What an inertial unit without any error would have read, 100 times a second, each value the
    /// mean over the 10 ms that end at its time.
    pub ideal_imu: Vec<(u64, ImuReading)>,
}

#[derive(Debug)]
struct Simulation {
    scenario: Scenario,
    aircraft: Aircraft,
    control: FlightControl,
    command: Command,
    wind: Wind,
    imu: Imu,
    last_imu: Option<ImuReading>,
    attitude: AttitudeEstimate,
    airspeed: AirspeedSensor,
    barometer: Barometer,
    gps: GpsReceiver,
    belief: Belief,
    stream: AutopilotStream,
    truth: Track,
    ideal_imu: Vec<(u64, ImuReading)>,
}

impl Simulation {
    fn new(scenario: &Scenario) -> Self {
        let seed = scenario.seed;
        let mut randomness = Randomness::new(seed.wrapping_add(1 << 32), Purpose::Scenario);
        let into_the_wind = scenario.wind.blows_to_rad + core::f64::consts::PI;
        let runway_rad = into_the_wind + randomness.normal(0.2);
        let route = Route::circuit(&scenario.runway, &mut randomness);
        Self {
            scenario: *scenario,
            aircraft: Aircraft::parked(SURVEY_WING, scenario.runway, runway_rad),
            control: FlightControl::new(route),
            command: Command {
                rate_frd_radps: nalgebra::Vector3::zeros(),
                throttle: 0.0,
            },
            wind: Wind::new(
                scenario.wind,
                WindDrift::default(),
                Randomness::new(seed, Purpose::Wind),
            ),
            imu: Imu::new(seed, Grade::Standard),
            last_imu: None,
            attitude: AttitudeEstimate::new(seed, Grade::Standard),
            airspeed: AirspeedSensor::new(seed, Grade::Standard),
            barometer: Barometer::new(seed, Grade::Standard),
            gps: GpsReceiver::new(seed, Grade::Standard),
            belief: Belief::default(),
            stream: AutopilotStream::new(seed),
            truth: Track::default(),
            ideal_imu: Vec::new(),
        }
    }

    fn armed(time_ns: u64) -> bool {
        time_ns >= ARMED_AT_NS
    }

    /// Moves the world from `time_ns` one step on.
    fn advance(&mut self, time_ns: u64) {
        let dt_s = STEP_NS as f64 * 1e-9;
        let wind = self.wind.advance(
            dt_s,
            self.aircraft.height_m(),
            self.aircraft.true_airspeed_mps(),
        );
        let believed = (&self.aircraft).into();
        self.command = self
            .control
            .advance(dt_s, &self.aircraft, &believed, Self::armed(time_ns));
        self.aircraft.advance(dt_s, &self.command, wind);
        self.imu.feel(
            &self.aircraft.specific_force_frd_mps2,
            &self.aircraft.rate_frd_radps,
        );
    }

    /// Reads every sensor that is due at `time_ns` and sends what it reads.
    fn report(&mut self, time_ns: u64) {
        let due = |period_ns: u64| time_ns.is_multiple_of(period_ns);
        let moment = Moment {
            time_ns,
            place: self.aircraft.place,
            velocity_ned_mps: self.aircraft.velocity_ned_mps,
            wind_ned_mps: self.aircraft.wind_ned_mps,
        };
        if due(HEARTBEAT_PERIOD_NS) {
            self.stream
                .heartbeat(time_ns, Self::armed(time_ns), time_ns > GPS_PERIOD_NS);
        }
        if due(IMU_PERIOD_NS) {
            self.gps.observe(moment);
            self.report_imu(time_ns);
        }
        if due(ATTITUDE_PERIOD_NS) {
            self.report_attitude(time_ns);
        }
        if due(AIR_PERIOD_NS) {
            self.report_air(time_ns);
        }
        if due(GPS_PERIOD_NS) {
            self.report_gps(time_ns);
        }
        if due(TRUTH_PERIOD_NS) {
            self.truth.push(moment);
        }
    }

    fn report_imu(&mut self, time_ns: u64) {
        // The first mean is complete one period after the start.
        if time_ns == 0 {
            return;
        }
        let (ideal, measured) = self.imu.read(IMU_PERIOD_NS as f64 * 1e-9);
        self.ideal_imu.push((time_ns, ideal));
        self.last_imu = Some(measured);
        self.stream.imu(time_ns, &measured);
    }

    fn report_attitude(&mut self, time_ns: u64) {
        let reading = self
            .attitude
            .read(&self.aircraft.attitude, ATTITUDE_PERIOD_NS as f64 * 1e-9);
        let rate = self
            .last_imu
            .map_or_else(nalgebra::Vector3::zeros, |imu| imu.angular_rate_frd_radps);
        self.stream.attitude(time_ns, &reading, &rate);
    }

    fn report_air(&mut self, time_ns: u64) {
        let dt_s = AIR_PERIOD_NS as f64 * 1e-9;
        let airspeed = self.aircraft.true_airspeed_mps();
        let alt_msl_m = self.aircraft.place.alt_msl_m;
        let pressure = self.barometer.read(dt_s, alt_msl_m, airspeed);
        let differential = self
            .airspeed
            .read(alt_msl_m, self.aircraft.air_velocity_frd_mps().x);
        self.belief.hear_pressure(dt_s, pressure.static_pressure_pa);
        let (_, _, heading_rad) = self.aircraft.attitude.euler_angles();
        let head_up = HeadUp {
            ground_speed_mps: self.belief.ground_speed_mps(),
            alt_msl_m: self.belief.alt_msl_m(),
            climb_mps: self.belief.climb_mps(),
            heading_rad,
            throttle: self.command.throttle,
        };
        self.stream.air(time_ns, &pressure, differential, &head_up);
    }

    fn report_gps(&mut self, time_ns: u64) {
        let signal = if time_ns >= self.scenario.gps_lost_at_ns {
            Signal::Jammed
        } else {
            Signal::Genuine
        };
        let reading = self.gps.read(GPS_PERIOD_NS as f64 * 1e-9, signal);
        self.belief.hear_gps(&reading);
        self.stream.gps(time_ns, time_ns, &reading);
    }
}
