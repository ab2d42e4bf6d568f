//! How the fake's aircraft really moves: a level circle flown in closed form, so that every sensor agrees with
//! every other and with the truth.

use core::f64::consts::TAU;

use nalgebra::Vector3;

use crate::world::{Air, Place};

/// A level circle, or a stand at its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// Where time 0 is.
    pub start: Place,
    /// Speed over ground, m/s; 0 stands.
    pub speed_mps: f64,
    /// Radius, m; the turn is to the right.
    pub radius_m: f64,
}

/// Where the aircraft is and what its sensors read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Where.
    pub place: Place,
    /// Velocity, NED, m/s.
    pub velocity_ned_mps: Vector3<f64>,
    /// Roll, pitch, yaw, rad.
    pub attitude_rad: [f64; 3],
    /// Specific force, FRD, m/s2.
    pub specific_force_frd_mps2: Vector3<f64>,
    /// Angular rate, FRD, rad/s.
    pub angular_rate_frd_radps: Vector3<f64>,
    /// Airspeed in still air, m/s.
    pub airspeed_mps: f64,
    /// Static pressure, Pa.
    pub pressure_pa: f64,
}

impl Motion {
    /// The circle of the measured flights: 22 m/s at 100 m above `start`'s ground.
    #[must_use]
    pub fn loiter(start: Place) -> Self {
        Self {
            start,
            speed_mps: 22.0,
            radius_m: 300.0,
        }
    }

    /// The aircraft stands.
    #[must_use]
    pub fn standing(start: Place) -> Self {
        Self {
            start,
            speed_mps: 0.0,
            radius_m: 1.0,
        }
    }

    /// The moment `s` seconds after the start.
    #[must_use]
    pub fn at(&self, s: f64) -> Moment {
        let turn_radps = self.speed_mps / self.radius_m;
        let heading = (turn_radps * s).rem_euclid(TAU);
        let (sin, cos) = (libm::sin(heading), libm::cos(heading));
        // It starts northward, with the centre to the east.
        let offset = Vector3::new(self.radius_m * sin, self.radius_m * (1.0 - cos), 0.0);
        let place = if self.speed_mps == 0.0 {
            self.start
        } else {
            self.start.moved(&offset)
        };
        let gravity = place.gravity_mps2();
        let centripetal = self.speed_mps * turn_radps;
        let roll = libm::atan2(centripetal, gravity);
        let load = libm::sqrt(gravity * gravity + centripetal * centripetal);
        Moment {
            place,
            velocity_ned_mps: Vector3::new(cos, sin, 0.0) * self.speed_mps,
            attitude_rad: [
                roll,
                0.0,
                if heading > TAU / 2.0 {
                    heading - TAU
                } else {
                    heading
                },
            ],
            specific_force_frd_mps2: Vector3::new(0.0, 0.0, -load),
            angular_rate_frd_radps: Vector3::new(
                0.0,
                turn_radps * libm::sin(roll),
                turn_radps * libm::cos(roll),
            ),
            airspeed_mps: self.speed_mps,
            pressure_pa: Air::at(place.alt_msl_m).pressure_pa,
        }
    }
}
