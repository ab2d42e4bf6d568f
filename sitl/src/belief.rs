//! What the fake autopilot shows its pilot: height and climb from the barometer, ground speed from the
//! last GPS report. It never holds the truth, so nothing of it can leak to the companion.

use nalgebra::Vector3;

use crate::sensors::GpsReading;
use crate::world::Air;

/// Time over which the climb rate is smoothed.
const CLIMB_TIME_S: f64 = 1.0;

/// The autopilot's coarse picture of its flight.
#[derive(Debug, Clone, Copy, Default)]
pub struct Belief {
    /// GPS height minus pressure altitude, from the first report.
    barometer_offset_m: Option<f64>,
    pressure_altitude_m: Option<f64>,
    climb_mps: f64,
    ground_velocity_ned_mps: Vector3<f64>,
}

impl Belief {
    /// Takes in a static pressure sample that came `dt_s` after the last one.
    pub fn hear_pressure(&mut self, dt_s: f64, static_pressure_pa: f64) {
        let altitude_m = Air::pressure_altitude_m(static_pressure_pa);
        if let Some(before_m) = self.pressure_altitude_m.replace(altitude_m) {
            let share = dt_s / (CLIMB_TIME_S + dt_s);
            self.climb_mps += share * ((altitude_m - before_m) / dt_s - self.climb_mps);
        }
    }

    /// Takes in a GPS report; without a fix the last ground speed stays.
    pub fn hear_gps(&mut self, reading: &GpsReading) {
        if let GpsReading::Fix {
            place,
            velocity_ned_mps,
        } = reading
        {
            self.ground_velocity_ned_mps = *velocity_ned_mps;
            if let (None, Some(altitude_m)) = (self.barometer_offset_m, self.pressure_altitude_m) {
                self.barometer_offset_m = Some(place.alt_msl_m - altitude_m);
            }
        }
    }

    /// Height above mean sea level.
    #[must_use]
    pub fn alt_msl_m(&self) -> f64 {
        self.pressure_altitude_m.unwrap_or(0.0) + self.barometer_offset_m.unwrap_or(0.0)
    }

    /// Climb rate.
    #[must_use]
    pub fn climb_mps(&self) -> f64 {
        self.climb_mps
    }

    /// Speed over ground.
    #[must_use]
    pub fn ground_speed_mps(&self) -> f64 {
        self.ground_velocity_ned_mps.xy().norm()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Place;

    #[test]
    fn after_gps_is_lost_height_follows_the_barometer_and_ground_speed_stands_still() {
        let mut belief = Belief::default();
        let pressure_at = |alt: f64| Air::at(alt).pressure_pa + 200.0;
        belief.hear_pressure(0.1, pressure_at(100.0));
        belief.hear_gps(&GpsReading::Fix {
            place: Place {
                lat_rad: 0.8,
                lon_rad: 0.1,
                alt_msl_m: 100.0,
            },
            velocity_ned_mps: Vector3::new(3.0, 4.0, 0.0),
        });
        for step in 0..=100 {
            belief.hear_pressure(0.1, pressure_at(100.0 + 0.2 * f64::from(step)));
        }
        belief.hear_gps(&GpsReading::NoFix { last: None });
        assert!((belief.alt_msl_m() - 120.0).abs() < 0.1);
        assert!((belief.climb_mps() - 2.0).abs() < 0.1);
        assert!((belief.ground_speed_mps() - 5.0).abs() < 1e-12);
    }
}
