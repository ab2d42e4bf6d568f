//! How much of a damaged recording each reader gives back, and whether it gives anything wrong:
//! 200,000 records, 100 trials per cell, the same seed for every reader.
//!
//! `just bench-damage`; the last table is kept in `docs/performance.md`.
#![allow(missing_docs, reason = "a benchmark is a program")]

#[path = "../tests/support/bodies.rs"]
mod bodies;
#[path = "../tests/support/damage.rs"]
mod damage;

use damage::{Harm, Reader, Recording};

const TRIALS: u64 = 100;

fn main() {
    println!("recovered / trials with wrong data delivered / trials that lost records untold");
    println!("| reader | one bit flipped | one 4 KiB page lost |");
    println!("|---|---|---|");
    for (name, reader) in [
        ("fdr-format", Reader::Ours),
        ("fdr-format, to the first damage", Reader::OursToFirstDamage),
        ("mcap, chunk CRC not checked", Reader::McapUnchecked),
        ("mcap, chunk CRC checked", Reader::McapChecked),
    ] {
        let mut recording = Recording::new(reader);
        let mut random = bodies::seeded(0x64_616D_6167_6532);
        let [bit, page] = [Harm::BitFlipped, Harm::PageLost].map(|harm| {
            let cell = recording.trials(harm, TRIALS, &mut random);
            let share = 100.0 * cell.share();
            format!("{share:.4} % / {} / {}", cell.wrong, cell.silent_losses)
        });
        println!("| {name} | {bit} | {page} |");
    }
}
