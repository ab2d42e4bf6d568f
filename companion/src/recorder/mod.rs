//! The flight data recorder.
//!
//! ```text
//! producer -> ring (bounded, wait-free) \
//! producer -> ring                       > collector -> staging (blocks) -> I/O thread -> segments
//! producer -> ring                      /
//! ```
//!
//! [`Recorder`] runs it; the parts are machines that tests drive without threads. What is lost on the
//! way, for want of room or of a disk, is recorded where it happened.

mod block;
mod collector;
mod config;
mod inputs;
mod outputs;
mod refusals;
mod ring;
mod segment_files;
mod service;
mod sight_inputs;
mod staging;
mod status;
mod tally;
mod volume;

pub use block::{ALIGNMENT, BLOCK_BYTES, Block, BlockEnd, BlockSegment};
pub use collector::Collector;
pub use config::{RecorderConfig, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
pub use inputs::{input_from_record, record_from_input};
pub use outputs::{output_from_record, record_from_output};
pub use refusals::Refusals;
pub use ring::{
    BODY_MAX, Received, RecordReceiver, RecordSender, Refused, is_critical, record_ring,
};
pub use segment_files::{Durable, FileProblem, SegmentFiles};
pub use service::{Clock, Recorder, RecorderError, RecorderSizes};
pub use staging::{BLOCKS_MIN, Explained, Staging, StagingQueue, Work};
pub use status::{Histogram, Status};
pub use tally::{Loss, Tally};
pub use volume::{
    DiskVolume, Entry, FileUse, Space, Volume, VolumeFile, make_folders, make_segment,
    remove_durably, replace_file, sync_folder_of,
};
