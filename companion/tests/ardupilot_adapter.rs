//! What the navigator is told of ArduPilot's messages, and what it must never be told.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use companion::autopilot::AutopilotConfig;
use companion::autopilot::ardupilot::{ArduPilotAdapter, Masked, mask_gps};
use companion::autopilot::mavlink::Sender;
use companion::navigator::{
    Airframe, FcGps, GpsFix, GpsIntegrityState, Input, MonotonicNs, Navigator, NavigatorConfig,
    Output, Outputs, SpoofGateStep, Tick,
};
use mavlink::dialects::ardupilotmega::{
    AHRS_DATA, AHRS2_DATA, AHRS3_DATA, EKF_STATUS_REPORT_DATA, GLOBAL_POSITION_INT_DATA,
    GPS_RAW_INT_DATA, GPS2_RAW_DATA, GpsFixType, LOCAL_POSITION_NED_DATA, MavAutopilot, MavMessage,
    MavSeverity, MavSysStatusSensor, MavType, RAW_IMU_DATA, SCALED_IMU2_DATA, SCALED_PRESSURE_DATA,
    STATUSTEXT_DATA, SYS_STATUS_DATA, VFR_HUD_DATA,
};
use support::{attitude, gps, heartbeat, plane_heartbeat, raw_imu};

const VEHICLE: Sender = Sender {
    system: 1,
    component: 1,
};

fn at(milliseconds: u64) -> MonotonicNs {
    MonotonicNs(milliseconds * 1_000_000)
}

fn adapter(config: AutopilotConfig, kind: MavType) -> ArduPilotAdapter {
    let mut adapter = ArduPilotAdapter::new(&config);
    let hello = heartbeat(kind, MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA, false);
    assert!(adapter.handle(VEHICLE, &hello, at(0)).is_some());
    adapter
}

fn plane() -> ArduPilotAdapter {
    adapter(AutopilotConfig::default(), MavType::MAV_TYPE_FIXED_WING)
}

fn hud(airspeed: f32) -> MavMessage {
    MavMessage::VFR_HUD(VFR_HUD_DATA {
        airspeed,
        groundspeed: 99.0,
        alt: 999.0,
        climb: 9.0,
        ..VFR_HUD_DATA::default()
    })
}

fn fc_gps(adapter: &mut ArduPilotAdapter, message: &MavMessage) -> FcGps {
    match adapter.handle(VEHICLE, message, at(10)) {
        Some(Input::FcGps(gps)) => gps,
        other => panic!("not a GPS report: {other:?}"),
    }
}

#[test]
fn nothing_is_taken_before_an_autopilot_says_that_it_is_one() {
    let mut adapter = ArduPilotAdapter::new(&AutopilotConfig::default());
    let companion = heartbeat(
        MavType::MAV_TYPE_ONBOARD_CONTROLLER,
        MavAutopilot::MAV_AUTOPILOT_INVALID,
        false,
    );
    assert_eq!(adapter.handle(VEHICLE, &attitude(0.1), at(0)), None);
    assert_eq!(adapter.handle(VEHICLE, &companion, at(0)), None);
    let camera = Sender {
        system: 9,
        component: 100,
    };
    assert_eq!(adapter.handle(camera, &plane_heartbeat(true), at(0)), None);
    assert_eq!(adapter.system(), None);
    assert!(
        adapter
            .handle(VEHICLE, &plane_heartbeat(true), at(1))
            .is_some()
    );
    assert_eq!(adapter.system(), Some(1));
    let second = Sender {
        system: 2,
        component: 1,
    };
    assert_eq!(adapter.handle(second, &plane_heartbeat(true), at(2)), None);
    assert_eq!(adapter.handle(second, &attitude(0.1), at(2)), None);
    assert!(adapter.handle(VEHICLE, &attitude(0.1), at(3)).is_some());
}

#[test]
fn the_configured_vehicle_is_waited_for() {
    let mut adapter = ArduPilotAdapter::new(&AutopilotConfig {
        system_id: Some(7),
        ..AutopilotConfig::default()
    });
    assert_eq!(adapter.handle(VEHICLE, &plane_heartbeat(true), at(0)), None);
    let seven = Sender {
        system: 7,
        component: 1,
    };
    assert!(
        adapter
            .handle(seven, &plane_heartbeat(true), at(1))
            .is_some()
    );
    assert_eq!(adapter.system(), Some(7));
}

