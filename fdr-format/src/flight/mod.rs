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
mod manifest;
mod mapping;
mod open;
mod parameters;
mod reader;
mod storage;
mod verify;
mod writer;

pub use drops::{DROPS_FILE, DropLine, DropLog};
pub use folder::{FlightDescription, OpenError, segment_file, segment_path};
pub use manifest::{Manifest, ManifestSegment, ManifestStream};
pub use parameters::{
    ClockAnchor, DEFAULT_SEGMENT_BYTES, FlightKeys, FlightParameters, FlightSummary,
    MAX_CONFIGURATION, MAX_SEGMENT_BYTES, SegmentStart, WriteError,
};
pub use reader::{FlightItem, FlightReader, ReadError};
pub use storage::{FileSystem, SegmentFile, Storage};
pub use verify::{
    Completeness, Finding, FindingKind, TimeRange, Verification, Verifier, VerifyError, verify,
    verify_with,
};
pub use writer::FlightWriter;
