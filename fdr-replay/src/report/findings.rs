//! Findings against their thresholds, and the audit table.

use super::Material;
use super::page::{Column, Page, Tone, esc, moment, pill, seconds};
use crate::alerts::{Judgement, Standing, Urgency};
use crate::figures::Event;
use crate::table::grouped;

/// Rows of the audit table.
const AUDIT_MAX: usize = 400;

pub fn findings(page: &mut Page, material: &Material) {
    page.section(
        "findings",
        "Findings",
        "Every rule with its limit and what this flight shows. A time leads to the place.",
    );
    let mut judged: Vec<&Judgement> = material.judgements.iter().collect();
    judged.sort_by_key(|own| {
        (
            own.standing != Standing::Broken,
            std::cmp::Reverse(own.urgency),
        )
    });
    let rows: Vec<Vec<String>> = judged.into_iter().map(row).collect();
    let columns = [
        ("Rule", Column::Line),
        ("", Column::Line),
        ("Found", Column::Text),
        ("Limit", Column::Text),
        ("Where", Column::Text),
    ];
    page.table(&columns, &rows);
    page.end();
}

fn row(judgement: &Judgement) -> Vec<String> {
    let state = match (judgement.standing, judgement.urgency) {
        (Standing::Holds, _) => pill(Tone::Good, "holds"),
        (Standing::NothingToJudge, _) => pill(Tone::Off, "nothing to judge"),
        (Standing::Broken, Urgency::Critical) => pill(Tone::Bad, "critical"),
        (Standing::Broken, Urgency::High) => pill(Tone::Warn, "high"),
        (Standing::Broken, Urgency::Medium) => pill(Tone::Warn, "medium"),
    };
    let places: Vec<String> = judgement
        .at_s
        .iter()
        .take(8)
        .map(|at| moment(*at))
        .collect();
    vec![
        esc(judgement.rule.replace('_', " ")),
        state,
        esc(&judgement.found),
        esc(judgement.limit),
        places.join(", "),
    ]
}

pub fn audit(page: &mut Page, material: &Material) {
    page.section(
        "audit",
        "Audit",
        "Lifecycle events and messages of WARN and above, with key rotations and thermal switches. What repeats within ten seconds is one line.",
    );
    let wanted = |event: &&Event| {
        crate::figures::is_serious(event.severity)
            || matches!(event.about.as_str(), "signing" | "thermal")
    };
    let all: Vec<&Event> = material.figures.events.iter().filter(wanted).collect();
    if all.is_empty() {
        page.nothing(
            "Nothing of WARN or above was recorded, no key was rotated, and heat changed nothing.",
        );
        page.end();
        return;
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .take(AUDIT_MAX)
        .map(|event| audit_row(event))
        .collect();
    let columns = [
        ("Time", Column::Line),
        ("Severity", Column::Line),
        ("About", Column::Line),
        ("What", Column::Text),
        ("Times", Column::Number),
    ];
    page.table(&columns, &rows);
    let more = all.len().saturating_sub(AUDIT_MAX) as u64 + material.figures.events.omitted();
    if more > 0 {
        page.nothing(&format!(
            "{} more: fdr-replay cat -t ComponentLifecycleEvent -t Log lists all.",
            grouped(more)
        ));
    }
    page.end();
}

fn audit_row(event: &Event) -> Vec<String> {
    let name = crate::figures::name_of(&event.severity);
    let tone = match event.severity.code() {
        0..=3 => Tone::Bad,
        4 => Tone::Warn,
        _ => Tone::Off,
    };
    vec![
        moment(seconds(event.from_ns)),
        pill(tone, &name),
        esc(&event.about),
        esc(&event.text),
        grouped(event.times),
    ]
}
