//! The deterministic core: timestamped inputs in, positions with an honest covariance out.
//!
//! It has no clock, thread, socket, file or randomness and allocates nothing after start-up, so the
//! same code runs in flight, in simulation at many times real time, and in the re-run of a recording.
//! Every transcendental function comes from `libm`, so that processors agree to the last bit.
//!
//! Labels: without map matches and camera motion among the inputs every position is
//! `dead_reckoned`, also while the autopilot's GPS is fused.

mod atmosphere;
mod config;
mod core;
mod emission;
mod estimator;
mod geodesy;
mod gps_watch;
mod input;
mod output;
mod units;
mod validity;

pub use self::core::{CORE_VERSION, Navigator};
pub use config::{
    FixThresholds, Gates, InitialSigma, NavigatorConfig, ProcessNoise, SensorNoise, Vision,
};
pub(crate) use estimator::Hindsight;
pub use estimator::{AnchorOutcome, AnchorRefusal, HintOutcome, OdometryOutcome};
pub use geodesy::Geodetic;
pub use input::{
    AirData, Airframe, Attitude, Barometer, Displacement, FcGps, FlightState, FrameExposed,
    FrameOutcome, FrameRefusal, GpsFix, GpsIntegrity, GpsIntegrityState, ImuSample, Input,
    OperatorHint, RestartState, SatelliteAnchor, SystemHealth, TakeoffOrigin, Tick, TrustedState,
    VisualOdometry,
};
pub use output::{
    EmittedExternalPosition, Event, EventKind, FixType, Output, Outputs, Severity, SourceLabel,
    SourceLabelTransition, TransitionReason,
};
pub use units::{Covariance6, Ellipse95, MonotonicNs};
