//! ArduPilot's messages to navigator inputs: units, frames and sentinels end here.
//!
//! Only sensors and attitude are taken. GLOBAL_POSITION_INT, LOCAL_POSITION_NED, the AHRS and EKF
//! reports and the ground speed, altitude and climb of VFR_HUD are the autopilot's own estimate,
//! GPS included (or our own output coming back), and are never used.
//!
//! Source: the MAVLink message definitions and ArduPilot's scaling of them.

use libm::{cos, sin};
use mavlink::dialects::ardupilotmega::{
    GPS_RAW_INT_DATA, GPS2_RAW_DATA, GpsFixType, HEARTBEAT_DATA, MavMessage, MavModeFlag, MavType,
    RAW_IMU_DATA, SCALED_IMU2_DATA, SCALED_PRESSURE_DATA, VFR_HUD_DATA,
};

use super::airspeed::AirspeedEvidence;
use super::gps_signs::{self, ReceiverClock};
use super::vehicle::VehicleLock;
use crate::autopilot::AutopilotConfig;
use crate::autopilot::mavlink::Sender;
use crate::navigator::{
    AirData, Airframe, Attitude, Barometer, FcGps, FlightState, GpsFix, GpsIntegrity,
    GpsIntegrityState, ImuSample, Input, MonotonicNs,
};

const MILLI_G_MPS2: f64 = 9.806_65e-3;
const MILLI: f64 = 1e-3;
const DEGREES_E7: f64 = core::f64::consts::PI / 180.0 * 1e-7;
const CENTIDEGREES: f64 = core::f64::consts::PI / 180.0 * 1e-2;
const KELVIN_AT_0_C: f64 = 273.15;
const U16_UNKNOWN: u16 = u16::MAX;
const U8_UNKNOWN: u8 = u8::MAX;
/// How long RAW_IMU is waited for before the second unit's SCALED_IMU2 is taken instead.
const RAW_IMU_WAIT_NS: u64 = 2_000_000_000;

/// Turns the messages of one vehicle's autopilot into navigator inputs.
#[derive(Debug, Clone)]
pub struct ArduPilotAdapter {
    lock: VehicleLock,
    our_gps_id: u8,
    airframe: Airframe,
    airspeed: AirspeedEvidence,
    gps_clock: ReceiverClock,
    raw_imu_seen: bool,
    first_heard: Option<MonotonicNs>,
}

impl ArduPilotAdapter {
    /// An adapter that waits for the configured vehicle.
    #[must_use]
    pub fn new(config: &AutopilotConfig) -> Self {
        Self {
            lock: VehicleLock::new(config.system_id),
            our_gps_id: config.gps_id,
            airframe: Airframe::Unknown,
            airspeed: AirspeedEvidence::default(),
            gps_clock: ReceiverClock::default(),
            raw_imu_seen: false,
            first_heard: None,
        }
    }

    /// The vehicle's system id, once it was heard.
    #[must_use]
    pub fn system(&self) -> Option<u8> {
        self.lock.system()
    }

    /// What `message`, which arrived at `time`, tells the navigator; `None` when nothing.
    pub fn handle(
        &mut self,
        sender: Sender,
        message: &MavMessage,
        time: MonotonicNs,
    ) -> Option<Input> {
        if !self.lock.admits(sender, message) {
            return None;
        }
        let first_heard = *self.first_heard.get_or_insert(time);
        match message {
            MavMessage::HEARTBEAT(heartbeat) => Some(self.flight_state(heartbeat, time)),
            MavMessage::SYS_STATUS(status) => {
                self.airspeed.status(status);
                None
            }
            MavMessage::RAW_IMU(raw) => {
                let sample = raw_imu(raw, time)?;
                self.raw_imu_seen = true;
                Some(Input::Imu(sample))
            }
            MavMessage::SCALED_IMU2(scaled) => {
                let waited = time.0.saturating_sub(first_heard.0) >= RAW_IMU_WAIT_NS;
                (waited && !self.raw_imu_seen)
                    .then(|| scaled_imu2(scaled, time))
                    .flatten()
                    .map(Input::Imu)
            }
            MavMessage::ATTITUDE(attitude) => Some(Input::Attitude(Attitude {
                time,
                roll_rad: f64::from(attitude.roll),
                pitch_rad: f64::from(attitude.pitch),
                yaw_rad: f64::from(attitude.yaw),
                angular_rate_frd_radps: [
                    f64::from(attitude.rollspeed),
                    f64::from(attitude.pitchspeed),
                    f64::from(attitude.yawspeed),
                ],
            })),
            MavMessage::VFR_HUD(hud) => self.air_data(hud, time),
            MavMessage::SCALED_PRESSURE(pressure) => {
                self.airspeed.pressure(pressure, time);
                barometer(pressure, time)
            }
            MavMessage::GPS_RAW_INT(gps) => self.gps(sender, message, gps.time_usec, time),
            MavMessage::GPS2_RAW(gps) => self.gps(sender, message, gps.time_usec, time),
            MavMessage::STATUSTEXT(status) => {
                let state = gps_signs::of_text(&*status.text)?;
                Some(self.integrity(state, time))
            }
            _ => None,
        }
    }

