//! The tables.
//!
//! The state of delivery belongs to ranges (`batches`), never to rows: a row is written once and removed
//! once. `tally` is one row of counters that changes in the same transaction as what it counts, so that a
//! restart finds the truth on disk. `audit` refuses to be changed.

/// "GDSP" as a number: whose file this is.
pub(super) const APPLICATION_ID: i64 = 0x4744_5350;
/// The version of the tables below.
pub(super) const VERSION: i64 = 1;

pub(super) const TABLES: &str = "
CREATE TABLE meta(
    store_id BLOB NOT NULL, public_key TEXT NOT NULL
) STRICT;
CREATE TABLE names(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE rows(
    id INTEGER PRIMARY KEY, device INTEGER NOT NULL, ts INTEGER NOT NULL, seq INTEGER NOT NULL,
    channel INTEGER NOT NULL, correlation BLOB NOT NULL, at_ms INTEGER NOT NULL,
    lat REAL, lon REAL, payload TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX rows_key ON rows(device, ts, seq);
CREATE TABLE held(
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL,
    device INTEGER NOT NULL, ts INTEGER NOT NULL, seq INTEGER NOT NULL,
    channel INTEGER NOT NULL, correlation BLOB NOT NULL, at_ms INTEGER NOT NULL,
    lat REAL, lon REAL, payload TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX held_key ON held(device, ts, seq);
CREATE TABLE dead(
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, device TEXT, channel TEXT, ts INTEGER,
    correlation BLOB, reason TEXT NOT NULL, detail TEXT NOT NULL, at_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL, line BLOB NOT NULL
) STRICT;
CREATE TABLE sources(
    id INTEGER PRIMARY KEY, device INTEGER NOT NULL, channel INTEGER NOT NULL,
    last_ts INTEGER, last_seq INTEGER, breaker TEXT NOT NULL, openings INTEGER NOT NULL,
    reset INTEGER NOT NULL DEFAULT 0, UNIQUE(device, channel)
) STRICT;
CREATE INDEX sources_reset ON sources(reset) WHERE reset = 1;
CREATE TABLE places(
    device INTEGER PRIMARY KEY, ts INTEGER NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL
) STRICT;
CREATE TABLE batches(
    n INTEGER PRIMARY KEY, batch_id BLOB NOT NULL UNIQUE, first INTEGER NOT NULL, last INTEGER NOT NULL,
    rows INTEGER NOT NULL, bytes INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL,
    parent INTEGER, claimed_ms INTEGER NOT NULL, settled_ms INTEGER, error TEXT,
    kept INTEGER NOT NULL, digest BLOB, audit_size INTEGER, audit_head TEXT, audit_signature TEXT
) STRICT;
CREATE INDEX batches_under_way ON batches(n) WHERE state IN (1, 2);
CREATE INDEX batches_kept ON batches(n) WHERE state = 3 AND kept = 1;
CREATE TABLE audit(
    number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, batch BLOB NOT NULL, jurisdiction TEXT NOT NULL,
    zone TEXT NOT NULL, policy INTEGER NOT NULL, rows INTEGER NOT NULL, digest BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_place ON audit(jurisdiction, zone, at_ms);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
    WHEN NEW.number <> (SELECT audit_size + 1 FROM tally)
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
";
