//! One telemetry row: who measured what, when; and its form as a line of JSON.
//!
//! ```json
//! {"device":"uav-7","ts":1700000000000000000,"seq":41,"channel":"position","correlation":"…32 hex…","fields":{"lat":48.1,"lon":11.5}}
//! ```
//!
//! `ts` is in nanoseconds since 1970, `seq` the source's own counter; the three of `device`, `ts` and
//! `seq` are the row's key. `correlation` follows the row through database, stream and logs; a row
//! that brings none gets one made from its key, so that a repeated row has the same.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use sha2::{Digest, Sha256};

/// Longest name of a device, channel or field, bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// Most fields of one row.
pub const MAX_FIELDS: usize = 256;

/// A name of 1 to 64 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// The name, when it may be one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_NAME_BYTES;
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a row is known by; two samples in one tick differ in `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// Who measured.
    pub device: Name,
    /// When, nanoseconds since 1970.
    pub ts_ns: i64,
    /// The source's counter, at most `i64::MAX`.
    pub seq: i64,
}

/// Sixteen bytes that follow a row wherever it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Correlation(pub [u8; 16]);

impl Correlation {
    /// Made from the key: the same row, sent twice, has the same.
    #[must_use]
    pub fn of_key(key: &RowKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(key.device.as_str());
        hash.update([0]);
        hash.update(key.ts_ns.to_le_bytes());
        hash.update(key.seq.to_le_bytes());
        Self(first_16(&hash.finalize()))
    }
}

impl fmt::Display for Correlation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// JSON `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number; never finite by promise, that is for the checks to say.
    Float(f64),
    /// Text.
    Text(String),
    /// An array or an object, which no row may hold.
    Nested,
}

/// The named values of a row, in the source's order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fields(pub Vec<(String, Scalar)>);

impl Fields {
    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Scalar> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, v)| v)
    }

    /// The value of that name as a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Scalar::Integer(value) => Some(*value as f64),
            Scalar::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// As a JSON object; what is not finite is written as `NaN` or `Infinity`, which no JSON reader
    /// takes for a number.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::with_capacity(24 * self.0.len() + 2);
        text.push('{');
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            push_json_text(&mut text, name);
            text.push(':');
            push_scalar(&mut text, value);
        }
        text.push('}');
        text
    }
}

/// One telemetry row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is known by.
    pub key: RowKey,
    /// Which stream of the device it belongs to, and so which rules it is checked by.
    pub channel: Name,
    /// What follows it everywhere.
    pub correlation: Correlation,
    /// What was measured.
    pub fields: Fields,
}

/// Why a line is no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Row {
    /// A row whose correlation is made from its key.
    #[must_use]
    pub fn new(key: RowKey, channel: Name, fields: Fields) -> Self {
        let correlation = Correlation::of_key(&key);
        Self {
            key,
            channel,
            correlation,
            fields,
        }
    }

    /// The row that a line holds. Bare `NaN` and `Infinity`, which some writers put into JSON, are
    /// understood, so that the checks can name them.
    ///
    /// # Errors
    /// When the line is no JSON object of the form above.
    pub fn parse(line: &str) -> Result<Self, Malformed> {
        let envelope: Envelope = match serde_json::from_str(line) {
            Ok(envelope) => envelope,
            Err(error) => quote_non_finite(line)
                .and_then(|quoted| serde_json::from_str(&quoted).ok())
                .ok_or_else(|| Malformed(error.to_string()))?,
        };
        let name = |text: &str, what: &str| {
            Name::new(text).ok_or_else(|| Malformed(format!("{what} must have 1 to 64 bytes")))
        };
        let key = RowKey {
            device: name(&envelope.device, "device")?,
            ts_ns: envelope.ts,
            seq: i64::try_from(envelope.seq)
                .map_err(|_| Malformed("seq is beyond 2^63 - 1".into()))?,
        };
        let correlation = match &envelope.correlation {
            None => Correlation::of_key(&key),
            Some(text) => unhex(text)
                .map(Correlation)
                .ok_or_else(|| Malformed("correlation must be 32 hex digits".into()))?,
        };
        Ok(Self {
            key,
            channel: name(&envelope.channel, "channel")?,
            correlation,
            fields: envelope.fields,
        })
    }

    /// The line that [`Row::parse`] reads.
    #[must_use]
    pub fn to_line(&self) -> String {
        line_of(
            self.key.device.as_str(),
            self.key.ts_ns,
            self.key.seq,
            self.channel.as_str(),
            &self.correlation,
            &self.fields.to_json(),
        )
    }
}

