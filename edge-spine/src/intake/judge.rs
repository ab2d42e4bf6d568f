//! One transaction of an intake: what becomes of each line of a group.

use std::collections::HashMap;

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::{Receipt, Refusal};
use crate::breaker::{BreakerState, Flow, QualityBreaker};
use crate::check::{self, LastRow, Objection, Reason};
use crate::config::{Config, Overflow};
use crate::geofence::{Place, place_of};
use crate::row::{Name, Row, first_16};
use crate::store::rows::{self, KnownRow, NewDead, NewRow};
use crate::store::{Moment, NameCache, Tally};

/// Most source channels (device and channel) of a store.
const MAX_SOURCES: usize = 10_000;
/// Bytes of an oversized line that are kept.
const OVERSIZED_KEPT: usize = 4096;

#[derive(Debug)]
pub(super) struct Source {
    pub(super) id: i64,
    pub(super) device: i64,
    pub(super) channel: i64,
    pub(super) last: Option<LastRow>,
    pub(super) breaker: QualityBreaker,
    pub(super) changed: bool,
}

/// What a row's source is known by.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: i64,
    device: i64,
    channel: i64,
    last: Option<LastRow>,
}

/// What one transaction works with.
pub(super) struct Group<'a> {
    pub(super) connection: &'a Connection,
    pub(super) tally: &'a mut Tally,
    pub(super) store: [u8; 16],
    /// Rows of batches under way, which the buffer's limit counts.
    pub(super) under_way: i64,
    pub(super) now: Moment,
}

/// The parts of an intake that one transaction changes, beside the store.
pub(super) struct Judge<'a> {
    pub(super) config: &'a Config,
    pub(super) names: &'a mut NameCache,
    pub(super) sources: &'a mut HashMap<Name, HashMap<Name, Source>>,
    pub(super) count: &'a mut usize,
    pub(super) places: &'a mut HashMap<i64, (i64, Place)>,
}

type Sql<T> = rusqlite::Result<T>;

