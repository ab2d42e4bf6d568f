//! The receivers: what the driver makes of GPS_INPUT (`AP_GPS_MAV`), a receiver of the autopilot's own, and which
//! of the two is followed.
//!
//! | packet | effect |
//! |---|---|
//! | another instance | none |
//! | first of ours | "GPS n: detected MAV" |
//! | fix type, place, satellites | copied |
//! | altitude ignored | altitude 0 |
//! | velocity, accuracy, hdop, vdop ignored | the previous value stays |
//! | nothing for 4 s | no fix, 0 satellites, hdop and vdop unknown; the driver stays |
//!
//! | health | |
//! |---|---|
//! | mean spacing (0.98 / 0.02) of 215 ms and more | unhealthy |
//! | two spacings in a row above 245 ms | unhealthy |
//!
//! | GPS_AUTO_SWITCH | followed |
//! |---|---|
//! | 0 | GPS_PRIMARY |
//! | 1 | the higher fix type, then more satellites: 1 more after 20 s, 2 more after 5 s |
//! | 4 | GPS_PRIMARY while it has a 3D fix, else the other |

use companion::navigator::Geodetic;
use mavlink::dialects::ardupilotmega::{GPS_INPUT_DATA, GpsFixType, GpsInputIgnoreFlags as Ignore};

const LOST_US: u64 = 4_000_000;
const SPACING_MEAN_US: f64 = 215_000.0;
const SPACING_LATE_US: f64 = 245_000.0;
const FIX_NONE: u8 = 1;
const FIX_3D: u8 = 3;
const UNKNOWN: u16 = u16::MAX;

/// What a receiver delivers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// `GPS_FIX_TYPE`.
    pub fix: u8,
    /// Latitude, degE7.
    pub lat_e7: i32,
    /// Longitude, degE7.
    pub lon_e7: i32,
    /// Altitude, cm.
    pub alt_cm: i32,
    /// Velocity NED, m/s.
    pub velocity_mps: [f64; 3],
    /// Satellites.
    pub satellites: u8,
    /// Horizontal dilution times 100.
    pub hdop_x100: u16,
    /// Vertical dilution times 100.
    pub vdop_x100: u16,
    /// 1-sigma, m.
    pub horiz_accuracy_m: f64,
    /// 1-sigma, m.
    pub vert_accuracy_m: f64,
    /// 1-sigma, m/s.
    pub speed_accuracy_mps: f64,
    /// When it came, us since boot.
    pub time_us: u64,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            fix: FIX_NONE,
            lat_e7: 0,
            lon_e7: 0,
            alt_cm: 0,
            velocity_mps: [0.0; 3],
            satellites: 0,
            hdop_x100: UNKNOWN,
            vdop_x100: UNKNOWN,
            horiz_accuracy_m: 0.0,
            vert_accuracy_m: 0.0,
            speed_accuracy_mps: 0.0,
            time_us: 0,
        }
    }
}

impl Report {
    /// Whether it is a 3D fix.
    #[must_use]
    pub fn is_3d(&self) -> bool {
        self.fix >= FIX_3D
    }

    /// Where.
    #[must_use]
    pub fn place(&self) -> Geodetic {
        Geodetic {
            lat_rad: (f64::from(self.lat_e7) * 1e-7).to_radians(),
            lon_rad: (f64::from(self.lon_e7) * 1e-7).to_radians(),
            alt_msl_m: f64::from(self.alt_cm) * 0.01,
        }
    }
}

/// The MAVLink driver of one instance.
#[derive(Debug, Clone)]
pub struct MavReceiver {
    instance: u8,
    detected: bool,
    report: Report,
    last_us: Option<u64>,
    mean_us: f64,
    late: u8,
}

impl MavReceiver {
    /// The driver of instance `instance`.
    #[must_use]
    pub fn new(instance: u8) -> Self {
        Self {
            instance,
            detected: false,
            report: Report::default(),
            last_us: None,
            mean_us: 100_000.0,
            late: 0,
        }
    }