    /// What the vehicle's own receiver reports in `message`, without consuming it; `None` when it is
    /// no report, or our own output coming back.
    #[must_use]
    pub fn gps_report(
        &self,
        sender: Sender,
        message: &MavMessage,
        time: MonotonicNs,
    ) -> Option<FcGps> {
        let gps = match message {
            MavMessage::GPS_RAW_INT(gps) => first_receiver(gps, time),
            MavMessage::GPS2_RAW(gps) => second_receiver(gps, time),
            _ => return None,
        };
        let ours = gps.instance == self.our_gps_id;
        (!ours && self.lock.is_vehicle(sender)).then_some(gps)
    }

    /// A report whose clock jumped is told as that alone: its position is not to be believed.
    fn gps(
        &mut self,
        sender: Sender,
        message: &MavMessage,
        receiver_us: u64,
        time: MonotonicNs,
    ) -> Option<Input> {
        let fix = self.gps_report(sender, message, time)?;
        if self.gps_clock.jumped(&fix, receiver_us) {
            return Some(self.integrity(GpsIntegrityState::TimeJumped, time));
        }
        Some(Input::FcGps(fix))
    }

    /// A sign against the receiver that is not ours.
    fn integrity(&self, state: GpsIntegrityState, time: MonotonicNs) -> Input {
        Input::GpsIntegrity(GpsIntegrity {
            time,
            instance: 1 - self.our_gps_id.min(1),
            state,
        })
    }

    fn flight_state(&mut self, heartbeat: &HEARTBEAT_DATA, time: MonotonicNs) -> Input {
        self.airframe = airframe(heartbeat.mavtype);
        Input::FlightState(FlightState {
            time,
            armed: heartbeat
                .base_mode
                .contains(MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED),
            airframe: self.airframe,
        })
    }

    fn air_data(&self, hud: &VFR_HUD_DATA, time: MonotonicNs) -> Option<Input> {
        let usable = self.airframe == Airframe::FixedWing && self.airspeed.speaks_for(hud, time);
        usable.then(|| {
            Input::AirData(AirData {
                time,
                indicated_airspeed_mps: f64::from(hud.airspeed),
            })
        })
    }
}

fn airframe(kind: MavType) -> Airframe {
    match kind {
        MavType::MAV_TYPE_FIXED_WING => Airframe::FixedWing,
        MavType::MAV_TYPE_QUADROTOR
        | MavType::MAV_TYPE_COAXIAL
        | MavType::MAV_TYPE_HELICOPTER
        | MavType::MAV_TYPE_HEXAROTOR
        | MavType::MAV_TYPE_OCTOROTOR
        | MavType::MAV_TYPE_TRICOPTER
        | MavType::MAV_TYPE_DECAROTOR
        | MavType::MAV_TYPE_DODECAROTOR
        | MavType::MAV_TYPE_GENERIC_MULTIROTOR => Airframe::Rotary,
        _ => Airframe::Unknown,
    }
}

fn raw_imu(raw: &RAW_IMU_DATA, time: MonotonicNs) -> Option<ImuSample> {
    // Instances other than the first have other biases; mixing them would look like motion.
    (raw.id == 0)
        .then(|| {
            imu_sample(
                [raw.xacc, raw.yacc, raw.zacc],
                [raw.xgyro, raw.ygyro, raw.zgyro],
                time,
            )
        })
        .flatten()
}

fn scaled_imu2(scaled: &SCALED_IMU2_DATA, time: MonotonicNs) -> Option<ImuSample> {
    imu_sample(
        [scaled.xacc, scaled.yacc, scaled.zacc],
        [scaled.xgyro, scaled.ygyro, scaled.zgyro],
        time,
    )
}

/// No accelerometer reads exactly zero on three axes: then there is none.
fn imu_sample(milli_g: [i16; 3], millirad_s: [i16; 3], time: MonotonicNs) -> Option<ImuSample> {
    (milli_g != [0; 3]).then(|| ImuSample {
        time,
        specific_force_frd_mps2: milli_g.map(|value| f64::from(value) * MILLI_G_MPS2),
        angular_rate_frd_radps: millirad_s.map(|value| f64::from(value) * MILLI),
    })
}

