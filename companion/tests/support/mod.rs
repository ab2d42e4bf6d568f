//! Builds MAVLink frames and logs for the tests, with the `mavlink` crate as the sender.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses its own part; a test fails by panicking"
)]

use mavlink::dialects::ardupilotmega::{
    ATTITUDE_DATA, GPS_RAW_INT_DATA, GpsFixType, HEARTBEAT_DATA, MavAutopilot, MavMessage,
    MavModeFlag, MavState, MavType, RAW_IMU_DATA,
};
use mavlink::{MAVLinkV1MessageRaw, MAVLinkV2MessageRaw, MavHeader};

pub mod command;
pub mod flights;

/// Unix time of the first message of every built log, microseconds.
pub const LOG_START_US: u64 = 1_700_000_000_000_000;

pub fn frame_v2(system: u8, component: u8, sequence: u8, message: &MavMessage) -> Vec<u8> {
    let mut raw = MAVLinkV2MessageRaw::new();
    raw.serialize_message(header(system, component, sequence), message);
    raw.raw_bytes().to_vec()
}

pub fn frame_v1(system: u8, component: u8, sequence: u8, message: &MavMessage) -> Vec<u8> {
    let mut raw = MAVLinkV1MessageRaw::new();
    raw.serialize_message(header(system, component, sequence), message);
    raw.raw_bytes().to_vec()
}

fn header(system: u8, component: u8, sequence: u8) -> MavHeader {
    MavHeader {
        system_id: u32::from(system),
        component_id: component,
        sequence,
    }
}

pub fn heartbeat(kind: MavType, autopilot: MavAutopilot, armed: bool) -> MavMessage {
    MavMessage::HEARTBEAT(HEARTBEAT_DATA {
        custom_mode: 0,
        mavtype: kind,
        autopilot,
        base_mode: if armed {
            MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED
        } else {
            MavModeFlag::empty()
        },
        system_status: MavState::MAV_STATE_ACTIVE,
        mavlink_version: 3,
    })
}

pub fn plane_heartbeat(armed: bool) -> MavMessage {
    heartbeat(
        MavType::MAV_TYPE_FIXED_WING,
        MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA,
        armed,
    )
}

pub fn attitude(roll: f32) -> MavMessage {
    MavMessage::ATTITUDE(ATTITUDE_DATA {
        roll,
        pitch: 0.02,
        yaw: 0.5,
        ..ATTITUDE_DATA::default()
    })
}

pub fn raw_imu(zacc: i16) -> MavMessage {
    MavMessage::RAW_IMU(RAW_IMU_DATA {
        zacc,
        ..RAW_IMU_DATA::default()
    })
}

/// A good fix 15 m/s north of 45 N 9 E, `seconds` after the start.
pub fn gps(seconds: f64) -> MavMessage {
    MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
        time_usec: (seconds * 1e6) as u64,
        lat: 450_000_000 + (seconds * 15.0 / 111_132.0 * 1e7) as i32,
        lon: 90_000_000,
        alt: 300_000,
        vel: 1500,
        ..good_fix()
    })
}

/// What a good receiver says of its fix, at no place.
pub fn good_fix() -> GPS_RAW_INT_DATA {
    GPS_RAW_INT_DATA {
        eph: 80,
        epv: 120,
        cog: 0,
        fix_type: GpsFixType::GPS_FIX_TYPE_3D_FIX,
        satellites_visible: 12,
        h_acc: 1200,
        v_acc: 2000,
        vel_acc: 300,
        ..GPS_RAW_INT_DATA::default()
    }
}

/// A log under construction.
#[derive(Default, Clone)]
pub struct Tlog {
    pub bytes: Vec<u8>,
    /// Offset of each entry's stamp.
    pub entries: Vec<usize>,
    sequence: u8,
}

impl Tlog {
    /// Appends a frame of the vehicle's autopilot, `time_us` after the start of the log.
    pub fn push(&mut self, time_us: u64, message: &MavMessage) {
        let frame = frame_v2(1, 1, self.sequence, message);
        self.sequence = self.sequence.wrapping_add(1);
        self.push_raw(LOG_START_US + time_us, &frame);
    }

    pub fn push_raw(&mut self, stamp_us: u64, frame: &[u8]) {
        self.entries.push(self.bytes.len());
        self.bytes.extend_from_slice(&stamp_us.to_be_bytes());
        self.bytes.extend_from_slice(frame);
    }

    pub fn stamp(&self, entry: usize) -> u64 {
        let at = self.entries[entry];
        u64::from_be_bytes(self.bytes[at..at + 8].try_into().unwrap())
    }

    pub fn set_stamp(&mut self, entry: usize, stamp_us: u64) {
        let at = self.entries[entry];
        self.bytes[at..at + 8].copy_from_slice(&stamp_us.to_be_bytes());
    }
}

/// A short straight flight: 50 Hz RAW_IMU and ATTITUDE, 5 Hz GPS, 1 Hz HEARTBEAT.
pub fn straight_flight(seconds: u64) -> Tlog {
    let mut log = Tlog::default();
    for step in 0..seconds * 50 {
        let time_us = step * 20_000;
        if step % 50 == 0 {
            log.push(time_us, &plane_heartbeat(true));
        }
        log.push(time_us + 1_000, &raw_imu(-1000));
        log.push(time_us + 2_000, &attitude(0.0));
        if step % 10 == 0 {
            log.push(time_us + 3_000, &gps(time_us as f64 * 1e-6));
        }
    }
    log
}

/// A small seeded generator (xorshift64*), so that damage is the same on every machine.
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

/// `bytes` with `count` seeded injuries: flipped bits, lost and doubled bytes, cut frames. What 64 bytes are
/// left of is injured no further.
pub fn damaged(bytes: &[u8], seed: u64, count: usize) -> Vec<u8> {
    let mut random = Seeded::new(seed);
    let mut bytes = bytes.to_vec();
    for _ in 0..count {
        let Some(room) = bytes.len().checked_sub(64).filter(|room| *room > 0) else {
            break;
        };
        let at = random.below(room);
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => {
                bytes.remove(at);
            }
            2 => bytes.insert(at, bytes[at]),
            _ => {
                let length = 1 + random.below(40);
                bytes.drain(at..at + length);
            }
        }
    }
    bytes
}
