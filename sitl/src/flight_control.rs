//! The fake autopilot's hands: holds a course, a height and an airspeed by banking, pitching and
//! throttle. Height, airspeed and attitude are held on the truth; guidance follows where the autopilot
//! believes to be, so that a wrong position leads it astray. What it tells the companion comes from its
//! sensors, not from here.

use nalgebra::Vector3;

use crate::aircraft::{Aircraft, Command};
use crate::route::Route;
use crate::world::{Air, Place, SEA_LEVEL_DENSITY_KGPM3};

const CRUISE_AIRSPEED_MPS: f64 = 17.0;
const ROTATION_AIRSPEED_MPS: f64 = 14.0;
/// Height at which the runway heading is left for the route.
const ROUTE_HEIGHT_M: f64 = 30.0;
const BANK_MAX_RAD: f64 = 0.7;
const CLIMB_MAX_MPS: f64 = 2.5;
const ROLL_GAIN_PER_S: f64 = 3.0;
const PITCH_GAIN_PER_S: f64 = 2.5;
/// How fast the nose turns into the air that flows past it.
const WEATHERVANE_PER_S: f64 = 2.5;
/// Body rate limit.
const RATE_MAX_RADPS: f64 = 1.2;

/// Where the autopilot believes to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Whereabouts {
    /// Place.
    pub place: Place,
    /// Velocity over ground.
    pub velocity_ned_mps: Vector3<f64>,
}

impl From<&Aircraft> for Whereabouts {
    /// The truth.
    fn from(aircraft: &Aircraft) -> Self {
        Self {
            place: aircraft.place,
            velocity_ned_mps: aircraft.velocity_ned_mps,
        }
    }
}

/// What is flown at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Standing, motor off.
    Parked,
    /// Full throttle along the runway until the wing carries, then straight on to a safe height.
    TakeOff,
    /// Along the route.
    Route,
}

/// Flight control with its memory.
#[derive(Debug, Clone)]
pub struct FlightControl {
    phase: Phase,
    route: Route,
    climb_integral_rad: f64,
    throttle_integral: f64,
}

impl FlightControl {
    /// Parked, with this route to fly after take-off.
    #[must_use]
    pub fn new(route: Route) -> Self {
        Self {
            phase: Phase::Parked,
            route,
            climb_integral_rad: 0.0,
            throttle_integral: 0.0,
        }
    }

    /// What is flown at the moment.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Horizontal distance of `place` from the leg that is flown, once the route is.
    #[must_use]
    pub fn off_route_m(&self, place: &Place) -> Option<f64> {
        (self.phase == Phase::Route).then(|| self.route.off_leg_m(place))
    }

    /// What the aircraft is to do for the next `dt_s`, believing to be at `believed`.
    pub fn advance(
        &mut self,
        dt_s: f64,
        aircraft: &Aircraft,
        believed: &Whereabouts,
        armed: bool,
    ) -> Command {
        self.phase = match self.phase {
            Phase::Parked if armed => Phase::TakeOff,
            Phase::TakeOff if aircraft.height_m() > ROUTE_HEIGHT_M => Phase::Route,
            phase @ (Phase::Parked | Phase::TakeOff | Phase::Route) => phase,
        };
        match self.phase {
            Phase::Parked => Command {
                rate_frd_radps: Vector3::zeros(),
                throttle: 0.0,
            },
            Phase::TakeOff => Self::take_off(aircraft),
            Phase::Route => self.along_the_route(dt_s, aircraft, believed),
        }
    }

    fn take_off(aircraft: &Aircraft) -> Command {
        let fast_enough = aircraft.true_airspeed_mps() > ROTATION_AIRSPEED_MPS;
        let pitch_rad = if fast_enough || !aircraft.on_ground {
            0.15
        } else {
            0.05
        };
        let mut rate_frd_radps = body_rate(aircraft, 0.0, pitch_rad);
        if aircraft.on_ground {
            rate_frd_radps = Vector3::new(0.0, rate_frd_radps.y, 0.0);
        }
        Command {
            rate_frd_radps,
            throttle: 1.0,
        }
    }

