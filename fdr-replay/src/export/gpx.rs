//! GPX 1.1: a track for each run of positions, its label as type; the 1 sigma radius as an extension.

use std::io::{self, Write};

use super::clock::iso;
use super::track::{Track, label_name};
use super::xml::escape;

/// Writes the track.
pub fn write(track: &Track, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<gpx version=\"1.1\" creator=\"fdr-replay\" xmlns=\"http://www.topografix.com/GPX/1/1\" \
         xmlns:gfdr=\"urn:gps-denied:gfdr\">\n<metadata><name>{}</name></metadata>",
        escape(&track.name)
    )?;
    for event in &track.events {
        let Some(place) = event.place else { continue };
        writeln!(
            out,
            "<wpt lat=\"{:.8}\" lon=\"{:.8}\"><ele>{:.2}</ele><time>{}</time><name>{}</name><type>{}</type></wpt>",
            place.lat_deg,
            place.lon_deg,
            place.alt_msl_m,
            iso(event.unix_ns),
            escape(&event.text),
            escape(&event.kind)
        )?;
    }
    for run in &track.runs {
        let name = label_name(run.label);
        writeln!(out, "<trk><name>{name}</name><type>{name}</type><trkseg>")?;
        for point in &run.points {
            writeln!(
                out,
                "<trkpt lat=\"{:.8}\" lon=\"{:.8}\"><ele>{:.2}</ele><time>{}</time>\
                 <extensions><gfdr:horiz_accuracy_m>{:.2}</gfdr:horiz_accuracy_m></extensions></trkpt>",
                point.lat_deg,
                point.lon_deg,
                point.alt_msl_m,
                iso(point.unix_ns),
                point.horiz_accuracy_m
            )?;
        }
        writeln!(out, "</trkseg></trk>")?;
    }
    writeln!(out, "</gpx>")
}
