//! Bodies of every record type, built from the byte tables alone, without the encoder.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use fdr_format::{FieldInfo, RecordType, Structure};

/// A source of numbers: whatever the test wants to draw from.
pub type Draw<'d> = &'d mut dyn FnMut() -> u64;

/// Longest text, byte string and list that is drawn.
const LENGTH_MAX: u64 = 12;

/// One valid body of a type.
pub fn body(record_type: RecordType, draw: Draw<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    fields(&record_type.fields(), draw, &mut bytes);
    bytes
}

fn fields(table: &[FieldInfo], draw: Draw<'_>, bytes: &mut Vec<u8>) {
    for field in table {
        if let Some(offset) = field.offset {
            assert!(
                offset <= bytes.len(),
                "{}: table and body differ",
                field.name
            );
        }
        value(&field.type_name, &field.structure, draw, bytes);
    }
}

fn value(type_name: &str, structure: &Structure, draw: Draw<'_>, bytes: &mut Vec<u8>) {
    let (kind, inner) = type_name.split_once(' ').unwrap_or((type_name, ""));
    match (kind, structure) {
        ("option", _) => optional(inner, structure, draw, bytes),
        ("list", Structure::Parts { fields: parts, .. }) => {
            let count = draw() % 4;
            bytes.extend((count as u16).to_le_bytes());
            (0..count).for_each(|_| fields(parts, draw, bytes));
        }
        ("u8", Structure::Enumeration { values, .. }) => {
            bytes.push(values[draw() as usize % values.len()].code as u8);
        }
        ("u16", Structure::Enumeration { values, .. }) => {
            bytes.extend(values[draw() as usize % values.len()].code.to_le_bytes());
        }
        ("bool", _) => bytes.push((draw() % 2) as u8),
        ("text16" | "text32", _) => text(kind, draw, bytes),
        ("bytes16" | "bytes32", _) => {
            let content: Vec<u8> = (0..draw() % LENGTH_MAX).map(|_| draw() as u8).collect();
            prefixed(kind, &content, bytes);
        }
        _ => {
            for _ in 0..fixed_size(type_name) {
                bytes.push(draw() as u8);
            }
        }
    }
}

fn optional(inner: &str, structure: &Structure, draw: Draw<'_>, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.push((draw() % 2) as u8);
    value(inner, structure, draw, bytes);
    if bytes[start] == 0 {
        bytes[start..].fill(0);
    }
}

fn text(kind: &str, draw: Draw<'_>, bytes: &mut Vec<u8>) {
    const LETTERS: [char; 8] = ['a', 'Z', ' ', '"', '\n', 'ß', '€', '🛩'];
    let content: String = (0..draw() % LENGTH_MAX)
        .map(|_| LETTERS[draw() as usize % LETTERS.len()])
        .collect();
    prefixed(kind, content.as_bytes(), bytes);
}

fn prefixed(kind: &str, content: &[u8], bytes: &mut Vec<u8>) {
    let length = content.len() as u32;
    let prefix = length.to_le_bytes();
    bytes.extend(&prefix[..if kind.ends_with("16") { 2 } else { 4 }]);
    bytes.extend(content);
}

fn fixed_size(type_name: &str) -> usize {
    let (number, count) = match type_name.split_once('[') {
        Some((number, count)) => (number, count.trim_end_matches(']').parse().unwrap()),
        None => (type_name, 1),
    };
    count
        * match number {
            "u8" => 1,
            "u16" | "type" => 2,
            "u32" => 4,
            "u64" | "i64" | "f64" => 8,
            other => panic!("{other} is not a type of the page"),
        }
}

/// A small deterministic generator (xorshift64*), for golden files that never change.
pub fn seeded(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }
}
