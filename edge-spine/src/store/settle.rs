//! The end of a batch: synced, split, dead, or given up before it could leave.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::batches::{Batch, Settlement, insert_batch, state_of};
use super::rows::{NewDead, bytes_of, drop_oldest_dead};
use super::{Moment, Sql, Tally, names};
use crate::batch::{BatchEvent, BatchId, BatchState, RowRange};
use crate::check::Reason;
use crate::row::{Correlation, first_16, line_of};

/// Gives up the oldest waiting rows, as a batch of their own in the history. Returns how many.
pub fn drop_oldest(
    connection: &Connection,
    tally: &mut Tally,
    store: &[u8; 16],
    wanted: i64,
    wall_ms: i64,
) -> Sql<i64> {
    let count = wanted.min(tally.pending());
    if count <= 0 {
        return Ok(0);
    }
    let range = RowRange {
        first: tally.claimed_to + 1,
        last: tally.claimed_to + count,
    };
    let bytes: i64 = connection
        .prepare_cached("SELECT coalesce(sum(length(CAST(payload AS BLOB)) + 128), 0) FROM rows WHERE id BETWEEN ?1 AND ?2")?
        .query_row([range.first, range.last], |row| row.get(0))?;
    connection
        .prepare_cached("DELETE FROM rows WHERE id BETWEEN ?1 AND ?2")?
        .execute([range.first, range.last])?;
    tally.last_batch += 1;
    let id = BatchId::new(store, tally.last_batch);
    connection
        .prepare_cached(
            "INSERT INTO batches(n, batch_id, first, last, rows, bytes, state, attempts, claimed_ms,
                                 settled_ms, error, kept)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?8, 'the buffer was full', 0)",
        )?
        .execute(params![
            tally.last_batch,
            id.0,
            range.first,
            range.last,
            count,
            bytes,
            BatchState::Dropped as u8,
            wall_ms
        ])?;
    tally.claimed_to = range.last;
    tally.dropped += count;
    tally.bytes -= bytes;
    Ok(count)
}

/// Settles one attempt; a batch that was settled before stays as it is.
pub(super) fn settle_one(
    connection: &Connection,
    tally: &mut Tally,
    store: &[u8; 16],
    batch: &Batch,
    settlement: &Settlement,
    max_dead: i64,
    now: Moment,
) -> Sql<()> {
    let found: Option<(BatchState, i64)> = connection
        .prepare_cached("SELECT state, rows FROM batches WHERE n = ?1")?
        .query_row([batch.number], |row| Ok((state_of(row, 0)?, row.get(1)?)))
        .optional()?;
    let Some((state, rows)) = found.filter(|(state, _)| state.is_under_way()) else {
        return Ok(());
    };
    let (event, error) = match settlement {
        Settlement::Stored => (BatchEvent::Stored, None),
        Settlement::Failed(error) => (BatchEvent::Failed, Some(error)),
        Settlement::Withdrawn(error) => (
            BatchEvent::Withdrawn {
                rows: u32::try_from(rows).unwrap_or(u32::MAX),
            },
            Some(error),
        ),
    };
    let next = state.after(event);
    let settled_ms = (!next.is_under_way()).then_some(now.wall_ms);
    let failed = i64::from(!matches!(settlement, Settlement::Stored));
    connection
        .prepare_cached(
            "UPDATE batches SET state = ?2, attempts = attempts + ?3, settled_ms = ?4,
                                error = coalesce(?5, error), kept = ?6 WHERE n = ?1",
        )?
        .execute(params![
            batch.number,
            next as u8,
            failed,
            settled_ms,
            error,
            !matches!(next, BatchState::Split | BatchState::Dead)
        ])?;
    match next {
        BatchState::Synced => tally.delivered += rows,
        BatchState::Split => split(connection, tally, store, batch, now.wall_ms)?,
        BatchState::Dead => bury(
            connection,
            tally,
            batch,
            error.map_or("", |own| own),
            max_dead,
            now.wall_ms,
        )?,
        BatchState::Draining | BatchState::Recovered | BatchState::Dropped => {}
    }
    Ok(())
}

fn split(
    connection: &Connection,
    tally: &mut Tally,
    store: &[u8; 16],
    batch: &Batch,
    wall_ms: i64,
) -> Sql<()> {
    let Some((left, right)) = batch.range.halves() else {
        return Ok(());
    };
    for range in [left, right] {
        let (rows, bytes): (i64, i64) = connection
            .prepare_cached(
                "SELECT count(*), coalesce(sum(length(CAST(payload AS BLOB)) + 128), 0) FROM rows
                 WHERE id BETWEEN ?1 AND ?2",
            )?
            .query_row([range.first, range.last], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        tally.last_batch += 1;
        let number = tally.last_batch;
        let id = BatchId::new(store, number);
        let half = Batch {
            number,
            id,
            range,
            rows,
            state: BatchState::Draining,
            attempts: 0,
        };
        insert_batch(connection, &half, bytes, Some(batch.number), wall_ms)?;
    }
    Ok(())
}

/// The one row of a batch that the sink refuses goes to the dead letters.
fn bury(
    connection: &Connection,
    tally: &mut Tally,
    batch: &Batch,
    error: &str,
    max_dead: i64,
    wall_ms: i64,
) -> Sql<()> {
    let names = names::all(connection)?;
    let name = |number: i64| names.get(&number).cloned().unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "SELECT device, ts, seq, channel, correlation, payload FROM rows WHERE id BETWEEN ?1 AND ?2",
    )?;
    let buried = statement
        .query_map([batch.range.first, batch.range.last], |row| {
            let line = line_of(
                &name(row.get(0)?),
                row.get(1)?,
                row.get(2)?,
                &name(row.get(3)?),
                &Correlation(row.get(4)?),
                row.get_ref(5)?.as_str()?,
            );
            Ok((line, bytes_of(row.get_ref(5)?.as_str()?)))
        })?
        .collect::<Sql<Vec<_>>>()?;
    for (line, bytes) in buried {
        let row = crate::row::Row::parse(&line).ok();
        let letter = NewDead {
            digest: first_16(&Sha256::digest(&line)),
            row: row.as_ref(),
            reason: Reason::RefusedBySink,
            detail: error,
            line: line.as_bytes(),
            at_ms: wall_ms,
        };
        if tally.dead >= max_dead {
            drop_oldest_dead(connection, tally)?;
        }
        if !letter.is_known(connection, tally)? {
            letter.insert(connection, tally)?;
        }
        tally.bytes -= bytes;
    }
    connection
        .prepare_cached("DELETE FROM rows WHERE id BETWEEN ?1 AND ?2")?
        .execute([batch.range.first, batch.range.last])?;
    Ok(())
}
