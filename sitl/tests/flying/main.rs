//! The companion's live machine flies the fake ArduPilot in simulated time: what the autopilot takes, refuses,
//! forwards and forgets, and how a wrong companion fails on it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod ground;
mod links;
mod rig;
mod signing;
mod takes;
mod wrong;
