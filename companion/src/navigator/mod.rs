//! The deterministic core: timestamped inputs in, positions with an honest covariance out.
//!
//! It has no clock, thread, socket, file or randomness and allocates nothing after start-up, so the
//! same code runs in flight, in simulation at many times real time, and in the re-run of a recording.
//! Every transcendental function comes from `libm`, so that processors agree to the last bit.
//!
//! Labels: without map matches and camera motion among the inputs every position is
//! `dead_reckoned`, also while the autopilot's GPS is fused.

mod atmosphere;
mod behaviour;
mod blackout;
mod clock;
mod config;
mod contradiction;
mod core;
mod degradation;
mod emission;
mod estimator;
mod geodesy;
mod geoid;
mod gps_judge;
mod gps_track;
mod input;
mod no_estimate;
mod output;
mod relocalisation;
mod source_label;
mod spoof_gate;
mod standing;
mod takeoff_origin;
mod thermal;
mod units;
mod validity;
mod vision_watch;

pub use self::core::{CORE_VERSION, Navigator};
pub use behaviour::{
    AutopilotTraits, FixThresholds, LadderPreset, SightRules, SpoofGateRules, ThermalLimits,
};
pub use config::{Gates, InitialSigma, NavigatorConfig, ProcessNoise, SensorNoise, Vision};
pub(crate) use estimator::Hindsight;
pub use estimator::{AnchorOutcome, AnchorRefusal, HintOutcome, OdometryOutcome};
pub use geodesy::Geodetic;
pub(crate) use geodesy::wrap_pi;
pub use geoid::undulation_m;
pub use input::{
    AirData, Airframe, Attitude, Barometer, Displacement, FcGps, FlightState, FrameExposed,
    FrameOutcome, FrameRefusal, GpsFix, GpsIntegrity, GpsIntegrityState, ImuSample, Input,
    OperatorHint, PastState, RestartState, SatelliteAnchor, SystemHealth, TakeoffOrigin, Tick,
    TrustedState, VisualOdometry,
};
pub use output::{
    AnchorVerdict, BlackoutEvent, BlackoutPhase, BlackoutReason, EmittedExternalPosition, Event,
    EventKind, FixType, Output, Outputs, PositionSource, SearchWindow, Severity, SourceLabel,
    SourceLabelTransition, SpoofGateEvent, SpoofGateReason, SpoofGateStep, ThermalReason,
    ThermalSwitch, TransitionReason, WindowSource,
};
pub use units::{Covariance6, Ellipse95, MonotonicNs};