impl Judge<'_> {
    pub(super) fn apply_resets(&mut self, group: &mut Group<'_>) -> Sql<()> {
        let wanted = rows::take_resets(group.connection)?;
        for source in self.sources.values_mut().flat_map(HashMap::values_mut) {
            if wanted.contains(&source.id) {
                source.breaker.close();
                source.changed = true;
                rows::release(group.connection, group.tally, source.id)?;
            }
        }
        Ok(())
    }

    pub(super) fn tick(&mut self, group: &mut Group<'_>) -> Sql<()> {
        let limits = self.config.breaker.limits();
        for source in self.sources.values_mut().flat_map(HashMap::values_mut) {
            if source.breaker.state == BreakerState::Closed {
                continue;
            }
            let before = source.breaker.state;
            if source.breaker.tick(limits, group.now.monotonic_ms) {
                rows::release(group.connection, group.tally, source.id)?;
            }
            source.changed |= source.breaker.state != before;
        }
        Ok(())
    }

    pub(super) fn save(&mut self, group: &Group<'_>) -> Sql<()> {
        for source in self.sources.values_mut().flat_map(HashMap::values_mut) {
            if source.changed {
                let breaker = &source.breaker;
                rows::save_source(
                    group.connection,
                    source.id,
                    source.last,
                    breaker.state,
                    breaker.openings,
                )?;
                source.changed = false;
                if let Some((ts_ns, place)) = self.places.get(&source.device) {
                    rows::save_place(group.connection, source.device, *ts_ns, *place)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn line(&mut self, group: &mut Group<'_>, line: &[u8]) -> Sql<Receipt> {
        if let Some(why) = self.no_room(group, line.len())? {
            return Ok(Receipt::Refused(why));
        }
        if line.len() > self.config.buffer.max_row_bytes {
            let most = self.config.buffer.max_row_bytes;
            let detail = format!(
                "{} bytes, at most {most} are allowed; the beginning is kept",
                line.len()
            );
            let digest = first_16(&Sha256::digest(line));
            let kept = &line[..line.len().min(OVERSIZED_KEPT)];
            return self.bury(
                group,
                None,
                Objection::new(Reason::Oversized, detail),
                kept,
                digest,
            );
        }
        let row = std::str::from_utf8(line)
            .map_err(|_| "not UTF-8".to_owned())
            .and_then(|text| Row::parse(text).map_err(|error| error.0));
        let row = match row {
            Ok(row) => row,
            Err(why) => {
                let digest = first_16(&Sha256::digest(line));
                return self.bury(
                    group,
                    None,
                    Objection::new(Reason::Malformed, why),
                    line,
                    digest,
                );
            }
        };
        self.row(group, &row, line)
    }

    fn row(&mut self, group: &mut Group<'_>, row: &Row, line: &[u8]) -> Sql<Receipt> {
        let digest = first_16(&Sha256::digest(row.to_line()));
        let Some(Known {
            id,
            device,
            channel,
            last,
        }) = self.source(group, row)?
        else {
            let why = format!("more than {MAX_SOURCES} channels of devices");
            return self.bury(
                group,
                Some(row),
                Objection::new(Reason::UnknownChannel, why),
                line,
                digest,
            );
        };
        let payload = row.fields.to_json();
        let own_place = place_of(&row.fields);
        let place = own_place.or_else(|| self.place_near(device, row.key.ts_ns));
        let new = NewRow {
            row,
            device,
            channel,
            payload: &payload,
            place,
            at_ms: group.now.wall_ms,
        };
        let known = new.known(group.connection, group.tally)?;
        if known == KnownRow::Same {
            group.tally.duplicates += 1;
            return Ok(Receipt::Duplicate);
        }
        let rules = self.config.channels.get(row.channel.as_str());
        let judged = match known {
            KnownRow::Other => Err(Objection::new(Reason::Conflict, "the key of another row")),
            _ => check::content(row, self.config).and_then(|()| check::order(row, last, rules)),
        };
        // A good row may lie in the dead letters as well, from before the rules were widened.
        let nothing = Objection::new(Reason::Malformed, "");
        let letter = dead(
            row,
            judged.as_ref().err().unwrap_or(&nothing),
            line,
            digest,
            group.now,
        );
        if letter.is_known(group.connection, group.tally)? {
            group.tally.duplicates += 1;
            return Ok(Receipt::Duplicate);
        }
        match judged {
            Err(objection) => {
                group.tally.conflicts += i64::from(objection.reason == Reason::Conflict);
                self.judged(group, row, false)?;
                self.bury(group, Some(row), objection, line, digest)
            }
            Ok(gap) => {
                group.tally.gaps += i64::from(gap);
                if let Some(place) = own_place {
                    self.moved(device, row.key.ts_ns, place);
                }
                self.accept(group, &new, id)
            }
        }
    }

    /// A good row: into the buffer, or beside it while its channel's breaker is open.
    fn accept(&mut self, group: &mut Group<'_>, new: &NewRow<'_>, source: i64) -> Sql<Receipt> {
        group.tally.inserts += 1;
        let (flow, release) = self.judged(group, new.row, true)?;
        let receipt = match flow {
            // What is held is good: at the limit it goes on rather than stop the source.
            Flow::Hold if group.tally.held >= self.config.breaker.max_held_rows => {
                rows::release(group.connection, group.tally, source)?;
                new.insert(group.connection, group.tally)?;
                Receipt::Accepted
            }
            Flow::Hold => {
                new.hold(group.connection, group.tally, source)?;
                Receipt::Held
            }
            Flow::Pass | Flow::DeadLetter => {
                new.insert(group.connection, group.tally)?;
                Receipt::Accepted
            }
        };
        if release {
            rows::release(group.connection, group.tally, source)?;
        }
        Ok(receipt)
    }

    /// Whether there is room for one more line of so many bytes, whatever becomes of it.
    fn no_room(&self, group: &mut Group<'_>, length: usize) -> Sql<Option<Refusal>> {
        let buffer = &self.config.buffer;
        // Numbers may be written longer than they came; the limit is exact but for that.
        let most = rows::ROW_OVERHEAD_BYTES.saturating_add(length as i64);
        let full = |tally: &Tally| {
            if tally.pending() + group.under_way + tally.held >= buffer.max_rows {
                Some(Refusal::Rows)
            } else if tally.bytes.saturating_add(most) > buffer.max_bytes {
                Some(Refusal::Bytes)
            } else {
                None
            }
        };
        if let Some(why) = full(group.tally) {
            if buffer.overflow == Overflow::Refuse {
                return Ok(Some(why));
            }
            // A hundredth at a time, or every row would pay for a removal of its own.
            let wanted = (buffer.max_rows / 100).clamp(1, 10_000);
            let gone =
                group
                    .tally
                    .drop_oldest(group.connection, &group.store, wanted, group.now)?;
            if gone == 0 {
                return Ok(Some(why));
            }
        }
        let letters = &self.config.dead_letters;
        let refuses = letters.overflow == Overflow::Refuse && group.tally.dead >= letters.max_rows;
        Ok(refuses.then_some(Refusal::DeadLetters))
    }

    fn bury(
        &self,
        group: &mut Group<'_>,
        row: Option<&Row>,
        objection: Objection,
        line: &[u8],
        digest: [u8; 16],
    ) -> Sql<Receipt> {
        let letter = NewDead {
            digest,
            row,
            reason: objection.reason,
            detail: &objection.detail,
            line,
            at_ms: group.now.wall_ms,
        };
        if letter.is_known(group.connection, group.tally)? {
            group.tally.duplicates += 1;
            return Ok(Receipt::Duplicate);
        }
        if group.tally.dead >= self.config.dead_letters.max_rows {
            rows::drop_oldest_dead(group.connection, group.tally)?;
        }
        letter.insert(group.connection, group.tally)?;
        group.tally.inserts += 1;
        Ok(Receipt::DeadLettered(objection.reason))
    }

    /// The source of a row, new if there is room: its number, its names' numbers, its last row.
    fn source(&mut self, group: &Group<'_>, row: &Row) -> Sql<Option<Known>> {
        let known = self
            .sources
            .get(&row.key.device)
            .and_then(|own| own.get(&row.channel));
        if let Some(source) = known {
            return Ok(Some(Known {
                id: source.id,
                device: source.device,
                channel: source.channel,
                last: source.last,
            }));
        }
        if *self.count >= MAX_SOURCES {
            return Ok(None);
        }
        let device = self
            .names
            .number(group.connection, row.key.device.as_str())?;
        let channel = self.names.number(group.connection, row.channel.as_str())?;
        let id = rows::source_number(group.connection, device, channel)?;
        let breaker = QualityBreaker::default();
        let source = Source {
            id,
            device,
            channel,
            last: None,
            breaker,
            changed: true,
        };
        self.sources
            .entry(row.key.device.clone())
            .or_default()
            .insert(row.channel.clone(), source);
        *self.count += 1;
        Ok(Some(Known {
            id,
            device,
            channel,
            last: None,
        }))
    }

    /// Tells the row's breaker, and keeps the row as the last good one.
    fn judged(&mut self, group: &Group<'_>, row: &Row, good: bool) -> Sql<(Flow, bool)> {
        let limits = self.config.breaker.limits();
        let source = self
            .sources
            .get_mut(&row.key.device)
            .and_then(|own| own.get_mut(&row.channel));
        let Some(source) = source else {
            return Ok((Flow::Pass, false));
        };
        source.changed = true;
        if good {
            source.last = Some(LastRow {
                ts_ns: row.key.ts_ns,
                seq: row.key.seq,
            });
        }
        let ruling = source.breaker.row(good, limits, group.now.monotonic_ms);
        Ok((ruling.flow, ruling.release))
    }

    fn place_near(&self, device: i64, ts_ns: i64) -> Option<Place> {
        let (at_ns, place) = self.places.get(&device)?;
        let age_s = ts_ns.abs_diff(*at_ns) as f64 / 1e9;
        (age_s <= self.config.checks.max_position_age_s).then_some(*place)
    }

    fn moved(&mut self, device: i64, ts_ns: i64, place: Place) {
        let own = self.places.entry(device).or_insert((ts_ns, place));
        if ts_ns >= own.0 {
            *own = (ts_ns, place);
        }
    }
}

fn dead<'a>(
    row: &'a Row,
    objection: &'a Objection,
    line: &'a [u8],
    digest: [u8; 16],
    now: Moment,
) -> NewDead<'a> {
    NewDead {
        digest,
        row: Some(row),
        reason: objection.reason,
        detail: &objection.detail,
        line,
        at_ms: now.wall_ms,
    }
}