#[test]
fn the_heartbeat_tells_airframe_and_whether_the_motors_are_armed() {
    for (kind, airframe) in [
        (MavType::MAV_TYPE_FIXED_WING, Airframe::FixedWing),
        (MavType::MAV_TYPE_QUADROTOR, Airframe::Rotary),
        (MavType::MAV_TYPE_HELICOPTER, Airframe::Rotary),
        (MavType::MAV_TYPE_VTOL_TILTROTOR, Airframe::Unknown),
        (MavType::MAV_TYPE_GROUND_ROVER, Airframe::Unknown),
    ] {
        let mut adapter = ArduPilotAdapter::new(&AutopilotConfig::default());
        let message = heartbeat(kind, MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA, true);
        let Some(Input::FlightState(state)) = adapter.handle(VEHICLE, &message, at(5)) else {
            panic!("no flight state");
        };
        assert_eq!(
            (state.airframe, state.armed, state.time),
            (airframe, true, at(5))
        );
    }
}

#[test]
fn raw_imu_is_in_si_units_and_level_at_rest_reads_minus_one_g() {
    let message = MavMessage::RAW_IMU(RAW_IMU_DATA {
        zacc: -1000,
        xgyro: 500,
        ..RAW_IMU_DATA::default()
    });
    let Some(Input::Imu(sample)) = plane().handle(VEHICLE, &message, at(7)) else {
        panic!("no sample");
    };
    assert_eq!(sample.time, at(7));
    assert!((sample.specific_force_frd_mps2[2] + 9.80665).abs() < 1e-12);
    assert!((sample.angular_rate_frd_radps[0] - 0.5).abs() < 1e-12);
}

#[test]
fn an_accelerometer_of_zeros_and_a_second_unit_are_no_sample() {
    assert_eq!(plane().handle(VEHICLE, &raw_imu(0), at(7)), None);
    let second = MavMessage::RAW_IMU(RAW_IMU_DATA {
        zacc: -1000,
        id: 1,
        ..RAW_IMU_DATA::default()
    });
    assert_eq!(plane().handle(VEHICLE, &second, at(7)), None);
}

#[test]
fn scaled_imu2_is_taken_only_where_no_raw_imu_comes() {
    let second = MavMessage::SCALED_IMU2(SCALED_IMU2_DATA {
        zacc: -1000,
        ..SCALED_IMU2_DATA::default()
    });
    let mut with = plane();
    assert_eq!(with.handle(VEHICLE, &second, at(100)), None);
    assert!(with.handle(VEHICLE, &raw_imu(-1000), at(200)).is_some());
    assert_eq!(with.handle(VEHICLE, &second, at(9_000)), None);
    let mut without = plane();
    assert_eq!(without.handle(VEHICLE, &second, at(1_900)), None);
    assert!(matches!(
        without.handle(VEHICLE, &second, at(2_100)),
        Some(Input::Imu(_))
    ));
}

#[test]
fn airspeed_is_taken_from_a_fixed_wing_only() {
    let working = airspeed_status([differential_pressure(); 3]);
    let mut plane = plane();
    assert_eq!(plane.handle(VEHICLE, &working, at(1)), None);
    let Some(Input::AirData(air)) = plane.handle(VEHICLE, &hud(17.5), at(3)) else {
        panic!("no airspeed");
    };
    assert_eq!(air.indicated_airspeed_mps, 17.5);
    for kind in [
        MavType::MAV_TYPE_QUADROTOR,
        MavType::MAV_TYPE_VTOL_TILTROTOR,
    ] {
        let mut other = adapter(AutopilotConfig::default(), kind);
        assert_eq!(other.handle(VEHICLE, &working, at(1)), None);
        assert_eq!(other.handle(VEHICLE, &hud(17.5), at(3)), None);
    }
}

fn differential_pressure() -> MavSysStatusSensor {
    MavSysStatusSensor::MAV_SYS_STATUS_SENSOR_DIFFERENTIAL_PRESSURE
}

/// SYS_STATUS with these sensors present, enabled and healthy.
fn airspeed_status([present, enabled, healthy]: [MavSysStatusSensor; 3]) -> MavMessage {
    MavMessage::SYS_STATUS(SYS_STATUS_DATA {
        onboard_control_sensors_present: present,
        onboard_control_sensors_enabled: enabled,
        onboard_control_sensors_health: healthy,
        ..SYS_STATUS_DATA::default()
    })
}

