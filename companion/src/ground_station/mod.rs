//! What a ground station is told, and what it may ask.
//!
//! | part | what |
//! |---|---|
//! | [`Texts`] | STATUSTEXT: chunked, at most one a second and severity, repeats merged |
//! | [`Values`] | NAMED_VALUE_FLOAT once a second |
//! | [`Commands`] | the operator's position estimate, acknowledged |
//! | [`GroundLink`] | our own link to a ground station: HEARTBEAT, GPS_RAW_INT, signatures |
//! | [`wording`] | what the parts of the program say, as a person should read it |

mod commands;
mod link;
mod texts;
mod values;
pub mod wording;

pub use commands::{Answer, Commands};
pub use link::{GroundConfig, GroundLink};
pub use texts::{TEXT_PREFIX, Texts, chunks};
pub use values::Values;
