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

mod behaviour_outputs;
mod block;
mod budget;
mod clock;
mod collector;
mod config;
mod desk;
mod essential;
mod events;
mod freeze;
mod handover;
mod inputs;
mod journal;
mod keeper;
mod keys;
mod lane;
mod machines;
mod markers;
mod notices;
mod outputs;
mod refusals;
mod restart;
mod ring;
mod segment_files;
mod service;
mod shelf;
mod side_files;
mod sight_inputs;
mod sizes;
mod staging;
mod status;
mod sync;
mod tally;
mod volume;
mod watermark;
mod wear;
mod writer;

pub use block::{ALIGNMENT, BLOCK_BYTES, Block, BlockEnd, BlockSegment};
pub use budget::{Budget, LEDGER_BYTES};
pub use clock::Clock;
pub use collector::{Collector, CollectorOptions, CollectorParts};
pub use config::{RecorderConfig, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
pub use desk::Desk;
pub use essential::{
    ESSENTIAL_BYTES_PER_S, ESSENTIAL_SECONDS, EssentialFilter, essential_bytes_min,
};
pub use events::{EVENTS_MAX, EventQueue, RecorderEvent, RecorderEventKind};
pub use freeze::{FreezeDetector, FreezeReason};
pub use inputs::{input_from_record, record_from_input};
pub use journal::Journal;
pub use keeper::{Keeper, KeeperParts, KeeperStep};
pub use keys::{
    KeyError, flight_keys, forget_flight_key, make_device_key, read_device_key, read_flight_key,
    replay_keys, seal_flight,
};
pub use lane::LaneStart;
pub use machines::{Machines, Shared, close_flight};
pub use markers::Markers;
pub use notices::{Notices, Order};
pub use outputs::{output_from_record, record_from_output};
pub use refusals::Refusals;
pub use restart::{Resumed, ResumedStream, Situation, Unclosed, find_flight, read_flight};
pub use ring::{
    BODY_MAX, Received, RecordReceiver, RecordSender, Refused, is_critical, record_ring,
};
pub use segment_files::{Durable, FileProblem, SegmentFiles, Written};
pub use service::{Recorder, RecorderError};
pub use shelf::{ClosedSegment, Shelf};
pub use side_files::{SideFiles, SideKind, SideRefused};
pub use sizes::RecorderSizes;
pub use staging::{BLOCKS_MIN, DropState, Explained, Ledger, Staging, StagingQueue};
pub use status::{Histogram, Status};
pub use tally::{Loss, LostWhat, Tally};
pub use volume::{
    DiskVolume, Entry, FileUse, Space, Volume, VolumeFile, make_folders, make_segment,
    remove_durably, replace_file, sync_folder_of,
};
pub use wear::{WEAR_FILE, wear_percent};
pub use writer::{Writer, WriterStep};
