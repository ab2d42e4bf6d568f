//! Two messages in raw MAVLink frames that no record repeats: the receiver's own report, which in a replay
//! stands there denied or not, and the autopilot's home.
//!
//! Frames are recorded after their checksum was checked. Payloads of version 2 are cut behind their last byte
//! that is not zero. Source: common.xml, GPS_RAW_INT (24), GPS2_RAW (124), HOME_POSITION (242).

use companion::navigator::Geodetic;

/// What a frame says that the report needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Said {
    /// A 3D fix of a receiver.
    Fix {
        /// Receiver instance, 0-based.
        instance: u8,
        /// Where.
        at: Geodetic,
    },
    /// The autopilot's home.
    Home(Geodetic),
}

const FIX_3D: u8 = 3;
/// Component id of an autopilot.
const AUTOPILOT: u8 = 1;

/// What the frame says, if it is one of an autopilot and of these messages.
pub fn said(frame: &[u8]) -> Option<Said> {
    let (component, message, payload) = match *frame.first()? {
        0xFD => {
            let id = u32::from_le_bytes([*frame.get(7)?, *frame.get(8)?, *frame.get(9)?, 0]);
            let length = usize::from(*frame.get(1)?);
            (*frame.get(6)?, id, frame.get(10..10 + length)?)
        }
        0xFE => {
            let length = usize::from(*frame.get(1)?);
            let id = u32::from(*frame.get(5)?);
            (*frame.get(4)?, id, frame.get(6..6 + length)?)
        }
        _ => return None,
    };
    if component != AUTOPILOT {
        return None;
    }
    let payload = Payload(payload);
    match message {
        24 => fix(0, payload.byte(28), payload.place(8)),
        // Its fix type stands behind the fields of four and two bytes.
        124 => fix(1, payload.byte(32), payload.place(8)),
        242 => Some(Said::Home(payload.place(0))),
        _ => None,
    }
}

fn fix(instance: u8, kind: u8, at: Geodetic) -> Option<Said> {
    let somewhere = at.lat_rad != 0.0 || at.lon_rad != 0.0;
    (kind >= FIX_3D && somewhere).then_some(Said::Fix { instance, at })
}

struct Payload<'a>(&'a [u8]);

impl Payload<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    fn int(&self, at: usize) -> f64 {
        let bytes = [0, 1, 2, 3].map(|index| self.byte(at + index));
        f64::from(i32::from_le_bytes(bytes))
    }

    fn place(&self, at: usize) -> Geodetic {
        Geodetic {
            lat_rad: (self.int(at) * 1e-7).to_radians(),
            lon_rad: (self.int(at + 4) * 1e-7).to_radians(),
            alt_msl_m: self.int(at + 8) * 1e-3,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]
    use mavlink::dialects::ardupilotmega::{
        GPS_RAW_INT_DATA, GPS2_RAW_DATA, GpsFixType, MavMessage,
    };
    use mavlink::{MavHeader, MavlinkVersion};

    use super::*;

    fn frame(version: MavlinkVersion, message: &MavMessage) -> Vec<u8> {
        let mut bytes = Vec::new();
        let header = MavHeader {
            system_id: 1,
            component_id: 1,
            sequence: 0,
        };
        mavlink::write_versioned_msg(&mut bytes, version, header, message).unwrap();
        bytes
    }

    #[test]
    fn both_receivers_are_read_from_frames_of_both_versions() {
        let (lat, lon, alt) = (451_234_567, -931_234_567, 300_000);
        let first = MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
            lat,
            lon,
            alt,
            fix_type: GpsFixType::GPS_FIX_TYPE_3D_FIX,
            ..Default::default()
        });
        let second = MavMessage::GPS2_RAW(GPS2_RAW_DATA {
            lat,
            lon,
            alt,
            fix_type: GpsFixType::GPS_FIX_TYPE_RTK_FIXED,
            ..Default::default()
        });
        for version in [MavlinkVersion::V1, MavlinkVersion::V2] {
            for (instance, message) in [(0, &first), (1, &second)] {
                let Some(Said::Fix { instance: of, at }) = said(&frame(version, message)) else {
                    panic!("{version:?} {instance}");
                };
                assert_eq!(of, instance);
                assert!((at.lat_rad.to_degrees() - 45.123_456_7).abs() < 1e-9);
                assert!((at.alt_msl_m - 300.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_receiver_without_fix_says_nothing_and_no_cut_frame_panics() {
        let none = MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA::default());
        let bytes = frame(MavlinkVersion::V2, &none);
        assert_eq!(said(&bytes), None);
        (0..bytes.len()).for_each(|end| assert_eq!(said(&bytes[..end]), None));
    }
}
