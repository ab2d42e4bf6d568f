//! A closed route of waypoints and the lateral acceleration that follows it.
//!
//! Guidance after Park, Deyst and How, "A New Nonlinear Guidance Logic for Trajectory Tracking"
//! (2004): aim at a point on the leg a fixed time ahead.

use nalgebra::{Vector2, Vector3};

use crate::randomness::Randomness;
use crate::world::Place;

/// How far ahead on the leg the aim point lies, in seconds of flight.
const LOOK_AHEAD_S: f64 = 3.0;
/// A waypoint counts as reached this long before it, so that the turn ends on the next leg.
const TURN_LEAD_S: f64 = 3.5;
/// Lines of a survey.
const LINES: usize = 8;

/// What the route asks for at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guidance {
    /// Acceleration to the right of the track.
    pub lateral_acceleration_mps2: f64,
    /// Height to gain until the waypoint's height is reached; negative to descend.
    pub climb_m: f64,
}

/// Waypoints that are flown in a circle, and the one that is flown to.
#[derive(Debug, Clone)]
pub struct Route {
    waypoints: Vec<Place>,
    towards: usize,
}

impl Route {
    /// A circuit of six legs, 300 to 900 m long, at changing heights around `home`, turned and
    /// stretched by chance.
    #[must_use]
    pub fn circuit(home: &Place, randomness: &mut Randomness) -> Self {
        let turn_rad = randomness.between(0.0, core::f64::consts::TAU);
        let (sine, cosine) = libm::sincos(turn_rad);
        let stretch = randomness.between(0.8, 1.2);
        let waypoints = [
            (450.0, -200.0, 90.0),
            (450.0, 250.0, 90.0),
            (0.0, 330.0, 120.0),
            (-450.0, 250.0, 120.0),
            (-300.0, -50.0, 100.0),
            (-450.0, -250.0, 100.0),
        ]
        .map(|(north, east, height): (f64, f64, f64)| {
            home.moved(&Vector3::new(
                stretch * (cosine * north - sine * east),
                stretch * (sine * north + cosine * east),
                -height,
            ))
        });
        Self {
            waypoints: waypoints.to_vec(),
            towards: 0,
        }
    }

    /// Out to a far point and back, on two tracks a little apart, again and again.
    #[must_use]
    pub fn transit(
        home: &Place,
        length_m: f64,
        height_m: f64,
        randomness: &mut Randomness,
    ) -> Self {
        let apart = randomness.between(300.0, 800.0);
        let corners = [
            (0.0, 0.0),
            (0.5 * length_m, -0.5 * apart),
            (length_m, 0.0),
            (length_m, apart),
            (0.0, apart),
        ];
        Self::turned_by_chance(home, &corners, height_m, randomness)
    }

    /// Parallel lines over a field, as for mapping.
    #[must_use]
    pub fn survey(home: &Place, length_m: f64, height_m: f64, randomness: &mut Randomness) -> Self {
        let spacing = randomness.between(120.0, 250.0);
        let corners: Vec<_> = (0..LINES)
            .flat_map(|line| {
                let east = spacing * line as f64;
                let ends = [(300.0, east), (300.0 + length_m, east)];
                if line % 2 == 0 {
                    ends
                } else {
                    [ends[1], ends[0]]
                }
            })
            .collect();
        Self::turned_by_chance(home, &corners, height_m, randomness)
    }

    fn turned_by_chance(
        home: &Place,
        corners: &[(f64, f64)],
        height_m: f64,
        randomness: &mut Randomness,
    ) -> Self {
        let turn_rad = randomness.between(0.0, core::f64::consts::TAU);
        let (sine, cosine) = libm::sincos(turn_rad);
        let waypoints = corners
            .iter()
            .map(|(north, east)| {
                home.moved(&Vector3::new(
                    cosine * north - sine * east,
                    sine * north + cosine * east,
                    -height_m,
                ))
            })
            .collect();
        Self {
            waypoints,
            towards: 0,
        }
    }

    /// What to do at `place`, moving with `velocity_ned_mps`.
    pub fn advance(&mut self, place: &Place, velocity_ned_mps: &Vector3<f64>) -> Guidance {
        let track = velocity_ned_mps.xy();
        let speed = track.norm().max(5.0);
        let mut target = place.ned_to(&self.waypoints[self.towards]);
        if target.xy().norm() < speed * TURN_LEAD_S {
            self.towards = (self.towards + 1) % self.waypoints.len();
            target = place.ned_to(&self.waypoints[self.towards]);
        }
        let previous = (self.towards + self.waypoints.len() - 1) % self.waypoints.len();
        let leg_start = place.ned_to(&self.waypoints[previous]).xy();
        let aim = aim_point(leg_start, target.xy(), speed * LOOK_AHEAD_S);
        let cross = track.x * aim.y - track.y * aim.x;
        let angle = libm::atan2(cross, track.dot(&aim)).clamp(-1.57, 1.57);
        Guidance {
            lateral_acceleration_mps2: 2.0 * speed / LOOK_AHEAD_S * libm::sin(angle),
            climb_m: -target.z,
        }
    }

    /// Horizontal distance of `place` from the leg that is flown to.
    #[must_use]
    pub fn off_leg_m(&self, place: &Place) -> f64 {
        let previous = (self.towards + self.waypoints.len() - 1) % self.waypoints.len();
        let start = place.ned_to(&self.waypoints[previous]).xy();
        let end = place.ned_to(&self.waypoints[self.towards]).xy();
        aim_point(start, end, 0.0).norm()
    }
}

/// The point of the leg `ahead_m` before us; all points relative to the aircraft.
fn aim_point(leg_start: Vector2<f64>, leg_end: Vector2<f64>, ahead_m: f64) -> Vector2<f64> {
    let leg = leg_end - leg_start;
    let length = leg.norm();
    if length < 1.0 {
        return leg_end;
    }
    let along = leg / length;
    let nearest = -leg_start.dot(&along);
    leg_start + along * (nearest + ahead_m).clamp(0.0, length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::Purpose;

    const HOME: Place = Place {
        lat_rad: 0.85,
        lon_rad: 0.4,
        alt_msl_m: 200.0,
    };

    #[test]
    fn a_waypoint_on_the_right_is_flown_to_by_turning_right() {
        let mut route = Route {
            waypoints: vec![HOME, HOME.moved(&Vector3::new(0.0, 1_000.0, 0.0))],
            towards: 1,
        };
        let guidance = route.advance(&HOME, &Vector3::new(17.0, 0.0, 0.0));
        assert!(guidance.lateral_acceleration_mps2 > 1.0);
        assert!(guidance.climb_m.abs() < 1e-6);
    }

    #[test]
    fn the_next_waypoint_follows_the_last_one() {
        let mut route = Route::circuit(&HOME, &mut Randomness::new(1, Purpose::Scenario));
        let count = route.waypoints.len();
        for reached in 1..=count {
            let at = route.waypoints[route.towards];
            route.advance(&at, &Vector3::new(17.0, 0.0, 0.0));
            assert_eq!(route.towards, reached % count);
        }
    }
}
