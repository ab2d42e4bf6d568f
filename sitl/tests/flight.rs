//! Whole simulated flights, judged from outside: is the motion that of an aeroplane, and do the
//! sensors tell of that same motion?

use companion::autopilot::tlog::{Entry, TlogReader};
use mavlink::dialects::ardupilotmega::{GpsFixType, MavMessage};
use nalgebra::{UnitQuaternion, Vector3};
use sitl::simulation::{Flight, Scenario};

const SECOND_US: u64 = 1_000_000;
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

#[test]
fn the_log_holds_every_stream_at_its_rate_and_not_one_frame_is_refused() {
    let flight = flight(2, 1);
    let mut reader = TlogReader::new(&flight.log);
    let mut counts = std::collections::BTreeMap::<u32, usize>::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let Entry::Frame { frame, .. } = entry else {
            panic!("refused: {entry:?}");
        };
        *counts.entry(frame.message_id()).or_default() += 1;
    }
    let expected = [
        (0, 61),     // HEARTBEAT, 1 Hz
        (2, 61),     // SYSTEM_TIME, 1 Hz
        (24, 301),   // GPS_RAW_INT, 5 Hz
        (27, 6_000), // RAW_IMU, 100 Hz
        (29, 601),   // SCALED_PRESSURE, 10 Hz
        (30, 3_001), // ATTITUDE, 50 Hz
        (74, 601),   // VFR_HUD, 10 Hz
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(reader.statistics().sequences.lost(), 0);
}

#[test]
fn once_gps_is_jammed_no_message_tells_position_or_ground_speed() {
    let scenario = Scenario::jammed_half_way(5, 3);
    let flight = scenario.fly(|_| {});
    let jammed_us = scenario.gps_lost_at_ns / 1_000 + sitl::autopilot_stream::FLIGHT_BEGINS_UNIX_US;
    let mut reader = TlogReader::new(&flight.log);
    let mut last_fix = None;
    let mut ground_speeds = Vec::new();
    let mut reports = 0;
    while let Some(entry) = reader.next_entry().unwrap() {
        let Entry::Frame { time_us, frame, .. } = entry else {
            panic!("refused: {entry:?}");
        };
        match frame.message().unwrap() {
            MavMessage::GPS_RAW_INT(gps) if time_us < jammed_us => {
                last_fix = Some((gps.lat, gps.lon, gps.alt));
            }
            MavMessage::GPS_RAW_INT(gps) => {
                reports += 1;
                assert_eq!(gps.fix_type, GpsFixType::GPS_FIX_TYPE_NO_FIX);
                assert_eq!(Some((gps.lat, gps.lon, gps.alt)), last_fix);
                assert_eq!((gps.vel, gps.cog), (u16::MAX, u16::MAX));
            }
            MavMessage::VFR_HUD(hud) if time_us >= jammed_us + SECOND_US => {
                ground_speeds.push(hud.groundspeed);
            }
            _ => {}
        }
    }
    assert!(reports > 400);
    ground_speeds.dedup();
    assert_eq!(ground_speeds.len(), 1);
}
