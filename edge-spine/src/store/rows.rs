//! Rows on their way in: primitives of one transaction, composed by the intake.

use rusqlite::{Connection, OptionalExtension, params};

use super::{NameCache, Sql, Store, StoreError, Tally};
use crate::breaker::BreakerState;
use crate::check::{LastRow, Reason};
use crate::geofence::Place;
use crate::row::{Correlation, Row};

/// Bytes that a row costs beside its payload.
pub const ROW_OVERHEAD_BYTES: i64 = 128;

/// A row with the numbers of its names.
#[derive(Debug)]
pub struct NewRow<'a> {
    /// The row.
    pub row: &'a Row,
    /// Its device's number.
    pub device: i64,
    /// Its channel's number.
    pub channel: i64,
    /// Its fields as JSON.
    pub payload: &'a str,
    /// Where the device was.
    pub place: Option<Place>,
    /// When it came in, wall clock.
    pub at_ms: i64,
}

/// What the store knows of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownRow {
    /// Nothing.
    New,
    /// The same row.
    Same,
    /// Another row.
    Other,
}

/// A source channel as the database keeps it.
#[derive(Debug, Clone)]
pub struct SourceRecord {
    /// Its number.
    pub id: i64,
    /// Device.
    pub device: String,
    /// Channel.
    pub channel: String,
    /// Number of the device's name.
    pub device_number: i64,
    /// Number of the channel's name.
    pub channel_number: i64,
    /// Its last good row.
    pub last: Option<LastRow>,
    /// Whether its breaker was closed.
    pub closed: bool,
    /// How often its breaker opened.
    pub openings: i64,
}

impl NewRow<'_> {
    /// Into the buffer.
    pub fn insert(&self, connection: &Connection, tally: &mut Tally) -> Sql<()> {
        tally.last_row += 1;
        connection
            .prepare_cached(
                "INSERT INTO rows(id, device, ts, seq, channel, correlation, at_ms, lat, lon, payload)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                tally.last_row,
                self.device,
                self.row.key.ts_ns,
                self.row.key.seq,
                self.channel,
                self.row.correlation.0,
                self.at_ms,
                self.place.map(|place| place.lat_deg),
                self.place.map(|place| place.lon_deg),
                self.payload
            ])?;
        tally.bytes += bytes_of(self.payload);
        Ok(())
    }

    /// Beside the buffer, until the source's breaker closes.
    pub fn hold(&self, connection: &Connection, tally: &mut Tally, source: i64) -> Sql<()> {
        connection
            .prepare_cached(
                "INSERT INTO held(source, device, ts, seq, channel, correlation, at_ms, lat, lon, payload)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                source,
                self.device,
                self.row.key.ts_ns,
                self.row.key.seq,
                self.channel,
                self.row.correlation.0,
                self.at_ms,
                self.place.map(|place| place.lat_deg),
                self.place.map(|place| place.lon_deg),
                self.payload
            ])?;
        tally.held += 1;
        tally.bytes += bytes_of(self.payload);
        Ok(())
    }

    /// What is known of its key, in the buffer and beside it.
    pub fn known(&self, connection: &Connection, tally: &Tally) -> Sql<KnownRow> {
        let tables: &[&str] = if tally.held > 0 {
            &["rows", "held"]
        } else {
            &["rows"]
        };
        for table in tables {
            let sql = format!(
                "SELECT channel = ?4 AND payload = ?5 FROM {table}
                 WHERE device = ?1 AND ts = ?2 AND seq = ?3"
            );
            let key = &self.row.key;
            let same = connection
                .prepare_cached(&sql)?
                .query_row(
                    params![self.device, key.ts_ns, key.seq, self.channel, self.payload],
                    |row| row.get::<_, bool>(0),
                )
                .optional()?;
            match same {
                Some(true) => return Ok(KnownRow::Same),
                Some(false) => return Ok(KnownRow::Other),
                None => {}
            }
        }
        Ok(KnownRow::New)
    }
}

pub(super) fn bytes_of(payload: &str) -> i64 {
    payload.len() as i64 + ROW_OVERHEAD_BYTES
}

/// Rows on their way: claimed and not yet settled.
pub fn under_way(connection: &Connection) -> Sql<i64> {
    connection
        .prepare_cached("SELECT coalesce(sum(rows), 0) FROM batches WHERE state IN (1, 2)")?
        .query_row([], |row| row.get(0))
}

/// Re-injects everything that is held for a source, in its order. Returns how many rows.
pub fn release(connection: &Connection, tally: &mut Tally, source: i64) -> Sql<i64> {
    let moved = connection
        .prepare_cached(
            "INSERT INTO rows(id, device, ts, seq, channel, correlation, at_ms, lat, lon, payload)
             SELECT ?1 + row_number() OVER (ORDER BY id),
                    device, ts, seq, channel, correlation, at_ms, lat, lon, payload
             FROM held WHERE source = ?2 ORDER BY id",
        )?
        .execute([tally.last_row, source])? as i64;
    connection
        .prepare_cached("DELETE FROM held WHERE source = ?1")?
        .execute([source])?;
    tally.last_row += moved;
    tally.held -= moved;
    tally.released += moved;
    Ok(moved)
}

/// The number of a source, new if need be.
pub fn source_number(connection: &Connection, device: i64, channel: i64) -> Sql<i64> {
    connection
        .prepare_cached(
            "INSERT INTO sources(device, channel, breaker, openings) VALUES (?1, ?2, 'closed', 0)
             ON CONFLICT(device, channel) DO UPDATE SET device = device RETURNING id",
        )?
        .query_row([device, channel], |row| row.get(0))
}

