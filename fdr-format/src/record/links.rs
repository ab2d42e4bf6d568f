//! Bytes on the links, clocks, keys and commands.

use crate::layout::{Bytes, enumeration, layout};

layout! {
    /// One MAVLink frame as it arrived, signature included.
    struct ReceivedMavlinkRaw<'a> {
        /// When its last byte arrived.
        time_ns: u64,
        /// Link number.
        link: u8,
        /// The frame.
        bytes: Bytes<'a>,
    }

    /// One MSP v2 frame as it arrived.
    struct ReceivedMsp2Raw<'a> {
        /// When its last byte arrived.
        time_ns: u64,
        /// Link number.
        link: u8,
        /// The frame.
        bytes: Bytes<'a>,
    }

    /// Bytes handed to the flight controller's link.
    struct SentFcBytes<'a> {
        /// When.
        time_ns: u64,
        /// Link number.
        link: u8,
        /// The bytes.
        bytes: Bytes<'a>,
    }

    /// Bytes handed to the ground station's link.
    struct SentGcsBytes<'a> {
        /// When.
        time_ns: u64,
        /// Link number.
        link: u8,
        /// The bytes.
        bytes: Bytes<'a>,
    }

    /// How a remote clock relates to the monotonic time.
    struct ClockSync {
        /// When it was estimated.
        time_ns: u64,
        /// Link number.
        link: u8,
        /// The remote clock at that time.
        remote_ns: u64,
        /// Monotonic time minus remote clock.
        offset_ns: i64,
        /// 1-sigma uncertainty of the offset.
        offset_sigma_ns: u64,
        /// Rate of the remote clock against ours, minus one, in parts per million.
        drift_ppm: f64,
        /// Round trip of the exchange, where there was one.
        round_trip_ns: Option<u64>,
    }

    /// The MAVLink signing key changed. Never holds a key byte.
    struct MavlinkSigningKeyRotated {
        /// When.
        time_ns: u64,
        /// Link number.
        link: u8,
        /// How many keys this flight has had, this one included.
        ordinal: u32,
        /// Why.
        reason: KeyRotationReason,
        /// Whether the flight controller took it.
        accepted: bool,
    }

    /// A request to the flight controller to use another set of position sources.
    struct EkfSourceSetCommand {
        /// When it was sent, or its answer came.
        time_ns: u64,
        /// Link number.
        link: u8,
        /// MAVLink system addressed.
        target_system: u8,
        /// MAVLink component addressed.
        target_component: u8,
        /// Source set, 1 to 3.
        source_set: u8,
        /// Attempt, from 1.
        attempt: u8,
        /// Answer as `MAV_RESULT`; absent while there is none.
        result: Option<u8>,
    }
}

enumeration! {
    /// Why the signing key changed.
    enum KeyRotationReason: u8 {
        /// A new flight.
        FlightStart = 0,
        /// The process was restarted and found no key it could resume.
        Restart = 1,
        /// The operator asked for it.
        Operator = 2,
    }
}
