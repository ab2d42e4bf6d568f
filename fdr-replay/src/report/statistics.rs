//! Errors and coverage, latency, rates, and what AC-NEW-4 and AC-NEW-7 ask.

use super::Material;
use super::page::{Column, Page, esc, figure, percent};
use super::summary::reference_note;
use crate::figures::{AGE_BINS, Distribution, Group, LABEL_NAMES};
use crate::table::grouped;

pub fn statistics(page: &mut Page, material: &Material) {
    page.section("statistics", "Statistics", &reference_note(material));
    page.raw("<div class=two><div>");
    page.heading("Error, cumulative");
    match material.figures.accuracy.all.errors_m.count() {
        0 => page.nothing("There is no fix to compare an emitted position with."),
        _ => page.raw("<div id=curve-error></div>"),
    }
    page.raw("</div><div>");
    page.heading("Latency, cumulative");
    match latency_is_known(material) {
        true => page.raw("<div id=curve-latency></div>"),
        false => page.nothing("Nothing was sent, so there is no latency."),
    }
    page.raw("</div></div>");
    errors(page, material);
    times(page, material);
    false_positions(page, material);
    poisoning(page, material);
    page.end();
}

fn latency_is_known(material: &Material) -> bool {
    let figures = &material.figures;
    figures.send_latency_ms.count() + figures.durable_lag_ms.count() > 0
}

fn errors(page: &mut Page, material: &Material) {
    let accuracy = &material.figures.accuracy;
    page.heading("Error and coverage, by label and by anchor age");
    let mut rows = Vec::new();
    let mut add = |name: String, group: &Group| {
        if let Some(found) = group.figures() {
            let errors = found.errors_m;
            rows.push(vec![
                esc(name),
                grouped(errors.count),
                figure(errors.p50, "m"),
                figure(errors.p95, "m"),
                figure(errors.p99, "m"),
                figure(errors.max, "m"),
                percent(found.coverage_95),
            ]);
        }
    };
    add("all".to_owned(), &accuracy.all);
    for (group, name) in accuracy.labels.iter().zip(LABEL_NAMES) {
        add(name.replace('_', " "), group);
    }
    let names = AGE_BINS.iter().map(|(_, name)| format!("anchor {name}"));
    for (group, name) in accuracy
        .ages
        .iter()
        .zip(names.chain(["no anchor yet".to_owned()]))
    {
        add(name, group);
    }
    if rows.is_empty() {
        page.nothing("There is no fix to compare an emitted position with.");
        return;
    }
    let columns = [
        ("", Column::Line),
        ("Fixes", Column::Number),
        ("Median", Column::Number),
        ("95 %", Column::Number),
        ("99 %", Column::Number),
        ("Worst", Column::Number),
        ("Inside the 95 % ellipse", Column::Number),
    ];
    page.table(&columns, &rows);
}

fn times(page: &mut Page, material: &Material) {
    let figures = &material.figures;
    page.heading("Latency, rates and jitter");
    let mut rows = Vec::new();
    let mut add = |name: &str, found: &Distribution, limit: &str| {
        if let Some(found) = found.quantiles() {
            rows.push(vec![
                esc(name),
                grouped(found.count),
                figure(found.p50, "ms"),
                figure(found.p95, "ms"),
                figure(found.p99, "ms"),
                figure(found.max, "ms"),
                esc(limit),
            ]);
        }
    };
    add(
        "between two positions",
        &figures.interval_ms,
        "95 % below 120 ms (AC-4.3)",
    );
    add(
        "deadline to bytes",
        &figures.send_latency_ms,
        "99 % below 1 ms (AC-4.1), recorded in whole ms",
    );
    add("exposure to odometry", &figures.odometry_latency_ms, "");
    add("exposure to anchor", &figures.anchor_latency_ms, "");
    add(
        "conditions to promotion",
        &figures.promotions_ms,
        "below 3 s",
    );
    add("record to durable", &figures.durable_lag_ms, "");
    add("longest sync of each second", &figures.sync_worst_ms, "");
    let columns = [
        ("", Column::Line),
        ("Count", Column::Number),
        ("Median", Column::Number),
        ("95 %", Column::Number),
        ("99 %", Column::Number),
        ("Worst", Column::Number),
        ("Asked", Column::Text),
    ];
    match rows.is_empty() {
        true => page.nothing("No position was emitted."),
        false => page.table(&columns, &rows),
    }
    let missed = figures.deadlines_missed;
    if missed > 0 {
        page.nothing(&format!(
            "{} deadlines passed without a position.",
            grouped(missed)
        ));
    }
    if figures.durable_lag_ms.count() == 0 {
        page.nothing(
            "The recorder's own figures are not in this recording: a replay or an old one.",
        );
    }
}

