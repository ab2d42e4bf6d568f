//! Every record type: number, name and body.

mod difference;
mod emission;
mod health;
mod inputs;
mod links;
mod record_type;
mod structure;
mod vision;

pub use difference::{FieldDifference, first_difference};
pub use emission::{
    EmittedExternalPosition, FixType, NavigatorEvent, NavigatorEventKind, SearchWindow, Severity,
    SourceLabel, SourceLabelTransition, TransitionReason, WindowSource,
};
pub use health::{
    Checkpoint, ComponentLifecycleEvent, LifecycleEvent, Log, RecorderTelemetry, SystemHealth,
    ThermalReason, ThermalThrottleHybridSwitch,
};
pub use inputs::{
    AirData, Airframe, AnchorDecision, AnchorOutcome, Attitude, Barometer, FcGps, FlightState,
    FrameExposed, FrameRefusal, GpsFix, GpsIntegrity, GpsIntegrityState, ImuTrace, OperatorHint,
    RestartState, SatelliteAnchor, TakeoffOrigin, Tick, TrustedState, VisualOdometry,
    VisualOdometryRefused,
};
pub use links::{
    ClockSync, EkfSourceSetCommand, KeyRotationReason, MavlinkSigningKeyRotated,
    ReceivedMavlinkRaw, ReceivedMsp2Raw, SentFcBytes, SentGcsBytes,
};
pub use record_type::{ParseRecordTypeError, RecordType, TypeCounts};
pub use structure::{
    CheckpointEntry, Filler, FlightFooter, FlightHeader, FlightSource, IndexEntry, LossCause,
    LossCount, RecoveredRun, Recovery, SegmentFooter, SegmentHeader, TypeCount, TypeName,
};
pub use vision::{
    BlackoutPhase, BlackoutReason, ContentHashGateFail, GateFailure, MapCandidate, MapMatch,
    MapMatchOutcome, MidFlightTileEmitted, MidFlightTileFailed, SpoofGateEvent, SpoofGateReason,
    SpoofingPromotionEvent, TileFailure, VisualBlackoutEvent,
};

use crate::layout::{BodyProblem, Field, FieldInfo, List, PutError, Sink, Source};

/// A record whose body cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{record_type} cannot be encoded: {problem}")]
pub struct EncodeError {
    /// The record's type.
    pub record_type: RecordType,
    /// Why.
    pub problem: PutError,
}

/// A body that is not what its record type says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{record_type}: field `{field}` at byte {offset} of the body {problem}")]
pub struct DecodeError {
    /// The record's type.
    pub record_type: RecordType,
    /// The field that cannot be read.
    pub field: &'static str,
    /// Where it starts in the body.
    pub offset: usize,
    /// Why.
    pub problem: BodyProblem,
}

/// Builds [`Record`] and the table of [`RecordType`] from one list.
macro_rules! record_types {
    ($( $code:literal $constant:ident $name:ident $(<$lifetime:lifetime>)? ),* $(,)?) => {
        /// One record's content.
        ///
        /// JSON shows the body alone; non-finite numbers become `null` there.
        #[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
        #[serde(untagged)]
        pub enum Record<'a> {
            $(
                #[doc = concat!("`", stringify!($code), "`: see [`", stringify!($name), "`].")]
                $name($name $(<$lifetime>)?),
            )*
            /// A type that this version does not know; kept as it is.
            Unknown {
                /// Its type.
                #[serde(skip)]
                record_type: RecordType,
                /// Its body.
                body: crate::layout::LongBytes<'a>,
            },
        }

        impl RecordType {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                pub const $constant: Self = Self($code);
            )*

            /// Every type that this version knows, in the order of the numbers.
            pub const KNOWN: &[Self] = &[$( Self::$constant ),*];

            /// Its name, when this version knows it.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $( Self::$constant => Some(stringify!($name)), )*
                    _ => None,
                }
            }

            /// What it is, in one sentence; `None` for a type that this version does not know.
            #[must_use]
            pub fn summary(self) -> Option<String> {
                match self {
                    $( Self::$constant => Some($name::summary()), )*
                    _ => None,
                }
            }

            /// The byte table of its body; empty for a type that this version does not know.
            #[must_use]
            pub fn fields(self) -> Vec<FieldInfo> {
                match self {
                    $( Self::$constant => $name::fields(), )*
                    _ => Vec::new(),
                }
            }
        }

        impl<'a> Record<'a> {
            /// Its type.
            #[must_use]
            pub fn record_type(&self) -> RecordType {
                match self {
                    $( Self::$name(_) => RecordType::$constant, )*
                    Self::Unknown { record_type, .. } => *record_type,
                }
            }

            /// When its content was valid, in monotonic nanoseconds; `None` for an unknown type.
            #[must_use]
            pub fn time_ns(&self) -> Option<u64> {
                match self {
                    $( Self::$name(body) => Some(body.time_ns), )*
                    Self::Unknown { .. } => None,
                }
            }

            /// Writes the body to the start of `buffer` and says how many bytes it took.
            ///
            /// # Errors
            /// When the buffer is too small, or a text, byte string or list too long for its field.
            pub fn encode_body(&self, buffer: &mut [u8]) -> Result<usize, EncodeError> {
                let mut sink = Sink::new(buffer);
                let written = match self {
                    $( Self::$name(body) => body.put(&mut sink), )*
                    Self::Unknown { body, .. } => sink.slice(body.0),
                };
                match written {
                    Ok(()) => Ok(sink.used()),
                    Err(problem) => Err(EncodeError { record_type: self.record_type(), problem }),
                }
            }

            /// Reads a body. Texts, byte strings and lists are borrowed from it.
            ///
            /// Bodies grow at their end from version to version: bytes behind the last field that
            /// this version knows are ignored.
            ///
            /// # Errors
            /// When the body of a known type is too short or holds a value that its type does not
            /// allow.
            pub fn decode(record_type: RecordType, body: &'a [u8]) -> Result<Self, DecodeError> {
                let mut source = Source::new(body);
                let decoded = match record_type {
                    $( RecordType::$constant => $name::take(&mut source).map(Self::$name), )*
                    _ => Ok(Self::Unknown { record_type, body: crate::layout::LongBytes(body) }),
                };
                decoded.map_err(|problem| {
                    let (field, offset) = source.current_field();
                    DecodeError { record_type, field, offset, problem }
                })
            }
        }

        $(
            impl<'a> From<$name $(<$lifetime>)?> for Record<'a> {
                fn from(body: $name $(<$lifetime>)?) -> Self {
                    Self::$name(body)
                }
            }
        )*
    };
}

