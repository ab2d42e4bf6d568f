//! Whether the manifest agrees with the segments.

use super::findings::{claim, disagreement};
use crate::flight::folder::segment_file;
use crate::flight::{FlightDescription, Manifest, ManifestStream};
use crate::frame::FORMAT_VERSION;
use crate::identity::{FlightId, Stream};

/// One segment as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenSegment {
    pub number: u32,
    pub bytes: u64,
    pub first_sequence: u64,
    pub last_sequence: u64,
}

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

/// How the manifest of a closed flight disagrees with segments that were read without damage.
/// `records` counts dropped ones too; where some were dropped, only what is there is compared.
pub(super) fn content_disagreement(
    manifest: &Manifest,
    records: u64,
    seen: &[SeenSegment],
    dropped: bool,
) -> Option<String> {
    let Some(manifest) = manifest.stream(Stream::Bulk) else {
        return disagreement(
            "manifest.json",
            &[Some("nothing of the bulk stream".to_owned())],
        );
    };
    let mut claims = vec![claim("records", manifest.records, records)];
    if !dropped {
        let bytes = seen.iter().map(|segment| segment.bytes).sum();
        claims.push(claim("bytes", manifest.bytes, bytes));
        claims.push(claim("segments", manifest.segments.len(), seen.len()));
    }
    for segment in seen {
        claims.extend(segment_claims(manifest, segment));
    }
    disagreement("manifest.json", &claims)
}

fn segment_claims(manifest: &ManifestStream, seen: &SeenSegment) -> Vec<Option<String>> {
    let file = segment_file(seen.number);
    let Some(entry) = manifest.segments.iter().find(|entry| entry.file == file) else {
        return vec![Some(format!("nothing of {file}"))];
    };
    let what = |field: &str| format!("{file} {field}");
    vec![
        claim(&what("bytes"), entry.bytes, seen.bytes),
        claim(
            &what("first_sequence"),
            entry.first_sequence,
            seen.first_sequence,
        ),
        claim(
            &what("last_sequence"),
            entry.last_sequence,
            seen.last_sequence,
        ),
    ]
}
