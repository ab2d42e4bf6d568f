//! Memory does not grow with the recording.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use fdr_format::{FlightParameters, FlightWriter, verify};
use support::{imu, parameters};

/// Counts the bytes that are allocated, and the most there ever were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory that `work` needs beyond what was there before.
fn most_memory(work: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    work();
    MOST.load(Ordering::Relaxed) - before
}

fn record(folder: &Path, records: u64) {
    let parameters = FlightParameters {
        segment_bytes: 1 << 20,
        ..parameters()
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    for now in 0..records {
        writer.append(&imu(now), now).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_recording_sixteen_times_as_long_needs_no_more_memory_to_write_or_verify() {
    let (short, long) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let written_short = most_memory(|| record(short.path(), 50_000));
    let written_long = most_memory(|| record(long.path(), 800_000));
    let verified_short = most_memory(|| drop(verify(short.path()).unwrap()));
    let verified_long = most_memory(|| drop(verify(long.path()).unwrap()));

    // What may grow is the list of segments: some hundred bytes for each of 67 more.
    let list = 67 * 512;
    assert!(
        written_long < written_short + list,
        "{written_short} and {written_long}"
    );
    assert!(
        verified_long < verified_short + (1 << 20) + list,
        "{verified_short} and {verified_long}"
    );
    assert!(
        verified_long < 8 * (3 << 20),
        "a window for each of at most eight threads: {verified_long}"
    );
}
