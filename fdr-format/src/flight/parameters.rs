//! What a writer is told, and what it tells.

use std::io;
use std::path::PathBuf;

use crate::identity::{BootId, Digest, FlightId, PublicKey};
use crate::layout::{List, LongText};
use crate::record::{EncodeError, FlightSource, SegmentHeader};
use crate::seal::DeviceCertificate;
use crate::segment::{SegmentEncoder, known_types};

/// Size at which a segment is closed, when nothing else is asked for.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 << 20;
/// Largest size at which a segment may be closed: a reader of a flight that may still be recorded
/// copies the last segment into memory.
pub const MAX_SEGMENT_BYTES: u64 = 256 << 20;
/// Bit of `compatible_features`: the records were recovered from a damaged recording.
pub const FEATURE_RECOVERED: u64 = 1;
/// Longest configuration text, bytes.
pub const MAX_CONFIGURATION: usize = 64 << 10;

/// What the writer has to know of a flight.
#[derive(Debug, Clone, PartialEq)]
pub struct FlightParameters {
    /// The flight.
    pub flight_id: FlightId,
    /// The boot in which its monotonic times count.
    pub boot_id: BootId,
    /// Version of the program.
    pub software_version: String,
    /// Version of the navigator's core.
    pub core_version: u32,
    /// The full configuration in its canonical text, at most 64 KiB.
    pub configuration: String,
    /// What feeds the navigator.
    pub source: FlightSource,
    /// Name of what feeds it: a log's file name, a scenario; empty in flight.
    pub source_name: String,
    /// Monotonic and Unix time of the start.
    pub clock: ClockAnchor,
    /// The public halves of the keys that seal it; `None` when it will not be sealed.
    pub keys: Option<FlightKeys>,
    /// Whether the records come from a damaged recording.
    pub recovered: bool,
    /// Size at which a segment is closed, at most [`MAX_SEGMENT_BYTES`]; the record that reaches it
    /// still belongs to the segment.
    pub segment_bytes: u64,
}

impl FlightParameters {
    /// Whether a flight can be recorded so.
    ///
    /// # Errors
    /// When the configuration is too long or segments are asked to be too large.
    pub fn check(&self) -> Result<(), WriteError> {
        let length = self.configuration.len();
        if length > MAX_CONFIGURATION {
            return Err(WriteError::ConfigurationTooLong { length });
        }
        let segment_bytes = self.segment_bytes;
        if segment_bytes > MAX_SEGMENT_BYTES {
            return Err(WriteError::SegmentTooLarge { segment_bytes });
        }
        Ok(())
    }

    /// Begins a segment of the flight: writes its header, which stands on its own, to the start of
    /// `buffer` and says how many bytes it took.
    ///
    /// # Errors
    /// When the header does not fit into the buffer or the record limit.
    pub fn begin_segment(
        &self,
        start: &SegmentStart,
        buffer: &mut [u8],
    ) -> Result<(SegmentEncoder, usize), EncodeError> {
        let types = known_types();
        let device = self.keys.and_then(|keys| keys.device);
        let header = SegmentHeader {
            time_ns: start.now_ns,
            flight_id: self.flight_id,
            segment: start.segment,
            boot_id: self.boot_id,
            compatible_features: if self.recovered { FEATURE_RECOVERED } else { 0 },
            incompatible_features: 0,
            anchor_monotonic_ns: start.clock.monotonic_ns,
            anchor_unix_ns: start.clock.unix_ns,
            previous_chain: start.previous_chain,
            flight_key: self.keys.map(|keys| keys.flight),
            device_key: device.map(|device| device.key),
            certificate: device.map(|device| device.certificate),
            core_version: self.core_version,
            software_version: &self.software_version,
            configuration: LongText(&self.configuration),
            record_types: List::new(&types),
        };
        SegmentEncoder::begin(&header, start.sequence, buffer)
    }
}

impl FlightKeys {
    /// Those that a segment header carries.
    pub(super) fn of_header(header: &SegmentHeader<'_>) -> Option<Self> {
        let device = header.device_key.zip(header.certificate);
        Some(Self {
            flight: header.flight_key?,
            device: device.map(|(key, certificate)| DeviceCertificate { key, certificate }),
        })
    }
}

/// What is said of a segment when it is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentStart {
    /// What stands for it: see [`crate::Stream::segment`].
    pub segment: u32,
    /// Sequence number of its header.
    pub sequence: u64,
    /// When it is begun.
    pub now_ns: u64,
    /// A moment in two clocks: of the start of the flight, or a later one.
    pub clock: ClockAnchor,
    /// `chain` of the segment in front, where it is known already; zeros when there is none.
    pub previous_chain: Option<Digest>,
}

/// The public keys of a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlightKeys {
    /// The flight's own.
    pub flight: PublicKey,
    /// The device's, with what it says of the flight's; `None` when the device has none.
    pub device: Option<DeviceCertificate>,
}

/// One moment in two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockAnchor {
    /// Monotonic time.
    pub monotonic_ns: u64,
    /// Unix time at that moment, where it was known.
    pub unix_ns: Option<u64>,
}

/// Why a flight could not be recorded, or not further.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The configuration is too long for a segment header.
    #[error(
        "the configuration has {length} bytes, a segment header takes {MAX_CONFIGURATION}; shorten it"
    )]
    ConfigurationTooLong {
        /// Its length.
        length: usize,
    },
    /// Segments of that size could not be read while they are written.
    #[error("segments of {segment_bytes} bytes are too large; ask for at most {MAX_SEGMENT_BYTES}")]
    SegmentTooLarge {
        /// The size asked for.
        segment_bytes: u64,
    },
    /// A folder or file cannot be made.
    #[error("{path}: cannot be created: {source}; check that the folder is writable and has room")]
    Create {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written; the flight is recorded up to there.
    #[error(
        "{path}: cannot be written: {source}; the recording is valid up to record {next_sequence}, which is lost; make room and record again"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// The first sequence number that is not recorded.
        next_sequence: u64,
    },
    /// The record cannot be encoded; the writer goes on without it.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Writing failed earlier.
    #[error(
        "{path}: writing failed earlier; the recording is valid up to record {next_sequence}, which is lost"
    )]
    AlreadyFailed {
        /// The file that could not be written.
        path: PathBuf,
        /// The first sequence number that is not recorded.
        next_sequence: u64,
    },
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct FlightSummary {
    /// The flight's folder.
    pub folder: PathBuf,
    /// The flight.
    pub flight_id: FlightId,
    /// Records that the files hold, headers and footers included.
    pub records: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Segments.
    pub segments: u32,
    /// Whether everything was written and closed in order.
    pub clean_shutdown: bool,
}
