//! What holds a recording together: headers, footers, filler.

use super::RecordType;
use crate::identity::{BootId, Digest, FlightId, PublicKey, Signature};
use crate::layout::{List, LongBytes, LongText, enumeration, layout};

layout! {
    /// First record after the header of a stream's first segment.
    struct FlightHeader<'a> {
        /// Start of the flight.
        time_ns: u64,
        /// The flight.
        flight_id: FlightId,
        /// What fed the navigator.
        source: FlightSource,
        /// Name of what fed it: a log's file name, a scenario; empty in flight.
        source_name: &'a str,
    }

    /// Last record before the footer of a stream's last segment.
    struct FlightFooter<'a> {
        /// End of the flight.
        time_ns: u64,
        /// Records numbered in the stream, lost ones and this one included, the segment footer
        /// behind it not.
        records: u64,
        /// Segments of the stream, dropped ones included.
        segments: u32,
        /// Whether the recorder was closed in order.
        clean_shutdown: bool,
        /// Records of the stream lost, by cause.
        lost: List<'a, LossCount>,
    }

    /// First record of every segment, which makes the segment complete on its own.
    struct SegmentHeader<'a> {
        /// When the segment was begun.
        time_ns: u64,
        /// The flight.
        flight_id: FlightId,
        /// Number of the segment in its stream, from 0; plus 2^31 in the essential stream.
        segment: u32,
        /// The boot in which the flight's monotonic times count.
        boot_id: BootId,
        /// Features that a reader may ignore, one bit each.
        compatible_features: u64,
        /// Features without which the segment cannot be read, one bit each.
        incompatible_features: u64,
        /// Clock anchor: a monotonic time.
        anchor_monotonic_ns: u64,
        /// Clock anchor: the Unix time at that moment, where it was known.
        anchor_unix_ns: Option<u64>,
        /// `chain` of the last closed segment of the stream, where the writer knew it; zeros when
        /// there is none.
        previous_chain: Option<Digest>,
        /// The flight's key: who has its secret half sealed the flight.
        flight_key: Option<PublicKey>,
        /// The key of the device that recorded.
        device_key: Option<PublicKey>,
        /// The device key's signature over the flight and its key.
        certificate: Option<Signature>,
        /// Version of the navigator's core.
        core_version: u32,
        /// Version of the program.
        software_version: &'a str,
        /// The full configuration in its canonical text.
        configuration: LongText<'a>,
        /// The record types that the writer knows.
        record_types: List<'a, TypeName<'a>>,
    }

    /// Last record of a closed segment: what the file holds in front of it.
    struct SegmentFooter<'a> {
        /// When the segment was closed.
        time_ns: u64,
        /// Hash of this record and, with `content` and `previous_chain`, of everything in front of it
        /// in the stream.
        chain: Digest,
        /// `chain` of the last segment in front that has a footer; zeros when there is none.
        previous_chain: Digest,
        /// BLAKE3 of the bytes in front of this record.
        content: Digest,
        /// Number of the segment, as in its header.
        segment: u32,
        /// Whether it is the last segment of its stream.
        last: bool,
        /// Records in front of this one, the header included.
        records: u64,
        /// Bytes in front of this record.
        bytes: u64,
        /// Sequence number of the first record.
        first_sequence: u64,
        /// Sequence number of the record in front of this one.
        last_sequence: u64,
        /// Least `monotonic_ms` of the records in front.
        first_monotonic_ms: u64,
        /// Greatest `monotonic_ms` of the records in front.
        last_monotonic_ms: u64,
        /// Records in front of this one, by type, in the order of the types.
        counts: List<'a, TypeCount>,
        /// Records lost according to the loss records in front, by cause.
        losses: List<'a, LossCount>,
        /// The chunks of the segment, without a gap from byte 0 to this record.
        index: List<'a, IndexEntry>,
        /// Where the navigator's checkpoints are; thinned evenly when there are many.
        checkpoints: List<'a, CheckpointEntry>,
    }

    /// Room between records, so that a block which was synced need not be rewritten.
    struct Filler<'a> {
        /// When it was written.
        time_ns: u64,
        /// Of no meaning.
        padding: LongBytes<'a>,
    }

    /// Says that the recording was recovered from another one, and what was wrong with that.
    struct Recovery<'a> {
        /// Start of the flight.
        time_ns: u64,
        /// The flight of the source; this recording has an id of its own.
        source_flight: FlightId,
        /// The stream of the source.
        essential: bool,
        /// Exit code of `verify` for the source: 0, 2, 3 or 4. It is also that of this recording.
        source_exit_code: u8,
        /// Records of the source that were read.
        records: u64,
        /// Sequence numbers that were missing in the source.
        missing_records: u64,
        /// Bytes of the source that are no valid record.
        damaged_bytes: u64,
        /// Version of the program that recovered it.
        software_version: &'a str,
    }

    /// Where records of a recovered recording come from: a row of records, as long in both.
    struct RecoveredRun {
        /// When the first of them was recorded.
        time_ns: u64,
        /// Segment of the source, as in its header.
        segment: u32,
        /// Byte of that segment at which the first one starts.
        offset: u64,
        /// Sequence number of the first one in the source.
        source_sequence: u64,
        /// Sequence number of the first one here.
        sequence: u64,
        /// How many.
        records: u64,
    }

    /// A number of records of one type.
    struct TypeCount {
        /// The type.
        record_type: RecordType,
        /// How many.
        count: u64,
    }

    /// The name of one record type.
    struct TypeName<'a> {
        /// The type.
        record_type: RecordType,
        /// Its name.
        name: &'a str,
    }

    /// One chunk of a segment: whole records in a row.
    struct IndexEntry {
        /// Byte of the segment at which it starts.
        offset: u64,
        /// Sequence number of its first record.
        sequence: u64,
        /// Least `monotonic_ms` of its records.
        least_ms: u64,
        /// Greatest `monotonic_ms` of its records.
        greatest_ms: u64,
        /// The types of its records: bit `16 * (type / 256 % 4) + type % 16` for each.
        types: u64,
    }

    /// One record of type `Checkpoint`.
    struct CheckpointEntry {
        /// Byte of the segment at which it starts.
        offset: u64,
        /// Its sequence number.
        sequence: u64,
        /// Its `monotonic_ms`.
        monotonic_ms: u64,
    }

    /// A number of records lost for one cause.
    struct LossCount {
        /// Why.
        cause: LossCause,
        /// How many.
        count: u64,
    }
}

