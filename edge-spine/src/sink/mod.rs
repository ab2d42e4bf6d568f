//! Where batches go. A sink takes a batch whole and durably, or not at all, and knows a batch that it has.

mod file;
mod http;
mod redis;

use serde::{Deserialize, Serialize};

pub use file::FileSink;
#[cfg(feature = "otel")]
pub(crate) use http::agent;
pub(crate) use http::sum;
pub use http::{Answer, HttpSink};
pub use redis::RedisSink;

use crate::audit::Checkpoint;
use crate::batch::BatchId;
use crate::config::SinkConfig;
use crate::row::hex;
use crate::store::Outgoing;

/// Why a batch is not known to be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// Nobody knows: no connection, no answer, or one that does not fit. Tried again with the same id.
    #[error("{0}")]
    Unreachable(String),
    /// The sink looked at this very batch and refuses it.
    #[error("{0}")]
    Refused(String),
    /// The sink is there and will not talk to us: credentials, certificates, or a deployment that does
    /// not keep what it acknowledges. Tried again for ever; a person has to act.
    #[error("{0}")]
    Configuration(String),
}

/// What a sink says about a batch that shall not be stored any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// It is not stored and never will be under this id.
    Withdrawn,
    /// It was stored before.
    WasStored,
}

/// Where batches go.
pub trait Sink {
    /// Returns when the batch is durable there; a batch that is there already changes nothing.
    ///
    /// # Errors
    /// When that is not known.
    fn deliver(&mut self, batch: &Outgoing) -> Result<(), SinkError>;

    /// Batches in their order, each as by [`Sink::deliver`]; none is begun after one has failed. The answers
    /// belong to the first batches; what has none was not tried.
    fn deliver_all(&mut self, batches: &[Outgoing]) -> Vec<Result<(), SinkError>> {
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            let answer = self.deliver(batch);
            let failed = answer.is_err();
            answers.push(answer);
            if failed {
                break;
            }
        }
        answers
    }

    /// Makes sure that a batch is not stored under this id, now or later.
    ///
    /// # Errors
    /// When that is not known.
    fn withdraw(&mut self, id: BatchId) -> Result<Withdrawal, SinkError>;

    /// Whether the sink answers at all.
    ///
    /// # Errors
    /// When it does not.
    fn ping(&mut self) -> Result<(), SinkError>;
}

/// The sink of a configuration; nothing is connected yet.
///
/// # Errors
/// When its files cannot be used.
pub fn open(config: &SinkConfig) -> Result<Box<dyn Sink + Send>, SinkError> {
    Ok(match config {
        SinkConfig::File { path } => Box::new(FileSink::open(path)?),
        SinkConfig::Redis {
            url,
            partitions,
            remember_s,
            timeout_s,
        } => Box::new(RedisSink::new(url, *partitions, *remember_s, *timeout_s)?),
        SinkConfig::Http {
            url,
            ca_file,
            token_file,
            timeout_s,
        } => Box::new(HttpSink::new(
            url,
            ca_file.as_deref(),
            token_file.as_deref(),
            *timeout_s,
        )?),
    })
}

/// What travels with a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The batch's id, hex.
    pub batch: String,
    /// Number of its first row.
    pub first: i64,
    /// Number of its last row.
    pub last: i64,
    /// Rows.
    pub rows: usize,
    /// SHA-256 of its lines, hex.
    pub sha256: String,
    /// The audit log that speaks of it.
    pub audit: Checkpoint,
}

impl Label {
    /// The label of a batch.
    #[must_use]
    pub fn of(batch: &Outgoing) -> Self {
        Self {
            batch: batch.batch.id.to_string(),
            first: batch.batch.range.first,
            last: batch.batch.range.last,
            rows: batch.rows.len(),
            sha256: hex(&batch.digest),
            audit: batch.checkpoint.clone(),
        }
    }
}
