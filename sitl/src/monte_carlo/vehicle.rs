//! The true motion of one flight, stepped at the rate of the inertial unit.
//!
//! Within a step forces and rates are constant, so the mean that the inertial unit reports is exact and
//! the steps may be long: what the navigator integrates is what happened.

use nalgebra::Vector3;

use super::plan::{FlightPlan, Trajectory};
use crate::aircraft::{Aircraft, Command, SURVEY_WING};
use crate::flight_control::{FlightControl, Whereabouts};
use crate::randomness::{Purpose, Randomness};
use crate::route::Route;
use crate::truth::Moment;
use crate::wind::Wind;
use crate::world::Place;

/// One step, 50 a second.
pub const STEP_NS: u64 = 20_000_000;
/// The aircraft stands for this long before its motor is armed.
const ARMED_AT_NS: u64 = 15_000_000_000;

/// Aircraft, flight control and wind.
#[derive(Debug, Clone)]
pub struct Vehicle {
    /// The aircraft and its motion.
    pub aircraft: Aircraft,
    control: FlightControl,
    wind: Wind,
    time_ns: u64,
}

impl Vehicle {
    /// Parked at the beginning of the planned flight.
    #[must_use]
    pub fn new(plan: &FlightPlan) -> Self {
        let mut randomness = Randomness::new(plan.seed, Purpose::Scenario);
        let [lat_rad, lon_rad, alt_msl_m] = plan.runway;
        let runway = Place {
            lat_rad,
            lon_rad,
            alt_msl_m,
        };
        let into_the_wind = plan.wind.blows_to_rad + core::f64::consts::PI;
        let heading_rad = into_the_wind + randomness.normal(0.2);
        let route = match plan.trajectory {
            Trajectory::Transit => {
                Route::transit(&runway, plan.leg_m, plan.height_m, &mut randomness)
            }
            Trajectory::Circuit => Route::circuit(&runway, &mut randomness),
            Trajectory::Survey => {
                Route::survey(&runway, 0.4 * plan.leg_m, plan.height_m, &mut randomness)
            }
        };
        Self {
            aircraft: Aircraft::parked(SURVEY_WING, runway, heading_rad),
            control: FlightControl::new(route),
            wind: Wind::new(
                plan.wind,
                plan.drift,
                Randomness::new(plan.seed, Purpose::Wind),
            ),
            time_ns: 0,
        }
    }

    /// Whether the motor is armed.
    #[must_use]
    pub fn armed(&self) -> bool {
        self.time_ns >= ARMED_AT_NS
    }

    /// The motion now.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            time_ns: self.time_ns,
            place: self.aircraft.place,
            velocity_ned_mps: self.aircraft.velocity_ned_mps,
            wind_ned_mps: self.aircraft.wind_ned_mps,
        }
    }

    /// Horizontal distance from the leg that is flown, once the route is.
    #[must_use]
    pub fn off_route_m(&self) -> Option<f64> {
        self.control.off_route_m(&self.aircraft.place)
    }

    /// Moves one step on, knowing where it is; returns the specific force and the angular rate felt
    /// meanwhile, FRD.
    pub fn advance(&mut self) -> (Vector3<f64>, Vector3<f64>) {
        self.advance_believing(&(&self.aircraft).into())
    }

    /// Moves one step on, believing to be at `believed`; returns the same.
    pub fn advance_believing(&mut self, believed: &Whereabouts) -> (Vector3<f64>, Vector3<f64>) {
        let dt_s = STEP_NS as f64 * 1e-9;
        let wind = self.wind.advance(
            dt_s,
            self.aircraft.height_m(),
            self.aircraft.true_airspeed_mps(),
        );
        let command: Command = self
            .control
            .advance(dt_s, &self.aircraft, believed, self.armed());
        self.aircraft.advance(dt_s, &command, wind);
        self.time_ns += STEP_NS;
        (
            self.aircraft.specific_force_frd_mps2,
            self.aircraft.rate_frd_radps,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planned_flight_stays_in_the_envelope_of_its_aircraft() {
        for number in 0..60 {
            let plan = FlightPlan::draw(11, number, 10);
            let mut vehicle = Vehicle::new(&plan);
            while vehicle.time_ns < plan.duration_ns {
                vehicle.advance();
                let aircraft = &vehicle.aircraft;
                if vehicle.time_ns > 90_000_000_000 {
                    let airspeed = aircraft.true_airspeed_mps();
                    let height = aircraft.height_m();
                    let context = format!("{number} at {} s", vehicle.time_ns / 1_000_000_000);
                    assert!(
                        (11.0..27.0).contains(&airspeed),
                        "{context}: {airspeed} m/s"
                    );
                    assert!((25.0..600.0).contains(&height), "{context}: {height} m");
                }
            }
        }
    }
}
