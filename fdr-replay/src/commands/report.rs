//! `report`: one HTML file that shows a flight.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use companion::navigator::Geodetic;
use companion::smoother::{Settings, SmoothedPosition, smooth_flight};
use fdr_format::{
    FlightReader, PublicKey, Signature, SignedReceipt, Stream, Verification, VerifyOptions,
    find_flights, is_signed,
};
use serde::{Deserialize, Serialize};

use super::verify::judge;
use crate::alerts::{self, Evidence};
use crate::cli::ReportArguments;
use crate::figures::{Distribution, Envelope, Figures, Place, Tile, gather, name_of};
use crate::outcome::Outcome;
use crate::output::{told, write_file};
use crate::progress::Progress;
use crate::report::map::{Bounds, MapPackage, geofence, image_url, package};
use crate::report::{Earlier, Material, ReceiptLine, Smoothed, Thumbnail, render};
use crate::table::{Table, grouped, print_json};

/// How far the smoother looks ahead, s.
const LAG_S: f64 = 120.0;
/// Positions of the smoothed track of a long flight.
const SMOOTHED_POSITIONS: f64 = 3600.0;
/// Thumbnails that are embedded, and their bytes together.
const THUMBNAILS_MAX: usize = 60;
const THUMBNAIL_BYTES_MAX: usize = 2 << 20;
const THUMBNAIL_BYTES: u64 = 64 << 10;
/// Fixes further apart than this do not say where the aircraft was between them.
const FIXES_APART_NS: u64 = 2_000_000_000;
/// Room around the track that imagery covers, share of its size and at least so many degrees.
const MARGIN: f64 = 0.05;
const MARGIN_LEAST_DEG: f64 = 1e-4;

/// What was written.
#[derive(Debug, Serialize)]
struct Written<'a> {
    report: &'a Path,
    bytes: usize,
    flight_id: String,
    exit_code: u8,
    worst_alert: Option<alerts::Urgency>,
    positions: u64,
    duration_s: f64,
}

/// Writes the report; the code is that of the verdict.
pub fn run(arguments: &ReportArguments) -> anyhow::Result<Outcome> {
    let material = material(arguments)?;
    let html = render(&material);
    write_file(&arguments.output, arguments.force, html.as_bytes())?;
    let outcome = Outcome::of_verification(material.verdict.exit_code);
    let written = Written {
        report: &arguments.output,
        bytes: html.len(),
        flight_id: material.verdict.flight_id.to_string(),
        exit_code: outcome.code(),
        worst_alert: alerts::worst(&material.judgements),
        positions: material.figures.positions,
        duration_s: material.figures.duration_s(),
    };
    if arguments.flight.json {
        print_json(&written)?;
    } else {
        Table::default()
            .row("report", arguments.output.display())
            .row("bytes", grouped(written.bytes as u64))
            .row("flight", &written.flight_id)
            .row(
                "verdict",
                super::verify::in_words(material.verdict.completeness),
            )
            .row(
                "alerts",
                written.worst_alert.map_or("none", |worst| worst.in_words()),
            )
            .print()?;
    }
    Ok(outcome)
}

fn material(arguments: &ReportArguments) -> anyhow::Result<Material> {
    let reader = FlightReader::open(&arguments.flight.flight)?;
    let geofence = arguments
        .geofence
        .as_deref()
        .map(geofence)
        .transpose()?
        .unwrap_or_default();
    let folder = reader.folder().to_owned();
    let about = reader.description().cloned();
    let verdict = judge(&reader, &VerifyOptions::default())?;
    let duration_s = verdict.time.map_or(0.0, |time| time.seconds());
    let (figures, smoothed) = read_both(reader, duration_s, !arguments.no_smoothing)?;
    let evidence = Evidence {
        figures: &figures,
        verdict: &verdict,
    };
    let judgements = alerts::judge(&evidence);
    let map = match &arguments.map {
        Some(path) => package(path, bounds(&figures)).unwrap_or_else(|error| MapPackage {
            problem: Some(error.to_string()),
            ..MapPackage::default()
        }),
        None => MapPackage::default(),
    };
    let (earlier, earlier_problems) = compare(
        arguments,
        &figures,
        &verdict,
        about.as_ref().and_then(|about| about.clock.unix_ns),
    );
    let (thumbnails, thumbnails_omitted) = thumbnails(&folder, &figures.tiles);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(Material {
        smoothed: smoothed.map(|smoothed| smoothed.compared(&figures)),
        receipts: receipts(&folder, &verdict, arguments.sync_receipt.as_deref()),
        configuration_hash: about
            .as_ref()
            .map(|about| blake3::hash(about.configuration.as_bytes()).to_string()),
        folder,
        figures,
        verdict,
        about,
        judgements,
        earlier,
        earlier_problems,
        map,
        geofence,
        thumbnails,
        thumbnails_omitted,
        made_unix_ns: now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)),
    })
}

