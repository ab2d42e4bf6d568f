//! How far a stream is durable, published by the I/O thread and read by anybody without a lock.
//!
//! Test `synchronisation` runs this very source through every order in which two processors may see its
//! stores.

use super::sync::{AtomicU64, Ordering};

const NS_PER_MS: u64 = 1_000_000;

/// Numbers given, and numbers on the device.
#[derive(Debug)]
pub struct Watermark {
    collected: AtomicU64,
    durable: AtomicU64,
    durable_ms: AtomicU64,
}

impl Default for Watermark {
    fn default() -> Self {
        Self {
            collected: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            durable_ms: AtomicU64::new(0),
        }
    }
}

impl Watermark {
    /// Number of the next record to be numbered.
    pub fn collected(&self) -> u64 {
        self.collected.load(Ordering::Acquire)
    }

    /// Number behind the last record that is on the device.
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// How much older than `now_ns` the last durable record is; 0 when everything numbered is durable.
    /// Never more than it was when the number that [`Watermark::durable`] gives was published.
    pub fn lag_ns(&self, now_ns: u64) -> u64 {
        if self.durable() >= self.collected() {
            return 0;
        }
        let durable_ns = self.durable_ms.load(Ordering::Relaxed) * NS_PER_MS;
        now_ns.saturating_sub(durable_ns)
    }

    /// The collector has given all numbers before `next`.
    pub fn collect(&self, next: u64) {
        self.collected.store(next, Ordering::Release);
    }

    /// Everything before `next` is on the device; its last record is of `last_ms`.
    pub fn publish(&self, next: u64, last_ms: u64) {
        // In this order: whoever sees the number sees its time, or a later one.
        self.durable_ms.store(last_ms, Ordering::Relaxed);
        self.durable.store(next, Ordering::Release);
    }
}
