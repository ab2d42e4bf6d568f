//! Whole simulated flights, judged from outside: is the motion that of an aeroplane, and do the
//! sensors tell of that same motion?

use nalgebra::{UnitQuaternion, Vector3};
use sitl::simulation::{Flight, Scenario};

const SECOND_NS: u64 = 1_000_000_000;

fn flight(seed: u64, minutes: u32) -> Flight {
    Scenario::jammed_half_way(seed, minutes).fly(|_| {})
}

#[test]
fn one_seed_gives_one_log_and_another_seed_another() {
    let (first, again, other) = (flight(7, 1), flight(7, 1), flight(8, 1));
    assert_eq!(first.log, again.log);
    assert_ne!(first.log, other.log);
}

#[test]
fn the_error_free_inertial_unit_integrates_to_the_true_motion() {
    let flight = flight(3, 4);
    let start = flight.truth.moments()[0];
    let gravity = Vector3::new(0.0, 0.0, start.place.gravity_mps2());
    // Wheels roll where the nose points.
    let rolling = flight.truth.at(18 * SECOND_NS).unwrap().velocity_ned_mps;
    let runway_rad = rolling.y.atan2(rolling.x);
    let mut attitude = UnitQuaternion::from_euler_angles(0.0, 0.05, runway_rad);
    let mut velocity = Vector3::zeros();
    let mut place = start.place;
    let dt_s = 0.01;
    for (_, imu) in &flight.ideal_imu {
        let middle =
            attitude * UnitQuaternion::from_scaled_axis(imu.angular_rate_frd_radps * 0.5 * dt_s);
        let before = velocity;
        velocity += (middle * imu.specific_force_frd_mps2 + gravity) * dt_s;
        place = place.moved(&(0.5 * dt_s * (before + velocity)));
        attitude *= UnitQuaternion::from_scaled_axis(imu.angular_rate_frd_radps * dt_s);
    }
    let end = flight.truth.moments().last().unwrap();
    let position_error = place.ned_to(&end.place).norm();
    let velocity_error = (velocity - end.velocity_ned_mps).norm();
    println!("after 4 min: {position_error:.2} m, {velocity_error:.3} m/s");
    assert!(position_error < 20.0, "{position_error} m after 4 minutes");
    assert!(velocity_error < 0.2, "{velocity_error} m/s after 4 minutes");
}

#[test]
fn every_flight_stands_takes_off_into_the_wind_and_stays_in_its_envelope() {
    for seed in 0..30 {
        let scenario = Scenario::jammed_half_way(seed, 4);
        let flight = scenario.fly(|_| {});
        for moment in flight.truth.moments() {
            let second = moment.time_ns as f64 * 1e-9;
            let from_home = scenario.runway.ned_to(&moment.place);
            let airspeed = (moment.velocity_ned_mps - moment.wind_ned_mps).norm();
            if second < 15.0 {
                assert_eq!(from_home.norm(), 0.0, "seed {seed} moved while parked");
            }
            if second > 75.0 {
                assert!(
                    (12.0..24.0).contains(&airspeed),
                    "seed {seed}, {second} s: {airspeed} m/s"
                );
                assert!(
                    (60.0..150.0).contains(&-from_home.z),
                    "seed {seed}, {second} s: {} m",
                    -from_home.z
                );
                assert!(
                    from_home.xy().norm() < 1_000.0,
                    "seed {seed}, {second} s: {from_home}"
                );
            }
        }
        let wind = scenario.wind.direction_ned();
        let run = flight.truth.at(19 * SECOND_NS).unwrap().velocity_ned_mps;
        assert!(run.dot(&wind) < 0.0, "seed {seed} took off with the wind");
    }
}