fn false_positions(page: &mut Page, material: &Material) {
    page.heading("False positions (AC-NEW-4)");
    let Some(all) = material.figures.accuracy.all.figures() else {
        page.nothing("There is no fix to compare an emitted position with.");
        return;
    };
    let row = |name: &str, count: u64, asked: &str| {
        let share = count as f64 / all.errors_m.count as f64;
        vec![
            esc(name),
            grouped(count),
            percent(share),
            percent(upper_bound(count, all.errors_m.count)),
            esc(asked),
        ]
    };
    let columns = [
        ("", Column::Line),
        ("Fixes", Column::Number),
        ("Share", Column::Number),
        ("95 % upper bound", Column::Number),
        ("Asked", Column::Text),
    ];
    let rows = [
        row("error beyond 500 m", all.beyond_500_m, "below 0.1 %"),
        row("error beyond 1 km", all.beyond_1_km, "below 0.01 %"),
    ];
    page.table(&columns, &rows);
    page.raw("<p class=lede>The bound takes fixes for independent, which neighbours are not: one flight cannot prove these shares, many can (sitl monte-carlo).</p>");
}

/// Upper end of the 95 % Wilson interval of a share.
fn upper_bound(count: u64, of: u64) -> f64 {
    const Z: f64 = 1.96;
    let (n, share) = (of as f64, count as f64 / of as f64);
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((centre + half) / (1.0 + Z * Z / n)).min(1.0)
}

fn poisoning(page: &mut Page, material: &Material) {
    let figures = &material.figures;
    page.heading("Map poisoning (AC-NEW-7)");
    if figures.anchors_decided == 0 && figures.gate_refusals == 0 {
        page.nothing("No frame was matched with a map in this flight, and no package was refused.");
        return;
    }
    let mut rows = vec![
        vec![
            "map packages refused by the gate".to_owned(),
            grouped(figures.gate_refusals),
        ],
        vec![
            "matches judged".to_owned(),
            grouped(figures.anchors_decided),
        ],
        vec![
            "accepted matches that moved the position by more than 30 m".to_owned(),
            grouped(figures.anchors_moved_30_m),
        ],
    ];
    if let Some(moved) = figures.anchor_moved_m.quantiles() {
        let text = format!(
            "{}, 95 % below {}",
            figure(moved.p50, "m"),
            figure(moved.p95, "m")
        );
        rows.push(vec![
            "accepted matches moved the position by, median".to_owned(),
            text,
        ]);
    }
    for (outcome, count) in &figures.anchors {
        rows.push(vec![esc(outcome.replace('_', " ")), grouped(*count)]);
    }
    page.table(&[("", Column::Text), ("", Column::Number)], &rows);
}

#[cfg(test)]
mod tests {
    use super::upper_bound;

    #[test]
    fn no_false_position_among_a_thousand_does_not_prove_a_thousandth() {
        assert!((0.003..0.004).contains(&upper_bound(0, 1000)));
        assert!((upper_bound(50, 100) - 0.596).abs() < 0.001);
    }
}
