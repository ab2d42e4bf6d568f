//! What a row must look like: schema, types, ranges, finite numbers, and time that runs on.
//!
//! A check sees one row and what its channel of its device did before; it says *good*, or *bad* and why.
//! Whether a bad row stops the channel is the breaker's business.

use serde::{Deserialize, Serialize};

use crate::config::{Admission, ChannelRules, Config, FieldKind, FieldRules};
use crate::row::{Row, Scalar};

/// Why a row is bad. The names are part of the database and of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The line is no row.
    Malformed,
    /// The line is longer than `buffer.max_row_bytes`.
    Oversized,
    /// No rules for this channel.
    UnknownChannel,
    /// A field is missing.
    MissingField,
    /// A field that the rules do not know.
    UnknownField,
    /// Null where a value must be.
    Null,
    /// Text where a number must be, or the like.
    WrongType,
    /// NaN or infinite.
    NotFinite,
    /// Outside the range of its field.
    OutOfRange,
    /// The timestamp of its predecessor, where that may not be, or the same counter again.
    DuplicateTime,
    /// Older than its predecessor.
    ReversedTime,
    /// Sooner after its predecessor than may be.
    TooSoon,
    /// The key of another row, with another payload.
    Conflict,
    /// The sink refuses this row.
    RefusedBySink,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Malformed,
        Self::Oversized,
        Self::UnknownChannel,
        Self::MissingField,
        Self::UnknownField,
        Self::Null,
        Self::WrongType,
        Self::NotFinite,
        Self::OutOfRange,
        Self::DuplicateTime,
        Self::ReversedTime,
        Self::TooSoon,
        Self::Conflict,
        Self::RefusedBySink,
    ];

    /// Its name in the database and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Oversized => "oversized",
            Self::UnknownChannel => "unknown_channel",
            Self::MissingField => "missing_field",
            Self::UnknownField => "unknown_field",
            Self::Null => "null",
            Self::WrongType => "wrong_type",
            Self::NotFinite => "not_finite",
            Self::OutOfRange => "out_of_range",
            Self::DuplicateTime => "duplicate_time",
            Self::ReversedTime => "reversed_time",
            Self::TooSoon => "too_soon",
            Self::Conflict => "conflict",
            Self::RefusedBySink => "refused_by_sink",
        }
    }

    /// Whether it comes from the order of rows, so that a row sent twice would have it.
    #[must_use]
    pub fn is_about_order(self) -> bool {
        matches!(
            self,
            Self::DuplicateTime | Self::ReversedTime | Self::TooSoon
        )
    }
}

/// Why a row is bad, and what about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The kind of fault.
    pub reason: Reason,
    /// Which field, which value, which limit.
    pub detail: String,
}

impl Objection {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

/// The last good row of one channel of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRow {
    /// Its time, nanoseconds.
    pub ts_ns: i64,
    /// Its counter.
    pub seq: i64,
}

/// What the fields of a row must look like, whatever came before it.
///
/// # Errors
/// The first objection.
pub fn content(row: &Row, config: &Config) -> Result<(), Objection> {
    let Some(rules) = config.channels.get(row.channel.as_str()) else {
        return match config.checks.unknown_channel {
            Admission::Refuse => Err(Objection::new(
                Reason::UnknownChannel,
                format!("channel {} has no rules", row.channel),
            )),
            Admission::Allow => finite(row),
        };
    };
    for (name, field) in &rules.fields {
        match row.fields.get(name) {
            None if field.optional => {}
            None => {
                return Err(Objection::new(
                    Reason::MissingField,
                    format!("{name} is missing"),
                ));
            }
            Some(value) => value_of(name, value, field)?,
        }
    }
    for (name, _) in &row.fields.0 {
        if !rules.fields.contains_key(name) && rules.other_fields == Admission::Refuse {
            return Err(Objection::new(
                Reason::UnknownField,
                format!("{name} is not in the rules"),
            ));
        }
    }
    finite(row)
}

