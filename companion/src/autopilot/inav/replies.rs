//! What iNav answers. Little-endian; a longer answer than known is a newer one, a shorter one is refused.
//!
//! Source: iNav 9.1, `src/main/fc/fc_msp.c`.

use thiserror::Error;

/// Command numbers.
pub mod command {
    /// Features that are switched on.
    pub const MSP_FEATURE: u16 = 36;
    /// What the GPS driver holds.
    pub const MSP_RAW_GPS: u16 = 106;
    /// Attitude.
    pub const MSP_ATTITUDE: u16 = 108;
    /// Estimated and barometric height.
    pub const MSP_ALTITUDE: u16 = 109;
    /// Health of each kind of sensor. While it is asked for, iNav believes a configurator present.
    pub const MSP_SENSOR_STATUS: u16 = 151;
    /// How GPS frames arrive.
    pub const MSP_GPSSTATISTICS: u16 = 166;
    /// A setting by its name.
    pub const MSP2_COMMON_SETTING: u16 = 0x1003;
    /// Sensors and arming.
    pub const MSP2_INAV_STATUS: u16 = 0x2000;
    /// Airspeed.
    pub const MSP2_INAV_AIR_SPEED: u16 = 0x2009;
}

const DECIDEGREES: f64 = core::f64::consts::PI / 1800.0;
const DEGREES: f64 = core::f64::consts::PI / 180.0;
const SENSOR_GPS_BIT: u16 = 1 << 3;
const SENSOR_PITOT_BIT: u16 = 1 << 6;
const ARMED_BIT: u32 = 1 << 2;
const FEATURE_GPS_BIT: u32 = 1 << 7;
/// Airspeed that nothing here flies at is a broken sensor, m/s.
const AIRSPEED_MAX_MPS: f64 = 150.0;
const HEIGHT_MAX_M: f64 = 12_000.0;

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reply {
    /// Whether the GPS feature is switched on.
    Feature {
        /// It is.
        gps: bool,
    },
    /// What the GPS driver holds: our own position coming back.
    RawGps {
        /// 0 none, 1 2D, 2 3D.
        fix: u8,
        /// Satellites.
        satellites: u8,
    },
    /// Attitude: roll right, pitch up, yaw clockwise positive.
    Attitude {
        /// Roll.
        roll_rad: f64,
        /// Pitch.
        pitch_rad: f64,
        /// Yaw, to whole degrees.
        yaw_rad: f64,
    },
    /// Barometric height above the place where iNav was switched on.
    Altitude {
        /// Height.
        baro_m: f64,
    },
    /// Health of the GPS sensor: 0 none, 1 well, 2 unavailable, 3 unhealthy.
    SensorStatus {
        /// The code.
        gps: u8,
    },
    /// How GPS frames arrive.
    GpsStatistics {
        /// Time between the last two.
        last_dt_ms: u16,
        /// How often none came for a second.
        timeouts: u32,
        /// Horizontal accuracy as iNav understood it.
        eph_cm: u16,
    },
    /// Sensors and arming.
    Status {
        /// The GPS sensor is in use.
        gps_sensor: bool,
        /// There is an airspeed sensor, or what iNav takes for one.
        pitot_sensor: bool,
        /// Motors armed.
        armed: bool,
    },
    /// Airspeed.
    Airspeed {
        /// Indicated airspeed.
        indicated_mps: f64,
    },
    /// A setting's value; the answer does not say of which.
    Setting {
        /// Its bytes, zeros behind them.
        bytes: [u8; 4],
        /// How many bytes it has.
        length: u8,
    },
}

/// Why an answer says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// Nobody asked for this.
    #[error("an answer to command {0}, which is not asked for")]
    Unknown(u16),
    /// Fewer bytes than its fields have.
    #[error("the answer to command {command} has {length} bytes, at least {needed} are needed")]
    Short {
        /// The command.
        command: u16,
        /// Bytes that came.
        length: usize,
        /// Bytes that its fields have.
        needed: usize,
    },
    /// A value that no aircraft has.
    #[error("the answer to command {0} holds a value that cannot be")]
    Impossible(u16),
}

/// The fields of an answer, front to back.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        // The length was checked.
        let (front, rest) = self.0.split_at(N.min(self.0.len()));
        self.0 = rest;
        let mut bytes = [0; N];
        bytes[..front.len()].copy_from_slice(front);
        bytes
    }

    fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn i16(&mut self) -> f64 {
        f64::from(i16::from_le_bytes(self.take()))
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn i32(&mut self) -> f64 {
        f64::from(i32::from_le_bytes(self.take()))
    }
}

