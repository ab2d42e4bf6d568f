//! What holds a recording together: headers, footers, filler.

use super::RecordType;
use crate::identity::{BootId, FlightId};
use crate::layout::{List, LongBytes, LongText, enumeration, layout};

layout! {
    /// First record after the first segment's header.
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

    /// Last record before the last segment's footer.
    struct FlightFooter<'a> {
        /// End of the flight.
        time_ns: u64,
        /// Records in the flight, this one included, the segment footer behind it not.
        records: u64,
        /// Bytes of all segments up to the start of this record.
        bytes: u64,
        /// Segments written, dropped ones included.
        segments: u32,
        /// Whether the recorder was closed in order.
        clean_shutdown: bool,
        /// Records lost, by cause.
        lost: List<'a, LossCount>,
    }

    /// First record of every segment, which makes the segment complete on its own.
    struct SegmentHeader<'a> {
        /// When the segment was begun.
        time_ns: u64,
        /// The flight.
        flight_id: FlightId,
        /// Number of the segment, from 0.
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
        /// Version of the navigator's core.
        core_version: u32,
        /// Version of the program.
        software_version: &'a str,
        /// The full configuration in its canonical text.
        configuration: LongText<'a>,
        /// The record types that the writer knows.
        record_types: List<'a, TypeName<'a>>,
    }

    /// Last record of a closed segment.
    struct SegmentFooter<'a> {
        /// When the segment was closed.
        time_ns: u64,
        /// Number of the segment.
        segment: u32,
        /// Whether it is the last segment of the flight.
        last: bool,
        /// Records in front of this one, the header included.
        records: u64,
        /// Bytes in front of this record.
        bytes: u64,
        /// Sequence number of the segment's header.
        first_sequence: u64,
        /// Sequence number of the record in front of this one.
        last_sequence: u64,
        /// Least `monotonic_ms` of the records in front.
        first_monotonic_ms: u64,
        /// Greatest `monotonic_ms` of the records in front.
        last_monotonic_ms: u64,
        /// Records in front of this one, by type, in the order of the types.
        counts: List<'a, TypeCount>,
    }

    /// Room between records, so that a block which was synced need not be rewritten.
    struct Filler<'a> {
        /// When it was written.
        time_ns: u64,
        /// Of no meaning.
        padding: LongBytes<'a>,
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
    }
}
