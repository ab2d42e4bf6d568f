//! What the fake streams, and at which interval.

use mavlink::dialects::ardupilotmega::{
    ATTITUDE_DATA, EKF_STATUS_REPORT_DATA, EkfStatusFlags, GLOBAL_POSITION_INT_DATA,
    GPS_RAW_INT_DATA, GPS2_RAW_DATA, HEARTBEAT_DATA, MavAutopilot, MavMessage, MavModeFlag,
    MavState, MavSysStatusSensor, MavType, RAW_IMU_DATA, SCALED_PRESSURE_DATA, SYS_STATUS_DATA,
    SYSTEM_TIME_DATA, TIMESYNC_DATA, VFR_HUD_DATA,
};

use super::gps::{Report, fix_type};
use super::{COMPANION, FakeArduPilot, PORTS};
use crate::world::{Air, SEA_LEVEL_DENSITY_KGPM3};

/// What it streams without being asked, once a second (ArduPlane).
const DEFAULTS: [u32; 3] = [1, 24, 33];
const DEFAULT_PERIOD_US: u64 = 1_000_000;
const STANDARD_GRAVITY_MPS2: f64 = 9.806_65;

impl FakeArduPilot {
    /// Sends what is due.
    pub(super) fn stream(&mut self, now_us: u64) {
        for port in 0..PORTS {
            if self.ports[port].intervals.is_empty() {
                for id in DEFAULTS {
                    self.ports[port].set_interval(id, Some(DEFAULT_PERIOD_US), now_us);
                }
            }
            let mut due = Vec::new();
            for interval in &mut self.ports[port].intervals {
                if now_us >= interval.due_us {
                    interval.due_us =
                        (interval.due_us + interval.period_us).max(now_us + interval.period_us / 2);
                    due.push(interval.id);
                }
            }
            for id in due {
                if let Some(message) = self.message(id) {
                    self.send(port, &message);
                }
            }
        }
    }

    /// Sends the load that is due to the companion.
    pub(super) fn chatter(&mut self, now_us: u64) {
        let Some(period_us) = 1_000_000_u64.checked_div(u64::from(self.chatter_hz)) else {
            return;
        };
        self.chatter_due_us = self.chatter_due_us.max(now_us.saturating_sub(50_000));
        while now_us >= self.chatter_due_us {
            self.chatter_due_us += period_us.max(1);
            let message = MavMessage::SERVO_OUTPUT_RAW(Default::default());
            self.send(COMPANION, &message);
        }
    }

    /// Whether it can stream a message.
    #[must_use]
    pub fn streams(&self, id: u32) -> bool {
        matches!(id, 1 | 2 | 24 | 27 | 29 | 30 | 33 | 74 | 124 | 193)
    }

    fn message(&self, id: u32) -> Option<MavMessage> {
        Some(match id {
            1 => self.sys_status(),
            2 => MavMessage::SYSTEM_TIME(SYSTEM_TIME_DATA {
                time_unix_usec: 0,
                time_boot_ms: self.boot_ms(),
            }),
            24 => self.gps_raw_int(&self.report(0).unwrap_or_default()),
            27 => self.raw_imu(),
            29 => self.pressure(),
            30 => self.attitude(),
            33 => self.global_position(),
            74 => self.head_up(),
            124 => self.gps2_raw(&self.report(1)?),
            193 => MavMessage::EKF_STATUS_REPORT(EKF_STATUS_REPORT_DATA {
                flags: EkfStatusFlags::from_bits_truncate(self.flags()),
                ..EKF_STATUS_REPORT_DATA::default()
            }),
            _ => return None,
        })
    }

    pub(super) fn heartbeat(&self) -> MavMessage {
        let mut base_mode = MavModeFlag::MAV_MODE_FLAG_CUSTOM_MODE_ENABLED;
        base_mode.set(MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED, self.armed);
        MavMessage::HEARTBEAT(HEARTBEAT_DATA {
            custom_mode: 12,
            mavtype: MavType::MAV_TYPE_FIXED_WING,
            autopilot: MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA,
            base_mode,
            system_status: MavState::MAV_STATE_ACTIVE,
            mavlink_version: 3,
        })
    }

    pub(super) fn timesync_request(&self) -> MavMessage {
        MavMessage::TIMESYNC(TIMESYNC_DATA {
            tc1: 0,
            ts1: (self.boot_us() * 1_000) as i64 + 1,
            ..TIMESYNC_DATA::default()
        })
    }

    pub(super) fn timesync_answer(&self, ts1: i64) -> MavMessage {
        MavMessage::TIMESYNC(TIMESYNC_DATA {
            tc1: (self.boot_us() * 1_000) as i64,
            ts1,
            ..TIMESYNC_DATA::default()
        })
    }

    fn raw_imu(&self) -> MavMessage {
        let truth = self.truth();
        let force = truth.specific_force_frd_mps2 * (1_000.0 / STANDARD_GRAVITY_MPS2);
        let rate = truth.angular_rate_frd_radps * 1_000.0;
        MavMessage::RAW_IMU(RAW_IMU_DATA {
            time_usec: self.boot_us(),
            xacc: force.x.round() as i16,
            yacc: force.y.round() as i16,
            zacc: force.z.round() as i16,
            xgyro: rate.x.round() as i16,
            ygyro: rate.y.round() as i16,
            zgyro: rate.z.round() as i16,
            ..RAW_IMU_DATA::default()
        })
    }

