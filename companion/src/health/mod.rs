//! The state of the machine, once a second: load, heat, throttling, memory, room for the recording.
//!
//! The processor and the memory are read through `sysinfo`; what only a board knows (its graphics
//! processor, thermal zones, cooling, supply rails) from the kernel's `sysfs` below a configurable root,
//! so that a tree of files stands in for a Jetson. What a machine does not have is absent, never zero.
//! The sample is an ordinary input of the navigator, whose thermal policy decides what follows from it.

mod board;
mod config;
mod reader;
mod text;

pub use board::{BoardReader, BoardReadings, Rail, Zone};
pub use config::HealthConfig;
pub use reader::{HealthReader, MachineReadings};
