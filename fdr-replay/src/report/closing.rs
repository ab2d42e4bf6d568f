//! Smoothed track, tiles, comparison, configuration and provenance.

use std::fmt::Write as _;

use super::Material;
use super::page::{Column, Page, esc, figure, moment, percent};
use crate::commands::info::utc;
use crate::figures::LABEL_NAMES;
use crate::table::{duration, grouped};

pub fn smoothed(page: &mut Page, material: &Material) {
    page.section(
        "smoothed",
        "Smoothed track",
        "Where the aircraft was as far as it is known now: every position moved by what was measured behind it. On the map beside the emitted track. No autopilot ever receives it.",
    );
    match &material.smoothed {
        Err(why) => page.nothing(&format!("There is none: {why}")),
        Ok(smoothed) => {
            let metres = |value: Option<f64>| {
                value.map_or("\u{2013}".to_owned(), |value| figure(value, "m"))
            };
            page.raw("<div class=cards>");
            page.card(
                "Moved, median",
                &metres(smoothed.moved_m.quantile(0.5)),
                &format!("most {}", metres(smoothed.moved_m.quantile(1.0))),
            );
            page.card(
                "Stated in flight, 1 sigma",
                &metres(smoothed.emitted_sigma_m.quantile(0.5)),
                "median",
            );
            page.card(
                "Stated now, 1 sigma",
                &metres(smoothed.sigma_m.quantile(0.5)),
                "median",
            );
            page.card(
                "Error emitted, then smoothed",
                &format!(
                    "{} \u{2192} {}",
                    metres(smoothed.emitted_errors_m.quantile(0.5)),
                    metres(smoothed.errors_m.quantile(0.5))
                ),
                "median, where a fix lies within a second on both sides",
            );
            let better = smoothed.better as f64 / smoothed.errors_m.count().max(1) as f64;
            page.card(
                "Better than emitted",
                &percent(better),
                "of the compared positions",
            );
            page.raw("</div>");
            page.raw(&format!(
                "<p class=lede>One position every {} s, looking {} s ahead; {} positions.{}</p>",
                smoothed.period_s,
                smoothed.lag_s,
                grouped(smoothed.track.samples()),
                smoothed
                    .cut_short
                    .as_ref()
                    .map_or(String::new(), |why| format!(
                        " It ends early: {}.",
                        esc(why)
                    ))
            ));
        }
    }
    page.end();
}

pub fn tiles(page: &mut Page, material: &Material) {
    let figures = &material.figures;
    page.section(
        "tiles",
        "Mid-flight tiles",
        "Map tiles made from the camera, and thumbnails of those that failed, for review.",
    );
    if figures.tiles_made + figures.tiles_failed == 0 {
        page.nothing("No mid-flight tile was made or tried in this flight.");
        page.end();
        return;
    }
    page.raw(&format!(
        "<p>{} made, {} failed ({}).</p>",
        grouped(figures.tiles_made),
        grouped(figures.tiles_failed),
        percent(figures.tile_failure_share().unwrap_or(0.0))
    ));
    if material.thumbnails.is_empty() {
        page.nothing("No thumbnail of a failed tile is there.");
    } else {
        page.raw("<div class=thumbs>");
        for thumbnail in &material.thumbnails {
            page.raw(&format!(
                "<figure><img alt=\"{}\" src=\"{}\"><figcaption>{} {}</figcaption></figure>",
                esc(&thumbnail.name),
                thumbnail.url,
                moment(thumbnail.at_s),
                esc(&thumbnail.reason)
            ));
        }
        page.raw("</div>");
    }
    if material.thumbnails_omitted > 0 {
        page.nothing(&format!(
            "{} more thumbnails are in the flight's folder.",
            material.thumbnails_omitted
        ));
    }
    page.end();
}