enumeration! {
    /// What fed the navigator.
    enum FlightSource: u8 {
        /// Sensors in flight.
        Flight = 0,
        /// A log of an earlier flight.
        Replay = 1,
        /// A simulator.
        Simulation = 2,
    }

    /// Why records were lost.
    enum LossCause: u8 {
        /// The recording reached its cap.
        Cap = 0,
        /// The file system was full.
        NoSpace = 1,
        /// The disk was too slow.
        IoStall = 2,
        /// A producer's ring was full.
        RingFull = 3,
        /// Writing failed.
        IoError = 4,
        /// The process died; how much it had on the way is not known to the one that went on.
        Restart = 5,
        /// The record was too long for its ring.
        RecordTooLong = 6,
        /// The recording was frozen at its cap, so that the newest were dropped.
        Frozen = 7,
        /// The record was read damaged when the recording was recovered.
        Damage = 8,
        /// The recording that this one was recovered from says why.
        Source = 9,
    }
}

impl LossCause {
    /// Its name in loss records, in JSON and in `drops.log`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cap => "cap",
            Self::NoSpace => "no_space",
            Self::IoStall => "io_stall",
            Self::RingFull => "ring_full",
            Self::IoError => "io_error",
            Self::Restart => "restart",
            Self::RecordTooLong => "record_too_long",
            Self::Frozen => "frozen",
            Self::Damage => "damage",
            Self::Source => "source",
        }
    }

    /// The cause of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|cause| cause.name() == name)
    }
}