/// Figures and smoothed track, each in a pass of its own at the same time.
fn read_both(
    reader: FlightReader,
    duration_s: f64,
    smoothing: bool,
) -> anyhow::Result<(Figures, Result<Track, String>)> {
    let folder = reader.folder().to_owned();
    thread::scope(|scope| {
        let track = scope.spawn(|| match smoothing {
            true => smooth(&folder, duration_s),
            false => Err("it was not asked for (--no-smoothing)".to_owned()),
        });
        let mut progress = Progress::new("reading");
        let figures = gather(reader, |done, total| progress.update(done, total))?;
        let track = track
            .join()
            .unwrap_or_else(|_| Err("the smoother failed".to_owned()));
        Ok((figures, track))
    })
}

/// The smoothed positions, not yet compared.
struct Track {
    start_ns: u64,
    positions: Vec<SmoothedPosition>,
    lag_s: f64,
    period_s: f64,
    cut_short: Option<String>,
}

fn smooth(folder: &Path, duration_s: f64) -> Result<Track, String> {
    let period_s = (duration_s / SMOOTHED_POSITIONS).ceil().clamp(1.0, 60.0);
    let settings = Settings::new(LAG_S, period_s).map_err(|error| error.to_string())?;
    let reader = FlightReader::open(folder).map_err(|error| error.to_string())?;
    let start_ns = reader
        .description()
        .map_or(0, |about| about.clock.monotonic_ns);
    let mut positions = Vec::new();
    let done = smooth_flight(
        reader,
        settings,
        |position| positions.push(position),
        |_, _| {},
    )
    .map_err(|error| error.to_string())?;
    match (positions.is_empty(), done.cut_short) {
        (true, Some(why)) => Err(format!("inputs are missing from the start: {why}")),
        (true, None) => Err("no position was estimated".to_owned()),
        (false, cut_short) => Ok(Track {
            start_ns,
            positions,
            lag_s: LAG_S,
            period_s,
            cut_short,
        }),
    }
}

impl Track {
    fn compared(self, figures: &Figures) -> Smoothed {
        let mut smoothed = Smoothed {
            track: Envelope::new(3.0 * self.period_s),
            moved_m: Distribution::default(),
            sigma_m: Distribution::default(),
            emitted_sigma_m: Distribution::default(),
            errors_m: Distribution::default(),
            emitted_errors_m: Distribution::default(),
            better: 0,
            lag_s: self.lag_s,
            period_s: self.period_s,
            cut_short: self.cut_short,
        };
        for position in &self.positions {
            let at_ns = position.time_ns.saturating_sub(self.start_ns);
            let now = geodetic(position.lat_rad, position.lon_rad);
            let emitted = geodetic(position.emitted_lat_rad, position.emitted_lon_rad);
            let [nn, ne, ee] = position.covariance_m2;
            let largest = 0.5 * (nn + ee) + (0.25 * (nn - ee) * (nn - ee) + ne * ne).sqrt();
            smoothed.moved_m.add(distance_m(emitted, now));
            smoothed.sigma_m.add(largest.sqrt());
            smoothed
                .emitted_sigma_m
                .add(position.emitted_horiz_accuracy_m);
            smoothed.track.add(
                at_ns,
                Place {
                    lat_deg: position.lat_rad.to_degrees(),
                    lon_deg: position.lon_rad.to_degrees(),
                    radius_m: largest.sqrt() as f32,
                    label: 0,
                },
            );
            if let Some(truth) = fix_at(&figures.fixes, at_ns) {
                let (before_m, after_m) = (distance_m(truth, emitted), distance_m(truth, now));
                smoothed.emitted_errors_m.add(before_m);
                smoothed.errors_m.add(after_m);
                smoothed.better += u64::from(after_m < before_m);
            }
        }
        smoothed
    }
}

