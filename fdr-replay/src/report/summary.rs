//! Verdict, summary and data quality: what an operator reads first.

use std::fmt::Write as _;

use fdr_format::SealState;

use super::Material;
use super::page::{Column, Page, Tone, esc, figure, moment, percent, pill, seconds};
use crate::alerts::{Judgement, Urgency, broken, worst};
use crate::commands::info::{source_in_words, utc};
use crate::commands::verify::{in_words, place};
use crate::figures::{LABEL_NAMES, Reference};
use crate::table::{duration, grouped};

/// Findings that the quality box lists.
const FINDINGS_MAX: usize = 50;

/// What the page says in its first line.
pub fn verdict_of(material: &Material) -> (Tone, &'static str, String) {
    let code = material.verdict.exit_code;
    let because = |urgency: Urgency| {
        let rules = broken(&material.judgements).filter(|own| own.urgency == urgency);
        let texts: Vec<String> = rules.map(in_one).collect();
        texts.join("; ")
    };
    match (code, worst(&material.judgements)) {
        (3 | 4, _) | (_, Some(Urgency::Critical)) => {
            (Tone::Bad, "Look at it today", because(Urgency::Critical))
        }
        (_, Some(Urgency::High)) => (Tone::Warn, "Look at it tomorrow", because(Urgency::High)),
        (_, Some(Urgency::Medium)) => (
            Tone::Warn,
            "Sound, with something to look at this week",
            because(Urgency::Medium),
        ),
        (_, None) => (
            Tone::Good,
            "Nothing to object to",
            "the recording is whole and no rule is broken".to_owned(),
        ),
    }
}

fn in_one(judgement: &Judgement) -> String {
    format!("{}: {}", judgement.rule.replace('_', " "), judgement.found)
}

pub fn summary(page: &mut Page, material: &Material) {
    let (tone, title, why) = verdict_of(material);
    let (class, sign) = match tone {
        Tone::Good | Tone::Off => ("good", "\u{2713}"),
        Tone::Warn => ("warn", "!"),
        Tone::Bad => ("bad", "\u{2715}"),
    };
    page.raw("<section id=summary aria-labelledby=summary-title>");
    page.raw(&format!(
        "<h1 id=summary-title>Flight {}</h1>",
        esc(material.verdict.flight_id.to_string())
    ));
    page.raw(&format!("<p class=lede>{}</p>", esc(when(material))));
    page.raw(&format!(
        "<div class=\"verdict {class}\" role=status><span class=sign aria-hidden=true>{sign}</span><div><b>{}</b><p>{}</p></div></div>",
        esc(title),
        esc(why)
    ));
    page.raw("<div class=cards>");
    cards(page, material);
    page.raw("</div>");
    labels(page, material);
    page.end();
}

fn when(material: &Material) -> String {
    let started = material
        .about
        .as_ref()
        .and_then(|about| about.clock.unix_ns);
    let when = started.map_or_else(|| "start unknown".to_owned(), utc);
    let source = material
        .about
        .as_ref()
        .and_then(|about| about.source.as_ref())
        .map_or_else(
            || "source unknown".to_owned(),
            |(source, name)| format!("{} {name}", source_in_words(*source)),
        );
    format!("{when} \u{b7} {}", source.trim())
}

fn cards(page: &mut Page, material: &Material) {
    let figures = &material.figures;
    page.card(
        "Duration",
        &duration(figures.duration_s()),
        &format!("{} flown", figure(figures.distance_m / 1000.0, "km")),
    );
    page.card(
        "Positions",
        &grouped(figures.positions),
        &format!(
            "{} offered as a 3D fix",
            percent(figures.fixes_offered as f64 / figures.positions.max(1) as f64)
        ),
    );
    let radius = figures.radius_95_m.quantiles();
    page.card(
        "95 % radius, median",
        &radius.map_or("\u{2013}".to_owned(), |radius| figure(radius.p50, "m")),
        &radius.map_or(String::new(), |radius| {
            format!("95 % below {}", figure(radius.p95, "m"))
        }),
    );
    match figures.accuracy.all.figures() {
        Some(all) => {
            page.card(
                "Error, median",
                &figure(all.errors_m.p50, "m"),
                &format!(
                    "95 % below {}, worst {}",
                    figure(all.errors_m.p95, "m"),
                    figure(all.errors_m.max, "m")
                ),
            );
            page.card(
                "Inside the 95 % ellipse",
                &percent(all.coverage_95),
                &format!("of {} fixes", grouped(all.errors_m.count)),
            );
        }
        None => page.card("Error", "\u{2013}", "nothing to compare with"),
    }
    let alone = figures.longest_alone;
    page.card(
        "Longest without GPS, map, camera",
        &alone.map_or("never".to_owned(), |(_, took)| duration(took)),
        &alone.map_or(String::new(), |(at, _)| {
            format!("from {}", moment(seconds(at)))
        }),
    );
    page.card(
        "Map anchors",
        &grouped(figures.anchors_accepted),
        match figures.vision {
            true => "accepted",
            false => "no camera in this flight",
        },
    );
    page.card(
        "Records",
        &grouped(material.verdict.records),
        &format!("{} MB", grouped(material.verdict.bytes / 1_000_000)),
    );
}

