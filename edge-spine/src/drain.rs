//! Sending what waits, batch by batch, in order.
//!
//! One call of [`Drainer::round`] does one piece of work and says how long there is nothing to do. The
//! order of decisions:
//!
//! | situation | what happens |
//! |---|---|
//! | the transport breaker is open, or back-off runs | wait; rows stay in the buffer |
//! | batches under way (recovered, failed, halves) | prepared anew under their old id, and sent |
//! | rows wait | claimed and audited in one durable commit, then sent |
//! | the sink stored it | synced |
//! | the sink refuses it | withdrawn there, then split; a single row goes to the dead letters |
//! | nobody knows, the sink answers a ping, `suspect_after` attempts | the same: this batch is the trouble |
//! | nobody knows | attempts + 1, breaker told, tried again with the same id |

use std::sync::Arc;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::breaker::{BreakerState, TransportBreaker};
use crate::config::{Config, millis};
use crate::geofence::Fence;
use crate::sink::{Sink, SinkError, Withdrawal};
use crate::store::{Batch, Moment, Outgoing, Settlement, Store, StoreError};

/// What a round did.
#[derive(Debug, Clone, PartialEq)]
pub enum Round {
    /// Batches were settled; there may be more to do at once.
    Sent {
        /// Rows that the sink has now.
        rows: i64,
    },
    /// Nothing waits.
    Idle,
    /// An attempt failed, or may not be made yet.
    Waiting {
        /// How long.
        wait: Duration,
        /// What the sink said.
        error: String,
        /// Whether a person has to act.
        needs_person: bool,
    },
}

/// The one that sends.
pub struct Drainer {
    store: Store,
    config: Arc<Config>,
    fence: Option<Fence>,
    sink: Box<dyn Sink + Send>,
    breaker: TransportBreaker,
    backoff: Backoff,
    not_before_ms: u64,
    last_error: String,
}

impl std::fmt::Debug for Drainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drainer")
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