/// A row's line from its parts; `fields` is a JSON object already.
#[must_use]
pub fn line_of(
    device: &str,
    ts_ns: i64,
    seq: i64,
    channel: &str,
    correlation: &Correlation,
    fields: &str,
) -> String {
    let mut line = String::with_capacity(fields.len() + 160);
    line.push_str("{\"device\":");
    push_json_text(&mut line, device);
    line.push_str(",\"ts\":");
    line.push_str(&ts_ns.to_string());
    line.push_str(",\"seq\":");
    line.push_str(&seq.to_string());
    line.push_str(",\"channel\":");
    push_json_text(&mut line, channel);
    line.push_str(",\"correlation\":\"");
    push_hex(&mut line, &correlation.0);
    line.push_str("\",\"fields\":");
    line.push_str(fields);
    line.push('}');
    line
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    device: String,
    ts: i64,
    seq: u64,
    channel: String,
    #[serde(default)]
    correlation: Option<String>,
    fields: Fields,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of at most 256 scalar fields")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut pairs: Vec<(String, Scalar)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                    if pairs.len() == MAX_FIELDS {
                        return Err(A::Error::custom("more than 256 fields"));
                    }
                    if pairs.iter().any(|(own, _)| *own == name) {
                        return Err(A::Error::custom(format!("field {name} stands twice")));
                    }
                    pairs.push((name, scalar_of(value)));
                }
                Ok(Fields(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

fn scalar_of(value: serde_json::Value) -> Scalar {
    match value {
        serde_json::Value::Null => Scalar::Null,
        serde_json::Value::Bool(value) => Scalar::Bool(value),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(Scalar::Integer)
            .or_else(|| number.as_f64().map(Scalar::Float))
            .unwrap_or(Scalar::Nested),
        serde_json::Value::String(text) => match text.as_str() {
            "NaN" => Scalar::Float(f64::NAN),
            "Infinity" => Scalar::Float(f64::INFINITY),
            "-Infinity" => Scalar::Float(f64::NEG_INFINITY),
            _ => Scalar::Text(text),
        },
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => Scalar::Nested,
    }
}

fn push_scalar(text: &mut String, value: &Scalar) {
    match value {
        Scalar::Null | Scalar::Nested => text.push_str("null"),
        Scalar::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Scalar::Integer(value) => text.push_str(&value.to_string()),
        Scalar::Float(value) if value.is_nan() => text.push_str("NaN"),
        Scalar::Float(value) if value.is_infinite() => {
            text.push_str(if *value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            });
        }
        // Debug keeps the point of a whole number and every digit.
        Scalar::Float(value) => text.push_str(&format!("{value:?}")),
        Scalar::Text(value) => push_json_text(text, value),
    }
}

/// `text` as a JSON string.
pub(crate) fn push_json_text(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            c if (c as u32) < 0x20 => line.push_str(&format!("\\u{:04x}", c as u32)),
            c => line.push(c),
        }
    }
    line.push('"');
}

/// The line with its bare `NaN` and `Infinity` in quotes, when there are any.
fn quote_non_finite(line: &str) -> Option<String> {
    let mut quoted = String::with_capacity(line.len() + 8);
    let (mut rest, mut inside, mut found) = (line, false, false);
    while let Some(c) = rest.chars().next() {
        let token = (!inside)
            .then(|| {
                ["-Infinity", "Infinity", "NaN"]
                    .into_iter()
                    .find(|token| rest.starts_with(token))
            })
            .flatten();
        if let Some(token) = token {
            found = true;
            quoted.push('"');
            quoted.push_str(token);
            quoted.push('"');
            rest = &rest[token.len()..];
            continue;
        }
        quoted.push(c);
        rest = &rest[c.len_utf8()..];
        if inside && c == '\\' {
            if let Some(escaped) = rest.chars().next() {
                quoted.push(escaped);
                rest = &rest[escaped.len_utf8()..];
            }
        } else if c == '"' {
            inside = !inside;
        }
    }
    found.then_some(quoted)
}

/// The first sixteen bytes of a digest.
pub(crate) fn first_16(digest: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hex(&mut text, bytes);
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// The bytes that exactly `2 N` hex digits mean.
#[must_use]
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.trim().as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(16 * high + low).ok()?;
    }
    Some(bytes)
}
