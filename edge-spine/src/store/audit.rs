//! The audit log in its table.

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use serde::Serialize;

use super::{Sql, Store, StoreError, Tally};
use crate::audit::{ChainLink, Checkpoint, Entry, GENESIS, Verdict, Walk, judge};
use crate::batch::BatchId;
use crate::geofence::Policy;
use crate::row::hex;

const COLUMNS: &str = "number, at_ms, batch, jurisdiction, zone, policy, rows, digest, hash";

/// Which entries to show.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Of this jurisdiction.
    pub jurisdiction: Option<String>,
    /// Of this zone.
    pub zone: Option<String>,
    /// From this time on, milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// Before this time.
    pub before_ms: Option<i64>,
    /// At most so many, newest first.
    pub limit: i64,
}

/// What was disclosed under one jurisdiction, zone and policy.
#[derive(Debug, Clone, Serialize)]
pub struct AuditSummary {
    /// Whose rules.
    pub jurisdiction: String,
    /// Which zone.
    pub zone: String,
    /// What was said.
    pub policy: &'static str,
    /// Entries.
    pub entries: i64,
    /// Rows.
    pub rows: i64,
}

/// The hash after the last entry.
pub(super) fn head(connection: &Connection, size: i64) -> Sql<[u8; 32]> {
    if size == 0 {
        return Ok(GENESIS);
    }
    connection
        .prepare_cached("SELECT hash FROM audit WHERE number = ?1")?
        .query_row([size], |row| row.get(0))
}

pub(super) fn append(
    connection: &Connection,
    tally: &mut Tally,
    entry: &Entry,
    hash: &[u8; 32],
) -> Sql<()> {
    connection
        .prepare_cached("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
            entry.number,
            entry.at_ms,
            entry.batch.0,
            entry.jurisdiction,
            entry.zone,
            entry.policy as u8,
            entry.rows,
            entry.digest,
            hash
        ])?;
    tally.audit_size += 1;
    // The trigger that keeps the order reads the tally.
    connection
        .prepare_cached("UPDATE tally SET audit_size = ?1")?
        .execute([tally.audit_size])?;
    Ok(())
}

fn policy_of(number: u8) -> Option<Policy> {
    [
        Policy::Full,
        Policy::Coarsen,
        Policy::Pseudonymise,
        Policy::MetadataOnly,
    ]
    .into_iter()
    .find(|own| *own as u8 == number)
}

/// An entry to be read into: a walk over millions does not ask for memory for each.
fn blank() -> ChainLink {
    ChainLink {
        entry: Entry {
            number: 0,
            at_ms: 0,
            batch: BatchId([0; 16]),
            jurisdiction: String::new(),
            zone: String::new(),
            policy: Policy::Full,
            rows: 0,
            digest: [0; 32],
        },
        hash: GENESIS,
    }
}

fn read_link(row: &SqlRow<'_>, link: &mut ChainLink) -> Sql<()> {
    let policy: u8 = row.get(5)?;
    let entry = &mut link.entry;
    entry.number = row.get(0)?;
    entry.at_ms = row.get(1)?;
    entry.batch = BatchId(row.get(2)?);
    for (column, text) in [(3, &mut entry.jurisdiction), (4, &mut entry.zone)] {
        text.clear();
        text.push_str(row.get_ref(column)?.as_str()?);
    }
    entry.policy = policy_of(policy).ok_or(rusqlite::Error::IntegralValueOutOfRange(
        5,
        i64::from(policy),
    ))?;
    entry.rows = row.get(6)?;
    entry.digest = row.get(7)?;
    link.hash = row.get(8)?;
    Ok(())
}

/// Walks the entries after `after` up to `last`; the entry that does not follow otherwise.
fn walk(
    connection: &Connection,
    mut walk: Walk,
    after: i64,
    last: i64,
) -> Sql<Result<(i64, [u8; 32]), i64>> {
    let sql =
        format!("SELECT {COLUMNS} FROM audit WHERE number > ?1 AND number <= ?2 ORDER BY number");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([after, last])?;
    let (mut at, mut own) = (after, blank());
    while let Some(row) = rows.next()? {
        // What cannot be read as an entry does not follow either.
        if read_link(row, &mut own).is_err() {
            return Ok(Err(at + 1));
        }
        if let Err(broken) = walk.step(&own) {
            return Ok(Err(broken));
        }
        at += 1;
    }
    Ok(Ok(walk.end()))
}