    fn along_the_route(
        &mut self,
        dt_s: f64,
        aircraft: &Aircraft,
        believed: &Whereabouts,
    ) -> Command {
        let guidance = self
            .route
            .advance(&believed.place, &believed.velocity_ned_mps);
        let gravity = aircraft.place.gravity_mps2();
        let bank_rad = libm::atan(guidance.lateral_acceleration_mps2 / gravity)
            .clamp(-BANK_MAX_RAD, BANK_MAX_RAD);

        let speed = aircraft.true_airspeed_mps().max(10.0);
        let climb_wanted = (0.4 * guidance.climb_m).clamp(-CLIMB_MAX_MPS, CLIMB_MAX_MPS);
        let climb_error = climb_wanted + aircraft.velocity_ned_mps.z;
        self.climb_integral_rad =
            (self.climb_integral_rad + 0.01 * climb_error * dt_s).clamp(-0.1, 0.1);
        let load = 1.0 / libm::cos(bank_rad);
        let pitch_rad = climb_wanted / speed
            + alpha_for_load(aircraft, load) * libm::cos(bank_rad)
            + 0.02 * climb_error
            + self.climb_integral_rad;

        Command {
            rate_frd_radps: body_rate(aircraft, bank_rad, pitch_rad.clamp(-0.25, 0.35)),
            throttle: self.throttle(dt_s, aircraft, climb_wanted),
        }
    }

    fn throttle(&mut self, dt_s: f64, aircraft: &Aircraft, climb_mps: f64) -> f64 {
        let density = Air::at(aircraft.place.alt_msl_m).density_kgpm3;
        let indicated =
            aircraft.true_airspeed_mps() * libm::sqrt(density / SEA_LEVEL_DENSITY_KGPM3);
        let error = CRUISE_AIRSPEED_MPS - indicated;
        self.throttle_integral = (self.throttle_integral + 0.02 * error * dt_s).clamp(-0.3, 0.5);
        (0.45 + 0.12 * climb_mps + 0.08 * error + self.throttle_integral).clamp(0.0, 1.0)
    }
}

/// Angle of attack at which the wing carries `load` times the weight at the present airspeed.
fn alpha_for_load(aircraft: &Aircraft, load: f64) -> f64 {
    let airframe = &aircraft.airframe;
    let speed = aircraft.true_airspeed_mps().max(10.0);
    let pressure = 0.5 * Air::at(aircraft.place.alt_msl_m).density_kgpm3 * speed * speed;
    let weight = airframe.mass_kg * aircraft.place.gravity_mps2();
    let lift_coefficient = load * weight / (pressure * airframe.wing_area_m2);
    airframe.zero_lift_alpha_rad
        + lift_coefficient.min(airframe.lift_coefficient_max) / airframe.lift_slope_per_rad
}

