//! The fake autopilot's voice: its sensors as a MAVLink 2 byte stream with arrival stamps, the way a
//! ground-station log (`.tlog`) keeps it.
//!
//! Framing of the log: `u64` big-endian microseconds of Unix time, then the frame, again and again.
//! Messages and units: MAVLink `common.xml` as ArduPlane fills it.

use mavlink::dialects::ardupilotmega::{
    ATTITUDE_DATA, GPS_INPUT_DATA, GPS_RAW_INT_DATA, GPS2_RAW_DATA, GpsFixType, HEARTBEAT_DATA,
    MavAutopilot, MavMessage, MavModeFlag, MavSeverity, MavState, MavType, RAW_IMU_DATA,
    SCALED_PRESSURE_DATA, STATUSTEXT_DATA, SYSTEM_TIME_DATA, VFR_HUD_DATA,
};
use mavlink::{MAVLinkV2MessageRaw, MavHeader};
use nalgebra::Vector3;

use crate::randomness::{Purpose, Randomness};
use crate::sensors::{AttitudeReading, GpsReading, GpsReceiver, ImuReading, PressureReading};
use crate::world::{Place, SEA_LEVEL_DENSITY_KGPM3};

/// Unix time at which every simulated flight begins: 2026-06-01 06:00:00 UTC.
pub const FLIGHT_BEGINS_UNIX_US: u64 = 1_780_293_600_000_000;
/// The autopilot was switched on this long before the log begins.
const BOOTED_BEFORE_MS: u64 = 30_000;
/// Shortest way from the autopilot's sensor task to our stamp, and the mean of what comes on top.
const LINK_DELAY_US: f64 = 1_500.0;
const LINK_JITTER_US: f64 = 800.0;
const STANDARD_GRAVITY_MPS2: f64 = 9.806_65;
const ARDUPLANE_MODE_AUTO: u32 = 10;

/// What the head-up display message shows beside the airspeed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadUp {
    /// Speed over ground as the autopilot believes it.
    pub ground_speed_mps: f64,
    /// Height above mean sea level as the autopilot believes it.
    pub alt_msl_m: f64,
    /// Climb rate as the autopilot believes it.
    pub climb_mps: f64,
    /// Heading, radians clockwise from north.
    pub heading_rad: f64,
    /// 0 to 1.
    pub throttle: f64,
}

/// One frame with the time at which it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StampedFrame {
    /// Unix time of arrival.
    pub stamp_us: u64,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// Writes messages into a log.
#[derive(Debug, Clone)]
pub struct AutopilotStream {
    frames: Vec<StampedFrame>,
    sequence: u8,
    last_stamp_us: u64,
    link: Randomness,
}