fn barometer(pressure: &SCALED_PRESSURE_DATA, time: MonotonicNs) -> Option<Input> {
    (pressure.press_abs.is_finite() && pressure.press_abs > 0.0).then(|| {
        Input::Barometer(Barometer {
            time,
            static_pressure_pa: f64::from(pressure.press_abs) * 100.0,
            temperature_k: f64::from(pressure.temperature) * 0.01 + KELVIN_AT_0_C,
        })
    })
}

/// What the two receivers' messages have in common, in their units.
struct Report {
    instance: u8,
    fix: GpsFixType,
    lat_deg_e7: i32,
    lon_deg_e7: i32,
    alt_mm: i32,
    speed_cmps: u16,
    course_cdeg: u16,
    satellites: u8,
    horiz_accuracy_mm: u32,
    vert_accuracy_mm: u32,
    speed_accuracy_mmps: u32,
}

fn first_receiver(gps: &GPS_RAW_INT_DATA, time: MonotonicNs) -> FcGps {
    fc_gps(
        &Report {
            instance: 0,
            fix: gps.fix_type,
            lat_deg_e7: gps.lat,
            lon_deg_e7: gps.lon,
            alt_mm: gps.alt,
            speed_cmps: gps.vel,
            course_cdeg: gps.cog,
            satellites: gps.satellites_visible,
            horiz_accuracy_mm: gps.h_acc,
            vert_accuracy_mm: gps.v_acc,
            speed_accuracy_mmps: gps.vel_acc,
        },
        time,
    )
}

fn second_receiver(gps: &GPS2_RAW_DATA, time: MonotonicNs) -> FcGps {
    fc_gps(
        &Report {
            instance: 1,
            fix: gps.fix_type,
            lat_deg_e7: gps.lat,
            lon_deg_e7: gps.lon,
            alt_mm: gps.alt,
            speed_cmps: gps.vel,
            course_cdeg: gps.cog,
            satellites: gps.satellites_visible,
            horiz_accuracy_mm: gps.h_acc,
            vert_accuracy_mm: gps.v_acc,
            speed_accuracy_mmps: gps.vel_acc,
        },
        time,
    )
}

fn fc_gps(report: &Report, time: MonotonicNs) -> FcGps {
    let velocity_given = report.speed_cmps != U16_UNKNOWN && report.course_cdeg != U16_UNKNOWN;
    let velocity_ne_mps = velocity_given.then(|| {
        let speed_mps = f64::from(report.speed_cmps) * 0.01;
        let course_rad = f64::from(report.course_cdeg) * CENTIDEGREES;
        [speed_mps * cos(course_rad), speed_mps * sin(course_rad)]
    });
    // The accuracies are MAVLink 2 extensions: zero when the sender, or MAVLink 1, has none.
    let given = |milli: u32| (milli != 0).then(|| f64::from(milli) * MILLI);
    FcGps {
        time,
        instance: report.instance,
        fix: fix(report.fix),
        lat_rad: f64::from(report.lat_deg_e7) * DEGREES_E7,
        lon_rad: f64::from(report.lon_deg_e7) * DEGREES_E7,
        alt_msl_m: f64::from(report.alt_mm) * MILLI,
        velocity_ne_mps,
        horiz_accuracy_m: given(report.horiz_accuracy_mm),
        vert_accuracy_m: given(report.vert_accuracy_mm),
        speed_accuracy_mps: given(report.speed_accuracy_mmps),
        satellites: (report.satellites != U8_UNKNOWN).then_some(report.satellites),
    }
}

fn fix(kind: GpsFixType) -> GpsFix {
    match kind {
        GpsFixType::GPS_FIX_TYPE_NO_GPS | GpsFixType::GPS_FIX_TYPE_NO_FIX => GpsFix::None,
        GpsFixType::GPS_FIX_TYPE_2D_FIX => GpsFix::TwoD,
        GpsFixType::GPS_FIX_TYPE_3D_FIX
        | GpsFixType::GPS_FIX_TYPE_DGPS
        | GpsFixType::GPS_FIX_TYPE_RTK_FLOAT
        | GpsFixType::GPS_FIX_TYPE_RTK_FIXED
        | GpsFixType::GPS_FIX_TYPE_STATIC
        | GpsFixType::GPS_FIX_TYPE_PPP => GpsFix::ThreeD,
    }
}
