//! What each setting may be.

use toml::Value;

use super::ranges::{RANGES, Range};
use super::{ConfigError, Configuration};
use crate::autopilot::AutopilotKind;
use crate::navigator::NavigatorConfig;

pub(super) fn check(configuration: &Configuration) -> Result<(), ConfigError> {
    let autopilot = &configuration.autopilot;
    if autopilot.gps_id > 1 {
        return refuse("autopilot.gps_id", autopilot.gps_id, "0 or 1");
    }
    if autopilot.system_id == Some(0) {
        return refuse("autopilot.system_id", 0, "1 to 255, or leave it out");
    }
    if let Some((name, value, allowed)) = configuration.recorder.refused() {
        return refuse(&format!("recorder.{name}"), value, &allowed);
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

/// iNav has no source sets.
fn check_inav(configuration: &Configuration) -> Result<(), ConfigError> {
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