/// SCALED_PRESSURE of an indicated airspeed.
fn pitot(airspeed_mps: f32) -> MavMessage {
    MavMessage::SCALED_PRESSURE(SCALED_PRESSURE_DATA {
        press_abs: 1000.0,
        press_diff: 0.5 * 1.225 * airspeed_mps * airspeed_mps / 100.0,
        ..SCALED_PRESSURE_DATA::default()
    })
}

#[test]
fn an_airspeed_without_evidence_that_it_was_measured_is_not_taken() {
    assert_eq!(plane().handle(VEHICLE, &hud(17.5), at(3)), None);
    for (pressure, age_ms, taken) in [
        (pitot(17.5), 0, true),
        (pitot(16.0), 2_000, true),
        (pitot(17.5), 2_001, false),
        (pitot(10.0), 0, false),
        (pitot(25.0), 0, false),
        (pitot(0.0), 0, false),
        (pitot(f32::NAN), 0, false),
    ] {
        let mut plane = plane();
        plane.handle(VEHICLE, &pressure, at(5));
        let air = plane.handle(VEHICLE, &hud(17.5), at(5 + age_ms));
        assert_eq!(air.is_some(), taken, "{pressure:?}, {age_ms} ms old");
    }
    let mut standing = plane();
    standing.handle(VEHICLE, &pitot(0.0), at(5));
    assert_eq!(standing.handle(VEHICLE, &hud(0.0), at(5)), None);
}

#[test]
fn a_sensor_that_the_autopilot_does_not_use_is_not_believed_on_its_pressure() {
    let mut plane = plane();
    let unused = [
        differential_pressure(),
        MavSysStatusSensor::empty(),
        differential_pressure(),
    ];
    plane.handle(VEHICLE, &airspeed_status(unused), at(1));
    plane.handle(VEHICLE, &pitot(17.5), at(2));
    assert_eq!(plane.handle(VEHICLE, &hud(17.5), at(3)), None);
}

#[test]
fn a_synthetic_airspeed_of_an_aircraft_without_a_working_sensor_is_not_taken() {
    let sensor = differential_pressure();
    let none = MavSysStatusSensor::empty();
    for (present, enabled, healthy, taken) in [
        (sensor, sensor, sensor, true),
        (none, none, none, false),
        (sensor, none, sensor, false),
        (sensor, sensor, none, false),
    ] {
        let mut plane = plane();
        let status = airspeed_status([present, enabled, healthy]);
        assert_eq!(plane.handle(VEHICLE, &status, at(1)), None);
        assert_eq!(plane.handle(VEHICLE, &hud(17.5), at(3)).is_some(), taken);
    }
}

#[test]
fn pressure_is_in_pascal_and_kelvin_and_nonsense_is_not_passed_on() {
    let pressure = |press_abs| {
        MavMessage::SCALED_PRESSURE(SCALED_PRESSURE_DATA {
            press_abs,
            temperature: 1500,
            ..SCALED_PRESSURE_DATA::default()
        })
    };
    let Some(Input::Barometer(sample)) = plane().handle(VEHICLE, &pressure(1000.0), at(3)) else {
        panic!("no sample");
    };
    assert_eq!(sample.static_pressure_pa, 100_000.0);
    assert!((sample.temperature_k - 288.15).abs() < 1e-9);
    for nonsense in [f32::NAN, f32::INFINITY, 0.0, -5.0] {
        assert_eq!(plane().handle(VEHICLE, &pressure(nonsense), at(3)), None);
    }
}

#[test]
fn a_gps_report_is_in_radians_metres_and_north_east_velocity() {
    let message = MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
        lat: 450_000_000,
        lon: -900_000_000,
        alt: 123_456,
        vel: 1000,
        cog: 9000,
        fix_type: GpsFixType::GPS_FIX_TYPE_DGPS,
        satellites_visible: 11,
        h_acc: 1500,
        v_acc: 2500,
        vel_acc: 300,
        ..GPS_RAW_INT_DATA::default()
    });
    let report = fc_gps(&mut plane(), &message);
    assert_eq!((report.instance, report.fix), (0, GpsFix::ThreeD));
    assert!((report.lat_rad - core::f64::consts::FRAC_PI_4).abs() < 1e-15);
    assert!((report.lon_rad + core::f64::consts::FRAC_PI_2).abs() < 1e-15);
    assert!((report.alt_msl_m - 123.456).abs() < 1e-9);
    let [north, east] = report.velocity_ne_mps.unwrap();
    assert!(north.abs() < 1e-9 && (east - 10.0).abs() < 1e-9);
    assert_eq!(report.horiz_accuracy_m, Some(1.5));
    assert_eq!(report.vert_accuracy_m, Some(2.5));
    assert_eq!(report.speed_accuracy_mps, Some(0.3));
    assert_eq!(report.satellites, Some(11));
}

