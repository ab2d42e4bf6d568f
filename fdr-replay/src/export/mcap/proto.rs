//! The little of protobuf that is needed: writing tags, numbers, texts and messages.

/// Wire types.
const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const LENGTH: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// Writes a number in as few bytes as it needs.
#[inline]
pub fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A whole number; negative ones as two's complement, as `int64` wants them.
#[inline]
pub fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    varint(out, u64::from(field) << 3 | VARINT);
    varint(out, value);
}

/// A floating-point number.
#[inline]
pub fn double(out: &mut Vec<u8>, field: u32, value: f64) {
    eight(out, field, value.to_le_bytes());
}

/// Eight bytes as they are.
#[inline]
pub fn eight(out: &mut Vec<u8>, field: u32, value: [u8; 8]) {
    varint(out, u64::from(field) << 3 | EIGHT_BYTES);
    out.extend_from_slice(&value);
}

/// A `fixed32`.
pub fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    varint(out, u64::from(field) << 3 | FOUR_BYTES);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A text, byte string, embedded message or packed list.
#[inline]
pub fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    varint(out, u64::from(field) << 3 | LENGTH);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// An embedded message.
pub fn message(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let mut own = Vec::new();
    write(&mut own);
    bytes(out, field, &own);
}

/// Floating-point numbers, packed.
pub fn doubles(out: &mut Vec<u8>, field: u32, values: &[f64]) {
    varint(out, u64::from(field) << 3 | LENGTH);
    varint(out, 8 * values.len() as u64);
    values
        .iter()
        .for_each(|own| out.extend_from_slice(&own.to_le_bytes()));
}

/// `google.protobuf.Timestamp`.
pub fn timestamp(out: &mut Vec<u8>, field: u32, unix_ns: u64) {
    message(out, field, |own| {
        number(own, 1, unix_ns / 1_000_000_000);
        number(own, 2, unix_ns % 1_000_000_000);
    });
}