/// Shares of the labels as one bar.
fn labels(page: &mut Page, material: &Material) {
    let figures = &material.figures;
    if figures.positions == 0 {
        page.nothing("No position was emitted in this flight.");
        return;
    }
    let (mut bar, mut key) = (String::new(), String::new());
    for (label, name) in LABEL_NAMES.iter().enumerate() {
        let share = figures.label_share(label);
        let _ = write!(
            bar,
            "<i style=\"width:{:.3}%;background:var(--{name})\"></i>",
            share * 100.0
        );
        let _ = write!(
            key,
            "<span><i style=\"background:var(--{name})\"></i>{} {}</span>",
            name.replace('_', " "),
            percent(share)
        );
    }
    page.raw(&format!(
        "<div class=stack role=img aria-label=\"Shares of the source labels\">{bar}</div><div class=key>{key}</div>"
    ));
}

pub fn quality(page: &mut Page, material: &Material) {
    page.section(
        "quality",
        "Data quality",
        "How much of what was recorded is here, and whether it can be trusted. What the rest of the page says rests on this.",
    );
    let columns = [
        ("Question", Column::Line),
        ("", Column::Line),
        ("Answer", Column::Text),
    ];
    page.table(&columns, &quality_rows(material));
    let verdict = &material.verdict;
    if !verdict.findings.is_empty() {
        page.heading("What verification found");
        let rows: Vec<Vec<String>> = verdict
            .findings
            .iter()
            .take(FINDINGS_MAX)
            .map(|finding| {
                let tone = match finding.code {
                    0 => Tone::Off,
                    2 => Tone::Warn,
                    _ => Tone::Bad,
                };
                let name = match finding.code {
                    0 => "notice".to_owned(),
                    code => format!("exit {code}"),
                };
                let text = esc(format!("{}{}", place(finding), finding.text));
                vec![pill(tone, &name), text]
            })
            .collect();
        page.table(&[("Kind", Column::Line), ("Finding", Column::Text)], &rows);
        let more =
            verdict.findings.len().saturating_sub(FINDINGS_MAX) as u64 + verdict.findings_omitted;
        if more > 0 {
            page.nothing(&format!(
                "{} more: fdr-replay verify lists them.",
                grouped(more)
            ));
        }
    }
    page.end();
}

