//! The deterministic core: timestamped inputs in, positions with an honest covariance out.
//!
//! It has no clock, thread, socket, file or randomness and allocates nothing after start-up, so the
//! same code runs in flight, in simulation at many times real time, and in the re-run of a recording.

mod input;
mod output;
mod units;

pub use input::{
    AirData, Airframe, Attitude, Barometer, FcGps, FlightState, GpsFix, ImuSample, Input, Tick,
};
pub use output::{
    EmittedExternalPosition, Event, EventKind, FixType, Output, Outputs, Severity, SourceLabel,
    SourceLabelTransition, TransitionReason,
};
pub use units::{Covariance6, Ellipse95, MonotonicNs};