impl AutopilotStream {
    /// An empty log of the flight of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            frames: Vec::new(),
            sequence: 0,
            last_stamp_us: FLIGHT_BEGINS_UNIX_US,
            link: Randomness::new(seed, Purpose::Link),
        }
    }

    /// What was sent, as a log.
    #[must_use]
    pub fn into_log(self) -> Vec<u8> {
        let mut log = Vec::new();
        for frame in &self.frames {
            log.extend_from_slice(&frame.stamp_us.to_be_bytes());
            log.extend_from_slice(&frame.bytes);
        }
        log
    }

    /// HEARTBEAT and SYSTEM_TIME, once a second.
    pub fn heartbeat(&mut self, time_ns: u64, armed: bool, time_known: bool) {
        let mut base_mode = MavModeFlag::MAV_MODE_FLAG_CUSTOM_MODE_ENABLED
            | MavModeFlag::MAV_MODE_FLAG_STABILIZE_ENABLED
            | MavModeFlag::MAV_MODE_FLAG_AUTO_ENABLED;
        base_mode.set(MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED, armed);
        let system_status = if armed {
            MavState::MAV_STATE_ACTIVE
        } else {
            MavState::MAV_STATE_STANDBY
        };
        self.send(
            time_ns,
            &MavMessage::HEARTBEAT(HEARTBEAT_DATA {
                custom_mode: ARDUPLANE_MODE_AUTO,
                mavtype: MavType::MAV_TYPE_FIXED_WING,
                autopilot: MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA,
                base_mode,
                system_status,
                mavlink_version: 3,
            }),
        );
        let time_unix_usec = if time_known {
            FLIGHT_BEGINS_UNIX_US + time_ns / 1_000
        } else {
            0
        };
        self.send(
            time_ns,
            &MavMessage::SYSTEM_TIME(SYSTEM_TIME_DATA {
                time_unix_usec,
                time_boot_ms: boot_ms(time_ns),
            }),
        );
    }

    /// RAW_IMU: specific force in milli-g, angular rate in milliradians per second.
    pub fn imu(&mut self, time_ns: u64, reading: &ImuReading) {
        let force = reading.specific_force_frd_mps2 * (1_000.0 / STANDARD_GRAVITY_MPS2);
        let rate = reading.angular_rate_frd_radps * 1_000.0;
        self.send(
            time_ns,
            &MavMessage::RAW_IMU(RAW_IMU_DATA {
                time_usec: u64::from(boot_ms(time_ns)) * 1_000,
                xacc: force.x.round() as i16,
                yacc: force.y.round() as i16,
                zacc: force.z.round() as i16,
                xgyro: rate.x.round() as i16,
                ygyro: rate.y.round() as i16,
                zgyro: rate.z.round() as i16,
                ..RAW_IMU_DATA::default()
            }),
        );
    }

    /// ATTITUDE.
    pub fn attitude(&mut self, time_ns: u64, reading: &AttitudeReading, rate_radps: &Vector3<f64>) {
        self.send(
            time_ns,
            &MavMessage::ATTITUDE(ATTITUDE_DATA {
                time_boot_ms: boot_ms(time_ns),
                roll: reading.roll_rad as f32,
                pitch: reading.pitch_rad as f32,
                yaw: reading.yaw_rad as f32,
                rollspeed: rate_radps.x as f32,
                pitchspeed: rate_radps.y as f32,
                yawspeed: rate_radps.z as f32,
            }),
        );
    }

    /// SCALED_PRESSURE and VFR_HUD, which carries the airspeed of the same differential pressure.
    pub fn air(
        &mut self,
        time_ns: u64,
        pressure: &PressureReading,
        differential_pa: f64,
        head_up: &HeadUp,
    ) {
        self.send(
            time_ns,
            &MavMessage::SCALED_PRESSURE(SCALED_PRESSURE_DATA {
                time_boot_ms: boot_ms(time_ns),
                press_abs: (pressure.static_pressure_pa / 100.0) as f32,
                press_diff: (differential_pa / 100.0) as f32,
                temperature: ((pressure.temperature_k - 273.15) * 100.0).round() as i16,
                ..SCALED_PRESSURE_DATA::default()
            }),
        );
        let airspeed = libm::sqrt(2.0 * differential_pa.max(0.0) / SEA_LEVEL_DENSITY_KGPM3);
        self.send(
            time_ns,
            &MavMessage::VFR_HUD(VFR_HUD_DATA {
                airspeed: airspeed as f32,
                groundspeed: head_up.ground_speed_mps as f32,
                alt: head_up.alt_msl_m as f32,
                climb: head_up.climb_mps as f32,
                heading: head_up.heading_rad.to_degrees().rem_euclid(360.0) as i16,
                throttle: (head_up.throttle * 100.0).round() as u16,
            }),
        );
    }

    /// GPS_RAW_INT of the autopilot's own receiver, whose clock shows `receiver_ns`.
    pub fn gps(&mut self, time_ns: u64, receiver_ns: u64, reading: &GpsReading) {
        let message = match reading {
            GpsReading::Fix {
                place,
                velocity_ned_mps,
            } => fix(place, velocity_ned_mps),
            GpsReading::NoFix { last } => no_fix(last.as_ref()),
        };
        self.send(
            time_ns,
            &MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
                time_usec: u64::from(boot_ms(receiver_ns)) * 1_000,
                ..message
            }),
        );
    }

    /// GPS2_RAW: the second receiver is the companion, and this is its own position coming back.
    pub fn echo(&mut self, time_ns: u64, position: &GPS_INPUT_DATA) {
        self.send(
            time_ns,
            &MavMessage::GPS2_RAW(GPS2_RAW_DATA {
                time_usec: u64::from(boot_ms(time_ns)) * 1_000,
                fix_type: position.fix_type,
                lat: position.lat,
                lon: position.lon,
                alt: (position.alt * 1_000.0) as i32,
                eph: (position.hdop * 100.0) as u16,
                epv: (position.vdop * 100.0) as u16,
                satellites_visible: position.satellites_visible,
                ..GPS2_RAW_DATA::default()
            }),
        );
    }

    /// STATUSTEXT of at most 50 bytes, with the severity of a warning.
    pub fn text(&mut self, time_ns: u64, text: &str) {
        let mut characters = [0_u8; 50];
        for (to, from) in characters.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.send(
            time_ns,
            &MavMessage::STATUSTEXT(STATUSTEXT_DATA {
                severity: MavSeverity::MAV_SEVERITY_WARNING,
                text: characters.into(),
                ..STATUSTEXT_DATA::default()
            }),
        );
    }

    /// Takes out what was sent since the last call.
    pub fn take(&mut self) -> Vec<StampedFrame> {
        core::mem::take(&mut self.frames)
    }

    fn send(&mut self, time_ns: u64, message: &MavMessage) {
        let delay_us = LINK_DELAY_US - LINK_JITTER_US * libm::log(1.0 - self.link.uniform());
        let stamp_us =
            (FLIGHT_BEGINS_UNIX_US + time_ns / 1_000 + delay_us as u64).max(self.last_stamp_us + 1);
        self.last_stamp_us = stamp_us;
        let header = MavHeader {
            system_id: 1,
            component_id: 1,
            sequence: self.sequence,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let mut frame = MAVLinkV2MessageRaw::new();
        frame.serialize_message(header, message);
        self.frames.push(StampedFrame {
            stamp_us,
            bytes: frame.raw_bytes().to_vec(),
        });
    }
}