impl Store {
    /// Whether the audit log is whole, by its own hashes, by the checkpoints that left with the batches,
    /// and by those that somebody else kept.
    ///
    /// The chain is walked in two pieces at once; the hash between them belongs to the first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn verify_audit(&self, kept_elsewhere: &[Checkpoint]) -> Result<Verdict, StoreError> {
        let wrap = |source| StoreError::Database {
            path: self.path.clone(),
            source,
        };
        let size: i64 = self.read(|own| {
            own.query_row("SELECT coalesce(max(number), 0) FROM audit", [], |row| {
                row.get(0)
            })
        })?;
        let middle = size / 2;
        let seam = self.read(|own| head(own, middle).optional())?;
        let second = std::thread::scope(|scope| {
            let path = &self.path;
            let second = scope.spawn(move || {
                let own = rusqlite::Connection::open(path)?;
                match seam {
                    Some(seam) => walk(&own, Walk::after(middle, seam), middle, size),
                    None => Ok(Err(middle)),
                }
            });
            let first = self.read(|own| walk(own, Walk::from_genesis(), 0, middle));
            (first, second.join())
        });
        let (first, second) = second;
        let second = second.unwrap_or(Ok(Err(middle + 1))).map_err(wrap)?;
        let walked = first?.and(second);
        let mut checkpoints = self.checkpoints(walked.is_ok())?;
        checkpoints.extend_from_slice(kept_elsewhere);
        Ok(judge(walked, &checkpoints, &self.public_key(), |number| {
            self.read(|own| head(own, number)).ok()
        }))
    }

    /// The newest checkpoints that left with batches.
    fn checkpoints(&self, wanted: bool) -> Result<Vec<Checkpoint>, StoreError> {
        if !wanted {
            return Ok(Vec::new());
        }
        let public_key = self.public_key();
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT audit_size, audit_head, audit_signature FROM batches
                     WHERE audit_size IS NOT NULL ORDER BY n DESC LIMIT 100",
                )?
                .query_map([], |row| {
                    Ok(Checkpoint {
                        size: row.get(0)?,
                        head: row.get(1)?,
                        public_key: public_key.clone(),
                        signature: row.get(2)?,
                    })
                })?
                .collect()
        })
    }

    /// Entries, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn query_audit(&self, query: &AuditQuery) -> Result<Vec<serde_json::Value>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit
             WHERE (?1 IS NULL OR jurisdiction = ?1) AND (?2 IS NULL OR zone = ?2)
               AND (?3 IS NULL OR at_ms >= ?3) AND (?4 IS NULL OR at_ms < ?4)
             ORDER BY number DESC LIMIT ?5"
        );
        self.read(|connection| {
            connection
                .prepare(&sql)?
                .query_map(
                    params![
                        query.jurisdiction,
                        query.zone,
                        query.from_ms,
                        query.before_ms,
                        query.limit
                    ],
                    |row| {
                        let mut own = blank();
                        read_link(row, &mut own)?;
                        let ChainLink { entry, hash } = own;
                        Ok(serde_json::json!({
                            "number": entry.number, "at_ms": entry.at_ms,
                            "batch": entry.batch.to_string(), "jurisdiction": entry.jurisdiction,
                            "zone": entry.zone, "policy": entry.policy.name(), "rows": entry.rows,
                            "digest": hex(&entry.digest), "hash": hex(&hash),
                        }))
                    },
                )?
                .collect()
        })
    }

    /// What was disclosed, by jurisdiction, zone and policy.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn summarise_audit(&self) -> Result<Vec<AuditSummary>, StoreError> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT jurisdiction, zone, policy, count(*), sum(rows) FROM audit
                     GROUP BY jurisdiction, zone, policy ORDER BY 1, 2, 3",
                )?
                .query_map([], |row| {
                    let number: u8 = row.get(2)?;
                    Ok(AuditSummary {
                        jurisdiction: row.get(0)?,
                        zone: row.get(1)?,
                        policy: policy_of(number).map_or("unknown", Policy::name),
                        entries: row.get(3)?,
                        rows: row.get(4)?,
                    })
                })?
                .collect()
        })
    }
}
