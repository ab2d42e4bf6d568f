//! Taking rows: every line is judged, and one durable commit later acknowledged.
//!
//! | the line | receipt | where it is |
//! |---|---|---|
//! | good, its channel is sound | accepted | the buffer |
//! | good, its channel's breaker is open | held | beside the buffer, until the breaker closes |
//! | bad | dead-lettered, with the reason | the dead letters |
//! | the same row again | duplicate | where it was |
//! | the key of another row | dead-lettered: conflict | the dead letters |
//! | no room, and the policy is to refuse | refused | nowhere: the source keeps it |
//!
//! A receipt is given after the commit, never before. After a refused line every further line of the
//! group is refused as well, so that order is kept.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::breaker::{BreakerState, Flow, QualityBreaker};
use crate::check::{self, LastRow, Objection, Reason};
use crate::config::{Config, Overflow};
use crate::geofence::{Place, place_of};
use crate::row::{Name, Row, first_16};
use crate::store::rows::{self, KnownRow, NewDead, NewRow};
use crate::store::{Moment, NameCache, Store, StoreError, Tally};

/// Most source channels (device and channel) of a store.
const MAX_SOURCES: usize = 10_000;
/// Bytes of an oversized line that are kept.
const OVERSIZED_KEPT: usize = 4096;

/// What happened to a line; durable when the caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// In the buffer.
    Accepted,
    /// Beside the buffer.
    Held,
    /// It was there already.
    Duplicate,
    /// In the dead letters.
    DeadLettered(Reason),
    /// Not taken.
    Refused(Refusal),
}

/// Why a line was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `buffer.max_rows` rows are waiting.
    Rows,
    /// `buffer.max_bytes` bytes are in the buffer.
    Bytes,
    /// `dead_letters.max_rows` dead letters, and the policy is to refuse.
    DeadLetters,
    /// The file system has less than `buffer.min_free_bytes` free, or is full.
    Disk,
}

impl Refusal {
    /// What to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Rows => "buffer.max_rows rows wait; let them drain or raise the limit",
            Self::Bytes => "the buffer holds buffer.max_bytes; let it drain or raise the limit",
            Self::DeadLetters => {
                "dead_letters.max_rows dead letters; `spine dlq reprocess` or raise the limit"
            }
            Self::Disk => "the disk is nearly full; free space on it",
        }
    }
}

/// The one that takes rows.
#[derive(Debug)]
pub struct Intake {
    store: Store,
    config: Arc<Config>,
    names: NameCache,
    sources: HashMap<Name, HashMap<Name, Source>>,
    count: usize,
    places: HashMap<i64, (i64, Place)>,
}

#[derive(Debug)]
struct Source {
    id: i64,
    device: i64,
    channel: i64,
    last: Option<LastRow>,
    breaker: QualityBreaker,
    changed: bool,
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
struct Group<'a> {
    connection: &'a Connection,
    tally: &'a mut Tally,
    store: [u8; 16],
    /// Rows of batches under way, which the buffer's limit counts.
    under_way: i64,
    now: Moment,
}

