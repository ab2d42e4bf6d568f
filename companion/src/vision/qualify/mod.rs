//! Will vision hold over a sector? The real matcher and the real odometry on photographs whose
//! positions are known, with the errors that the aircraft would have.

pub mod anchors;
pub mod odometry;
mod prior;
mod report;

pub use prior::{PriorError, TruthSigmas};
pub use report::{Figures, FrameResult, Judged, Rule, judge};
