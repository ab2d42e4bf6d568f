//! Any bytes as the body of any record type: refused, or read and written back unchanged.

use fdr_format::{Record, RecordType};

/// The first two bytes are the type, the rest is the body.
pub fn check(input: &[u8]) {
    let Some((&code, body)) = input.split_first_chunk::<2>() else {
        return;
    };
    let record_type = RecordType(u16::from_le_bytes(code));
    let Ok(record) = Record::decode(record_type, body) else {
        return;
    };
    assert_eq!(record.record_type(), record_type);
    let mut again = vec![0; body.len()];
    let length = record
        .encode_body(&mut again)
        .expect("what was read fits into what it was read from");
    assert_eq!(again[..length], body[..length], "the encoding is canonical");
    serde_json::to_string(&record).expect("every record has a JSON form");
}