impl Reply {
    /// What the answer to `command` says.
    ///
    /// # Errors
    /// When it says nothing.
    pub fn decode(command: u16, payload: &[u8]) -> Result<Self, ReplyError> {
        let needed = needed(command).ok_or(ReplyError::Unknown(command))?;
        if payload.len() < needed {
            return Err(ReplyError::Short {
                command,
                length: payload.len(),
                needed,
            });
        }
        let mut fields = Fields(payload);
        let reply = match command {
            command::MSP_FEATURE => Self::Feature {
                gps: fields.u32() & FEATURE_GPS_BIT != 0,
            },
            command::MSP_RAW_GPS => Self::RawGps {
                fix: fields.u8(),
                satellites: fields.u8(),
            },
            command::MSP_ATTITUDE => Self::Attitude {
                roll_rad: fields.i16() * DECIDEGREES,
                // iNav's pitch is positive with the nose down.
                pitch_rad: -fields.i16() * DECIDEGREES,
                yaw_rad: fields.i16() * DEGREES,
            },
            command::MSP_ALTITUDE => {
                let _estimate_cm = fields.i32();
                let _climb_cmps = fields.i16();
                Self::Altitude {
                    baro_m: fields.i32() * 0.01,
                }
            }
            command::MSP_SENSOR_STATUS => Self::SensorStatus {
                gps: fields.take::<6>()[5],
            },
            command::MSP_GPSSTATISTICS => {
                let last_dt_ms = fields.u16();
                let _errors = fields.u32();
                let timeouts = fields.u32();
                let _packets = fields.u32();
                let _hdop = fields.u16();
                Self::GpsStatistics {
                    last_dt_ms,
                    timeouts,
                    eph_cm: fields.u16(),
                }
            }
            command::MSP2_INAV_STATUS => {
                let _cycle_and_i2c = fields.u32();
                let sensors = fields.u16();
                let _load_and_profiles = fields.take::<3>();
                Self::Status {
                    gps_sensor: sensors & SENSOR_GPS_BIT != 0,
                    pitot_sensor: sensors & SENSOR_PITOT_BIT != 0,
                    armed: fields.u32() & ARMED_BIT != 0,
                }
            }
            command::MSP2_INAV_AIR_SPEED => Self::Airspeed {
                indicated_mps: f64::from(fields.u32()) * 0.01,
            },
            _ => {
                let mut bytes = [0; 4];
                let length = payload.len().min(4);
                bytes[..length].copy_from_slice(&payload[..length]);
                Self::Setting {
                    bytes,
                    length: length as u8,
                }
            }
        };
        reply.checked(command)
    }

    fn checked(self, command: u16) -> Result<Self, ReplyError> {
        let possible = match self {
            Self::Attitude {
                roll_rad,
                pitch_rad,
                yaw_rad,
            } => {
                let half = core::f64::consts::PI + 0.01;
                roll_rad.abs() <= half
                    && pitch_rad.abs() <= half / 2.0
                    && yaw_rad.abs() <= 2.0 * half
            }
            Self::Altitude { baro_m } => baro_m.abs() <= HEIGHT_MAX_M,
            Self::Airspeed { indicated_mps } => indicated_mps <= AIRSPEED_MAX_MPS,
            Self::Feature { .. }
            | Self::RawGps { .. }
            | Self::SensorStatus { .. }
            | Self::GpsStatistics { .. }
            | Self::Status { .. }
            | Self::Setting { .. } => true,
        };
        possible
            .then_some(self)
            .ok_or(ReplyError::Impossible(command))
    }
}

/// Bytes that an answer has at least; `None` for one that is not asked for.
fn needed(command: u16) -> Option<usize> {
    Some(match command {
        command::MSP_FEATURE | command::MSP2_INAV_AIR_SPEED => 4,
        command::MSP_RAW_GPS => 18,
        command::MSP_ATTITUDE => 6,
        command::MSP_ALTITUDE => 10,
        command::MSP_SENSOR_STATUS => 9,
        command::MSP_GPSSTATISTICS => 20,
        command::MSP2_COMMON_SETTING => 1,
        command::MSP2_INAV_STATUS => 13,
        _ => return None,
    })
}