fn boot_ms(time_ns: u64) -> u32 {
    u32::try_from(time_ns / 1_000_000 + BOOTED_BEFORE_MS).unwrap_or(u32::MAX)
}

fn degrees_e7(radians: f64) -> i32 {
    (radians.to_degrees() * 1e7).round() as i32
}

fn fix(place: &Place, velocity_ned_mps: &Vector3<f64>) -> GPS_RAW_INT_DATA {
    let ground = velocity_ned_mps.xy();
    let course_rad = libm::atan2(ground.y, ground.x);
    GPS_RAW_INT_DATA {
        fix_type: GpsFixType::GPS_FIX_TYPE_3D_FIX,
        lat: degrees_e7(place.lat_rad),
        lon: degrees_e7(place.lon_rad),
        alt: (place.alt_msl_m * 1_000.0).round() as i32,
        alt_ellipsoid: (place.alt_msl_m * 1_000.0).round() as i32,
        eph: 90,
        epv: 140,
        vel: (ground.norm() * 100.0).round() as u16,
        cog: ((course_rad.to_degrees().rem_euclid(360.0) * 100.0).round() as u16) % 36_000,
        satellites_visible: 14,
        h_acc: (GpsReceiver::HORIZONTAL_ACCURACY_M * 1_000.0) as u32,
        v_acc: (GpsReceiver::VERTICAL_ACCURACY_M * 1_000.0) as u32,
        vel_acc: (GpsReceiver::SPEED_ACCURACY_MPS * 1_000.0) as u32,
        ..GPS_RAW_INT_DATA::default()
    }
}

fn no_fix(last: Option<&Place>) -> GPS_RAW_INT_DATA {
    GPS_RAW_INT_DATA {
        fix_type: GpsFixType::GPS_FIX_TYPE_NO_FIX,
        lat: last.map_or(0, |place| degrees_e7(place.lat_rad)),
        lon: last.map_or(0, |place| degrees_e7(place.lon_rad)),
        alt: last.map_or(0, |place| (place.alt_msl_m * 1_000.0).round() as i32),
        eph: u16::MAX,
        epv: u16::MAX,
        vel: u16::MAX,
        cog: u16::MAX,
        satellites_visible: 2,
        ..GPS_RAW_INT_DATA::default()
    }
}
