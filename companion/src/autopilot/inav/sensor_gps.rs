//! Positions as `MSP2_SENSOR_GPS`.
//!
//! iNav does not check the length of this message and reads past the end of a short one: the payload
//! is an array of exactly 52 bytes, so that no other length can be written.
//!
//! Source: iNav 9.1, `mspSensorGpsDataMessage_t` in `src/main/msp/msp_protocol_v2_sensor_msg.h`; what
//! its receiver makes of it in `src/main/io/gps_msp.c`.

use core::f64::consts::TAU;

use crate::autopilot::msp::{Direction, MspFrame, OVERHEAD};
use crate::autopilot::wire::{centi, degrees_e7, scaled_u16};
use crate::navigator::{EmittedExternalPosition, FixType};

/// Command number of `MSP2_SENSOR_GPS`.
pub const MSP2_SENSOR_GPS: u16 = 0x1F03;
/// Bytes of its payload, always.
pub const SENSOR_GPS_PAYLOAD: usize = 52;
/// Bytes of its frame, always.
pub const SENSOR_GPS_FRAME: usize = SENSOR_GPS_PAYLOAD + OVERHEAD;

/// iNav divides the accuracies by ten and calls the result centimetres: the wire is in millimetres,
/// whatever the header's comment says.
const ACCURACY_PER_M: f64 = 1e3;
const ACCURACY_FLOOR_M: f64 = 0.5;
const SPEED_ACCURACY_PER_MPS: f64 = 1e2;
const SPEED_ACCURACY_FLOOR_MPS: f64 = 0.1;
/// Satellites that are told. Never 99, which iNav takes for an estimated fix.
pub const SATELLITES: u8 = 10;
const HDOP_X100: u16 = 100;
const WEEK_NONE: u16 = u16::MAX;
const YAW_NONE: u16 = u16::MAX;
const FULL_CIRCLE_CDEG: u16 = 36_000;

/// The fields of `MSP2_SENSOR_GPS` in the units and the order of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorGps {
    /// Receiver instance; not looked at.
    pub instance: u8,
    /// GPS week; 65535 = none.
    pub gps_week: u16,
    /// Milliseconds in the week.
    pub ms_tow: u32,
    /// 0 none, 2 2D, 3 3D.
    pub fix_type: u8,
    /// Satellites.
    pub satellites: u8,
    /// 1-sigma, mm.
    pub horizontal_accuracy_mm: u16,
    /// 1-sigma, mm.
    pub vertical_accuracy_mm: u16,
    /// 1-sigma, cm/s.
    pub velocity_accuracy_cmps: u16,
    /// Horizontal dilution times 100.
    pub hdop_x100: u16,
    /// 1e-7 degrees; before the latitude.
    pub longitude_e7: i32,
    /// 1e-7 degrees.
    pub latitude_e7: i32,
    /// Centimetres above mean sea level.
    pub altitude_cm: i32,
    /// North, east, down, cm/s.
    pub velocity_ned_cmps: [i32; 3],
    /// Direction of travel, 0.01 degrees.
    pub ground_course_cdeg: u16,
    /// Heading, 0.01 degrees; 65535 = none.
    pub true_yaw_cdeg: u16,
    /// UTC year; 0 = no time.
    pub year: u16,
    /// UTC month, day, hour, minute, second.
    pub month_to_second: [u8; 5],
}

impl SensorGps {
    /// The message for one position. Time is not given: iNav would set its clock by it.
    #[must_use]
    pub fn from_position(position: &EmittedExternalPosition) -> Self {
        let accuracy = |metres: f64| scaled_u16(metres.max(ACCURACY_FLOOR_M), ACCURACY_PER_M);
        let velocity_ned_cmps = position.vel_ned_mps.map(centi);
        Self {
            instance: 0,
            gps_week: WEEK_NONE,
            ms_tow: 0,
            fix_type: match position.fix_type {
                FixType::ThreeD => 3,
                FixType::TwoD => 2,
                FixType::None => 0,
            },
            satellites: SATELLITES,
            horizontal_accuracy_mm: accuracy(position.horiz_accuracy_m),
            vertical_accuracy_mm: accuracy(position.vert_accuracy_m),
            velocity_accuracy_cmps: scaled_u16(
                position.speed_accuracy_mps.max(SPEED_ACCURACY_FLOOR_MPS),
                SPEED_ACCURACY_PER_MPS,
            ),
            hdop_x100: HDOP_X100,
            longitude_e7: degrees_e7(position.lon_rad),
            latitude_e7: degrees_e7(position.lat_rad),
            altitude_cm: centi(position.alt_msl_m),
            velocity_ned_cmps,
            ground_course_cdeg: course_cdeg(velocity_ned_cmps),
            true_yaw_cdeg: YAW_NONE,
            year: 0,
            month_to_second: [0; 5],
        }
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> [u8; SENSOR_GPS_PAYLOAD] {
        let mut payload = [0; SENSOR_GPS_PAYLOAD];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            payload[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&[self.instance]);
        put(&self.gps_week.to_le_bytes());
        put(&self.ms_tow.to_le_bytes());
        put(&[self.fix_type, self.satellites]);
        put(&self.horizontal_accuracy_mm.to_le_bytes());
        put(&self.vertical_accuracy_mm.to_le_bytes());
        put(&self.velocity_accuracy_cmps.to_le_bytes());
        put(&self.hdop_x100.to_le_bytes());
        put(&self.longitude_e7.to_le_bytes());
        put(&self.latitude_e7.to_le_bytes());
        put(&self.altitude_cm.to_le_bytes());
        for component in self.velocity_ned_cmps {
            put(&component.to_le_bytes());
        }
        put(&self.ground_course_cdeg.to_le_bytes());
        put(&self.true_yaw_cdeg.to_le_bytes());
        put(&self.year.to_le_bytes());
        put(&self.month_to_second);
        payload
    }

    /// The whole frame.
    #[must_use]
    pub fn frame(&self) -> [u8; SENSOR_GPS_FRAME] {
        let mut frame = [0; SENSOR_GPS_FRAME];
        let message = MspFrame {
            direction: Direction::Request,
            flags: 0,
            command: MSP2_SENSOR_GPS,
            payload: &self.payload(),
        };
        let length = message.encode(&mut frame);
        debug_assert_eq!(length, Ok(SENSOR_GPS_FRAME));
        frame
    }
}

/// Direction of the velocity as it stands on the wire, so that both always agree; 0 at rest.
fn course_cdeg([north, east, _]: [i32; 3]) -> u16 {
    let course = libm::atan2(f64::from(east), f64::from(north));
    let turn = if course < 0.0 { course + TAU } else { course };
    scaled_u16(turn.to_degrees(), 1e2) % FULL_CIRCLE_CDEG
}
