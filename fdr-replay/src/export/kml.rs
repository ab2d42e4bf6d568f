//! KML 2.2 with Google's extension `gx:Track`: every position with its time, coloured by label.

use std::io::{self, Write};

use fdr_format::records::SourceLabel;

use super::clock::iso;
use super::track::{Run, Track, label_name};
use super::xml::escape;

/// Line colours, as KML has them: alpha, blue, green, red.
const COLOURS: [(SourceLabel, &str); 3] = [
    (SourceLabel::SatelliteAnchored, "ff50af4c"),
    (SourceLabel::VisualPropagated, "ffe5881e"),
    (SourceLabel::DeadReckoned, "ff2a6fe6"),
];

/// Writes the track.
pub fn write(track: &Track, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<kml xmlns=\"http://www.opengis.net/kml/2.2\" xmlns:gx=\"http://www.google.com/kml/ext/2.2\">"
    )?;
    writeln!(out, "<Document>\n<name>{}</name>", escape(&track.name))?;
    for (label, colour) in COLOURS {
        writeln!(
            out,
            "<Style id=\"{}\"><LineStyle><color>{colour}</color><width>3</width></LineStyle></Style>",
            label_name(label)
        )?;
    }
    writeln!(
        out,
        "<Schema id=\"position\" name=\"position\"><gx:SimpleArrayField name=\"horiz_accuracy_m\" type=\"float\">\
         <displayName>1 sigma, m</displayName></gx:SimpleArrayField></Schema>"
    )?;
    writeln!(out, "<Folder>\n<name>Track by source label</name>")?;
    for own in &track.runs {
        run(own, out)?;
    }
    writeln!(out, "</Folder>\n<Folder>\n<name>Events</name>")?;
    for event in &track.events {
        let Some(place) = event.place else { continue };
        writeln!(
            out,
            "<Placemark><name>{}</name><description>{}</description>\
             <TimeStamp><when>{}</when></TimeStamp>\
             <Point><altitudeMode>absolute</altitudeMode><coordinates>{:.8},{:.8},{:.2}</coordinates></Point></Placemark>",
            escape(&event.text),
            escape(&event.kind),
            iso(event.unix_ns),
            place.lon_deg,
            place.lat_deg,
            place.alt_msl_m
        )?;
    }
    writeln!(out, "</Folder>\n</Document>\n</kml>")
}

fn run(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let name = label_name(run.label);
    writeln!(
        out,
        "<Placemark><name>{name}</name><styleUrl>#{name}</styleUrl>\n\
         <gx:Track><altitudeMode>absolute</altitudeMode>"
    )?;
    for point in &run.points {
        writeln!(out, "<when>{}</when>", iso(point.unix_ns))?;
    }
    for point in &run.points {
        writeln!(
            out,
            "<gx:coord>{:.8} {:.8} {:.2}</gx:coord>",
            point.lon_deg, point.lat_deg, point.alt_msl_m
        )?;
    }
    writeln!(
        out,
        "<ExtendedData><SchemaData schemaUrl=\"#position\"><gx:SimpleArrayData name=\"horiz_accuracy_m\">"
    )?;
    for point in &run.points {
        writeln!(out, "<gx:value>{:.2}</gx:value>", point.horiz_accuracy_m)?;
    }
    writeln!(
        out,
        "</gx:SimpleArrayData></SchemaData></ExtendedData></gx:Track></Placemark>"
    )
}