record_types! {
    0x0001 EMITTED_EXTERNAL_POSITION EmittedExternalPosition,
    0x0002 IMU_TRACE ImuTrace,
    0x0003 RECEIVED_MAVLINK_RAW ReceivedMavlinkRaw<'a>,
    0x0004 RECEIVED_MSP2_RAW ReceivedMsp2Raw<'a>,
    0x0005 SYSTEM_HEALTH SystemHealth,
    0x0006 SOURCE_LABEL_TRANSITION SourceLabelTransition,
    0x0007 MID_FLIGHT_TILE_EMITTED MidFlightTileEmitted,
    0x0008 MID_FLIGHT_TILE_FAILED MidFlightTileFailed<'a>,
    0x0009 MAVLINK_SIGNING_KEY_ROTATED MavlinkSigningKeyRotated,
    0x000A EKF_SOURCE_SET_COMMAND EkfSourceSetCommand,
    0x000B VISUAL_BLACKOUT_EVENT VisualBlackoutEvent,
    0x000C SPOOFING_PROMOTION_EVENT SpoofingPromotionEvent,
    0x000D CONTENT_HASH_GATE_FAIL ContentHashGateFail<'a>,
    0x000E THERMAL_THROTTLE_HYBRID_SWITCH ThermalThrottleHybridSwitch,
    0x000F COMPONENT_LIFECYCLE_EVENT ComponentLifecycleEvent<'a>,
    0x0100 FLIGHT_HEADER FlightHeader<'a>,
    0x0101 FLIGHT_FOOTER FlightFooter<'a>,
    0x0102 SEGMENT_HEADER SegmentHeader<'a>,
    0x0103 SEGMENT_FOOTER SegmentFooter<'a>,
    0x0104 FILLER Filler<'a>,
    0x0105 RECOVERY Recovery<'a>,
    0x0106 RECOVERED_RUN RecoveredRun,
    0x0200 ATTITUDE Attitude,
    0x0201 AIR_DATA AirData,
    0x0202 BAROMETER Barometer,
    0x0203 FC_GPS FcGps,
    0x0204 FLIGHT_STATE FlightState,
    0x0205 TICK Tick,
    0x0206 VISUAL_ODOMETRY VisualOdometry,
    0x0207 SATELLITE_ANCHOR SatelliteAnchor,
    0x0208 OPERATOR_HINT OperatorHint,
    0x0209 VISUAL_ODOMETRY_REFUSED VisualOdometryRefused,
    0x020A FRAME_EXPOSED FrameExposed,
    0x020B TAKEOFF_ORIGIN TakeoffOrigin,
    0x020C TRUSTED_STATE TrustedState,
    0x020D RESTART_STATE RestartState,
    0x020E GPS_INTEGRITY GpsIntegrity,
    0x0300 ANCHOR_DECISION AnchorDecision,
    0x0301 SENT_FC_BYTES SentFcBytes<'a>,
    0x0302 SENT_GCS_BYTES SentGcsBytes<'a>,
    0x0303 CLOCK_SYNC ClockSync,
    0x0304 CHECKPOINT Checkpoint<'a>,
    0x0305 RECORDER_TELEMETRY RecorderTelemetry,
    0x0306 LOG Log<'a>,
    0x0307 NAVIGATOR_EVENT NavigatorEvent,
    0x0308 SEARCH_WINDOW SearchWindow,
    0x0309 MAP_MATCH MapMatch<'a>,
}
