//! One record type as a table: which columns it has, and what a record puts into them.

use fdr_format::{FieldInfo, RawRecord, RecordType, Structure};
use serde_json::Value;

use super::clock::{Clock, iso};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number with a fraction.
    Float,
    /// A whole number.
    Integer,
    /// A whole number that is never negative.
    Unsigned,
    /// True or false.
    Bool,
    /// Text; byte strings are hex, lists are JSON.
    Text,
}

/// A cell; absent values have none.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// See [`Kind::Float`].
    Float(f64),
    /// See [`Kind::Integer`].
    Integer(i64),
    /// See [`Kind::Unsigned`].
    Unsigned(u64),
    /// See [`Kind::Bool`].
    Bool(bool),
    /// See [`Kind::Text`].
    Text(String),
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its title: the field's name, with the number of the element behind it.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Where its value is in the record's JSON.
    path: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Name(&'static str),
    Element(usize),
}

/// The table of a record type.
#[derive(Debug)]
pub struct Columns {
    record_type: RecordType,
    /// Time of day, seconds from the start, number; then the fields.
    pub all: Vec<Column>,
}

/// Columns in front of the fields.
const OWN: [(&str, Kind); 3] = [
    ("utc", Kind::Text),
    ("time_s", Kind::Float),
    ("sequence", Kind::Unsigned),
];

impl Columns {
    /// The table of a type; none for one that this version does not know.
    pub fn of(record_type: RecordType) -> Option<Self> {
        record_type.name()?;
        let own = OWN.map(|(name, kind)| Column {
            name: name.to_owned(),
            kind,
            path: Vec::new(),
        });
        let mut all = Vec::from(own);
        for field in record_type.fields() {
            add(&mut all, &field, "", &[]);
        }
        Some(Self { record_type, all })
    }

    /// The cells of a record; none when it is of another type or cannot be read.
    pub fn cells(&self, raw: &RawRecord<'_>, clock: Clock) -> Option<Vec<Option<Cell>>> {
        if raw.record_type != self.record_type {
            return None;
        }
        let record = raw.decode().ok()?;
        let time_ns = record.time_ns().unwrap_or(raw.monotonic_ms * 1_000_000);
        let value = serde_json::to_value(record).ok()?;
        let mut cells = vec![
            Some(Cell::Text(iso(clock.unix_ns(time_ns)))),
            Some(Cell::Float(clock.seconds(time_ns))),
            Some(Cell::Unsigned(raw.sequence)),
        ];
        let fields = self.all.iter().skip(OWN.len());
        cells.extend(fields.map(|column| cell(column, &value)));
        Some(cells)
    }
}

fn add(all: &mut Vec<Column>, field: &FieldInfo, prefix: &str, path: &[Step]) {
    let name = format!("{prefix}{}", field.name);
    let mut path = path.to_vec();
    path.push(Step::Name(field.name));
    let type_name = field.type_name.trim_start_matches("option ");
    let mut column = |name: String, kind, path: Vec<Step>| all.push(Column { name, kind, path });
    if let Some(count) = type_name
        .strip_prefix("f64[")
        .and_then(|own| own.strip_suffix(']')?.parse::<usize>().ok())
    {
        for element in 0..count {
            let mut path = path.clone();
            path.push(Step::Element(element));
            column(format!("{name}_{element}"), Kind::Float, path);
        }
        return;
    }
    let kind = match type_name {
        "f64" => Kind::Float,
        "i64" => Kind::Integer,
        "u8" | "u16" | "u32" | "u64" => Kind::Unsigned,
        "bool" => Kind::Bool,
        _ => Kind::Text,
    };
    match &field.structure {
        Structure::Parts { fields, .. } if !type_name.starts_with("list ") => {
            for part in fields {
                add(all, part, &format!("{name}_"), &path);
            }
        }
        _ => column(name, kind, path),
    }
}

fn cell(column: &Column, record: &Value) -> Option<Cell> {
    let mut value = record;
    for step in &column.path {
        value = match step {
            Step::Name(name) => value.get(name)?,
            Step::Element(number) => value.get(number)?,
        };
    }
    if value.is_null() {
        return None;
    }
    match column.kind {
        Kind::Float => value.as_f64().map(Cell::Float),
        Kind::Integer => value.as_i64().map(Cell::Integer),
        Kind::Unsigned => value.as_u64().map(Cell::Unsigned),
        Kind::Bool => value.as_bool().map(Cell::Bool),
        Kind::Text => Some(Cell::Text(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )),
    }
}
