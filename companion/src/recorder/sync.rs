//! The locks and atomics of what test `synchronisation` checks with others in their place.

pub(super) use std::sync::atomic::{AtomicU64, Ordering};
pub(super) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
