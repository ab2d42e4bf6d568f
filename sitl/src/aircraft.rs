//! A small fixed-wing aircraft: one mass, carried by lift, drag, side force and thrust.
//!
//! The forces follow from the velocity against the moving air and the attitude, so angle of attack,
//! sideslip, load factor and the accelerometer's reading agree with each other and with the motion.
//! Rotation is first-order: the body follows the angular rate that flight control asks for.
//!
//! Axes: north, east, down for positions and velocities; forward, right, down for the body.

use nalgebra::{UnitQuaternion, Vector3};

use crate::world::{Air, Place};

/// What makes one aircraft differ from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Airframe {
    /// Mass.
    pub mass_kg: f64,
    /// Wing area.
    pub wing_area_m2: f64,
    /// Slope of the lift coefficient over the angle of attack, 1/rad.
    pub lift_slope_per_rad: f64,
    /// Angle of attack without lift.
    pub zero_lift_alpha_rad: f64,
    /// Lift coefficient at which the wing stalls.
    pub lift_coefficient_max: f64,
    /// Drag coefficient without lift.
    pub drag_coefficient_zero_lift: f64,
    /// Induced drag: drag coefficient per squared lift coefficient.
    pub induced_drag_factor: f64,
    /// Side force coefficient per sideslip angle, 1/rad.
    pub side_force_slope_per_rad: f64,
    /// Thrust at rest and full throttle.
    pub static_thrust_n: f64,
    /// Airspeed at which the propeller gives no more thrust.
    pub pitch_speed_mps: f64,
    /// Time in which the body follows a commanded angular rate.
    pub rate_time_s: f64,
}

/// A 4.5 kg aircraft that cruises at 60 km/h.
pub const SURVEY_WING: Airframe = Airframe {
    mass_kg: 4.5,
    wing_area_m2: 0.8,
    lift_slope_per_rad: 4.8,
    zero_lift_alpha_rad: -0.04,
    lift_coefficient_max: 1.4,
    drag_coefficient_zero_lift: 0.04,
    induced_drag_factor: 0.06,
    side_force_slope_per_rad: 0.5,
    static_thrust_n: 32.0,
    pitch_speed_mps: 34.0,
    rate_time_s: 0.08,
};

/// Rolling resistance of wheels on grass.
const ROLLING_FRICTION: f64 = 0.06;

/// What flight control asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Command {
    /// Angular rate in the body frame.
    pub rate_frd_radps: Vector3<f64>,
    /// 0 to 1.
    pub throttle: f64,
}

/// The aircraft and its motion.
#[derive(Debug, Clone)]
pub struct Aircraft {
    /// What it is.
    pub airframe: Airframe,
    /// Where it is.
    pub place: Place,
    /// Velocity over ground.
    pub velocity_ned_mps: Vector3<f64>,
    /// Rotation from the body frame to north, east, down.
    pub attitude: UnitQuaternion<f64>,
    /// Angular rate in the body frame.
    pub rate_frd_radps: Vector3<f64>,
    /// What an ideal accelerometer at the centre of mass reads.
    pub specific_force_frd_mps2: Vector3<f64>,
    /// Velocity of the air around it.
    pub wind_ned_mps: Vector3<f64>,
    /// Wheels on the ground.
    pub on_ground: bool,
    ground_msl_m: f64,
}

impl Aircraft {
    /// Standing on the ground at `place`, nose towards `heading_rad` and slightly up.
    #[must_use]
    pub fn parked(airframe: Airframe, place: Place, heading_rad: f64) -> Self {
        let attitude = UnitQuaternion::from_euler_angles(0.0, 0.05, heading_rad);
        Self {
            airframe,
            place,
            velocity_ned_mps: Vector3::zeros(),
            attitude,
            rate_frd_radps: Vector3::zeros(),
            specific_force_frd_mps2: attitude.inverse_transform_vector(&Vector3::new(
                0.0,
                0.0,
                -place.gravity_mps2(),
            )),
            wind_ned_mps: Vector3::zeros(),
            on_ground: true,
            ground_msl_m: place.alt_msl_m,
        }
    }

    /// Height above the ground it took off from.
    #[must_use]
    pub fn height_m(&self) -> f64 {
        self.place.alt_msl_m - self.ground_msl_m
    }

    /// Velocity against the air, in the body frame.
    #[must_use]
    pub fn air_velocity_frd_mps(&self) -> Vector3<f64> {
        self.attitude
            .inverse_transform_vector(&(self.velocity_ned_mps - self.wind_ned_mps))
    }

    /// True airspeed.
    #[must_use]
    pub fn true_airspeed_mps(&self) -> f64 {
        (self.velocity_ned_mps - self.wind_ned_mps).norm()
    }

    /// Moves `dt_s` seconds on, through air that moves with `wind_ned_mps`.
    pub fn advance(&mut self, dt_s: f64, command: &Command, wind_ned_mps: Vector3<f64>) {
        self.wind_ned_mps = wind_ned_mps;
        let share = 1.0 - libm::exp(-dt_s / self.airframe.rate_time_s);
        self.rate_frd_radps += (command.rate_frd_radps - self.rate_frd_radps) * share;

        let middle =
            self.attitude * UnitQuaternion::from_scaled_axis(self.rate_frd_radps * (0.5 * dt_s));
        let gravity = Vector3::new(0.0, 0.0, self.place.gravity_mps2());
        let force = self.aerodynamic_force_frd_n() + Vector3::x() * self.thrust_n(command.throttle);
        let mut acceleration = middle * (force / self.airframe.mass_kg) + gravity;
        self.on_ground = self.on_ground && acceleration.z >= 0.0;
        if self.on_ground {
            acceleration = self.held_by_the_ground(acceleration, dt_s);
        }

        self.specific_force_frd_mps2 = middle.inverse_transform_vector(&(acceleration - gravity));
        let before = self.velocity_ned_mps;
        self.velocity_ned_mps += acceleration * dt_s;
        self.place = self
            .place
            .moved(&(0.5 * dt_s * (before + self.velocity_ned_mps)));
        self.attitude *= UnitQuaternion::from_scaled_axis(self.rate_frd_radps * dt_s);
        self.attitude.renormalize_fast();
    }