fn geodetic(lat_rad: f64, lon_rad: f64) -> Geodetic {
    Geodetic {
        lat_rad,
        lon_rad,
        alt_msl_m: 0.0,
    }
}

fn distance_m(from: Geodetic, to: Geodetic) -> f64 {
    from.displacement_to(to).xy().norm()
}

/// Where the reference was, between two of its fixes.
fn fix_at(fixes: &[(u64, Geodetic)], at_ns: u64) -> Option<Geodetic> {
    let next = fixes.partition_point(|(time, _)| *time < at_ns);
    let (after, to) = *fixes.get(next)?;
    let (before, from) = *fixes.get(next.checked_sub(1)?)?;
    if after - before > FIXES_APART_NS {
        return None;
    }
    let part = (at_ns - before) as f64 / (after - before).max(1) as f64;
    Some(geodetic(
        from.lat_rad + (to.lat_rad - from.lat_rad) * part,
        from.lon_rad + (to.lon_rad - from.lon_rad) * part,
    ))
}

fn bounds(figures: &Figures) -> Option<Bounds> {
    let points = figures.track.points();
    let mut places = points.iter().filter_map(|(_, place)| place.as_ref());
    let first = places.next()?;
    let mut bounds = Bounds {
        south: first.lat_deg,
        north: first.lat_deg,
        west: first.lon_deg,
        east: first.lon_deg,
    };
    for place in places {
        bounds.south = bounds.south.min(place.lat_deg);
        bounds.north = bounds.north.max(place.lat_deg);
        bounds.west = bounds.west.min(place.lon_deg);
        bounds.east = bounds.east.max(place.lon_deg);
    }
    let margin = MARGIN * (bounds.north - bounds.south).max(bounds.east - bounds.west);
    let margin = margin.max(MARGIN_LEAST_DEG);
    bounds.south -= margin;
    bounds.north += margin;
    bounds.west -= margin;
    bounds.east += margin;
    Some(bounds)
}

/// This flight first, then the others.
fn compare(
    arguments: &ReportArguments,
    figures: &Figures,
    verdict: &Verification,
    started: Option<u64>,
) -> (Vec<Earlier>, Vec<String>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let mut folders: Vec<PathBuf> = Vec::new();
    for path in &arguments.compare {
        match find_flights(path) {
            Ok(found) => folders.extend(found),
            Err(error) => problems.push(error.to_string()),
        }
    }
    let name = verdict.flight_id.to_string();
    for folder in folders {
        match earlier(&folder) {
            Ok(row) if row.name == name => {}
            Ok(row) => rows.push(row),
            Err(error) => problems.push(format!("{}: {error}", folder.display())),
        }
    }
    rows.sort_by_key(|row| row.started_unix_ns);
    if !rows.is_empty() {
        let mut this = row(name, figures, started);
        this.is_this = true;
        rows.insert(0, this);
    }
    (rows, problems)
}

fn earlier(folder: &Path) -> anyhow::Result<Earlier> {
    let mut reader = FlightReader::open_stream(folder, Stream::Essential)?;
    if reader.last_segment().is_none() {
        reader = FlightReader::open(folder)?;
    }
    let name = reader.flight_id().to_string();
    let started = reader.description().and_then(|about| about.clock.unix_ns);
    let mut progress = Progress::new("comparing");
    let figures = gather(reader, |done, total| progress.update(done, total))?;
    Ok(row(name, &figures, started))
}

fn row(name: String, figures: &Figures, started_unix_ns: Option<u64>) -> Earlier {
    Earlier {
        name,
        is_this: false,
        started_unix_ns,
        duration_s: figures.duration_s(),
        distance_km: figures.distance_m / 1000.0,
        label_shares: [0, 1, 2].map(|label| figures.label_share(label)),
        radius_p50_m: figures.radius_95_m.quantile(0.5),
        radius_p95_m: figures.radius_95_m.quantile(0.95),
        longest_alone_s: figures.longest_alone.map_or(0.0, |(_, seconds)| seconds),
        serious_events: figures.events.serious().map(|event| event.times).sum(),
        records_lost: figures.records_lost,
    }
}

