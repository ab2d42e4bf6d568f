//! Batches: claiming ranges of rows, preparing them again, and settling them.

use rusqlite::{Connection, Row as SqlRow, params};
use serde::Serialize;

use super::outgoing::{Maker, Outgoing, make};
use super::settle::settle_one;
use super::{Moment, Sql, Store, StoreError, Tally, names};
use crate::batch::{BatchEvent, BatchId, BatchState, RowRange};
use crate::geofence::Fence;
use crate::row::hex;

/// Most bytes of payload in one batch, unless a single row is longer.
const MAX_BATCH_BYTES: i64 = 1 << 20;
/// Most bytes of payload that one claim keeps in memory.
const MAX_CLAIM_BYTES: i64 = 8 << 20;

/// A batch under way.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its number, in the order of claiming.
    pub number: i64,
    /// Its id, for ever.
    pub id: BatchId,
    /// Its rows.
    pub range: RowRange,
    /// How many rows.
    pub rows: i64,
    /// Where it stands.
    pub state: BatchState,
    /// Attempts that failed.
    pub attempts: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The sink has it durably.
    Stored,
    /// Nobody knows; it stays under way.
    Failed(String),
    /// The sink refuses it and will not take it any more.
    Withdrawn(String),
}

/// A line of the history.
#[derive(Debug, Clone, Serialize)]
pub struct BatchRecord {
    /// Its number.
    pub number: i64,
    /// Its id, hex.
    pub batch_id: String,
    /// First row.
    pub first: i64,
    /// Last row.
    pub last: i64,
    /// Rows.
    pub rows: i64,
    /// State.
    pub state: &'static str,
    /// Attempts that failed.
    pub attempts: i64,
    /// The batch that it is a half of.
    pub parent: Option<i64>,
    /// When it was claimed, wall clock, milliseconds.
    pub claimed_ms: i64,
    /// When it was settled.
    pub settled_ms: Option<i64>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl Store {
    /// Batches that a process left half-drained become *recovered*; the role of draining must be held.
    ///
    /// # Errors
    /// When the database cannot be changed.
    pub fn recover_incomplete_batches(&mut self) -> Result<i64, StoreError> {
        self.transaction(|connection, tally| {
            // An attempt may have been under way: it counts, or a batch that ends the process never would.
            let found = connection.execute(
                "UPDATE batches SET state = ?1, attempts = attempts + 1 WHERE state IN (?2, ?1)",
                [
                    BatchState::Draining.after(BatchEvent::FoundAtOpen) as u8,
                    BatchState::Draining as u8,
                ],
            )? as i64;
            tally.recovered += found;
            Ok(found)
        })
    }

    /// Batches under way, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn under_way(&self, limit: usize) -> Result<Vec<Batch>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT n, batch_id, first, last, rows, state, attempts FROM batches
                     WHERE state IN (1, 2) ORDER BY first LIMIT ?1",
                )?
                .query_map([limit as i64], batch_of)?
                .collect()
        })
    }

    /// Claims waiting rows, at most `burst` batches; the audit entries are durable with the claim.
    ///
    /// # Errors
    /// When the claim could not be made durable: then nothing may be sent.
    pub fn claim(
        &mut self,
        rows: i64,
        burst: usize,
        fence: Option<&Fence>,
        now: Moment,
    ) -> Result<Vec<Outgoing>, StoreError> {
        if self.tally()?.pending() == 0 {
            return Ok(Vec::new());
        }
        let signer = self.signer.clone();
        let maker = Maker {
            store: self.id,
            signer: &signer,
            fence,
            now,
        };
        self.transaction(|connection, tally| {
            let names = names::all(connection)?;
            let mut claimed = Vec::new();
            let mut budget = MAX_CLAIM_BYTES;
            while claimed.len() < burst && budget > 0 && tally.pending() > 0 {
                let first = tally.claimed_to + 1;
                let limit = RowRange {
                    first,
                    last: tally.last_row.min(first + rows - 1),
                };
                let (last, bytes) = cut(connection, limit)?;
                budget -= bytes;
                let range = RowRange { first, last };
                let batch = insert(
                    connection,
                    tally,
                    &maker,
                    range,
                    last - first + 1,
                    bytes,
                    None,
                )?;
                tally.claimed_to = last;
                claimed.push(make(connection, tally, &maker, &names, batch)?);
            }
            Ok(claimed)
        })
    }

    /// Batches that are under way already, ready to leave again; what is said about them is decided anew,
    /// and audited when it differs. As many from the first on as a claim may keep in memory, one at least.
    ///
    /// # Errors
    /// When the audit entries could not be made durable: then nothing may be sent.
    pub fn prepare(
        &mut self,
        batches: Vec<Batch>,
        fence: Option<&Fence>,
        now: Moment,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let signer = self.signer.clone();
        let maker = Maker {
            store: self.id,
            signer: &signer,
            fence,
            now,
        };
        self.transaction(|connection, tally| {
            let names = names::all(connection)?;
            let mut prepared = Vec::with_capacity(batches.len());
            let mut budget = MAX_CLAIM_BYTES;
            for batch in batches {
                let outgoing = make(connection, tally, &maker, &names, batch)?;
                budget -= outgoing.body.len() as i64;
                prepared.push(outgoing);
                if budget <= 0 {
                    break;
                }
            }
            Ok(prepared)
        })
    }

    /// Settles attempts, in one durable commit.
    ///
    /// # Errors
    /// When the database cannot be changed; the same attempts may be settled again.
    pub fn settle(
        &mut self,
        settled: &[(Batch, Settlement)],
        max_dead: i64,
        now: Moment,
    ) -> Result<(), StoreError> {
        if settled.is_empty() {
            return Ok(());
        }
        let store = self.id;
        self.transaction(|connection, tally| {
            for (batch, settlement) in settled {
                settle_one(connection, tally, &store, batch, settlement, max_dead, now)?;
            }
            Ok(())
        })
    }

    /// The newest batches, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn history(&self, limit: usize) -> Result<Vec<BatchRecord>, StoreError> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT n, batch_id, first, last, rows, state, attempts, parent, claimed_ms,
                            settled_ms, error
                     FROM batches ORDER BY n DESC LIMIT ?1",
                )?
                .query_map([limit as i64], |row| {
                    Ok(BatchRecord {
                        number: row.get(0)?,
                        batch_id: hex(&row.get::<_, [u8; 16]>(1)?),
                        first: row.get(2)?,
                        last: row.get(3)?,
                        rows: row.get(4)?,
                        state: state_of(row, 5)?.name(),
                        attempts: row.get(6)?,
                        parent: row.get(7)?,
                        claimed_ms: row.get(8)?,
                        settled_ms: row.get(9)?,
                        error: row.get(10)?,
                    })
                })?
                .collect()
        })
    }
}

