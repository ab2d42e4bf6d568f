//! Appending allocates nothing: the allocator counts.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    reason = "an allocator is unsafe by nature; a test fails by panicking"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use companion::recorder::{Received, record_ring};
use fdr_format::records::{ImuTrace, Log, Severity};
use fdr_format::{Bytes, Record, records};

struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn appending_never_allocates_whether_the_record_is_taken_or_refused() {
    let (mut sender, mut receiver) = record_ring(1 << 20, 0);
    let bytes = [7; 1000];
    let (mut taken, mut refused) = (0, 0);
    let mut allocated = 0;
    for time_ns in 0..10_000 {
        let many = [
            Record::from(ImuTrace {
                time_ns,
                specific_force_frd_mps2: [0.0; 3],
                angular_rate_frd_radps: [0.0; 3],
            }),
            Record::from(records::SentFcBytes {
                time_ns,
                link: 0,
                bytes: Bytes(&bytes),
            }),
            Record::from(Log {
                time_ns,
                severity: Severity::Warning,
                target: "test",
                text: "a text",
            }),
        ];
        for record in &many {
            let before = CALLS.get();
            let appended = sender.append(record, time_ns);
            allocated += CALLS.get() - before;
            match appended {
                Ok(()) => taken += 1,
                Err(_) => refused += 1,
            }
        }
        if time_ns % 3000 == 0 {
            while receiver.receive().is_some() {}
        }
    }
    assert_eq!(allocated, 0);
    assert!(
        taken > 2000 && refused > 2000,
        "{taken} taken, {refused} refused"
    );
    drop(sender);
    let entries = std::iter::from_fn(|| {
        receiver
            .receive()
            .map(|entry| matches!(entry, Received::Refusals(_)))
    });
    assert!(entries.count() > 0);
}

/// Page faults of this thread so far.
fn page_faults() -> i64 {
    // SAFETY: all zeros is a valid `rusage`, and the call writes nothing else.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage), 0);
        usage.ru_minflt + usage.ru_majflt
    }
}

#[test]
fn the_first_turn_of_a_ring_meets_no_page_that_is_not_there_yet() {
    const RING: usize = 8 << 20;
    let (mut sender, mut receiver) = record_ring(RING, 0);
    let bytes = [7; 1000];
    let before = page_faults();
    let mut appended = 0;
    while appended < RING {
        let record = Record::from(records::SentFcBytes {
            time_ns: 0,
            link: 0,
            bytes: Bytes(&bytes),
        });
        sender.append(&record, 0).unwrap();
        appended += bytes.len();
        while receiver.receive().is_some() {}
    }
    let faults = page_faults() - before;
    // Fresh memory would be 2048 pages of 4 KiB; a few are the test's own.
    assert!(faults < 32, "{faults} page faults");
}
