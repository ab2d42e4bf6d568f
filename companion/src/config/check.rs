//! What each setting may be.

use toml::Value;

use super::ranges::{RANGES, Range};
use super::{ConfigError, Configuration, Profile};
use crate::autopilot::AutopilotKind;
use crate::navigator::NavigatorConfig;
use crate::observability::{LogForm, LogLevel};

pub(super) fn check(configuration: &Configuration) -> Result<(), ConfigError> {
    let autopilot = &configuration.autopilot;
    if autopilot.gps_id > 1 {
        return refuse("autopilot.gps_id", autopilot.gps_id, "0 or 1");
    }
    if autopilot.system_id == Some(0) {
        return refuse("autopilot.system_id", 0, "1 to 255, or leave it out");
    }
    check_links(configuration)?;
    if let Some((name, value, allowed)) = configuration.recorder.refused() {
        return refuse(&format!("recorder.{name}"), value, &allowed);
    }
    check_production(configuration)?;
    let map = &configuration.map;
    if map.package.is_some() && map.trusted_keys.is_empty() {
        let allowed =
            "at least one public key beside map.package: an unsigned map is not flown with";
        return refuse("map.trusted_keys", "[]", allowed);
    }
    let navigator = Value::try_from(&configuration.navigator)?;
    RANGES
        .iter()
        .try_for_each(|range| check_number(&navigator, range))?;
    check_order(&configuration.navigator)?;
    check_inav(configuration)?;
    let fix = &configuration.navigator.fix;
    if fix.two_d_max_radius_m < fix.three_d_max_radius_m {
        let allowed = format!(
            "at least navigator.fix.three_d_max_radius_m, which is {}",
            fix.three_d_max_radius_m
        );
        return refuse(
            "navigator.fix.two_d_max_radius_m",
            fix.two_d_max_radius_m,
            &allowed,
        );
    }
    Ok(())
}

fn check_links(configuration: &Configuration) -> Result<(), ConfigError> {
    let rates = &configuration.autopilot.rates;
    for (name, hz) in [
        ("imu_hz", rates.imu_hz),
        ("attitude_hz", rates.attitude_hz),
        ("air_hz", rates.air_hz),
        ("gps_hz", rates.gps_hz),
    ] {
        if !(1..=400).contains(&hz) {
            return refuse(&format!("autopilot.rates.{name}"), hz, "1 to 400");
        }
    }
    let ground = &configuration.ground_station;
    if ground.gps_raw_int_hz > 5 {
        let setting = "ground_station.gps_raw_int_hz";
        return refuse(setting, ground.gps_raw_int_hz, "0 to 5");
    }
    let address = &configuration.autopilot.address;
    if address.is_some() && *address == ground.address {
        let allowed = "another link than autopilot.address";
        let value = address.as_ref().map(ToString::to_string);
        return refuse("ground_station.address", value.unwrap_or_default(), allowed);
    }
    Ok(())
}

/// What is refused in the air.
fn check_production(configuration: &Configuration) -> Result<(), ConfigError> {
    if configuration.profile != Profile::Production {
        return Ok(());
    }
    let within = |allowed: &str| format!("{allowed} with profile = \"production\"");
    if configuration.log.level > LogLevel::Info {
        let allowed = within("\"info\", \"warn\" or \"error\"");
        return refuse("log.level", "\"debug\"", &allowed);
    }
    if configuration.log.form == Some(LogForm::Json) {
        return refuse("log.form", "\"json\"", &within("\"journald\""));
    }
    if let Some(listen) = configuration.metrics.listen {
        return refuse("metrics.listen", listen, &within("to leave it out"));
    }
    Ok(())
}

/// Settings that only make sense beside others.
fn check_order(navigator: &NavigatorConfig) -> Result<(), ConfigError> {
    let thermal = &navigator.thermal;
    if thermal.cool_c > thermal.hot_c {
        let allowed = format!(
            "at most navigator.thermal.hot_c, which is {}",
            thermal.hot_c
        );
        return refuse("navigator.thermal.cool_c", thermal.cool_c, &allowed);
    }
    let gate = &navigator.spoof_gate;
    for (name, set) in [
        ("source_set_denied", gate.source_set_denied),
        ("source_set_trusted", gate.source_set_trusted),
    ] {
        if set > 3 {
            let setting = format!("navigator.spoof_gate.{name}");
            return refuse(&setting, set, "1 to 3, or 0 for none");
        }
    }
    Ok(())
}

/// iNav has neither source sets nor signing.
fn check_inav(configuration: &Configuration) -> Result<(), ConfigError> {
    if configuration.autopilot.kind == AutopilotKind::INav && configuration.autopilot.signing {
        let allowed = "false with autopilot.kind = \"inav\", which has no signing";
        return refuse("autopilot.signing", true, allowed);
    }
    let gate = &configuration.navigator.spoof_gate;
    let asked = gate.source_set_denied.max(gate.source_set_trusted);
    if configuration.autopilot.kind == AutopilotKind::INav && asked != 0 {
        return refuse(
            "navigator.spoof_gate.source_set_denied",
            asked,
            "0 with autopilot.kind = \"inav\", which has no source sets",
        );
    }
    Ok(())
}

/// A number of the navigator, which is there under its name whatever the file left out.
fn check_number(navigator: &Value, range: &Range) -> Result<(), ConfigError> {
    let number = navigator
        .get(range.section)
        .and_then(|section| section.get(range.name))
        .and_then(Value::as_float);
    match number {
        // Not a number is in no range.
        Some(number) if (range.low..=range.high).contains(&number) => Ok(()),
        found => refuse(
            &range.setting(),
            found.unwrap_or(f64::NAN),
            &format!("{} to {}", range.low, range.high),
        ),
    }
}

fn refuse<T>(
    setting: &str,
    value: impl std::fmt::Display,
    allowed: &str,
) -> Result<T, ConfigError> {
    Err(ConfigError::NotAllowed {
        setting: setting.to_owned(),
        value: value.to_string(),
        allowed: allowed.to_owned(),
    })
}