fn batch_of(row: &SqlRow<'_>) -> Sql<Batch> {
    Ok(Batch {
        number: row.get(0)?,
        id: BatchId(row.get(1)?),
        range: RowRange {
            first: row.get(2)?,
            last: row.get(3)?,
        },
        rows: row.get(4)?,
        state: state_of(row, 5)?,
        attempts: row.get(6)?,
    })
}

pub(super) fn state_of(row: &SqlRow<'_>, column: usize) -> Sql<BatchState> {
    let number: i64 = row.get(column)?;
    BatchState::from_number(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// Where a batch ends that may not grow beyond its bytes.
fn cut(connection: &Connection, limit: RowRange) -> Sql<(i64, i64)> {
    let mut statement = connection.prepare_cached(
        "SELECT id, length(CAST(payload AS BLOB)) + 128 FROM rows WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    )?;
    let mut found = statement.query([limit.first, limit.last])?;
    let (mut last, mut bytes) = (limit.first, 0);
    while let Some(row) = found.next()? {
        let own: i64 = row.get(1)?;
        if bytes > 0 && bytes + own > MAX_BATCH_BYTES {
            break;
        }
        bytes += own;
        last = row.get(0)?;
    }
    Ok((last, bytes))
}

fn insert(
    connection: &Connection,
    tally: &mut Tally,
    maker: &Maker<'_>,
    range: RowRange,
    rows: i64,
    bytes: i64,
    parent: Option<i64>,
) -> Sql<Batch> {
    tally.last_batch += 1;
    let number = tally.last_batch;
    let batch = Batch {
        number,
        id: BatchId::new(&maker.store, number),
        range,
        rows,
        state: BatchState::Draining,
        attempts: 0,
    };
    insert_batch(connection, &batch, bytes, parent, maker.now.wall_ms)?;
    Ok(batch)
}

pub(super) fn insert_batch(
    connection: &Connection,
    batch: &Batch,
    bytes: i64,
    parent: Option<i64>,
    wall_ms: i64,
) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT INTO batches(n, batch_id, first, last, rows, bytes, state, attempts, parent,
                                 claimed_ms, kept)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, 1)",
        )?
        .execute(params![
            batch.number,
            batch.id.0,
            batch.range.first,
            batch.range.last,
            batch.rows,
            bytes,
            batch.state as u8,
            parent,
            wall_ms
        ])?;
    Ok(())
}