    /// Lift, drag and side force in the body frame.
    fn aerodynamic_force_frd_n(&self) -> Vector3<f64> {
        let air = self.air_velocity_frd_mps();
        let speed = air.norm();
        if speed < 0.1 {
            return Vector3::zeros();
        }
        let alpha = libm::atan2(air.z, air.x);
        let beta = libm::asin((air.y / speed).clamp(-1.0, 1.0));
        let pressure = 0.5 * Air::at(self.place.alt_msl_m).density_kgpm3 * speed * speed;
        let airframe = &self.airframe;
        let lift = self.lift_coefficient(alpha);
        let drag = airframe.drag_coefficient_zero_lift + airframe.induced_drag_factor * lift * lift;
        let side = -airframe.side_force_slope_per_rad * beta;
        let (sine, cosine) = libm::sincos(alpha);
        pressure
            * airframe.wing_area_m2
            * Vector3::new(
                lift * sine - drag * cosine,
                side,
                -lift * cosine - drag * sine,
            )
    }

    fn lift_coefficient(&self, alpha_rad: f64) -> f64 {
        let airframe = &self.airframe;
        (airframe.lift_slope_per_rad * (alpha_rad - airframe.zero_lift_alpha_rad)).clamp(
            -airframe.lift_coefficient_max,
            airframe.lift_coefficient_max,
        )
    }

    fn thrust_n(&self, throttle: f64) -> f64 {
        let forward = self.air_velocity_frd_mps().x.max(0.0);
        let left = (1.0 - forward / self.airframe.pitch_speed_mps).max(0.0);
        throttle.clamp(0.0, 1.0) * self.airframe.static_thrust_n * left
    }

    /// The acceleration that wheels leave of `free`: none downwards, none sideways, friction along
    /// the nose that stops the aircraft but never pushes it.
    fn held_by_the_ground(&self, free: Vector3<f64>, dt_s: f64) -> Vector3<f64> {
        let nose = self.attitude * Vector3::x();
        let along = Vector3::new(nose.x, nose.y, 0.0).normalize();
        let friction = ROLLING_FRICTION * free.z;
        let speed = self.velocity_ned_mps.dot(&along);
        let rolling = free.dot(&along) - friction;
        along * rolling.max(-speed / dt_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: Place = Place {
        lat_rad: 0.85,
        lon_rad: 0.4,
        alt_msl_m: 200.0,
    };
    const NOTHING: Command = Command {
        rate_frd_radps: Vector3::new(0.0, 0.0, 0.0),
        throttle: 0.0,
    };

    #[test]
    fn at_rest_the_accelerometer_reads_minus_gravity_and_nothing_moves() {
        let mut aircraft = Aircraft::parked(SURVEY_WING, FIELD, 1.0);
        for _ in 0..1000 {
            aircraft.advance(0.0025, &NOTHING, Vector3::new(2.0, 3.0, 0.0));
        }
        let felt = aircraft.attitude * aircraft.specific_force_frd_mps2;
        assert!((felt.z + FIELD.gravity_mps2()).abs() < 1e-9, "{felt}");
        assert!(felt.xy().norm() < 1e-9, "{felt}");
        assert_eq!(aircraft.place, FIELD);
    }

    #[test]
    fn in_free_fall_without_air_forces_the_accelerometer_reads_nothing() {
        let weightless = Airframe {
            wing_area_m2: 0.0,
            ..SURVEY_WING
        };
        let mut aircraft = Aircraft::parked(weightless, FIELD, 0.0);
        aircraft.on_ground = false;
        for _ in 0..400 {
            aircraft.advance(0.0025, &NOTHING, Vector3::zeros());
        }
        assert!(aircraft.specific_force_frd_mps2.norm() < 1e-9);
        let fallen = FIELD.alt_msl_m - aircraft.place.alt_msl_m;
        assert!(
            (fallen - 0.5 * FIELD.gravity_mps2()).abs() < 0.01,
            "fell {fallen} m in 1 s"
        );
    }

    #[test]
    fn more_load_and_less_speed_need_a_larger_angle_of_attack() {
        let lift_at = |alpha: f64, speed: f64| {
            let mut aircraft = Aircraft::parked(SURVEY_WING, FIELD, 0.0);
            aircraft.attitude = UnitQuaternion::identity();
            aircraft.velocity_ned_mps =
                speed * Vector3::new(libm::cos(alpha), 0.0, libm::sin(alpha));
            -aircraft.aerodynamic_force_frd_n().z
        };
        let weight = SURVEY_WING.mass_kg * FIELD.gravity_mps2();
        assert!(lift_at(0.02, 17.0) < weight && lift_at(0.04, 17.0) > weight);
        assert!(lift_at(0.04, 14.0) < weight, "slower air carries less");
    }

    #[test]
    fn air_from_the_right_pushes_to_the_left() {
        let mut aircraft = Aircraft::parked(SURVEY_WING, FIELD, 0.0);
        aircraft.velocity_ned_mps = Vector3::new(17.0, 0.0, 0.0);
        aircraft.wind_ned_mps = Vector3::new(0.0, -3.0, 0.0);
        assert!(aircraft.aerodynamic_force_frd_n().y < 0.0);
    }
}
