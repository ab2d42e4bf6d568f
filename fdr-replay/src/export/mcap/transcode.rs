//! From the bytes of a record's body to the bytes of a protobuf message, field by field, without the values in
//! between: the plan of a type is made once from its byte table.

use fdr_format::{FieldInfo, RecordType, Structure};

use super::descriptor::{self, Count, FieldType, MessageType, Type};
use super::proto;

/// The package of the messages.
const PACKAGE: &str = "gfdr";

/// How a record type becomes a message.
#[derive(Debug)]
pub struct Plan {
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    number: u32,
    optional: bool,
    many: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Little-endian, so many bytes.
    Unsigned(usize),
    I64,
    F64,
    F64s(usize),
    Octets(usize),
    /// Behind a length of so many bytes.
    Text(usize),
    Parts(Vec<Field>),
}

impl Plan {
    /// The plan of a type and the `FileDescriptorSet` of its message `gfdr.{name}`; none for a type that this
    /// version does not know.
    pub fn of(record_type: RecordType) -> Option<(Self, Vec<u8>)> {
        let name = record_type.name()?;
        let full = format!("{PACKAGE}.{name}");
        let mut message = MessageType {
            name: name.to_owned(),
            ..MessageType::default()
        };
        let fields = plan(&record_type.fields(), &full, &mut message)?;
        let file = format!("gfdr/{name}.proto");
        let set = descriptor::set(&[(&file, PACKAGE, &[], &[message])]);
        Some((Self { fields }, set))
    }

    /// Writes the message; false when the body is shorter than its type says.
    pub fn write(&self, body: &[u8], out: &mut Vec<u8>) -> bool {
        let mut rest = body;
        self.fields
            .iter()
            .all(|field| one(field, &mut rest, out).is_some())
    }
}

fn plan(fields: &[FieldInfo], full: &str, message: &mut MessageType) -> Option<Vec<Field>> {
    let mut planned = Vec::with_capacity(fields.len());
    for (number, info) in (1..).zip(fields) {
        let (optional, name) = strip(&info.type_name, "option ");
        let (many, name) = strip(name, "list ");
        let (kind, of) = kind(name, info, full, message)?;
        let count = match (&kind, many, optional) {
            (Kind::F64s(_), false, _) | (_, true, _) => Count::Many,
            (_, _, true) => Count::Optional,
            _ => Count::One,
        };
        message.fields.push(FieldType {
            name: info.name.to_owned(),
            number,
            of,
            count,
        });
        planned.push(Field {
            number,
            optional,
            many,
            kind,
        });
    }
    Some(planned)
}

fn strip<'a>(name: &'a str, prefix: &str) -> (bool, &'a str) {
    name.strip_prefix(prefix)
        .map_or((false, name), |rest| (true, rest))
}

