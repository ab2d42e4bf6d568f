//! Camera frames and a signed map become displacements and absolute anchors, on a CPU, without
//! learned weights.
//!
//! A frame is rectified with the attitude and the height at its exposure ([`rectify()`]); two rectified
//! frames give a displacement ([`odometry`]), a rectified frame and a map an anchor ([`anchor`]).
//!
//! ```text
//! FrameSource -> Mailbox -> Eye: Tracker (odometry, keyframe) -> VisualOdometry
//! navigator's inputs and outputs -> Situation -^  MapSearch (map package) -> SatelliteAnchor, MapMatch
//! ```
//!
//! Nothing here has a clock, a thread or a socket; [`frame_source`] and [`map`] read files.

pub mod alignment;
pub mod anchor;
pub mod calibration;
pub mod correlation;
pub mod eye;
pub mod frame_source;
pub mod image;
pub mod jpeg;
pub mod map;
pub mod map_search;
pub mod midflight;
pub mod north_up;
pub mod notices;
pub mod odometry;
pub mod orientation;
pub mod patches;
pub mod photos;
pub mod png;
pub mod qualify;
mod rectify;
mod registration;
pub mod service;
pub mod situation;
pub mod tracker;
mod view;

pub use rectify::{MAX_TILT_RAD, Pose, rectify};