#[test]
fn what_a_receiver_does_not_say_is_not_given() {
    let silent = |vel, cog| {
        MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
            vel,
            cog,
            eph: u16::MAX,
            fix_type: GpsFixType::GPS_FIX_TYPE_NO_FIX,
            satellites_visible: u8::MAX,
            ..GPS_RAW_INT_DATA::default()
        })
    };
    for (vel, cog) in [(u16::MAX, 100), (100, u16::MAX), (u16::MAX, u16::MAX)] {
        let report = fc_gps(&mut plane(), &silent(vel, cog));
        assert_eq!(report.fix, GpsFix::None);
        assert_eq!(report.velocity_ne_mps, None);
        assert_eq!(report.horiz_accuracy_m, None);
        assert_eq!(report.vert_accuracy_m, None);
        assert_eq!(report.speed_accuracy_mps, None);
        assert_eq!(report.satellites, None);
    }
}

#[test]
fn our_own_output_coming_back_is_never_taken_as_gps() {
    let second = MavMessage::GPS2_RAW(GPS2_RAW_DATA {
        fix_type: GpsFixType::GPS_FIX_TYPE_3D_FIX,
        ..GPS2_RAW_DATA::default()
    });
    let with = |gps_id| {
        let config = AutopilotConfig {
            gps_id,
            ..AutopilotConfig::default()
        };
        adapter(config, MavType::MAV_TYPE_FIXED_WING)
    };
    let mut ours_is_second = with(1);
    assert_eq!(fc_gps(&mut ours_is_second, &gps(1.0)).instance, 0);
    assert_eq!(ours_is_second.handle(VEHICLE, &second, at(1)), None);
    let mut ours_is_first = with(0);
    assert_eq!(ours_is_first.handle(VEHICLE, &gps(1.0), at(1)), None);
    assert_eq!(fc_gps(&mut ours_is_first, &second).instance, 1);
}

fn estimates() -> Vec<MavMessage> {
    vec![
        MavMessage::GLOBAL_POSITION_INT(GLOBAL_POSITION_INT_DATA::default()),
        MavMessage::LOCAL_POSITION_NED(LOCAL_POSITION_NED_DATA::default()),
        MavMessage::AHRS(AHRS_DATA::default()),
        MavMessage::AHRS2(AHRS2_DATA::default()),
        MavMessage::AHRS3(AHRS3_DATA::default()),
        MavMessage::EKF_STATUS_REPORT(EKF_STATUS_REPORT_DATA::default()),
    ]
}

#[test]
fn the_autopilots_own_estimate_is_never_an_input() {
    for message in estimates() {
        assert_eq!(
            plane().handle(VEHICLE, &message, at(1)),
            None,
            "{message:?}"
        );
    }
}

#[test]
fn denial_removes_everything_that_gps_reaches_and_leaves_the_sensors() {
    let second = MavMessage::GPS2_RAW(GPS2_RAW_DATA::default());
    for message in estimates().into_iter().chain([gps(1.0), second]) {
        assert_eq!(mask_gps(message), Masked::Whole);
    }
    let Masked::Partly(MavMessage::VFR_HUD(left)) = mask_gps(hud(17.5)) else {
        panic!("not masked in part");
    };
    assert_eq!(left.airspeed, 17.5);
    assert_eq!((left.groundspeed, left.alt, left.climb), (0.0, 0.0, 0.0));
    for message in [attitude(0.1), raw_imu(-1000), plane_heartbeat(true)] {
        assert_eq!(mask_gps(message.clone()), Masked::Untouched(message));
    }
}

