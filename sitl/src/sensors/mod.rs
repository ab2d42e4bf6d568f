//! The autopilot's sensors: what each of them makes of the true motion.
//!
//! | sensor | rate | errors |
//! |---|---|---|
//! | accelerometer, gyroscope | 100 Hz, mean over 10 ms | turn-on bias, wandering bias, scale, misalignment, noise |
//! | attitude estimate | 50 Hz | slowly varying tilt and yaw error, small noise |
//! | differential pressure | 10 Hz | scale, noise |
//! | static pressure | 10 Hz | offset, drift, dynamic pressure, noise |
//! | satellite receiver | 5 Hz | correlated position error, velocity noise, 0.2 s late, can be jammed and spoofed |
//! | camera | 3 Hz | [`camera`] has the table |
//!
//! The errors are those of a unit of standard [`Grade`].

mod air_data;
mod attitude;
mod barometer;
pub mod camera;
mod gps;
mod grade;
mod imu;

pub use air_data::AirspeedSensor;
pub use attitude::{AttitudeEstimate, AttitudeReading};
pub use barometer::{Barometer, PressureReading};
pub use gps::{GpsReading, GpsReceiver, LAG_NS, Signal};
pub use grade::Grade;
pub use imu::{Imu, ImuReading};