    /// Takes a packet; says what is to be told.
    pub fn packet(&mut self, packet: &GPS_INPUT_DATA, now_us: u64) -> Option<String> {
        if packet.gps_id != self.instance {
            return None;
        }
        let told = (!std::mem::replace(&mut self.detected, true))
            .then(|| format!("GPS {}: detected MAV", self.instance + 1));
        if let Some(last_us) = self.last_us {
            let spacing = (now_us - last_us) as f64;
            if spacing < LOST_US as f64 {
                self.mean_us = 0.98 * self.mean_us + 0.02 * spacing;
            }
            self.late = if spacing > SPACING_LATE_US {
                self.late.saturating_add(1)
            } else {
                0
            };
        }
        self.last_us = Some(now_us);
        let report = &mut self.report;
        let given = |flag| !packet.ignore_flags.contains(flag);
        report.time_us = now_us;
        report.fix = packet.fix_type as u8;
        (report.lat_e7, report.lon_e7) = (packet.lat, packet.lon);
        report.satellites = packet.satellites_visible;
        report.alt_cm = if given(Ignore::GPS_INPUT_IGNORE_FLAG_ALT) {
            (packet.alt * 100.0) as i32
        } else {
            0
        };
        if given(Ignore::GPS_INPUT_IGNORE_FLAG_HDOP) {
            report.hdop_x100 = (packet.hdop * 100.0) as u16;
        }
        if given(Ignore::GPS_INPUT_IGNORE_FLAG_VDOP) {
            report.vdop_x100 = (packet.vdop * 100.0) as u16;
        }
        if given(Ignore::GPS_INPUT_IGNORE_FLAG_VEL_HORIZ) {
            report.velocity_mps[0] = f64::from(packet.vn);
            report.velocity_mps[1] = f64::from(packet.ve);
            if given(Ignore::GPS_INPUT_IGNORE_FLAG_VEL_VERT) {
                report.velocity_mps[2] = f64::from(packet.vd);
            }
        }
        if given(Ignore::GPS_INPUT_IGNORE_FLAG_SPEED_ACCURACY) {
            report.speed_accuracy_mps = f64::from(packet.speed_accuracy);
        }
        if given(Ignore::GPS_INPUT_IGNORE_FLAG_HORIZONTAL_ACCURACY) {
            report.horiz_accuracy_m = f64::from(packet.horiz_accuracy);
        }
        if given(Ignore::GPS_INPUT_IGNORE_FLAG_VERTICAL_ACCURACY) {
            report.vert_accuracy_m = f64::from(packet.vert_accuracy);
        }
        told
    }

    /// Notices that nothing comes any more.
    pub fn advance(&mut self, now_us: u64) {
        let silent = self.last_us.is_some_and(|last| now_us - last > LOST_US);
        if silent && self.report.fix != FIX_NONE {
            self.report = Report {
                time_us: self.report.time_us,
                ..Report::default()
            };
        }
    }

    /// What it delivers.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Whether packets come steadily.
    #[must_use]
    pub fn is_healthy(&self, now_us: u64) -> bool {
        let fresh = self.last_us.is_some_and(|last| now_us - last <= LOST_US);
        fresh && self.mean_us < SPACING_MEAN_US && self.late < 2
    }

    /// Whether a packet ever came.
    #[must_use]
    pub fn is_detected(&self) -> bool {
        self.detected
    }
}

/// Which receiver is followed.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    followed: u8,
    more_since: Option<u64>,
}

impl Choice {
    /// The instance that is followed now.
    pub fn follow(
        &mut self,
        auto_switch: u8,
        primary: u8,
        reports: &[Option<Report>; 2],
        now_us: u64,
    ) -> u8 {
        let fix = |instance: u8| reports[usize::from(instance)].map_or(0, |report| report.fix);
        let satellites =
            |instance: u8| reports[usize::from(instance)].map_or(0, |report| report.satellites);
        let other = 1 - self.followed;
        let next = match auto_switch {
            1 if fix(other) > fix(self.followed) => other,
            1 if fix(other) == fix(self.followed) => {
                let more = satellites(other).saturating_sub(satellites(self.followed));
                if more == 0 {
                    self.more_since = None;
                    self.followed
                } else {
                    let since = *self.more_since.get_or_insert(now_us);
                    let needed = if more >= 2 { 5_000_000 } else { 20_000_000 };
                    if now_us - since >= needed {
                        other
                    } else {
                        self.followed
                    }
                }
            }
            1 => self.followed,
            4 if fix(primary) >= FIX_3D => primary,
            4 if fix(1 - primary) >= FIX_3D => 1 - primary,
            _ => primary,
        };
        if next != self.followed {
            self.more_since = None;
        }
        self.followed = next;
        next
    }
}

/// The fix type of the wire.
#[must_use]
pub fn fix_type(fix: u8) -> GpsFixType {
    match fix {
        0 => GpsFixType::GPS_FIX_TYPE_NO_GPS,
        1 => GpsFixType::GPS_FIX_TYPE_NO_FIX,
        2 => GpsFixType::GPS_FIX_TYPE_2D_FIX,
        3 => GpsFixType::GPS_FIX_TYPE_3D_FIX,
        4 => GpsFixType::GPS_FIX_TYPE_DGPS,
        5 => GpsFixType::GPS_FIX_TYPE_RTK_FLOAT,
        6 => GpsFixType::GPS_FIX_TYPE_RTK_FIXED,
        7 => GpsFixType::GPS_FIX_TYPE_STATIC,
        _ => GpsFixType::GPS_FIX_TYPE_PPP,
    }
}
