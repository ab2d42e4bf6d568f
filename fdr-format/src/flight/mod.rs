//! A flight as a folder of segment files.
//!
//! ```text
//! DIR/{flight_id}/manifest.json
//! DIR/{flight_id}/drops.log                 only when something was dropped
//! DIR/{flight_id}/seal.json                 once the flight is sealed
//! DIR/{flight_id}/segments/seg_00000.bin
//! DIR/{flight_id}/essential/seg_00000.bin
//! ```

mod drops;
mod folder;
mod follow;
mod manifest;
mod mapping;
mod open;
mod outline;
mod overview;
mod parameters;
mod reader;
mod recover;
mod scan;
mod selection;
mod storage;
mod verify;
mod writer;

pub(crate) use open::read_limited;

pub use drops::{DROPS_FILE, DropLine, DropLog};
pub use folder::{FlightDescription, OpenError, find_flights, segment_file, segment_path};
pub use follow::{FlightFollower, Followed};
pub use manifest::{Manifest, ManifestSegment, ManifestStream};
pub use overview::{Overview, StreamOverview};
pub use parameters::{
    ClockAnchor, DEFAULT_SEGMENT_BYTES, FEATURE_RECOVERED, FlightKeys, FlightParameters,
    FlightSummary, MAX_CONFIGURATION, MAX_SEGMENT_BYTES, SegmentStart, WriteError,
};
pub use reader::{FlightItem, FlightReader, ReadError};
pub use recover::{RecoverError, RecoverySummary, recover, recovered_flight_id};
pub use selection::Selection;
pub use storage::{FileSystem, SegmentFile, Storage};
pub use verify::{
    Checked, Completeness, Finding, FindingKind, Policy, SealState, SealVerdict, StreamVerdict,
    TimeRange, Verification, VerifyError, VerifyOptions, verify, verify_with,
};
pub use writer::FlightWriter;