fn kind(
    name: &str,
    info: &FieldInfo,
    full: &str,
    message: &mut MessageType,
) -> Option<(Kind, Type)> {
    let array =
        |of: &str| -> Option<usize> { name.strip_prefix(of)?.strip_suffix(']')?.parse().ok() };
    match &info.structure {
        Structure::Enumeration { name: own, values } => {
            let width = if name.starts_with("u16") { 2 } else { 1 };
            let prefix = upper(own);
            let mut named: Vec<(String, u32)> = values
                .iter()
                .map(|value| {
                    let text = format!("{prefix}_{}", value.name.to_uppercase());
                    (text, u32::from(value.code))
                })
                .collect();
            // Protobuf's enumerations begin with zero.
            named.sort_by_key(|(_, code)| *code);
            if named.first().is_none_or(|(_, code)| *code != 0) {
                named.insert(0, (format!("{prefix}_UNSPECIFIED"), 0));
            }
            let declared = message.enumerations.iter().any(|(known, _)| known == own);
            if !declared {
                message.enumerations.push(((*own).to_owned(), named));
            }
            Some((
                Kind::Unsigned(width),
                Type::Enumeration(format!("{full}.{own}")),
            ))
        }
        Structure::Parts { name: own, fields } => {
            let full = format!("{full}.{own}");
            let mut inner = MessageType {
                name: (*own).to_owned(),
                ..MessageType::default()
            };
            let planned = plan(fields, &full, &mut inner)?;
            if !message.messages.iter().any(|known| known.name == *own) {
                message.messages.push(inner);
            }
            Some((Kind::Parts(planned), Type::Message(full)))
        }
        Structure::Plain => Some(match name {
            "bool" => (Kind::Unsigned(1), Type::Bool),
            "u8" => (Kind::Unsigned(1), Type::Uint32),
            "u16" | "type" => (Kind::Unsigned(2), Type::Uint32),
            "u32" => (Kind::Unsigned(4), Type::Uint32),
            "u64" => (Kind::Unsigned(8), Type::Uint64),
            "i64" => (Kind::I64, Type::Int64),
            "f64" => (Kind::F64, Type::Double),
            "text16" => (Kind::Text(2), Type::Text),
            "text32" => (Kind::Text(4), Type::Text),
            "bytes16" => (Kind::Text(2), Type::Bytes),
            "bytes32" => (Kind::Text(4), Type::Bytes),
            _ => match (array("f64["), array("u8[")) {
                (Some(count), _) => (Kind::F64s(count), Type::Double),
                (_, Some(count)) => (Kind::Octets(count), Type::Bytes),
                _ => return None,
            },
        }),
    }
}

/// `SourceLabel` as `SOURCE_LABEL`.
fn upper(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

fn one(field: &Field, rest: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    if field.many {
        let count = unsigned(rest, 2)?;
        for _ in 0..count {
            value(field, rest, out)?;
        }
        return Some(());
    }
    if field.optional && unsigned(rest, 1)? == 0 {
        take(rest, size(&field.kind)?)?;
        return Some(());
    }
    value(field, rest, out)
}

#[inline]
fn value(field: &Field, rest: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    match &field.kind {
        Kind::Unsigned(width) => proto::number(out, field.number, unsigned(rest, *width)?),
        Kind::I64 => proto::number(out, field.number, unsigned(rest, 8)?),
        Kind::F64 => proto::eight(out, field.number, *take(rest, 8)?.first_chunk()?),
        // Both forms are little-endian, one number after the other.
        Kind::F64s(count) => proto::bytes(out, field.number, take(rest, 8 * count)?),
        Kind::Octets(count) => proto::bytes(out, field.number, take(rest, *count)?),
        Kind::Text(width) => {
            let length = usize::try_from(unsigned(rest, *width)?).ok()?;
            proto::bytes(out, field.number, take(rest, length)?);
        }
        Kind::Parts(fields) => {
            let mut inner = Vec::new();
            for part in fields {
                one(part, rest, &mut inner)?;
            }
            proto::bytes(out, field.number, &inner);
        }
    }
    Some(())
}

/// Bytes of a value of fixed size: what an absent one leaves.
fn size(kind: &Kind) -> Option<usize> {
    match kind {
        Kind::Unsigned(width) => Some(*width),
        Kind::I64 | Kind::F64 => Some(8),
        Kind::F64s(count) => Some(8 * count),
        Kind::Octets(count) => Some(*count),
        Kind::Text(_) => None,
        Kind::Parts(fields) => fields.iter().map(|own| size(&own.kind)).sum(),
    }
}

#[inline]
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

#[inline]
fn unsigned(rest: &mut &[u8], width: usize) -> Option<u64> {
    let mut number = [0; 8];
    number.get_mut(..width)?.copy_from_slice(take(rest, width)?);
    Some(u64::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_type_has_a_plan() {
        for record_type in RecordType::KNOWN {
            assert!(Plan::of(*record_type).is_some(), "{record_type}");
        }
        assert!(Plan::of(RecordType(0x7777)).is_none());
    }
}
