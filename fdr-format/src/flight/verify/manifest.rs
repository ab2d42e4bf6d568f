//! Whether the manifest agrees with the segments.

use super::findings::{claim, disagreement};
use super::segment::HeaderSeen;
use super::stream::{SeenSegment, StreamJudge};
use crate::flight::folder::segment_file;
use crate::flight::{FlightDescription, Manifest, ManifestSegment, ManifestStream};
use crate::frame::FORMAT_VERSION;
use crate::identity::FlightId;

/// How the manifest disagrees with the flight that the headers describe. `headers` are those of all
/// segments: the recorder that wrote the manifest last need not be the one that
/// began the flight, and where segments are gone the one with its start may be.
pub(super) fn identity_disagreement(
    manifest: &Manifest,
    flight_id: FlightId,
    flight: Option<&FlightDescription>,
    headers: &[HeaderSeen],
    lacks_segments: bool,
) -> Option<String> {
    let unix = |time: Option<u64>| time.map_or("unknown".to_owned(), |ns| ns.to_string());
    let mut claims = vec![
        claim("format", manifest.format.as_str(), "GFDR"),
        claim("format_version", manifest.format_version, FORMAT_VERSION),
        claim("flight_id", manifest.flight_id, flight_id),
    ];
    if let Some(flight) = flight {
        let recorder = |header: &&HeaderSeen| header.boot_id == manifest.boot_id;
        let boot_id = headers.iter().find(recorder);
        // Later segments carry later moments: only the first of each recorder tells the start.
        let start = |header: &HeaderSeen| header.started_unix_ns == manifest.started_unix_ns;
        let started = if lacks_segments || headers.iter().any(start) {
            manifest.started_unix_ns
        } else {
            flight.clock.unix_ns
        };
        claims.extend([
            claim(
                "boot_id",
                manifest.boot_id,
                boot_id.map_or(flight.boot_id, |header| header.boot_id),
            ),
            claim(
                "software_version",
                &manifest.software_version,
                &flight.software_version,
            ),
            claim("core_version", manifest.core_version, flight.core_version),
            claim(
                "started_unix_ns",
                unix(manifest.started_unix_ns),
                unix(started),
            ),
        ]);
    }
    disagreement("manifest.json", &claims)
}

/// How the manifest of a closed flight disagrees with a stream that was read without damage. `records`
/// counts dropped ones too; where some were dropped, only what is there is compared. So it is with a segment
/// that was not closed, or of which the recorder says that bytes are none of the recording: how much of it the
/// device kept is not what the manifest was written from.
pub(super) fn content_disagreement(manifest: &Manifest, stream: &StreamJudge) -> Option<String> {
    let Some(manifest) = manifest.stream(stream.stream) else {
        let nothing = format!("nothing of the {} stream", stream.stream);
        return disagreement("manifest.json", &[Some(nothing)]);
    };
    let bytes: u64 = manifest.segments.iter().map(|entry| entry.bytes).sum();
    // Of a segment that was not closed the device may have kept more than the recorder could promise.
    let last = stream.seen.last();
    let in_doubt =
        last.is_some_and(|seen| seen.footer.is_none() || stream.is_given_up(seen.segment));
    let records = if in_doubt {
        manifest.records.max(stream.due)
    } else {
        manifest.records
    };
    let mut claims = vec![
        claim("records", records, stream.due),
        claim("bytes", manifest.bytes, bytes),
    ];
    if stream.gaps.missing == 0 {
        let is_there = |entry: &ManifestSegment| {
            let mut seen = stream.seen.iter();
            seen.any(|seen| segment_file(seen.segment) == entry.file)
        };
        let gone = manifest.segments.iter().filter(|entry| !is_there(entry));
        claims.extend(gone.map(|entry| Some(format!("{}, which is not there", entry.file))));
    }
    let whole = |seen: &&SeenSegment| {
        seen.footer.is_some() && !seen.damaged && !stream.is_given_up(seen.segment)
    };
    for segment in stream.seen.iter().filter(whole) {
        claims.extend(segment_claims(manifest, segment));
    }
    disagreement("manifest.json", &claims)
}

fn segment_claims(manifest: &ManifestStream, seen: &SeenSegment) -> Vec<Option<String>> {
    let Some((first_sequence, last_sequence)) = seen.sequence else {
        return Vec::new();
    };
    let file = segment_file(seen.segment);
    let Some(entry) = manifest.segments.iter().find(|entry| entry.file == file) else {
        return vec![Some(format!("nothing of {file}"))];
    };
    let what = |field: &str| format!("{file} {field}");
    vec![
        claim(&what("bytes"), entry.bytes, seen.bytes),
        claim(
            &what("first_sequence"),
            entry.first_sequence,
            first_sequence,
        ),
        claim(&what("last_sequence"), entry.last_sequence, last_sequence),
    ]
}
