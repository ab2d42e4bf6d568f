//! What each setting may be.

use toml::Value;

use super::{ConfigError, Configuration};
use crate::recorder::{SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};

/// Navigator settings that may be zero; every other one is a noise, a limit or a time above zero.
const MAY_BE_ZERO: [&str; 2] = [
    "navigator.initial.gps_delay_mean_s",
    "navigator.initial.lift_slope_mean_m",
];
/// No navigator setting is meaningful beyond this.
const NUMBER_MAX: f64 = 1e6;

pub(super) fn check(configuration: &Configuration) -> Result<(), ConfigError> {
    let autopilot = &configuration.autopilot;
    if autopilot.gps_id > 1 {
        return refuse("autopilot.gps_id", autopilot.gps_id, "0 or 1");
    }
    if autopilot.system_id == Some(0) {
        return refuse("autopilot.system_id", 0, "1 to 255, or leave it out");
    }
    let segment_bytes = configuration.recorder.segment_bytes;
    if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&segment_bytes) {
        let allowed = format!("{SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}");
        return refuse("recorder.segment_bytes", segment_bytes, &allowed);
    }
    check_numbers("navigator", &Value::try_from(&configuration.navigator)?)?;
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

/// Every number below `name`, whatever settings the navigator has.
fn check_numbers(name: &str, value: &Value) -> Result<(), ConfigError> {
    match value {
        Value::Table(table) => table
            .iter()
            .try_for_each(|(key, value)| check_numbers(&format!("{name}.{key}"), value)),
        Value::Float(number) if MAY_BE_ZERO.contains(&name) => in_range(
            name,
            *number,
            (0.0..=NUMBER_MAX).contains(number),
            "0 to 1000000",
        ),
        Value::Float(number) => in_range(
            name,
            *number,
            *number > 0.0 && *number <= NUMBER_MAX,
            "above 0, to 1000000",
        ),
        _ => Ok(()),
    }
}

fn in_range(name: &str, number: f64, fits: bool, allowed: &str) -> Result<(), ConfigError> {
    if fits {
        Ok(())
    } else {
        refuse(name, number, allowed)
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
