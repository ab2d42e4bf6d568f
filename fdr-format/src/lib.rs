//! The GFDR flight data recording format.
//!
//! A recording is a folder of segments; a segment is a row of framed records, each with its own
//! checksum and sequence number, so that a reader can go on after damage and can prove that nothing
//! is missing. `docs/fdr-format.md` describes every byte.
//!
//! | to | use |
//! |---|---|
//! | record a flight | [`FlightWriter`] |
//! | read a flight | [`FlightReader`] |
//! | judge a flight | [`verify`](fn@verify), [`verify_with`] |
//! | read or write segments in memory | [`SegmentReader`], [`SegmentEncoder`] |
//! | know the record types | [`Record`], [`RecordType`], [`records`] |

mod flight;
mod frame;
mod identity;
mod layout;
mod receipt;
mod record;
mod seal;
mod segment;

pub use flight::{
    Checked, ClockAnchor, Completeness, DEFAULT_SEGMENT_BYTES, DROPS_FILE, DropLine, DropLog,
    FEATURE_RECOVERED, FileSystem, Finding, FindingKind, FlightDescription, FlightFollower,
    FlightItem, FlightKeys, FlightParameters, FlightReader, FlightSummary, FlightWriter, Followed,
    MAX_CONFIGURATION, MAX_SEGMENT_BYTES, Manifest, ManifestSegment, ManifestStream, OpenError,
    Overview, Policy, ReadError, RecoverError, RecoverySummary, SealState, SealVerdict,
    SegmentFile, SegmentStart, Selection, Storage, StreamOverview, StreamVerdict, TimeRange,
    Verification, VerifyError, VerifyOptions, WriteError, find_flights, recover,
    recovered_flight_id, segment_file, segment_path, verify, verify_with,
};
pub use frame::{
    FORMAT_VERSION, FRAME_OVERHEAD, FrameHead, FrameProblem, MAGIC, MAX_BODY, RawRecord,
    encode_frame, frame_heads,
};
pub use identity::{
    BootId, Digest, FlightId, ParseHexError, ParseIdError, PublicKey, SegmentIdentity, Signature,
    Stream,
};
pub use layout::{
    BodyProblem, Bytes, FieldInfo, List, LongBytes, LongText, PutError, Structure, ValueInfo,
};
pub use receipt::{RECEIPT_FILE, Receipt, ReceiptFile, ReceiptStream, SignedReceipt};
pub use record::{
    DecodeError, EncodeError, FieldDifference, Record, RecordType, TypeCounts, first_difference,
};
pub use seal::{
    DeviceCertificate, SEAL_FILE, SEAL_KEY_FILE, Seal, SealProblem, SealedStream, SecretKey,
    is_signed,
};
pub use segment::{
    Damage, FOOTER_ROOM, FooterParameters, SegmentCursor, SegmentEncoder, SegmentError,
    SegmentReader, SegmentSummary,
};

/// The body of every record type, and the enumerations in them.
pub mod records {
    pub use crate::record::*;
}
