//! Map, timeline and charts: the page's script draws them from the data document.

use super::Material;
use super::page::{Page, esc};
use crate::table::grouped;

/// The three labels' colours in one stroke.
const LABELS_KEY: &str = "linear-gradient(90deg,var(--dead_reckoned) 33%,var(--visual_propagated) 33% 67%,var(--satellite_anchored) 67%)";

pub fn map(page: &mut Page, material: &Material) {
    page.section(
        "map",
        "Map",
        "The emitted track in the colour of its label, over what the flight controller's GPS said. Drag to move, click and scroll to zoom; arrow keys, + and \u{2212} do the same. Point at the track to set the cursor.",
    );
    let figures = &material.figures;
    if figures.positions == 0 && figures.gps_track.samples() == 0 {
        page.nothing("There is no position to draw.");
        page.end();
        return;
    }
    page.raw(
        "<div id=mapbox><canvas id=mapview tabindex=0 role=img aria-label=\"Map of the flight\"></canvas>\
         <div class=mapbuttons><button id=map-in aria-label=\"Zoom in\">+</button><button id=map-out aria-label=\"Zoom out\">\u{2212}</button>\
         <button id=map-fit aria-label=\"Whole flight\">\u{25a3}</button></div></div><div class=layers>",
    );
    let layers = [
        ("track", "emitted", "dead_reckoned", figures.positions > 0),
        ("gps", "FC GPS", "gps", figures.gps_track.samples() > 0),
        (
            "smoothed",
            "smoothed",
            "smoothed",
            material.smoothed.is_ok(),
        ),
        ("events", "events", "warn", true),
        ("geofence", "geofence", "bad", !material.geofence.is_empty()),
        (
            "footprint",
            "map package",
            "muted",
            !material.map.footprints.is_empty(),
        ),
        ("tiles", "imagery", "muted", !material.map.tiles.is_empty()),
        (
            "midflight",
            "mid-flight tiles",
            "satellite_anchored",
            !figures.tiles.is_empty(),
        ),
    ];
    for (id, name, color, there) in layers {
        if there {
            let color = match id {
                "track" => LABELS_KEY.to_owned(),
                _ => format!("var(--{color})"),
            };
            page.raw(&format!(
                "<label><input type=checkbox id=layer-{id} checked><i style=\"background:{color}\"></i>{name}</label>"
            ));
        }
    }
    page.raw("</div>");
    let mut missing = Vec::new();
    if material.geofence.is_empty() {
        missing.push("geofence (--geofence FILE)");
    }
    if material.map.footprints.is_empty() {
        missing.push("map package (--map PACKAGE)");
    }
    if figures.home.is_none() {
        missing.push("home");
    }
    if !missing.is_empty() {
        page.nothing(&format!("Not known, so not drawn: {}.", missing.join(", ")));
    }
    if let Some(problem) = &material.map.problem {
        page.nothing(&format!("The map package is not drawn: {problem}"));
    }
    page.end();
}

pub fn timeline(page: &mut Page, material: &Material) {
    page.section(
        "timeline",
        "Timeline",
        "Labels, fixes offered, GPS, spoofing, blackouts, heat and recorder, with every event. Diamonds are key rotations and thermal switches. Drag over a stretch to zoom into it everywhere, double-click for the whole flight.",
    );
    page.raw("<canvas id=lanes tabindex=0 role=img aria-label=\"Timeline; arrow keys move the cursor, plus and minus zoom\"></canvas>");
    let omitted: u64 = material
        .figures
        .lanes
        .all()
        .iter()
        .map(|(_, lane)| lane.omitted())
        .sum();
    let events = material.figures.events.omitted();
    if omitted + events > 0 {
        page.nothing(&format!(
            "Too many to draw: {} spans and {} events are left out.",
            grouped(omitted),
            grouped(events)
        ));
    }
    page.end();
}

/// Charts with their title, and why one may be empty.
const CHARTS: [(&str, &str, &str, &str); 10] = [
    (
        "radius",
        "Accuracy",
        "95 % radius, 1 sigma and error, m, logarithmic",
        "no position was emitted",
    ),
    (
        "anchor",
        "Anchor age",
        "s since the last accepted map match",
        "no map match was accepted in this flight",
    ),
    (
        "label",
        "Label",
        "what carries the position",
        "no position was emitted",
    ),
    (
        "latency",
        "Latency",
        "ms",
        "neither sent bytes nor recorder telemetry were recorded",
    ),
    ("load", "Load", "%", "the machine's health was not recorded"),
    (
        "temperature",
        "Temperature",
        "\u{b0}C",
        "the machine's health was not recorded",
    ),
    (
        "innovation",
        "Innovations",
        "distance of map matches from the estimate, m",
        "no frame was matched with a map",
    ),
    (
        "nis",
        "Normalised innovations",
        "squared, 2 degrees of freedom, logarithmic; 5.99 is the 95 % bound",
        "no map match was judged and no GPS fix rejected",
    ),
    (
        "height",
        "Height",
        "m above mean sea level",
        "no position was emitted",
    ),
    ("speed", "Speed", "m/s", "no position was emitted"),
];

pub fn charts(page: &mut Page, material: &Material) {
    page.section(
        "charts",
        "Charts",
        "One cursor and one range of time for all of them. Least and greatest value of every stretch are kept; a gap in the data is a gap in the line.",
    );
    page.raw("<div class=readout id=readout role=status><span id=readout-text></span><button id=whole>Whole flight</button></div>");
    page.raw("<div id=chartgrid tabindex=0 aria-label=\"Charts; arrow keys move the cursor\">");
    let drawn = super::data::charts_with_data(&material.figures);
    for (id, title, unit, why) in CHARTS {
        page.raw(&format!(
            "<div class=chart><h3>{} <small>{}</small></h3>",
            esc(title),
            esc(unit)
        ));
        if drawn.contains(&id) {
            page.raw(&format!("<div id=chart-{id}></div>"));
        } else {
            page.nothing(&format!("Nothing to draw: {why}."));
        }
        page.raw("</div>");
    }
    page.raw("</div>");
    page.end();
}
