//! Telling an OpenTelemetry collector on the ground what became of every row (feature `otel`).
//!
//! A row's correlation id is its trace id, so that a trace begun here goes on in whatever reads the stream.
//! It is read from the store after the fact: neither intake nor drain waits for a collector, and a vehicle
//! that was built without the feature has no code for it. OTLP over HTTP in its JSON form, which needs
//! nothing beyond the client that the sinks have.
//!
//! | span | from | to | attributes |
//! |---|---|---|---|
//! | `row` | taken | durable at the sink | device, channel, time and counter, as they left |
//! | `deliver`, its child | claimed into a batch | durable at the sink | batch id, failed attempts |
//! | `dead_letter` | taken | taken | reason; status *error* |
//!
//! The geofence holds: a pseudonym's trace id is the pseudonymous correlation id that left with the row,
//! and a dead letter, which never left, is told under the strictest policy. What was told is kept in
//! `otel.json` beside the store once the collector has it; after a crash in between spans are told again
//! under the same ids. Rows that were removed before they could be told are counted. A dead letter that
//! takes the number of one reprocessed meanwhile is not told.

mod collector;
mod spans;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use collector::{Collector, CollectorError};
pub use spans::{Told, request};

use crate::geofence::Fence;
use crate::store::{Store, StoreError, TraceCursor};

/// Batches of one request: at most 2,000 rows of the default size, some 2 MB.
const STEP_BATCHES: usize = 4;
/// Dead letters of one request.
const STEP_DEAD: usize = 1_000;

/// What was told so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Up to where.
    pub cursor: TraceCursor,
    /// The sum of it.
    pub told: Told,
    /// Rows that were removed before they could be told.
    pub missed_rows: i64,
    /// Spans that the collector would not keep.
    pub rejected_spans: i64,
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something was told; there may be more.
    Told,
    /// Nothing is left to tell.
    Idle,
}

/// Tells what a store has to tell.
#[derive(Debug)]
pub struct Teller {
    store: Store,
    fence: Option<Fence>,
    collector: Collector,
    path: PathBuf,
    progress: Progress,
}

impl Teller {
    /// Goes on where the last one ended.
    ///
    /// # Errors
    /// When `otel.json` cannot be read.
    pub fn new(
        store: Store,
        fence: Option<Fence>,
        collector: Collector,
    ) -> Result<Self, StoreError> {
        let path = store.directory().join("otel.json");
        let wrap = |source| StoreError::File {
            path: path.clone(),
            source,
        };
        let progress = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| wrap(error.into()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Progress::default(),
            Err(error) => return Err(wrap(error)),
        };
        Ok(Self {
            store,
            fence,
            collector,
            path,
            progress,
        })
    }

    /// What was told so far, by this teller and those before.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// One request.
    ///
    /// # Errors
    /// When the store cannot be read, or the collector did not take it: then nothing is marked as told.
    pub fn step(&mut self) -> Result<Step, TellError> {
        let found = self.store.traces(
            self.progress.cursor,
            STEP_BATCHES,
            STEP_DEAD,
            self.fence.as_ref(),
        )?;
        let mut next = self.progress;
        next.cursor = found.next;
        next.missed_rows += found.missed_rows;
        let (body, told) = request(&found, &crate::row::hex(&self.store.id()));
        if !told.is_nothing() {
            next.rejected_spans += self.collector.take(&body)?;
            next.told.add(told);
        }
        if next == self.progress {
            return Ok(Step::Idle);
        }
        self.keep(next)?;
        Ok(Step::Told)
    }

    fn keep(&mut self, next: Progress) -> Result<(), StoreError> {
        let half = self.path.with_extension("half");
        let written = serde_json::to_vec(&next)
            .map_err(std::io::Error::from)
            .and_then(|text| std::fs::write(&half, text))
            .and_then(|()| std::fs::rename(&half, &self.path));
        written.map_err(|source| StoreError::File {
            path: self.path.clone(),
            source,
        })?;
        self.progress = next;
        Ok(())
    }
}

/// Why nothing was told.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The collector.
    #[error(transparent)]
    Collector(#[from] CollectorError),
}
