//! The navigator allocates nothing after start-up: every allocation of this program is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]

#[path = "support/straight_flight.rs"]
mod straight_flight;
#[path = "support/weaving_flight.rs"]
mod weaving_flight;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use companion::navigator::{Input, Navigator, NavigatorConfig, Outputs, Tick};
use straight_flight::straight_flight;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system allocator unchanged; counting touches only a thread-local
// cell that needs neither allocation nor destruction.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        BYTES.with(|bytes| bytes.set(bytes.get() + layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`, which is passed on as it is.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System.alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

#[test]
fn a_whole_flight_with_gps_lost_and_found_allocates_nothing() {
    let mut inputs = straight_flight(60, 30, 100);
    // GPS comes back, far off at first: rejection, belief and restart are all walked through.
    inputs.extend(
        straight_flight(90, 90, 100)
            .into_iter()
            .filter(|input| input.time().0 > 61 * straight_flight::SECOND),
    );
    let mut navigator = Navigator::new(&NavigatorConfig::default());
    let mut outputs = Outputs::default();
    let mut positions = 0;

    let before = allocations();
    for input in &inputs {
        while let Some(due) = navigator.next_deadline().filter(|due| *due <= input.time()) {
            navigator.handle(&Input::Tick(Tick { time: due }), &mut outputs);
            positions += outputs.iter().count();
        }
        navigator.handle(input, &mut outputs);
    }
    assert_eq!(allocations() - before, 0);
    assert!(
        positions > 800,
        "only {positions} outputs: the flight did not take place"
    );

    let counted = allocations();
    drop(std::hint::black_box(Box::new(positions)));
    assert_eq!(allocations() - counted, 1, "the counter does not count");
}

#[test]
fn a_flight_by_camera_and_map_allocates_nothing() {
    let flight = weaving_flight::Flight {
        seconds: 60,
        gps_until_s: 20,
        ..Default::default()
    };
    let inputs = weaving_flight::with_late_results(&flight);
    let mut navigator = Navigator::new(&NavigatorConfig::default());
    let mut outputs = Outputs::default();
    let before = allocations();
    for input in &inputs {
        while let Some(due) = navigator.next_deadline().filter(|due| *due <= input.time()) {
            navigator.handle(&Input::Tick(Tick { time: due }), &mut outputs);
        }
        navigator.handle(input, &mut outputs);
    }
    assert_eq!(allocations() - before, 0);
}

#[test]
fn the_core_with_its_outputs_fits_into_4_mb() {
    let before = BYTES.with(Cell::get);
    let navigator = Navigator::new(&NavigatorConfig::default());
    let set_aside = BYTES.with(Cell::get) - before;
    drop(navigator);
    // It allocates nothing later, so that is all of its memory.
    let bytes = set_aside + std::mem::size_of::<Navigator>() + std::mem::size_of::<Outputs>();
    println!("{bytes} bytes, {set_aside} of them on the heap");
    assert!(set_aside > 100_000);
    assert!(bytes < 4_000_000);
}