/// Where the row stands in time, after `last`. Returns whether there is a gap before it.
///
/// # Errors
/// The first objection.
pub fn order(
    row: &Row,
    last: Option<LastRow>,
    rules: Option<&ChannelRules>,
) -> Result<bool, Objection> {
    let Some(last) = last else { return Ok(false) };
    let free = ChannelRules {
        same_tick: Admission::Allow,
        ..ChannelRules::default()
    };
    let rules = rules.unwrap_or(&free);
    let step_ns = row.key.ts_ns.saturating_sub(last.ts_ns);
    if step_ns < 0 {
        return match rules.reversed {
            Admission::Allow => Ok(false),
            Admission::Refuse => Err(Objection::new(
                Reason::ReversedTime,
                format!("{} ns before its predecessor", -step_ns),
            )),
        };
    }
    if step_ns == 0 {
        let ascends = row.key.seq > last.seq;
        return if ascends && rules.same_tick == Admission::Allow {
            Ok(false)
        } else {
            Err(Objection::new(
                Reason::DuplicateTime,
                "the timestamp of its predecessor",
            ))
        };
    }
    let step_ms = step_ns as f64 / 1e6;
    if let Some(least) = rules.min_interval_ms.filter(|least| step_ms < *least) {
        let detail = format!("{step_ms} ms after its predecessor, at least {least} ms are allowed");
        return Err(Objection::new(Reason::TooSoon, detail));
    }
    Ok(rules.max_interval_ms.is_some_and(|most| step_ms > most))
}

fn finite(row: &Row) -> Result<(), Objection> {
    for (name, value) in &row.fields.0 {
        match value {
            Scalar::Float(number) if !number.is_finite() => {
                return Err(Objection::new(
                    Reason::NotFinite,
                    format!("{name} is {number}"),
                ));
            }
            Scalar::Nested => {
                return Err(Objection::new(
                    Reason::WrongType,
                    format!("{name} is no scalar"),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn value_of(name: &str, value: &Scalar, rules: &FieldRules) -> Result<(), Objection> {
    let wrong = |what: &str| {
        Err(Objection::new(
            Reason::WrongType,
            format!("{name} is {what}"),
        ))
    };
    let number = match (value, rules.kind) {
        (Scalar::Null, _) if rules.optional => return Ok(()),
        (Scalar::Null, _) => return Err(Objection::new(Reason::Null, format!("{name} is null"))),
        (Scalar::Float(number), FieldKind::Float | FieldKind::Integer) if !number.is_finite() => {
            return Err(Objection::new(
                Reason::NotFinite,
                format!("{name} is {number}"),
            ));
        }
        (Scalar::Float(number), FieldKind::Integer) if *number != number.trunc() => {
            return wrong("a number with a fraction, not an integer");
        }
        (Scalar::Float(number), FieldKind::Float | FieldKind::Integer) => *number,
        (Scalar::Integer(number), FieldKind::Float | FieldKind::Integer) => *number as f64,
        (Scalar::Bool(_), FieldKind::Bool) => return Ok(()),
        (Scalar::Text(text), FieldKind::Text) => text.len() as f64,
        (Scalar::Text(_), _) => return wrong("text"),
        (Scalar::Bool(_), _) => return wrong("a truth value"),
        (Scalar::Integer(_) | Scalar::Float(_), _) => return wrong("a number"),
        (Scalar::Nested, _) => return wrong("no scalar"),
    };
    let text_limit = (rules.kind == FieldKind::Text).then_some(1024.0);
    let most = rules.max.or(text_limit).unwrap_or(f64::MAX);
    let least = rules.min.unwrap_or(f64::MIN);
    if (least..=most).contains(&number) {
        return Ok(());
    }
    Err(Objection::new(
        Reason::OutOfRange,
        format!("{name} is {number}, allowed: {least} to {most}"),
    ))
}
