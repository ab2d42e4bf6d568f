//! Dead letters: looking at them, and giving them another chance, exactly once.

use rusqlite::{OptionalExtension, Row as SqlRow, params};
use serde::Serialize;

use super::rows::{KnownRow, NewRow};
use super::{Moment, NameCache, Store, StoreError};
use crate::check::{self, Reason};
use crate::config::Config;
use crate::geofence::place_of;
use crate::row::{Row, hex};

/// Which dead letters.
#[derive(Debug, Clone, Default)]
pub struct DeadFilter {
    /// Only this one.
    pub id: Option<i64>,
    /// Only those of this reason.
    pub reason: Option<String>,
    /// Only those of this channel.
    pub channel: Option<String>,
}

/// A dead letter.
#[derive(Debug, Clone, Serialize)]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// Device, when the line names one.
    pub device: Option<String>,
    /// Channel, when the line names one.
    pub channel: Option<String>,
    /// Time of the row, nanoseconds.
    pub ts: Option<i64>,
    /// Correlation id, hex.
    pub correlation: Option<String>,
    /// Why.
    pub reason: String,
    /// What about it.
    pub detail: String,
    /// When it came in, wall clock, milliseconds.
    pub at_ms: i64,
    /// How often it was tried again.
    pub attempts: i64,
    /// The line.
    pub line: String,
}

/// What became of dead letters that were tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reprocessed {
    /// Back in the buffer.
    pub reinjected: i64,
    /// Still bad.
    pub still_bad: i64,
    /// In the buffer already, so that the letter was removed.
    pub duplicates: i64,
}

/// Most dead letters of one transaction.
const STEP: i64 = 500;

fn letter(row: &SqlRow<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        device: row.get(1)?,
        channel: row.get(2)?,
        ts: row.get(3)?,
        correlation: row.get::<_, Option<[u8; 16]>>(4)?.map(|own| hex(&own)),
        reason: row.get(5)?,
        detail: row.get(6)?,
        at_ms: row.get(7)?,
        attempts: row.get(8)?,
        line: String::from_utf8_lossy(&row.get::<_, Vec<u8>>(9)?).into_owned(),
    })
}

const SELECT: &str =
    "SELECT id, device, channel, ts, correlation, reason, detail, at_ms, attempts, line
    FROM dead WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR reason = ?2)
    AND (?3 IS NULL OR channel = ?3) AND id > ?4 ORDER BY id LIMIT ?5";

impl Store {
    /// Dead letters after number `after`, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn dead_letters(
        &self,
        filter: &DeadFilter,
        after: i64,
        limit: i64,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(SELECT)?
                .query_map(
                    params![filter.id, filter.reason, filter.channel, after, limit],
                    letter,
                )?
                .collect()
        })
    }

    /// Dead letters by reason.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn dead_by_reason(&self) -> Result<Vec<(String, i64)>, StoreError> {
        self.read(|connection| {
            connection
                .prepare("SELECT reason, count(*) FROM dead GROUP BY reason ORDER BY 1")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Tries dead letters again under the rules of `config`. A letter leaves and its row enters the
    /// buffer in one durable commit, so that it happens exactly once. Time is not checked again: a row
    /// that comes back is late by nature.
    ///
    /// # Errors
    /// When the database cannot be changed; what was re-injected before stays so.
    pub fn reprocess(
        &mut self,
        filter: &DeadFilter,
        config: &Config,
        now: Moment,
    ) -> Result<Reprocessed, StoreError> {
        let mut sum = Reprocessed::default();
        let mut after = 0;
        loop {
            let letters = self.dead_letters(filter, after, STEP)?;
            let Some(last) = letters.last() else {
                return Ok(sum);
            };
            after = last.id;
            let step = self.reprocess_step(&letters, config, now)?;
            sum.reinjected += step.reinjected;
            sum.still_bad += step.still_bad;
            sum.duplicates += step.duplicates;
        }
    }

    fn reprocess_step(
        &mut self,
        letters: &[DeadLetter],
        config: &Config,
        now: Moment,
    ) -> Result<Reprocessed, StoreError> {
        let mut names = NameCache::default();
        self.transaction(|connection, tally| {
            let mut done = Reprocessed::default();
            for letter in letters {
                let still = connection
                    .prepare_cached("SELECT 1 FROM dead WHERE id = ?1")?
                    .query_row([letter.id], |_| Ok(()))
                    .optional()?;
                if still.is_none() {
                    continue;
                }
                let judged = Row::parse(&letter.line)
                    .map_err(|error| check::Objection::new(Reason::Malformed, error.0))
                    .and_then(|row| check::content(&row, config).map(|()| row));
                let known = match &judged {
                    Err(_) => None,
                    Ok(row) => {
                        let payload = row.fields.to_json();
                        let new = NewRow {
                            row,
                            device: names.number(connection, row.key.device.as_str())?,
                            channel: names.number(connection, row.channel.as_str())?,
                            payload: &payload,
                            place: place_of(&row.fields),
                            at_ms: now.wall_ms,
                        };
                        let known = new.known(connection, tally)?;
                        if known == KnownRow::New {
                            new.insert(connection, tally)?;
                        }
                        Some(known)
                    }
                };
                let objection = match (judged, known) {
                    (Err(objection), _) => Some(objection),
                    (Ok(_), Some(KnownRow::Other)) => {
                        Some(check::Objection::new(Reason::Conflict, "the key of another row"))
                    }
                    (Ok(_), _) => None,
                };
                if let Some(objection) = objection {
                    connection
                        .prepare_cached(
                            "UPDATE dead SET attempts = attempts + 1, reason = ?2, detail = ?3 WHERE id = ?1",
                        )?
                        .execute(params![letter.id, objection.reason.name(), objection.detail])?;
                    done.still_bad += 1;
                    continue;
                }
                connection.prepare_cached("DELETE FROM dead WHERE id = ?1")?.execute([letter.id])?;
                tally.dead -= 1;
                if known == Some(KnownRow::New) {
                    tally.reinjected += 1;
                    done.reinjected += 1;
                } else {
                    tally.inserts -= 1;
                    tally.duplicates += 1;
                    done.duplicates += 1;
                }
            }
            Ok(done)
        })
    }
}