    fn attitude(&self) -> MavMessage {
        let truth = self.truth();
        let [roll, pitch, yaw] = truth.attitude_rad.map(|angle| angle as f32);
        let rate = truth.angular_rate_frd_radps;
        MavMessage::ATTITUDE(ATTITUDE_DATA {
            time_boot_ms: self.boot_ms(),
            roll,
            pitch,
            yaw,
            rollspeed: rate.x as f32,
            pitchspeed: rate.y as f32,
            yawspeed: rate.z as f32,
        })
    }

    fn pressure(&self) -> MavMessage {
        let truth = self.truth();
        let dynamic = 0.5 * SEA_LEVEL_DENSITY_KGPM3 * truth.airspeed_mps * truth.airspeed_mps;
        MavMessage::SCALED_PRESSURE(SCALED_PRESSURE_DATA {
            time_boot_ms: self.boot_ms(),
            press_abs: (truth.pressure_pa * 0.01) as f32,
            press_diff: (dynamic * 0.01) as f32,
            temperature: 1_500,
            ..SCALED_PRESSURE_DATA::default()
        })
    }

    fn head_up(&self) -> MavMessage {
        let truth = self.truth();
        let density = Air::at(truth.place.alt_msl_m).density_kgpm3 / SEA_LEVEL_DENSITY_KGPM3;
        MavMessage::VFR_HUD(VFR_HUD_DATA {
            airspeed: (truth.airspeed_mps * libm::sqrt(density)) as f32,
            groundspeed: truth.velocity_ned_mps.norm() as f32,
            alt: truth.place.alt_msl_m as f32,
            climb: 0.0,
            heading: truth.attitude_rad[2].to_degrees().rem_euclid(360.0) as i16,
            throttle: 50,
        })
    }

    fn sys_status(&self) -> MavMessage {
        let gps = MavSysStatusSensor::MAV_SYS_STATUS_SENSOR_GPS;
        let pressure = MavSysStatusSensor::MAV_SYS_STATUS_SENSOR_DIFFERENTIAL_PRESSURE;
        let mut health = pressure;
        health.set(gps, self.gps_is_healthy());
        MavMessage::SYS_STATUS(SYS_STATUS_DATA {
            onboard_control_sensors_present: gps | pressure,
            onboard_control_sensors_enabled: gps | pressure,
            onboard_control_sensors_health: health,
            ..SYS_STATUS_DATA::default()
        })
    }

    fn gps_raw_int(&self, report: &Report) -> MavMessage {
        let (vel, cog) = ground_course(report);
        MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
            time_usec: report.time_us,
            lat: report.lat_e7,
            lon: report.lon_e7,
            alt: report.alt_cm * 10,
            eph: report.hdop_x100,
            epv: report.vdop_x100,
            vel,
            cog,
            fix_type: fix_type(report.fix),
            satellites_visible: report.satellites,
            h_acc: (report.horiz_accuracy_m * 1e3) as u32,
            v_acc: (report.vert_accuracy_m * 1e3) as u32,
            vel_acc: (report.speed_accuracy_mps * 1e3) as u32,
            ..GPS_RAW_INT_DATA::default()
        })
    }

    fn gps2_raw(&self, report: &Report) -> MavMessage {
        let (vel, cog) = ground_course(report);
        MavMessage::GPS2_RAW(GPS2_RAW_DATA {
            time_usec: report.time_us,
            lat: report.lat_e7,
            lon: report.lon_e7,
            alt: report.alt_cm * 10,
            eph: report.hdop_x100,
            epv: report.vdop_x100,
            vel,
            cog,
            fix_type: fix_type(report.fix),
            satellites_visible: report.satellites,
            h_acc: (report.horiz_accuracy_m * 1e3) as u32,
            v_acc: (report.vert_accuracy_m * 1e3) as u32,
            vel_acc: (report.speed_accuracy_mps * 1e3) as u32,
            ..GPS2_RAW_DATA::default()
        })
    }

    fn global_position(&self) -> MavMessage {
        let truth = self.truth();
        let offset = self.filter.shown_offset();
        let place = truth
            .place
            .moved(&nalgebra::Vector3::new(offset.x, offset.y, 0.0));
        MavMessage::GLOBAL_POSITION_INT(GLOBAL_POSITION_INT_DATA {
            time_boot_ms: self.boot_ms(),
            lat: (place.lat_rad.to_degrees() * 1e7).round() as i32,
            lon: (place.lon_rad.to_degrees() * 1e7).round() as i32,
            alt: (place.alt_msl_m * 1e3).round() as i32,
            vx: (truth.velocity_ned_mps.x * 1e2) as i16,
            vy: (truth.velocity_ned_mps.y * 1e2) as i16,
            ..GLOBAL_POSITION_INT_DATA::default()
        })
    }
}

fn ground_course(report: &Report) -> (u16, u16) {
    if report.fix < 2 {
        return (0, 0);
    }
    let [north, east, _] = report.velocity_mps;
    let speed = libm::sqrt(north * north + east * east);
    let course = libm::atan2(east, north).to_degrees().rem_euclid(360.0);
    ((speed * 1e2) as u16, (course * 1e2) as u16)
}
