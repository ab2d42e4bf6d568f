//! Rows as OTLP spans, in the JSON form of the protocol: ids in hex, 64-bit numbers as text.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::row::{Correlation, hex};
use crate::store::{TracedBatch, TracedDeadLetter, Traces};

const INTERNAL: u8 = 1;
const PRODUCER: u8 = 4;
const ERROR: u8 = 2;

/// How much was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Rows that were delivered.
    pub rows: i64,
    /// Dead letters.
    pub dead_letters: i64,
}

impl Told {
    /// Adds more of it.
    pub fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.dead_letters += more.dead_letters;
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// The body of one request, and what it tells. A row whose correlation id is all zeros has no trace:
/// OpenTelemetry forbids that id.
#[must_use]
pub fn request(found: &Traces, store: &str) -> (String, Told) {
    let mut spans = Vec::new();
    let mut told = Told::default();
    for batch in &found.batches {
        for row in &batch.rows {
            if row.correlation.0 != [0; 16] {
                told.rows += 1;
                spans.extend(of_row(batch, row));
            }
        }
    }
    for letter in &found.dead_letters {
        if letter.correlation.0 != [0; 16] {
            told.dead_letters += 1;
            spans.push(of_letter(letter));
        }
    }
    let resource = json!({"attributes": [
        text("service.name", "edge-spine"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", store),
    ]});
    let scope = json!({"name": "edge_spine", "version": env!("CARGO_PKG_VERSION")});
    let body = json!({"resourceSpans": [
        {"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}
    ]});
    (body.to_string(), told)
}

fn of_row(batch: &TracedBatch, row: &crate::store::OutgoingRow) -> [Value; 2] {
    let trace = row.correlation;
    let whole = span(trace, "row", INTERNAL, row.at_ms, batch.settled_ms);
    let part = span(
        trace,
        "deliver",
        PRODUCER,
        batch.claimed_ms,
        batch.settled_ms,
    );
    [
        with(
            whole,
            json!([
                text("spine.device", &row.device),
                text("spine.channel", &row.channel),
                number("spine.ts", row.ts_ns),
                number("spine.seq", row.seq),
            ]),
            &[],
        ),
        with(
            part,
            json!([
                text("spine.batch", &batch.id.to_string()),
                number("spine.attempts", batch.attempts),
            ]),
            &[("parentSpanId", json!(span_id(trace, "row")))],
        ),
    ]
}

fn of_letter(letter: &TracedDeadLetter) -> Value {
    let own = span(
        letter.correlation,
        "dead_letter",
        INTERNAL,
        letter.at_ms,
        letter.at_ms,
    );
    with(
        own,
        json!([text("spine.reason", &letter.reason)]),
        &[(
            "status",
            json!({"code": ERROR, "message": format!("dead-lettered: {}", letter.reason)}),
        )],
    )
}

fn span(trace: Correlation, name: &str, kind: u8, from_ms: i64, to_ms: i64) -> Value {
    // A wall clock that was set back in between must not make a span that ends before it begins.
    let to_ms = to_ms.max(from_ms);
    json!({
        "traceId": hex(&trace.0),
        "spanId": span_id(trace, name),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": nanoseconds(from_ms),
        "endTimeUnixNano": nanoseconds(to_ms),
    })
}

fn with(mut span: Value, attributes: Value, more: &[(&str, Value)]) -> Value {
    span["attributes"] = attributes;
    for (key, value) in more {
        span[*key] = value.clone();
    }
    span
}

/// Made from the trace and the name, so that a span told twice is the same span.
fn span_id(trace: Correlation, name: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"edge-spine span")
        .chain_update(trace.0)
        .chain_update(name)
        .finalize();
    hex(&digest[..8])
}

fn nanoseconds(ms: i64) -> String {
    // Before 1970 there is nothing in OTLP.
    (i128::from(ms.max(0)) * 1_000_000).to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: i64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}
