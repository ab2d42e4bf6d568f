//! Which requirements a set of scenarios proves: identifiers are those of `docs/requirements.md`.

use std::collections::BTreeSet;

use super::script::Script;

/// The identifiers of the tables of a requirements page: the first cell of each row that begins with
/// `AC-`, several of them where it says `AC-1.1 / 1.2`.
#[must_use]
pub fn identifiers(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| AC-"))
        .filter_map(|row| row.split('|').next())
        .flat_map(|cell| {
            cell.split('/')
                .map(|part| format!("AC-{}", part.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The identifiers that no scenario names.
#[must_use]
pub fn unproven(page: &str, scripts: &[Script]) -> Vec<String> {
    let proven: BTreeSet<&String> = scripts.iter().flat_map(|script| &script.proves).collect();
    identifiers(page)
        .into_iter()
        .filter(|identifier| !proven.contains(identifier))
        .collect()
}