/// Writes what a source's next rows are judged by.
pub fn save_source(
    connection: &Connection,
    id: i64,
    last: Option<LastRow>,
    breaker: BreakerState,
    openings: u64,
) -> Sql<()> {
    connection
        .prepare_cached(
            "UPDATE sources SET last_ts = ?2, last_seq = ?3, breaker = ?4, openings = ?5 WHERE id = ?1",
        )?
        .execute(params![
            id,
            last.map(|last| last.ts_ns),
            last.map(|last| last.seq),
            breaker.name(),
            openings as i64
        ])?;
    Ok(())
}

/// Sources whose breaker a person wants closed; asking takes the wish away.
pub fn take_resets(connection: &Connection) -> Sql<Vec<i64>> {
    let wanted: Vec<i64> = connection
        .prepare_cached("SELECT id FROM sources WHERE reset = 1")?
        .query_map([], |row| row.get(0))?
        .collect::<Sql<_>>()?;
    if !wanted.is_empty() {
        connection.execute("UPDATE sources SET reset = 0 WHERE reset = 1", [])?;
    }
    Ok(wanted)
}

/// Where a device was last.
pub fn save_place(connection: &Connection, device: i64, ts_ns: i64, place: Place) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT INTO places VALUES (?1, ?2, ?3, ?4) ON CONFLICT(device) DO UPDATE
             SET ts = excluded.ts, lat = excluded.lat, lon = excluded.lon WHERE excluded.ts >= ts",
        )?
        .execute(params![device, ts_ns, place.lat_deg, place.lon_deg])?;
    Ok(())
}

/// A bad line, on its way to the dead letters.
#[derive(Debug)]
pub struct NewDead<'a> {
    /// What tells it from any other.
    pub digest: [u8; 16],
    /// The row, when the line is one.
    pub row: Option<&'a Row>,
    /// Why.
    pub reason: Reason,
    /// What about it.
    pub detail: &'a str,
    /// The line as it came.
    pub line: &'a [u8],
    /// When, wall clock.
    pub at_ms: i64,
}

impl NewDead<'_> {
    /// Whether it is there already.
    pub fn is_known(&self, connection: &Connection, tally: &Tally) -> Sql<bool> {
        if tally.dead == 0 {
            return Ok(false);
        }
        connection
            .prepare_cached("SELECT 1 FROM dead WHERE digest = ?1")?
            .exists([self.digest])
    }

    /// To the dead letters.
    pub fn insert(&self, connection: &Connection, tally: &mut Tally) -> Sql<()> {
        let correlation: Option<Correlation> = self.row.map(|row| row.correlation);
        connection
            .prepare_cached(
                "INSERT INTO dead(digest, device, channel, ts, correlation, reason, detail, at_ms,
                                  attempts, line)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9)",
            )?
            .execute(params![
                self.digest,
                self.row.map(|row| row.key.device.as_str()),
                self.row.map(|row| row.channel.as_str()),
                self.row.map(|row| row.key.ts_ns),
                correlation.map(|own| own.0),
                self.reason.name(),
                self.detail,
                self.at_ms,
                self.line
            ])?;
        tally.dead += 1;
        Ok(())
    }
}

/// Removes the oldest dead letter, which the overflow policy gives up.
pub fn drop_oldest_dead(connection: &Connection, tally: &mut Tally) -> Sql<()> {
    let gone = connection
        .prepare_cached("DELETE FROM dead WHERE id = (SELECT min(id) FROM dead)")?
        .execute([])? as i64;
    tally.dead -= gone;
    tally.dead_dropped += gone;
    Ok(())
}

impl Store {
    /// Every source channel.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn sources(&self) -> Result<Vec<SourceRecord>, StoreError> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT s.id, d.name, c.name, s.device, s.channel, s.last_ts, s.last_seq, s.breaker,
                            s.openings
                     FROM sources s JOIN names d ON d.id = s.device JOIN names c ON c.id = s.channel
                     ORDER BY s.id",
                )?
                .query_map([], |row| {
                    let (ts_ns, seq): (Option<i64>, Option<i64>) = (row.get(5)?, row.get(6)?);
                    Ok(SourceRecord {
                        id: row.get(0)?,
                        device: row.get(1)?,
                        channel: row.get(2)?,
                        device_number: row.get(3)?,
                        channel_number: row.get(4)?,
                        last: ts_ns.zip(seq).map(|(ts_ns, seq)| LastRow { ts_ns, seq }),
                        closed: row.get::<_, String>(7)? == "closed",
                        openings: row.get(8)?,
                    })
                })?
                .collect()
        })
    }

    /// Where each device was last: number, time, place.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn places(&self) -> Result<Vec<(i64, i64, Place)>, StoreError> {
        self.read(|connection| {
            connection
                .prepare("SELECT device, ts, lat, lon FROM places")?
                .query_map([], |row| {
                    let place = Place {
                        lat_deg: row.get(2)?,
                        lon_deg: row.get(3)?,
                    };
                    Ok((row.get(0)?, row.get(1)?, place))
                })?
                .collect()
        })
    }

    /// Asks for breakers to be closed; the process that takes rows does it with its next commit.
    ///
    /// # Errors
    /// When the wish cannot be written.
    pub fn reset_breakers(
        &mut self,
        device: Option<&str>,
        channel: Option<&str>,
    ) -> Result<usize, StoreError> {
        self.transaction(|connection, _| {
            connection.execute(
                "UPDATE sources SET reset = 1 WHERE breaker <> 'closed'
                 AND (?1 IS NULL OR device = (SELECT id FROM names WHERE name = ?1))
                 AND (?2 IS NULL OR channel = (SELECT id FROM names WHERE name = ?2))",
                (device, channel),
            )
        })
    }

    /// A fresh cache of names.
    #[must_use]
    pub fn name_cache(&self) -> NameCache {
        NameCache::default()
    }
}
