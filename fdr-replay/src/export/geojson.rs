//! GeoJSON (RFC 7946): a line for each run of positions, a point for each event. Heights stand beside the
//! coordinates, for theirs would be above the ellipsoid and ours are above mean sea level.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::clock::iso;
use super::track::{Event, Run, Track, label_name};

/// Writes the track.
pub fn write(track: &Track, out: &mut dyn Write) -> io::Result<()> {
    let name = Value::from(track.name.as_str());
    write!(
        out,
        "{{\"type\":\"FeatureCollection\",\"name\":{name},\"features\":["
    )?;
    let runs = track.runs.iter().map(run);
    let events = track.events.iter().filter_map(event);
    for (index, feature) in runs.chain(events).enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(out, "{comma}\n{feature}")?;
    }
    writeln!(out, "\n]}}")
}

fn run(run: &Run) -> Value {
    let points = &run.points;
    let places: Vec<Value> = points
        .iter()
        .map(|own| json!([degrees(own.lon_deg), degrees(own.lat_deg)]))
        .collect();
    // A line has two places at least.
    let geometry = match places.as_slice() {
        [only] => json!({"type": "Point", "coordinates": only}),
        _ => json!({"type": "LineString", "coordinates": places}),
    };
    json!({
        "type": "Feature",
        "geometry": geometry,
        "properties": {
            "source_label": label_name(run.label),
            "coordTimes": points.iter().map(|own| iso(own.unix_ns)).collect::<Vec<_>>(),
            "alt_msl_m": points.iter().map(|own| own.alt_msl_m).collect::<Vec<_>>(),
            "horiz_accuracy_m": points.iter().map(|own| own.horiz_accuracy_m).collect::<Vec<_>>(),
        }
    })
}

fn event(event: &Event) -> Option<Value> {
    let place = event.place?;
    Some(json!({
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [degrees(place.lon_deg), degrees(place.lat_deg)]},
        "properties": {"event": event.text, "record": event.kind, "time": iso(event.unix_ns)}
    }))
}

/// To 1e-8 degrees, a millimetre.
fn degrees(own: f64) -> f64 {
    (own * 1e8).round() / 1e8
}
