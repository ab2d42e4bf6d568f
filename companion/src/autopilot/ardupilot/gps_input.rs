//! `GPS_INPUT` (232): positions as ArduPilot's MAVLink GPS driver wants them.
//!
//! The contract is kept by construction: every field is always given (`ignore_flags` is 0), the
//! velocity is real, the week is 0 so that the autopilot's clock is left alone, and no accuracy is
//! ever 0. A position that must not be used is sent as fix 1, never withheld.
//!
//! Source: MAVLink common message definition `GPS_INPUT` (232); what ArduPilot makes of it in
//! `libraries/AP_GPS/AP_GPS_MAV.cpp`.

use mavlink::dialects::ardupilotmega::{GPS_INPUT_DATA, GpsFixType, GpsInputIgnoreFlags};
use mavlink::{MAVLinkV2MessageRaw, MavHeader};

use crate::autopilot::wire::{degrees_e7, f32_saturating};
use crate::navigator::{EmittedExternalPosition, FixType};

/// Longest `GPS_INPUT` frame: 10 bytes header, 65 payload, 2 checksum.
pub const GPS_INPUT_FRAME_MAX: usize = 77;

/// Lowest accuracy claimed for a position; the autopilot takes 0 for a real value.
const ACCURACY_FLOOR_M: f64 = 0.5;
/// Lowest accuracy claimed for a velocity.
const SPEED_ACCURACY_FLOOR_MPS: f64 = 0.1;
/// What the wire says instead of an accuracy when the position must not be used.
pub(super) const HORIZ_ACCURACY_WITHDRAWN_M: f32 = 999.0;
const SATELLITES: u8 = 10;
const HDOP: f32 = 1.0;
const VDOP: f32 = 1.5;

/// The message for one position. `gps_id` is the receiver instance that the autopilot was told to
/// take from MAVLink.
#[must_use]
pub fn gps_input(position: &EmittedExternalPosition, gps_id: u8) -> GPS_INPUT_DATA {
    let (fix_type, horiz_accuracy) = match position.fix_type {
        FixType::ThreeD => (GpsFixType::GPS_FIX_TYPE_3D_FIX, None),
        FixType::TwoD => (GpsFixType::GPS_FIX_TYPE_2D_FIX, None),
        FixType::None => (
            GpsFixType::GPS_FIX_TYPE_NO_FIX,
            Some(HORIZ_ACCURACY_WITHDRAWN_M),
        ),
    };
    let [vn, ve, vd] = position.vel_ned_mps.map(f32_saturating);
    GPS_INPUT_DATA {
        time_usec: position.time.0 / 1000,
        time_week_ms: 0,
        lat: degrees_e7(position.lat_rad),
        lon: degrees_e7(position.lon_rad),
        alt: f32_saturating(position.alt_msl_m),
        hdop: HDOP,
        vdop: VDOP,
        vn,
        ve,
        vd,
        speed_accuracy: f32_saturating(position.speed_accuracy_mps.max(SPEED_ACCURACY_FLOOR_MPS)),
        horiz_accuracy: horiz_accuracy
            .unwrap_or_else(|| f32_saturating(position.horiz_accuracy_m.max(ACCURACY_FLOOR_M))),
        vert_accuracy: f32_saturating(position.vert_accuracy_m.max(ACCURACY_FLOOR_M)),
        ignore_flags: GpsInputIgnoreFlags::empty(),
        time_week: 0,
        gps_id,
        fix_type,
        satellites_visible: SATELLITES,
        yaw: 0,
    }
}

/// Writes `message` as an unsigned MAVLink 2 frame into `out` and returns the frame.
#[must_use]
pub fn gps_input_frame<'a>(
    message: &GPS_INPUT_DATA,
    system: u8,
    component: u8,
    sequence: u8,
    out: &'a mut [u8; GPS_INPUT_FRAME_MAX],
) -> &'a [u8] {
    let mut frame = MAVLinkV2MessageRaw::new();
    let header = MavHeader {
        system_id: u32::from(system),
        component_id: component,
        sequence,
    };
    frame.serialize_message_data(header, message);
    let bytes = frame.raw_bytes();
    let length = bytes.len().min(GPS_INPUT_FRAME_MAX);
    out[..length].copy_from_slice(&bytes[..length]);
    &out[..length]
}
