//! Flight-controller links: framing, logs, and the two languages that positions are told in.

pub mod ardupilot;
mod config;
mod emitter;
pub mod inav;
pub mod live;
pub mod mavlink;
pub mod msp;
pub mod tlog;
mod wire;

pub use config::{AutopilotConfig, AutopilotKind, StreamRates};
pub use emitter::{COMPANION_COMPONENT, EMITTED_MAX, EmittedBytes, Emitter};
