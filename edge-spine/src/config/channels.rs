//! Rules of one channel.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Whether something may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// It is an error.
    #[default]
    Refuse,
    /// It passes.
    Allow,
}

/// What a field holds. Numbers coerce: a whole number is a float, and a float without fraction an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Any finite number.
    Float,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Bool,
    /// Text of at most `max` bytes (1024 unless set).
    Text,
}

/// Rules of one field.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldRules {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// Least value.
    pub min: Option<f64>,
    /// Greatest value, or longest text.
    pub max: Option<f64>,
    /// Whether it may be missing or null.
    #[serde(default)]
    pub optional: bool,
}

/// Rules of one channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRules {
    /// Its fields, all of them.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldRules>,
    /// Fields beyond those.
    #[serde(default)]
    pub other_fields: Admission,
    /// Two rows of a device with one timestamp and ascending `seq`.
    #[serde(default = "allow")]
    pub same_tick: Admission,
    /// A row older than its predecessor.
    #[serde(default)]
    pub reversed: Admission,
    /// Shortest time between two rows, milliseconds; a shorter one is an error.
    pub min_interval_ms: Option<f64>,
    /// Longest time between two rows, milliseconds; a longer one is counted as a gap.
    pub max_interval_ms: Option<f64>,
}

fn allow() -> Admission {
    Admission::Allow
}
