//! What became of rows, batch by batch, for whoever traces them.

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::outgoing::disclosed;
use super::{OutgoingRow, Store, StoreError, names};
use crate::batch::{BatchId, RowRange};
use crate::geofence::Fence;
use crate::row::Correlation;

/// Up to which batch and dead letter something was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceCursor {
    /// Number of the batch.
    pub batch: i64,
    /// Number of the dead letter.
    pub dead: i64,
}

/// A delivered batch, with its rows as they left.
#[derive(Debug, Clone)]
pub struct TracedBatch {
    /// Its id.
    pub id: BatchId,
    /// Attempts that failed.
    pub attempts: i64,
    /// When it was claimed, wall clock, milliseconds.
    pub claimed_ms: i64,
    /// When the sink had it.
    pub settled_ms: i64,
    /// Its rows.
    pub rows: Vec<OutgoingRow>,
}

/// A dead letter as it may be spoken of.
#[derive(Debug, Clone)]
pub struct TracedDeadLetter {
    /// What follows it everywhere, or its pseudonym.
    pub correlation: Correlation,
    /// Why.
    pub reason: String,
    /// When, wall clock, milliseconds.
    pub at_ms: i64,
}

/// What there is to tell after a cursor.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    /// Delivered batches, in the order of their claims.
    pub batches: Vec<TracedBatch>,
    /// Dead letters whose line named a row.
    pub dead_letters: Vec<TracedDeadLetter>,
    /// Delivered rows that were removed before.
    pub missed_rows: i64,
    /// The cursor after all this.
    pub next: TraceCursor,
}

impl Store {
    /// What became of rows after `cursor`: as far as every batch before is settled.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn traces(
        &self,
        cursor: TraceCursor,
        batches: usize,
        dead: usize,
        fence: Option<&Fence>,
    ) -> Result<Traces, StoreError> {
        self.read(|connection| {
            let look = connection.unchecked_transaction()?;
            let names = names::all(&look)?;
            let mut found = Traces {
                next: cursor,
                ..Traces::default()
            };
            let mut statement = look.prepare_cached(
                "SELECT n, batch_id, attempts, claimed_ms, settled_ms, first, last, rows, state = 3, kept
                 FROM batches WHERE n > ?1
                   AND n < (SELECT coalesce(min(n), 9223372036854775807) FROM batches WHERE state IN (1, 2))
                 ORDER BY n",
            )?;
            let mut rows = statement.query([cursor.batch])?;
            while let Some(row) = rows.next()? {
                let (synced, kept): (bool, bool) = (row.get(8)?, row.get(9)?);
                if synced && kept {
                    if found.batches.len() == batches {
                        break;
                    }
                    let range = RowRange {
                        first: row.get(5)?,
                        last: row.get(6)?,
                    };
                    found.batches.push(TracedBatch {
                        id: BatchId(row.get(1)?),
                        attempts: row.get(2)?,
                        claimed_ms: row.get(3)?,
                        settled_ms: row.get(4)?,
                        rows: disclosed(&look, range, fence, &names)?.0,
                    });
                } else if synced {
                    found.missed_rows += row.get::<_, i64>(7)?;
                }
                found.next.batch = row.get(0)?;
            }
            let mut statement = look.prepare_cached(
                "SELECT id, coalesce(device, ''), correlation, reason, at_ms FROM dead
                 WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let mut rows = statement.query(params![cursor.dead, dead as i64])?;
            while let Some(row) = rows.next()? {
                found.next.dead = row.get(0)?;
                let Some(own) = row.get::<_, Option<[u8; 16]>>(2)?.map(Correlation) else {
                    continue;
                };
                let correlation = match fence {
                    None => own,
                    Some(fence) => {
                        let strictest = fence.decide(None).policy;
                        let device: String = row.get(1)?;
                        fence.disclose(strictest, &device, own, "{}").correlation
                    }
                };
                found.dead_letters.push(TracedDeadLetter {
                    correlation,
                    reason: row.get(3)?,
                    at_ms: row.get(4)?,
                });
            }
            Ok(found)
        })
    }
}
