//! What the fake answers, and from what.

use super::parser::answer;
use super::receiver::GpsDriver;

/// How it is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeSettings {
    /// `feature GPS`.
    pub gps_feature: bool,
    /// `gps_provider`; 1 = MSP.
    pub gps_provider: u8,
    /// `gps_min_sats`.
    pub min_satellites: u8,
    /// `inav_max_eph_epv`, cm.
    pub max_eph_epv_cm: f32,
    /// `pitot_hardware`; 0 none, 2 MS4525, 4 virtual.
    pub pitot_hardware: u8,
    /// `platform_type`; 0 multirotor, 1 airplane.
    pub platform_type: u8,
}

impl Default for FakeSettings {
    /// As a companion needs it.
    fn default() -> Self {
        Self {
            gps_feature: true,
            gps_provider: 1,
            min_satellites: 6,
            max_eph_epv_cm: 9999.0,
            pitot_hardware: 2,
            platform_type: 1,
        }
    }
}

impl FakeSettings {
    /// Whether positions over MSP are used.
    #[must_use]
    pub fn takes_positions(&self) -> bool {
        self.gps_feature && self.gps_provider == 1
    }
}

/// What its sensors say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sensors {
    /// Roll right, pitch up, yaw clockwise, degrees.
    pub attitude_deg: [f64; 3],
    /// Above the place where it was switched on, m.
    pub baro_m: f64,
    /// Indicated, m/s.
    pub airspeed_mps: f64,
    /// Motors armed.
    pub armed: bool,
}

impl Default for Sensors {
    fn default() -> Self {
        Self {
            attitude_deg: [0.0; 3],
            baro_m: 0.0,
            airspeed_mps: 0.0,
            armed: false,
        }
    }
}

/// The answer to a command; `None` when it is never answered.
pub(super) fn answer_to(
    command: u16,
    payload: &[u8],
    settings: &FakeSettings,
    sensors: &Sensors,
    gps: &GpsDriver,
) -> Option<Vec<u8>> {
    let mut body: Vec<u8> = Vec::new();
    let mut put = |bytes: &[u8]| body.extend_from_slice(bytes);
    match command {
        // A position is never answered.
        0x1F03 => return None,
        1 => put(&[0, 2, 5]),
        36 => put(&(u32::from(settings.gps_feature) << 7).to_le_bytes()),
        106 => raw_gps(gps, &mut put),
        108 => {
            let [roll, pitch, yaw] = sensors.attitude_deg;
            put(&((roll * 10.0).round() as i16).to_le_bytes());
            put(&((-pitch * 10.0).round() as i16).to_le_bytes());
            put(&(yaw.rem_euclid(360.0).round() as i16 % 360).to_le_bytes());
        }
        109 => {
            let height_cm = (sensors.baro_m * 100.0).round() as i32;
            put(&height_cm.to_le_bytes());
            put(&0_i16.to_le_bytes());
            put(&height_cm.to_le_bytes());
        }
        151 => put(&[
            1,
            1,
            1,
            1,
            1,
            gps.health(),
            0,
            u8::from(settings.pitot_hardware > 0),
            0,
        ]),
        166 => {
            let (last_dt_ms, timeouts, [eph_cm, epv_cm]) = gps.statistics();
            put(&last_dt_ms.to_le_bytes());
            put(&0_u32.to_le_bytes());
            put(&timeouts.to_le_bytes());
            // Packets stay 0 with this provider.
            put(&0_u32.to_le_bytes());
            put(&100_u16.to_le_bytes());
            put(&eph_cm.to_le_bytes());
            put(&epv_cm.to_le_bytes());
        }
        0x1003 => put(&setting(payload, settings)?),
        0x2000 => status(settings, sensors, gps, &mut put),
        0x2009 => put(&((sensors.airspeed_mps * 100.0).round() as u32).to_le_bytes()),
        _ => return Some(answer(b'!', command, &[])),
    }
    Some(answer(b'>', command, &body))
}

fn raw_gps(gps: &GpsDriver, put: &mut impl FnMut(&[u8])) {
    let position = gps.position();
    put(&[gps.raw_fix(), position.satellites]);
    put(&position.latitude_e7.to_le_bytes());
    put(&position.longitude_e7.to_le_bytes());
    put(&((position.altitude_cm / 100) as i16).to_le_bytes());
    let [north, east, _] = position.velocity_cmps.map(f64::from);
    put(&(libm::hypot(north, east).round() as u16).to_le_bytes());
    put(&(position.course_cdeg / 10).to_le_bytes());
    put(&100_u16.to_le_bytes());
}

fn status(
    settings: &FakeSettings,
    sensors: &Sensors,
    gps: &GpsDriver,
    put: &mut impl FnMut(&[u8]),
) {
    let mut bits: u16 = 0b11;
    bits |= u16::from(gps.sensor()) << 3;
    bits |= u16::from(settings.pitot_hardware > 0) << 6;
    put(&2000_u16.to_le_bytes());
    put(&0_u16.to_le_bytes());
    put(&bits.to_le_bytes());
    put(&120_u16.to_le_bytes());
    put(&[0]);
    put(&(u32::from(sensors.armed) << 2).to_le_bytes());
    put(&[0; 8]);
    put(&[0]);
}

/// A setting's value by its name; a name that is unknown is refused, which the caller of the caller says.
fn setting(payload: &[u8], settings: &FakeSettings) -> Option<Vec<u8>> {
    let name = payload.split(|byte| *byte == 0).next()?;
    Some(match name {
        b"gps_provider" => vec![settings.gps_provider],
        b"gps_min_sats" => vec![settings.min_satellites],
        b"inav_max_eph_epv" => settings.max_eph_epv_cm.to_le_bytes().to_vec(),
        b"pitot_hardware" => vec![settings.pitot_hardware],
        b"platform_type" => vec![settings.platform_type],
        _ => return None,
    })
}
