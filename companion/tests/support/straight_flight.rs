//! Straight and level to the north at 18 m/s true airspeed in a steady wind of 3 m/s to the east.

use companion::navigator::{
    AirData, Airframe, Attitude, Barometer, FcGps, FlightState, Geodetic, GpsFix, ImuSample, Input,
    MonotonicNs,
};
use nalgebra::Vector3;

pub const SECOND: u64 = 1_000_000_000;
pub const ORIGIN: Geodetic = Geodetic {
    lat_rad: 0.79,
    lon_rad: -1.62,
    alt_msl_m: 350.0,
};
/// Steps of the generator per second; every rate divides it.
const STEPS_PER_SECOND: u64 = 200;

/// Where the aircraft is `t` seconds after the start.
pub fn truth(t: f64) -> Geodetic {
    ORIGIN.displaced(Vector3::new(18.0 * t, 3.0 * t, 0.0))
}

/// A good fix at `place`.
pub fn gps_at(time: MonotonicNs, place: Geodetic, velocity_ne_mps: [f64; 2]) -> FcGps {
    FcGps {
        time,
        instance: 0,
        fix: GpsFix::ThreeD,
        lat_rad: place.lat_rad,
        lon_rad: place.lon_rad,
        alt_msl_m: place.alt_msl_m,
        velocity_ne_mps: Some(velocity_ne_mps),
        horiz_accuracy_m: Some(1.5),
        vert_accuracy_m: Some(2.5),
        speed_accuracy_mps: Some(0.3),
        satellites: Some(11),
    }
}

/// Every input of the flight, GPS until `gps_until_s`; `imu_hz` 0 leaves the inertial sensor out.
pub fn straight_flight(seconds: u64, gps_until_s: u64, imu_hz: u64) -> Vec<Input> {
    let mut inputs = Vec::new();
    for step in 1..=seconds * STEPS_PER_SECOND {
        let time = MonotonicNs(step * (SECOND / STEPS_PER_SECOND));
        let every = |hz: u64| hz > 0 && step % (STEPS_PER_SECOND / hz) == 0;
        if every(1) {
            let (armed, airframe) = (true, Airframe::FixedWing);
            inputs.push(Input::FlightState(FlightState {
                time,
                armed,
                airframe,
            }));
        }
        if every(imu_hz) {
            inputs.push(Input::Imu(ImuSample {
                time,
                specific_force_frd_mps2: [0.0, 0.0, -ORIGIN.gravity_mps2()],
                angular_rate_frd_radps: [0.0; 3],
            }));
        }
        if every(50) {
            inputs.push(Input::Attitude(Attitude {
                time,
                roll_rad: 0.0,
                pitch_rad: 0.0,
                yaw_rad: 0.0,
                angular_rate_frd_radps: [0.0; 3],
            }));
        }
        if every(10) {
            // True over indicated airspeed at 350 m is 1.0173.
            let indicated_airspeed_mps = 18.0 / 1.0173;
            inputs.push(Input::AirData(AirData {
                time,
                indicated_airspeed_mps,
            }));
            let (static_pressure_pa, temperature_k) = (97_190.0, 286.0);
            inputs.push(Input::Barometer(Barometer {
                time,
                static_pressure_pa,
                temperature_k,
            }));
        }
        if every(5) && step <= gps_until_s * STEPS_PER_SECOND {
            let t = step as f64 / STEPS_PER_SECOND as f64;
            inputs.push(Input::FcGps(gps_at(time, truth(t), [18.0, 3.0])));
        }
    }
    inputs
}
