//! The recorder: what its producers append is recorded, or its loss is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod freeze;
mod hooked;
mod losses;
mod model;
mod restart;
mod rig;
mod ring;
mod sealing;
mod threads;
