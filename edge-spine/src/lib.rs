//! Store-and-forward of telemetry rows from a vehicle to a sink: everything leaves exactly once.
//!
//! It knows nothing of flight code: rows are opaque but for the rules that a configuration gives them.
//! Decisions (breakers, checks, batches, back-off, geofence, audit) are machines without I/O; the database
//! is a thin shell in [`store`], the links are in [`sink`], the threads in [`shell`].

pub mod audit;
pub mod backoff;
pub mod batch;
pub mod breaker;
pub mod check;
pub mod cli;
pub mod config;
pub mod drain;
pub mod geofence;
pub mod health;
pub mod intake;
pub mod limits;
#[cfg(feature = "otel")]
pub mod otel;
pub mod proxy;
pub mod receiver;
pub mod row;
pub mod shell;
pub mod sink;
pub mod store;
pub mod stress;