pub fn comparison(page: &mut Page, material: &Material) {
    page.section(
        "comparison",
        "Comparison with earlier flights",
        "From the essential stream of each, which is small and survives the longest.",
    );
    if material.earlier.is_empty() {
        page.nothing("No earlier flight was given (--compare FLIGHT).");
        page.end();
        return;
    }
    let mut rows = Vec::new();
    for flight in &material.earlier {
        let mut row = vec![
            format!(
                "<span class=hash>{}</span>{}",
                esc(flight.name.get(..8).unwrap_or(&flight.name)),
                if flight.is_this { " (this)" } else { "" }
            ),
            flight.started_unix_ns.map_or("unknown".to_owned(), utc),
            duration(flight.duration_s),
            figure(flight.distance_km, "km"),
        ];
        row.extend(flight.label_shares.iter().map(|share| percent(*share)));
        row.push(
            flight
                .radius_p50_m
                .map_or("\u{2013}".to_owned(), |value| figure(value, "m")),
        );
        row.push(
            flight
                .radius_p95_m
                .map_or("\u{2013}".to_owned(), |value| figure(value, "m")),
        );
        row.push(duration(flight.longest_alone_s));
        row.push(grouped(flight.serious_events));
        row.push(grouped(flight.records_lost));
        rows.push(row);
    }
    let mut columns = vec![
        ("Flight", Column::Line),
        ("Started", Column::Line),
        ("Duration", Column::Number),
        ("Distance", Column::Number),
    ];
    let names = LABEL_NAMES.map(|name| name.replace('_', " "));
    columns.extend(names.iter().map(|name| (name.as_str(), Column::Number)));
    columns.extend([
        ("Radius, median", Column::Number),
        ("Radius, 95 %", Column::Number),
        ("Longest alone", Column::Number),
        ("Warnings", Column::Number),
        ("Lost", Column::Number),
    ]);
    page.table(&columns, &rows);
    for problem in &material.earlier_problems {
        page.nothing(problem);
    }
    page.end();
}

pub fn configuration(page: &mut Page, material: &Material) {
    page.section(
        "configuration",
        "Configuration",
        "As recorded with the flight: a re-run uses this.",
    );
    match material
        .about
        .as_ref()
        .filter(|about| !about.configuration.is_empty())
    {
        None => page.nothing("No readable segment header holds a configuration."),
        Some(about) => page.raw(&format!(
            "<details><summary>{} bytes of TOML</summary><pre tabindex=0>{}</pre></details>",
            grouped(about.configuration.len() as u64),
            esc(&about.configuration)
        )),
    }
    page.end();
}

pub fn provenance(page: &mut Page, material: &Material) {
    page.section(
        "provenance",
        "Provenance",
        "Who recorded this, with what, and what proves it.",
    );
    let unknown = || "unknown".to_owned();
    let hash = |text: String| format!("<span class=hash>{}</span>", esc(text));
    let verdict = &material.verdict;
    let mut rows = vec![vec![
        "Flight".to_owned(),
        hash(verdict.flight_id.to_string()),
    ]];
    let mut add = |name: &str, html: String| rows.push(vec![esc(name), html]);
    if let Some(about) = &material.about {
        add("Boot", hash(about.boot_id.to_string()));
        add(
            "Recorded by",
            esc(format!(
                "version {}, core {}",
                about.software_version, about.core_version
            )),
        );
        add("Started", about.clock.unix_ns.map_or_else(unknown, utc));
        if let Some(keys) = &about.keys {
            add("Flight key", hash(keys.flight.to_string()));
            if let Some(device) = keys.device {
                add("Device key", hash(device.key.to_string()));
            }
        }
        if about.recovered {
            add(
                "Recovered",
                "from a damaged recording: the seal of that one does not cover it".to_owned(),
            );
        }
    }
    for stream in &verdict.streams {
        let mut text = format!(
            "{} segments, {} records, to number {}",
            grouped(stream.segments),
            grouped(stream.records),
            grouped(stream.next_sequence.saturating_sub(1))
        );
        if let Some(chain) = stream.last_chain {
            let _ = write!(text, ", chain <span class=hash>{chain}</span>");
        }
        add(&format!("Stream {}", stream.stream), text);
    }
    add(
        "Configuration, BLAKE3",
        material
            .configuration_hash
            .clone()
            .map_or_else(unknown, hash),
    );
    add("Folder", esc(material.folder.display().to_string()));
    add(
        "Report",
        esc(format!(
            "fdr-replay {}, made {}",
            env!("CARGO_PKG_VERSION"),
            utc(material.made_unix_ns)
        )),
    );
    add("Charts", "uPlot 1.6.32 (MIT), embedded".to_owned());
    page.table(&[("", Column::Line), ("", Column::Text)], &rows);
    let counts: Vec<Vec<String>> = verdict
        .counts
        .iter()
        .map(|(kind, count)| vec![esc(kind.to_string()), grouped(count)])
        .collect();
    page.raw("<details><summary>Records by type</summary>");
    page.table(
        &[("Type", Column::Line), ("Records", Column::Number)],
        &counts,
    );
    page.raw("</details>");
    page.end();
}
