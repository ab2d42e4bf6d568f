//! The power is cut at every call to the file system of a scripted flight: what was promised is there.
//!
//! The recorder's machines write to a simulated disk (`disk`, `volume`) that keeps what was asked and
//! what is durable apart. At every call a set of durable images is made (`cuts`), each is put where the
//! reader finds it (`mount`) and judged by what must hold (`check`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod check;
mod content;
mod cuts;
mod disk;
mod flight;
mod mount;
mod volume;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cuts::{Promise, Tester};
use flight::{Dice, Script, segment_room};
use volume::Faults;

/// Distinct crash states that `just test` looks at; `just torture` sets the other number.
const STATES: usize = 10_000;
/// Flights that fail before the rest is left out.
const FAILURES: usize = 12;
const STATES_VARIABLE: &str = "POWERCUT_STATES";
/// Number of the only flight that is flown, to look at one that failed.
const FLIGHT_VARIABLE: &str = "POWERCUT_FLIGHT";

/// The flight of number `number`, and what goes wrong in it.
fn campaign(number: u64) -> (Script, Faults) {
    let mut dice = Dice(number);
    let steps = 20 + dice.below(50);
    let stalls = number % 4 == 1;
    // Staging holds many of these small segments: a freeze in a stall would find some of them begun.
    let freezes = number.is_multiple_of(9) && !stalls;
    let script = Script {
        seed: number,
        steps,
        stalls,
        segments_max: (number.is_multiple_of(3)).then(|| 3 + dice.below(3)),
        essential: number.is_multiple_of(2),
        sealed: number % 5 < 2,
        other_boot: number % 4 > 1,
        freezes_at: freezes.then(|| dice.below(steps)),
        ends: dice.below(4) > 0,
    };
    let eio = |first, count| Faults {
        eio: Some((first, count)),
        ..Faults::default()
    };
    let faults = match number % 7 {
        0..=2 => Faults::default(),
        3 => eio(1 + dice.below(200), 1),
        4 => eio(1 + dice.below(200), 2 + dice.below(12)),
        5 => eio(30 + dice.below(150), u64::MAX),
        _ => Faults {
            capacity: Some((2 + dice.below(5)) * segment_room()),
            ..Faults::default()
        },
    };
    (script, faults)
}

/// A flight without faults that ends in order.
fn quiet(number: u64) -> Script {
    Script {
        stalls: false,
        segments_max: None,
        freezes_at: None,
        ends: true,
        ..campaign(number).0
    }
}

#[test]
fn what_was_promised_survives_a_power_cut_at_every_call_whatever_else_fails() {
    if let Ok(number) = std::env::var(FLIGHT_VARIABLE) {
        let (script, faults) = campaign(number.parse().unwrap());
        Tester::new(Promise::Kept).fly_and_cut(&script, faults, 8);
        return;
    }
    let wanted = std::env::var(STATES_VARIABLE).ok();
    let wanted = wanted.map_or(STATES, |states| states.parse().unwrap());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (started, flights) = (Instant::now(), AtomicU64::new(0));
    let (first, failed) = (Tester::new(Promise::Kept), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (mut tester, flights, failed) = (first.beside(), &flights, &failed);
            scope.spawn(move || {
                while tester.states() < wanted && failed.lock().unwrap().len() < FAILURES {
                    let number = flights.fetch_add(1, Ordering::Relaxed);
                    let (script, faults) = campaign(number);
                    let flight = AssertUnwindSafe(|| tester.fly_and_cut(&script, faults, 8));
                    if catch_unwind(flight).is_err() {
                        failed.lock().unwrap().push(number);
                    }
                }
            });
        }
    });
    let (states, flights) = (first.states(), flights.into_inner());
    println!(
        "{states} distinct crash states of {flights} flights, {:.0} states/s",
        states as f64 / started.elapsed().as_secs_f64()
    );
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "flights {failed:?} failed");
    assert!(states >= wanted);
}

#[test]
fn a_quiet_flight_is_promised_to_its_end_and_complete() {
    let (script, _) = campaign(0);
    let script = Script {
        ends: true,
        ..script
    };
    let mut tester = Tester::new(Promise::Kept);
    let trace = tester.fly_and_cut(&script, Faults::default(), 8);
    let last = trace.boundaries.last().unwrap();
    let read = tester.read(&last.disk.image(disk::Cut::Lost), &trace);
    let kept = [0, 1].map(|stream| read.sequences[stream].len() as u64);
    assert_eq!(kept, last.promised);
    assert!(kept[0] > 300 && kept[1] > 10, "{kept:?}");
    let verdict = read.verdict.unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.completeness),
        (0, fdr_format::Completeness::Complete),
        "{:?}",
        verdict.findings
    );
}

/// A disk that says it has synced and has not cannot be promised anything of. What is read is still what
/// was written, and a flight that lacks records is not called complete.
#[test]
fn behind_a_lying_disk_nothing_false_is_read_and_nothing_lacking_called_complete() {
    let mut tester = Tester::new(Promise::Void);
    for number in 0..12 {
        let faults = Faults {
            lying: true,
            ..Faults::default()
        };
        tester.fly_and_cut(&campaign(number).0, faults, 8);
    }
    println!("{} distinct crash states", tester.states());
    assert!(tester.states() > 1000);
}

/// The check has teeth: a disk that lies breaks the promise, and that is found.
#[test]
#[should_panic(expected = "was promised")]
fn a_broken_promise_is_found() {
    let faults = Faults {
        lying: true,
        ..Faults::default()
    };
    Tester::new(Promise::Kept).fly_and_cut(&quiet(0), faults, 8);
}

#[test]
fn a_bit_that_flips_after_the_cut_costs_its_own_record_and_is_told() {
    let mut tester = Tester::new(Promise::Kept);
    let mut flips = 0;
    for number in 0..8 {
        flips += tester.fly_and_flip(&quiet(number), 60);
    }
    println!("{flips} bits flipped");
    assert!(flips > 200);
}
