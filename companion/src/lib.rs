//! GPS-Denied Companion: tells an aircraft where it is when GPS is jammed or spoofed.
//!
//! Data flows forward only: an autopilot's bytes become [`navigator::Input`]s, the
//! [`navigator::Navigator`] turns them into [`navigator::Output`]s, and those become bytes for the
//! autopilot and records for the flight data recorder.

// Results must agree to the last bit between machines: see the list in clippy.toml.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

#[cfg(all(feature = "production", any(feature = "tier1", feature = "tier2")))]
compile_error!(
    "production is a build of its own: cargo build -p companion --no-default-features --features production"
);

pub mod autopilot;
pub mod check;
pub mod checkpoint;
pub mod command_line;
pub mod config;
pub mod flight;
pub mod ground_station;
pub mod hardening;
pub mod health;
pub mod link;
pub mod navigator;
pub mod observability;
pub mod pipeline;
pub mod record_bench;
pub mod recorder;
pub mod replay;
pub mod rerun;
pub mod smoother;
pub mod vision;