/// Thumbnails of failed tiles, and how many more there are.
fn thumbnails(folder: &Path, tiles: &[Tile]) -> (Vec<Thumbnail>, usize) {
    let (mut found, mut bytes, mut omitted) = (Vec::new(), 0, 0);
    for tile in tiles {
        let Some(failure) = tile.failure.filter(|_| !tile.thumbnail.is_empty()) else {
            continue;
        };
        // A name that leads elsewhere is none of a thumbnail.
        let plain = Path::new(&tile.thumbnail).file_name() == Some(tile.thumbnail.as_ref());
        let path = folder.join("thumbnails").join(&tile.thumbnail);
        let small = fs::symlink_metadata(&path)
            .is_ok_and(|about| about.is_file() && about.len() <= THUMBNAIL_BYTES);
        if !plain || !small {
            continue;
        }
        if found.len() >= THUMBNAILS_MAX || bytes >= THUMBNAIL_BYTES_MAX {
            omitted += 1;
            continue;
        }
        let image = fs::read(&path).unwrap_or_default();
        bytes += image.len();
        found.extend(image_url(&image).map(|url| Thumbnail {
            name: tile.thumbnail.clone(),
            at_s: tile.time_ns as f64 * 1e-9,
            reason: name_of(&failure).replace('_', " "),
            url,
        }));
    }
    (found, omitted)
}

/// The receipt of `sync`, as far as it is checked.
#[derive(Debug, Deserialize)]
struct SyncReceipt {
    signed: String,
    signature: String,
    receipt: SyncRows,
}

#[derive(Debug, Deserialize)]
struct SyncRows {
    flight_id: String,
    rows: u64,
    public_key: PublicKey,
}

fn receipts(folder: &Path, verdict: &Verification, sync: Option<&Path>) -> Vec<ReceiptLine> {
    let mut lines = Vec::new();
    let line = |kind, holds, text| ReceiptLine { kind, holds, text };
    match SignedReceipt::read(folder) {
        Ok(None) => {}
        Ok(Some(signed)) => {
            let receipt = &signed.receipt;
            let holds = signed.is_signed()
                && receipt.flight_id == verdict.flight_id
                && receipt.records == verdict.records;
            let text = format!(
                "{} files, {} bytes, {} records, by operator {}",
                receipt.files.len(),
                grouped(receipt.bytes),
                grouped(receipt.records),
                receipt.operator_key
            );
            lines.push(line("Retrieval receipt", holds, text));
        }
        Err(error) => lines.push(line("Retrieval receipt", false, error.to_string())),
    }
    if let Some(path) = sync {
        let (holds, text) = match sync_receipt(path, verdict) {
            Ok(read) => read,
            Err(error) => (false, error.to_string()),
        };
        lines.push(line("Sync receipt", holds, text));
    }
    lines
}

fn sync_receipt(path: &Path, verdict: &Verification) -> anyhow::Result<(bool, String)> {
    let text = told(
        fs::read_to_string(path),
        path.display(),
        "give a readable receipt",
    )?;
    let read: SyncReceipt = told(
        serde_json::from_str(&text),
        path.display(),
        "give a receipt of sync",
    )?;
    // Only what is signed counts.
    let rows: SyncRows = told(
        serde_json::from_str(&read.signed),
        path.display(),
        "give a receipt of sync",
    )?;
    let signature: Signature = told(
        read.signature.parse(),
        path.display(),
        "give a receipt of sync",
    )?;
    let holds = is_signed(read.signed.as_bytes(), rows.public_key, signature)
        && rows.flight_id == verdict.flight_id.to_string()
        && read.receipt.rows == rows.rows
        && read.receipt.public_key == rows.public_key
        && read.receipt.flight_id == rows.flight_id;
    Ok((
        holds,
        format!("{} rows, by {}", grouped(rows.rows), rows.public_key),
    ))
}
