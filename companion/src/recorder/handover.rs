//! A value that two threads hand each other.
//!
//! The lock is held for moments; whoever waits for a change is woken by it. Test `synchronisation` runs this
//! very source through every interleaving of two threads, with the checker's locks in place of the standard
//! ones: `super::sync` names them.

use std::time::{Duration, Instant};

use super::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The value, its lock, and the one who waits for it.
#[derive(Debug)]
pub struct Handover<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Handover<T> {
    /// Hands over `value`.
    pub fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            changed: Condvar::new(),
        }
    }

    /// The value itself. Every change must leave it in order, so that a panic elsewhere while it was
    /// held leaves nothing half done.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the value and wakes the one who waits.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_one();
        result
    }

    /// Waits until `is_due` holds of the value, or `at_most` has passed. Only one thread may wait.
    pub fn wait(&self, at_most: Duration, is_due: impl Fn(&T) -> bool) {
        let started = Instant::now();
        let mut value = self.lock();
        while !is_due(&value) {
            let Some(rest) = at_most.checked_sub(started.elapsed()) else {
                return;
            };
            let woken = self.changed.wait_timeout(value, rest);
            value = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
