//! The recorder's own synchronisation through every interleaving of two threads, by the checker `loom`.
//!
//! The sources are those of the library, included here with loom's locks and atomics in place of the standard
//! ones. Loom never lets a wait run out, so that a wake-up that gets lost is a thread that waits for ever, which
//! it reports; and it gives loads every value that the memory orderings allow.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    reason = "a test fails by panicking, and uses only parts of what it includes"
)]

#[path = "../src/recorder/handover.rs"]
mod handover;
#[path = "../src/recorder/watermark.rs"]
mod watermark;

mod sync {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(super) use std::sync::PoisonError;
}

use std::collections::VecDeque;
use std::time::Duration;

use handover::Handover;
use loom::sync::Arc;
use loom::thread;
use watermark::Watermark;

const FOR_EVER: Duration = Duration::from_secs(86_400);
const NS_PER_MS: u64 = 1_000_000;

/// Staging without its blocks: what it hands over are numbers.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<u32>,
    closed: bool,
}

#[test]
fn every_block_is_handed_over_in_order_and_no_wake_up_gets_lost() {
    loom::model(|| {
        let staging = Arc::new(Handover::new(Queue::default()));
        let collector = thread::spawn({
            let staging = Arc::clone(&staging);
            move || {
                for block in 0..3 {
                    staging.change(|queue| queue.waiting.push_back(block));
                }
                staging.change(|queue| queue.closed = true);
            }
        });
        let mut written = Vec::new();
        loop {
            // As the I/O thread does it: take, else see whether that was all, else wait.
            let (block, closed) = {
                let mut queue = staging.lock();
                (queue.waiting.pop_front(), queue.closed)
            };
            match block {
                Some(block) => written.push(block),
                None if closed => break,
                None => staging.wait(FOR_EVER, |queue| !queue.waiting.is_empty() || queue.closed),
            }
        }
        collector.join().unwrap();
        assert_eq!(written, [0, 1, 2]);
    });
}

#[test]
fn blocks_that_come_back_are_there_for_the_collector() {
    loom::model(|| {
        // One block goes round: the collector needs it back before it can hand over the next.
        let staging = Arc::new(Handover::new((1_u32, Queue::default())));
        let writer = thread::spawn({
            let staging = Arc::clone(&staging);
            move || {
                for block in 0..2 {
                    staging.wait(FOR_EVER, |(_, queue)| !queue.waiting.is_empty());
                    let taken = staging.lock().1.waiting.pop_front();
                    assert_eq!(taken, Some(block));
                    staging.lock().0 += 1;
                }
            }
        });
        for block in 0..2 {
            staging.change(|(free, queue)| {
                // A lack of free blocks is paid for by the oldest that waits, never waited for.
                *free = free.saturating_sub(1);
                queue.waiting.push_back(block);
            });
        }
        writer.join().unwrap();
        assert!(staging.lock().0 >= 1);
    });
}

#[test]
fn whoever_sees_a_durable_number_sees_its_time_and_neither_goes_back() {
    loom::model(|| {
        let watermark = Arc::new(Watermark::default());
        let writer = thread::spawn({
            let watermark = Arc::clone(&watermark);
            move || {
                for record in 1..=2 {
                    watermark.collect(record + 1);
                    watermark.publish(record, record * 10);
                }
            }
        });
        let mut before = 0;
        for _ in 0..2 {
            let durable = watermark.durable();
            assert!(durable >= before, "{durable} behind {before}");
            before = durable;
            // Record n is of 10 n ms, and it is 100 ms now.
            let lag_ms = watermark.lag_ns(100 * NS_PER_MS) / NS_PER_MS;
            assert!(lag_ms <= 100 - 10 * durable, "{lag_ms} ms at {durable}");
        }
        writer.join().unwrap();
        assert_eq!((watermark.durable(), watermark.collected()), (2, 3));
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_wake_up_that_is_left_out_is_found() {
    loom::model(|| {
        let staging = Arc::new(Handover::new(false));
        let other = thread::spawn({
            let staging = Arc::clone(&staging);
            move || *staging.lock() = true
        });
        staging.wait(FOR_EVER, |ready| *ready);
        other.join().unwrap();
    });
}
