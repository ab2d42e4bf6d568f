//! The report: one HTML file that needs no network, in the order in which an operator reads.
//!
//! | part | holds |
//! |---|---|
//! | [`Material`] | everything that the page says, gathered before |
//! | `page` | HTML in small pieces |
//! | `data` | what map, timeline and charts draw, as JSON |
//! | `summary`, `charts`, `findings`, `statistics`, `closing` | the sections |
//! | `map` | imagery and footprint of a map package, geofence |
//!
//! Style and script are `assets/report.css` and `report.js`; charts are drawn by uPlot
//! (`scripts/vendor-uplot.sh`).

mod charts;
mod closing;
mod data;
mod findings;
pub mod map;
mod page;
mod statistics;
mod summary;

use std::path::PathBuf;

use fdr_format::{FlightDescription, Verification};

use crate::alerts::Judgement;
use crate::figures::{Distribution, Envelope, Figures, Place};
use page::Page;

const STYLE: &str = include_str!("../../assets/report.css");
const SCRIPT: &str = include_str!("../../assets/report.js");
const CHART_STYLE: &str = include_str!("../../assets/uplot/uPlot.min.css");
const CHART_SCRIPT: &str = include_str!("../../assets/uplot/uPlot.iife.min.js");

/// The smoothed track and how it compares.
#[derive(Debug)]
pub struct Smoothed {
    pub track: Envelope<Place>,
    pub moved_m: Distribution,
    pub sigma_m: Distribution,
    pub emitted_sigma_m: Distribution,
    pub errors_m: Distribution,
    pub emitted_errors_m: Distribution,
    /// Compared positions that hindsight brought closer.
    pub better: u64,
    pub lag_s: f64,
    pub period_s: f64,
    pub cut_short: Option<String>,
}

/// One row of the comparison.
#[derive(Debug)]
pub struct Earlier {
    pub name: String,
    pub is_this: bool,
    pub started_unix_ns: Option<u64>,
    pub duration_s: f64,
    pub distance_km: f64,
    pub label_shares: [f64; 3],
    pub radius_p50_m: Option<f64>,
    pub radius_p95_m: Option<f64>,
    pub longest_alone_s: f64,
    pub serious_events: u64,
    pub records_lost: u64,
}

/// A receipt that was found.
#[derive(Debug)]
pub struct ReceiptLine {
    pub kind: &'static str,
    pub holds: bool,
    pub text: String,
}

/// A thumbnail of a failed tile.
#[derive(Debug)]
pub struct Thumbnail {
    pub name: String,
    pub at_s: f64,
    pub reason: String,
    /// The image as a `data:` URL.
    pub url: String,
}

/// Everything that the page says.
#[derive(Debug)]
pub struct Material {
    pub folder: PathBuf,
    pub figures: Figures,
    pub verdict: Verification,
    pub about: Option<FlightDescription>,
    pub configuration_hash: Option<String>,
    pub judgements: Vec<Judgement>,
    /// The smoothed track, or why there is none.
    pub smoothed: Result<Smoothed, String>,
    pub earlier: Vec<Earlier>,
    pub earlier_problems: Vec<String>,
    pub map: map::MapPackage,
    pub geofence: Vec<map::Ring>,
    pub receipts: Vec<ReceiptLine>,
    pub thumbnails: Vec<Thumbnail>,
    pub thumbnails_omitted: usize,
    pub made_unix_ns: u64,
}

/// Sections in their order, as the navigation names them.
const SECTIONS: [(&str, &str); 13] = [
    ("summary", "Summary"),
    ("quality", "Data quality"),
    ("map", "Map"),
    ("timeline", "Timeline"),
    ("charts", "Charts"),
    ("findings", "Findings"),
    ("audit", "Audit"),
    ("statistics", "Statistics"),
    ("smoothed", "Smoothed"),
    ("tiles", "Tiles"),
    ("comparison", "Comparison"),
    ("configuration", "Configuration"),
    ("provenance", "Provenance"),
];

/// The page.
pub fn render(material: &Material) -> String {
    let mut page = Page::default();
    head(&mut page, material);
    summary::summary(&mut page, material);
    summary::quality(&mut page, material);
    charts::map(&mut page, material);
    charts::timeline(&mut page, material);
    charts::charts(&mut page, material);
    findings::findings(&mut page, material);
    findings::audit(&mut page, material);
    statistics::statistics(&mut page, material);
    closing::smoothed(&mut page, material);
    closing::tiles(&mut page, material);
    closing::comparison(&mut page, material);
    closing::configuration(&mut page, material);
    closing::provenance(&mut page, material);
    page.raw("</main><div id=tip role=tooltip></div>");
    page.raw("<script type=\"application/json\" id=data>");
    page.raw(&data::document(material));
    page.raw("</script>\n<script>");
    page.raw(CHART_SCRIPT);
    page.raw("</script>\n<script>");
    page.raw(SCRIPT);
    page.raw("</script>\n</body>\n</html>\n");
    page.into_html()
}

fn head(page: &mut Page, material: &Material) {
    let title = format!("Flight {}", material.verdict.flight_id);
    // Nothing is fetched, whatever a recording says: the page may use only what is in it.
    page.raw(
        "<!DOCTYPE html>\n<html lang=en>\n<head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\
         <meta name=color-scheme content=\"light dark\"><link rel=icon href=\"data:,\">",
    );
    page.raw(&format!("<title>{}</title><style>", page::esc(title)));
    page.raw(CHART_STYLE);
    page.raw(STYLE);
    page.raw("</style></head>\n<body><a class=skip href=#main>To the report</a><header class=top><strong>GFDR report</strong><nav aria-label=Sections>");
    for (id, name) in SECTIONS {
        page.raw(&format!("<a href=#{id}>{name}</a>"));
    }
    page.raw("</nav><button id=theme type=button>Dark</button></header><main id=main>");
}