fn quality_rows(material: &Material) -> Vec<Vec<String>> {
    let (verdict, figures) = (&material.verdict, &material.figures);
    let row = |question: &str, good: Tone, short: &str, answer: String| {
        vec![esc(question), pill(good, short), answer]
    };
    let none_or = |count: u64, text: String| match count {
        0 => (Tone::Good, "none", "\u{2013}".to_owned()),
        _ => (Tone::Bad, "some", text),
    };
    let mut rows = Vec::new();
    let (tone, short) = match verdict.exit_code {
        0 => (Tone::Good, "whole"),
        2 => (Tone::Warn, "torn"),
        3 => (Tone::Bad, "damaged"),
        _ => (Tone::Bad, "altered"),
    };
    rows.push(row(
        "Completeness",
        tone,
        short,
        esc(in_words(verdict.completeness)),
    ));
    let lost = figures.records_lost;
    let (tone, short, text) = none_or(lost.max(figures.losses.len() as u64), losses(material));
    rows.push(row("Drops", tone, short, text));
    let missing = verdict.missing_records;
    let text = format!("{} sequence numbers are missing", grouped(missing));
    let (tone, short, text) = none_or(missing, text);
    rows.push(row("Sequence gaps", tone, short, text));
    let damaged = verdict.damaged_bytes;
    let text = format!("{} bytes are no valid record", grouped(damaged));
    let (tone, short, text) = none_or(damaged, text);
    rows.push(row("CRC errors", tone, short, text));
    let jumps = figures.clock_jumps.len() as u64 + figures.clock_backward;
    let (_, short, text) = none_or(jumps, clock_text(material));
    let tone = if jumps == 0 { Tone::Good } else { Tone::Warn };
    rows.push(row("Clock jumps", tone, short, text));
    let broken = verdict.findings.iter().any(|finding| finding.code == 4);
    let heads: Vec<String> = verdict
        .streams
        .iter()
        .filter_map(|stream| {
            let chain = stream.last_chain?.to_string();
            Some(format!(
                "{} <span class=hash>{}\u{2026}</span>",
                stream.stream,
                chain.get(..16)?
            ))
        })
        .collect();
    rows.push(match (broken, heads.is_empty()) {
        (true, _) => row(
            "Hash chain",
            Tone::Bad,
            "broken",
            "see the findings below".to_owned(),
        ),
        (false, true) => row(
            "Hash chain",
            Tone::Off,
            "none",
            "no closed segment".to_owned(),
        ),
        (false, false) => row("Hash chain", Tone::Good, "verified", heads.join(", ")),
    });
    let device = verdict.seal.device_key.map_or_else(
        || "device unknown".to_owned(),
        |key| format!("by device <span class=hash>{key}</span>"),
    );
    rows.push(match verdict.seal.state {
        SealState::Sealed => row("Seal", Tone::Good, "holds", device),
        SealState::Wrong => row(
            "Seal",
            Tone::Bad,
            "does not hold",
            "see the findings below".to_owned(),
        ),
        SealState::Unsealed | SealState::Unchecked => row(
            "Seal",
            Tone::Off,
            "none",
            "the flight is not sealed".to_owned(),
        ),
    });
    rows.extend(material.receipts.iter().map(|receipt| {
        let tone = if receipt.holds { Tone::Good } else { Tone::Bad };
        row(
            receipt.kind,
            tone,
            if receipt.holds {
                "holds"
            } else {
                "does not hold"
            },
            esc(&receipt.text),
        )
    }));
    if material.receipts.is_empty() {
        let text = "no retrieval or sync receipt was found beside the flight".to_owned();
        rows.push(row("Receipts", Tone::Off, "none", text));
    }
    if figures.unreadable > 0 {
        let text = format!(
            "{} bodies are of another version",
            grouped(figures.unreadable)
        );
        rows.push(row("Unreadable records", Tone::Warn, "some", text));
    }
    rows
}

fn losses(material: &Material) -> String {
    let losses = &material.figures.losses;
    let listed: Vec<String> = losses
        .iter()
        .take(8)
        .map(|loss| {
            format!(
                "{} at {} ({})",
                grouped(loss.records),
                moment(seconds(loss.time_ns)),
                esc(&loss.cause)
            )
        })
        .collect();
    let more = losses.len().saturating_sub(8);
    let more = if more > 0 {
        format!(" and {more} more times")
    } else {
        String::new()
    };
    format!(
        "{} records: {}{more}",
        grouped(material.figures.records_lost),
        listed.join(", ")
    )
}

fn clock_text(material: &Material) -> String {
    let figures = &material.figures;
    let mut parts: Vec<String> = figures
        .clock_jumps
        .iter()
        .take(8)
        .map(|jump| {
            format!(
                "{:+.1} s at {}",
                jump.seconds,
                moment(seconds(jump.time_ns))
            )
        })
        .collect();
    if figures.clock_backward > 0 {
        parts.push(format!(
            "{} records are more than a second older than one in front of them",
            grouped(figures.clock_backward)
        ));
    }
    parts.join(", ")
}

/// Said beside every figure that rests on the comparison.
pub fn reference_note(material: &Material) -> String {
    let words = match material.figures.reference {
        reference @ Reference::LoggedReceiver => format!(
            "Compared with {}; the autopilot's attitude comes from its GPS-aided filter, also while GPS is denied to us.",
            reference.in_words()
        ),
        reference @ Reference::BelievedReceiver => format!(
            "Compared with {}: no error is known while it was jammed or spoofed.",
            reference.in_words()
        ),
    };
    format!("{words} A consumer receiver is itself off by 1 to 3 m and late by up to 0.3 s.")
}