impl Intake {
    /// Takes rows into `store`, judging by `config`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn new(store: Store, config: Arc<Config>, now: Moment) -> Result<Self, StoreError> {
        let mut intake = Self {
            store,
            config,
            names: NameCache::default(),
            sources: HashMap::new(),
            count: 0,
            places: HashMap::new(),
        };
        intake.reload(now)?;
        Ok(intake)
    }

    /// The rules from now on.
    pub fn set_config(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Takes lines (without their newline): one durable commit, one receipt each, in order.
    ///
    /// # Errors
    /// When the database is damaged or cannot be used; nothing was taken, and nothing may be acknowledged.
    pub fn commit<L: AsRef<[u8]>>(
        &mut self,
        lines: &[L],
        now: Moment,
    ) -> Result<Vec<Receipt>, StoreError> {
        if self.store.free_bytes() < self.config.buffer.min_free_bytes {
            return Ok(vec![Receipt::Refused(Refusal::Disk); lines.len()]);
        }
        let Self {
            store,
            config,
            names,
            sources,
            count,
            places,
        } = self;
        let id = store.id();
        let mut judge = Judge {
            config,
            names,
            sources,
            count,
            places,
        };
        let done = store.transaction(|connection, tally| {
            let under_way = rows::under_way(connection)?;
            let mut group = Group {
                connection,
                tally,
                store: id,
                under_way,
                now,
            };
            judge.apply_resets(&mut group)?;
            judge.tick(&mut group)?;
            let mut receipts = Vec::with_capacity(lines.len());
            for line in lines {
                if let Some(Receipt::Refused(why)) = receipts.last() {
                    let why = *why;
                    receipts.push(Receipt::Refused(why));
                    continue;
                }
                receipts.push(judge.line(&mut group, line.as_ref())?);
            }
            judge.save(&group)?;
            Ok(receipts)
        });
        match done {
            Ok(receipts) => Ok(receipts),
            Err(error) => {
                self.reload(now)?;
                if error.is_full() {
                    return Ok(vec![Receipt::Refused(Refusal::Disk); lines.len()]);
                }
                if error.is_damage() {
                    self.store.mark_suspect();
                }
                Err(error)
            }
        }
    }

    /// Time passes without rows: breakers cool down, and what they held is re-injected.
    ///
    /// # Errors
    /// As [`Intake::commit`].
    pub fn tick(&mut self, now: Moment) -> Result<(), StoreError> {
        self.commit::<&[u8]>(&[], now).map(|_| ())
    }

    /// From disk again, as after a restart.
    fn reload(&mut self, now: Moment) -> Result<(), StoreError> {
        self.names.clear();
        self.sources.clear();
        self.count = 0;
        for record in self.store.sources()? {
            let (Some(device), Some(channel)) =
                (Name::new(&record.device), Name::new(&record.channel))
            else {
                continue;
            };
            let openings = u64::try_from(record.openings).unwrap_or(0);
            let source = Source {
                id: record.id,
                device: record.device_number,
                channel: record.channel_number,
                last: record.last,
                breaker: QualityBreaker::restored(record.closed, openings, now.monotonic_ms),
                changed: false,
            };
            self.sources
                .entry(device)
                .or_default()
                .insert(channel, source);
            self.count += 1;
        }
        self.places = self
            .store
            .places()?
            .into_iter()
            .map(|(d, ts, place)| (d, (ts, place)))
            .collect();
        Ok(())
    }
}

/// The parts of an intake that one transaction changes, beside the store.
struct Judge<'a> {
    config: &'a Config,
    names: &'a mut NameCache,
    sources: &'a mut HashMap<Name, HashMap<Name, Source>>,
    count: &'a mut usize,
    places: &'a mut HashMap<i64, (i64, Place)>,
}

type Sql<T> = rusqlite::Result<T>;

impl Judge<'_> {
    fn apply_resets(&mut self, group: &mut Group<'_>) -> Sql<()> {
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

    fn tick(&mut self, group: &mut Group<'_>) -> Sql<()> {
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

    fn save(&mut self, group: &Group<'_>) -> Sql<()> {
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

    fn line(&mut self, group: &mut Group<'_>, line: &[u8]) -> Sql<Receipt> {
        if let Some(why) = self.no_room(group)? {
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
        match judged {
            Err(objection) => {
                let letter = dead(row, &objection, line, digest, group.now);
                if letter.is_known(group.connection, group.tally)? {
                    group.tally.duplicates += 1;
                    return Ok(Receipt::Duplicate);
                }
                if objection.reason == Reason::Conflict {
                    group.tally.conflicts += 1;
                }
                self.judged(group, row, false)?;
                self.bury(group, Some(row), objection, line, digest)
            }
            Ok(gap) => {
                let anything = Objection::new(Reason::Malformed, "");
                let letter = dead(row, &anything, line, digest, group.now);
                if letter.is_known(group.connection, group.tally)? {
                    group.tally.duplicates += 1;
                    return Ok(Receipt::Duplicate);
                }
                group.tally.gaps += i64::from(gap);
                group.tally.inserts += 1;
                if let Some(place) = own_place {
                    self.moved(device, row.key.ts_ns, place);
                }
                let (flow, release) = self.judged(group, row, true)?;
                let receipt = match flow {
                    // What is held is good: at the limit it goes on rather than stop the source.
                    Flow::Hold if group.tally.held >= self.config.breaker.max_held_rows => {
                        rows::release(group.connection, group.tally, id)?;
                        new.insert(group.connection, group.tally)?;
                        Receipt::Accepted
                    }
                    Flow::Hold => {
                        new.hold(group.connection, group.tally, id)?;
                        Receipt::Held
                    }
                    Flow::Pass | Flow::DeadLetter => {
                        new.insert(group.connection, group.tally)?;
                        Receipt::Accepted
                    }
                };
                if release {
                    rows::release(group.connection, group.tally, id)?;
                }
                Ok(receipt)
            }
        }
    }

    /// Whether there is room for one more line, whatever becomes of it.
    fn no_room(&self, group: &mut Group<'_>) -> Sql<Option<Refusal>> {
        let buffer = &self.config.buffer;
        let full = |tally: &Tally| {
            if tally.pending() + group.under_way + tally.held >= buffer.max_rows {
                Some(Refusal::Rows)
            } else if tally.bytes >= buffer.max_bytes {
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
