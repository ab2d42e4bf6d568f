//! Where two bodies of one type part.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Record, RecordType};
use crate::identity::hex;

/// The first field in which two bodies differ, and its value in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// The field; `body` when the type is unknown or one of the bodies cannot be read.
    pub field: String,
    /// Byte of the body at which they part.
    pub offset: usize,
    /// Value in the left body, as JSON, or its bytes in hex when both look the same there.
    pub left: String,
    /// Value in the right body.
    pub right: String,
}

/// Compares two bodies of one type byte by byte; `None` when they are the same.
#[must_use]
pub fn first_difference(
    record_type: RecordType,
    left: &[u8],
    right: &[u8],
) -> Option<FieldDifference> {
    if left == right {
        return None;
    }
    let common = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let values = fields_of(record_type, left).zip(fields_of(record_type, right));
    let named = values.and_then(|(left, right)| differing_value(record_type, &left, &right));
    let (field, left, right) = named.unwrap_or_else(|| {
        let field = field_at(record_type, common).to_owned();
        (field, hex(&left[common..]), hex(&right[common..]))
    });
    Some(FieldDifference {
        field,
        offset: common,
        left,
        right,
    })
}

/// Name of the first field (and element) that differs, and both values, as JSON.
fn differing_value(
    record_type: RecordType,
    left: &Map<String, Value>,
    right: &Map<String, Value>,
) -> Option<(String, String, String)> {
    let fields = record_type.fields();
    let name = fields
        .iter()
        .map(|field| field.name)
        .find(|name| left.get(*name) != right.get(*name))?;
    let (left, right) = (left.get(name)?, right.get(name)?);
    if let (Value::Array(lefts), Value::Array(rights)) = (left, right)
        && let Some(index) = lefts
            .iter()
            .zip(rights)
            .position(|(left, right)| left != right)
    {
        let element = format!("{name}[{index}]");
        return Some((element, lefts[index].to_string(), rights[index].to_string()));
    }
    Some((name.to_owned(), left.to_string(), right.to_string()))
}

/// The body's fields as JSON, when it can be read.
fn fields_of(record_type: RecordType, body: &[u8]) -> Option<Map<String, Value>> {
    let record = Record::decode(record_type, body).ok()?;
    match serde_json::to_value(record).ok()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// The field in which a byte of the body lies, as far as the byte table knows.
fn field_at(record_type: RecordType, offset: usize) -> &'static str {
    let fields = record_type.fields();
    let known = fields
        .iter()
        .take_while(|field| field.offset.is_some_and(|start| start <= offset));
    known.last().map_or("body", |field| field.name)
}
