//! The traps of the first generation, one test each (`../shared/reference/ground.md`, first table).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod batches;
mod breakers;
mod checks;
mod durable;
mod full_disk;
mod limits;
mod refusals;
mod rules;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use edge_spine::row::Row;

fn correlations(rows: &[String]) -> BTreeSet<String> {
    rows.iter()
        .map(|own| Row::parse(own).unwrap().correlation.to_string())
        .collect()
}
