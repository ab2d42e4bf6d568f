//! Protobuf's descriptions of messages (`google/protobuf/descriptor.proto`), built from names and types.

use super::proto::{bytes, message, number};

/// Type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `double`.
    Double,
    /// `int64`.
    Int64,
    /// `uint64`.
    Uint64,
    /// `uint32`.
    Uint32,
    /// `fixed32`.
    Fixed32,
    /// `bool`.
    Bool,
    /// `string`.
    Text,
    /// `bytes`.
    Bytes,
    /// A message of this full name.
    Message(String),
    /// An enumeration of this full name.
    Enumeration(String),
}

/// How often a field occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Once.
    One,
    /// Once or never, told apart from zero.
    Optional,
    /// Any number of times.
    Many,
}

/// A field of a message.
#[derive(Debug, Clone)]
pub struct FieldType {
    /// Name.
    pub name: String,
    /// Number.
    pub number: u32,
    /// Type.
    pub of: Type,
    /// How often.
    pub count: Count,
}

/// A message or the messages and enumerations inside it.
#[derive(Debug, Clone, Default)]
pub struct MessageType {
    /// Name.
    pub name: String,
    /// Fields.
    pub fields: Vec<FieldType>,
    /// Messages declared inside.
    pub messages: Vec<MessageType>,
    /// Enumerations declared inside: name, values with their numbers, the first of them zero.
    pub enumerations: Vec<(String, Vec<(String, u32)>)>,
}

/// A `FileDescriptorSet` of files: name, package, imported files, messages.
pub fn set(files: &[(&str, &str, &[&str], &[MessageType])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, package, imports, messages) in files {
        message(&mut out, 1, |file| {
            bytes(file, 1, name.as_bytes());
            bytes(file, 2, package.as_bytes());
            for import in *imports {
                bytes(file, 3, import.as_bytes());
            }
            for own in *messages {
                message(file, 4, |out| message_type(out, own));
            }
            bytes(file, 12, b"proto3");
        });
    }
    out
}

fn message_type(out: &mut Vec<u8>, own: &MessageType) {
    bytes(out, 1, own.name.as_bytes());
    let mut optional = 0;
    for field in &own.fields {
        message(out, 2, |out| field_type(out, field, optional));
        optional += u64::from(field.count == Count::Optional);
    }
    for inner in &own.messages {
        message(out, 3, |out| message_type(out, inner));
    }
    for (name, values) in &own.enumerations {
        message(out, 4, |out| {
            bytes(out, 1, name.as_bytes());
            for (name, code) in values {
                message(out, 2, |out| {
                    bytes(out, 1, name.as_bytes());
                    number(out, 2, u64::from(*code));
                });
            }
        });
    }
    for field in own.fields.iter().filter(|own| own.count == Count::Optional) {
        message(out, 8, |out| {
            bytes(out, 1, format!("_{}", field.name).as_bytes())
        });
    }
}

fn field_type(out: &mut Vec<u8>, field: &FieldType, optional: u64) {
    bytes(out, 1, field.name.as_bytes());
    number(out, 3, u64::from(field.number));
    number(out, 4, if field.count == Count::Many { 3 } else { 1 });
    let (code, name) = match &field.of {
        Type::Double => (1, None),
        Type::Int64 => (3, None),
        Type::Uint64 => (4, None),
        Type::Fixed32 => (7, None),
        Type::Bool => (8, None),
        Type::Text => (9, None),
        Type::Message(name) => (11, Some(name)),
        Type::Bytes => (12, None),
        Type::Uint32 => (13, None),
        Type::Enumeration(name) => (14, Some(name)),
    };
    number(out, 5, code);
    if let Some(name) = name {
        bytes(out, 6, format!(".{name}").as_bytes());
    }
    if field.count == Count::Optional {
        number(out, 9, optional);
        number(out, 17, 1);
    }
}
