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

mod judge;

use std::collections::HashMap;
use std::sync::Arc;

use crate::breaker::QualityBreaker;
use crate::check::Reason;
use crate::config::Config;
use crate::geofence::Place;
use crate::row::Name;
use crate::store::{Moment, NameCache, Store, StoreError, rows};
use judge::{Group, Judge, Source};

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

/// What a byte of a line takes on the disk before the log is copied: in the log, in the database, in an index.
const SPACE_PER_BYTE: u64 = 3;

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
        let bytes: usize = lines.iter().map(|line| line.as_ref().len()).sum();
        if !self
            .store
            .has_room(SPACE_PER_BYTE.saturating_mul(bytes as u64))
        {
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
