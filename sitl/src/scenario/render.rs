//! Scenarios and their outcomes for a person's eyes.

use std::fmt::Write as _;

use super::script::Script;
use super::{Outcome, Verdict};

/// One line for each scenario, and the identifiers that none proves.
#[must_use]
pub fn render_list(scripts: &[Script], unproven: &[String]) -> String {
    let mut text = String::new();
    let width = scripts
        .iter()
        .map(|script| script.name.len())
        .max()
        .unwrap_or(0);
    for script in scripts {
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{:width$}  {:24}  {}",
            script.name,
            script.proves.join(", "),
            script.about
        );
    }
    if !unproven.is_empty() {
        let _ = writeln!(text, "\nno scenario proves: {}", unproven.join(", "));
    }
    text
}

/// Every scenario with its findings; those that held in one line each.
#[must_use]
pub fn render_run(outcomes: &[Outcome], unproven: &[String]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let verdict = match outcome.verdict() {
            Verdict::Pass => "pass",
            Verdict::Open => "open",
            Verdict::Fail => "FAIL",
            Verdict::Closed => "FAIL (holds, but its file says `open`)",
        };
        let _ = writeln!(
            text,
            "{verdict}  {} ({}): {}  [{:.0} x real time]",
            outcome.name,
            outcome.proves.join(", "),
            outcome.about,
            outcome.realtime_factor
        );
        if let Some(why) = &outcome.open {
            let _ = writeln!(text, "      open: {why}");
        }
        for finding in &outcome.findings {
            let mark = if finding.held { "    " } else { "  ! " };
            let _ = writeln!(text, "  {mark}{}: {}", finding.claim, finding.seen);
        }
    }
    let count = |sound: &dyn Fn(Verdict) -> bool| {
        outcomes
            .iter()
            .filter(|outcome| sound(outcome.verdict()))
            .count()
    };
    let _ = writeln!(
        text,
        "\n{} passed, {} failed, {} open",
        count(&|verdict| verdict == Verdict::Pass),
        count(&|verdict| !verdict.is_sound()),
        count(&|verdict| verdict == Verdict::Open),
    );
    if !unproven.is_empty() {
        let _ = writeln!(text, "no scenario proves: {}", unproven.join(", "));
    }
    text
}
