//! Settings that do not exist: which one was probably meant.

use toml::Value;

use super::{ConfigError, Configuration};

/// How different a name may be that was meant, 0 to 1.
const LIKENESS_MIN: f64 = 0.6;

/// Settings that someone may look for, and why there are none.
const ABSENT: [(&str, &str); 3] = [
    (
        "signing_key",
        "there is no static signing key: a fresh one is made for each flight (autopilot.signing)",
    ),
    (
        "static_signing_key",
        "there is no static signing key: a fresh one is made for each flight (autopilot.signing)",
    ),
    (
        "baud",
        "the speed is part of the address: autopilot.address = \"serial:/dev/ttyTHS1:921600\"",
    ),
];

/// The error, with a hint when it is about a name.
pub(super) fn explained(error: toml::de::Error) -> ConfigError {
    match hint(error.message()) {
        Some(hint) => ConfigError::Unknown {
            source: Box::new(error),
            hint,
        },
        None => ConfigError::Syntax(error),
    }
}

fn hint(message: &str) -> Option<String> {
    let after = message.strip_prefix("unknown field `")?;
    let (unknown, rest) = after.split_once('`')?;
    if let Some((_, why)) = ABSENT.iter().find(|(name, _)| *name == unknown) {
        return Some((*why).to_owned());
    }
    // The names that are known there stand between back quotes.
    let near = nearest(unknown, rest.split('`').skip(1).step_by(2));
    if let Some((name, likeness)) = near
        && likeness >= LIKENESS_MIN
    {
        return Some(format!("the nearest known name is `{name}`"));
    }
    let elsewhere: Vec<_> = every_setting()
        .into_iter()
        .filter(|setting| setting.rsplit('.').next() == Some(unknown))
        .collect();
    if !elsewhere.is_empty() {
        return Some(format!("it exists as {}", elsewhere.join(", ")));
    }
    near.map(|(name, _)| format!("the nearest known name is `{name}`"))
}

fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<(&'a str, f64)> {
    known
        .map(|name| (name, strsim::normalized_damerau_levenshtein(unknown, name)))
        .max_by(|one, other| one.1.total_cmp(&other.1))
}

/// Every setting that has a default, by its full name.
fn every_setting() -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(value) = Value::try_from(Configuration::default()) {
        collect("", &value, &mut names);
    }
    names
}

fn collect(prefix: &str, value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                let dot = if prefix.is_empty() { "" } else { "." };
                collect(&format!("{prefix}{dot}{name}"), value, names);
            }
        }
        _ => names.push(prefix.to_owned()),
    }
}
