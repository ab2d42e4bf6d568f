//! Whether the airspeed that an autopilot reports was measured.
//!
//! ArduPlane without a working sensor reports an airspeed made from GPS and wind, in the same field.
//! It would carry GPS into a denied window, so an airspeed is believed on evidence only:
//!
//! | latest SYS_STATUS on the differential pressure sensor | SCALED_PRESSURE.press_diff | airspeed |
//! |---|---|---|
//! | present, enabled and healthy | - | believed |
//! | anything else | - | not believed |
//! | none so far | recent, and the pressure of the reported airspeed | believed |
//! | none so far | none, old, or another pressure | not believed |
//!
//! Source: MAVLink common messages 1, 29 and 74; ArduPilot's `AP_AHRS::airspeed_estimate`.

use mavlink::dialects::ardupilotmega::{
    MavSysStatusSensor, SCALED_PRESSURE_DATA, SYS_STATUS_DATA, VFR_HUD_DATA,
};

use crate::navigator::MonotonicNs;

/// Density behind indicated airspeed, kg/m3.
const SEA_LEVEL_DENSITY_KGPM3: f64 = 1.225;
const PA_PER_HPA: f64 = 100.0;
/// A pressure this much older than the airspeed says nothing about it.
const PRESSURE_MAX_AGE_S: f64 = 2.0;
/// How far the pressure may be from that of the airspeed, as a share of it: what ArduPilot's usual
/// `ARSPD_RATIO` (1.1 to 3.2; 1.63 is the ideal tube), its filter and the time between the two explain.
const PRESSURE_TOLERANCE: f64 = 0.5;

/// What is known of the airspeed sensor.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AirspeedEvidence {
    sensor_works: Option<bool>,
    pressure: Option<(MonotonicNs, f64)>,
}

impl AirspeedEvidence {
    pub(super) fn status(&mut self, status: &SYS_STATUS_DATA) {
        let sensor = MavSysStatusSensor::MAV_SYS_STATUS_SENSOR_DIFFERENTIAL_PRESSURE;
        self.sensor_works = Some(
            status.onboard_control_sensors_present.contains(sensor)
                && status.onboard_control_sensors_enabled.contains(sensor)
                && status.onboard_control_sensors_health.contains(sensor),
        );
    }

    pub(super) fn pressure(&mut self, pressure: &SCALED_PRESSURE_DATA, time: MonotonicNs) {
        self.pressure = Some((time, f64::from(pressure.press_diff) * PA_PER_HPA));
    }

    /// Whether the airspeed in `hud`, which arrived at `time`, was measured.
    pub(super) fn speaks_for(&self, hud: &VFR_HUD_DATA, time: MonotonicNs) -> bool {
        self.sensor_works.unwrap_or_else(|| {
            self.pressure.is_some_and(|(measured, pressure_pa)| {
                let airspeed_mps = f64::from(hud.airspeed);
                let expected_pa = 0.5 * SEA_LEVEL_DENSITY_KGPM3 * airspeed_mps * airspeed_mps;
                // False as well when any of it is not a number, or the pressure of no wind.
                time.seconds_since(measured) <= PRESSURE_MAX_AGE_S
                    && pressure_pa > 0.0
                    && (pressure_pa - expected_pa).abs() <= PRESSURE_TOLERANCE * expected_pa
            })
        })
    }
}
