//! Camera frames and a signed map become displacements and absolute anchors, on a CPU, without
//! learned weights.
//!
//! A frame is rectified with the attitude and the height at its exposure ([`rectify()`]); two rectified
//! frames give a displacement ([`odometry`]), a rectified frame and a map an anchor ([`anchor`]).
//! Nothing here has a clock, a thread or a socket.

pub mod alignment;
pub mod anchor;
pub mod calibration;
pub mod correlation;
pub mod image;
pub mod jpeg;
pub mod north_up;
pub mod odometry;
pub mod orientation;
pub mod patches;
pub mod photos;
pub mod qualify;
mod rectify;

pub use rectify::{MAX_TILT_RAD, Pose, rectify};