/// The body rate that brings roll and pitch to these values while the nose turns as a coordinated
/// turn asks and as the air flows past.
fn body_rate(aircraft: &Aircraft, roll_rad: f64, pitch_rad: f64) -> Vector3<f64> {
    let (roll, pitch, _) = aircraft.attitude.euler_angles();
    let air = aircraft.air_velocity_frd_mps();
    let speed = air.norm().max(10.0);
    let sideslip = libm::asin((air.y / speed).clamp(-1.0, 1.0));

    let roll_rate = ROLL_GAIN_PER_S * (roll_rad - roll);
    let pitch_rate = PITCH_GAIN_PER_S * (pitch_rad - pitch);
    let yaw_rate =
        aircraft.place.gravity_mps2() * libm::tan(roll) / speed + WEATHERVANE_PER_S * sideslip;

    let (roll_sine, roll_cosine) = libm::sincos(roll);
    let (pitch_sine, pitch_cosine) = libm::sincos(pitch);
    Vector3::new(
        roll_rate - yaw_rate * pitch_sine,
        pitch_rate * roll_cosine + yaw_rate * pitch_cosine * roll_sine,
        -pitch_rate * roll_sine + yaw_rate * pitch_cosine * roll_cosine,
    )
    .map(|rate| rate.clamp(-RATE_MAX_RADPS, RATE_MAX_RADPS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aircraft::SURVEY_WING;
    use crate::world::Place;
    use nalgebra::UnitQuaternion;

    const HIGH: Place = Place {
        lat_rad: 0.85,
        lon_rad: 0.4,
        alt_msl_m: 300.0,
    };

    fn cruising(wind: Vector3<f64>) -> Aircraft {
        let mut aircraft = Aircraft::parked(SURVEY_WING, HIGH, 0.0);
        aircraft.on_ground = false;
        aircraft.attitude = UnitQuaternion::from_euler_angles(0.0, 0.03, 0.0);
        aircraft.velocity_ned_mps = Vector3::new(17.0, 0.0, 0.0) + wind;
        aircraft.wind_ned_mps = wind;
        aircraft
    }

    /// Holds a bank at constant height and returns the aircraft after it has settled and its track
    /// during the following 30 s.
    fn steady_turn(bank_rad: f64, wind: Vector3<f64>) -> (Aircraft, Vec<Place>) {
        let mut aircraft = cruising(wind);
        let mut track = Vec::new();
        for step in 0..20_000 {
            let pitch = alpha_for_load(&aircraft, 1.0 / libm::cos(bank_rad)) * libm::cos(bank_rad)
                + 0.02 * aircraft.velocity_ned_mps.z;
            let speed_error = 17.0 - aircraft.true_airspeed_mps();
            let command = Command {
                rate_frd_radps: body_rate(&aircraft, bank_rad, pitch),
                throttle: (0.5 + 0.3 * speed_error).clamp(0.0, 1.0),
            };
            aircraft.advance(0.0025, &command, wind);
            if step >= 8_000 {
                track.push(aircraft.place);
            }
        }
        (aircraft, track)
    }

    #[test]
    fn a_coordinated_turn_has_the_radius_of_speed_squared_over_g_tan_bank() {
        let (aircraft, track) = steady_turn(0.5, Vector3::zeros());
        let (roll, _, _) = aircraft.attitude.euler_angles();
        let speed = aircraft.velocity_ned_mps.norm();
        let expected = speed * speed / (HIGH.gravity_mps2() * libm::tan(roll));

        let offsets: Vec<_> = track.iter().map(|place| track[0].ned_to(place)).collect();
        let span = |axis: usize| {
            let values = offsets.iter().map(|offset| offset[axis]);
            values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
        };
        let radius = 0.25 * (span(0) + span(1));
        assert!(
            (radius / expected - 1.0).abs() < 0.05,
            "{radius} m, expected {expected} m"
        );

        let sideslip = aircraft.air_velocity_frd_mps().y / speed;
        assert!(sideslip.abs() < 0.02, "sideslip {sideslip} rad");
    }

    #[test]
    fn a_turning_aircraft_drifts_with_the_wind() {
        let wind = Vector3::new(2.0, -5.0, 0.0);
        let (_, still) = steady_turn(0.5, Vector3::zeros());
        let (_, blown) = steady_turn(0.5, wind);
        let way = |track: &[Place]| track[0].ned_to(&track[track.len() - 1]);
        let seconds = 0.0025 * (still.len() - 1) as f64;
        let drift = (way(&blown) - way(&still)) / seconds;
        assert!((drift.xy() - wind.xy()).norm() < 0.1, "{drift}");
    }

    #[test]
    fn ground_velocity_is_air_velocity_plus_wind() {
        let wind = Vector3::new(1.0, 6.0, 0.0);
        let aircraft = cruising(wind);
        let air = aircraft.attitude * aircraft.air_velocity_frd_mps();
        assert!((air + wind - aircraft.velocity_ned_mps).norm() < 1e-9);
        assert!((aircraft.true_airspeed_mps() - 17.0).abs() < 1e-9);
    }
}
