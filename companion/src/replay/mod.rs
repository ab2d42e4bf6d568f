//! Replays a flight log through the pipeline that flies: log in, recording and positions out.
//!
//! The log's own stamps are the clock, so the same log gives the same positions whenever and wherever
//! it is replayed. GPS can be denied for stretches; the log's own GPS then is the truth that the
//! positions are measured against, and never reaches the navigator.
//!
//! | part | does |
//! |---|---|
//! | [`LogFile`] | opens a log |
//! | [`Survey`] | first pass: when it begins and ends, which vehicle it holds |
//! | [`DenialWindows`] | when GPS is denied |
//! | [`feed`](fn@feed) | second pass, without I/O: frames to pipeline, in the log's time |
//! | [`Sight`] | photographs beside the log, seen in step with it |
//! | [`replay`] | the whole: recording, positions file, figures |

mod error;
mod feed;
mod identity;
mod log_file;
mod positions;
mod progress;
mod recording;
mod run;
mod sight;
mod summary;
mod survey;
mod truth;
mod windows;

pub use error::ReplayError;
pub use feed::{FeedEnd, FeedReport, MaskCounts, Observer, feed, feed_seeing};
pub(crate) use identity::random_flight_id;
pub use log_file::LogFile;
pub use positions::PositionLine;
pub use progress::{Pass, Progress, Stopped, Watcher};
pub use run::{ReplayOptions, Replayed, replay, replay_seeing};
pub use sight::{Sight, SightCounts, SightOptions};
pub use summary::{SenderSummary, StampSummary, Summary, WindowSummary};
pub use survey::Survey;
pub use truth::compare_with_fix;
pub use windows::{DenialWindow, DenialWindows, WindowError};
