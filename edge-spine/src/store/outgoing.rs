//! What leaves: the rows of a batch as the geofence shows them, audited before they go.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::batches::Batch;
use super::{Moment, Sql, Tally, audit};
use crate::audit::{Checkpoint, Entry, Signer};
use crate::batch::RowRange;
use crate::geofence::{Decision, Disclosed, Fence, Place, Policy};
use crate::row::{Correlation, line_of};

/// A row as it leaves.
#[derive(Debug, Clone)]
pub struct OutgoingRow {
    /// Device, or its pseudonym.
    pub device: String,
    /// Time, nanoseconds since 1970.
    pub ts_ns: i64,
    /// The source's counter.
    pub seq: i64,
    /// Channel.
    pub channel: String,
    /// What follows it everywhere.
    pub correlation: Correlation,
    /// The fields as JSON.
    pub fields: String,
    /// When it came in, wall clock, milliseconds; it stays here.
    pub at_ms: i64,
}

impl OutgoingRow {
    /// The row as a line of JSON.
    #[must_use]
    pub fn line(&self) -> String {
        line_of(
            &self.device,
            self.ts_ns,
            self.seq,
            &self.channel,
            &self.correlation,
            &self.fields,
        )
    }
}

/// A batch with everything that leaves.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The batch.
    pub batch: Batch,
    /// Its rows.
    pub rows: Vec<OutgoingRow>,
    /// The rows as lines, each with its newline.
    pub body: String,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
    /// Size and head of the audit log that speaks of it.
    pub checkpoint: Checkpoint,
}

/// What a claim needs to know.
pub(super) struct Maker<'a> {
    pub(super) store: [u8; 16],
    pub(super) signer: &'a Signer,
    pub(super) fence: Option<&'a Fence>,
    pub(super) now: Moment,
}

/// Reads the rows of a batch, decides what may be said, and audits that.
pub(super) fn make(
    connection: &Connection,
    tally: &mut Tally,
    maker: &Maker<'_>,
    names: &HashMap<i64, String>,
    batch: Batch,
) -> Sql<Outgoing> {
    let (rows, decisions) = disclosed(connection, batch.range, maker.fence, names)?;
    let mut body = String::new();
    for row in &rows {
        body.push_str(&row.line());
        body.push('\n');
    }
    let digest: [u8; 32] = Sha256::digest(&body).into();
    let checkpoint = vouch(connection, tally, maker, &batch, &decisions, digest)?;
    Ok(Outgoing {
        batch,
        rows,
        body,
        digest,
        checkpoint,
    })
}

/// The rows of a range as they may leave, and how many left under which decision.
pub(super) fn disclosed(
    connection: &Connection,
    range: RowRange,
    fence: Option<&Fence>,
    names: &HashMap<i64, String>,
) -> Sql<(Vec<OutgoingRow>, BTreeMap<Decision, i64>)> {
    let mut rows = Vec::new();
    let mut decisions: BTreeMap<Decision, i64> = BTreeMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT device, ts, seq, channel, correlation, lat, lon, payload, at_ms FROM rows
         WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    )?;
    let mut found = statement.query([range.first, range.last])?;
    while let Some(row) = found.next()? {
        let name = |column: usize| -> Sql<&str> {
            let number: i64 = row.get(column)?;
            let known = names.get(&number).map(String::as_str);
            known.ok_or(rusqlite::Error::IntegralValueOutOfRange(column, number))
        };
        let (lat_deg, lon_deg): (Option<f64>, Option<f64>) = (row.get(5)?, row.get(6)?);
        let place = lat_deg
            .zip(lon_deg)
            .map(|(lat_deg, lon_deg)| Place { lat_deg, lon_deg });
        let fields = row.get_ref(7)?.as_str()?;
        let own = Correlation(row.get(4)?);
        let (decision, shown) = match fence {
            None => {
                let shown = Disclosed {
                    device: name(0)?.to_owned(),
                    correlation: own,
                    fields: fields.to_owned(),
                };
                (no_fence(), shown)
            }
            Some(fence) => {
                let decision = fence.decide(place);
                let shown = fence.disclose(decision.policy, name(0)?, own, fields);
                (decision, shown)
            }
        };
        *decisions.entry(decision).or_default() += 1;
        rows.push(OutgoingRow {
            device: shown.device,
            ts_ns: row.get(1)?,
            seq: row.get(2)?,
            channel: name(3)?.to_owned(),
            correlation: shown.correlation,
            fields: shown.fields,
            at_ms: row.get(8)?,
        });
    }
    Ok((rows, decisions))
}

fn no_fence() -> Decision {
    Decision {
        jurisdiction: "none".into(),
        zone: "no_fence".into(),
        policy: Policy::Full,
    }
}

/// Audits what leaves, unless exactly this was audited before; returns the batch's checkpoint.
fn vouch(
    connection: &Connection,
    tally: &mut Tally,
    maker: &Maker<'_>,
    batch: &Batch,
    decisions: &BTreeMap<Decision, i64>,
    digest: [u8; 32],
) -> Sql<Checkpoint> {
    let known = connection
        .prepare_cached(
            "SELECT audit_size, audit_head, audit_signature FROM batches WHERE n = ?1 AND digest = ?2",
        )?
        .query_row(params![batch.number, digest], |row| {
            Ok(Checkpoint {
                size: row.get(0)?,
                head: row.get(1)?,
                public_key: maker.signer.public_key(),
                signature: row.get(2)?,
            })
        })
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let mut head = audit::head(connection, tally.audit_size)?;
    for (decision, rows) in decisions {
        let entry = Entry {
            number: tally.audit_size + 1,
            at_ms: maker.now.wall_ms,
            batch: batch.id,
            jurisdiction: decision.jurisdiction.clone(),
            zone: decision.zone.clone(),
            policy: decision.policy,
            rows: *rows,
            digest,
        };
        head = entry.chained(&head);
        audit::append(connection, tally, &entry, &head)?;
    }
    let checkpoint = maker.signer.checkpoint(tally.audit_size, &head);
    connection
        .prepare_cached(
            "UPDATE batches SET digest = ?2, audit_size = ?3, audit_head = ?4, audit_signature = ?5
             WHERE n = ?1",
        )?
        .execute(params![
            batch.number,
            digest,
            checkpoint.size,
            checkpoint.head,
            checkpoint.signature
        ])?;
    Ok(checkpoint)
}
