//! What the navigator promises when things go wrong, through `Navigator::handle` alone. Each test bears the
//! identifier of the requirement that it proves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anchors;
mod beginning;
mod blackout;
mod gps;
mod ladder;
#[path = "../support/weaving_flight.rs"]
mod weaving_flight;
mod world;
