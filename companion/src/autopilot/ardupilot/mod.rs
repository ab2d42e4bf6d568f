//! ArduPilot over MAVLink: what it says becomes navigator inputs, positions become `GPS_INPUT`.

mod adapter;
mod airspeed;
mod denial;
mod gps_input;
mod gps_signs;
mod link;
mod vehicle;

pub use adapter::ArduPilotAdapter;
pub use denial::{Masked, mask_gps};
pub use gps_input::{GPS_INPUT_FRAME_MAX, gps_input, gps_input_frame};
pub use link::{ArduPilotLink, Install, ParameterFinding, SigningStart, judge_parameters};
pub use vehicle::{AUTOPILOT_COMPONENT, VehicleLock};