#[test]
fn a_status_text_that_speaks_of_spoofing_or_jamming_is_a_sign_against_the_other_receiver() {
    let text = |words: &str| {
        MavMessage::STATUSTEXT(STATUSTEXT_DATA {
            severity: MavSeverity::MAV_SEVERITY_WARNING,
            text: words.into(),
            ..STATUSTEXT_DATA::default()
        })
    };
    let mut adapter = plane();
    for (words, expected) in [
        ("GPS 1: Spoofing detected", Some(GpsIntegrityState::Spoofed)),
        ("GPS1 JAMMED", Some(GpsIntegrityState::Jammed)),
        ("EKF3 IMU0 is using GPS", None),
    ] {
        let found = match adapter.handle(VEHICLE, &text(words), at(10)) {
            Some(Input::GpsIntegrity(report)) => {
                assert_eq!(report.instance, 0, "ours is the second");
                Some(report.state)
            }
            None => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{words}");
    }
}

#[test]
fn a_report_whose_clock_jumps_is_told_as_a_jump_and_not_as_a_position() {
    let mut adapter = plane();
    let at_s = |seconds: f64| MonotonicNs((seconds * 1e9) as u64);
    for step in 0..50 {
        let seconds = 1.0 + f64::from(step) * 0.2;
        // A link that holds reports back for two seconds is no jump.
        let held = if step == 20 { 2.0 } else { 0.0 };
        let input = adapter.handle(VEHICLE, &gps(seconds), at_s(seconds + held));
        assert!(matches!(input, Some(Input::FcGps(_))), "{input:?}");
    }
    let jumped = adapter.handle(VEHICLE, &gps(31.0), at_s(11.0));
    assert!(
        matches!(jumped, Some(Input::GpsIntegrity(report)) if report.state == GpsIntegrityState::TimeJumped),
        "{jumped:?}"
    );
    let next = adapter.handle(VEHICLE, &gps(31.2), at_s(11.2));
    assert!(matches!(next, Some(Input::FcGps(_))), "{next:?}");
}

/// Our own positions come back as the second receiver's and as the autopilot's estimate. Once the gate is
/// closed they could not open it, were they believed or not: none of them reaches the navigator.
#[test]
fn our_echo_never_opens_the_spoof_gate() {
    let mut adapter = plane();
    let mut navigator = Navigator::new(&NavigatorConfig::default());
    let mut outputs = Outputs::default();
    let mut steps = Vec::new();
    let mut feed = |input: &Input, steps: &mut Vec<SpoofGateStep>| {
        navigator.handle(input, &mut outputs);
        steps.extend(outputs.iter().filter_map(|output| match output {
            Output::SpoofGate(event) => Some(event.step),
            _ => None,
        }));
    };
    for step in 0..400u32 {
        let seconds = 1.0 + f64::from(step) * 0.1;
        let now = MonotonicNs((seconds * 1e9) as u64);
        feed(&Input::Tick(Tick { time: now }), &mut steps);
        let MavMessage::GPS_RAW_INT(truth) = gps(seconds) else {
            unreachable!()
        };
        // The real receiver until 10 s, with a jump at the end; the echo all the while.
        let mut own = truth.clone();
        own.lat += if step >= 85 { 100_000 } else { 0 };
        let echo = GPS2_RAW_DATA {
            time_usec: truth.time_usec,
            lat: truth.lat,
            lon: truth.lon,
            alt: truth.alt,
            vel: truth.vel,
            fix_type: truth.fix_type,
            satellites_visible: 10,
            ..GPS2_RAW_DATA::default()
        };
        let estimate = GLOBAL_POSITION_INT_DATA {
            lat: truth.lat,
            lon: truth.lon,
            ..GLOBAL_POSITION_INT_DATA::default()
        };
        let mut messages = vec![
            plane_heartbeat(true),
            attitude(0.0),
            MavMessage::GPS2_RAW(echo),
            MavMessage::GLOBAL_POSITION_INT(estimate),
        ];
        if step < 90 {
            messages.push(MavMessage::GPS_RAW_INT(own));
        }
        for message in &messages {
            if let Some(input) = adapter.handle(VEHICLE, message, now) {
                assert!(
                    !matches!(input, Input::FcGps(ref fix) if fix.instance == 1),
                    "the echo became an input"
                );
                feed(&input, &mut steps);
            }
        }
    }
    assert!(steps.contains(&SpoofGateStep::Closed), "{steps:?}");
    assert!(!steps.contains(&SpoofGateStep::Promoted), "{steps:?}");
}
