//! The flight data recorder's side of the core: what the navigator consumed and said, as records.

mod config;
mod inputs;
mod outputs;

pub use config::{RecorderConfig, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
pub use inputs::{input_from_record, record_from_input};
pub use outputs::{output_from_record, record_from_output};
