//! The test world: a simulated aircraft whose fake autopilot streams to the companion.
//!
//! The world is honest where the navigator could be fooled: forces, not tracks, move the aircraft;
//! sensors see the truth through errors of realistic size; what the autopilot says never contains the
//! truth. Everything follows from a seed, byte for byte, on every machine.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod aircraft;
pub mod autopilot_stream;
pub mod belief;
pub mod bench_live;
pub mod demo;
pub mod fake_ardupilot;
pub mod fake_inav;
pub mod flight_control;
pub mod ground;
pub mod monte_carlo;
pub mod randomness;
pub mod route;
pub mod scenario;
pub mod sensors;
pub mod simulation;
pub mod truth;
pub mod wind;
pub mod world;