impl Drainer {
    /// Sends from `store` to `sink`; recovery of half-drained batches is part of it.
    ///
    /// # Errors
    /// When the database cannot be changed.
    pub fn new(
        mut store: Store,
        config: Arc<Config>,
        fence: Option<Fence>,
        sink: Box<dyn Sink + Send>,
        seed: u64,
    ) -> Result<Self, StoreError> {
        store.with_reserve(Store::recover_incomplete_batches)?;
        let drain = config.drain;
        let [least, most] = drain.backoff_s.map(Duration::from_secs_f64);
        Ok(Self {
            store,
            fence,
            sink,
            breaker: TransportBreaker::new(drain.failures, millis(drain.cool_down_s)),
            backoff: Backoff::new(least, most, seed),
            not_before_ms: 0,
            last_error: String::new(),
            config,
        })
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The sink's breaker.
    #[must_use]
    pub fn breaker(&self) -> &TransportBreaker {
        &self.breaker
    }

    /// One piece of work.
    ///
    /// # Errors
    /// When the database cannot be used; nothing is lost, and the next opening goes on.
    pub fn round(&mut self, clock: &mut dyn FnMut() -> Moment) -> Result<Round, StoreError> {
        self.make_room()?;
        let now = clock();
        if let Some(wait) = self.must_wait(now) {
            return Ok(wait);
        }
        let Some(batches) = self.next_batches(now)? else {
            return Ok(Round::Idle);
        };
        let (settled, rows, failed) = self.send(batches, clock);
        let now = clock();
        self.settle(&settled, now)?;
        match failed {
            None => Ok(Round::Sent { rows }),
            Some(error) => {
                let needs_person = self.last_error_needs_person();
                let wait =
                    Duration::from_millis(self.not_before_ms.saturating_sub(now.monotonic_ms));
                Ok(Round::Waiting {
                    wait,
                    error,
                    needs_person,
                })
            }
        }
    }

    fn must_wait(&mut self, now: Moment) -> Option<Round> {
        let until = match self.breaker.state {
            BreakerState::Open { until_ms } => until_ms.max(self.not_before_ms),
            BreakerState::Closed | BreakerState::Probing { .. } => self.not_before_ms,
        };
        if now.monotonic_ms < until {
            return Some(Round::Waiting {
                wait: Duration::from_millis(until - now.monotonic_ms),
                error: self.last_error.clone(),
                needs_person: self.last_error_needs_person(),
            });
        }
        self.breaker.allows(now.monotonic_ms);
        None
    }

    fn last_error_needs_person(&self) -> bool {
        self.last_error.starts_with(NEEDS_PERSON)
    }

    /// What to send next: what is under way, else what waits.
    fn next_batches(&mut self, now: Moment) -> Result<Option<Vec<Outgoing>>, StoreError> {
        let drain = self.config.drain;
        // A sink that may be in trouble is tried with one batch.
        let in_trouble = self.breaker.state != BreakerState::Closed || !self.last_error.is_empty();
        let burst = if in_trouble { 1 } else { drain.burst };
        let old = self.store.under_way(burst)?;
        let fence = self.fence.as_ref();
        if !old.is_empty() {
            let prepared = self
                .store
                .with_reserve(|store| store.prepare(old.clone(), fence, now))?;
            return Ok(Some(prepared));
        }
        let claimed = self
            .store
            .with_reserve(|store| store.claim(drain.batch_rows, burst, fence, now))?;
        Ok((!claimed.is_empty()).then_some(claimed))
    }

    /// Sends batches: how each ended of which that is known, how many rows arrived, and the error that stopped it.
    fn send(
        &mut self,
        batches: Vec<Outgoing>,
        clock: &mut dyn FnMut() -> Moment,
    ) -> (Vec<(Batch, Settlement)>, i64, Option<String>) {
        let answers = self.sink.deliver_all(&batches);
        let mut settled = Vec::with_capacity(batches.len());
        let (mut rows, mut stopped, mut failed) = (0, false, None);
        for (outgoing, answer) in batches.into_iter().zip(answers) {
            let is_stored = answer.is_ok();
            // Behind the first failure only what arrived is settled; the rest stays under way, in order, and is
            // prepared anew.
            let settlement = match (stopped, answer) {
                (true, Ok(())) => Settlement::Stored,
                (true, Err(_)) => continue,
                (false, answer) => self.judge(&outgoing, answer, clock),
            };
            if settlement == Settlement::Stored {
                rows += outgoing.batch.rows;
            }
            if let Settlement::Failed(_) = settlement {
                failed = Some(self.last_error.clone());
            }
            stopped |= !is_stored;
            settled.push((outgoing.batch, settlement));
        }
        (settled, rows, failed)
    }

    /// What an answer means for its batch.
    fn judge(
        &mut self,
        outgoing: &Outgoing,
        answer: Result<(), SinkError>,
        clock: &mut dyn FnMut() -> Moment,
    ) -> Settlement {
        match answer {
            Ok(()) => {
                self.reached();
                Settlement::Stored
            }
            Err(SinkError::Refused(why)) => self.withdraw(&outgoing.batch, why, clock),
            Err(SinkError::Configuration(why)) => {
                self.unreached(format!("{NEEDS_PERSON}{why}"), clock().monotonic_ms)
            }
            Err(SinkError::Unreachable(why)) => {
                let suspect = outgoing.batch.attempts + 1 >= self.config.drain.suspect_after;
                if suspect && self.sink.ping().is_ok() {
                    return self.withdraw(&outgoing.batch, why, clock);
                }
                self.unreached(why, clock().monotonic_ms)
            }
        }
    }

    /// Takes a batch back that the sink does not want, so that its rows may go under other ids.
    fn withdraw(
        &mut self,
        batch: &Batch,
        why: String,
        clock: &mut dyn FnMut() -> Moment,
    ) -> Settlement {
        match self.sink.withdraw(batch.id) {
            Ok(Withdrawal::Withdrawn) => {
                self.reached();
                Settlement::Withdrawn(why)
            }
            Ok(Withdrawal::WasStored) => {
                self.reached();
                Settlement::Stored
            }
            Err(error) => self.unreached(error.to_string(), clock().monotonic_ms),
        }
    }

    fn reached(&mut self) {
        self.breaker.succeeded();
        self.backoff.succeeded();
        self.not_before_ms = 0;
        self.last_error.clear();
    }

    fn unreached(&mut self, error: String, now_ms: u64) -> Settlement {
        self.breaker.failed(now_ms);
        let wait = u64::try_from(self.backoff.failed().as_millis()).unwrap_or(u64::MAX);
        self.not_before_ms = match self.breaker.state {
            // The cool-down is wait enough: back-off on top of it would delay the healing.
            BreakerState::Open { until_ms } => until_ms,
            BreakerState::Closed | BreakerState::Probing { .. } => now_ms.saturating_add(wait),
        };
        self.last_error = error.clone();
        Settlement::Failed(error)
    }

    /// Writes down what was sent, and removes delivered rows beyond what is kept.
    fn settle(&mut self, settled: &[(Batch, Settlement)], now: Moment) -> Result<(), StoreError> {
        let max_dead = self.config.dead_letters.max_rows;
        let (retain, history) = (self.config.buffer.retain_rows, self.config.drain.history);
        if self.store.is_roomy() {
            let done = self
                .store
                .settle_and_prune(settled, max_dead, now, retain, history);
            match done {
                Err(error) if error.is_full() => {}
                done => return done,
            }
        }
        // On a full disk step by step.
        self.store
            .with_reserve(|store| store.settle(settled, max_dead, now))?;
        self.make_room()
    }

    /// On a disk that is nearly full nothing is kept that was delivered. That must not wait for a batch to
    /// leave: the intake takes no row before there is room, and without rows nothing leaves.
    fn make_room(&mut self) -> Result<(), StoreError> {
        if !self.store.is_roomy() {
            self.store.make_room(self.config.drain.history)?;
        }
        Ok(())
    }
}

/// How an error begins that time will not mend.
const NEEDS_PERSON: &str = "configuration: ";
