//! Whether the manifest agrees with the segments.

use super::findings::{claim, disagreement};
use super::stream::{SeenSegment, StreamJudge};
use crate::flight::folder::segment_file;
use crate::flight::{FlightDescription, Manifest, ManifestStream};
use crate::frame::FORMAT_VERSION;
use crate::identity::FlightId;

/// How the manifest disagrees with the flight that the headers describe.
pub(super) fn identity_disagreement(
    manifest: &Manifest,
    flight_id: FlightId,
    flight: Option<&FlightDescription>,
) -> Option<String> {
    let unix = |time: Option<u64>| time.map_or("unknown".to_owned(), |ns| ns.to_string());
    let mut claims = vec![
        claim("format", manifest.format.as_str(), "GFDR"),
        claim("format_version", manifest.format_version, FORMAT_VERSION),
        claim("flight_id", manifest.flight_id, flight_id),
    ];
    if let Some(flight) = flight {
        claims.extend([
            claim("boot_id", manifest.boot_id, flight.boot_id),
            claim(
                "software_version",
                &manifest.software_version,
                &flight.software_version,
            ),
            claim("core_version", manifest.core_version, flight.core_version),
            claim(
                "started_unix_ns",
                unix(manifest.started_unix_ns),
                unix(flight.clock.unix_ns),
            ),
        ]);
    }
    disagreement("manifest.json", &claims)
}

/// How the manifest of a closed flight disagrees with a stream that was read without damage. `records`
/// counts dropped ones too; where some were dropped, only what is there is compared.
pub(super) fn content_disagreement(manifest: &Manifest, stream: &StreamJudge) -> Option<String> {
    let Some(manifest) = manifest.stream(stream.stream) else {
        let nothing = format!("nothing of the {} stream", stream.stream);
        return disagreement("manifest.json", &[Some(nothing)]);
    };
    let mut claims = vec![claim("records", manifest.records, stream.due)];
    if stream.gaps.missing == 0 {
        let bytes = stream.seen.iter().map(|segment| segment.bytes).sum();
        claims.push(claim("bytes", manifest.bytes, bytes));
        claims.push(claim(
            "segments",
            manifest.segments.len(),
            stream.seen.len(),
        ));
    }
    for segment in &stream.seen {
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
